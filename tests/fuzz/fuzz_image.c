// SPDX-License-Identifier: GPL-2.0-only
/* Kernel images: which kernel it is, the vmlinux inside, and its symbol table. */
#include "fuzz.h"

#include <stdlib.h>

#include "distro/image.h"
#include "distro/kallsyms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = fuzz_file(0, data, size);
	char *release = NULL, *version = NULL, *banner = NULL, *copy = malloc(size ? size : 1);
	struct ks_buf map = { 0 };

	for (size_t i = 0; i < size; i++)
		copy[i] = (char)data[i];
	fuzz_fine(ks_image_identify(path, &release, &version));
	free(release);
	free(version);
	if (fuzz_fine(ks_kallsyms_read(copy, size, &map, &banner))) {
		fuzz_check(map.len && banner);
		free(ks_image_banner_version(banner));
		free(banner);
	} else {
		fuzz_check(!map.len);
	}
	ks_buf_free(&map);
	banner = NULL;
	fuzz_fine(ks_image_system_map(path, &map, &banner));
	free(banner);
	ks_buf_free(&map);
	free(copy);
	return 0;
}
