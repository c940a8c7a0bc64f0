// SPDX-License-Identifier: GPL-2.0-only
/* Files and directories; see file.h.  Every stage of the pipeline uses it. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/proc.h"

#define CHUNK (256u << 10)

struct ks_error *ks_file_read(const char *path, size_t max, struct ks_buf *out)
{
	size_t start = out->len;
	struct ks_error *err = NULL;
	struct stat st;
	char *chunk;
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ks_error_errno(errno, "cannot open %s", path);
	if (fstat(fd, &st)) {
		err = ks_error_errno(errno, "cannot read %s", path);
		goto out_close;
	}
	/* The size is a hint only: files of /proc and /sys say 0 or a page. */
	if (S_ISREG(st.st_mode) && (uintmax_t)st.st_size > max) {
		err = ks_error_new(KS_E_INPUT,
				   "%s is too large: %jd bytes, at most %zu are expected", path,
				   (intmax_t)st.st_size, max);
		goto out_close;
	}
	ks_buf_add(out, "", 0);
	chunk = ks_alloc(CHUNK);
	for (;;) {
		n = read(fd, chunk, CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err = ks_error_errno(errno, "cannot read %s", path);
			break;
		}
		if (!n)
			break;
		if ((size_t)n > max - (out->len - start)) {
			err = ks_error_new(KS_E_INPUT,
					   "%s is too large: at most %zu bytes are expected", path,
					   max);
			break;
		}
		ks_buf_add(out, chunk, n);
	}
	free(chunk);
	if (err) {
		out->len = start;
		out->data[start] = 0;
	}
out_close:
	close(fd);
	return err;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		data += n;
		len -= n;
	}
	return 0;
}

/* The temporary file that will become @path: beside it, so that rename(2) works. */
struct replacement {
	const char *path;
	char *temp;
	int fd;
};

static struct ks_error *replacement_open(struct replacement *r, const char *path)
{
	r->path = path;
	r->temp = ks_asprintf("%s.XXXXXX", path);
	r->fd = mkostemp(r->temp, O_CLOEXEC);
	if (r->fd < 0) {
		struct ks_error *err =
			ks_error_errno(errno, "cannot create a file beside %s", path);

		free(r->temp);
		return err;
	}
	return NULL;
}

static struct ks_error *replacement_close(struct replacement *r, mode_t mode, struct ks_error *err)
{
	if (!err && fchmod(r->fd, mode))
		err = ks_error_errno(errno, "cannot set the permissions of %s", r->path);
	/* Some file systems report a full disk only here. */
	if (close(r->fd) && !err)
		err = ks_error_errno(errno, "cannot write %s", r->path);
	if (!err && rename(r->temp, r->path))
		err = ks_error_errno(errno, "cannot replace %s", r->path);
	if (err)
		unlink(r->temp);
	free(r->temp);
	return err;
}

struct ks_error *ks_file_write(const char *path, const void *data, size_t len, mode_t mode)
{
	struct ks_error *err;
	struct replacement r;

	err = replacement_open(&r, path);
	if (err)
		return err;
	if (write_all(r.fd, data, len))
		err = ks_error_errno(errno, "cannot write %s", path);
	return replacement_close(&r, mode, err);
}

static struct ks_error *sync_path(const char *path, int flags)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
	struct ks_error *err = NULL;

	if (fd < 0 || fsync(fd))
		err = ks_error_errno(errno, "cannot write %s to the disk", path);
	if (fd >= 0)
		close(fd);
	return err;
}

struct ks_error *ks_dir_sync(const char *path)
{
	return sync_path(path, O_DIRECTORY);
}

static struct ks_error *sync_parent(const char *path)
{
	const char *base = ks_path_base(path);
	char *dir = base == path ? ks_strdup(".") : ks_strndup(path, base - path);
	struct ks_error *err = ks_dir_sync(dir);

	free(dir);
	return err;
}

