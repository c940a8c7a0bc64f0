// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a declaration declares and refers to; see decl.h.
 *
 * This is no C parser.  It reads specifiers and declarators, which needs no
 * table of types: the first plain name where no type has been named yet is a
 * type, the next one is what is declared.  Bodies, initial values and arguments
 * are only searched for names.  What does not parse is not inert, and counts as
 * code.
 */
#include "build/decl.h"

#include <stdlib.h>
#include <string.h>

struct parser {
	const struct ks_token *t, *end;
	struct ks_decl *decl;
	bool bad;
	bool is_typedef, is_extern, is_static, is_inline, gnu_inline;
	/* By token: not a reference, for it is a member's name or in conditions. */
	const struct ks_token *base;
	unsigned char *skip;
	bool pointer; /* the last declarator was one */
	bool type;   /* the first thing in it is a struct or union with a tag */
	bool emits;  /* has an attribute by which it is emitted, used or not */
	bool symbol; /* has an attribute that makes a symbol of a mere declaration */
};

static bool at(const struct parser *p, char c)
{
	return p->t < p->end && ks_token_is_punct(p->t, c);
}

static bool at_word(const struct parser *p)
{
	return p->t < p->end && p->t->type == KS_WORD;
}

/* Over a group from its opening to its closing bracket. */
static void skip_group(struct parser *p)
{
	long depth = 0;

	for (; p->t < p->end; p->t++) {
		if (p->t->type == KS_PRAGMA)
			p->bad = true;
		if (p->t->type != KS_PUNCT)
			continue;
		if (strchr("([{", *p->t->text))
			depth++;
		else if (strchr(")]}", *p->t->text) && !--depth) {
			p->t++;
			return;
		}
	}
	p->bad = true;
}

/* Up to one of the characters in @stop, outside all brackets. */
static void skip_to(struct parser *p, const char *stop)
{
	while (p->t < p->end) {
		if (p->t->type == KS_PRAGMA)
			p->bad = true;
		if (p->t->type == KS_PUNCT && strchr(stop, *p->t->text))
			return;
		if (p->t->type == KS_PUNCT && strchr("([{", *p->t->text))
			skip_group(p);
		else
			p->t++;
	}
	p->bad = true;
}

static void attribute(struct parser *p)
{
	static const char *const emitted[] = { "used",	  "constructor", "destructor",
					       "section", "retain",	 "externally_visible",
					       "alias",	  "ifunc",	 "symver",
					       "weakref", NULL };
	static const char *const symbols[] = { "alias", "ifunc", "symver", "weakref", NULL };
	const struct ks_token *from = ++p->t;

	skip_group(p);
	for (; from < p->t; from++) {
		struct ks_token word = *from;

		if (word.type != KS_WORD)
			continue;
		/* __used__ is used. */
		if (word.len > 4 && !memcmp(word.text, "__", 2) &&
		    !memcmp(word.text + word.len - 2, "__", 2)) {
			word.text += 2;
			word.len -= 4;
		}
		p->emits |= ks_token_is_any(&word, emitted);
		p->symbol |= ks_token_is_any(&word, symbols);
		p->gnu_inline |= ks_token_is(&word, "gnu_inline");
	}
}

static void attributes(struct parser *p)
{
	while (at_word(p) && ks_token_is_attribute(p->t))
		attribute(p);
}

static void add_name(struct parser *p, const char *prefix, const struct ks_token *t)
{
	char *word = ks_word_normal(t->text, t->len);

	ks_strv_addf(&p->decl->names, "%s%s", prefix, word);
	free(word);
}

static bool member(struct parser *p);

static void enumerators(struct parser *p)
{
	p->t++;
	while (!p->bad && !at(p, '}')) {
		if (!at_word(p)) {
			p->bad = true;
			return;
		}
		add_name(p, "", p->t++);
		attributes(p);
		if (at(p, '='))
			skip_to(p, ",}");
		if (at(p, ','))
			p->t++;
		else if (!at(p, '}'))
			p->bad = true;
	}
	p->t++;
}

/* struct, union or enum. */
static void aggregate(struct parser *p)
{
	bool is_enum = ks_token_is(p->t, "enum"), first = !p->decl->names.len;
	const struct ks_token *tag = NULL;

	p->t++;
	attributes(p);
	if (at_word(p))
		tag = p->t++;
	attributes(p);
	if (tag && (at(p, '{') || at(p, ';')))
		add_name(p, "struct ", tag);
	if (!at(p, '{'))
		return;
	if (is_enum) {
		enumerators(p);
		return;
	}
	p->type |= first && tag;
	p->t++;
	while (!p->bad && !at(p, '}'))
		p->bad |= !member(p);
	p->t++;
}

