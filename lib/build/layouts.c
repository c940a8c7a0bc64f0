// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which types the patch lays out differently, as the compiler sees it; see
 * ks_build_layouts().  Between finding the units and examining them.
 *
 * The text names the types whose definitions differ, or may, for a macro that
 * does (layout.c).  Then a unit
 * that includes the file is compiled twice with debug information, without the
 * patch and with it, and what that says of the type decides.  Most such changes
 * turn out to be none: another name for the same type, a member that the
 * configuration leaves out.  One unit tells about all that it includes; and of
 * two that would do, the shorter is compiled.
 *
 * As all types of a pair are known, all are compared: a struct in a struct
 * changes without the outer one's size, and the size of an array may be a
 * macro.  What only changes because something in it does is named with that.
 *
 * Nothing is concluded from what does not compile.  The original may not by
 * itself, where a makefile first generates something; the patched source may
 * not at all, and then the compilation proper says so.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"
#include "build/definition.h"
#include "build/graph.h"
#include "build/layout.h"
#include "build/state.h"

/* Units that are compiled for one type, if those before do not have it, or do not compile. */
#define MAX_TRIES 6
/* Of the types that have a changed one in them, so many are named. */
#define SHOWN 3

#define TYPES_CFLAGS "-w -g -gdwarf-5 -fno-eliminate-unused-debug-types"

/* A type whose text differs. */
struct finding {
	char *type;
	const struct ks_change *change;
	bool done;
};

/* One unit, compiled without and with the patch. */
struct pair {
	const struct ks_build_unit *unit;
	bool compiles;
	struct ks_types *pre, *post; /* NULL: it does not, or includes none of the changed files */
	struct ks_strv files;	     /* of these, those that it includes */
};

struct comparing {
	struct ks_build *b;
	const struct ks_build_units *units;
	struct ks_layouts *layouts;
	KS_VEC(struct finding) findings;
	KS_VEC(struct pair) pairs;
};

static void add_layout(struct ks_layouts *layouts, enum ks_layout_kind kind, const char *type,
		       const char *path, const char *what)
{
	ks_vec_for(&layouts->list, l)
		if (!strcmp(l->type, type) && !strcmp(l->path, path))
			return;
	*ks_vec_push(&layouts->list) = (struct ks_layout){ kind, ks_strdup(type), ks_strdup(path),
							   ks_strdup(what) };
}

/* Both texts of a changed file; "" where it is not there. */
struct texts {
	const struct ks_change *change;
	char *pre, *post;
};

static struct ks_error *read_text(const char *path, bool there, char **text)
{
	struct ks_buf out = { 0 };
	struct ks_error *err = there ? ks_file_read(path, KS_BUILD_MAX_FILE, &out) : NULL;

	*text = ks_buf_steal(&out);
	return err;
}

static struct ks_error *read_texts(const struct ks_build *b, struct texts *t)
{
	char *source = ks_path_join(b->source, t->change->path);
	char *patched = ks_asprintf("%s/patched/%s", b->cache, t->change->path);
	struct ks_error *err = read_text(source, t->change->kind != KS_CHANGE_ADDED, &t->pre);

	if (!err)
		err = read_text(patched, t->change->kind != KS_CHANGE_REMOVED, &t->post);
	free(source);
	free(patched);
	return err;
}

/* By the text, which types may change? */
static struct ks_error *find_findings(struct comparing *x)
{
	KS_VEC(struct texts) texts = { 0 };
	struct ks_strv words = { 0 };
	struct ks_error *err = NULL;

	ks_vec_for(&x->b->changes, c) {
		struct texts *t;

		if (err || !c->compiled || ks_str_ends(c->path, ".S"))
			continue;
		t = ks_vec_push(&texts);
		t->change = c;
		err = read_texts(x->b, t);
		if (!err)
			ks_layout_words(t->pre, t->post, &words);
	}
	ks_vec_for(&texts, t) {
		struct ks_buf others = { 0 };
		struct ks_strv changed = { 0 };

		if (err)
			break;
		ks_vec_for(&texts, other)
			if (other != t)
				ks_buf_addf(&others, "%s\n", other->post);
		ks_layout_compare(t->pre, t->post, ks_buf_text(&others), &words, &changed);
		for (size_t i = 0; i < changed.len; i++)
			*ks_vec_push(&x->findings) =
				(struct finding){ ks_strdup(changed.v[i]), t->change, false };
		ks_strv_free(&changed);
		ks_buf_free(&others);
	}
	ks_vec_for(&texts, t) {
		free(t->pre);
		free(t->post);
	}
	ks_vec_free(&texts);
	ks_strv_free(&words);
	return err;
}

