// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unpacking through libarchive; see unpack.h.
 *
 * libarchive parses; it never writes to the disk here.  A name is looked at
 * before anything is created for it, directories come into being only with the
 * files in them, and each file is written below a fresh private directory, so
 * there is no link that a path could follow.
 */
#include "pack/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/proc.h"
#include "pack/archive.h"

struct unpack {
	const char *source, *into;
	struct archive *a;
	char *top; /* the one top directory */
	struct ks_strv names;
	size_t entries;
	uint64_t total;
};

static struct ks_error *refuse(const struct unpack *u, const char *name, const char *why)
{
	/* The name is printed: what a terminal would obey is not. */
	char *shown = ks_strdup(name);
	struct ks_error *err;

	for (char *p = shown; *p; p++)
		if ((unsigned char)*p < ' ' || (unsigned char)*p >= 127)
			*p = '?';
	err = ks_error_new(KS_E_INPUT, "%s: %s: %s; this is no ksplice update to trust, nothing of it was used",
			   u->source, shown, why);
	free(shown);
	return err;
}

static struct ks_error *count_bytes(struct unpack *u, const char *name, size_t len)
{
	u->total += len;
	if (u->total > KS_PACK_MAX_TOTAL)
		return refuse(u, name, "the files together are larger than any update can be (256 MiB)");
	return NULL;
}

static struct ks_error *take_bytes(struct unpack *u, const char *name, struct ks_buf *data,
				   const void *bytes, size_t len)
{
	if (data->len + len > KS_PACK_MAX_FILE)
		return refuse(u, name, "a file that is larger than any of an update can be (64 MiB)");
	ks_buf_add(data, bytes, len);
	return count_bytes(u, name, len);
}

static struct ks_error *write_out(const struct unpack *u, const char *inner,
				  const struct ks_buf *data)
{
	char *path = ks_path_join(u->into, inner), *slash = strrchr(path, '/');
	struct ks_error *err;

	*slash = 0;
	err = ks_dir_make(path);
	*slash = '/';
	if (!err)
		err = ks_file_write(path, data->data ? data->data : "", data->len, 0600);
	free(path);
	return ks_error_prefix(err, "%s: cannot unpack it (TMPDIR chooses another place)",
			       u->source);
}

/* Is one of them a directory of the other? */
static bool clash(const char *a, const char *b)
{
	size_t len = strcspn(a, "/");

	return !strncmp(a, b, len) && (a[len] == '/' ? !b[len] : b[len] == '/');
}

static struct ks_error *take_name(struct unpack *u, const char *name, const char *inner)
{
	const char *problem = ks_pack_name_problem(inner);

	if (problem)
		return refuse(u, name, problem);
	if (ks_strv_has(&u->names, inner))
		return refuse(u, name, "the file is there twice");
	for (size_t i = 0; i < u->names.len; i++)
		if (clash(inner, u->names.v[i]))
			return refuse(u, name, "the same name is a file and a directory");
	/* The manifest is one more than it lists. */
	if (u->names.len > KS_PACK_MAX_FILES)
		return refuse(u, name, "more files than any update can have (64)");
	ks_strv_add(&u->names, inner);
	return NULL;
}

/* "ksplice-ID/core/a": *inner is "core/a", or "" for the top directory itself. */
static struct ks_error *split_name(struct unpack *u, const char *name, const char **inner)
{
	size_t len = strcspn(name, "/");
	char *top;
	struct ks_error *err = NULL;

	if (!len)
		return refuse(u, name, *name ? "an absolute path" : "an empty name");
	top = ks_strndup(name, len);
	if (!strcmp(top, ".."))
		err = refuse(u, name, "a path that leads out of the package");
	else if (ks_pack_name_problem(top))
		err = refuse(u, name, ks_pack_name_problem(top));
	else if (name[len] && name[len + 1] == '/')
		err = refuse(u, name, "a path with an empty part");
	else if (u->top && strcmp(u->top, top))
		err = refuse(u, name, "a package has exactly one directory at the top");
	*inner = name[len] ? name + len + 1 : "";
	if (err || u->top)
		free(top);
	else
		u->top = top;
	return err;
}

static struct ks_error *check_directory(struct unpack *u, const char *name)
{
	struct ks_error *err;
	const char *inner;
	size_t len;
	char *plain;

	err = split_name(u, name, &inner);
	if (err || !*inner)
		return err;
	plain = ks_strdup(inner);
	len = strlen(plain);
	if (len > 1 && plain[len - 1] == '/')
		plain[len - 1] = 0;
	if (ks_pack_name_problem(plain))
		err = refuse(u, name, ks_pack_name_problem(plain));
	free(plain);
	return err;
}

static struct ks_error *unpack_file(struct unpack *u, const char *name, const char *inner)
{
	struct ks_buf data = { 0 };
	struct ks_error *err = NULL;
	char block[65536];
	ssize_t n;

	while (!err && (n = archive_read_data(u->a, block, sizeof(block))) > 0)
		err = take_bytes(u, name, &data, block, n);
	if (!err && n < 0)
		err = ks_error_new(KS_E_INPUT, "%s: %s: %s; the file is cut short or damaged, get it again",
				   u->source, inner, archive_error_string(u->a));
	if (!err)
		err = write_out(u, inner, &data);
	ks_buf_free(&data);
	return err;
}

