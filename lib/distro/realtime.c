// SPDX-License-Identifier: GPL-2.0-only
/*
 * Debian's rt patches; see realtime.h.
 *
 * linux-source has the source of all flavours but this one.  What is missing
 * is in the source package, which an archive may have lost while it has the
 * binary packages.  The series changes seldom, so an older one often fits; it is
 * applied without fuzz, and the headers of the release have the last word here
 * (and the memory of the running kernel when an update is applied).
 */
#include "distro/realtime.h"

#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/proc.h"
#include "distro/deb.h"
#include "distro/debsrc.h"

#define PATCHES "debian/patches-rt/"
#define MAX_SERIES (1u << 20)
#define MAX_HEADER (16u << 20)
#define MAX_OPEN_DIRS 16

bool ks_is_realtime(const char *flavour)
{
	return flavour && ks_str_starts(flavour, "rt-");
}

static struct ks_error *apply(const char *tree, const char *patch)
{
	const char *const argv[] = {"patch",
				    "-p1",
				    "--silent",
				    "--force",
				    "--fuzz=0",
				    "--no-backup-if-mismatch",
				    "--remove-empty-files",
				    "--input",
				    patch,
				    NULL};
	static const char *const env[] = {"LC_ALL=C", "POSIXLY_CORRECT", "PATCH_GET", NULL};
	struct ks_buf text = {0};
	struct ks_proc p = {.argv = argv, .cwd = tree, .env = env, .out = &text, .err = &text};
	struct ks_error *err;
	int status = 0;

	err = ks_proc_run(&p, &status);
	if (!err && status)
		err = ks_error_new(KS_E_FAILED, "%s does not apply:\n%s", ks_path_base(patch),
				   text.len ? text.data : "patch(1) says nothing");
	ks_buf_free(&text);
	return err;
}

/* A name in the series: a file beside it. */
static bool plain_name(const char *name)
{
	return *name && *name != '.' && !strchr(name, '/');
}

static struct ks_error *apply_series(const char *tree, const char *patches, struct ks_report *r)
{
	char *path = ks_path_join(patches, "series"), *save = NULL;
	struct ks_strv names = {0};
	struct ks_buf text = {0};
	struct ks_error *err;

	err = ks_file_read(path, MAX_SERIES, &text);
	for (char *l = err || !text.len ? NULL : strtok_r(text.data, "\n", &save); l;
	     l = strtok_r(NULL, "\n", &save)) {
		l[strcspn(l, " \t\r#")] = 0;
		if (*l)
			ks_strv_add(&names, l);
	}
	for (size_t i = 0; i < names.len && !err; i++) {
		char *patch = ks_path_join(patches, names.v[i]);

		ks_progress(r, i, names.len, "%s", names.v[i]);
		if (!plain_name(names.v[i]))
			err = ks_error_new(KS_E_INPUT,
					   "%s names \"%s\", which is no file beside it", path,
					   names.v[i]);
		else
			err = apply(tree, patch);
		free(patch);
	}
	ks_progress(r, 1, 1, "%s", "");
	if (!err && !names.len)
		err = ks_error_new(KS_E_INPUT, "%s names no patch", path);
	ks_strv_free(&names);
	ks_buf_free(&text);
	free(path);
	return err;
}

struct ks_error *ks_realtime_patch(const char *tree, const char *name, const char *version,
				   const char *dir, struct ks_report *r, char **used)
{
	static const char *const only[] = {PATCHES, NULL};
	char *scratch = ks_path_join(dir, "rt"), *patches = ks_path_join(scratch, PATCHES);
	struct ks_unpack u = {.dest = scratch, .only = only, .report = r, .what = "patches"};
	struct ks_error *err;
	char *tar = NULL;

	err = ks_debsrc_fetch(name, version, dir, r, &tar, used);
	if (!err) {
		ks_step(r, "Patching the source for real time, with the patches of %s", *used);
		err = ks_dir_remove(scratch);
	}
	if (!err)
		err = ks_dir_make(scratch);
	if (!err)
		err = ks_tar_unpack(tar, &u);
	if (!err && !ks_file_is_dir(patches))
		err = ks_error_new(KS_E_FAILED,
				   "the source package of %s has no " PATCHES
				   ": this version of ksplice does not know its layout",
				   *used);
	if (!err)
		err = ks_error_prefix(apply_series(tree, patches, r),
				      "the patches for real time of %s", *used);
	if (err) {
		free(*used);
		*used = NULL;
	}
	free(tar);
	free(patches);
	free(scratch);
	return err;
}

/* nftw() has no argument for its callback. */
static _Thread_local struct {
	const char *tree, *headers;
	char *different; /* the first such file, relative */
} walk;

static int compare_header(const char *path, const struct stat *st, int type, struct FTW *f)
{
	const char *rel = path + strlen(walk.headers) + 1;
	struct ks_buf a = {0}, b = {0};
	struct ks_error *err;
	char *source;

	(void)st;
	(void)f;
	if (type != FTW_F || !ks_str_ends(path, ".h"))
		return 0;
	source = ks_path_join(walk.tree, rel);
	err = ks_file_read(path, MAX_HEADER, &a);
	if (!err)
		err = ks_file_read(source, MAX_HEADER, &b);
	if (err || a.len != b.len || (a.len && memcmp(a.data, b.data, a.len)))
		walk.different = ks_strdup(rel);
	ks_error_free(err);
	ks_buf_free(&a);
	ks_buf_free(&b);
	free(source);
	return walk.different != NULL;
}

struct ks_error *ks_realtime_check(const char *tree, const char *headers)
{
	static const char *const dirs[] = {"include", "arch/x86/include"};
	struct ks_error *err = NULL;

	walk.tree = tree;
	walk.headers = headers;
	walk.different = NULL;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs) && !err && !walk.different; i++) {
		char *dir = ks_path_join(headers, dirs[i]);

		if (nftw(dir, compare_header, MAX_OPEN_DIRS, FTW_PHYS) < 0)
			err = ks_error_errno(errno, "cannot read %s", dir);
		free(dir);
	}
	if (!err && walk.different)
		err = ks_error_new(KS_E_FAILED,
				   "%s in the source is not that of the kernel's headers: the"
				   " patches for real time that can be had are not those that the"
				   " kernel was built with",
				   walk.different);
	free(walk.different);
	walk.different = NULL;
	return err;
}
