// SPDX-License-Identifier: GPL-2.0-only
/* The file that says which kernel a source belongs to: what is read can be written, and read again. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "distro/info.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *dir = fuzz_dir();
	char *path = ks_path_join(dir, "kernel");
	struct ks_kernel_info info, again;

	fuzz_check(fuzz_fine(ks_file_write(path, data, size, 0600)));
	if (fuzz_fine(ks_kernel_info_read(dir, &info))) {
		fuzz_check(info.release && info.version);
		fuzz_check(fuzz_fine(ks_kernel_info_write(dir, &info)));
		fuzz_check(fuzz_fine(ks_kernel_info_read(dir, &again)));
		fuzz_check(!strcmp(info.release, again.release) && !strcmp(info.version, again.version));
		ks_kernel_info_free(&again);
		ks_kernel_info_free(&info);
	}
	free(path);
	return 0;
}
