/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The store of preprocessed texts.  Units share most of what they include, so
 * each declaration is kept once, with what it declares and refers to, and the
 * text of a unit is a list of numbers: some 20 KB in place of 5 MB.
 */
#ifndef KS_BUILD_TEXTS_H
#define KS_BUILD_TEXTS_H

#include "base/buf.h"
#include "base/error.h"
#include "build/token.h"

struct ks_texts;

struct ks_text {
	KS_VEC(uint32_t) decls; /* in order; numbers of the store */
	/* Words of the store, each once: */
	KS_VEC(uint32_t) files;	 /* names in the line markers */
	KS_VEC(uint32_t) macros; /* names in #define and #undef, in rising order */
};

struct ks_texts *ks_texts_new(void);
void ks_texts_free(struct ks_texts *t);

/* Takes preprocessed C apart.  May be called by several threads at once. */
void ks_texts_add(struct ks_texts *t, const struct ks_buf *source, struct ks_text *text);
void ks_text_free(struct ks_text *text);
/* For qsort(): numbers of the lists above, rising. */
int ks_text_number_order(const void *a, const void *b);
/* *to is empty. */
void ks_text_copy(const struct ks_text *from, struct ks_text *to);
bool ks_text_same(const struct ks_text *a, const struct ks_text *b);

/* One declaration. */
struct ks_texts_decl {
	bool inert, pragma, type; /* as in struct ks_decl */
	const uint32_t *names, *references, *conditions; /* words; conditions in pairs */
	size_t n_names, n_references, n_conditions;
};
struct ks_texts_decl ks_texts_decl(const struct ks_texts *t, uint32_t decl);
size_t ks_texts_decls(const struct ks_texts *t);
size_t ks_texts_words(const struct ks_texts *t);
const char *ks_texts_word(const struct ks_texts *t, uint32_t word);
/* The lock under which ks_texts_add() changes the store, for who reads it meanwhile. */
void ks_texts_lock(struct ks_texts *t);
void ks_texts_unlock(struct ks_texts *t);

/*
 * Texts that are kept under a name, with a stamp of what they were made from.
 * NULL: there is none.
 */
void ks_texts_keep(struct ks_texts *t, const char *name, const struct ks_text *text,
		   uint64_t stamp);
const struct ks_text *ks_texts_find(struct ks_texts *t, const char *name, uint64_t *stamp);

/* A file that is not there, is damaged or has another key leaves the store empty. */
struct ks_error *ks_texts_read(struct ks_texts *t, const char *path, const char *key) KS_MUST_CHECK;
/* Does nothing where nothing was kept since it was read. */
struct ks_error *ks_texts_write(struct ks_texts *t, const char *path,
				const char *key) KS_MUST_CHECK;

#endif
