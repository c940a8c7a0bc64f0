// SPDX-License-Identifier: GPL-2.0-only
/* The cache of compiler arguments. */
#include "fuzz.h"

#include "build/commands.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ks_build b = { .key = (char *)"key" };
	struct commands c = { 0 };

	if (fuzz_fine(load(&b, fuzz_file(0, data, size), &c))) {
		fuzz_check(ks_str_starts(c.text.data, HEAD "key\n"));
		parse(&c, strlen(HEAD "key\n"));
		find(&c, "fs/open.o");
	}
	ks_vec_free(&c.list);
	ks_buf_free(&c.text);
	return 0;
}
