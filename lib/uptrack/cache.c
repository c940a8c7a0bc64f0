// SPDX-License-Identifier: GPL-2.0-only
/* Tarballs on the machine; see cache.h.  Between fetch.h and act.h. */
#include "uptrack/cache.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "pack/digest.h"

#define TARBALL ".tar.gz"
#define PART ".part"

static char *place(const struct ks_uptrack *up, const char *sha256, const char *end)
{
	return ks_asprintf("%s/updates/%s%s", up->cache, sha256, end);
}

/* Size and hash, of the bytes that are there now. */
static struct ks_error *check(const char *file, const struct ks_tarball *t)
{
	uint64_t size;
	char sha256[65];
	struct ks_error *err = ks_digest_file(file, sha256, &size);

	if (err)
		return err;
	if (size != t->size)
		return ks_error_new(KS_E_INPUT, "update %s has %llu bytes instead of the %llu that the index says",
				    t->id, (unsigned long long)size, (unsigned long long)t->size);
	if (strcmp(sha256, t->sha256))
		return ks_error_new(KS_E_INPUT,
				    "update %s is not what was signed: its SHA-256 is %s, that of the index %s",
				    t->id, sha256, t->sha256);
	return NULL;
}

struct ks_error *ks_cache_find(const struct ks_uptrack *up, const struct ks_tarball *t, char **file)
{
	char *path = place(up, t->sha256, TARBALL);
	struct ks_error *err;

	if (ks_file_exists(path))
		err = check(path, t);
	else
		err = ks_error_new(KS_E_INPUT, "update %s is not in %s; uptrack-upgrade fetches it", t->id,
				   up->cache);
	if (err)
		free(path);
	else
		*file = path;
	return err;
}

static struct ks_error *fetch_part(const struct ks_tarball *t, struct ks_fetch *fetch,
				   const char *part, struct ks_report *r)
{
	char *label = ks_asprintf("Fetching %s", t->id);
	enum ks_fetched what;
	struct ks_error *err = ks_fetch_large(fetch, t->path, t->size, part, label, r, &what);

	if (!err && what == KS_FETCH_MISSING)
		err = ks_error_new(KS_E_NETWORK,
				   "the repository names update %s and does not have it (%s); a mirror may be behind: try again later",
				   t->id, t->path);
	free(label);
	return err ? err : check(part, t);
}

static struct ks_error *fetch_tarball(const struct ks_tarball *t, struct ks_fetch *fetch,
				      char *part, const char *to, struct ks_report *r)
{
	struct ks_error *err = fetch_part(t, fetch, part, r);

	/* The beginning, of another day, or what a cache has may be the wrong one. */
	if (err && ks_error_code(err) == KS_E_INPUT) {
		ks_error_free(err);
		unlink(part);
		ks_fetch_afresh(fetch);
		err = fetch_part(t, fetch, part, r);
	}
	if (err && ks_error_code(err) == KS_E_INPUT)
		unlink(part);
	if (!err && chmod(part, 0644))
		err = ks_error_errno(errno, "cannot set the permissions of %s", part);
	return err ? err : ks_file_rename_durable(part, to);
}

struct ks_error *ks_cache_get(const struct ks_uptrack *up, const struct ks_tarball *t,
			      struct ks_fetch *fetch, struct ks_report *r)
{
	char *dir = ks_path_join(up->cache, "updates"), *file = NULL;
	char *part = place(up, t->sha256, PART), *to = place(up, t->sha256, TARBALL);
	struct ks_error *err = ks_cache_find(up, t, &file);

	if (err) {
		ks_error_free(err);
		err = ks_dir_make(dir);
		if (!err)
			err = ks_dir_need_space(dir, t->size);
		if (!err)
			err = fetch_tarball(t, fetch, part, to, r);
	}
	free(file);
	free(part);
	free(to);
	free(dir);
	return err;
}

static bool is_kept(const char *name, const struct ks_strv *keep)
{
	for (size_t i = 0; i < keep->len; i++) {
		size_t n = strlen(keep->v[i]);

		if (!strncmp(name, keep->v[i], n) &&
		    (!strcmp(name + n, TARBALL) || !strcmp(name + n, PART)))
			return true;
	}
	return false;
}

struct ks_error *ks_cache_prune(const struct ks_uptrack *up, const struct ks_strv *keep)
{
	char *dir = ks_path_join(up->cache, "updates");
	struct ks_error *err = NULL;
	struct dirent *e;
	DIR *d = opendir(dir);

	while (d && !err && (e = readdir(d))) {
		char *path = ks_path_join(dir, e->d_name);

		if (*e->d_name != '.' && !is_kept(e->d_name, keep))
			err = ks_dir_remove(path);
		free(path);
	}
	if (d)
		closedir(d);
	free(dir);
	return err;
}
