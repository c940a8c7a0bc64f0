// SPDX-License-Identifier: GPL-2.0-only
/*
 * Examining units by their text, between finding them and compiling them: of
 * the units that include a changed header few come out different, and the
 * preprocessor takes a fifth of the time that the compiler takes.
 *
 * Both texts are made by the compiler with the arguments that kbuild would
 * give it (commands.c), the patched one with the overlay in place.  The
 * original is kept (texts.c), with a stamp of the files that it was made from.
 * Where either text cannot be had the unit is compiled, and the compiler says
 * what is wrong.
 *
 * What a simple change of headers did to the text of one unit it does to the
 * others that include the same ones (delta.c).  These are screened without
 * running the preprocessor.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"
#include "build/delta.h"
#include "build/graph.h"
#include "build/opaque.h"
#include "build/screen.h"
#include "build/simple.h"
#include "build/state.h"
#include "build/texts.h"
#include "build/verdicts.h"

#define MAX_THREADS 64
#define MAX_DELTAS 64
#define MAX_HEADERS 63

struct candidate {
	struct ks_build_unit *unit;
	char *arguments; /* of the compiler; NULL: not known */
	struct ks_text pre;
	uint64_t made_from; /* stamp of the original text; 0: not known */
	bool has_pre, kept, affected;
	bool known;  /* from an earlier run */
	bool failed; /* the preprocessor */
	uint64_t headers; /* the changed ones that it includes */
	bool simple;      /* and deltas may tell what becomes of it */
	char *why;
};

struct examination {
	struct ks_build *b;
	const struct ks_graph *graph;
	struct ks_texts *texts;
	struct ks_verdicts *verdicts;
	KS_VEC(struct candidate) list;
	/*
	 * Of simple changes: what they are made of, and the files that define a
	 * word of theirs as a macro, or mention a macro that comes.
	 */
	bool simple;
	struct ks_change_words words;
	struct ks_strv odd_files;
	/* By word and by declaration of the store: is, or mentions, a macro that changes. */
	bool *macros, *mentions;
	/* What the threads share. */
	pthread_mutex_t lock;
	size_t next, done, by_delta;
	KS_VEC(struct ks_delta) deltas;
	void (*work)(struct examination *x, struct candidate *c);
};

struct attempt {
	struct examination *x;
	struct candidate *c;
};

/* The path in the source of a file that the compiler named; NULL: not of the source. */
static char *source_path(const struct ks_build *b, const char *name)
{
	const char *inside = ks_farm_inside(b, name);

	return inside ? ks_path_normal(inside) : NULL;
}

/*
 * Changes when one of the text's files does.  0: one of them is not in the
 * graph, so that nothing is known about it.
 */
static uint64_t stamp(const struct examination *x, const struct ks_text *text)
{
	uint64_t h = 0xcbf29ce484222325;

	ks_vec_for(&text->files, f) {
		char *path = source_path(x->b, ks_texts_word(x->texts, *f));
		const char *signature = path ? ks_graph_signature(x->graph, path) : "generated";

		free(path);
		if (!signature)
			return 0;
		for (const char *p = signature; *p; p++)
			h = (h ^ (unsigned char)*p) * 0x100000001b3;
		h = (h ^ *f) * 0x100000001b3;
	}
	return h ? h : 1;
}

/* @option: one more of the compiler's, or "". */
static bool preprocess(struct examination *x, const struct candidate *c, const char *option,
		       struct ks_buf *out, struct ks_text *text)
{
	/* The arguments may be kept from a time when they did not have it. */
	char *command = ks_asprintf("%s %s -I%s -E %s -o - %s/%s", x->b->cc, c->arguments,
				    x->b->include, option, x->b->farm, c->unit->source);
	const char *argv[] = { "sh", "-c", command, NULL };
	struct ks_buf noise = { 0 };
	struct ks_proc p = { .argv = argv, .cwd = x->b->obj, .env = ks_kbuild_env(),
			     .out = out, .err = &noise };
	struct ks_error *err;
	int status = 1;

	err = ks_proc_run(&p, &status);
	if (!err && !status && out->len)
		ks_texts_add(x->texts, out, text);
	else
		status = 1;
	ks_error_free(err);
	ks_buf_free(&noise);
	free(command);
	return !status;
}

