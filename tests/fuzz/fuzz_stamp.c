// SPDX-License-Identifier: GPL-2.0-only
/* The stamp of a pre object. */
#include "fuzz.h"

#include "build/object.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_string(data, size), *modname = NULL, *modfile = NULL;
	struct ks_strv files = { 0 };

	if (stamp_parse(text, &modname, &modfile, &files))
		fuzz_check(files.len);
	free(modname);
	free(modfile);
	ks_strv_free(&files);
	free(text);
	return 0;
}