/* Compiling. */

/* *types stays NULL where it does not compile. */
static struct ks_error *compile(struct comparing *x, const struct ks_build_unit *u,
				const char *arguments, const char *object, struct ks_types **types)
{
	char *command = ks_asprintf("%s %s " TYPES_CFLAGS " -MD -MF %s.d -c -o %s %s/%s", x->b->cc,
				    arguments, object, object, x->b->farm, u->source);
	const char *argv[] = { "sh", "-c", command, NULL };
	struct ks_buf said = { 0 };
	struct ks_proc p = { .argv = argv, .cwd = x->b->obj, .env = ks_kbuild_env(),
			     .out = &said, .err = &said };
	int status = 0;
	struct ks_error *err = ks_proc_run(&p, &status);

	ks_note(x->b->report, 2, "%s", command);
	if (!err && status)
		ks_note(x->b->report, 2, "%s", ks_buf_text(&said));
	/* Without debug information, the object is of no more use than none. */
	if (!err && !status)
		ks_error_free(ks_types_open(object, types));
	ks_buf_free(&said);
	free(command);
	return err;
}

/*
 * Of the changed files, those in the list that the compiler wrote.  False: one
 * was read past the overlay.
 */
static bool read_files(struct ks_build *b, const char *object, struct ks_strv *files)
{
	char *path = ks_asprintf("%s.d", object), *save = NULL;
	struct ks_buf text = { 0 };
	bool good = true;

	ks_error_free(ks_file_read(path, KS_BUILD_MAX_FILE, &text));
	for (char *word = text.data ? strtok_r(text.data, " \\\n", &save) : NULL; word;
	     word = strtok_r(NULL, " \\\n", &save)) {
		const char *inside = ks_farm_inside(b, word);
		char *name;

		if (!inside)
			continue;
		name = ks_path_normal(inside);
		if (ks_build_change(b, name)) {
			good &= !ks_object_is_detour(b, inside);
			ks_strv_add(files, name);
		}
		free(name);
	}
	ks_buf_free(&text);
	free(path);
	return good;
}

static void drop_types(struct pair *p)
{
	ks_types_close(p->pre);
	ks_types_close(p->post);
	p->pre = p->post = NULL;
}

static struct ks_error *compile_post(struct comparing *x, struct pair *p, const char *arguments,
				     const char *object)
{
	struct ks_error *err = ks_object_make_real(x->b), *undo;

	if (!err)
		err = ks_overlay_apply(x->b, false);
	if (err)
		return err;
	err = compile(x, p->unit, arguments, object, &p->post);
	undo = ks_overlay_undo(x->b);
	if (!undo)
		return err;
	ks_error_free(err);
	return undo;
}

static struct ks_error *compile_pair(struct comparing *x, struct pair *p)
{
	struct ks_build_unit *unit = (struct ks_build_unit *)p->unit;
	char *dir = ks_path_join(x->b->cache, "types"), *arguments = NULL;
	char *pre = ks_path_join(dir, "pre.o"), *post = ks_path_join(dir, "post.o");
	struct ks_error *err = ks_commands_get(x->b, &unit, 1, &arguments);

	ks_note(x->b->report, 1, "%s: compiled to compare types", unit->source);
	if (!err)
		err = ks_dir_make(dir);
	if (!err && arguments)
		err = compile(x, unit, arguments, pre, &p->pre);
	if (!err && p->pre)
		p->compiles = read_files(x->b, pre, &p->files);
	/* The graph finds too many. */
	if (!err && p->files.len) {
		err = compile_post(x, p, arguments, post);
		p->compiles &= p->post && read_files(x->b, post, &p->files);
	}
	if (!p->compiles || !p->post)
		drop_types(p);
	/* libdw has what it needs in memory, or the files still open. */
	if (!err)
		err = ks_dir_remove(dir);
	free(arguments);
	free(pre);
	free(post);
	free(dir);
	return err;
}

static struct ks_error *get_pair(struct comparing *x, const struct ks_build_unit *unit,
				 struct pair **pair)
{
	struct pair *p;

	ks_vec_for(&x->pairs, known) {
		if (known->unit == unit) {
			*pair = known;
			return NULL;
		}
	}
	p = *pair = ks_vec_push(&x->pairs);
	p->unit = unit;
	return compile_pair(x, p);
}

/* What a pair says. */

