// SPDX-License-Identifier: GPL-2.0-only
/*
 * What kbuild generates from headers, and what happens to that when one of
 * them is patched.
 *
 * "make prepare" compiles asm-offsets.c, bounds.c and devicetable-offsets.c
 * into headers, and builds host programs that include some.  Such a header
 * stays in obj/ as it is for the original source: everything that includes it
 * would have to be compiled.  For the first kind it is looked whether the
 * patched headers give the same values; the second is refused.
 *
 * Makefiles of single directories also generate files from headers
 * (security/apparmor makes capability_names.h of uapi/linux/capability.h).
 * kbuild does that by itself when it compiles the patched side.  It must not
 * be left behind in obj/, where it would be newer than the original and so be
 * taken for good: everything but objects that is written there while the
 * overlay is in place is removed afterwards.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"
#include "build/state.h"

static const struct {
	const char *output, *dir;
} headers[] = {
	{ "arch/x86/kernel/asm-offsets.s", "arch/x86/kernel" },
	{ "kernel/bounds.s", "kernel" },
	{ "scripts/mod/devicetable-offsets.s", "scripts/mod" },
};

static bool is_changed(struct ks_build *b, const struct ks_strv *files, const char **which)
{
	ks_vec_for(&b->changes, c) {
		*which = c->path;
		if (c->compiled && ks_strv_has(files, c->path))
			return true;
	}
	return false;
}

/* "->NAME VALUE" of each line ".ascii "->NAME VALUE expression"". */
static void read_values(const struct ks_buf *text, struct ks_strv *values)
{
	for (const char *p = text->data; p && (p = strstr(p, "\"->")); p++) {
		const char *value = p + 3 + strcspn(p + 3, " \"\n");

		value += *value == ' ';
		ks_strv_addf(values, "%.*s", (int)(value + strcspn(value, " \"\n") - p - 3), p + 3);
	}
}

static struct ks_error *compare_values(const char *old_path, const char *new_path,
				       const char *output, const char *which)
{
	struct ks_buf x = { 0 }, y = { 0 };
	struct ks_strv old = { 0 }, new = { 0 };
	struct ks_error *err = ks_file_read(old_path, KS_BUILD_MAX_FILE, &x);
	size_t i = 0;

	if (!err)
		err = ks_file_read(new_path, KS_BUILD_MAX_FILE, &y);
	if (!err) {
		read_values(&x, &old);
		read_values(&y, &new);
		while (i < old.len && i < new.len && !strcmp(old.v[i], new.v[i]))
			i++;
	}
	if (!err && (i < old.len || i < new.len))
		err = ks_error_new(KS_E_REFUSED,
				   "%s: it changes %s, from which a header is generated that assembly and much else includes: \"%s\" becomes \"%s\"",
				   which, output, i < old.len ? old.v[i] : "nothing",
				   i < new.len ? new.v[i] : "nothing");
	ks_buf_free(&x);
	ks_buf_free(&y);
	ks_strv_free(&old);
	ks_strv_free(&new);
	return err;
}

/* Runs the command that made @output once more, into the cache. */
static struct ks_error *generate(struct ks_build *b, const char *command, const char *output,
				 const char *to)
{
	char *old = ks_asprintf(" -o %s ", output);
	const char *depfile = strstr(command, " -Wp,-MMD,"), *place = strstr(command, old);
	const char *after = depfile ? depfile + 1 + strcspn(depfile + 1, " ") : NULL;
	struct ks_error *err;

	if (!place || !depfile || after > place) {
		err = ks_error_new(KS_E_FAILED, "%s: how it is made is not understood", output);
	} else {
		char *text = ks_asprintf("%.*s%.*s -o %s %s", (int)(depfile - command), command,
					 (int)(place - after), after, to, place + strlen(old));
		const char *argv[] = { "sh", "-c", text, NULL };
		struct ks_proc p = { .argv = argv, .cwd = b->obj, .env = ks_kbuild_env() };

		err = ks_error_prefix(ks_proc_check(&p), "with the patch, %s does not compile",
				      output);
		free(text);
	}
	free(old);
	return err;
}

