// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writing packages, the last step of ksplice-create; see ks_pack_write() in
 * archive.h.
 *
 * The bytes of a package depend on its files and its manifest only: names are
 * sorted, times and owners fixed, and gzip is told not to note the time.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"
#include "pack/archive.h"
#include "pack/digest.h"
#include "pack/unpack.h"

static struct ks_error *write_failed(struct archive *a, const char *tarball)
{
	const char *why = archive_error_string(a);

	return ks_error_new(KS_E_SYSTEM, "cannot write %s: %s", tarball, why ? why : "libarchive failed");
}

static struct ks_error *add_entry(struct archive *a, const struct ks_manifest *m,
				  const char *tarball, const char *name, const struct ks_buf *data)
{
	struct archive_entry *e = archive_entry_new();
	char *path = ks_asprintf("ksplice-%s/%s", m->id, name);
	struct ks_error *err = NULL;

	archive_entry_set_pathname(e, path);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0644);
	archive_entry_set_size(e, data->len);
	archive_entry_set_mtime(e, 0, 0);
	if (archive_write_header(a, e) != ARCHIVE_OK ||
	    (data->len && archive_write_data(a, data->data, data->len) != (ssize_t)data->len))
		err = write_failed(a, tarball);
	archive_entry_free(e);
	free(path);
	return err;
}

static struct ks_error *add_file(struct archive *a, struct ks_manifest *m, const char *dir,
				 const char *tarball, const char *name)
{
	struct ks_manifest_file f = { .name = ks_strdup(name) };
	char *path = ks_path_join(dir, name);
	struct ks_buf data = { 0 };
	struct ks_error *err = ks_file_read(path, KS_PACK_MAX_FILE, &data);

	if (!err)
		err = ks_digest(&data, f.sha256);
	if (!err)
		err = add_entry(a, m, tarball, name, &data);
	if (!err) {
		f.size = data.len;
		*ks_vec_push(&m->files) = f;
	} else {
		free(f.name);
	}
	ks_buf_free(&data);
	free(path);
	return err;
}

static void forget_files(struct ks_manifest *m)
{
	ks_vec_for(&m->files, f)
		free(f->name);
	ks_vec_free(&m->files);
}

/* The files, sorted; then the manifest that lists them. */
static struct ks_error *add_all(struct archive *a, struct ks_manifest *m, const char *dir,
				const struct ks_strv *names, const char *tarball)
{
	struct ks_buf text = { 0 };
	struct ks_error *err = NULL;
	uint64_t total = 0;

	forget_files(m);
	for (size_t i = 0; !err && i < names->len; i++) {
		err = add_file(a, m, dir, tarball, names->v[i]);
		if (!err)
			total += m->files.v[i].size;
		if (!err && ks_interrupted())
			err = ks_interrupted_error();
	}
	if (!err)
		err = ks_manifest_write(m, &text);
	if (!err && (m->files.len > KS_PACK_MAX_FILES || total + text.len > KS_PACK_MAX_TOTAL))
		err = ks_error_new(KS_E_REFUSED, "%s: %zu files of %llu bytes are more than a package may have",
				   dir, m->files.len, (unsigned long long)total);
	if (!err)
		err = add_entry(a, m, tarball, KS_MANIFEST_NAME, &text);
	ks_buf_free(&text);
	return err;
}

static struct ks_error *write_archive(struct ks_manifest *m, const char *dir,
				      const struct ks_strv *names, const char *tarball, int fd)
{
	struct archive *a = archive_write_new();
	struct ks_error *err = NULL;

	if (!a)
		return ks_error_nomem();
	archive_write_set_format_ustar(a);
	archive_write_add_filter_gzip(a);
	archive_write_set_filter_option(a, "gzip", "timestamp", NULL);
	if (archive_write_open_fd(a, fd) != ARCHIVE_OK)
		err = write_failed(a, tarball);
	if (!err)
		err = add_all(a, m, dir, names, tarball);
	if (!err && archive_write_close(a) != ARCHIVE_OK)
		err = write_failed(a, tarball);
	archive_write_free(a);
	return err;
}

struct ks_error *ks_pack_write(struct ks_manifest *m, const char *dir, const char *tarball)
{
	char *temp = ks_asprintf("%s.XXXXXX", tarball);
	struct ks_strv names = { 0 };
	struct ks_error *err = ks_unpack_list(dir, &names);
	int fd = -1;

	if (!err && ks_strv_has(&names, KS_MANIFEST_NAME))
		err = ks_error_new(KS_E_REFUSED, "%s: there is a " KS_MANIFEST_NAME " already; this is for files that are not packed yet",
				   dir);
	if (!err && (fd = mkstemp(temp)) < 0)
		err = ks_error_errno(errno, "cannot create a file beside %s", tarball);
	if (fd >= 0) {
		err = write_archive(m, dir, &names, tarball, fd);
		/* On the disk before it gets its name: not even a power cut leaves a part. */
		if (!err && (fchmod(fd, 0644) || fsync(fd)))
			err = ks_error_errno(errno, "cannot write %s", tarball);
		if (close(fd) && !err)
			err = ks_error_errno(errno, "cannot write %s", tarball);
		if (!err && rename(temp, tarball))
			err = ks_error_errno(errno, "cannot create %s", tarball);
		if (err)
			unlink(temp);
	}
	ks_strv_free(&names);
	free(temp);
	return err;
}
