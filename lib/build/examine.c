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
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"
#include "build/graph.h"
#include "build/opaque.h"
#include "build/screen.h"
#include "build/state.h"
#include "build/texts.h"

#define MAX_THREADS 64

struct candidate {
	struct ks_build_unit *unit;
	char *arguments; /* of the compiler; NULL: not known */
	struct ks_text pre;
	bool has_pre, affected;
	char *why;
};

struct examination {
	struct ks_build *b;
	const struct ks_graph *graph;
	struct ks_texts *texts;
	KS_VEC(struct candidate) list;
	/* What the threads share. */
	pthread_mutex_t lock;
	size_t next, done;
	void (*work)(struct examination *x, struct candidate *c);
};

struct attempt {
	struct examination *x;
	struct candidate *c;
};

/* The path in the source of a file that the compiler named; NULL: not of the source. */
static char *source_path(const struct ks_build *b, const char *name)
{
	size_t n = strlen(b->farm);

	return !strncmp(name, b->farm, n) && name[n] == '/' ? ks_path_normal(name + n + 1) : NULL;
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

static bool preprocess(struct examination *x, const struct candidate *c, struct ks_buf *out,
		       struct ks_text *text)
{
	char *command = ks_asprintf("%s %s -E -o - %s/%s", x->b->cc, c->arguments, x->b->farm,
				    c->unit->source);
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

	c->has_pre = preprocess(x, c, &out, &c->pre);
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

static void make_post(struct examination *x, struct candidate *c)
{
	struct ks_text post = { 0 };
	struct ks_buf source = { 0 };

	if (!preprocess(x, c, &source, &post)) {
		c->why = ks_strdup("it cannot be preprocessed");
	} else {
		c->affected = differs(x, c, &source, &post);
		ks_texts_lock(x->texts);
		ks_vec_for(&post.files, f) {
			const char *name = ks_texts_word(x->texts, *f);

			/* It has been read past the overlay; the compilation sees to that. */
			if (!strncmp(name, x->b->farm, strlen(x->b->farm)) &&
			    strstr(name, "/../") &&
			    ks_object_is_detour(x->b, name + strlen(x->b->farm) + 1))
				c->affected = true;
		}
		ks_texts_unlock(x->texts);
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
			ks_vec_for(&kept->decls, d)
				*ks_vec_push(&c->pre.decls) = *d;
			c->has_pre = true;
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
		ks_vec_for(&x->list, c)
			if (c->has_pre)
				c->pre.files.len = 0;
		err = missing ? run(x, make_pre) : NULL;
	}
	if (!err) {
		ks_vec_for(&x->list, c) {
			uint64_t made_from = c->pre.files.len ? stamp(x, &c->pre) : 0;

			if (made_from)
				ks_texts_keep(x->texts, c->unit->target, &c->pre, made_from);
		}
		err = ks_texts_write(x->texts, path, x->b->key);
	}
	free(path);
	return err;
}

static struct ks_error *post_texts(struct examination *x)
{
	struct ks_error *err, *undo;

	ks_step(x->b->report, "Examining the text of %zu object%s with the patch", x->list.len,
		x->list.len == 1 ? "" : "s");
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
		err = post_texts(&x);
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
	return err;
}