static struct ks_error *check_header(struct ks_build *b, size_t i)
{
	char *to = ks_path_join(b->cache, "generated.s");
	char *old = ks_path_join(b->obj, headers[i].output);
	struct ks_deps deps = { 0 };
	struct ks_error *err = ks_deps_read(b, headers[i].output, &deps), *undo;
	const char *which;

	if (!err && is_changed(b, &deps.files, &which)) {
		err = ks_object_make_real(b);
		if (!err)
			err = ks_farm_make_real(b, headers[i].dir);
		if (!err)
			err = ks_overlay_apply(b, true);
		if (!err) {
			err = generate(b, deps.command, headers[i].output, to);
			undo = ks_overlay_undo(b);
			if (undo) {
				ks_error_free(err);
				err = undo;
			}
		}
		if (!err)
			err = compare_values(old, to, headers[i].output, which);
	}
	ks_deps_free(&deps);
	free(to);
	free(old);
	return err;
}

/* What a program of the build was made from is in its .cmd file, as for objects. */
static struct ks_error *check_program(struct ks_build *b, const char *dir, const char *name)
{
	char *object = ks_asprintf("%s/%.*s", dir, (int)strlen(name) - 5, name + 1);
	struct ks_deps deps = { 0 };
	struct ks_error *err = NULL;
	const char *which;
	bool own = false;

	for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++)
		own |= !strcmp(object, headers[i].output);
	/* Only used to find out how objects look. */
	own |= !strcmp(object, "scripts/mod/empty.o");
	if (!own) {
		/* Many are not of that form: nothing of the source is in them. */
		ks_error_free(ks_deps_read(b, object, &deps));
		if (is_changed(b, &deps.files, &which))
			err = ks_error_new(KS_E_REFUSED,
					   "%s: %s, a program of the build, is made from it, and what it generates may change",
					   which, object);
	}
	ks_deps_free(&deps);
	free(object);
	return err;
}

static struct ks_error *check_programs(struct ks_build *b, const char *dir)
{
	char *full = ks_path_join(b->obj, dir);
	struct ks_error *err = NULL;
	DIR *d = opendir(full);
	struct dirent *e;

	while (d && !err && (e = readdir(d))) {
		if (e->d_type == DT_DIR && e->d_name[0] != '.') {
			char *below = ks_path_join(dir, e->d_name);

			err = check_programs(b, below);
			free(below);
		} else if (e->d_name[0] == '.' && strlen(e->d_name) > 5 &&
			   ks_str_ends(e->d_name, ".cmd")) {
			err = check_program(b, dir, e->d_name);
		}
	}
	if (d)
		closedir(d);
	free(full);
	return err;
}

/*
 * <asm/x.h> is generated for the names that have a generic version and none of
 * the architecture.
 */
static struct ks_error *check_wrappers(struct ks_build *b)
{
	static const char *const dirs[] = { "arch/x86/include/asm/", "arch/x86/include/uapi/asm/",
					    "include/asm-generic/", "include/uapi/asm-generic/" };

	ks_vec_for(&b->changes, c)
		for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
			if (c->compiled && c->kind != KS_CHANGE_MODIFIED &&
			    ks_str_starts(c->path, dirs[i]))
				return ks_error_new(KS_E_REFUSED,
						    "%s: it comes or goes where headers are generated for those that are not there",
						    c->path);
	return NULL;
}

struct ks_error *ks_generated_check(struct ks_build *b)
{
	static const char *const programs[] = { "scripts", "tools" };
	struct ks_error *err = check_wrappers(b);

	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs) && !err; i++)
		err = check_programs(b, programs[i]);
	for (size_t i = 0; i < sizeof(headers) / sizeof(*headers) && !err; i++)
		err = check_header(b, i);
	return err;
}

