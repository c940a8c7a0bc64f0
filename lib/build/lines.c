// SPDX-License-Identifier: GPL-2.0-only
/*
 * Placing line directives; see lines.h.
 *
 * Theory of operation.  A small lexer runs over the new text and finds, for
 * the start of each line, whether a directive may stand there: not within a
 * comment, string, continued line or parentheses, and after the end of a
 * statement or declaration.  Such a place outside all braces is a boundary;
 * what is between two boundaries is a construct (a function, a variable, a
 * directive, a comment).  The alignment with the old text (hunks.c) then says
 * for each construct by how many lines it has moved, and where it has
 * changed inside.
 *
 * Conditionals: the lexer takes every branch from the state at its #if, and
 * where the branches end in different states ("if (a) {" #else "if (b) {")
 * it is unsure until the next "}" in the first column, which in kernel style
 * ends a construct.  A directive in a group that the compiler skips has no
 * effect, so after the group the numbers count as unknown and the next
 * boundary gets a directive of its own.
 *
 * A mistake of the lexer about braces only moves a directive to a place where
 * it is as harmless; only comments, strings, continued lines and parentheses
 * matter for the meaning.
 */
#include "build/lines.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "build/hunks.h"

#define UNKNOWN LONG_MIN

enum group_event { NO_EVENT, GROUP_IF, GROUP_ELSE, GROUP_END };

/* What the lexer finds out about the start of a line. */
struct place {
	bool inner;    /* a directive may stand before this line */
	bool boundary; /* and no brace is open */
	enum group_event event; /* the line is a conditional */
};

/* Where code stands in its nesting; saved and compared over conditionals. */
struct nest {
	long braces, parens;
	char last; /* character of code; 0: none yet, '?': the branches differ */
};

struct group {
	struct nest entry, end;
	bool has_end, differs, differs_in_parens, has_else;
};

enum mode { CODE, COMMENT, LINE_COMMENT, STRING, CHARACTER };

struct lexer {
	enum mode mode;
	bool directive; /* in a # line: its text is no code */
	bool unsure;    /* of braces */
	bool unsure_of_parens;
	struct nest nest;
	KS_VEC(struct group) groups;
};

/* The line ends in a backslash (the compiler allows white space behind it). */
static bool continued(const struct ks_line *l)
{
	size_t n = l->len;

	while (n && isspace((unsigned char)l->text[n - 1]))
		n--;
	return n && l->text[n - 1] == '\\';
}

static bool blank(const struct ks_line *l)
{
	for (size_t i = 0; i < l->len; i++)
		if (!isspace((unsigned char)l->text[i]))
			return false;
	return true;
}

/* A line that is "}" or "};" from its first column. */
static bool closes_construct(const struct ks_line *l)
{
	size_t n = l->len;

	while (n && isspace((unsigned char)l->text[n - 1]))
		n--;
	return (n == 1 && l->text[0] == '}') || (n == 2 && !memcmp(l->text, "};", 2));
}

static bool ends_statement(char last)
{
	return !last || last == ';' || last == '}';
}

static void end_branch(struct group *g, const struct nest *now)
{
	if (!g->has_end) {
		g->end = *now;
		g->has_end = true;
		return;
	}
	if (g->end.parens != now->parens)
		g->differs_in_parens = true;
	if (g->end.braces != now->braces)
		g->differs = true;
	if (g->end.last != now->last && !(ends_statement(g->end.last) && ends_statement(now->last)))
		g->end.last = '?';
}

static void conditional(struct lexer *lex, enum group_event event)
{
	struct group *g;

	if (event == GROUP_IF) {
		g = ks_vec_push(&lex->groups);
		g->entry = lex->nest;
		return;
	}
	if (!lex->groups.len)
		return;
	g = &lex->groups.v[lex->groups.len - 1];
	end_branch(g, &lex->nest);
	if (event == GROUP_ELSE) {
		lex->nest = g->entry;
		return;
	}
	if (!g->has_else)
		end_branch(g, &g->entry);
	lex->nest = g->end;
	lex->unsure |= g->differs | g->differs_in_parens;
	lex->unsure_of_parens |= g->differs_in_parens;
	lex->groups.len--;
}