/* Returns false where nothing names a type. */
static bool specifiers(struct parser *p)
{
	static const char *const inlines[] = { "inline", "__inline", "__inline__", NULL };
	static const char *const types[] = {
		"void",	  "char",	"short",    "int",	  "long",   "float",
		"double", "signed",	"unsigned", "_Bool",	  "__int128", "__signed__",
		"__signed", "_Complex", "__complex__", "__auto_type", NULL
	};
	static const char *const typeofs[] = { "typeof", "__typeof__", "__typeof", NULL };
	static const char *const others[] = {
		"const",	"volatile",   "restrict",     "__const",     "__const__",
		"__volatile__", "__volatile", "__restrict",   "__restrict__", "__extension__",
		"register",	"auto",	      "_Thread_local", "__thread",    "_Noreturn",
		"__seg_gs",	"__seg_fs",   "_Atomic",      NULL
	};
	bool type = false;

	while (at_word(p)) {
		if (ks_token_is_attribute(p->t)) {
			attribute(p);
		} else if (ks_token_is_tag_keyword(p->t)) {
			aggregate(p);
			type = true;
		} else if (ks_token_is_any(p->t, typeofs) || ks_token_is(p->t, "_Alignas")) {
			type |= !ks_token_is(p->t, "_Alignas");
			p->t++;
			if (!at(p, '('))
				p->bad = true;
			else
				skip_group(p);
		} else if (ks_token_is(p->t, "typedef")) {
			p->is_typedef = true;
			p->t++;
		} else if (ks_token_is(p->t, "extern")) {
			p->is_extern = true;
			p->t++;
		} else if (ks_token_is(p->t, "static")) {
			p->is_static = true;
			p->t++;
		} else if (ks_token_is_any(p->t, inlines)) {
			p->is_inline = true;
			p->t++;
		} else if (ks_token_is_any(p->t, others)) {
			p->t++;
		} else if (ks_token_is_any(p->t, types)) {
			type = true;
			p->t++;
		} else if (!type) {
			type = true;
			p->t++;
		} else {
			break;
		}
		if (p->bad)
			return false;
	}
	return type;
}

/* Returns whether there is one. */
static bool pointers(struct parser *p)
{
	static const char *const words[] = { "const",	     "volatile",     "restrict",
					     "__restrict",   "__restrict__", "__const",
					     "__volatile__", "__seg_gs",     NULL };
	bool any = false;

	for (;;) {
		if (at(p, '*')) {
			any = true;
			p->t++;
		} else if (at_word(p) && ks_token_is_attribute(p->t)) {
			attribute(p);
		} else if (at_word(p) && ks_token_is_any(p->t, words)) {
			p->t++;
		} else {
			return any;
		}
	}
}

/* Returns the name, NULL where there is none; *function: it is one; *pointer: it begins as one. */
static const struct ks_token *declarator(struct parser *p, bool *function, bool *pointer)
{
	const struct ks_token *name = NULL;
	bool variable = false, inner = false;

	*pointer = pointers(p);
	if (at(p, '(')) {
		p->t++;
		name = declarator(p, function, &inner);
		variable = !*function && inner;
		if (!at(p, ')')) {
			p->bad = true;
			return NULL;
		}
		p->t++;
	} else if (at_word(p)) {
		name = p->t++;
	}
	while (at(p, '(') || at(p, '[')) {
		if (at(p, '(') && !variable)
			*function = true;
		variable = true;
		skip_group(p);
	}
	p->pointer = *pointer || inner;
	return name;
}

/* asm("name") and attributes behind a declarator. */
static void suffixes(struct parser *p)
{
	static const char *const asms[] = { "asm", "__asm__", "__asm", NULL };

	while (at_word(p)) {
		if (ks_token_is_attribute(p->t)) {
			attribute(p);
		} else if (ks_token_is_any(p->t, asms)) {
			p->t++;
			if (at(p, '('))
				skip_group(p);
		} else {
			p->bad = true;
			return;
		}
	}
}

static void add_condition(struct parser *p, const struct ks_token *name, const struct ks_token *tag)
{
	ks_strv_addf(&p->decl->conditions, "%.*s", (int)name->len, name->text);
	ks_strv_addf(&p->decl->conditions, "struct %.*s", (int)tag->len, tag->text);
	p->skip[tag - p->base] = 1;
}