/* Is the file at @path what the makefile means where it has this? */
static bool names(const char *text, const char *path)
{
	const char *base = ks_path_base(path);
	size_t n = strlen(base);

	for (const char *p = text; (p = strstr(p, base)); p += n) {
		const char *dir, *mine = base > path ? base - 2 : path;

		/* The whole last part of a name, "$(srctree)/x.h" or "x.h". */
		if (p > text && !strchr("/ \t:=\n\\", p[-1]))
			continue;
		if (p[n] && !strchr(" \t\n\\:;)\"", p[n]))
			continue;
		if (p == text || p[-1] != '/')
			return true;
		/* "/x.h", at the very beginning: of no directory of the source. */
		if (p - text < 2)
			continue;
		/* The directory, too, where it is not a variable. */
		for (dir = p - 2; dir > text && mine > path && *dir == *mine; dir--)
			mine--;
		if (p[-2] == ')' || *mine == '/' || mine == path)
			return true;
	}
	return false;
}

bool ks_generated_in(struct ks_build *b, const char *dir, const char *path)
{
	static const char *const makefiles[] = { "Makefile", "Kbuild" };
	bool found = false;

	for (size_t i = 0; i < sizeof(makefiles) / sizeof(*makefiles) && !found; i++) {
		char *makefile = ks_asprintf("%s/%s/%s", b->source, dir, makefiles[i]);
		struct ks_buf text = { 0 };

		if (ks_file_exists(makefile))
			ks_error_free(ks_file_read(makefile, KS_BUILD_MAX_FILE, &text));
		found = text.data && names(text.data, path);
		ks_buf_free(&text);
		free(makefile);
	}
	return found;
}

static bool is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec > b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec >= b->tv_nsec);
}

static bool goes(const char *path, const struct stat *st, const struct timespec *since)
{
	if (!since)
		return ks_str_ends(path, ".o") || ks_str_ends(path, ".o.cmd") ||
		       ks_str_ends(path, ".mod") || ks_str_ends(path, ".mod.c") ||
		       ks_str_ends(path, ".ko") || ks_str_ends(path, ".ko.cmd");
	return is_later(&st->st_mtim, since) && !ks_str_ends(path, ".o") &&
	       !ks_str_ends(path, ".cmd");
}

/* @since NULL: the objects instead, whatever their age. */
static struct ks_error *purge(const char *dir, const struct timespec *since)
{
	struct ks_error *err = NULL;
	DIR *d = opendir(dir);
	struct dirent *e;
	struct stat st;

	while (d && !err && (e = readdir(d))) {
		char *path = ks_path_join(dir, e->d_name);

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || lstat(path, &st))
			;
		else if (S_ISDIR(st.st_mode))
			err = purge(path, since);
		else if (S_ISREG(st.st_mode) && goes(path, &st, since) && unlink(path))
			err = ks_error_errno(errno, "cannot remove %s", path);
		free(path);
	}
	if (d)
		closedir(d);
	return err;
}

static struct ks_error *purge_all(struct ks_build *b, const struct timespec *since)
{
	/* obj/include is made by "make prepare" only, which is not run with an overlay. */
	struct ks_error *err = NULL;
	DIR *d = opendir(b->obj);
	struct dirent *e;

	while (d && !err && (e = readdir(d))) {
		char *path = ks_path_join(b->obj, e->d_name);

		if (e->d_name[0] != '.' && strcmp(e->d_name, "include") &&
		    strcmp(e->d_name, "scripts") && strcmp(e->d_name, "tools") &&
		    ks_file_is_dir(path))
			err = purge(path, since);
		free(path);
	}
	if (d)
		closedir(d);
	return err;
}

struct ks_error *ks_generated_purge(struct ks_build *b, const struct timespec *since)
{
	return purge_all(b, since);
}

struct ks_error *ks_generated_purge_objects(struct ks_build *b)
{
	return purge_all(b, NULL);
}
