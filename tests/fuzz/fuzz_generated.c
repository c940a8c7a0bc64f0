// SPDX-License-Identifier: GPL-2.0-only
/* What a makefile generates from, and values in what the compiler makes of asm-offsets.c. */
#include "fuzz.h"

#include "build/generated.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_pair in = fuzz_texts(data, size);
	char *makefile = fuzz_string(in.a, in.a_len), *path = fuzz_string(in.b, in.b_len);
	struct ks_buf text = fuzz_buf(in.a, in.a_len);
	struct ks_strv values = { 0 };

	names(makefile, "lib/x.h");
	names(makefile, "x.h");
	/* A path of the source: relative, and not a directory's. */
	if (*path && *path != '/' && !strstr(path, "//") && *ks_path_base(path))
		names(makefile, path);
	read_values(&text, &values);
	ks_strv_free(&values);
	ks_buf_free(&text);
	free(makefile);
	free(path);
	return 0;
}
