// SPDX-License-Identifier: GPL-2.0-only
/* Writing an initramfs through libarchive; see initramfs.h. */
#include "vm/initramfs.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"

#define MAX_FILE (256u << 20)

struct ks_initramfs {
	char *path;
	struct archive *a;
	struct ks_strv have;
};

static struct ks_error *failed(struct ks_initramfs *fs)
{
	return ks_error_new(KS_E_SYSTEM, "%s: %s", fs->path, archive_error_string(fs->a));
}

struct ks_error *ks_initramfs_create(const char *path, struct ks_initramfs **result)
{
	struct ks_initramfs *fs = ks_alloc(sizeof(*fs));
	struct ks_error *err;

	fs->path = ks_strdup(path);
	fs->a = archive_write_new();
	archive_write_set_format_cpio_newc(fs->a);
	archive_write_add_filter_none(fs->a);
	if (archive_write_open_filename(fs->a, path) != ARCHIVE_OK) {
		err = failed(fs);
		ks_initramfs_abandon(fs);
		return err;
	}
	*result = fs;
	return NULL;
}

void ks_initramfs_abandon(struct ks_initramfs *fs)
{
	if (!fs)
		return;
	archive_write_free(fs->a);
	ks_strv_free(&fs->have);
	free(fs->path);
	free(fs);
}

struct ks_error *ks_initramfs_finish(struct ks_initramfs *fs)
{
	struct ks_error *err = archive_write_close(fs->a) == ARCHIVE_OK ? NULL : failed(fs);

	ks_initramfs_abandon(fs);
	return err;
}

static struct ks_error *add(struct ks_initramfs *fs, const char *guest, mode_t type, mode_t perm, const void *data,
			    size_t len)
{
	struct archive_entry *e;
	struct ks_error *err = NULL;

	if (ks_strv_has(&fs->have, guest))
		return NULL;
	ks_strv_add(&fs->have, guest);
	e = archive_entry_new();
	archive_entry_set_pathname(e, guest + 1);
	archive_entry_set_filetype(e, type);
	archive_entry_set_perm(e, perm);
	archive_entry_set_nlink(e, type == AE_IFDIR ? 2 : 1);
	archive_entry_set_size(e, type == AE_IFREG ? len : 0);
	if (type == AE_IFLNK)
		archive_entry_set_symlink(e, data);
	if (archive_write_header(fs->a, e) != ARCHIVE_OK ||
	    (type == AE_IFREG && len && archive_write_data(fs->a, data, len) != (ssize_t)len))
		err = failed(fs);
	archive_entry_free(e);
	return err;
}

/* The directories above @guest. */
static struct ks_error *parents(struct ks_initramfs *fs, const char *guest)
{
	struct ks_error *err = NULL;

	for (const char *p = strchr(guest + 1, '/'); p && !err; p = strchr(p + 1, '/')) {
		char *dir = ks_strndup(guest, p - guest);

		err = add(fs, dir, AE_IFDIR, 0755, NULL, 0);
		free(dir);
	}
	return err;
}

struct ks_error *ks_initramfs_dir(struct ks_initramfs *fs, const char *guest)
{
	struct ks_error *err = parents(fs, guest);

	return err ? err : add(fs, guest, AE_IFDIR, 0755, NULL, 0);
}

struct ks_error *ks_initramfs_data(struct ks_initramfs *fs, const char *guest, const void *data, size_t len,
				   mode_t mode)
{
	struct ks_error *err = parents(fs, guest);

	return err ? err : add(fs, guest, AE_IFREG, mode, data, len);
}

struct ks_error *ks_initramfs_file(struct ks_initramfs *fs, const char *host, const char *guest)
{
	struct ks_buf data = { 0 };
	struct ks_error *err = ks_file_read(host, MAX_FILE, &data);

	if (!err)
		err = ks_initramfs_data(fs, guest, data.data, data.len, access(host, X_OK) ? 0644 : 0755);
	ks_buf_free(&data);
	return err;
}

struct ks_error *ks_initramfs_link(struct ks_initramfs *fs, const char *target, const char *guest)
{
	struct ks_error *err = parents(fs, guest);

	return err ? err : add(fs, guest, AE_IFLNK, 0777, target, 0);
}

/* "libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x...)", "/lib64/ld-linux-x86-64.so.2 (0x...)" */
static struct ks_error *add_library(struct ks_initramfs *fs, char *line)
{
	char *path = strchr(line, '/'), *real, *arrow = strstr(line, "=> ");
	struct ks_error *err;

	if (strstr(line, "not found"))
		return ks_error_new(KS_E_FAILED, "a shared library is missing:%s", line);
	if (arrow)
		path = arrow + 3;
	if (!path || *path != '/')
		return NULL; /* linux-vdso, or "statically linked" */
	path[strcspn(path, " ")] = 0;
	err = ks_path_resolve(path, &real);
	if (!err) {
		err = ks_initramfs_file(fs, real, path);
		free(real);
	}
	return err;
}

struct ks_error *ks_initramfs_program(struct ks_initramfs *fs, const char *host, const char *guest)
{
	const char *argv[] = { "ldd", host, NULL };
	struct ks_buf out = { 0 };
	struct ks_proc p = { .argv = argv, .out = &out, .err = &out };
	struct ks_error *err = ks_initramfs_file(fs, host, guest);
	char *save = NULL;
	int status;

	if (!err)
		err = ks_proc_run(&p, &status);
	/* A static program is "not a dynamic executable", with status 1. */
	if (!err && !status && out.data)
		for (char *l = strtok_r(out.data, "\n", &save); l && !err; l = strtok_r(NULL, "\n", &save))
			err = add_library(fs, l);
	ks_buf_free(&out);
	return err;
}