/*
 * The next tag of a struct or union in [*t, end) that says what something
 * points to; NULL: none.  In braces, in the size of an array or in an
 * attribute it would matter to how the members lie.
 */
static const struct ks_token *next_tag(const struct ks_token **t, const struct ks_token *end,
				       const char *brackets)
{
	struct ks_decl none = { 0 };
	struct parser q = { .t = *t, .end = end, .decl = &none };
	const struct ks_token *tag = NULL;

	while (q.t < end && !tag) {
		if (q.t->type == KS_PUNCT && strchr(brackets, *q.t->text)) {
			skip_group(&q);
		} else if (ks_token_is_attribute(q.t)) {
			attribute(&q);
		} else if (ks_token_is_tag_keyword(q.t) && !ks_token_is(q.t, "enum")) {
			q.t++;
			attributes(&q);
			if (at_word(&q) && !(q.t + 1 < end && ks_token_is_punct(q.t + 1, '{')))
				tag = q.t;
		} else {
			q.t++;
		}
	}
	*t = tag ? tag + 1 : q.t;
	return tag;
}

/* One declarator of a member: what a pointer to a function mentions matters to who calls it. */
static void conditions_in(struct parser *p, const struct ks_token *name, const struct ks_token *from)
{
	const struct ks_token *tag;

	if (!name)
		return;
	p->skip[name - p->base] = 1;
	while (p->pointer && (tag = next_tag(&from, p->t, "{[")))
		add_condition(p, name, tag);
}

static bool member(struct parser *p)
{
	KS_VEC(const struct ks_token *) names = { 0 };
	const struct ks_token *start = p->t, *end, *tag;
	bool function = false, pointer, all = true;

	if (at(p, ';')) {
		p->t++;
		return true;
	}
	if (at_word(p) && ks_token_is(p->t, "_Static_assert")) {
		skip_to(p, ";");
		return !p->bad && p->t++ < p->end;
	}
	if (!specifiers(p))
		return false;
	end = p->t;
	while (!p->bad && !at(p, ';')) {
		const struct ks_token *from = p->t;
		const struct ks_token *name = declarator(p, &function, &pointer);

		all &= p->pointer && name;
		conditions_in(p, name, from);
		*ks_vec_push(&names) = name;
		suffixes(p);
		if (at(p, ':'))
			skip_to(p, ",;");
		suffixes(p);
		if (at(p, ','))
			p->t++;
		else if (!at(p, ';'))
			p->bad = true;
	}
	while (all && names.len && !p->bad && (tag = next_tag(&start, end, "{[(")))
		for (size_t i = 0; i < names.len; i++)
			add_condition(p, names.v[i], tag);
	ks_vec_free(&names);
	p->t++;
	return !p->bad;
}

static void declaration(struct parser *p)
{
	bool functions = true, initialised = false, any = false, body = false;

	if (!specifiers(p)) {
		p->bad = true;
		return;
	}
	while (!p->bad && !at(p, ';') && !body) {
		bool function = false, pointer;
		const struct ks_token *name = declarator(p, &function, &pointer);

		if (!name) {
			p->bad = true;
			return;
		}
		any = true;
		functions &= function;
		add_name(p, "", name);
		suffixes(p);
		if (at(p, '{') && function) {
			body = true;
			skip_group(p);
		} else if (at(p, '=')) {
			initialised = true;
			skip_to(p, ",;");
		}
		if (at(p, ','))
			p->t++;
		else if (!body && !at(p, ';'))
			p->bad = true;
	}
	if (!body)
		p->t++;
	if (p->bad || p->t != p->end || initialised)
		return;
	p->decl->type = p->type && !any && !p->is_typedef;
	if (body)
		p->decl->inert = !p->emits && (p->is_static || (p->is_extern && p->is_inline &&
								p->gnu_inline));
	else
		p->decl->inert = p->is_typedef || !any ||
				 ((p->is_extern || functions) && !p->symbol);
}

static bool is_keyword(const struct ks_token *t)
{
	static const char *const words[] = {
		"if",	  "else",     "while",	  "for",    "do",	"return",   "switch",
		"case",	  "default",  "break",	  "continue", "goto",	"sizeof",   "static",
		"extern", "inline",   "const",	  "volatile", "int",	"unsigned", "long",
		"char",	  "short",    "void",	  "signed", "_Bool",	"typedef",  "__attribute__",
		"typeof", "__typeof__", "asm",	  "__asm__", "__volatile__", "__inline__",
		"__extension__", "struct", "union", "enum", "register", "double",   "float", NULL
	};

	return ks_token_is_any(t, words);
}

