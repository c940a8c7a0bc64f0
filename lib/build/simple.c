// SPDX-License-Identifier: GPL-2.0-only
/* What kind of change a header has; see simple.h. */
#include "build/simple.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "build/hunks.h"
#include "build/token.h"

/* A name in a text. */
struct macro {
	const char *name;
	size_t len;
	bool function; /* has parameters */
};

enum kind {
	CODE,
	MACRO,	   /* #define, #undef */
	CONDITION, /* #if and the like */
	OTHER,	   /* of the directives */
};

/* What is known about a line before it is read as C. */
struct line {
	enum kind kind; /* also of a line that continues a directive */
	bool comment;	/* begins within a comment */
	bool common;	/* no conditional but common ones is open, before it and after */
	struct macro macro;
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
	static const char *const words[] = {"defined",	  "IS_ENABLED",	  "IS_BUILTIN",
					    "__KERNEL__", "__ASSEMBLY__", "__x86_64__",
					    "CONFIG_"};

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

static enum kind read_directive(struct reader *r, const struct ks_line *l, struct macro *macro)
{
	const char *end = l->text + l->len, *p = skip_blank(skip_blank(l->text, end) + 1, end);
	size_t n = word_length(p, end);
	const char *rest = skip_blank(p + n, end);
	size_t name = word_length(rest, end);
	bool *top = r->conditions.len ? &r->conditions.v[r->conditions.len - 1] : NULL;

