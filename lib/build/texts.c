// SPDX-License-Identifier: GPL-2.0-only
/*
 * The store of preprocessed texts; see texts.h.
 *
 * Words and declarations are numbered in the order in which they come; a unit
 * that includes what another one did before has long runs of consecutive
 * numbers, and these are what the file holds.
 *
 * The file is written and read on one machine only, and is checked for damage
 * by a digest at its end: the cache may have been cut short by a full disk.
 */
#include "build/texts.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "build/decl.h"

/* To be raised also when token.c or decl.c change in what they find. */
#define HEAD "ksplice texts 6 "
#define MAX_STORE (1024u << 20)
#define NONE UINT32_MAX

struct record {
	struct ks_digest digest;
	/* In links: names, references, conditions, one after the other. */
	uint32_t first, n_names, n_references, n_conditions;
	uint32_t flags;
	uint32_t next;
};

#define INERT 1
#define PRAGMA 2
#define TYPE 4

struct word {
	uint64_t offset;
	uint32_t next, hash;
};

struct kept {
	uint32_t name; /* a word */
	uint64_t stamp;
	struct ks_text text;
};

struct ks_texts {
	pthread_mutex_t lock;
	struct ks_buf letters; /* all words, each with its NUL */
	KS_VEC(struct word) words;
	KS_VEC(struct record) records;
	KS_VEC(uint32_t) links;
	KS_VEC(struct kept) kept;
	uint32_t *word_slots, *record_slots, *kept_of; /* kept_of: by word */
	size_t word_mask, record_mask, kept_size;
	bool dirty;
};

struct ks_texts *ks_texts_new(void)
{
	struct ks_texts *t = ks_alloc(sizeof(*t));

	pthread_mutex_init(&t->lock, NULL);
	return t;
}

static void clear(struct ks_texts *t)
{
	ks_vec_for(&t->kept, k)
		ks_text_free(&k->text);
	ks_vec_free(&t->kept);
	ks_vec_free(&t->words);
	ks_vec_free(&t->records);
	ks_vec_free(&t->links);
	ks_buf_free(&t->letters);
	free(t->word_slots);
	free(t->record_slots);
	free(t->kept_of);
	t->word_slots = t->record_slots = t->kept_of = NULL;
	t->word_mask = t->record_mask = t->kept_size = 0;
}

void ks_texts_free(struct ks_texts *t)
{
	if (!t)
		return;
	clear(t);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

bool ks_text_same(const struct ks_text *a, const struct ks_text *b)
{
	return a->decls.len == b->decls.len &&
	       (!a->decls.len ||
		!memcmp(a->decls.v, b->decls.v, a->decls.len * sizeof(*a->decls.v)));
}

void ks_text_free(struct ks_text *text)
{
	ks_vec_free(&text->decls);
	ks_vec_free(&text->files);
	ks_vec_free(&text->macros);
}

void ks_text_copy(const struct ks_text *from, struct ks_text *to)
{
	ks_vec_for(&from->decls, d)
		*ks_vec_push(&to->decls) = *d;
	ks_vec_for(&from->files, f)
		*ks_vec_push(&to->files) = *f;
	ks_vec_for(&from->macros, m)
		*ks_vec_push(&to->macros) = *m;
}

static uint32_t hash(const char *s, size_t len)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)s[i]) * 0x100000001b3;
	return h ^ h >> 32;
}

/* Twice the slots, when there are as many entries; all are linked again. */
static void grow_words(struct ks_texts *t)
{
	if (t->words.len <= t->word_mask && t->word_slots)
		return;
	t->word_mask = t->word_slots ? 2 * t->word_mask + 1 : 0xffff;
	while (t->word_mask < t->words.len)
		t->word_mask = 2 * t->word_mask + 1;
	t->word_slots = ks_realloc(t->word_slots, (t->word_mask + 1) * sizeof(*t->word_slots));
	memset(t->word_slots, 0xff, (t->word_mask + 1) * sizeof(*t->word_slots));
	for (size_t i = 0; i < t->words.len; i++) {
		uint32_t *slot = &t->word_slots[t->words.v[i].hash & t->word_mask];

		t->words.v[i].next = *slot;
		*slot = i;
	}
}

