// SPDX-License-Identifier: GPL-2.0-only
/*
 * The objects of both sides.
 *
 * Pre objects are kept in pre/ with a stamp: the key of what obj/ was
 * prepared from (configuration, compiler, flags), and size and times of every
 * source file that the compiler read.  An object is used again only if all of
 * that is as it was.  kbuild's own idea of what is up to date is not relied
 * on: it goes by times only, and a killed make may leave anything.  So what
 * is to be compiled is first deleted, and moved out of obj/ afterwards.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "build/state.h"

#define STAMP_HEAD "ksplice pre object 4"

/* Clocks of file systems tick more slowly than the kernel's. */
#define CLOCK_SLACK_NS 20000000

static char *stamp_path(const struct ks_build_unit *u)
{
	return ks_asprintf("%s.stamp", u->pre_path);
}

/* What the stamp of an object made now from @deps has to say. */
static char *stamp_text(struct ks_build *b, const char *modname, const char *modfile,
			const struct ks_strv *files)
{
	struct ks_buf text = { 0 };

	ks_buf_addf(&text, STAMP_HEAD "\n%s\n%s\n%s\n", b->key, modname ? modname : "-",
		    modfile ? modfile : "-");
	for (size_t i = 0; i < files->len; i++) {
		bool generated = files->v[i][0] == '@';
		char *path = ks_path_join(generated ? b->obj : b->source, files->v[i] + generated);

		ks_inputs_signature(path, &text);
		ks_buf_addf(&text, " %s\n", files->v[i]);
		free(path);
	}
	return ks_buf_steal(&text);
}

/* The names in a stamp; false: it is none of ours. */
static bool stamp_parse(const char *stamp, char **modname, char **modfile, struct ks_strv *files)
{
	char *copy = ks_strdup(stamp), *save = NULL, *line;
	size_t n = 0;
	bool ok = false;

	for (line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save), n++) {
		if (n == 0 && strcmp(line, STAMP_HEAD))
			break;
		if (n == 2 && strcmp(line, "-"))
			*modname = ks_strdup(line);
		if (n == 3 && strcmp(line, "-"))
			*modfile = ks_strdup(line);
		if (n > 3) {
			/* size, mtime, ctime, path; or "-", path */
			char *p = strchr(line, ' ');

			for (int i = 0; *line != '-' && p && i < 2; i++)
				p = strchr(p + 1, ' ');
			if (!p)
				break;
			ks_strv_add(files, p + 1);
			ok = true;
		}
	}
	if (line)
		ok = false;
	free(copy);
	return ok;
}

/* Is the pre object in the cache what would be compiled now?  Then also its files are known. */
static bool is_fresh(struct ks_build *b, struct ks_build_unit *u, struct ks_strv *files)
{
	char *path = stamp_path(u), *modname = NULL, *modfile = NULL, *now = NULL;
	struct ks_buf stamp = { 0 };
	struct ks_error *err = NULL;
	bool fresh = false;

	if (ks_file_exists(path) && ks_file_exists(u->pre_path)) {
		err = ks_file_read(path, KS_BUILD_MAX_FILE, &stamp);
		if (!err && stamp.len && stamp_parse(stamp.data, &modname, &modfile, files)) {
			now = stamp_text(b, modname, modfile, files);
			fresh = !strcmp(stamp.data, now);
		}
		ks_error_free(err);
	}
	if (fresh) {
		free(u->modname);
		free(u->modfile);
		u->modname = modname;
		u->modfile = modfile;
	} else {
		free(modname);
		free(modfile);
		ks_strv_free(files);
	}
	free(now);
	free(path);
	ks_buf_free(&stamp);
	return fresh;
}

static struct ks_error *remove_file(const char *path)
{
	if (unlink(path) && errno != ENOENT)
		return ks_error_errno(errno, "cannot remove %s", path);
	return NULL;
}

/* So that kbuild makes the object, whatever is there. */
static struct ks_error *discard(struct ks_build *b, const struct ks_build_unit *u)
{
	const char *base = ks_path_base(u->object);
	char *object = ks_path_join(b->obj, u->object);
	char *cmd = ks_asprintf("%s/%.*s.%s.cmd", b->obj, (int)(base - u->object), u->object, base);
	struct ks_error *err = remove_file(object);

	if (!err)
		err = remove_file(cmd);
	free(object);
	free(cmd);
	return err;
}

