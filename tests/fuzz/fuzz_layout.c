// SPDX-License-Identifier: GPL-2.0-only
/* Types and words that two texts define differently; a text has none that differ from its own. */
#include "fuzz.h"

#include <stdlib.h>

#include "build/layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_pair in = fuzz_texts(data, size);
	char *a = fuzz_string(in.a, in.a_len), *b = fuzz_string(in.b, in.b_len);
	struct ks_strv words = { 0 }, changed = { 0 }, none = { 0 };

	ks_layout_words(a, b, &words);
	ks_layout_compare(a, b, "", &words, &changed);
	ks_layout_compare(a, b, b, &none, &changed);
	ks_strv_free(&changed);
	ks_strv_free(&words);
	ks_layout_words(a, a, &words);
	ks_layout_compare(a, a, "", &words, &changed);
	fuzz_check(!words.len && !changed.len);
	ks_strv_free(&words);
	ks_strv_free(&changed);
	free(a);
	free(b);
	return 0;
}