struct ks_error *ks_file_write_dated(const char *path, const void *data, size_t len, mode_t mode,
				     time_t changed)
{
	const struct timespec times[2] = { { .tv_sec = changed }, { .tv_sec = changed } };
	struct ks_error *err;
	struct replacement r;

	err = replacement_open(&r, path);
	if (err)
		return err;
	if (write_all(r.fd, data, len) || (changed && futimens(r.fd, times)) || fsync(r.fd))
		err = ks_error_errno(errno, "cannot write %s", path);
	err = replacement_close(&r, mode, err);
	return err ? err : sync_parent(path);
}

struct ks_error *ks_file_write_durable(const char *path, const void *data, size_t len, mode_t mode)
{
	return ks_file_write_dated(path, data, len, mode, 0);
}

struct ks_error *ks_file_rename_durable(const char *from, const char *to)
{
	struct ks_error *err = sync_path(from, 0);

	if (!err && rename(from, to))
		err = ks_error_errno(errno, "cannot rename %s to %s", from, to);
	return err ? err : sync_parent(to);
}

static struct ks_error *copy_content(int in, const char *from, int out, const char *to)
{
	struct ks_error *err = NULL;
	char *chunk = ks_alloc(CHUNK);

	for (;;) {
		ssize_t n = read(in, chunk, CHUNK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err = ks_error_errno(errno, "cannot read %s", from);
		else if (n && write_all(out, chunk, n))
			err = ks_error_errno(errno, "cannot write %s", to);
		if (n <= 0 || err)
			break;
	}
	free(chunk);
	return err;
}

struct ks_error *ks_file_copy(const char *from, const char *to)
{
	struct replacement r;
	struct ks_error *err;
	struct stat st;
	int in;

	in = open(from, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		return ks_error_errno(errno, "cannot open %s", from);
	if (fstat(in, &st))
		err = ks_error_errno(errno, "cannot read %s", from);
	else if (!S_ISREG(st.st_mode))
		err = ks_error_new(KS_E_INPUT, "%s is not a regular file", from);
	else
		err = replacement_open(&r, to);
	if (!err) {
		err = copy_content(in, from, r.fd, to);
		err = replacement_close(&r, st.st_mode & 07777, err);
	}
	close(in);
	return err;
}

bool ks_file_exists(const char *path)
{
	struct stat st;

	return !stat(path, &st);
}

bool ks_file_is_dir(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

struct ks_error *ks_dir_make(const char *path)
{
	char *p = ks_strdup(path);
	struct ks_error *err = NULL;

	for (char *s = p;; s++) {
		bool last = !*s;

		if ((*s == '/' && s > p) || last) {
			*s = 0;
			if (*p && mkdir(p, 0777) && !(errno == EEXIST && ks_file_is_dir(p))) {
				/* EROFS and EACCES come for directories that exist, too. */
				int errnum = errno;

				if (!ks_file_is_dir(p)) {
					err = ks_error_errno(errnum,
							     "cannot create the directory %s", p);
					break;
				}
			}
			if (last)
				break;
			*s = '/';
		}
	}
	free(p);
	return err;
}

/*
 * Works on directory descriptors, so that nothing outside is reached when
 * somebody exchanges a directory for a link meanwhile.
 */
static struct ks_error *remove_at(int dir, const char *name, const char *path)
{
	struct ks_error *err = NULL;
	struct dirent *e;
	DIR *d;
	int fd;

	if (!unlinkat(dir, name, 0) || errno == ENOENT)
		return NULL;
	if (errno != EISDIR && errno != EPERM)
		return ks_error_errno(errno, "cannot remove %s", path);
	if (!unlinkat(dir, name, AT_REMOVEDIR) || errno == ENOENT)
		return NULL;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return ks_error_errno(errno, "cannot remove %s", path);

	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == EACCES && !fchmodat(dir, name, 0700, 0))
		fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return ks_error_errno(errno, "cannot open %s to remove it", path);
	/* Archives and build systems leave read-only directories. */
	fchmod(fd, 0700);
	d = fdopendir(fd);
	if (!d) {
		err = ks_error_errno(errno, "cannot list %s", path);
		close(fd);
		return err;
	}
	while (!err) {
		char *sub;

		errno = 0;
		e = readdir(d);
		if (!e) {
			if (errno)
				err = ks_error_errno(errno, "cannot list %s", path);
			break;
		}
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		sub = ks_path_join(path, e->d_name);
		err = remove_at(fd, e->d_name, sub);
		free(sub);
	}
	closedir(d);
	if (!err && unlinkat(dir, name, AT_REMOVEDIR) && errno != ENOENT)
		err = ks_error_errno(errno, "cannot remove %s", path);
	return err;
}

struct ks_error *ks_dir_remove(const char *path)
{
	return remove_at(AT_FDCWD, path, path);
}

struct ks_error *ks_dir_temp(const char *prefix, char **path)
{
	const char *base = getenv("TMPDIR");
	char *p;

