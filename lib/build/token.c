// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preprocessed C as tokens; see token.h.
 *
 * A declaration at the top level ends at a semicolon, or at the brace that
 * closes the body of a function; whether a brace opens a body or the members
 * of a type is told by what is before it.
 */
#include "build/token.h"

#include <stdlib.h>
#include <string.h>

bool ks_word_char(char c)
{
	return c == '_' || c == '$' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The end of a string or character constant that begins at @p. */
static const char *string_end(const char *p, const char *end)
{
	char quote = *p++;

	while (p < end && *p != quote && *p != '\n')
		p += *p == '\\' && p + 1 < end ? 2 : 1;
	return p < end ? p + 1 : end;
}

static const char *number_end(const char *p, const char *end)
{
	for (; p < end; p++)
		if (!ks_word_char(*p) && *p != '.' &&
		    !((*p == '+' || *p == '-') && strchr("eEpP", p[-1])))
			break;
	return p;
}

static void lex(struct ks_token *t, const char *p, const char *end, const char *before)
{
	const char *q = p + 1;

	t->text = p;
	t->joined = before == p;
	if (digit(*p) || (*p == '.' && q < end && digit(*q))) {
		t->type = KS_NUMBER;
		q = number_end(q, end);
	} else if (ks_word_char(*p)) {
		t->type = KS_WORD;
		while (q < end && ks_word_char(*q))
			q++;
	} else if (*p == '"' || *p == '\'') {
		t->type = KS_STRING;
		q = string_end(p, end);
	} else {
		t->type = KS_PUNCT;
	}
	t->len = q - p;
}

bool ks_token_is(const struct ks_token *t, const char *text)
{
	return t->len == strlen(text) && !memcmp(t->text, text, t->len);
}

bool ks_token_is_any(const struct ks_token *t, const char *const *words)
{
	for (; *words; words++)
		if (ks_token_is(t, *words))
			return true;
	return false;
}

bool ks_token_is_punct(const struct ks_token *t, char c)
{
	return t->type == KS_PUNCT && *t->text == c;
}

bool ks_token_is_attribute(const struct ks_token *t)
{
	static const char *const words[] = { "__attribute__", "__attribute", NULL };

	return t->type == KS_WORD && ks_token_is_any(t, words);
}

bool ks_token_is_tag_keyword(const struct ks_token *t)
{
	static const char *const words[] = { "struct", "union", "enum", NULL };

	return t->type == KS_WORD && ks_token_is_any(t, words);
}

/* At the "{" that comes next: is what came before a function's declarator? */
static bool begins_body(const struct ks_tokens *t)
{
	size_t i = t->list.len;
	long depth = 0;

	if (!i || !ks_token_is_punct(&t->list.v[i - 1], ')'))
		return false;
	while (i--) {
		depth += ks_token_is_punct(&t->list.v[i], ')') - ks_token_is_punct(&t->list.v[i], '(');
		if (!depth)
			break;
	}
	/* struct __attribute__((packed)) { */
	return !(i > 1 && i < t->list.len && ks_token_is_attribute(&t->list.v[i - 1]) &&
		 ks_token_is_tag_keyword(&t->list.v[i - 2]));
}

struct splitter {
	struct ks_tokens tokens;
	long braces, parens;
	bool value; /* in an initial value: braces there are no body */
	bool body;  /* the outermost brace began the body of a function */
};

/* Takes the last token into account; does it end the declaration? */
static bool step(struct splitter *s)
{
	const struct ks_token *t = &s->tokens.list.v[s->tokens.list.len - 1];

	if (t->type != KS_PUNCT)
		return false;
	switch (*t->text) {
	case '(':
	case '[':
		s->parens++;
		return false;
	case ')':
	case ']':
		s->parens--;
		return false;
	case '{':
		if (!s->braces++ && !s->parens) {
			s->tokens.list.len--;
			s->body = !s->value && begins_body(&s->tokens);
			s->tokens.list.len++;
		}
		return false;
	case '}':
		return !--s->braces && !s->parens && s->body;
	case '=':
		s->value |= !s->braces && !s->parens;
		return false;
	case ';':
		return !s->braces && !s->parens;
	}
	return false;
}

/* Who hears of the lines that begin with "#". */
struct markers {
	void (*file)(void *arg, const char *name, size_t len);
	void (*macro)(void *arg, const char *name, size_t len);
	void *arg;
};

/* Such a line: where it ends. */
static const char *marker(const char *p, const char *end, const struct markers *m, bool *pragma)
{
	const char *nl = memchr(p, '\n', end - p), *quote, *close, *name = NULL, *q;

	if (!nl)
		nl = end;
	*pragma = nl - p > 7 && !memcmp(p, "#pragma", 7);
	if (*pragma)
		return nl;
	if (m->file && nl - p > 2 && p[1] == ' ' && digit(p[2])) {
		quote = memchr(p, '"', nl - p);
		close = quote ? memchr(quote + 1, '"', nl - quote - 1) : NULL;
		if (close)
			m->file(m->arg, quote + 1, close - quote - 1);
	}
	if (nl - p > 8 && !memcmp(p, "#define ", 8))
		name = p + 8;
	else if (nl - p > 7 && !memcmp(p, "#undef ", 7))
		name = p + 7;
	for (q = name; q && q < nl && ks_word_char(*q); q++)
		;
	if (m->macro && name)
		m->macro(m->arg, name, q - name);
	return nl;
}

void ks_tokens_split(const struct ks_buf *text,
		     void (*fn)(void *arg, const struct ks_tokens *tokens),
		     void (*file)(void *arg, const char *name, size_t len),
		     void (*macro)(void *arg, const char *name, size_t len), void *arg)
{
	const struct markers markers = { file, macro, arg };
	const char *p = ks_buf_text(text), *end = p + text->len, *before = NULL;
	struct splitter s = { 0 };
	bool line_start = true;

	while (p < end) {
		struct ks_token *t;

		if (*p == '#' && line_start) {
			bool pragma;
			const char *q = marker(p, end, &markers, &pragma);

			if (pragma) {
				t = ks_vec_push(&s.tokens.list);
				*t = (struct ks_token){ KS_PRAGMA, false, p, q - p };
				/* One on its own is a declaration of its own. */
				if (s.tokens.list.len == 1) {
					fn(arg, &s.tokens);
					s.tokens.list.len = 0;
				}
			}
			p = q;
			continue;
		}
		if (*p == '\n' || *p == ' ' || *p == '\t' || *p == '\r' || *p == '\f' || *p == '\v') {
			line_start = *p == '\n' || (line_start && *p != '\n');
			p++;
			continue;
		}
		line_start = false;
		t = ks_vec_push(&s.tokens.list);
		lex(t, p, end, before);
		p += t->len;
		before = p;
		if (step(&s)) {
			fn(arg, &s.tokens);
			s.tokens.list.len = 0;
			s.body = s.value = false;
		}
	}
	if (s.tokens.list.len)
		fn(arg, &s.tokens);
	ks_vec_free(&s.tokens.list);
}

/*
 * Names that contain a number that the preprocessor counts up (__COUNTER__),
 * for being unique: the number moves with every other use above it, and nothing
 * depends on it.  __UNIQUE_ID_description123, __compiletime_assert_123,
 * __initcall__kmod_open__123_45_fs_init6.
 */
static bool is_counted(const char *p, size_t len)
{
	static const char *const prefixes[] = { "__UNIQUE_ID_", "__compiletime_assert_",
						"__initcall__" };

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		size_t n = strlen(prefixes[i]);

		if (len > n && !memcmp(p, prefixes[i], n))
			return true;
	}
	return false;
}