static struct ks_error *unpack_entry(struct unpack *u, struct archive_entry *e)
{
	const char *name = archive_entry_pathname(e), *inner;
	struct ks_error *err;

	if (!name)
		return refuse(u, "?", "a name that is no text");
	if (++u->entries > 2 * KS_PACK_MAX_FILES)
		return refuse(u, name, "more entries than any update can have");
	if (archive_entry_hardlink(e) || archive_entry_symlink(e))
		return refuse(u, name, "a link");
	if (archive_entry_filetype(e) == AE_IFDIR)
		return check_directory(u, name);
	if (archive_entry_filetype(e) != AE_IFREG)
		return refuse(u, name, "neither a regular file nor a directory");
	err = split_name(u, name, &inner);
	if (!err && !*inner)
		err = refuse(u, name, "a package has a directory at the top, not a file");
	if (!err && archive_entry_size(e) > (la_int64_t)KS_PACK_MAX_FILE)
		err = refuse(u, name, "a file that is larger than any of an update can be (64 MiB)");
	if (!err)
		err = take_name(u, name, inner);
	return err ? err : unpack_file(u, name, inner);
}

static struct ks_error *damaged(const struct unpack *u)
{
	const char *why = archive_error_string(u->a);

	return ks_error_new(KS_E_INPUT, "%s: %s; the file is cut short, damaged, or no ksplice update",
			    u->source, why ? why : "unreadable");
}

static struct ks_error *unpack_all(struct unpack *u)
{
	struct archive_entry *e;
	int r;

	archive_read_support_filter_gzip(u->a);
	archive_read_support_format_tar(u->a);
	if (archive_read_open_filename(u->a, u->source, 65536) != ARCHIVE_OK)
		return damaged(u);
	if (archive_filter_code(u->a, 0) != ARCHIVE_FILTER_GZIP)
		return ks_error_new(KS_E_INPUT, "%s: not compressed with gzip; it is no ksplice update",
				    u->source);
	while ((r = archive_read_next_header(u->a, &e)) == ARCHIVE_OK || r == ARCHIVE_WARN) {
		struct ks_error *err = unpack_entry(u, e);

		if (err)
			return err;
		if (ks_interrupted())
			return ks_interrupted_error();
	}
	return r == ARCHIVE_EOF ? NULL : damaged(u);
}

struct ks_error *ks_unpack_tarball(const char *tarball, const char *into, char **top)
{
	struct unpack u = { .source = tarball, .into = into, .a = archive_read_new() };
	struct ks_error *err = u.a ? unpack_all(&u) : ks_error_nomem();

	archive_read_free(u.a);
	ks_strv_free(&u.names);
	*top = u.top;
	return err;
}

static struct ks_error *list(const char *dir, const char *prefix, struct ks_strv *names)
{
	char *path = *prefix ? ks_path_join(dir, prefix) : ks_strdup(dir);
	struct ks_error *err = NULL;
	DIR *d = opendir(path);
	struct dirent *e;

	if (!d)
		err = ks_error_errno(errno, "%s", path);
	while (!err && d && (e = readdir(d))) {
		struct unpack u = { .source = dir };
		char *name, *full;
		struct stat st;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		name = *prefix ? ks_path_join(prefix, e->d_name) : ks_strdup(e->d_name);
		full = ks_path_join(dir, name);
		if (ks_pack_name_problem(name))
			err = refuse(&u, name, ks_pack_name_problem(name));
		else if (lstat(full, &st))
			err = ks_error_errno(errno, "%s", full);
		else if (S_ISDIR(st.st_mode))
			err = list(dir, name, names);
		else if (!S_ISREG(st.st_mode))
			err = refuse(&u, name, "neither a regular file nor a directory");
		else if (names->len > KS_PACK_MAX_FILES)
			err = refuse(&u, name, "more files than any update can have (64)");
		else
			ks_strv_add(names, name);
		free(name);
		free(full);
	}
	if (d)
		closedir(d);
	free(path);
	return err;
}

struct ks_error *ks_unpack_list(const char *dir, struct ks_strv *names)
{
	struct ks_error *err = list(dir, "", names);

	ks_strv_sort(names);
	return err;
}

struct ks_error *ks_unpack_directory(const char *dir, const char *into)
{
	struct unpack u = { .source = dir, .into = into };
	char *manifest = ks_path_join(dir, KS_MANIFEST_NAME);
	struct ks_error *err;

	/* Of any other directory the first odd file would be named, which helps nobody. */
	if (!ks_file_exists(manifest))
		err = ks_error_new(KS_E_INPUT, "%s: there is no " KS_MANIFEST_NAME " in it; it is no ksplice update",
				   dir);
	else
		err = ks_unpack_list(dir, &u.names);
	free(manifest);
	for (size_t i = 0; !err && i < u.names.len; i++) {
		char *path = ks_path_join(dir, u.names.v[i]);
		struct ks_buf data = { 0 };

		err = ks_file_read(path, KS_PACK_MAX_FILE, &data);
		if (!err)
			err = count_bytes(&u, u.names.v[i], data.len);
		if (!err)
			err = write_out(&u, u.names.v[i], &data);
		if (!err && ks_interrupted())
			err = ks_interrupted_error();
		ks_buf_free(&data);
		free(path);
	}
	ks_strv_free(&u.names);
	return err;
}
