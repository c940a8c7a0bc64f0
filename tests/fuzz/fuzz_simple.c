// SPDX-License-Identifier: GPL-2.0-only
/* Is a change of a header simple; and which words a text defines or mentions. */
#include "fuzz.h"

#include "build/mentions.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_pair in = fuzz_texts(data, size);
	struct ks_buf old = fuzz_buf(in.a, in.a_len), new = fuzz_buf(in.b, in.b_len);
	struct ks_change_words words = { 0 };
	struct ks_strv names = { 0 };

	if (ks_simple_change(&old, &new, &words)) {
		ks_text_defines(&new, &words.macros);
		ks_text_mentions(&old, &words.words);
	}
	ks_strv_add(&names, "btrfs_get_32");
	ks_strv_add(&names, "x");
	strike(&names, &old);
	ks_strv_free(&names);
	ks_change_words_free(&words);
	ks_buf_free(&old);
	ks_buf_free(&new);
	return 0;
}
