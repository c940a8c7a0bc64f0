// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unpacks packages; see deb.h.
 *
 * A .deb is an ar archive with the member data.tar.*; the kernel's source is a
 * tar.xz in there.  Each level is a libarchive reader whose bytes come from
 * the entry that the level outside it stands at.
 */
#include "distro/deb.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/proc.h"

#define BLOCK (256u << 10)
#define MAX_LEVELS 3

struct level {
	struct archive *a;
	struct level *outer;
	char *block;
};

struct reader {
	const char *path;
	uint64_t size; /* of the file, for progress */
	struct level levels[MAX_LEVELS];
	unsigned int depth;
};

static la_ssize_t read_outer(struct archive *a, void *arg, const void **data)
{
	struct level *l = arg;
	la_ssize_t n;

	n = archive_read_data(l->outer->a, l->block, BLOCK);
	if (n < 0)
		archive_set_error(a, archive_errno(l->outer->a), "%s",
				  archive_error_string(l->outer->a));
	*data = l->block;
	return n;
}

static struct ks_error *read_error(const struct reader *r, struct archive *a)
{
	const char *why = archive_error_string(a);

	return ks_error_new(KS_E_INPUT,
			    "cannot unpack %s: %s; the file is damaged, remove it and try"
			    " again",
			    r->path, why ? why : "unknown error");
}

/* Opens the next level: the file itself, or the entry where the last level stands. */
static struct ks_error *reader_push(struct reader *r, bool ar)
{
	struct level *l = &r->levels[r->depth];
	int rc;

	l->a = archive_read_new();
	if (!l->a)
		return ks_error_nomem();
	archive_read_support_filter_gzip(l->a);
	archive_read_support_filter_bzip2(l->a);
	archive_read_support_filter_xz(l->a);
	archive_read_support_filter_zstd(l->a);
	if (ar) {
		archive_read_support_format_ar(l->a);
	} else {
		archive_read_support_format_tar(l->a);
		archive_read_support_format_gnutar(l->a);
	}
	if (r->depth) {
		l->outer = &r->levels[r->depth - 1];
		l->block = ks_alloc(BLOCK);
		rc = archive_read_open(l->a, l, NULL, read_outer, NULL);
	} else {
		rc = archive_read_open_filename(l->a, r->path, BLOCK);
	}
	r->depth++;
	return rc == ARCHIVE_OK ? NULL : read_error(r, l->a);
}

static void reader_close(struct reader *r)
{
	while (r->depth) {
		struct level *l = &r->levels[--r->depth];

		archive_read_free(l->a);
		free(l->block);
	}
}

static struct archive *reader_top(struct reader *r)
{
	return r->levels[r->depth - 1].a;
}

static struct ks_error *reader_open(struct reader *r, const char *path, bool ar)
{
	struct ks_error *err;
	struct stat st;

	*r = (struct reader){ .path = path };
	if (stat(path, &st))
		return ks_error_errno(errno, "cannot open %s", path);
	r->size = st.st_size;
	err = reader_push(r, ar);
	if (err)
		reader_close(r);
	return err;
}

/* The next entry of the top level; *e is NULL at the end. */
static struct ks_error *reader_next(struct reader *r, struct archive_entry **e)
{
	int rc;

	if (ks_interrupted())
		return ks_interrupted_error();
	rc = archive_read_next_header(reader_top(r), e);
	if (rc == ARCHIVE_EOF) {
		*e = NULL;
		return NULL;
	}
	/* Warnings are about names in other character sets: the name is there. */
	if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN)
		return read_error(r, reader_top(r));
	if (!archive_entry_pathname(*e))
		return ks_error_new(KS_E_INPUT, "cannot unpack %s: an entry has no name", r->path);
	return NULL;
}

/* Goes to the entry whose name begins with @prefix (is it, if @whole). */
static struct ks_error *reader_seek(struct reader *r, const char *name, bool whole)
{
	struct archive_entry *e;
	struct ks_error *err;

	for (;;) {
		const char *path;

		err = reader_next(r, &e);
		if (err)
			return err;
		if (!e)
			return ks_error_new(KS_E_INPUT,
					    "%s has no %s inside: not the package that was"
					    " expected",
					    r->path, name);
		path = archive_entry_pathname(e);
		if (ks_str_starts(path, "./"))
			path += 2;
		if (whole ? !strcmp(path, name) : ks_str_starts(path, name))
			return NULL;
	}
}

