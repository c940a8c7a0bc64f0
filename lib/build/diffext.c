// SPDX-License-Identifier: GPL-2.0-only
/*
 * Patched files beside the originals: for the extension "new" the file
 * kernel/fork.c.new in the source tree is what kernel/fork.c becomes.  Like
 * patch.c this leads to the files in patched/ and the list of changes, and it
 * writes down the difference as a patch, for the package.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/proc.h"
#include "build/state.h"

#define MAX_DEPTH 40

struct search {
	struct ks_build *b;
	char *ending; /* ".new" */
	struct ks_strv found;
};

static bool skipped(const struct search *s, const char *dir)
{
	char *full;
	bool skip;

	if (ks_path_base(dir)[0] == '.' || !strcmp(dir, "ksplice"))
		return true;
	full = ks_path_join(s->b->source, dir);
	skip = !strcmp(full, s->b->config_dir) || !strcmp(full, s->b->cache);
	free(full);
	return skip;
}

static struct ks_error *search(struct search *s, const char *dir, int depth)
{
	char *full = *dir ? ks_path_join(s->b->source, dir) : ks_strdup(s->b->source);
	struct ks_error *err = NULL;
	struct dirent *e;
	DIR *d = opendir(full);

	if (!d)
		err = ks_error_errno(errno, "cannot read %s", full);
	else if (depth > MAX_DEPTH)
		err = ks_error_new(KS_E_INPUT, "%s: more than %d directories deep", full, MAX_DEPTH);
	while (!err && (errno = 0, e = readdir(d))) {
		unsigned char type = e->d_type;
		struct stat st;
		char *path;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (type == DT_UNKNOWN && !fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW))
			type = IFTODT(st.st_mode);
		path = ks_asprintf("%s%s%s", dir, *dir ? "/" : "", e->d_name);
		if (type == DT_DIR && !skipped(s, path))
			err = search(s, path, depth + 1);
		else if (type == DT_REG && ks_str_ends(e->d_name, s->ending) &&
			 strlen(e->d_name) > strlen(s->ending))
			ks_strv_addf(&s->found, "%.*s", (int)(strlen(path) - strlen(s->ending)),
				     path);
		free(path);
	}
	if (!err && ks_interrupted())
		err = ks_interrupted_error();
	if (d)
		closedir(d);
	free(full);
	return err;
}

static struct ks_error *take(struct search *s, const char *path)
{
	char *from = ks_asprintf("%s/%s%s", s->b->source, path, s->ending);
	char *to = ks_asprintf("%s/patched/%s", s->b->cache, path), *slash = strrchr(to, '/');
	char *original = ks_path_join(s->b->source, path);
	struct ks_buf text = { 0 };
	struct ks_error *err = NULL;
	struct stat st;

	if (!lstat(original, &st) && !S_ISREG(st.st_mode))
		err = ks_error_new(KS_E_REFUSED, "%s: not a regular file, but %s%s is to replace it",
				   path, path, s->ending);
	*slash = 0;
	if (!err)
		err = ks_dir_make(to);
	*slash = '/';
	if (!err)
		err = ks_file_read(from, KS_BUILD_MAX_FILE, &text);
	if (!err)
		err = ks_file_write(to, ks_buf_text(&text), text.len, 0644);
	if (!err)
		err = ks_patch_compare(s->b, path);
	ks_buf_free(&text);
	free(from);
	free(to);
	free(original);
	return err;
}

/* Appends what diff(1) says about one change. */
static struct ks_error *add_diff(struct ks_build *b, const struct ks_change *c, struct ks_buf *out)
{
	bool added = c->kind == KS_CHANGE_ADDED;
	char *was = added ? ks_strdup("/dev/null") : ks_path_join(b->source, c->path);
	char *is = ks_asprintf("%s/patched/%s", b->cache, c->path);
	char *old = added ? ks_strdup("--label=/dev/null") : ks_asprintf("--label=a/%s", c->path);
	char *new = ks_asprintf("--label=b/%s", c->path);
	const char *argv[] = { "diff", "-u", "--text", old, new, was, is, NULL };
	const char *const env[] = { "LC_ALL=C", NULL };
	struct ks_buf said = { 0 };
	struct ks_proc p = { .argv = argv, .env = env, .out = out, .err = &said };
	struct ks_error *err;
	int status = 0;

	err = ks_proc_run(&p, &status);
	if (!err && status > 1)
		err = ks_error_new(KS_E_FAILED, "diff(1) fails on %s: %s", c->path,
				   ks_buf_text(&said));
	ks_buf_free(&said);
	free(was);
	free(is);
	free(old);
	free(new);
	return err;
}

static struct ks_error *write_patch(struct ks_build *b)
{
	struct ks_buf text = { 0 };
	struct ks_error *err = NULL;

	b->patch_file = ks_path_join(b->cache, "changes.patch");
	ks_vec_for(&b->changes, c)
		if (!err)
			err = add_diff(b, c, &text);
	if (!err)
		err = ks_file_write(b->patch_file, ks_buf_text(&text), text.len, 0644);
	ks_buf_free(&text);
	return err;
}

struct ks_error *ks_build_apply_diffext(struct ks_build *b, const char *ext,
					struct ks_strv *changed_files)
{
	struct search s = { .b = b };
	char *dir = ks_path_join(b->cache, "patched");
	struct ks_error *err = NULL;

	ks_step(b->report, "Looking for files that end in %s%s", *ext == '.' ? "" : ".", ext);
	ks_patch_forget(b);
	s.ending = ks_asprintf(".%s", ext + (*ext == '.'));
	if (!s.ending[1] || strpbrk(s.ending, "/\n\t "))
		err = ks_error_new(KS_E_USAGE, "\"%s\" is no ending of file names", ext);
	if (!err)
		err = search(&s, "", 0);
	if (!err && !s.found.len)
		err = ks_error_new(KS_E_INPUT, "%s: no file in it ends in \"%s\"", b->source, s.ending);
	ks_strv_sort(&s.found);
	if (!err)
		err = ks_dir_remove(dir);
	if (!err)
		err = ks_dir_make(dir);
	for (size_t i = 0; i < s.found.len && !err; i++)
		err = take(&s, s.found.v[i]);
	if (!err)
		err = write_patch(b);
	if (!err && changed_files)
		ks_vec_for(&b->changes, c)
			ks_strv_add(changed_files, c->path);
	if (err)
		ks_patch_forget(b);
	ks_strv_free(&s.found);
	free(s.ending);
	free(dir);
	return err;
}