struct refs {
	struct ks_decl *decl;
	char **slots; /* those that are there already */
	size_t mask;
};

static void add_reference(struct refs *r, const char *prefix, const char *p, size_t len)
{
	char *word = ks_word_normal(p, len), *text = ks_asprintf("%s%s", prefix, word);
	size_t slot;
	uint64_t h = 0xcbf29ce484222325;

	free(word);
	for (const char *c = text; *c; c++)
		h = (h ^ (unsigned char)*c) * 0x100000001b3;
	for (slot = (h ^ h >> 32) & r->mask; r->slots[slot]; slot = (slot + 1) & r->mask) {
		if (!strcmp(r->slots[slot], text)) {
			free(text);
			return;
		}
	}
	ks_strv_addf(&r->decl->references, "%s", "");
	free(r->decl->references.v[r->decl->references.len - 1]);
	r->decl->references.v[r->decl->references.len - 1] = text;
	r->slots[slot] = text;
}

/* Words in a string: an asm may name a symbol. */
static void string_references(struct refs *r, const struct ks_token *t)
{
	for (const char *p = t->text, *end = p + t->len; p < end; p++) {
		const char *q = p;

		while (q < end && ks_word_char(*q))
			q++;
		if (q > p && !(*p >= '0' && *p <= '9'))
			add_reference(r, "", p, q - p);
		p = q > p ? q - 1 : p;
	}
}

static size_t count_words(const struct ks_tokens *tokens)
{
	size_t n = 0;

	ks_vec_for(&tokens->list, t)
		n += t->type == KS_WORD ? 1 : t->type == KS_STRING ? t->len / 2 : 0;
	return n;
}

/* @skip (may be NULL): by token, those that are none. */
static void references(const struct ks_tokens *tokens, const unsigned char *skip,
		       struct ks_decl *decl)
{
	struct refs r = { .decl = decl, .mask = 15 };
	const struct ks_token *end = tokens->list.v + tokens->list.len;
	size_t words = count_words(tokens);

	while (r.mask < 2 * words)
		r.mask = 2 * r.mask + 1;
	r.slots = ks_alloc((r.mask + 1) * sizeof(*r.slots));
	for (const struct ks_token *t = tokens->list.v; t < end; t++) {
		if (t->type == KS_STRING)
			string_references(&r, t);
		if (t->type != KS_WORD || (skip && skip[t - tokens->list.v]))
			continue;
		if (ks_token_is_tag_keyword(t)) {
			struct ks_decl none = { 0 };
			struct parser p = { .t = t + 1, .end = end, .decl = &none };

			attributes(&p);
			if (at_word(&p) && !(skip && skip[p.t - tokens->list.v]))
				add_reference(&r, "struct ", p.t->text, p.t->len);
		}
		/* A tag is also taken for a plain name: too many do no harm. */
		if (!is_keyword(t))
			add_reference(&r, "", t->text, t->len);
	}
	free(r.slots);
}

void ks_decl_parse(const struct ks_tokens *tokens, struct ks_decl *decl)
{
	static const char *const code[] = { "asm", "__asm__", "__asm", "_Static_assert", NULL };
	struct parser p = {
		.t = tokens->list.v,
		.end = tokens->list.v + tokens->list.len,
		.decl = decl,
		.base = tokens->list.v,
		.skip = ks_alloc(tokens->list.len + 1),
	};
	bool precise;

	ks_vec_for(&tokens->list, t)
		decl->pragma |= t->type == KS_PRAGMA;
	if (decl->pragma || (at_word(&p) && ks_token_is_any(p.t, code)))
		p.bad = true;
	else if (tokens->list.len == 1 && at(&p, ';'))
		decl->inert = true;
	else
		declaration(&p);
	if (p.bad)
		decl->inert = false;
	precise = decl->inert && (decl->type || p.is_typedef);
	references(tokens, precise ? p.skip : NULL, decl);
	if (!precise)
		ks_strv_free(&decl->conditions);
	free(p.skip);
}

void ks_decl_free(struct ks_decl *decl)
{
	ks_strv_free(&decl->names);
	ks_strv_free(&decl->references);
	ks_strv_free(&decl->conditions);
	*decl = (struct ks_decl){ 0 };
}
