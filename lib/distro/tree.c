// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prepares a source tree; see tree.h.  First stage of the pipeline: everything
 * else starts from what lies here.
 *
 * Theory of operation: the directory says itself how far it is.  "preparing"
 * is written before anything else and holds the release; "kernel" is written
 * when all is done, and then "preparing" goes.  A run that fails removes what
 * it wrote; one that was killed is recognised by the next, which does so first.
 * Downloads go to packages/RELEASE in the cache and are removed at the end, so
 * that none has to be repeated after an interruption.
 */
#include "distro/tree.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/proc.h"
#include "distro/deb.h"
#include "distro/headers.h"
#include "distro/image.h"
#include "distro/kernel.h"
#include "distro/realtime.h"
#include "distro/release.h"

#define MARK "preparing"
#define MAX_MARK 4096

/*
 * The unpacked source is this many times as large as its compressed package
 * (6.1.192: 1.47 GB of disk blocks from 139 MB).
 */
#define SOURCE_RATIO 11
/* System.map, config, rounding. */
#define EXTRA_SPACE (32u << 20)

struct tree {
	char *dir;
	char *config_dir; /* DIR/ksplice */
	char *mark;
	char *packages; /* downloads */
	struct ks_report *report;
	int lock, packages_lock;
};

enum state {
	TREE_EMPTY,
	TREE_UNFINISHED,
	TREE_FINISHED,
};

static void tree_close(struct tree *t)
{
	if (t->lock >= 0)
		close(t->lock);
	if (t->packages_lock >= 0)
		close(t->packages_lock);
	free(t->dir);
	free(t->config_dir);
	free(t->mark);
	free(t->packages);
}