static void make_pre(struct examination *x, struct candidate *c)
{
	struct ks_buf out = { 0 };

	/* With the macros that it uses. */
	c->has_pre = preprocess(x, c, "-dU", &out, &c->pre);
	ks_buf_free(&out);
}

/* Does the compiler take the text? */
static bool compiles(void *arg, const char *text)
{
	struct attempt *a = arg;
	char *command = ks_asprintf("%s %s -w -fsyntax-only -x cpp-output -", a->x->b->cc,
				    a->c->arguments);
	const char *argv[] = { "sh", "-c", command, NULL };
	struct ks_buf noise = { 0 };
	struct ks_proc p = { .argv = argv, .cwd = a->x->b->obj, .env = ks_kbuild_env(),
			     .input = text, .out = &noise, .err = &noise };
	int status = 1;

	ks_error_free(ks_proc_run(&p, &status));
	ks_buf_free(&noise);
	free(command);
	return !status;
}

static bool differs(struct examination *x, struct candidate *c, const struct ks_buf *source,
		    const struct ks_text *post)
{
	struct attempt attempt = { x, c };
	struct ks_screening s = { 0 };
	bool differs;

	/* Assembly is no C: only the same text is the same. */
	if (ks_str_ends(c->unit->source, ".S"))
		return !ks_text_same(&c->pre, post);
	differs = ks_opaque_screen(x->texts, &c->pre, post, source, compiles, &attempt, &s);
	if (differs) {
		c->why = s.why;
		s.why = NULL;
	}
	ks_screening_free(&s);
	return differs;
}

/* Has a patched file been read past the overlay?  The compilation sees to that. */
static bool has_detour(struct examination *x, const struct ks_text *post)
{
	bool found = false;

	ks_texts_lock(x->texts);
	ks_vec_for(&post->files, f) {
		const char *inside = ks_farm_inside(x->b, ks_texts_word(x->texts, *f));

		found |= inside && strstr(inside - 1, "/../") && ks_object_is_detour(x->b, inside);
	}
	ks_texts_unlock(x->texts);
	return found;
}

static void add_delta(struct examination *x, const struct candidate *c, const struct ks_text *post)
{
	struct ks_delta delta = { .headers = c->headers };
	bool known = false;

	ks_delta_make(&c->pre, post, &delta);
	pthread_mutex_lock(&x->lock);
	/* Most are like one that is there: who has the change, but also needs its text. */
	ks_vec_for(&x->deltas, d)
		known |= ks_delta_same(d, &delta);
	if (!known && x->deltas.len < MAX_DELTAS)
		*ks_vec_push(&x->deltas) = delta;
	else
		ks_delta_free(&delta);
	pthread_mutex_unlock(&x->lock);
}

/* Is the unit's verdict clear from what was seen in another one? */
static bool known_by_delta(struct examination *x, struct candidate *c)
{
	struct ks_text post = { 0 };
	struct ks_screening s = { 0 };
	enum ks_verdict verdict = KS_UNLESS_OPAQUE;
	bool applies = false;

	pthread_mutex_lock(&x->lock);
	ks_vec_for(&x->deltas, d) {
		if (applies || d->headers != c->headers)
			continue;
		post.decls.len = 0;
		applies = ks_delta_apply(d, &c->pre, &post);
	}
	pthread_mutex_unlock(&x->lock);
	if (applies)
		verdict = ks_screen(x->texts, &c->pre, &post, &s);
	if (verdict != KS_UNLESS_OPAQUE) {
		c->affected = verdict == KS_AFFECTED;
		c->why = s.why;
		s.why = NULL;
		pthread_mutex_lock(&x->lock);
		x->by_delta++;
		pthread_mutex_unlock(&x->lock);
	}
	ks_screening_free(&s);
	ks_text_free(&post);
	return verdict != KS_UNLESS_OPAQUE;
}

static void make_post(struct examination *x, struct candidate *c)
{
	struct ks_text post = { 0 };
	struct ks_buf source = { 0 };

	if (c->simple && known_by_delta(x, c))
		return;
	if (!preprocess(x, c, "", &source, &post)) {
		c->why = ks_strdup("it cannot be preprocessed");
		c->failed = true;
	} else {
		if (c->simple)
			add_delta(x, c, &post);
		c->affected = has_detour(x, &post) || differs(x, c, &source, &post);
	}
	ks_text_free(&post);
	ks_buf_free(&source);
}