static struct ks_error *move_object(struct ks_build *b, const struct ks_build_unit *u,
				    const char *to)
{
	char *from = ks_path_join(b->obj, u->object), *dir = ks_strdup(to);
	struct ks_error *err;

	*strrchr(dir, '/') = 0;
	err = ks_dir_make(dir);
	if (!err && rename(from, to))
		err = ks_error_errno(errno, "cannot move %s to %s", from, to);
	free(from);
	free(dir);
	return err;
}

/* The files of a unit just compiled: those changed since @start may have been read in two states.
 */
static bool changed_since(struct ks_build *b, const struct ks_strv *files,
			  const struct timespec *start)
{
	bool changed = false;

	for (size_t i = 0; i < files->len && !changed; i++) {
		char *path = ks_path_join(b->source, files->v[i]);
		struct stat st;

		if (!stat(path, &st))
			changed = st.st_ctim.tv_sec > start->tv_sec ||
				  (st.st_ctim.tv_sec == start->tv_sec &&
				   st.st_ctim.tv_nsec > start->tv_nsec);
		free(path);
	}
	return changed;
}

static struct ks_error *keep_pre(struct ks_build *b, struct ks_build_unit *u,
				 const struct ks_deps *deps, const struct timespec *start)
{
	char *path = stamp_path(u), *text = stamp_text(b, deps->modname, deps->modfile, &deps->files);
	struct ks_error *err = remove_file(path);

	if (!err)
		err = move_object(b, u, u->pre_path);
	if (!err && changed_since(b, &deps->files, start))
		ks_note(b->report, 0,
			"%s: files that it is made from changed a moment ago; it is not kept for later runs",
			u->object);
	else if (!err)
		err = ks_file_write(path, text, strlen(text), 0644);
	free(u->modname);
	free(u->modfile);
	u->modname = deps->modname ? ks_strdup(deps->modname) : NULL;
	u->modfile = deps->modfile ? ks_strdup(deps->modfile) : NULL;
	free(path);
	free(text);
	return err;
}

/* Compiles the units at @which and leaves their objects in obj/. */
static struct ks_error *run_compiler(struct ks_build *b, struct ks_build_unit **which, size_t n,
				     const char *cflags, const char *what)
{
	struct ks_error *err = NULL;

	for (size_t i = 0; i < n && !err; i++)
		err = discard(b, which[i]);
	if (!err)
		err = ks_kbuild_compile(b, which, n, cflags, what);
	for (size_t i = 0; i < n && !err; i++) {
		char *object = ks_path_join(b->obj, which[i]->object);

		if (!ks_file_exists(object))
			err = ks_error_new(KS_E_FAILED,
					   "%s: make succeeded, but there is no such object",
					   object);
		free(object);
	}
	return err;
}

/* Some of the unit's files are changed by the patch: remember which. */
static bool reaches_change(struct ks_build *b, const struct ks_strv *files)
{
	bool found = false;

	ks_vec_for(&b->changes, c) {
		if (c->compiled && ks_strv_has(files, c->path)) {
			c->reaches = true;
			found = true;
		}
	}
	return found;
}

static void note_unreached(struct ks_build *b, enum ks_build_side side)
{
	ks_vec_for(&b->changes, c) {
		if (!c->compiled || c->reaches || (c->kind == KS_CHANGE_ADDED) != (side == KS_POST))
			continue;
		ks_note(b->report, 0, "%s: %s: nothing to do for it", c->path,
			c->kind == KS_CHANGE_ADDED ? "a new file that no compiled file includes"
						   : "not built in this configuration");
	}
}

static struct ks_error *compile_pre(struct ks_build *b, struct ks_build_units *units)
{
	size_t n = units->list.len, stale = 0;
	struct ks_build_unit **which = ks_alloc((n + 1) * sizeof(*which));
	struct ks_strv *files = ks_alloc((n + 1) * sizeof(*files));
	struct ks_error *err = NULL;
	struct timespec start;