static bool dot_or_dotdot(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/* Is the directory empty, not counting @ignore, and names that begin with @temp? */
static struct ks_error *is_empty(const char *dir, const char *ignore, const char *temp, bool *empty)
{
	struct dirent *e;
	DIR *d;

	d = opendir(dir);
	if (!d)
		return ks_error_errno(errno, "cannot list %s", dir);
	*empty = true;
	while (*empty && (e = readdir(d)))
		*empty = dot_or_dotdot(e->d_name) || (ignore && !strcmp(e->d_name, ignore)) ||
			 (temp && ks_str_starts(e->d_name, temp));
	closedir(d);
	return NULL;
}

static struct ks_error *foreign(const struct tree *t)
{
	return ks_error_new(KS_E_REFUSED,
			    "%s is not empty and was not made by ksplice-prepare; name"
			    " a directory that does not exist",
			    t->dir);
}

/* What the directory holds; *info is of a finished tree, *release of an unfinished one. */
static struct ks_error *tree_state(const struct tree *t, enum state *state,
				   struct ks_kernel_info *info, char **release)
{
	struct ks_buf text = { 0 };
	struct ks_error *err;
	bool empty, kept;

	err = ks_kernel_info_read(t->config_dir, info);
	if (err)
		return err;
	if (info->release) {
		*state = TREE_FINISHED;
		return NULL;
	}
	if (ks_file_exists(t->mark)) {
		err = ks_file_read(t->mark, MAX_MARK, &text);
		if (!err) {
			*release = ks_strndup(text.data, strcspn(text.data, "\n"));
			*state = TREE_UNFINISHED;
		}
		ks_buf_free(&text);
		return err;
	}
	err = is_empty(t->dir, NULL, NULL, &empty);
	if (!err && !empty && ks_file_is_dir(t->config_dir)) {
		/* Killed between making the directory and the mark. */
		err = is_empty(t->dir, "ksplice", NULL, &empty);
		if (!err)
			err = is_empty(t->config_dir, NULL, MARK ".", &kept);
		empty = !err && empty && kept;
	}
	if (!err && !empty)
		err = foreign(t);
	*state = TREE_EMPTY;
	return err;
}

/* Removes what is in @dir but not called @keep. */
static struct ks_error *clear_dir(const char *dir, const char *keep)
{
	struct ks_error *err = NULL;
	struct dirent *e;
	DIR *d;

	d = opendir(dir);
	if (!d)
		return ks_error_errno(errno, "cannot list %s", dir);
	while (!err && (e = readdir(d))) {
		char *path;

		if (dot_or_dotdot(e->d_name) || !strcmp(e->d_name, keep))
			continue;
		path = ks_path_join(dir, e->d_name);
		err = ks_dir_remove(path);
		free(path);
	}
	closedir(d);
	return err;
}

static struct ks_error *check_path(const char *dir)
{
	for (const char *p = dir; *p; p++)
		if (isspace((unsigned char)*p) || strchr(":#$%\\'\"", *p))
			return ks_error_new(
				KS_E_USAGE,
				"the path \"%s\" has the character '%c', with"
				" which the kernel's build does not work; choose another"
				" directory",
				dir, *p);
	return NULL;
}

static struct ks_error *tree_open(struct tree *t, const char *dir, struct ks_report *r)
{
	struct ks_error *err;

	*t = (struct tree){ .lock = -1, .packages_lock = -1, .report = r };
	err = ks_dir_make(dir);
	if (!err)
		err = ks_path_resolve(dir, &t->dir);
	if (!err)
		err = check_path(t->dir);
	if (!err)
		err = ks_dir_lock(t->dir, false, &t->lock);
	if (err)
		return err;
	t->config_dir = ks_path_join(t->dir, "ksplice");
	t->mark = ks_path_join(t->config_dir, MARK);
	return NULL;
}

/* Removes everything that a run writes, the mark last. */
static struct ks_error *tree_clear(const struct tree *t)
{
	struct ks_error *err = clear_dir(t->dir, "ksplice");

	if (!err && ks_file_is_dir(t->config_dir))
		err = clear_dir(t->config_dir, MARK);
	if (!err)
		err = ks_dir_remove(t->config_dir);
	return err;
}

/* Makes the directory ours. */
static struct ks_error *tree_begin(struct tree *t, const char *release, enum state state)
{
	char *text = ks_asprintf("%s\n", release);
	struct ks_error *err = NULL;

	if (state == TREE_UNFINISHED) {
		ks_step(t->report, "Removing what an interrupted run left in %s", t->dir);
		err = tree_clear(t);
	}
	if (!err)
		err = ks_dir_make(t->config_dir);
	if (!err)
		err = ks_file_write(t->mark, text, strlen(text), 0644);
	free(text);
	return err;
}

/* The directory for downloads; who prepares the same release elsewhere waits. */
static struct ks_error *open_packages(struct tree *t, const char *release)
{
	struct ks_error *err;
	char *cache;

	err = ks_distro_cache_dir(&cache);
	if (err)
		return err;
	t->packages = ks_asprintf("%s/packages/%s", cache, release);
	free(cache);
	err = ks_dir_make(t->packages);
	if (!err)
		err = ks_dir_lock(t->packages, true, &t->packages_lock);
	/* The one we waited for removed it at its end. */
	if (!err)
		err = ks_dir_make(t->packages);
	return err;
}

/* /usr/src/linux-source-6.1.tar.xz of an installed package of this version, or NULL. */
static struct ks_error *installed_source(const char *series, const char *version, char **tar)
{
	char *name = ks_asprintf("linux-source-%s", series);
	char *path = ks_asprintf("/usr/src/%s.tar.xz", name), *have = NULL;
	struct ks_error *err;

	*tar = NULL;
	err = ks_dpkg_installed(name, &have);
	if (!err && have && !strcmp(have, version) && !access(path, R_OK)) {
		*tar = path;
		path = NULL;
	}
	free(have);
	free(path);
	free(name);
	return err;
}

/* "6.1.192-2" -> "6.1" */
static char *series_of(const char *version)
{
	const char *dot = strchr(version, '.');

	return ks_strndup(version, dot ? dot + 1 - version + strspn(dot + 1, "0123456789") : 0);
}

/* The packages that have to be had as files. */
struct wanted {
	const struct ks_package *packages[4];
	char *paths[4]; /* the source first where it is among them */
	size_t n;
};

static void wanted_free(struct wanted *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->paths[i]);
}

