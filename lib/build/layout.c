// SPDX-License-Identifier: GPL-2.0-only
/*
 * Types whose definition a patch changes, by the text; see layout.h.
 *
 * A member that an #ifdef leaves out is reported, too.  That is the safe side.
 * One type may be defined several times in a file (under #ifdef): the definitions
 * are compared in their order.
 */
#include "build/layout.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

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

static const char *skip_parentheses(const char *p)
{
	int depth = 0;

	do {
		depth += *p == '(';
		depth -= *p == ')';
		p = skip_space(token_end(p));
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
	/* typedef struct { ... } __aligned(8) name; */
	for (const char *p = next; !name && (word_char(*p) || *p == '('); p = skip_space(p)) {
		const char *end = *p == '(' ? skip_parentheses(p) : token_end(p);

		if (*p != '(' && strncmp(p, "__", 2)) {
			name = p;
			name_end = end;
		}
		p = end;
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

/* Macros, and typedefs of no struct. */

/* "#define NAME BODY" to NAME and its body; several of a name lie one after the other. */
static void take_macro(const char *p, struct types *words)
{
	const char *end = skip_line(p), *name;
	struct ks_buf body = { 0 };
	struct type *w;

	p++;
	p += strspn(p, " \t");
	if (strncmp(p, "define", 6) || !strchr(" \t", p[6]))
		return;
	p += 6;
	p += strspn(p, " \t");
	name = p;
	while (word_char(*p))
		p++;
	w = ks_vec_push(&words->list);
	w->name = ks_strndup(name, p - name);
	while (p < end) {
		const char *next;

		if (isspace((unsigned char)*p) || (*p == '\\' && p[1] == '\n')) {
			p++;
			continue;
		}
		/* A comment may go on in the next line. */
		next = p[0] == '/' && (p[1] == '*' || p[1] == '/') ? skip_space(p) : token_end(p);
		if (next > end)
			next = end;
		if (*p != '/' || (p[1] != '*' && p[1] != '/')) {
			ks_buf_add(&body, p, next - p);
			ks_buf_add(&body, " ", 1);
		}
		p = next;
	}
	w->body = ks_buf_steal(&body);
}

static void find_macros(const char *text, struct types *words)
{
	for (const char *p = text; p && *p; p = strchr(p, '\n')) {
		p += strspn(p, "\n");
		if (p[strspn(p, " \t")] == '#')
			take_macro(p + strspn(p, " \t"), words);
	}
}

/* "typedef unsigned int name;" */
static const char *take_typedef(const char *p, struct types *words)
{
	const char *name = NULL, *name_end = NULL;
	struct ks_buf body = { 0 };

	for (p = skip_space(p); *p && *p != ';' && *p != '{'; p = skip_space(p)) {
		const char *end = token_end(p);

		if (word_char(*p)) {
			name = p;
			name_end = end;
		}
		ks_buf_add(&body, p, end - p);
		ks_buf_add(&body, " ", 1);
		p = end;
	}
	if (*p == ';' && name) {
		struct type *w = ks_vec_push(&words->list);

		w->name = ks_strndup(name, name_end - name);
		w->body = ks_buf_steal(&body);
	}
	ks_buf_free(&body);
	return p;
}

static void find_typedefs(const char *p, struct types *words)
{
	for (p = skip_space(p); *p; p = skip_space(p)) {
		const char *end = token_end(p);

		p = is_word(p, end, "typedef") ? take_typedef(end, words) : end;
	}
}

void ks_layout_words(const char *pre, const char *post, struct ks_strv *words)
{
	struct types a = { 0 }, b = { 0 };

	find_macros(pre, &a);
	find_macros(post, &b);
	find_typedefs(pre, &a);
	find_typedefs(post, &b);
	ks_vec_for(&a.list, w) {
		const struct type *other = find(&b, w->name, number_of(&a, w));

		if (other && strcmp(w->body, other->body) && !ks_strv_has(words, w->name))
			ks_strv_add(words, w->name);
	}
	free_types(&a);
	free_types(&b);
}

static bool mentions(const char *body, const struct ks_strv *words)
{
	for (const char *p = body; *p; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");

		for (size_t i = 0; i < words->len; i++)
			if (strlen(words->v[i]) == n && !strncmp(p, words->v[i], n))
				return true;
		p += n;
	}
	return false;
}

/* With the macros of the text that are made of one of them. */
static void add_derived(const char *text, struct ks_strv *words)
{
	struct types macros = { 0 };
	size_t before;

	if (!words->len)
		return;
	find_macros(text, &macros);
	do {
		before = words->len;
		ks_vec_for(&macros.list, m)
			if (!ks_strv_has(words, m->name) && mentions(m->body, words))
				ks_strv_add(words, m->name);
	} while (words->len > before);
	free_types(&macros);
}

/* Comparing. */

static bool is_changed(const struct types *a, const struct types *b, const struct types *others,
		       const struct type *t, const struct ks_strv *words)
{
	const struct type *other = find(b, t->name, number_of(a, t));

	/* It may have moved to another file. */
	if (!other && !find(b, t->name, 0))
		other = find(others, t->name, 0);
	if (!other)
		return false;
	if (!strcmp(t->body, other->body))
		return mentions(t->body, words);
	return !ks_str_starts(t->name, "enum ") || !only_longer(t->body, other->body);
}

void ks_layout_compare(const char *pre, const char *post, const char *others,
		       const struct ks_strv *words, struct ks_strv *changed)
{
	struct types a = { 0 }, b = { 0 }, rest = { 0 };
	struct ks_strv all = { 0 };

	find_types(pre, &a);
	find_types(post, &b);
	find_types(others, &rest);
	for (size_t i = 0; i < words->len; i++)
		ks_strv_add(&all, words->v[i]);
	add_derived(pre, &all);
	ks_vec_for(&a.list, t)
		if (is_changed(&a, &b, &rest, t, &all) && !ks_strv_has(changed, t->name))
			ks_strv_add(changed, t->name);
	ks_strv_free(&all);
	free_types(&a);
	free_types(&b);
	free_types(&rest);
}