	clock_gettime(CLOCK_REALTIME, &start);
	start.tv_nsec -= CLOCK_SLACK_NS;
	if (start.tv_nsec < 0) {
		start.tv_sec--;
		start.tv_nsec += 1000000000;
	}
	for (size_t i = 0; i < n; i++)
		if (!is_fresh(b, &units->list.v[i], &files[i]))
			which[stale++] = &units->list.v[i];
	if (stale) {
		ks_step(b->report, "Compiling %zu original object%s%s", stale,
			stale == 1 ? "" : "s", stale < n ? " (the others are in the cache)" : "");
		err = run_compiler(b, which, stale, KS_KBUILD_CFLAGS,
				   "the original source does not compile");
	} else {
		ks_step(b->report, "Original objects: all in the cache");
	}
	for (size_t i = 0; i < n && !err; i++) {
		struct ks_deps deps = { 0 };

		if (files[i].len)
			continue;
		err = ks_deps_read(b, units->list.v[i].object, &deps);
		if (!err) {
			ks_note(b->report, 2, "%s", deps.command);
			err = keep_pre(b, &units->list.v[i], &deps, &start);
			files[i] = deps.files;
			deps.files = (struct ks_strv){ 0 };
		}
		ks_deps_free(&deps);
	}
	/* From the end: dropping moves those behind. */
	for (size_t i = n; i-- > 0 && !err;) {
		/* What was examined includes one, perhaps only with the patch. */
		if (reaches_change(b, &files[i]) || !units->list.v[i].included)
			continue;
		ks_note(b->report, 1, "%s: does not include a changed file",
			units->list.v[i].source);
		ks_units_drop(units, i);
	}
	if (!err)
		note_unreached(b, KS_PRE);
	for (size_t i = 0; i < n; i++)
		ks_strv_free(&files[i]);
	free(files);
	free(which);
	return err;
}

/* The directory part of a path becomes real in the farm. */
static struct ks_error *make_parent_real(struct ks_build *b, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? ks_strndup(path, slash - path) : NULL;
	struct ks_error *err = dir ? ks_farm_make_real(b, dir) : NULL;

	free(dir);
	return err;
}

struct ks_error *ks_object_make_real(struct ks_build *b)
{
	struct ks_error *err = NULL;

	ks_vec_for(&b->changes, c)
		if (!err && c->compiled)
			err = make_parent_real(b, c->path);
	return err;
}

static struct ks_error *make_directories_real(struct ks_build *b, struct ks_build_unit **which,
					      size_t n)
{
	struct ks_error *err = ks_object_make_real(b);

	for (size_t i = 0; i < n && !err; i++) {
		err = make_parent_real(b, which[i]->source);
		/* Its makefile may reach it, and give include paths, from elsewhere. */
		if (!err && which[i]->way.len)
			err = ks_farm_make_real(b, which[i]->way.v[which[i]->way.len - 1]);
	}
	return err;
}

bool ks_object_is_detour(struct ks_build *b, const char *path)
{
	char *normal = ks_path_normal(path);
	char *taken = ks_path_join(b->farm, path), *meant = ks_path_join(b->farm, normal);
	struct ks_change *c = ks_build_change(b, normal);
	bool detour = false;
	struct stat x, y;

	/* The overlay may be gone by now, but the directories are not. */
	*strrchr(taken, '/') = 0;
	*strrchr(meant, '/') = 0;
	if (c && c->compiled && !stat(taken, &x) && !stat(meant, &y))
		detour = x.st_dev != y.st_dev || x.st_ino != y.st_ino;
	free(normal);
	free(taken);
	free(meant);
	return detour;
}

/*
 * A patched file that the compiler has read past the overlay: through "../"
 * from a directory that is a link.  Those directories are made real, and
 * *again says that the objects have to be compiled once more.
 */
static struct ks_error *check_detours(struct ks_build *b, const struct ks_deps *deps, bool *again)
{
	struct ks_error *err = NULL;

	for (size_t i = 0; i < deps->detours.len && !err; i++) {
		char *path = deps->detours.v[i];

		if (!ks_object_is_detour(b, path))
			continue;
		*again = true;
		for (char *p = strstr(path, "/.."); p && !err; p = strstr(p + 1, "/..")) {
			char *text = ks_strndup(path, p - path), *dir = ks_path_normal(text);

			err = ks_farm_make_real(b, dir);
			free(dir);
			free(text);
		}
	}
	return err;
}

/* One attempt at the post side; the farm's files are as before afterwards, whatever happens. */
static struct ks_error *attempt_post(struct ks_build *b, struct ks_build_unit **which, size_t n,
				     bool line_directives)
{
	struct ks_error *err = ks_overlay_apply(b, line_directives), *undo;

	if (err)
		return err;
	err = run_compiler(b, which, n, KS_KBUILD_CFLAGS, "the patched source does not compile");
	undo = ks_overlay_undo(b);
	if (!undo)
		return err;
	ks_error_free(err);
	return undo;
}

static struct ks_error *compile_patched(struct ks_build *b, struct ks_build_unit **which, size_t n)
{
	struct ks_error *err, *first = attempt_post(b, which, n, true);