static struct ks_error *choose(const struct ks_catalogue *c, const struct ks_image *image,
			       bool source, bool headers, struct wanted *w)
{
	const struct ks_release *rel;
	struct ks_error *err;

	err = ks_catalogue_find(c, image->release, image->version, &rel);
	if (err)
		return err;
	if ((source && (!rel->source || !rel->source->fetchable)) ||
	    (headers && (!rel->headers || !rel->common || !rel->kbuild)))
		return ks_error_new(
			KS_E_FAILED,
			"the archive lacks %s of the kernel %s (version %s);"
			" run as root: apt-get update; if it does not help, choose a newer"
			" kernel (ksplice-prepare --list)",
			rel->lacks ? rel->lacks : "its source", rel->release, rel->version);
	if (source)
		w->packages[w->n++] = rel->source;
	if (headers) {
		w->packages[w->n++] = rel->headers;
		w->packages[w->n++] = rel->common;
		w->packages[w->n++] = rel->kbuild;
	}
	return NULL;
}

static struct ks_error *check_space(const struct tree *t, const struct wanted *w, const char *tar)
{
	uint64_t need = EXTRA_SPACE;
	struct stat st;

	for (size_t i = 0; i < w->n; i++) {
		bool source = ks_str_starts(w->packages[i]->name, "linux-source-");

		need += source ? w->packages[i]->size * SOURCE_RATIO
			       : w->packages[i]->installed_size;
	}
	if (tar && !stat(tar, &st))
		need += (uint64_t)st.st_size * SOURCE_RATIO;
	return ks_dir_need_space(t->dir, need);
}

static struct ks_error *unpack_source(const struct tree *t, const char *series, const char *version,
				      const char *tar, const char *deb)
{
	char *member = ks_asprintf("usr/src/linux-source-%s.tar.xz", series);
	struct ks_unpack u = { .dest = t->dir, .strip = 1, .report = t->report, .what = "source" };
	struct ks_error *err;

	ks_step(t->report, "Unpacking the source, version %s", version);
	err = tar ? ks_tar_unpack(tar, &u) : ks_deb_unpack_tar(deb, member, &u);
	free(member);
	return err;
}

/* What the rt flavour has beside the source of all; *used is the version of it. */
static struct ks_error *patch_realtime(const struct tree *t, const struct ks_catalogue *c,
				       const struct ks_image *image, char **used)
{
	const struct ks_release *rel;
	struct ks_error *err;

	err = ks_catalogue_find(c, image->release, image->version, &rel);
	if (!err && !rel->source)
		err = ks_error_new(KS_E_FAILED, "apt does not know linux-source-%s %s; run as root: apt-get update",
				   rel->series, rel->version);
	if (err)
		return err;
	return ks_realtime_patch(t->dir, rel->source->source ? rel->source->source : "linux",
				 image->version, t->packages, t->report, used);
}

/* Patches of another version may be others. */
static struct ks_error *check_realtime(const struct tree *t, const struct ks_image *image,
				       const char *used)
{
	size_t abi = ks_release_flavour(image->release) - image->release;
	char *common = ks_asprintf("linux-headers-%.*scommon-rt", (int)abi, image->release);
	char *own = ks_asprintf("%s/headers/usr/src/%s", t->config_dir, common);
	char *installed = ks_asprintf("/usr/src/%s", common);
	struct ks_error *err;

	ks_note(t->report, 0,
		"the archive has lost the patches for real time of %s; those of %s apply, and the"
		" headers are compared",
		image->version, used);
	err = ks_realtime_check(t->dir, ks_file_is_dir(own) ? own : installed);
	free(installed);
	free(own);
	free(common);
	return err;
}

/* .config and System.map. */
static struct ks_error *describe(const struct tree *t, const struct ks_image *image, char **banner)
{
	char *config = ks_path_join(t->config_dir, ".config");
	char *map_path = ks_path_join(t->config_dir, "System.map");
	struct ks_buf map = { 0 };
	struct ks_error *err;

	ks_step(t->report, "Reading the symbols of %s", image->vmlinuz);
	err = ks_file_copy(image->config, config);
	if (!err)
		err = ks_image_system_map(image->vmlinuz, &map, banner);
	if (!err)
		err = ks_file_write(map_path, map.data, map.len, 0644);
	ks_buf_free(&map);
	free(map_path);
	free(config);
	return err;
}

static struct ks_error *finish(const struct tree *t, const struct ks_kernel_info *info)
{
	char *makefile = ks_path_join(t->dir, "Makefile");
	struct ks_error *err = NULL;