/*
 * A path of the archive without "./" and empty components, so that the checks
 * see what the kernel would; NULL where it would leave the directory.
 */
static char *clean_path(const char *path)
{
	char *copy = ks_strdup(path), *save = NULL;
	struct ks_buf out = { 0 };
	bool bad = *path == '/';

	for (char *c = strtok_r(copy, "/", &save); c && !bad; c = strtok_r(NULL, "/", &save)) {
		if (!strcmp(c, "."))
			continue;
		bad = !strcmp(c, "..");
		ks_buf_addf(&out, "%s%s", out.len ? "/" : "", c);
	}
	free(copy);
	if (bad) {
		ks_buf_free(&out);
		return NULL;
	}
	return ks_buf_steal(&out);
}

/* Drops @n leading components; NULL: nothing is left. */
static const char *strip_path(const char *path, unsigned int n)
{
	for (; n; n--) {
		path = strchr(path, '/');
		if (!path)
			return NULL;
		path++;
	}
	return *path ? path : NULL;
}

/*
 * Does the symbolic link at @path (clean, in the directory) stay inside?  Its
 * ".." must all come first: behind the name of another link they would count
 * from somewhere else.
 */
static bool link_inside(const char *path, const char *target)
{
	char *copy, *save = NULL;
	bool inside = *target && *target != '/', named = false;
	long depth = 0;

	for (const char *p = path; *p; p++)
		depth += *p == '/';
	copy = ks_strdup(target);
	for (char *c = strtok_r(copy, "/", &save); c && inside; c = strtok_r(NULL, "/", &save)) {
		if (!strcmp(c, ".."))
			inside = !named && --depth >= 0;
		else if (strcmp(c, "."))
			named = true;
	}
	free(copy);
	return inside;
}

static bool wanted(const struct ks_unpack *u, const char *path)
{
	if (!u->only)
		return true;
	for (size_t i = 0; u->only[i]; i++)
		if (ks_str_starts(path, u->only[i]))
			return true;
	return false;
}

static struct ks_error *write_error(const struct ks_unpack *u, const char *path,
				    struct archive *disk)
{
	int errnum = archive_errno(disk);

	if (errnum == ENOSPC || errnum == EDQUOT)
		return ks_error_new(KS_E_SYSTEM,
				    "no space left in %s; free some and run the same"
				    " command again",
				    u->dest);
	return ks_error_new(KS_E_SYSTEM, "cannot write %s/%s: %s", u->dest, path,
			    archive_error_string(disk));
}

/* Rewrites the entry to where it belongs; *skip where it is not for us. */
static struct ks_error *place(struct reader *r, const struct ks_unpack *u, const char *dest,
			      struct archive_entry *e, bool *skip, char **shown)
{
	const char *target, *hard = archive_entry_hardlink(e), *path;
	char *clean = clean_path(archive_entry_pathname(e)), *full, *hard_clean;
	struct ks_error *err = NULL;
	mode_t type = archive_entry_filetype(e);

	*skip = true;
	if (!clean)
		return ks_error_new(KS_E_INPUT,
				    "%s has the path \"%s\", which leaves the directory:"
				    " refused",
				    r->path, archive_entry_pathname(e));
	path = strip_path(clean, u->strip);
	if (!path || !wanted(u, clean))
		goto out;
	if (!hard && type != AE_IFREG && type != AE_IFDIR && type != AE_IFLNK) {
		err = ks_error_new(KS_E_INPUT,
				   "%s has \"%s\", which is not a file, directory or link:"
				   " refused",
				   r->path, clean);
		goto out;
	}
	target = archive_entry_symlink(e);
	if (type == AE_IFLNK && !hard && (!target || !link_inside(path, target))) {
		err = ks_error_new(KS_E_INPUT,
				   "%s has the link \"%s\" to \"%s\", which leaves the"
				   " directory: refused",
				   r->path, clean, target ? target : "");
		goto out;
	}
	if (hard) {
		hard_clean = clean_path(hard);
		hard = hard_clean ? strip_path(hard_clean, u->strip) : NULL;
		if (!hard) {
			err = ks_error_new(KS_E_INPUT,
					   "%s has the hard link \"%s\", which leaves the"
					   " directory: refused",
					   r->path, clean);
		} else {
			full = ks_path_join(dest, hard);
			archive_entry_set_hardlink(e, full);
			free(full);
		}
		free(hard_clean);
		if (err)
			goto out;
	}
	*shown = ks_strdup(path);
	full = ks_path_join(dest, path);
	archive_entry_set_pathname(e, full);
	free(full);
	/* Whatever the package says, we must be able to work with it and remove it. */
	archive_entry_set_perm(e,
			       (archive_entry_perm(e) & 0777) | (type == AE_IFDIR ? 0700 : 0600));
	*skip = false;
out:
	free(clean);
	return err;
}

