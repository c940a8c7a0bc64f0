// SPDX-License-Identifier: GPL-2.0-only
/* apt's lists of archives, with sources asked for. */
#include "fuzz.h"

#include "distro/debsrc.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_string(data, size);
	struct ks_buf out = { 0 };

	to_sources(text, true, &out);
	ks_buf_free(&out);
	to_sources(text, false, &out);
	ks_buf_free(&out);
	fuzz_check(series_length(text) <= strlen(text));
	free(text);
	return 0;
}