/* Does it contain, by value, one of @names? */
static bool contains(const struct ks_type *t, const struct ks_strv *names)
{
	ks_vec_for(&t->members, m)
		if (m->type && ks_strv_has(names, m->type))
			return true;
	return false;
}

/* "within struct a, struct b and 4 more": objects in which there are some of the type. */
static void add_containers(const struct ks_types *types, const char *type, struct ks_buf *what)
{
	struct ks_strv names = { 0 };
	size_t before;

	ks_strv_add(&names, type);
	do {
		before = names.len;
		ks_vec_for(&types->list, t)
			if (contains(t, &names) && !ks_strv_has(&names, t->name))
				ks_strv_add(&names, t->name);
	} while (names.len > before);
	for (size_t i = 1; i < names.len && i <= SHOWN; i++)
		ks_buf_addf(what, "%s%s", i == 1 ? "; within " : ", ", names.v[i]);
	if (names.len > SHOWN + 1)
		ks_buf_addf(what, " and %zu more", names.len - SHOWN - 1);
	ks_strv_free(&names);
}

static void compare_types(struct comparing *x, const struct pair *p, const struct ks_type *pre,
			  const struct ks_type *post, const char *path)
{
	struct ks_buf what = { 0 };
	enum ks_layout_kind kind = ks_definition_compare(p->pre, pre, p->post, post, &what);

	if (kind == KS_LAYOUT_CHANGED)
		add_containers(p->pre, pre->name, &what);
	if (kind != KS_LAYOUT_SAME)
		add_layout(x->layouts, kind, pre->name, path, what.data);
	ks_buf_free(&what);
}

/* Does the pair tell what becomes of the type? */
static bool resolve(struct comparing *x, const struct pair *p, struct finding *f)
{
	const struct ks_type *pre, *post;

	if (!p->pre || !ks_strv_has(&p->files, f->change->path))
		return false;
	pre = ks_types_find(p->pre, f->type, f->change->path);
	post = ks_types_find(p->post, f->type, f->change->path);
	if (!pre && !post)
		return false;
	/*
	 * Where one side does not have it there are no objects, or nobody takes
	 * them for any.  A constant object is compared as such (lib/diff).
	 */
	if (pre && post && !pre->constant)
		compare_types(x, p, pre, post, f->change->path);
	f->done = true;
	return true;
}

static bool is_finding(const struct comparing *x, const char *type)
{
	ks_vec_for(&x->findings, f)
		if (!strcmp(f->type, type))
			return true;
	return false;
}

/* The definition of that name that stands in the same place among those of the name. */
static const struct ks_type *counterpart(const struct pair *p, const struct ks_type *pre,
					 size_t *from)
{
	const struct ks_type *first = pre;
	size_t n = p->post->list.len, place;

	while (first > p->pre->list.v && !strcmp(first[-1].name, pre->name))
		first--;
	while (*from < n && strcmp(p->post->list.v[*from].name, pre->name) < 0)
		++*from;
	place = *from + (pre - first);
	return place < n && !strcmp(p->post->list.v[place].name, pre->name) ?
		       &p->post->list.v[place] : NULL;
}

/* Relative to the source; the caller frees. */
static char *source_path(const struct ks_build *b, const char *file)
{
	const char *inside = ks_farm_inside(b, file);

	return ks_path_normal(inside ? inside : file);
}

/* Types that change though their text does not, and not for a type in them that does. */
static void compare_others(struct comparing *x, const struct pair *p)
{
	KS_VEC(const struct ks_type *) changed = { 0 };
	KS_VEC(const struct ks_type *) becomes = { 0 };
	struct ks_strv names = { 0 };
	size_t from = 0;

	ks_vec_for(&p->pre->list, t) {
		const struct ks_type *post = counterpart(p, t, &from);
		struct ks_buf what = { 0 };

		if (!post || t->constant)
			continue;
		if (ks_definition_compare(p->pre, t, p->post, post, &what) == KS_LAYOUT_CHANGED)
			ks_strv_add(&names, t->name);
		if (what.len && !is_finding(x, t->name)) {
			*ks_vec_push(&changed) = t;
			*ks_vec_push(&becomes) = post;
		}
		ks_buf_free(&what);
	}
	for (size_t i = 0; i < changed.len; i++) {
		const struct ks_type *t = changed.v[i];
		char *path = source_path(x->b, t->file);

		if (!contains(t, &names))
			compare_types(x, p, t, becomes.v[i], path);
		free(path);
	}
	ks_vec_free(&changed);
	ks_vec_free(&becomes);
	ks_strv_free(&names);
}

/* Which units to ask. */