static void *worker(void *arg)
{
	struct examination *x = arg;

	for (;;) {
		struct candidate *c = NULL;

		pthread_mutex_lock(&x->lock);
		while (x->next < x->list.len && !c) {
			c = &x->list.v[x->next++];
			if (!c->arguments || (x->work == make_pre ? c->has_pre : !c->has_pre))
				c = NULL;
		}
		if (c)
			ks_progress(x->b->report, x->done++, x->list.len, "%s", c->unit->source);
		pthread_mutex_unlock(&x->lock);
		if (!c || ks_interrupted())
			return NULL;
		x->work(x, c);
	}
}

static struct ks_error *run(struct examination *x,
			    void (*work)(struct examination *x, struct candidate *c))
{
	pthread_t threads[MAX_THREADS];
	int n = 0, jobs = x->b->jobs < MAX_THREADS ? x->b->jobs : MAX_THREADS;

	x->work = work;
	x->next = x->done = 0;
	while (n < jobs - 1 && !pthread_create(&threads[n], NULL, worker, x))
		n++;
	worker(x);
	while (n)
		pthread_join(threads[--n], NULL);
	return ks_interrupted() ? ks_interrupted_error() : NULL;
}

/* What is kept of earlier runs. */
static size_t find_kept(struct examination *x)
{
	size_t missing = 0;

	ks_vec_for(&x->list, c) {
		uint64_t made_from = 0;
		const struct ks_text *kept = ks_texts_find(x->texts, c->unit->target, &made_from);

		if (kept && made_from && made_from == stamp(x, kept)) {
			ks_text_copy(kept, &c->pre);
			c->has_pre = c->kept = true;
			c->made_from = made_from;
		}
		missing += !c->has_pre;
	}
	return missing;
}

static struct ks_error *pre_texts(struct examination *x)
{
	char *path = ks_path_join(x->b->cache, "texts");
	struct ks_error *err = ks_texts_read(x->texts, path, x->b->key);
	size_t missing;

	if (!err) {
		missing = find_kept(x);
		if (missing)
			ks_step(x->b->report, "Reading %zu original text%s", missing,
				missing == 1 ? "" : "s");
		err = missing ? run(x, make_pre) : NULL;
	}
	if (!err) {
		ks_vec_for(&x->list, c) {
			if (!c->has_pre || c->kept)
				continue;
			c->made_from = stamp(x, &c->pre);
			if (c->made_from)
				ks_texts_keep(x->texts, c->unit->target, &c->pre, c->made_from);
		}
		err = ks_texts_write(x->texts, path, x->b->key);
	}
	free(path);
	return err;
}

/* All changes are of headers that were there, and simple. */
static struct ks_error *check_changes(struct examination *x)
{
	struct ks_error *err = NULL;
	size_t n = 0;

	x->simple = true;
	ks_vec_for(&x->b->changes, c) {
		char *was, *is;
		struct ks_buf old = { 0 }, new = { 0 };

		/* A source that nobody includes is none of our units. */
		if (!c->compiled || (ks_str_ends(c->path, ".c") && c->kind == KS_CHANGE_MODIFIED))
			continue;
		x->simple &= c->kind == KS_CHANGE_MODIFIED && ks_str_ends(c->path, ".h") &&
			     n++ < MAX_HEADERS;
		if (!x->simple)
			break;
		was = ks_path_join(x->b->source, c->path);
		is = ks_asprintf("%s/patched/%s", x->b->cache, c->path);
		err = ks_file_read(was, KS_BUILD_MAX_FILE, &old);
		if (!err)
			err = ks_file_read(is, KS_BUILD_MAX_FILE, &new);
		if (!err)
			x->simple = ks_simple_change(&old, &new, &x->words);
		ks_buf_free(&old);
		ks_buf_free(&new);
		free(was);
		free(is);
		if (err)
			break;
	}
	return err;
}

/*
 * Of a file that units include: may it make the change look different in them?
 * Those outside the common headers by a macro that is a word of the new lines;
 * all by a word that becomes a macro.
 */