	if (!base || !*base)
		base = "/tmp";
	p = ks_asprintf("%s/%s.XXXXXX", base, prefix);
	if (!mkdtemp(p)) {
		struct ks_error *err = ks_error_errno(errno,
						      "cannot create a temporary directory in %s"
						      " (TMPDIR chooses another place)",
						      base);

		free(p);
		return err;
	}
	*path = p;
	return NULL;
}

struct ks_error *ks_dir_lock(const char *path, bool wait, int *fd)
{
	struct timespec pause = { .tv_nsec = 100 * 1000 * 1000 };
	struct ks_error *err;

	*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0)
		return ks_error_errno(errno, "cannot open %s", path);
	/* Asks again and again instead of sleeping in flock(2), to notice a signal. */
	while (flock(*fd, LOCK_EX | LOCK_NB)) {
		if (errno == EWOULDBLOCK && wait && !ks_interrupted()) {
			nanosleep(&pause, NULL);
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			err = ks_error_errno(errno, "cannot lock %s", path);
		else if (wait)
			err = ks_interrupted_error();
		else
			err = ks_error_new(KS_E_REFUSED,
					   "%s is in use by another command; wait until"
					   " it has ended",
					   path);
		close(*fd);
		*fd = -1;
		return err;
	}
	return NULL;
}

struct ks_error *ks_dir_need_space(const char *path, uint64_t bytes)
{
	char *p = ks_asprintf("%s%s", path, *path ? "" : "."), *slash;
	struct ks_error *err = NULL;
	struct statvfs st;
	uint64_t room;

	/* Up to the first directory that exists. */
	while (statvfs(p, &st)) {
		slash = strrchr(p, '/');
		if (errno != ENOENT || !strcmp(p, ".") || !strcmp(p, "/")) {
			err = ks_error_errno(errno, "cannot tell the free space of %s", path);
			goto out;
		}
		if (!slash)
			memcpy(p, ".", 2);
		else
			slash[slash == p] = 0;
	}
	room = (uint64_t)st.f_bavail * st.f_frsize;
	if (room < bytes)
		err = ks_error_new(KS_E_SYSTEM,
				   "no space: %s needs about %" PRIu64 " MB and %" PRIu64
				   " MB are free; free some, or choose another place",
				   path, (bytes >> 20) + 1, room >> 20);
out:
	free(p);
	return err;
}

char *ks_path_join(const char *a, const char *b)
{
	size_t n = strlen(a);

	if (!n || *b == '/')
		return ks_strdup(b);
	return ks_asprintf("%s%s%s", a, a[n - 1] == '/' ? "" : "/", b);
}

struct ks_error *ks_path_resolve(const char *path, char **resolved)
{
	char *p = realpath(path, NULL);

	if (!p)
		return ks_error_errno(errno, "cannot resolve %s", path);
	*resolved = p;
	return NULL;
}

const char *ks_path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}
