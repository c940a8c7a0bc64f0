// SPDX-License-Identifier: GPL-2.0-only
/* Preprocessed C: tokens and declarations. */
#include "fuzz.h"

#include <stdlib.h>

#include "build/decl.h"

struct seen {
	const char *begin, *end;
};

static void on_decl(void *arg, const struct ks_tokens *tokens)
{
	struct seen *seen = arg;
	struct ks_decl decl = { 0 };

	fuzz_check(tokens->list.len);
	ks_vec_for(&tokens->list, t)
		fuzz_check(t->text >= seen->begin && t->text + t->len <= seen->end);
	ks_tokens_digest(tokens);
	ks_decl_parse(tokens, &decl);
	fuzz_check(decl.conditions.len % 2 == 0);
	fuzz_check(!decl.type || decl.names.len);
	ks_decl_free(&decl);
}

static void on_name(void *arg, const char *name, size_t len)
{
	struct seen *seen = arg;

	fuzz_check(name >= seen->begin && name + len <= seen->end);
	free(ks_word_normal(name, len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ks_buf text = fuzz_buf(data, size);
	struct seen seen = { text.data, text.data + text.len };

	ks_tokens_split(&text, on_decl, on_name, on_name, &seen);
	ks_tokens_split(&text, on_decl, NULL, NULL, &seen);
	ks_buf_free(&text);
	return 0;
}