static bool is_odd(const struct examination *x, const char *path)
{
	bool common = ks_str_starts(path, "include/") || ks_str_starts(path, "arch/x86/include/");
	struct ks_buf text = { 0 };
	bool odd = false;
	char *full;

	if (common && !x->words.added.len)
		return false;
	full = ks_path_join(x->b->source, path);
	ks_error_free(ks_file_read(full, KS_BUILD_MAX_FILE, &text));
	if (!common)
		odd = !text.len || ks_text_defines(&text, &x->words.words);
	if (!odd && x->words.added.len)
		odd = ks_text_mentions(&text, &x->words.added);
	free(full);
	ks_buf_free(&text);
	return odd;
}

static void find_odd_files(struct examination *x)
{
	bool *seen = ks_alloc(ks_texts_words(x->texts) + 1);

	ks_vec_for(&x->list, c) {
		ks_vec_for(&c->pre.files, f) {
			char *path;

			if (seen[*f])
				continue;
			seen[*f] = true;
			path = source_path(x->b, ks_texts_word(x->texts, *f));
			if (path && is_odd(x, path))
				ks_strv_add(&x->odd_files, path);
			free(path);
		}
	}
	free(seen);
	ks_strv_sort(&x->odd_files);
}

/* Marks the words that are macros of the change, and the declarations in which they occur. */
static void find_mentions(struct examination *x)
{
	size_t words = ks_texts_words(x->texts), decls = ks_texts_decls(x->texts);

	x->macros = ks_alloc(words + 1);
	x->mentions = ks_alloc(decls + 1);
	if (!x->words.macros.len)
		return;
	for (size_t w = 0; w < words; w++)
		x->macros[w] = ks_strv_has(&x->words.macros, ks_texts_word(x->texts, w));
	for (size_t i = 0; i < decls; i++) {
		struct ks_texts_decl d = ks_texts_decl(x->texts, i);
		/* One after the other in the store. */
		size_t n = d.n_names + d.n_references + d.n_conditions;

		for (size_t j = 0; j < n && !x->mentions[i]; j++)
			x->mentions[i] = x->macros[d.names[j]];
	}
}

/* Is something else in the unit made with a macro of the change, or of its name? */
static bool uses_macros(const struct examination *x, const struct candidate *c)
{
	bool uses = false;

	ks_vec_for(&c->pre.macros, m)
		uses |= x->macros[*m];
	ks_vec_for(&c->pre.decls, d)
		uses |= x->mentions[*d];
	return uses;
}

/* A word of the new lines is a macro by the command line. */
static bool defined_by_arguments(const struct examination *x, const char *arguments)
{
	for (const char *p = arguments; (p = strstr(p, " -D")); p++)
		for (size_t i = 0; i < x->words.words.len; i++) {
			const char *word = x->words.words.v[i];
			size_t n = strlen(word);

			if (!strncmp(p + 3, word, n) && strchr(" =", p[3 + n]))
				return true;
		}
	return false;
}

/* Which changed headers a unit includes, and whether deltas may be used for it. */
static void look_at_files(struct examination *x, struct candidate *c)
{
	c->simple = x->simple && c->has_pre && ks_str_ends(c->unit->source, ".c") &&
		    !defined_by_arguments(x, c->arguments) && !uses_macros(x, c);
	ks_vec_for(&c->pre.files, f) {
		char *path = source_path(x->b, ks_texts_word(x->texts, *f));
		uint64_t bit = 1;

		if (path && ks_strv_has(&x->odd_files, path))
			c->simple = false;
		ks_vec_for(&x->b->changes, change) {
			if (path && change->compiled && !strcmp(change->path, path)) {
				c->headers |= bit;
				/* It includes a changed source. */
				if (ks_str_ends(path, ".c"))
					c->simple = false;
			}
			bit <<= 1;
		}
		free(path);
	}
	if (x->b->changes.len > MAX_HEADERS)
		c->simple = false;
}

static struct ks_error *prepare_deltas(struct examination *x)
{
	struct ks_error *err = check_changes(x);

	if (err || !x->simple)
		return err;
	find_odd_files(x);
	find_mentions(x);
	ks_vec_for(&x->list, c) {
		look_at_files(x, c);
		/* The graph finds too many. */
		if (c->simple && !c->headers) {
			c->affected = false;
			c->has_pre = false;
			x->by_delta++;
		}
	}
	return NULL;
}

