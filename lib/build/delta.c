// SPDX-License-Identifier: GPL-2.0-only
/* Changes of headers, carried over from one unit to the others; see delta.h. */
#include "build/delta.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "build/hunks.h"

/* What is known about a line before it is read as C. */
struct line {
	bool directive; /* or the continuation of one */
	bool comment;   /* begins within a comment */
	bool common;    /* no conditional but common ones is open */
};

static const char *skip_blank(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	return p;
}

static size_t word_length(const char *p, const char *end)
{
	const char *q = p;

	while (q < end && ks_word_char(*q))
		q++;
	return q - p;
}

static bool is_word(const char *p, size_t n, const char *word)
{
	return n == strlen(word) && !memcmp(p, word, n);
}

/* Whether a comment is open at the end of the line. */
static bool ends_in_comment(const struct ks_line *l, bool comment)
{
	const char *p = l->text, *end = p + l->len;
	char quote = 0;

	for (; p < end; p++) {
		char next = p + 1 < end ? p[1] : 0;

		if (comment) {
			if (*p == '*' && next == '/') {
				comment = false;
				p++;
			}
		} else if (quote) {
			if (*p == '\\')
				p++;
			else if (*p == quote)
				quote = 0;
		} else if (*p == '/' && next == '/') {
			return false;
		} else if (*p == '/' && next == '*') {
			comment = true;
			p++;
		} else if (*p == '"' || *p == '\'') {
			quote = *p;
		}
	}
	return comment;
}

static bool continues(const struct ks_line *l)
{
	size_t n = l->len;

	while (n && isspace((unsigned char)l->text[n - 1]))
		n--;
	return n && l->text[n - 1] == '\\';
}

/* A condition that is the same for all units: of the configuration's options only. */
static bool is_common(const char *p, const char *end)
{
	static const char *const words[] = { "defined", "IS_ENABLED", "IS_BUILTIN", "__KERNEL__",
					     "__ASSEMBLY__", "__x86_64__", "CONFIG_" };

	while (p < end) {
		size_t n = word_length(p, end);
		bool good = !n && strchr(" \t\r\n()!&|<>=", *p);

		if (n && *p >= '0' && *p <= '9')
			good = true;
		for (size_t i = 0; i < sizeof(words) / sizeof(*words) && n && !good; i++)
			good = ks_str_ends(words[i], "CONFIG_") ? n > 7 && !memcmp(p, words[i], 7)
								 : is_word(p, n, words[i]);
		/* A comment may follow. */
		if (!good && *p == '/' && p + 1 < end && (p[1] == '*' || p[1] == '/'))
			return true;
		if (!good)
			return false;
		p += n ? n : 1;
	}
	return true;
}

struct reader {
	KS_VEC(bool) conditions; /* of the conditionals that are open: common? */
	size_t directives;
	const char *guard; /* the name behind #ifndef in the first directive */
	size_t guard_len;
	bool guarded; /* the second one defines it */
};

static void read_directive(struct reader *r, const struct ks_line *l)
{
	const char *end = l->text + l->len, *p = skip_blank(skip_blank(l->text, end) + 1, end);
	size_t n = word_length(p, end);
	const char *rest = skip_blank(p + n, end);
	size_t name = word_length(rest, end);
	bool *top = r->conditions.len ? &r->conditions.v[r->conditions.len - 1] : NULL;

	r->directives++;
	if (is_word(p, n, "if") || is_word(p, n, "ifdef") || is_word(p, n, "ifndef")) {
		bool guard = r->directives == 1 && is_word(p, n, "ifndef");

		if (guard) {
			r->guard = rest;
			r->guard_len = name;
		}
		*ks_vec_push(&r->conditions) = guard || (!continues(l) && is_common(rest, end));
	} else if (is_word(p, n, "elif") && top) {
		*top &= !continues(l) && is_common(rest, end);
	} else if (is_word(p, n, "endif") && top) {
		r->conditions.len--;
	} else if (is_word(p, n, "define") && r->directives == 2 && r->guard) {
		r->guarded = name == r->guard_len && !memcmp(rest, r->guard, name);
	}
}

/* Returns whether the text has a guard against being included twice. */
static bool read_lines(const struct ks_lines *lines, struct line *out)
{
	bool comment = false, joined = false, directive = false, fresh;
	struct reader r = { 0 };

	for (size_t i = 0; i < lines->list.len; i++) {
		const struct ks_line *l = &lines->list.v[i];
		const char *first = skip_blank(l->text, l->text + l->len);

		/* A comment that it began carries a directive over the end of the line. */
		fresh = !joined && !comment;
		if (fresh || (!joined && !directive))
			directive = fresh && first < l->text + l->len && *first == '#';
		out[i].directive = directive;
		out[i].comment = comment;
		out[i].common = true;
		ks_vec_for(&r.conditions, c)
			out[i].common &= *c;
		if (directive && fresh)
			read_directive(&r, l);
		comment = ends_in_comment(l, comment);
		joined = continues(l);
	}
	ks_vec_free(&r.conditions);
	return r.guarded;
}