static void grow_records(struct ks_texts *t)
{
	if (t->records.len <= t->record_mask && t->record_slots)
		return;
	t->record_mask = t->record_slots ? 2 * t->record_mask + 1 : 0xffff;
	while (t->record_mask < t->records.len)
		t->record_mask = 2 * t->record_mask + 1;
	t->record_slots =
		ks_realloc(t->record_slots, (t->record_mask + 1) * sizeof(*t->record_slots));
	memset(t->record_slots, 0xff, (t->record_mask + 1) * sizeof(*t->record_slots));
	for (size_t i = 0; i < t->records.len; i++) {
		uint32_t *slot = &t->record_slots[t->records.v[i].digest.a & t->record_mask];

		t->records.v[i].next = *slot;
		*slot = i;
	}
}

static uint32_t add_word(struct ks_texts *t, const char *s, size_t len)
{
	uint32_t h = hash(s, len), i;
	struct word *w;

	grow_words(t);
	for (i = t->word_slots[h & t->word_mask]; i != NONE; i = t->words.v[i].next) {
		const char *have = t->letters.data + t->words.v[i].offset;

		if (t->words.v[i].hash == h && !strncmp(have, s, len) && !have[len])
			return i;
	}
	w = ks_vec_push(&t->words);
	w->offset = t->letters.len;
	w->hash = h;
	ks_buf_add(&t->letters, s, len);
	ks_buf_add(&t->letters, "", 1);
	w->next = t->word_slots[h & t->word_mask];
	t->word_slots[h & t->word_mask] = t->words.len - 1;
	return t->words.len - 1;
}

static uint32_t find_record(const struct ks_texts *t, struct ks_digest d)
{
	uint32_t i = t->record_slots ? t->record_slots[d.a & t->record_mask] : NONE;

	while (i != NONE && (t->records.v[i].digest.a != d.a || t->records.v[i].digest.b != d.b))
		i = t->records.v[i].next;
	return i;
}

static uint32_t add_links(struct ks_texts *t, const struct ks_strv *words)
{
	uint32_t first = t->links.len;

	for (size_t i = 0; i < words->len; i++) {
		uint32_t w = add_word(t, words->v[i], strlen(words->v[i]));

		*ks_vec_push(&t->links) = w;
	}
	return first;
}

static uint32_t add_record(struct ks_texts *t, struct ks_digest d, const struct ks_decl *decl)
{
	uint32_t first = add_links(t, &decl->names);
	struct record *r;

	add_links(t, &decl->references);
	add_links(t, &decl->conditions);
	grow_records(t);
	r = ks_vec_push(&t->records);
	*r = (struct record){
		.digest = d,
		.first = first,
		.n_names = decl->names.len,
		.n_references = decl->references.len,
		.n_conditions = decl->conditions.len,
		.flags = (decl->inert ? INERT : 0) | (decl->pragma ? PRAGMA : 0) |
			 (decl->type ? TYPE : 0),
		.next = t->record_slots[d.a & t->record_mask],
	};
	t->record_slots[d.a & t->record_mask] = t->records.len - 1;
	return t->records.len - 1;
}

/* One text on its way into the store. */
struct adding {
	struct ks_texts *t;
	struct ks_text *text;
	KS_VEC(struct ks_digest) digests;
	struct ks_strv files;
	struct ks_buf macros; /* names, each with its NUL */
};

static void on_decl(void *arg, const struct ks_tokens *tokens)
{
	struct adding *a = arg;

	*ks_vec_push(&a->digests) = ks_tokens_digest(tokens);
}

static void on_file(void *arg, const char *name, size_t len)
{
	struct adding *a = arg;
	const char *last = a->files.len ? a->files.v[a->files.len - 1] : "";

	/* They come in long runs. */
	if (strlen(last) == len && !memcmp(last, name, len))
		return;
	if (len && *name != '<')
		ks_strv_addf(&a->files, "%.*s", (int)len, name);
}

