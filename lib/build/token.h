/* SPDX-License-Identifier: GPL-2.0-only */
/* Preprocessed C as tokens, one declaration of its top level after the other. */
#ifndef KS_BUILD_TOKEN_H
#define KS_BUILD_TOKEN_H

#include "base/buf.h"

enum ks_token_type { KS_WORD, KS_NUMBER, KS_STRING, KS_PUNCT, KS_PRAGMA };

struct ks_token {
	enum ks_token_type type;
	bool joined; /* no white space before it */
	const char *text;
	size_t len;
};

struct ks_tokens {
	KS_VEC(struct ks_token) list;
};

/*
 * Calls @fn for each declaration, @file (may be NULL) for the name in each line
 * marker, and @macro (may be NULL) for that in each #define and #undef, which
 * are there after gcc -E -dU.  All point into @text.
 */
void ks_tokens_split(const struct ks_buf *text,
		     void (*fn)(void *arg, const struct ks_tokens *tokens),
		     void (*file)(void *arg, const char *name, size_t len),
		     void (*macro)(void *arg, const char *name, size_t len), void *arg);

/* Two declarations are the same to the compiler if their digests are. */
struct ks_digest {
	uint64_t a, b;
};
struct ks_digest ks_tokens_digest(const struct ks_tokens *tokens);

/* The word with "#" for the numbers in it that the preprocessor counts up; the caller frees. */
char *ks_word_normal(const char *p, size_t len);
bool ks_word_char(char c);

bool ks_token_is(const struct ks_token *t, const char *text);
/* @words ends with NULL. */
bool ks_token_is_any(const struct ks_token *t, const char *const *words);
bool ks_token_is_punct(const struct ks_token *t, char c);
bool ks_token_is_attribute(const struct ks_token *t);
bool ks_token_is_tag_keyword(const struct ks_token *t);

#endif