/* So much longer is a unit that makes the code of tracepoints. */
#define TRACE_POINTS 200000

struct candidate {
	const struct ks_build_unit *unit;
	bool own;      /* the file is its source */
	bool near;     /* it lies where the file does */
	bool mentions; /* it names the file; one of such a name */
	size_t len;    /* what the compiler has to do, by a guess */
};

static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->own != y->own)
		return y->own - x->own;
	if (x->near != y->near)
		return y->near - x->near;
	if (x->mentions != y->mentions)
		return y->mentions - x->mentions;
	return (x->len > y->len) - (x->len < y->len);
}

struct candidates {
	KS_VEC(struct candidate) list;
	bool all; /* no other unit has the file */
};

static void find_candidates(struct comparing *x, const char *path, struct candidates *found)
{
	struct ks_strv paths = { 0 }, sources = { 0 };
	char *dir = ks_strndup(path, ks_path_base(path) - path);
	bool everyone = false;

	found->all = true;
	ks_strv_add(&paths, path);
	ks_graph_reach(x->b->graph, &paths, &sources, &everyone);
	ks_vec_for(&x->units->list, u) {
		struct ks_buf text = { 0 };
		struct candidate *c;
		char *source;

		if (u->apart || ks_str_ends(u->source, ".S"))
			continue;
		if (!u->whole && !everyone && !ks_strv_has(&sources, u->source))
			continue;
		source = ks_path_join(x->b->source, u->source);
		if (ks_file_exists(source)) {
			ks_error_free(ks_file_read(source, KS_BUILD_MAX_FILE, &text));
			c = ks_vec_push(&found->list);
			c->unit = u;
			c->own = !strcmp(u->source, path);
			c->near = ks_str_starts(u->source, dir);
			c->mentions = text.len && strstr(text.data, ks_path_base(path));
			c->len = text.len;
			if (text.len && strstr(text.data, "CREATE_TRACE_POINTS"))
				c->len += TRACE_POINTS;
		} else { /* generated */
			found->all = false;
		}
		ks_buf_free(&text);
		free(source);
	}
	if (found->list.len)
		qsort(found->list.v, found->list.len, sizeof(*found->list.v), compare_candidates);
	ks_strv_free(&paths);
	ks_strv_free(&sources);
	free(dir);
}

static struct ks_error *ask(struct comparing *x, struct finding *f)
{
	struct candidates found = { 0 };
	struct ks_error *err = NULL;
	bool certain;
	size_t i;

	ks_vec_for(&x->pairs, p)
		if (resolve(x, p, f))
			return NULL;
	find_candidates(x, f->change->path, &found);
	certain = found.all && found.list.len <= MAX_TRIES;
	for (i = 0; i < found.list.len && i < MAX_TRIES && !err && !f->done; i++) {
		struct pair *p = NULL;

		err = get_pair(x, found.list.v[i].unit, &p);
		if (!err)
			resolve(x, p, f);
		certain &= !err && p->compiles;
	}
	/* All who have the file have been asked, and none has the type: not in this configuration. */
	if (!err && !f->done && !certain)
		add_layout(x->layouts, KS_LAYOUT_UNKNOWN, f->type, f->change->path,
			   "its text changes; what becomes of it could not be determined");
	ks_vec_free(&found.list);
	return err;
}

struct ks_error *ks_build_layouts(struct ks_build *b, const struct ks_build_units *units,
				  struct ks_layouts *layouts)
{
	struct comparing x = { .b = b, .units = units, .layouts = layouts };
	struct ks_error *err = NULL;

	/* Without units, nobody has the files. */
	if (units->list.len)
		err = find_findings(&x);
	if (!err && x.findings.len)
		ks_step(b->report, "Comparing the layout of types (%s%s)", x.findings.v[0].type,
			x.findings.len > 1 ? ", ..." : "");
	ks_vec_for(&x.findings, f)
		if (!err)
			err = ask(&x, f);
	ks_vec_for(&x.pairs, p)
		if (!err && p->pre)
			compare_others(&x, p);
	ks_vec_for(&x.pairs, p) {
		drop_types(p);
		ks_strv_free(&p->files);
	}
	ks_vec_for(&x.findings, f)
		free(f->type);
	ks_vec_free(&x.findings);
	ks_vec_free(&x.pairs);
	return err;
}

void ks_build_layouts_free(struct ks_layouts *layouts)
{
	ks_vec_for(&layouts->list, l) {
		free(l->type);
		free(l->path);
		free(l->what);
	}
	ks_vec_free(&layouts->list);
}