static void mix(struct ks_digest *d, const char *p, size_t len)
{
	for (; len >= 8; p += 8, len -= 8) {
		uint64_t w;

		memcpy(&w, p, 8);
		d->a = (d->a ^ w) * 0x9e3779b97f4a7c15;
		d->b = (d->b + w) * 0xc2b2ae3d27d4eb4f;
		d->a ^= d->a >> 32;
		d->b ^= d->b >> 29;
	}
	for (; len; p++, len--) {
		d->a = (d->a ^ (unsigned char)*p) * 0x100000001b3;
		d->b = (d->b + (unsigned char)*p) * 0x9fb21c651e98df25;
		d->a ^= d->a >> 31;
		d->b ^= d->b >> 28;
	}
}

/* The word with "#" for its counted numbers, those at its end or between underscores. */
char *ks_word_normal(const char *p, size_t len)
{
	const char *end = p + len, *q;
	struct ks_buf out = { 0 };

	if (!is_counted(p, len))
		return ks_strndup(p, len);
	for (; p < end; p = q) {
		for (q = p; q < end && digit(*q); q++)
			;
		if (q > p && (q == end || (p[-1] == '_' && *q == '_'))) {
			ks_buf_adds(&out, "#");
			continue;
		}
		q += q == p;
		ks_buf_add(&out, p, q - p);
	}
	return ks_buf_steal(&out);
}

static void mix_word(struct ks_digest *d, const char *p, size_t len)
{
	char *text;

	if (!is_counted(p, len)) {
		mix(d, p, len);
		return;
	}
	text = ks_word_normal(p, len);
	mix(d, text, strlen(text));
	free(text);
}

/* Words in a string may be such names, too: asm(".long __UNIQUE_ID_x12"). */
static void mix_string(struct ks_digest *d, const char *p, size_t len)
{
	const char *end = p + len, *from = p, *q;

	for (; p < end; p = q) {
		for (q = p; q < end && ks_word_char(*q); q++)
			;
		if (q > p && is_counted(p, q - p)) {
			mix(d, from, p - from);
			mix_word(d, p, q - p);
			from = q;
		}
		q += q == p;
	}
	mix(d, from, end - from);
}

/* May the two be one operator where no white space is between them? */
static bool may_join(const struct ks_token *a, const struct ks_token *b)
{
	static const char operators[] = "+-<>=&|!*/%^.#:";

	if (a->type == KS_WORD)
		return b->type == KS_STRING;
	return a->type == KS_PUNCT && b->type == KS_PUNCT && strchr(operators, *a->text) &&
	       strchr(operators, *b->text);
}

struct ks_digest ks_tokens_digest(const struct ks_tokens *tokens)
{
	struct ks_digest d = { 0x243f6a8885a308d3, 0x13198a2e03707344 };
	const struct ks_token *before = NULL;

	ks_vec_for(&tokens->list, t) {
		/* "+ +" is not "++", and L "x" not L"x". */
		char head[2] = { (char)('a' + t->type), ' ' };

		if (t->joined && before && may_join(before, t))
			head[1] = 'j';

		mix(&d, head, 2);
		if (t->type == KS_WORD)
			mix_word(&d, t->text, t->len);
		else if (t->type == KS_STRING)
			mix_string(&d, t->text, t->len);
		else
			mix(&d, t->text, t->len);
		before = t;
	}
	return d;
}

