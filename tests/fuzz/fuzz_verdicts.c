// SPDX-License-Identifier: GPL-2.0-only
/* The cache of verdicts on units: what is read is written, and read again. */
#include "fuzz.h"

#include "build/verdicts.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ks_build b = { .cache = (char *)fuzz_dir(), .key = (char *)"key" };
	char *path = ks_path_join(b.cache, "verdicts");
	struct ks_verdicts *v;
	bool affected = false;

	fuzz_check(fuzz_fine(ks_file_write(path, data, size, 0600)));
	fuzz_check(fuzz_fine(ks_verdicts_open(&b, &v)));
	ks_verdicts_find(v, "fs/open.o", 1, &affected);
	ks_verdicts_add(v, "fs/open.o", 2, true);
	fuzz_check(fuzz_fine(ks_verdicts_close(v)));
	fuzz_check(fuzz_fine(ks_verdicts_open(&b, &v)));
	fuzz_check(ks_verdicts_find(v, "fs/open.o", 2, &affected));
	fuzz_check(fuzz_fine(ks_verdicts_close(v)));
	free(path);
	return 0;
}