/* The name of a directive: "endif" for "#  endif // X". */
static enum group_event directive_event(struct lexer *lex, const char *p, const char *end)
{
	size_t n = 0;

	for (p++; p < end && (*p == ' ' || *p == '\t'); p++)
		;
	while (p + n < end && isalpha((unsigned char)p[n]))
		n++;
#define IS(word) (n == strlen(word) && !memcmp(p, word, n))
	if (IS("if") || IS("ifdef") || IS("ifndef"))
		return GROUP_IF;
	if (IS("else") && lex->groups.len)
		lex->groups.v[lex->groups.len - 1].has_else = true;
	if (IS("else") || IS("elif") || IS("elifdef") || IS("elifndef"))
		return GROUP_ELSE;
	return IS("endif") ? GROUP_END : NO_EVENT;
#undef IS
}

static void code_char(struct lexer *lex, char c)
{
	struct nest *n = &lex->nest;

	switch (c) {
	case '{':
		n->braces++;
		break;
	case '}':
		n->braces--;
		break;
	case '(':
	case '[':
		n->parens++;
		break;
	case ')':
	case ']':
		n->parens--;
		break;
	}
	n->last = c;
}

/* One character, or two where they belong together; returns how many. */
static size_t lex_char(struct lexer *lex, const char *p, const char *end)
{
	char c = *p, next = p + 1 < end ? p[1] : 0;

	switch (lex->mode) {
	case COMMENT:
		if (c != '*' || next != '/')
			return 1;
		lex->mode = CODE;
		return 2;
	case LINE_COMMENT:
		return 1;
	case STRING:
	case CHARACTER:
		if (c == '\\' && next && next != '\n' && next != '\r')
			return 2;
		if (c == (lex->mode == STRING ? '"' : '\''))
			lex->mode = CODE;
		return 1;
	case CODE:
		break;
	}
	if (c == '/' && (next == '*' || next == '/')) {
		lex->mode = next == '*' ? COMMENT : LINE_COMMENT;
		return 2;
	}
	if (c == '"' || c == '\'')
		lex->mode = c == '"' ? STRING : CHARACTER;
	if (!lex->directive && !isspace((unsigned char)c) && c != '\\')
		code_char(lex, c);
	return 1;
}

static void lex_line(struct lexer *lex, const struct ks_line *l, const struct ks_line *next,
		     bool joined, struct place *place)
{
	const char *p = l->text, *end = p + l->len, *first = p;
	enum group_event event = NO_EVENT;

	if (!joined && lex->mode == CODE) {
		bool open = lex->unsure_of_parens || lex->nest.parens != 0;

		place->inner = !open && (ends_statement(lex->nest.last) || lex->nest.last == '{');
		place->boundary = place->inner && !lex->unsure && lex->nest.braces == 0 &&
				  ends_statement(lex->nest.last);
		while (first < end && isspace((unsigned char)*first))
			first++;
		if (first < end && *first == '#') {
			lex->directive = true;
			event = directive_event(lex, first, end);
		}
	}
	place->event = event;
	while (p < end)
		p += lex_char(lex, p, end);
	/*
	 * Only a comment goes on over the end of a line, and a directive that
	 * it began in with it; the quote in "#error can't" does not.
	 */
	if (!continued(l) && lex->mode != COMMENT) {
		lex->mode = CODE;
		lex->directive = false;
	}
	if (event != NO_EVENT)
		conditional(lex, event);
	if (!joined && !lex->directive && lex->mode == CODE && closes_construct(l) &&
	    (lex->unsure_of_parens ? !next || blank(next) : !lex->nest.parens)) {
		lex->nest = (struct nest){ .last = '}' };
		lex->unsure = lex->unsure_of_parens = false;
	}
}