static void add_words(const struct ks_line *l, struct ks_strv *words)
{
	const char *p = l->text, *end = p + l->len;

	while (p < end) {
		size_t n = word_length(p, end);

		if (n && !(*p >= '0' && *p <= '9')) {
			char *word = ks_strndup(p, n);

			if (!ks_strv_has(words, word))
				ks_strv_add(words, word);
			free(word);
		}
		p += n ? n : 1;
	}
}

static bool check(const struct ks_lines *a, const struct ks_lines *b, const struct line *old,
		  const struct line *new, const size_t *map, struct ks_strv *words)
{
	bool *kept = ks_alloc(a->list.len + 1), good = true;

	for (size_t i = 0; i < b->list.len && good; i++) {
		if (map[i] == KS_NO_LINE) {
			/* A line that goes on from a directive, or into one, is none. */
			good = !new[i].directive && new[i].common && !continues(&b->list.v[i]);
			add_words(&b->list.v[i], words);
		} else {
			kept[map[i]] = true;
			good = old[map[i]].directive == new[i].directive &&
			       old[map[i]].comment == new[i].comment;
		}
	}
	for (size_t i = 0; i < a->list.len && good; i++)
		if (!kept[i])
			good = !old[i].directive && old[i].common && !continues(&a->list.v[i]);
	free(kept);
	return good;
}

bool ks_delta_is_simple(const struct ks_buf *old, const struct ks_buf *new, struct ks_strv *words)
{
	struct ks_lines a = { 0 }, b = { 0 };
	struct line *x, *y;
	size_t *map;
	bool good;

	ks_lines_split(old, &a);
	ks_lines_split(new, &b);
	x = ks_alloc((a.list.len + 1) * sizeof(*x));
	y = ks_alloc((b.list.len + 1) * sizeof(*y));
	map = ks_hunks_align(&a, &b);
	good = read_lines(&a, x) && read_lines(&b, y) && check(&a, &b, x, y, map, words);
	ks_lines_free(&a);
	ks_lines_free(&b);
	free(x);
	free(y);
	free(map);
	return good;
}

bool ks_delta_defines(const struct ks_buf *text, const struct ks_strv *words)
{
	const char *p = text->data, *end = p + text->len;

	while (p && p < end && (p = memchr(p, '#', end - p))) {
		size_t n;

		p = skip_blank(p + 1, end);
		n = word_length(p, end);
		if (!is_word(p, n, "define") && !is_word(p, n, "undef"))
			continue;
		p = skip_blank(p + n, end);
		n = word_length(p, end);
		for (size_t i = 0; i < words->len; i++)
			if (is_word(p, n, words->v[i]))
				return true;
	}
	return false;
}

static int compare_numbers(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static uint32_t *sorted(const struct ks_text *text)
{
	uint32_t *v = ks_alloc((text->decls.len + 1) * sizeof(*v));

	if (text->decls.len) {
		memcpy(v, text->decls.v, text->decls.len * sizeof(*v));
		qsort(v, text->decls.len, sizeof(*v), compare_numbers);
	}
	return v;
}

void ks_delta_make(const struct ks_text *pre, const struct ks_text *post, struct ks_delta *delta)
{
	uint32_t *a = sorted(pre), *b = sorted(post);
	size_t i = 0, j = 0;

	while (i < pre->decls.len || j < post->decls.len) {
		if (j == post->decls.len || (i < pre->decls.len && a[i] < b[j])) {
			*ks_vec_push(&delta->minus) = a[i++];
		} else if (i == pre->decls.len || b[j] < a[i]) {
			*ks_vec_push(&delta->plus) = b[j++];
		} else {
			i++;
			j++;
		}
	}
	free(a);
	free(b);
}

void ks_delta_free(struct ks_delta *delta)
{
	ks_vec_free(&delta->minus);
	ks_vec_free(&delta->plus);
}

bool ks_delta_apply(const struct ks_delta *delta, const struct ks_text *pre, struct ks_text *post)
{
	bool *gone = ks_alloc(delta->minus.len + 1);
	size_t left = delta->minus.len;

	ks_vec_for(&pre->decls, d) {
		size_t i = 0;

		/* Few: it is what one header changes. */
		while (i < delta->minus.len && (gone[i] || delta->minus.v[i] != *d))
			i++;
		if (i < delta->minus.len) {
			gone[i] = true;
			left--;
		} else {
			*ks_vec_push(&post->decls) = *d;
		}
	}
	ks_vec_for(&delta->plus, d)
		*ks_vec_push(&post->decls) = *d;
	free(gone);
	return !left;
}