/* Returns how many are left to be examined. */
static size_t recall(struct examination *x)
{
	size_t left = 0;

	ks_vec_for(&x->list, c) {
		if (c->made_from &&
		    ks_verdicts_find(x->verdicts, c->unit->target, c->made_from, &c->affected)) {
			c->known = true;
			c->has_pre = false;
		}
		left += c->has_pre;
	}
	return left;
}

static void remember(struct examination *x)
{
	ks_vec_for(&x->list, c)
		/* Why a text cannot be had may lie in the unit's own source, which is none of the change's. */
		if (c->made_from && !c->known && !c->failed)
			ks_verdicts_add(x->verdicts, c->unit->target, c->made_from, c->affected);
}

static struct ks_error *post_texts(struct examination *x)
{
	struct ks_error *err, *undo;

	size_t n = 0;

	ks_vec_for(&x->list, c)
		n += c->has_pre;
	ks_step(x->b->report, "Examining the text of %zu object%s with the patch", n, n == 1 ? "" : "s");
	err = ks_object_make_real(x->b);
	if (!err)
		err = ks_overlay_apply(x->b, true);
	if (err)
		return err;
	err = run(x, make_post);
	undo = ks_overlay_undo(x->b);
	if (!undo)
		return err;
	ks_error_free(err);
	return undo;
}

static struct ks_error *find_arguments(struct examination *x)
{
	size_t n = x->list.len;
	struct ks_build_unit **units = ks_alloc((n + 1) * sizeof(*units));
	char **arguments = ks_alloc((n + 1) * sizeof(*arguments));
	struct ks_error *err;

	for (size_t i = 0; i < n; i++)
		units[i] = x->list.v[i].unit;
	err = ks_commands_get(x->b, units, n, arguments);
	for (size_t i = 0; i < n; i++)
		x->list.v[i].arguments = arguments[i];
	free(units);
	free(arguments);
	return err;
}

struct ks_error *ks_examine(struct ks_build *b, const struct ks_graph *graph,
			    struct ks_build_units *units)
{
	struct examination x = { .b = b, .graph = graph };
	struct ks_error *err = NULL;
	size_t left = 0;

	ks_vec_for(&units->list, u)
		if (u->included && !u->whole && !u->apart) {
			struct candidate *c = ks_vec_push(&x.list);

			c->unit = u;
			c->affected = true;
		}
	if (!x.list.len)
		goto out;
	x.texts = ks_texts_new();
	pthread_mutex_init(&x.lock, NULL);
	err = find_arguments(&x);
	if (!err)
		err = pre_texts(&x);
	if (!err)
		err = ks_verdicts_open(b, &x.verdicts);
	if (!err && recall(&x)) {
		err = prepare_deltas(&x);
		if (!err)
			err = post_texts(&x);
	}
	if (!err)
		remember(&x);
	if (x.verdicts) {
		struct ks_error *more = ks_verdicts_close(x.verdicts);

		if (err)
			ks_error_free(more);
		else
			err = more;
	}
	for (size_t i = x.list.len; i-- > 0 && !err;) {
		struct candidate *c = &x.list.v[i];

		left += c->affected;
		c->unit->included = false;
		if (c->affected)
			ks_note(b->report, 1, "%s: may be affected (%s)", c->unit->source,
				c->why ? c->why : "its text");
		else
			ks_units_drop(units, c->unit - units->list.v);
	}
	if (!err && x.by_delta)
		ks_note(b->report, 1, "%zu of them needed no preprocessing", x.by_delta);
	if (!err)
		ks_note(b->report, 0,
			"%zu objects include a changed file; by their text, %zu of them may be affected",
			x.list.len, left);
	pthread_mutex_destroy(&x.lock);
	ks_texts_free(x.texts);
out:
	ks_vec_for(&x.list, c) {
		ks_text_free(&c->pre);
		free(c->arguments);
		free(c->why);
	}
	ks_vec_free(&x.list);
	ks_vec_for(&x.deltas, d)
		ks_delta_free(d);
	ks_vec_free(&x.deltas);
	ks_change_words_free(&x.words);
	ks_strv_free(&x.odd_files);
	free(x.macros);
	free(x.mentions);
	return err;
}
