// SPDX-License-Identifier: GPL-2.0-only
/* The Makefile of a headers package, which is made to work wherever it is. */
#include "fuzz.h"

#include "distro/headers.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *dir = fuzz_dir();
	char *path = ks_path_join(dir, "Makefile");
	char *text = fuzz_string(data, size);
	struct ks_buf out = { 0 };

	fuzz_check(fuzz_fine(ks_file_write(path, data, size, 0600)));
	if (fuzz_fine(relocate_makefile(dir))) {
		fuzz_check(fuzz_fine(ks_file_read(path, 16 * MAX_MAKEFILE, &out)));
		/* Without such a path, nothing changes. */
		fuzz_check(strstr(text, SRC) || !strcmp(out.data, text));
	}
	ks_buf_free(&out);
	free(path);
	free(text);
	return 0;
}