static struct place *find_places(const struct ks_lines *lines)
{
	struct place *places = ks_alloc((lines->list.len + 1) * sizeof(*places));
	struct lexer lex = { 0 };
	bool joined = false;

	for (size_t i = 0; i < lines->list.len; i++) {
		const struct ks_line *l = &lines->list.v[i];

		lex_line(&lex, l, i + 1 < lines->list.len ? l + 1 : NULL, joined, &places[i]);
		joined = continued(l);
	}
	ks_vec_free(&lex.groups);
	return places;
}

/* What each line of the new text should be numbered, as "true number minus offset". */
struct plan {
	const struct ks_lines *lines;
	const struct place *places;
	const size_t *map; /* of ks_hunks_align() */
	long *offset;
	bool *allowed; /* a directive may be put before the line */
};

/* The first line of [s, e) at which the construct differs from the old one; @e: none. */
static size_t first_change(const size_t *map, size_t s, size_t e)
{
	for (size_t i = s; i < e; i++)
		if (map[i] == KS_NO_LINE || (i > s && map[i] != map[i - 1] + 1))
			return i;
	return e;
}

static void plan_construct(struct plan *p, size_t s, size_t e)
{
	size_t change = first_change(p->map, s, e), from = change;

	if (change < e)
		while (from > s && !p->places[from].inner)
			from--;
	for (size_t i = s; i < e; i++) {
		p->offset[i] = i < from ? (long)i - (long)p->map[i] : 0;
		p->allowed[i] = p->places[i].boundary || (i >= from && p->places[i].inner);
	}
}

static void emit(const struct plan *p, struct ks_buf *out)
{
	KS_VEC(bool) groups = { 0 }; /* has a directive been put into it? */
	long known = 0;

	for (size_t i = 0; i < p->lines->list.len; i++) {
		const struct ks_line *l = &p->lines->list.v[i];
		enum group_event event = p->places[i].event;

		/* Right before the end of a group it would be for nothing. */
		if (known != p->offset[i] && p->allowed[i] && event != GROUP_ELSE &&
		    event != GROUP_END) {
			known = p->offset[i];
			ks_buf_addf(out, "#line %ld\n", (long)i + 1 - known);
			for (size_t g = 0; g < groups.len; g++)
				groups.v[g] = true;
		}
		ks_buf_add(out, l->text, l->len);
		switch (event) {
		case GROUP_IF:
			*ks_vec_push(&groups) = false;
			break;
		case GROUP_END:
		case GROUP_ELSE:
			if (groups.len && groups.v[groups.len - 1])
				known = UNKNOWN;
			if (groups.len && event == GROUP_END)
				groups.len--;
			break;
		case NO_EVENT:
			break;
		}
	}
	ks_vec_free(&groups);
}

void ks_lines_keep(const struct ks_buf *old, const struct ks_buf *new, struct ks_buf *out)
{
	struct ks_lines a = { 0 }, b = { 0 };
	struct place *places;
	struct plan p;
	size_t start = 0;

	ks_lines_split(old, &a);
	ks_lines_split(new, &b);
	places = find_places(&b);
	p = (struct plan){
		.lines = &b,
		.places = places,
		.map = ks_hunks_align(&a, &b),
		.offset = ks_alloc((b.list.len + 1) * sizeof(*p.offset)),
		.allowed = ks_alloc((b.list.len + 1) * sizeof(*p.allowed)),
	};
	for (size_t i = 1; i <= b.list.len; i++) {
		if (i == b.list.len || places[i].boundary) {
			plan_construct(&p, start, i);
			start = i;
		}
	}
	emit(&p, out);
	free((size_t *)p.map);
	free(p.offset);
	free(p.allowed);
	free(places);
	ks_lines_free(&a);
	ks_lines_free(&b);
}