static void on_macro(void *arg, const char *name, size_t len)
{
	struct adding *a = arg;

	ks_buf_add(&a->macros, name, len);
	ks_buf_add(&a->macros, "", 1);
}

int ks_text_number_order(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void add_macros(struct adding *a)
{
	struct ks_text *text = a->text;
	size_t kept = 0;

	for (size_t i = 0; i < a->macros.len; i += strlen(a->macros.data + i) + 1) {
		uint32_t w = add_word(a->t, a->macros.data + i, strlen(a->macros.data + i));

		*ks_vec_push(&text->macros) = w;
	}
	if (text->macros.len)
		qsort(text->macros.v, text->macros.len, sizeof(*text->macros.v), ks_text_number_order);
	for (size_t i = 0; i < text->macros.len; i++)
		if (!kept || text->macros.v[kept - 1] != text->macros.v[i])
			text->macros.v[kept++] = text->macros.v[i];
	text->macros.len = kept;
}

/* The second time through, with the lock held: what is not known yet is parsed. */
static void on_known(void *arg, const struct ks_tokens *tokens)
{
	struct adding *a = arg;
	struct ks_digest d = a->digests.v[a->text->decls.len];
	uint32_t i = find_record(a->t, d);

	if (i == NONE) {
		struct ks_decl decl = { 0 };

		ks_decl_parse(tokens, &decl);
		i = add_record(a->t, d, &decl);
		ks_decl_free(&decl);
	}
	*ks_vec_push(&a->text->decls) = i;
}

void ks_texts_add(struct ks_texts *t, const struct ks_buf *source, struct ks_text *text)
{
	struct adding a = { .t = t, .text = text };
	bool all = true;

	ks_tokens_split(source, on_decl, on_file, on_macro, &a);
	ks_strv_sort(&a.files);
	ks_texts_lock(t);
	for (size_t i = 0; i < a.digests.len && all; i++) {
		uint32_t r = find_record(t, a.digests.v[i]);

		all = r != NONE;
		if (all)
			*ks_vec_push(&text->decls) = r;
	}
	if (!all) {
		text->decls.len = 0;
		ks_tokens_split(source, on_known, NULL, NULL, &a);
	}
	for (size_t i = 0; i < a.files.len; i++)
		if (!i || strcmp(a.files.v[i], a.files.v[i - 1])) {
			uint32_t w = add_word(t, a.files.v[i], strlen(a.files.v[i]));

			*ks_vec_push(&text->files) = w;
		}
	add_macros(&a);
	ks_texts_unlock(t);
	ks_vec_free(&a.digests);
	ks_buf_free(&a.macros);
	ks_strv_free(&a.files);
}

struct ks_texts_decl ks_texts_decl(const struct ks_texts *t, uint32_t decl)
{
	static const uint32_t none[1];
	const struct record *r = &t->records.v[decl];
	const uint32_t *links = t->links.v ? t->links.v + r->first : none;

	return (struct ks_texts_decl){
		.inert = r->flags & INERT,
		.pragma = r->flags & PRAGMA,
		.type = r->flags & TYPE,
		.names = links,
		.n_names = r->n_names,
		.references = links + r->n_names,
		.n_references = r->n_references,
		.conditions = links + r->n_names + r->n_references,
		.n_conditions = r->n_conditions,
	};
}

size_t ks_texts_decls(const struct ks_texts *t)
{
	return t->records.len;
}

size_t ks_texts_words(const struct ks_texts *t)
{
	return t->words.len;
}

const char *ks_texts_word(const struct ks_texts *t, uint32_t word)
{
	return t->letters.data + t->words.v[word].offset;
}

void ks_texts_lock(struct ks_texts *t)
{
	pthread_mutex_lock(&t->lock);
}

void ks_texts_unlock(struct ks_texts *t)
{
	pthread_mutex_unlock(&t->lock);
}

/* The place in kept_of for a word. */
static uint32_t *kept_slot(struct ks_texts *t, uint32_t word)
{
	if (word >= t->kept_size) {
		size_t size = 2 * (size_t)word + 1024;

		t->kept_of = ks_realloc(t->kept_of, size * sizeof(*t->kept_of));
		memset(t->kept_of + t->kept_size, 0xff,
		       (size - t->kept_size) * sizeof(*t->kept_of));
		t->kept_size = size;
	}
	return &t->kept_of[word];
}

static struct kept *keep(struct ks_texts *t, uint32_t word)
{
	uint32_t *slot = kept_slot(t, word);

	if (*slot == NONE) {
		*slot = t->kept.len;
		ks_vec_push(&t->kept)->name = word;
	}
	return &t->kept.v[*slot];
}

void ks_texts_keep(struct ks_texts *t, const char *name, const struct ks_text *text, uint64_t stamp)
{
	struct kept *k;

	ks_texts_lock(t);
	k = keep(t, add_word(t, name, strlen(name)));
	ks_text_free(&k->text);
	ks_text_copy(text, &k->text);
	k->stamp = stamp;
	t->dirty = true;
	ks_texts_unlock(t);
}

const struct ks_text *ks_texts_find(struct ks_texts *t, const char *name, uint64_t *stamp)
{
	uint32_t word = add_word(t, name, strlen(name)), i = *kept_slot(t, word);

	if (i == NONE)
		return NULL;
	*stamp = t->kept.v[i].stamp;
	return &t->kept.v[i].text;
}

/* What is written of each kind, in this order. */
struct sizes {
	uint64_t letters, words, records, links, kept, numbers;
};

/* Runs of consecutive numbers: how many runs, then first and length of each. */
static void add_runs(struct ks_buf *out, const uint32_t *v, size_t len)
{
	size_t place = out->len;
	uint32_t n = 0;

	ks_buf_add(out, &n, sizeof(n));
	for (size_t i = 0, j; i < len; i = j) {
		uint32_t run[2] = { v[i], 0 };

		for (j = i + 1; j < len && v[j] == v[j - 1] + 1; j++)
			;
		run[1] = j - i;
		ks_buf_add(out, run, sizeof(run));
		n++;
	}
	memcpy(out->data + place, &n, sizeof(n));
}

struct ks_error *ks_texts_write(struct ks_texts *t, const char *path, const char *key)
{
	struct ks_buf out = { 0 }, kept = { 0 };
	struct ks_error *err = NULL;
	struct sizes sizes;
	uint32_t sum;

	if (!t->dirty)
		return NULL;
	ks_vec_for(&t->kept, k) {
		if (!k->text.decls.len)
			continue;
		ks_buf_add(&kept, &k->name, sizeof(k->name));
		ks_buf_add(&kept, &k->stamp, sizeof(k->stamp));
		add_runs(&kept, k->text.decls.v, k->text.decls.len);
		add_runs(&kept, k->text.files.v, k->text.files.len);
		add_runs(&kept, k->text.macros.v, k->text.macros.len);
	}
	sizes = (struct sizes){ t->letters.len, t->words.len, t->records.len,
				t->links.len,	t->kept.len,  kept.len };
	ks_buf_addf(&out, HEAD "%s\n", key);
	ks_buf_add(&out, &sizes, sizeof(sizes));
	ks_buf_add(&out, t->letters.data, t->letters.len);
	ks_buf_add(&out, t->words.v, t->words.len * sizeof(*t->words.v));
	ks_buf_add(&out, t->records.v, t->records.len * sizeof(*t->records.v));
	ks_buf_add(&out, t->links.v, t->links.len * sizeof(*t->links.v));
	ks_buf_add(&out, kept.data, kept.len);
	sum = hash(out.data, out.len);
	ks_buf_add(&out, &sum, sizeof(sum));
	/* A cache that would not be read back is begun anew. */
	if (out.len < MAX_STORE)
		err = ks_file_write(path, out.data, out.len, 0644);
	t->dirty = false;
	ks_buf_free(&out);
	ks_buf_free(&kept);
	return err;
}

/* Takes @n bytes of the file into @to; false: there are not as many. */
static bool take(const char **p, const char *end, void *to, size_t n)
{
	if ((size_t)(end - *p) < n)
		return false;
	if (n)
		memcpy(to, *p, n);
	*p += n;
	return true;
}

#define take_all(p, end, vec, n)                                                             \
	({                                                                                   \
		(vec)->v = ks_realloc(NULL, ((n) + 1) * sizeof(*(vec)->v));                  \
		(vec)->len = (vec)->cap = (n);                                               \
		take(p, end, (vec)->v, (n) * sizeof(*(vec)->v));                             \
	})

/* Into any of the lists of a text. */
#define take_runs(p, end, limit, vec)                                                                \
	({                                                                                           \
		uint32_t n_ = 0, run_[2] = { 0 };                                                    \
		bool good_ = take(p, end, &n_, sizeof(n_));                                          \
		while (good_ && n_--) {                                                              \
			good_ = take(p, end, run_, sizeof(run_)) && run_[0] < (limit) &&             \
				run_[1] <= (limit) - run_[0];                                        \
			for (uint32_t j_ = 0; good_ && j_ < run_[1]; j_++)                           \
				*ks_vec_push(vec) = run_[0] + j_;                                    \
		}                                                                                    \
		good_;                                                                               \
	})

/* Does every number lead to something that is there? */
static bool consistent(const struct ks_texts *t)
{
	if (t->words.len && (!t->letters.len || t->letters.data[t->letters.len - 1]))
		return false;
	ks_vec_for(&t->words, w)
		if (w->offset >= t->letters.len)
			return false;
	ks_vec_for(&t->links, l)
		if (*l >= t->words.len)
			return false;
	ks_vec_for(&t->records, r)
		if ((uint64_t)r->first + r->n_names + r->n_references + r->n_conditions > t->links.len)
			return false;
	return true;
}

static bool parse(struct ks_texts *t, const char *p, const char *end)
{
	struct sizes s;

	if (!take(&p, end, &s, sizeof(s)) || s.letters > MAX_STORE || s.words > MAX_STORE ||
	    s.records > MAX_STORE || s.links > MAX_STORE || s.letters > (size_t)(end - p))
		return false;
	ks_buf_add(&t->letters, p, s.letters);
	p += s.letters;
	if (s.words > (size_t)(end - p) || s.records > (size_t)(end - p) ||
	    s.links > (size_t)(end - p) || !take_all(&p, end, &t->words, s.words) ||
	    !take_all(&p, end, &t->records, s.records) ||
	    !take_all(&p, end, &t->links, s.links) || !consistent(t))
		return false;
	grow_words(t);
	grow_records(t);
	while (s.kept--) {
		uint32_t name;
		uint64_t stamp;
		struct kept *k;

		if (p == end)
			return true;
		if (!take(&p, end, &name, sizeof(name)) || !take(&p, end, &stamp, sizeof(stamp)) ||
		    name >= t->words.len)
			return false;
		k = keep(t, name);
		k->stamp = stamp;
		if (!take_runs(&p, end, t->records.len, &k->text.decls) ||
		    !take_runs(&p, end, t->words.len, &k->text.files) ||
		    !take_runs(&p, end, t->words.len, &k->text.macros))
			return false;
	}
	return p == end;
}

struct ks_error *ks_texts_read(struct ks_texts *t, const char *path, const char *key)
{
	char *head = ks_asprintf(HEAD "%s\n", key);
	struct ks_buf text = { 0 };
	struct ks_error *err = NULL;
	uint32_t sum;

	if (ks_file_exists(path))
		err = ks_file_read(path, MAX_STORE, &text);
	if (!err && text.len > strlen(head) + sizeof(sum) && !strncmp(text.data, head, strlen(head))) {
		const char *end = text.data + text.len - sizeof(sum);

		memcpy(&sum, end, sizeof(sum));
		if (sum != hash(text.data, end - text.data) ||
		    !parse(t, text.data + strlen(head), end))
			clear(t);
	}
	ks_buf_free(&text);
	free(head);
	return err;
}
