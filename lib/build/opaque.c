// SPDX-License-Identifier: GPL-2.0-only
/* The text with opaque types; see opaque.h. */
#include "build/opaque.h"

#include <stdlib.h>
#include <string.h>

struct opaque {
	struct ks_texts *t;
	const struct ks_text *post;
	struct ks_screening *s;
	struct ks_buf *out;
	struct ks_strv tags; /* of the types, without "struct " */
	bool *is_opaque;     /* by declaration */
	size_t next;         /* the place of the declaration in post */
	bool bad, more;
};

static bool is_tag(const struct opaque *o, const struct ks_token *t)
{
	for (size_t i = 0; i < o->tags.len; i++)
		if (ks_token_is(t, o->tags.v[i]))
			return true;
	return false;
}

/* The word behind the keyword at @i, over attributes; NULL: there is none. */
static const struct ks_token *tag_at(const struct ks_tokens *tokens, size_t *i)
{
	size_t n = tokens->list.len, j = *i + 1;
	const struct ks_token *v = tokens->list.v;

	while (j < n && ks_token_is_attribute(&v[j])) {
		long depth = 0;

		for (j++; j < n; j++) {
			depth += ks_token_is_punct(&v[j], '(') - ks_token_is_punct(&v[j], ')');
			if (!depth)
				break;
		}
		j++;
	}
	*i = j;
	return j < n && v[j].type == KS_WORD ? &v[j] : NULL;
}

/* Is an opaque type mentioned other than as "struct NAME *" and "struct NAME;"? */
static bool needs_type(const struct opaque *o, const struct ks_tokens *tokens)
{
	static const char *const qualifiers[] = { "const", "volatile", NULL };
	const struct ks_token *v = tokens->list.v;

	for (size_t i = 0; i < tokens->list.len; i++) {
		const struct ks_token *tag;
		size_t j = i;

		if (!ks_token_is_tag_keyword(&v[i]))
			continue;
		tag = tag_at(tokens, &j);
		if (!tag || !is_tag(o, tag))
			continue;
		for (j++; j < tokens->list.len && v[j].type == KS_WORD &&
			  ks_token_is_any(&v[j], qualifiers);)
			j++;
		if (j >= tokens->list.len ||
		    (!ks_token_is_punct(&v[j], '*') && !ks_token_is_punct(&v[j], ';')))
			return true;
	}
	return false;
}

static void add_opaque(struct opaque *o, const struct ks_tokens *tokens)
{
	for (size_t i = 0; i < tokens->list.len; i++) {
		const struct ks_token *keyword = &tokens->list.v[i], *tag;

		if (!ks_token_is_tag_keyword(keyword))
			continue;
		tag = tag_at(tokens, &i);
		if (tag)
			ks_buf_addf(o->out, "%.*s %.*s;\n", (int)keyword->len, keyword->text,
				    (int)tag->len, tag->text);
		return;
	}
}

static void on_decl(void *arg, const struct ks_tokens *tokens)
{
	struct opaque *o = arg;
	uint32_t decl = o->post->decls.v[o->next++];
	const struct ks_token *first = tokens->list.v, *last = first + tokens->list.len - 1;

	if (o->is_opaque[decl]) {
		add_opaque(o, tokens);
		return;
	}
	if (!o->s->reached[decl] || o->bad)
		return;
	if (needs_type(o, tokens)) {
		bool type;

		ks_texts_lock(o->t);
		type = ks_texts_decl(o->t, decl).type;
		ks_texts_unlock(o->t);
		if (type) {
			*ks_vec_push(&o->s->opaque) = decl;
			o->more = true;
		} else {
			o->bad = true;
		}
		return;
	}
	ks_buf_add(o->out, first->text, last->text + last->len - first->text);
	ks_buf_adds(o->out, "\n");
}

/*
 * Appends to @out the declarations that were reached, with names only for the
 * opaque types.  False: one of these is used other than through a pointer.
 * Types that contain one become opaque; where *more is set the screening has to
 * be done again with these.
 */
static bool reduced_text(struct ks_texts *t, const struct ks_buf *source,
			 const struct ks_text *post, struct ks_screening *screening,
			 struct ks_buf *out, bool *more)
{
	struct opaque o = { .t = t, .post = post, .s = screening, .out = out };

	ks_texts_lock(t);
	o.is_opaque = ks_alloc(ks_texts_decls(t) + 1);
	ks_vec_for(&screening->opaque, d) {
		struct ks_texts_decl decl = ks_texts_decl(t, *d);

		o.is_opaque[*d] = true;
		/* Also of types that are defined within it. */
		for (size_t i = 0; i < decl.n_names; i++) {
			const char *name = ks_texts_word(t, decl.names[i]);

			if (ks_str_starts(name, "struct ") && !ks_strv_has(&o.tags, name + 7))
				ks_strv_add(&o.tags, name + 7);
		}
	}
	ks_texts_unlock(t);
	ks_tokens_split(source, on_decl, NULL, NULL, &o);
	*more = o.more && !o.bad;
	ks_strv_free(&o.tags);
	free(o.is_opaque);
	return !o.bad;
}

bool ks_opaque_screen(struct ks_texts *t, const struct ks_text *pre, const struct ks_text *post,
		      const struct ks_buf *source, bool (*compiles)(void *arg, const char *text),
		      void *arg, struct ks_screening *screening)
{
	enum ks_verdict verdict = ks_screen(t, pre, post, screening);
	struct ks_buf text = { 0 };
	bool more = true;

	/* Ends: each time there is one opaque type more, at least. */
	while (verdict == KS_UNLESS_OPAQUE && more) {
		ks_buf_free(&text);
		if (!reduced_text(t, source, post, screening, &text, &more))
			verdict = KS_AFFECTED;
		else if (more)
			verdict = ks_screen(t, pre, post, screening);
	}
	if (verdict == KS_UNLESS_OPAQUE)
		verdict = compiles(arg, ks_buf_text(&text)) ? KS_UNAFFECTED : KS_AFFECTED;
	ks_buf_free(&text);
	return verdict == KS_AFFECTED;
}