	if (!first || ks_error_code(first) != KS_E_FAILED)
		return first;
	/*
	 * Two top-level macros that make names of __LINE__ could clash because
	 * of our directives; and the compiler's messages should count lines as
	 * the author does.
	 */
	err = attempt_post(b, which, n, false);
	if (!err)
		ks_note(b->report, 0,
			"compiled without line directives, with which it failed: more functions may differ than the patch changes");
	ks_error_free(first);
	return err;
}

static struct ks_error *read_post_deps(struct ks_build *b, struct ks_build_unit **which, size_t n,
				       bool *again)
{
	struct ks_error *err = NULL;

	for (size_t i = 0; i < n && !err; i++) {
		struct ks_deps deps = { 0 };

		err = ks_deps_read(b, which[i]->object, &deps);
		if (!err) {
			reaches_change(b, &deps.files);
			err = check_detours(b, &deps, again);
		}
		ks_deps_free(&deps);
	}
	return err;
}

static struct ks_error *compare_apart(struct ks_build_unit *u, struct ks_buf *changed)
{
	struct ks_buf pre = { 0 }, post = { 0 };
	struct ks_error *err = ks_file_read(u->pre_path, KS_BUILD_MAX_FILE, &pre);

	if (!err)
		err = ks_file_read(u->post_path, KS_BUILD_MAX_FILE, &post);
	if (!err && (pre.len != post.len || memcmp(pre.data, post.data, pre.len)))
		ks_buf_addf(changed, "\n  %s", u->source);
	ks_buf_free(&pre);
	ks_buf_free(&post);
	return err;
}

/* What is linked apart is no code that could be replaced: it must come out the same. */
static struct ks_error *check_apart(struct ks_build_units *units)
{
	struct ks_buf changed = { 0 };
	struct ks_error *err = NULL;

	for (size_t i = units->list.len; i-- > 0 && !err;) {
		if (!units->list.v[i].apart)
			continue;
		err = compare_apart(&units->list.v[i], &changed);
		if (!err)
			ks_units_drop(units, i);
	}
	if (!err && changed.len)
		err = ks_error_new(KS_E_REFUSED,
				   "the patch changes code that is linked apart from the kernel (the vdso, real mode, purgatory), by a header that it includes:%s",
				   changed.data);
	ks_buf_free(&changed);
	return err;
}

static struct ks_error *compile_post(struct ks_build *b, struct ks_build_units *units)
{
	size_t n = units->list.len;
	struct ks_build_unit **which = ks_alloc((n + 1) * sizeof(*which));
	char *post = ks_path_join(b->cache, "post");
	bool again = false;
	struct ks_error *err;

	for (size_t i = 0; i < n; i++)
		which[i] = &units->list.v[i];
	ks_step(b->report, "Compiling %zu patched object%s", n, n == 1 ? "" : "s");
	err = ks_dir_remove(post);
	if (!err)
		err = make_directories_real(b, which, n);
	if (!err)
		err = compile_patched(b, which, n);
	if (!err)
		err = read_post_deps(b, which, n, &again);
	if (!err && again) {
		again = false;
		err = compile_patched(b, which, n);
		if (!err)
			err = read_post_deps(b, which, n, &again);
		if (!err && again)
			err = ks_error_new(KS_E_FAILED,
					   "%s: a patched file is read from the unpatched source through \"../\"; this is a fault in ksplice",
					   b->farm);
	}
	for (size_t i = 0; i < n && !err; i++)
		err = move_object(b, which[i], which[i]->post_path);
	if (!err)
		err = check_apart(units);
	if (!err)
		note_unreached(b, KS_POST);
	free(post);
	free(which);
	return err;
}

struct ks_error *ks_build_compile(struct ks_build *b, struct ks_build_units *units,
				  enum ks_build_side side)
{
	struct ks_error *err;

	if (!units->list.len)
		return NULL;
	err = ks_build_prepare(b);
	if (err)
		return err;
	return side == KS_PRE ? compile_pre(b, units) : compile_post(b, units);
}

struct ks_error *ks_build_compile_plain(struct ks_build *b, struct ks_build_unit *unit, char **path)
{
	char *to = ks_asprintf("%s/plain/%s", b->cache, unit->object);
	struct ks_error *err = run_compiler(b, &unit, 1, KS_KBUILD_PLAIN_CFLAGS,
					    "the original source does not compile");

	if (!err)
		err = move_object(b, unit, to);
	if (err) {
		free(to);
		return err;
	}
	*path = to;
	return NULL;
}