	if (!ks_file_exists(makefile))
		err = ks_error_new(KS_E_FAILED,
				   "the source package of %s has no kernel source in it",
				   info->version);
	free(makefile);
	if (!err)
		err = ks_kernel_info_write(t->config_dir, info);
	if (!err && unlink(t->mark))
		err = ks_error_errno(errno, "cannot remove %s", t->mark);
	if (!err && t->packages)
		err = ks_dir_remove(t->packages);
	return err;
}

static struct ks_error *fill(struct tree *t, const struct ks_image *image,
			     struct ks_kernel_info *info)
{
	char *series = series_of(image->version), *tar = NULL;
	struct ks_catalogue c = { 0 };
	struct wanted w = { 0 };
	struct ks_error *err;
	bool headers, realtime = ks_is_realtime(ks_release_flavour(image->release));
	size_t first;

	err = installed_source(series, image->version, &tar);
	if (!err)
		err = ks_headers_installed(image->release, image->version, &headers);
	if (!err && (!tar || !headers || realtime))
		err = ks_catalogue_read(&c);
	if (!err && (!tar || !headers))
		err = choose(&c, image, !tar, !headers, &w);
	if (!err)
		err = check_space(t, &w, tar);
	if (!err && (w.n || realtime))
		err = open_packages(t, image->release);
	if (!err && w.n)
		err = ks_apt_fetch(w.packages, w.n, t->packages, t->report, w.paths);
	if (!err)
		err = unpack_source(t, series, image->version, tar, w.paths[0]);
	if (!err && realtime)
		err = patch_realtime(t, &c, image, &info->patches);
	if (!err)
		err = describe(t, image, &info->banner);
	first = tar ? 0 : 1;
	if (!err && headers)
		err = ks_headers_link_installed(t->config_dir, image->release);
	else if (!err)
		err = ks_headers_unpack(t->config_dir, image->release,
					(const char *const *)w.paths + first, w.n - first,
					t->report);
	if (!err && realtime && strcmp(info->patches, image->version))
		err = check_realtime(t, image, info->patches);
	if (!err) {
		info->release = ks_strdup(image->release);
		info->version = ks_strdup(image->version);
		info->arch = ks_strdup("amd64");
		info->flavour = ks_strdup(ks_release_flavour(image->release));
		err = finish(t, info);
	}
	wanted_free(&w);
	ks_catalogue_free(&c);
	free(tar);
	free(series);
	return err;
}

/* Is a tree of @found what was asked for? */
static struct ks_error *check_same(const struct tree *t, const char *found, const char *asked,
				   bool finished)
{
	if (!strcmp(found, asked))
		return NULL;
	return ks_error_new(KS_E_REFUSED,
			    "%s holds %s source of another kernel, %s; name another"
			    " directory, or remove that one",
			    t->dir, finished ? "the" : "the unfinished", found);
}

struct ks_error *ks_tree_prepare(const char *release, const char *dir, struct ks_report *r,
				 struct ks_kernel_info *info, bool *already)
{
	char *running = ks_distro_running_release(), *unfinished = NULL;
	struct ks_image *image = NULL;
	bool created = !ks_file_exists(dir);
	enum state state = TREE_EMPTY;
	struct ks_error *err;
	struct tree t;

	memset(info, 0, sizeof(*info));
	*already = false;
	if (!release)
		release = running;
	err = tree_open(&t, dir, r);
	if (!err)
		err = tree_state(&t, &state, info, &unfinished);
	if (!err && state == TREE_FINISHED) {
		err = check_same(&t, info->release, release, true);
		*already = !err;
		goto out;
	}
	if (!err && state == TREE_UNFINISHED)
		err = check_same(&t, unfinished, release, false);
	/* The image first: it says which version everything else must have. */
	if (!err)
		err = ks_distro_image(release, r, &image);
	if (release == running)
		err = ks_error_prefix(err, "the running kernel");
	if (!err) {
		err = tree_begin(&t, release, state);
		if (!err)
			err = fill(&t, image, info);
		/* Its own failure could only hide the first one: the next run tries again. */
		if (err)
			ks_error_free(tree_clear(&t));
	}
out:
	/* Not even the empty directory is left. */
	if (err && created)
		rmdir(dir);
	if (err)
		ks_kernel_info_free(info);
	ks_image_free(image);
	free(unfinished);
	free(running);
	tree_close(&t);
	return err;
}