static struct ks_error *copy_data(struct reader *r, const struct ks_unpack *u, const char *path,
				  struct archive *disk)
{
	const void *data;
	la_int64_t offset;
	size_t len;
	int rc;

	for (;;) {
		rc = archive_read_data_block(reader_top(r), &data, &len, &offset);
		if (rc == ARCHIVE_EOF)
			return NULL;
		if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN)
			return read_error(r, reader_top(r));
		if (archive_write_data_block(disk, data, len, offset) < ARCHIVE_OK)
			return write_error(u, path, disk);
		if (ks_interrupted())
			return ks_interrupted_error();
	}
}

static struct ks_error *extract(struct reader *r, const struct ks_unpack *u)
{
	struct archive *disk = archive_write_disk_new();
	struct ks_error *err;
	char *dest = NULL;

	if (!disk)
		return ks_error_nomem();
	/*
	 * The directory itself may be below a link, nothing inside it may: that
	 * is what SECURE_SYMLINKS sees to once dest is resolved.
	 */
	archive_write_disk_set_options(
		disk, ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_UNLINK |
			      ARCHIVE_EXTRACT_SECURE_SYMLINKS | ARCHIVE_EXTRACT_SECURE_NODOTDOT);
	err = ks_path_resolve(u->dest, &dest);
	while (!err) {
		struct archive_entry *e;
		char *path = NULL;
		bool skip;

		err = reader_next(r, &e);
		if (err || !e)
			break;
		err = place(r, u, dest, e, &skip, &path);
		if (!err && !skip) {
			if (archive_write_header(disk, e) < ARCHIVE_WARN)
				err = write_error(u, path, disk);
			if (!err && archive_entry_size(e) > 0)
				err = copy_data(r, u, path, disk);
			if (!err && archive_write_finish_entry(disk) < ARCHIVE_WARN)
				err = write_error(u, path, disk);
		}
		free(path);
		ks_progress(u->report, archive_filter_bytes(r->levels[0].a, -1), r->size, "%s",
			    u->what ? u->what : ks_path_base(r->path));
	}
	/* Directory times are set here. */
	if (archive_write_close(disk) < ARCHIVE_WARN && !err)
		err = write_error(u, "", disk);
	archive_write_free(disk);
	ks_progress(u->report, 1, 1, "%s", u->what ? u->what : "");
	free(dest);
	return err;
}

struct ks_error *ks_tar_unpack(const char *tar, const struct ks_unpack *u)
{
	struct ks_error *err;
	struct reader r;

	err = reader_open(&r, tar, false);
	if (err)
		return err;
	err = extract(&r, u);
	reader_close(&r);
	return err;
}

static struct ks_error *open_deb(struct reader *r, const char *deb)
{
	struct ks_error *err;

	err = reader_open(r, deb, true);
	if (err)
		return err;
	err = reader_seek(r, "data.tar", false);
	if (!err)
		err = reader_push(r, false);
	if (err)
		reader_close(r);
	return err;
}

struct ks_error *ks_deb_unpack(const char *deb, const struct ks_unpack *u)
{
	struct ks_error *err;
	struct reader r;

	err = open_deb(&r, deb);
	if (err)
		return err;
	err = extract(&r, u);
	reader_close(&r);
	return err;
}

struct ks_error *ks_deb_unpack_tar(const char *deb, const char *member, const struct ks_unpack *u)
{
	struct ks_error *err;
	struct reader r;

	err = open_deb(&r, deb);
	if (err)
		return err;
	err = reader_seek(&r, member, true);
	if (!err)
		err = reader_push(&r, false);
	if (!err)
		err = extract(&r, u);
	reader_close(&r);
	return err;
}