	r->directives++;
	if (is_word(p, n, "define") || is_word(p, n, "undef")) {
		bool first = r->directives == 2 && r->guard && is_word(p, n, "define");

		*macro = (struct macro){rest, name, name && rest + name < end && rest[name] == '('};
		r->guarded |= first && name == r->guard_len && !memcmp(rest, r->guard, name);
		return MACRO;
	}
	if (is_word(p, n, "if") || is_word(p, n, "ifdef") || is_word(p, n, "ifndef")) {
		bool guard = r->directives == 1 && is_word(p, n, "ifndef");

		if (guard) {
			r->guard = rest;
			r->guard_len = name;
		}
		*ks_vec_push(&r->conditions) = guard || (!continues(l) && is_common(rest, end));
		return CONDITION;
	}
	if (!top || !(is_word(p, n, "elif") || is_word(p, n, "else") || is_word(p, n, "endif")))
		return OTHER;
	if (is_word(p, n, "elif"))
		*top &= !continues(l) && is_common(rest, end);
	else if (is_word(p, n, "endif"))
		r->conditions.len--;
	return CONDITION;
}

static bool all_common(const struct reader *r)
{
	bool common = true;

	ks_vec_for(&r->conditions, c)
		common &= *c;
	return common;
}

/* Returns whether the text has a guard against being included twice. */
static bool read_lines(const struct ks_lines *lines, struct line *out)
{
	bool comment = false, joined = false, fresh;
	struct macro macro = {0};
	enum kind kind = CODE;
	struct reader r = {0};

	for (size_t i = 0; i < lines->list.len; i++) {
		const struct ks_line *l = &lines->list.v[i];
		const char *end = l->text + l->len, *first = skip_blank(l->text, end);

		out[i].comment = comment;
		out[i].common = all_common(&r);
		/* A comment that it began carries a directive over the end of the line. */
		fresh = !joined && !comment;
		if (fresh && first < end && *first == '#') {
			macro = (struct macro){0};
			kind = read_directive(&r, l, &macro);
			out[i].common &= all_common(&r);
		} else if (fresh || (!joined && kind == CODE)) {
			kind = CODE;
		}
		out[i].kind = kind;
		out[i].macro = macro;
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

static void add_name(struct ks_strv *names, const struct macro *m)
{
	char *name = ks_strndup(m->name, m->len);

	if (!ks_strv_has(names, name))
		ks_strv_add(names, name);
	free(name);
}

static bool same_macro(const struct macro *a, const struct macro *b)
{
	return a->len == b->len && a->function == b->function && !memcmp(a->name, b->name, a->len);
}

/* The two texts of a header, line by line. */
struct pair {
	const struct ks_lines *a, *b;
	const struct line *old, *new;
	const size_t *map; /* from new lines to old ones */
	bool *kept;	   /* by old line */
};

/* May a line come or go? */
static bool good_line(const struct line *l, const struct ks_line *text)
{
	switch (l->kind) {
	case CODE:
		/* A line that goes on from a directive, or into one, is none. */
		return l->common && !continues(text);
	case MACRO:
		/* IS_ENABLED() pastes this name in conditions, unseen (linux/kconfig.h). */
		return l->common && l->macro.len &&
		       strncmp(l->macro.name, "__ARG_PLACEHOLDER_", 18) != 0;
	case CONDITION:
		return l->common;
	case OTHER:
		break;
	}
	return false;
}

/*
 * A macro that the old text defined, in a line that goes, is used where it is
 * expanded or asked for.  Any other name in a new line is used where it occurs.
 */
static void add_macro(const struct pair *p, const struct macro *m, struct ks_change_words *w)
{
	bool had = false;

	for (size_t i = 0; i < p->a->list.len && !had; i++)
		had = !p->kept[i] && p->old[i].kind == MACRO && same_macro(&p->old[i].macro, m);
	add_name(&w->macros, m);
	if (!had)
		add_name(&w->added, m);
}

/*
 * What stands between conditionals that come or go does so as well: there, too,
 * no condition may be other than common.
 */
static bool good_between(const struct pair *p)
{
	size_t first = KS_NO_LINE, last = 0, old = 0;
	bool good = true;

	for (size_t i = 0; i < p->b->list.len; i++) {
		bool changed = p->map[i] == KS_NO_LINE && p->new[i].kind == CONDITION;

		for (; p->map[i] != KS_NO_LINE && old < p->map[i]; old++)
			changed |= !p->kept[old] && p->old[old].kind == CONDITION;
		if (changed) {
			first = first == KS_NO_LINE ? i : first;
			last = i;
		}
	}
	for (; old < p->a->list.len; old++)
		if (!p->kept[old] && p->old[old].kind == CONDITION) {
			first = first == KS_NO_LINE ? 0 : first;
			last = p->b->list.len;
		}
	for (size_t i = first; i != KS_NO_LINE && i < p->b->list.len && i <= last && good; i++)
		good = p->new[i].common && (p->map[i] == KS_NO_LINE || p->old[p->map[i]].common);
	return good;
}

static bool check(struct pair *p, struct ks_change_words *w)
{
	bool good = true;

	for (size_t i = 0; i < p->b->list.len && good; i++) {
		size_t o = p->map[i];

		if (o == KS_NO_LINE) {
			good = good_line(&p->new[i], &p->b->list.v[i]);
			add_words(&p->b->list.v[i], &w->words);
		} else {
			p->kept[o] = true;
			good = p->old[o].kind == p->new[i].kind &&
			       p->old[o].comment == p->new[i].comment;
		}
	}
	for (size_t i = 0; i < p->a->list.len && good; i++)
		if (!p->kept[i])
			good = good_line(&p->old[i], &p->a->list.v[i]);
	good = good && good_between(p);
	for (size_t i = 0; i < p->b->list.len && good; i++)
		if (p->map[i] == KS_NO_LINE && p->new[i].kind == MACRO)
			add_macro(p, &p->new[i].macro, w);
	for (size_t i = 0; i < p->a->list.len && good; i++)
		if (!p->kept[i] && p->old[i].kind == MACRO)
			add_name(&w->macros, &p->old[i].macro);
	return good;
}

bool ks_simple_change(const struct ks_buf *old, const struct ks_buf *new, struct ks_change_words *w)
{
	struct ks_lines a = {0}, b = {0};
	struct pair p = {.a = &a, .b = &b};
	struct line *x, *y;
	size_t *map;
	bool good;

	ks_lines_split(old, &a);
	ks_lines_split(new, &b);
	p.old = x = ks_alloc((a.list.len + 1) * sizeof(*x));
	p.new = y = ks_alloc((b.list.len + 1) * sizeof(*y));
	p.map = map = ks_hunks_align(&a, &b);
	p.kept = ks_alloc(a.list.len + 1);
	good = read_lines(&a, x) && read_lines(&b, y) && check(&p, w);
	ks_lines_free(&a);
	ks_lines_free(&b);
	free(x);
	free(y);
	free(map);
	free(p.kept);
	return good;
}

void ks_change_words_free(struct ks_change_words *w)
{
	ks_strv_free(&w->words);
	ks_strv_free(&w->macros);
	ks_strv_free(&w->added);
}

bool ks_text_mentions(const struct ks_buf *text, const struct ks_strv *words)
{
	const char *p = ks_buf_text(text), *end = p + text->len;

	while (p < end && words->len) {
		size_t n = word_length(p, end);

		for (size_t i = 0; i < words->len && n; i++)
			if (is_word(p, n, words->v[i]))
				return true;
		p += n ? n : 1;
	}
	return false;
}

bool ks_text_defines(const struct ks_buf *text, const struct ks_strv *words)
{
	const char *p = ks_buf_text(text), *end = p + text->len;

	while (p < end && (p = memchr(p, '#', end - p))) {
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
