/* SPDX-License-Identifier: GPL-2.0-only */
/* Files and directories: whole reads, atomic writes, recursive removal. */
#ifndef KS_BASE_FILE_H
#define KS_BASE_FILE_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "base/buf.h"
#include "base/error.h"

/* Appends the whole file to @out; refuses more than @max bytes. */
struct ks_error *ks_file_read(const char *path, size_t max, struct ks_buf *out) KS_MUST_CHECK;

/*
 * Writes a temporary file beside @path and renames it over it, so that a
 * reader or an interruption sees the old content or the new, never a part.
 */
struct ks_error *ks_file_write(const char *path, const void *data, size_t len,
			       mode_t mode) KS_MUST_CHECK;

/*
 * The same, and it has reached the disk, so that a power cut leaves the old or
 * the new content, too, and the new one once this has returned.
 */
struct ks_error *ks_file_write_durable(const char *path, const void *data, size_t len,
				       mode_t mode) KS_MUST_CHECK;
/* The same, with a time of the last change, in seconds since 1970; 0: now. */
struct ks_error *ks_file_write_dated(const char *path, const void *data, size_t len, mode_t mode,
				     time_t changed) KS_MUST_CHECK;
/* rename(2), once the content of @from has reached the disk, and it has as well. */
struct ks_error *ks_file_rename_durable(const char *from, const char *to) KS_MUST_CHECK;

/* Copies content and permission bits (not owner or times), atomically. */
struct ks_error *ks_file_copy(const char *from, const char *to) KS_MUST_CHECK;

bool ks_file_exists(const char *path); /* follows links */
bool ks_file_is_dir(const char *path);

/* mkdir -p */
struct ks_error *ks_dir_make(const char *path) KS_MUST_CHECK;
/* Has what was made, renamed or removed in the directory reach the disk. */
struct ks_error *ks_dir_sync(const char *path) KS_MUST_CHECK;
/* rm -rf; never follows a link; a path that is not there is no error. */
struct ks_error *ks_dir_remove(const char *path) KS_MUST_CHECK;
/* A fresh private directory below TMPDIR (or /tmp); the caller frees *path. */
struct ks_error *ks_dir_temp(const char *prefix, char **path) KS_MUST_CHECK;

/*
 * Takes an exclusive lock on the directory itself (no file is left behind) and
 * holds it until *fd is closed or the process ends.  KS_E_REFUSED where another
 * process has it; with @wait, waits for that one instead.
 */
struct ks_error *ks_dir_lock(const char *path, bool wait, int *fd) KS_MUST_CHECK;

/* Is there room for @bytes where @path is, or would be created? */
struct ks_error *ks_dir_need_space(const char *path, uint64_t bytes) KS_MUST_CHECK;

char *ks_path_join(const char *a, const char *b);
/* realpath(3) */
struct ks_error *ks_path_resolve(const char *path, char **resolved) KS_MUST_CHECK;
/* The part after the last slash. */
const char *ks_path_base(const char *path);

#endif
