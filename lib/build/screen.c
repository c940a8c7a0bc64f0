// SPDX-License-Identifier: GPL-2.0-only
/* The test of two preprocessed texts; see screen.h for what it says and why that holds. */
#include "build/screen.h"

#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

/* Which texts a declaration is in, more often than in the other; and the walk's marks. */
enum { IN_TEXT = 1, DIFFERS = 2, REACHED = 4, OPAQUE = 8 };

struct place {
	uint32_t what; /* a declaration, or a word */
	uint32_t next; /* of the same name */
};

struct screen {
	struct ks_texts *t;
	unsigned char *marks; /* by declaration */
	int32_t *balance;     /* by declaration: times in post minus times in pre */
	uint32_t *first;      /* by word: the first place in declares */
	uint32_t *waits;      /* by word: the first place in waiting */
	unsigned char *seen;  /* by word */
	KS_VEC(struct place) declares;
	KS_VEC(struct place) waiting; /* tags, for the name of a member */
	KS_VEC(uint32_t) decls; /* all of both texts, each once */
	KS_VEC(uint32_t) todo;  /* declarations */
	KS_VEC(uint32_t) words; /* likewise */
};

static void add_text(struct screen *s, const struct ks_text *text, int32_t sign)
{
	ks_vec_for(&text->decls, d) {
		s->balance[*d] += sign;
		if (s->marks[*d] & IN_TEXT)
			continue;
		s->marks[*d] |= IN_TEXT;
		*ks_vec_push(&s->decls) = *d;
	}
}

/* Without the declarations that differ, are the two texts the same? */
static bool same_order(const struct screen *s, const struct ks_text *pre,
		       const struct ks_text *post)
{
	size_t i = 0, j = 0;

	for (;;) {
		while (i < pre->decls.len && s->marks[pre->decls.v[i]] & DIFFERS)
			i++;
		while (j < post->decls.len && s->marks[post->decls.v[j]] & DIFFERS)
			j++;
		if (i == pre->decls.len || j == post->decls.len)
			return i == pre->decls.len && j == post->decls.len;
		if (pre->decls.v[i++] != post->decls.v[j++])
			return false;
	}
}

