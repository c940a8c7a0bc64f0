// SPDX-License-Identifier: GPL-2.0-only
/* /run/ksplice; see run.h. */
#include "live/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"

/* Readable for all and writable for its owner, whatever the umask. */
static struct ks_error *make_dir(const char *path)
{
	struct ks_error *err = ks_dir_make(path);

	if (!err && chmod(path, 0755))
		err = ks_error_errno(errno, "%s", path);
	return err;
}

/* In a private file: who can open it can keep everybody waiting. */
struct ks_error *ks_run_lock(const struct ks_live *live, struct ks_report *report, int *fd)
{
	struct timespec moment = { .tv_nsec = 100 * 1000 * 1000 };
	struct ks_error *err = make_dir(live->run);
	bool said = false;
	char *path;

	if (err)
		return geteuid() ? ks_error_prefix(err, "this has to be run as root") : err;
	path = ks_path_join(live->run, "lock");
	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd < 0)
		err = ks_error_errno(errno, geteuid() ? "this has to be run as root: %s" : "%s", path);
	while (!err && flock(*fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			err = ks_error_errno(errno, "cannot lock %s", path);
		else if (ks_interrupted())
			err = ks_error_prefix(ks_interrupted_error(), "waiting for another ksplice command");
		if (!err && !said)
			ks_note(report, 0, "Waiting for another ksplice command to end...");
		said = true;
		if (!err)
			nanosleep(&moment, NULL);
	}
	if (err && *fd >= 0)
		close(*fd);
	free(path);
	return err;
}

void ks_run_unlock(int fd)
{
	close(fd);
}

static char *kept_dir(const struct ks_live *live, const char *what, const char *id)
{
	return ks_asprintf("%s/%s/%s", live->run, what, id);
}

static struct ks_error *keep_file(const struct ks_pack *pack, const char *name, const char *dir)
{
	char *from = ks_pack_file(pack, name), *to = ks_path_join(dir, name);
	struct ks_buf data = { 0 };
	struct ks_error *err = NULL;

	if (ks_file_exists(from))
		err = ks_file_read(from, KS_PACK_MAX_FILE, &data);
	if (!err && data.data)
		err = ks_file_write(to, data.data, data.len, 0644);
	ks_buf_free(&data);
	free(from);
	free(to);
	return err;
}

static struct ks_error *keep_description(const char *description, const char *dir)
{
	char *path = ks_path_join(dir, "description");
	struct ks_error *err;
	struct ks_buf text = { 0 };

	ks_buf_addf(&text, "%s\n", description);
	err = ks_file_write(path, text.data, text.len, 0644);
	ks_buf_free(&text);
	free(path);
	return err;
}

struct ks_error *ks_run_keep(const struct ks_live *live, const struct ks_pack *pack)
{
	char *updates = ks_path_join(live->run, "updates");
	char *dir = kept_dir(live, "updates", pack->manifest.id);
	struct ks_error *err;

	/* What an apply that was killed left there. */
	err = ks_dir_remove(dir);
	if (!err)
		err = make_dir(updates);
	if (!err)
		err = make_dir(dir);
	if (!err)
		err = keep_file(pack, "patch", dir);
	if (!err)
		err = keep_file(pack, KS_MANIFEST_NAME, dir);
	if (!err)
		err = keep_description(pack->manifest.description, dir);
	if (err)
		ks_error_free(ks_dir_remove(dir));
	free(updates);
	free(dir);
	return err;
}

void ks_run_drop(const struct ks_live *live, const char *id)
{
	char *dir = kept_dir(live, "updates", id), *pinned = kept_dir(live, "pinned", id);

	ks_error_free(ks_dir_remove(dir));
	ks_error_free(ks_dir_remove(pinned));
	free(dir);
	free(pinned);
}

void ks_run_retire(const struct ks_live *live, const char *id)
{
	char *dir = kept_dir(live, "updates", id), *pinned = kept_dir(live, "pinned", id);
	char *parent = ks_path_join(live->run, "pinned");

	if (ks_run_has(live, id)) {
		ks_error_free(ks_dir_remove(pinned));
		ks_error_free(make_dir(parent));
		if (rename(dir, pinned))
			ks_error_free(ks_dir_remove(dir));
	}
	free(dir);
	free(pinned);
	free(parent);
}

bool ks_run_has(const struct ks_live *live, const char *id)
{
	char *dir = kept_dir(live, "updates", id);
	bool has = ks_file_is_dir(dir);

	free(dir);
	return has;
}

static bool other_manifest(const char *kept_dir, const struct ks_buf *manifest)
{
	char *path = ks_path_join(kept_dir, KS_MANIFEST_NAME);
	struct ks_buf kept = { 0 };
	struct ks_error *err = ks_file_read(path, KS_PACK_MAX_FILE, &kept);
	bool other = !err && (kept.len != manifest->len ||
			      memcmp(kept.data, manifest->data, kept.len));

	ks_error_free(err);
	ks_buf_free(&kept);
	free(path);
	return other;
}

/* The manifest has the hashes of all files: equal manifests are equal updates. */
bool ks_run_differs(const struct ks_live *live, const struct ks_pack *pack)
{
	char *dir = kept_dir(live, "updates", pack->manifest.id);
	char *pinned = kept_dir(live, "pinned", pack->manifest.id);
	char *path = ks_pack_file(pack, KS_MANIFEST_NAME);
	struct ks_buf manifest = { 0 };
	struct ks_error *err = ks_file_read(path, KS_PACK_MAX_FILE, &manifest);
	bool differs = !err &&
		       (other_manifest(dir, &manifest) || other_manifest(pinned, &manifest));

	ks_error_free(err);
	ks_buf_free(&manifest);
	free(dir);
	free(pinned);
	free(path);
	return differs;
}
