// SPDX-License-Identifier: GPL-2.0-only
/*
 * Types whose layout a patch changes; see layout.h.
 *
 * The source text is compared, not what the compiler makes of it: a member
 * that an #ifdef leaves out is reported, too.  That is the safe side.  One type
 * may be defined several times in a file (under #ifdef): the definitions are
 * compared in their order.
 */
#include "build/layout.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "build/state.h"

struct type {
	char *name; /* "struct foo" */
	char *body; /* its tokens, with one space between them */
};

struct types {
	KS_VEC(struct type) list;
};

static bool word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static const char *skip_literal(const char *p)
{
	char quote = *p++;

	while (*p && *p != quote && *p != '\n')
		p += *p == '\\' && p[1] ? 2 : 1;
	return *p == quote ? p + 1 : p;
}

/* A directive, with its continued lines. */
static const char *skip_line(const char *p)
{
	while (*p && *p != '\n')
		p += *p == '\\' && p[1] ? 2 : 1;
	return p;
}

/* Over white space, comments and directives. */
static const char *skip_space(const char *p)
{
	for (;;) {
		if (isspace((unsigned char)*p)) {
			p++;
		} else if (!strncmp(p, "/*", 2)) {
			const char *end = strstr(p + 2, "*/");

			p = end ? end + 2 : p + strlen(p);
		} else if (!strncmp(p, "//", 2) || *p == '#') {
			p = skip_line(p);
		} else {
			return p;
		}
	}
}

/* The token at @p; returns its end. */
static const char *token_end(const char *p)
{
	if (*p == '"' || *p == '\'')
		return skip_literal(p);
	if (!word_char(*p))
		return p + 1;
	while (word_char(*p))
		p++;
	return p;
}

/* Behind the brace that closes the one at @p; the tokens between go to @body. */
static const char *take_body(const char *p, struct ks_buf *body)
{
	int depth = 0;

	do {
		const char *end = token_end(p);

		depth += *p == '{';
		depth -= *p == '}';
		ks_buf_add(body, p, end - p);
		ks_buf_add(body, " ", 1);
		p = skip_space(end);
	} while (*p && depth);
	return p;
}

static bool is_word(const char *p, const char *end, const char *word)
{
	return (size_t)(end - p) == strlen(word) && !strncmp(p, word, end - p);
}

/* @p is behind the keyword.  Returns where to go on. */
static const char *take_type(const char *keyword, const char *p, struct types *types)
{
	const char *name = NULL, *name_end = NULL, *next;
	struct ks_buf body = { 0 };
	struct type *t;

	p = skip_space(p);
	if (word_char(*p)) {
		name = p;
		name_end = token_end(p);
		p = skip_space(name_end);
	}
	if (*p != '{')
		return p;
	next = take_body(p, &body);
	if (!name && word_char(*next)) { /* typedef struct { ... } name; */
		name = next;
		name_end = token_end(next);
	}
	if (!name) {
		ks_buf_free(&body);
		return next;
	}
	t = ks_vec_push(&types->list);
	t->name = ks_asprintf("%s %.*s", keyword, (int)(name_end - name), name);
	t->body = ks_buf_steal(&body);
	/* What is nested in it is part of it. */
	return next;
}

static void find_types(const char *p, struct types *types)
{
	static const char *const keywords[] = { "struct", "union", "enum" };

	for (p = skip_space(p); *p; p = skip_space(p)) {
		const char *end = token_end(p), *next = end;

		for (size_t i = 0; i < sizeof(keywords) / sizeof(*keywords); i++)
			if (is_word(p, end, keywords[i]))
				next = take_type(keywords[i], end, types);
		p = next;
	}
}

static void free_types(struct types *types)
{
	ks_vec_for(&types->list, t) {
		free(t->name);
		free(t->body);
	}
	ks_vec_free(&types->list);
}

/* The definition number @n of that name. */
static const struct type *find(const struct types *types, const char *name, size_t n)
{
	ks_vec_for(&types->list, t)
		if (!strcmp(t->name, name) && !n--)
			return t;
	return NULL;
}

static size_t number_of(const struct types *types, const struct type *which)
{
	size_t n = 0;

	for (const struct type *t = types->list.v; t < which; t++)
		n += !strcmp(t->name, which->name);
	return n;
}

/* "{ A , B } " and "{ A , B , C , } " */
static bool only_longer(const char *pre, const char *post)
{
	size_t len = strlen(pre);

	if (len < 2)
		return false;
	len -= 2; /* the brace and its space */
	while (len && (pre[len - 1] == ' ' || pre[len - 1] == ','))
		len--;
	return strlen(post) > len && !strncmp(pre, post, len) && !strncmp(post + len, " ,", 2);
}

void ks_layout_compare(const char *pre, const char *post, struct ks_strv *changed)
{
	struct types a = { 0 }, b = { 0 };

	find_types(pre, &a);
	find_types(post, &b);
	ks_vec_for(&a.list, t) {
		const struct type *other = find(&b, t->name, number_of(&a, t));

		if (!other || !strcmp(t->body, other->body) || ks_strv_has(changed, t->name))
			continue;
		if (ks_str_starts(t->name, "enum ") && only_longer(t->body, other->body))
			continue;
		ks_strv_add(changed, t->name);
	}
	free_types(&a);
	free_types(&b);
}

static struct ks_error *compare_file(struct ks_build *b, const struct ks_change *c, struct ks_strv *layouts)
{
	char *source = ks_path_join(b->source, c->path), *patched = ks_asprintf("%s/patched/%s", b->cache, c->path);
	struct ks_buf pre = { 0 }, post = { 0 };
	struct ks_strv changed = { 0 };
	struct ks_error *err = ks_file_read(source, KS_BUILD_MAX_FILE, &pre);

	if (!err)
		err = ks_file_read(patched, KS_BUILD_MAX_FILE, &post);
	if (!err && pre.len && post.len)
		ks_layout_compare(pre.data, post.data, &changed);
	for (size_t i = 0; i < changed.len; i++)
		ks_strv_addf(layouts, "%s (%s)", changed.v[i], c->path);
	ks_strv_free(&changed);
	ks_buf_free(&pre);
	ks_buf_free(&post);
	free(source);
	free(patched);
	return err;
}

struct ks_error *ks_build_layouts(struct ks_build *b, struct ks_strv *layouts)
{
	struct ks_error *err = NULL;

	ks_vec_for(&b->changes, c)
		if (!err && c->kind == KS_CHANGE_MODIFIED && c->reaches &&
		    (ks_str_ends(c->path, ".c") || ks_str_ends(c->path, ".h")))
			err = compare_file(b, c, layouts);
	return err;
}