/* What gcc may call although no source names it. */
static bool compiler_uses(const char *name)
{
	static const char *const prefixes[] = { "__builtin_", "__stack_chk", "__fentry", "__x86_",
						"__ubsan",    "__asan",	     "__hwasan", "__kcsan",
						"__tsan",     "__msan",	     "__kmsan",	 "__sanitizer",
						"__cyg_",     "__gcov",	     "mcount" };
	static const char *const names[] = {
		"abort",   "abs",     "bcmp",	 "bcopy",   "bzero",   "ffs",	 "ffsl",    "ffsll",
		"fputc",   "fputs",   "fwrite",	 "index",   "labs",    "memchr", "memcmp",  "memcpy",
		"memmove", "mempcpy", "memset",	 "printf",  "putchar", "puts",	 "rindex",  "snprintf",
		"sprintf", "stpcpy",  "stpncpy", "strcat",  "strchr",  "strcmp", "strcpy",  "strcspn",
		"strlen",  "strncat", "strncmp", "strncpy", "strnlen", "strpbrk", "strrchr", "strspn",
		"strstr",
	};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
		if (ks_str_starts(name, prefixes[i]))
			return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static char *name_of(const struct screen *s, uint32_t decl)
{
	struct ks_texts_decl d = ks_texts_decl(s->t, decl);

	return ks_strdup(d.n_names ? ks_texts_word(s->t, d.names[0]) : "a declaration");
}

/* Looks at what differs; false: that alone says that the unit is affected. */
static bool check_differences(struct screen *s, size_t *differing, char **why)
{
	ks_vec_for(&s->decls, d) {
		struct ks_texts_decl decl = ks_texts_decl(s->t, *d);

		if (!s->balance[*d])
			continue;
		s->marks[*d] |= DIFFERS;
		(*differing)++;
		if (decl.type)
			s->marks[*d] |= OPAQUE;
		if (decl.inert && !decl.pragma)
			continue;
		*why = name_of(s, *d);
		return false;
	}
	return true;
}

static void index_names(struct screen *s)
{
	ks_vec_for(&s->decls, d) {
		struct ks_texts_decl decl = ks_texts_decl(s->t, *d);

		for (size_t i = 0; i < decl.n_names; i++) {
			uint32_t word = decl.names[i], n = s->declares.len;

			*ks_vec_push(&s->declares) = (struct place){ *d, s->first[word] };
			s->first[word] = n;
		}
	}
}

static void reach(struct screen *s, uint32_t decl)
{
	if (s->marks[decl] & REACHED)
		return;
	s->marks[decl] |= REACHED;
	*ks_vec_push(&s->todo) = decl;
}

static void use(struct screen *s, uint32_t word)
{
	if (s->seen[word])
		return;
	s->seen[word] = 1;
	*ks_vec_push(&s->words) = word;
}

/* All that declares a word, and all that is reached through a member of that name. */
static void follow_words(struct screen *s)
{
	while (s->words.len) {
		uint32_t word = s->words.v[--s->words.len];

		for (uint32_t p = s->first[word]; p != NONE; p = s->declares.v[p].next)
			reach(s, s->declares.v[p].what);
		for (uint32_t p = s->waits[word]; p != NONE; p = s->waiting.v[p].next)
			use(s, s->waiting.v[p].what);
	}
}

static void follow(struct screen *s, const struct ks_texts_decl *decl)
{
	for (size_t i = 0; i < decl->n_references; i++)
		use(s, decl->references[i]);
	for (size_t i = 0; i + 1 < decl->n_conditions; i += 2) {
		uint32_t member = decl->conditions[i], tag = decl->conditions[i + 1];
		uint32_t n = s->waiting.len;

		if (s->seen[member]) {
			use(s, tag);
			continue;
		}
		*ks_vec_push(&s->waiting) = (struct place){ tag, s->waits[member] };
		s->waits[member] = n;
	}
	follow_words(s);
}

/*
 * NONE: no declaration that differs is reached, but for opaque ones, of which
 * *opaque is one.
 */
static uint32_t walk(struct screen *s, uint32_t *opaque)
{
	*opaque = NONE;
	ks_vec_for(&s->decls, d) {
		struct ks_texts_decl decl = ks_texts_decl(s->t, *d);
		bool root = !decl.inert;

		for (size_t i = 0; i < decl.n_names && !root && s->marks[*d] & DIFFERS; i++)
			root = compiler_uses(ks_texts_word(s->t, decl.names[i]));
		if (root)
			reach(s, *d);
	}
	while (s->todo.len) {
		uint32_t from = s->todo.v[--s->todo.len];
		struct ks_texts_decl decl = ks_texts_decl(s->t, from);

		if (s->marks[from] & OPAQUE) {
			*opaque = from;
			continue;
		}
		if (s->marks[from] & DIFFERS)
			return from;
		follow(s, &decl);
	}
	return NONE;
}

static enum ks_verdict judge(struct screen *s, const struct ks_text *pre,
			     const struct ks_text *post, struct ks_screening *out)
{
	size_t differing = 0, words = ks_texts_words(s->t);
	uint32_t found, opaque;

	s->marks = ks_alloc(ks_texts_decls(s->t) + 1);
	s->balance = ks_alloc((ks_texts_decls(s->t) + 1) * sizeof(*s->balance));
	add_text(s, pre, -1);
	add_text(s, post, 1);
	ks_vec_for(&out->opaque, d)
		s->marks[*d] |= OPAQUE;
	if (!check_differences(s, &differing, &out->why))
		return KS_AFFECTED;
	if (!same_order(s, pre, post)) {
		out->why = ks_strdup("the order of declarations");
		return KS_AFFECTED;
	}
	if (!differing)
		return KS_UNAFFECTED;
	s->first = ks_alloc((words + 1) * sizeof(*s->first));
	memset(s->first, 0xff, (words + 1) * sizeof(*s->first));
	s->waits = ks_alloc((words + 1) * sizeof(*s->waits));
	memset(s->waits, 0xff, (words + 1) * sizeof(*s->waits));
	s->seen = ks_alloc(words + 1);
	index_names(s);
	found = walk(s, &opaque);
	if (found == NONE && opaque == NONE)
		return KS_UNAFFECTED;
	out->why = name_of(s, found != NONE ? found : opaque);
	return found != NONE ? KS_AFFECTED : KS_UNLESS_OPAQUE;
}

/* What the walk has found, for who wants to look at these declarations. */
static void keep_marks(const struct screen *s, struct ks_screening *out)
{
	out->reached = ks_alloc(ks_texts_decls(s->t) + 1);
	out->opaque.len = 0;
	ks_vec_for(&s->decls, d) {
		out->reached[*d] = s->marks[*d] & REACHED && !(s->marks[*d] & OPAQUE);
		if (s->marks[*d] & OPAQUE)
			*ks_vec_push(&out->opaque) = *d;
	}
}

enum ks_verdict ks_screen(struct ks_texts *t, const struct ks_text *pre, const struct ks_text *post,
			  struct ks_screening *out)
{
	struct screen s = { .t = t };
	enum ks_verdict verdict;

	free(out->reached);
	free(out->why);
	out->reached = NULL;
	out->why = NULL;
	/* The common case, without any memory. */
	if (ks_text_same(pre, post))
		return KS_UNAFFECTED;
	ks_texts_lock(t);
	verdict = judge(&s, pre, post, out);
	if (verdict == KS_UNLESS_OPAQUE)
		keep_marks(&s, out);
	ks_texts_unlock(t);
	free(s.marks);
	free(s.balance);
	free(s.first);
	free(s.waits);
	free(s.seen);
	ks_vec_free(&s.waiting);
	ks_vec_free(&s.words);
	ks_vec_free(&s.declares);
	ks_vec_free(&s.decls);
	ks_vec_free(&s.todo);
	return verdict;
}

void ks_screening_free(struct ks_screening *s)
{
	ks_vec_free(&s->opaque);
	free(s->reached);
	free(s->why);
	*s = (struct ks_screening){ 0 };
}
