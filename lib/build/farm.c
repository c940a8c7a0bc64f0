// SPDX-License-Identifier: GPL-2.0-only
/*
 * The farm: the source tree once more, as symbolic links.  It is what kbuild
 * takes for the source, so that a patched file can stand in for an original
 * without the source tree being written to (overlay.c), and so that files which
 * do not belong to the source (our own directory, .git) stay out.
 *
 * A directory of the farm is either one link to the source's directory or
 * real, with an entry for each entry of the source's.  It starts with few real
 * ones: the top, and those where tools of the build are made, because their
 * makefiles take the physical working directory for their own and might write
 * there.  More become real as patches need it, with all above them, and stay
 * so.  (Links to all 80,000 files would need no such thought, but take 2 s on a
 * fresh file system and 30 s on a used one.)
 *
 * The trap is "../": through a link it leads back to the unpatched source.
 * Before a patched object is compiled, its own directory and those of the
 * patched files are therefore made real, and afterwards the compiler's list of
 * what it has read shows whether a patched file was missed (object.c).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"
#include "build/state.h"

/* Deeper than any source tree; a loop of mounts must not run us out of stack. */
#define MAX_DEPTH 40

struct entry {
	char *name;
	unsigned char type; /* DT_* */
};

struct listing {
	KS_VEC(struct entry) entries;
};

struct walk {
	struct ks_build *b;
	struct ks_buf path;   /* of the directory, relative to the source, "" or "a/b/" */
	const char *config;   /* of the config directory, relative to the source; NULL: outside */
};

static int compare_entries(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static void listing_free(struct listing *l)
{
	ks_vec_for(&l->entries, e)
		free(e->name);
	ks_vec_free(&l->entries);
}

static unsigned char entry_type(int dir, const struct dirent *d)
{
	struct stat st;

	if (d->d_type != DT_UNKNOWN)
		return d->d_type;
	/* Some file systems do not say. */
	return fstatat(dir, d->d_name, &st, AT_SYMLINK_NOFOLLOW) ? DT_UNKNOWN : IFTODT(st.st_mode);
}

/* Takes @fd over. */
static struct ks_error *listing_read(int fd, const char *path, struct listing *l)
{
	DIR *dir = fdopendir(fd);
	struct ks_error *err = NULL;
	struct dirent *d;

	if (!dir) {
		err = ks_error_errno(errno, "cannot read %s", path);
		close(fd);
		return err;
	}
	while (errno = 0, (d = readdir(dir))) {
		struct entry *e;

		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		e = ks_vec_push(&l->entries);
		e->name = ks_strdup(d->d_name);
		e->type = entry_type(fd, d);
	}
	if (errno)
		err = ks_error_errno(errno, "cannot read %s", path);
	closedir(dir);
	if (l->entries.len)
		qsort(l->entries.v, l->entries.len, sizeof(*l->entries.v), compare_entries);
	return err;
}

/* What of the source is no part of the farm. */
static bool left_out(const struct walk *w, const char *path, const struct entry *e)
{
	static const char *const paths[] = {
		/* ours, and what a configuration without a build leaves */
		"ksplice", ".config", ".config.old",
	};

	if (w->config && !strcmp(path, w->config))
		return true;
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		if (!strcmp(path, paths[i]))
			return true;
	/* .git, .pc and the like; within directories kbuild has none either. */
	return e->type == DT_DIR && e->name[0] == '.';
}

/* Directories that are real from the start, with all below them. */
static bool always_real(const char *path)
{
	static const char *const dirs[] = {
		"scripts", "tools/arch/x86", "tools/bpf/resolve_btfids", "tools/build",
		"tools/include", "tools/lib", "tools/objtool", "tools/scripts",
	};

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		size_t n = strlen(dirs[i]), len = strlen(path);

		/* The directory, one below it, or one above it. */
		if (!strncmp(path, dirs[i], len < n ? len : n) &&
		    (len == n || (len > n ? path : dirs[i])[len > n ? n : len] == '/'))
			return true;
	}
	return false;
}

/*
 * The text of the link for a file of the source.  Relative where the cache is
 * inside the source tree: most such links are short enough for the inode, and
 * the tree can be moved.
 */
static char *link_text(const struct ks_build *b, const char *path)
{
	size_t source = strlen(b->source);
	struct ks_buf text = { 0 };

	if (strncmp(b->farm, b->source, source) || b->farm[source] != '/')
		return ks_path_join(b->source, path);
	for (const char *p = b->farm + source; *p; p++)
		if (*p == '/')
			ks_buf_adds(&text, "../");
	for (const char *p = path; *p; p++)
		if (*p == '/')
			ks_buf_adds(&text, "../");
	ks_buf_adds(&text, path);
	return ks_buf_steal(&text);
}

static struct ks_error *farm_error(const struct ks_build *b, const char *path)
{
	if (errno == ENOSPC || errno == EDQUOT)
		return ks_error_errno(errno,
				      "%s/%s: the build cache needs about 100 MB; make room, or set KSPLICE_CACHE to a directory elsewhere",
				      b->farm, path);
	return ks_error_errno(errno, "%s/%s", b->farm, path);
}

/* A link in the source is taken over as it is: it leads to within the farm. */
static struct ks_error *add_link(struct walk *w, int src, int dst, const char *path,
				 const char *name, unsigned char type)
{
	char target[4096], *text;
	int failed;

	if (type == DT_LNK) {
		ssize_t n = readlinkat(src, name, target, sizeof(target) - 1);

		if (n < 0)
			return ks_error_errno(errno, "%s/%s", w->b->source, path);
		target[n] = 0;
		text = ks_strdup(target);
	} else {
		text = link_text(w->b, path);
	}
	failed = symlinkat(text, dst, name);
	free(text);
	return failed ? farm_error(w->b, path) : NULL;
}

static struct ks_error *remove_entry(struct walk *w, int dst, const char *path,
				     const struct entry *e)
{
	struct ks_error *err;
	char *full;

	if (e->type != DT_DIR)
		return unlinkat(dst, e->name, 0) ? farm_error(w->b, path) : NULL;
	full = ks_path_join(w->b->farm, path);
	err = ks_dir_remove(full);
	free(full);
	return err;
}

static struct ks_error *sync_dir(struct walk *w, int src, int dst, int depth);

static struct ks_error *descend(struct walk *w, int src, int dst, const char *name, int depth)
{
	size_t len = w->path.len;
	struct ks_error *err;
	int s, d = -1;

	s = openat(src, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s < 0)
		return ks_error_errno(errno, "cannot read %s/%s%s", w->b->source,
				      len ? w->path.data : "", name);
	if (mkdirat(dst, name, 0777) && errno != EEXIST)
		err = farm_error(w->b, name);
	else if ((d = openat(dst, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
		err = farm_error(w->b, name);
	else
		err = NULL;
	if (err) {
		close(s);
		return err;
	}
	ks_buf_addf(&w->path, "%s/", name);
	err = sync_dir(w, s, d, depth + 1);
	w->path.len = len;
	w->path.data[len] = 0;
	return err;
}

/* One name that the source has, and (@have) perhaps the farm, too. */
static struct ks_error *sync_entry(struct walk *w, int src, int dst, const struct entry *e,
				   const struct entry *have, int depth)
{
	char *path = ks_asprintf("%s%s", w->path.len ? w->path.data : "", e->name);
	struct ks_error *err = NULL;
	bool real = e->type == DT_DIR && (always_real(path) || (have && have->type == DT_DIR));

	if (left_out(w, path, e) || (e->type != DT_REG && e->type != DT_DIR && e->type != DT_LNK)) {
		if (have)
			err = remove_entry(w, dst, path, have);
		goto out;
	}
	if (have && have->type != (real ? DT_DIR : DT_LNK)) {
		err = remove_entry(w, dst, path, have);
		have = NULL;
	}
	if (!err && !real && !have)
		err = add_link(w, src, dst, path, e->name, e->type);
	if (!err && real)
		err = descend(w, src, dst, e->name, depth);
out:
	free(path);
	return err;
}

/* Takes both descriptors over. */
static struct ks_error *sync_dir(struct walk *w, int src, int dst, int depth)
{
	char *path = ks_strdup(w->path.len ? w->path.data : "."); /* w->path moves below */
	struct listing s = { 0 }, d = { 0 };
	struct ks_error *err;
	size_t i = 0, j = 0;

	/* The listings close their descriptors; the loop below needs its own. */
	err = listing_read(fcntl(src, F_DUPFD_CLOEXEC, 0), path, &s);
	if (!err)
		err = listing_read(fcntl(dst, F_DUPFD_CLOEXEC, 0), path, &d);
	if (!err && depth > MAX_DEPTH)
		err = ks_error_new(KS_E_INPUT,
				   "%s/%s: more than %d directories deep: not a kernel source",
				   w->b->source, path, MAX_DEPTH);
	while (!err && (i < s.entries.len || j < d.entries.len)) {
		struct entry *se = i < s.entries.len ? &s.entries.v[i] : NULL;
		struct entry *de = j < d.entries.len ? &d.entries.v[j] : NULL;
		int order = !se ? 1 : !de ? -1 : strcmp(se->name, de->name);

		if (order > 0) {
			char *gone = ks_asprintf("%s%s", w->path.len ? w->path.data : "", de->name);

			err = remove_entry(w, dst, gone, de);
			free(gone);
		} else {
			err = sync_entry(w, src, dst, se, order ? NULL : de, depth);
		}
		i += order <= 0;
		j += order >= 0;
	}
	if (!err && ks_interrupted())
		err = ks_interrupted_error();
	listing_free(&s);
	listing_free(&d);
	free(path);
	close(src);
	close(dst);
	return err;
}

/* A tree that a kernel was built in: stale generated headers would be found before ours. */
static struct ks_error *check_clean(const struct ks_build *b)
{
	static const char *const marks[] = { "include/config", "include/generated",
					     "arch/x86/include/generated" };
	struct ks_error *err = NULL;

	for (size_t i = 0; !err && i < sizeof(marks) / sizeof(*marks); i++) {
		char *path = ks_path_join(b->source, marks[i]);

		if (ks_file_exists(path))
			err = ks_error_new(KS_E_INPUT,
					   "%s: a kernel was built in this source tree, and what the build left there would get in the way; take a clean copy (or, if the build is not needed any more: make -C %s mrproper)",
					   path, b->source);
		free(path);
	}
	return err;
}

/* A farm whose links lead to another source, or from another place, is of no use. */
static struct ks_error *check_mark(const struct ks_build *b)
{
	char *path = ks_path_join(b->cache, "farm.mark"), *text = link_text(b, "");
	char *mark = ks_asprintf("farm 2 %s\n", text);
	struct ks_buf old = { 0 };
	struct ks_error *err = NULL;

	if (ks_file_exists(path))
		ks_error_free(ks_file_read(path, 65536, &old));
	if (!old.data || strcmp(old.data, mark) || !ks_file_is_dir(b->farm)) {
		err = ks_dir_remove(b->farm);
		if (!err)
			err = ks_dir_make(b->farm);
		if (!err)
			err = ks_file_write(path, mark, strlen(mark), 0644);
	}
	ks_buf_free(&old);
	free(mark);
	free(text);
	free(path);
	return err;
}

/* Brings the farm's directory @dir ("" or "a/b/"), and the real ones in it, up to date. */
static struct ks_error *sync_from(struct ks_build *b, const char *dir)
{
	char *from = ks_asprintf("%s/%s", b->source, dir), *to = ks_asprintf("%s/%s", b->farm, dir);
	struct walk w = { .b = b };
	size_t len = strlen(b->source);
	struct ks_error *err = NULL;
	int src, dst = -1;

	if (!strncmp(b->config_dir, b->source, len) && b->config_dir[len] == '/')
		w.config = b->config_dir + len + 1;
	src = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (src < 0)
		err = ks_error_errno(errno, "cannot read %s", from);
	else if ((dst = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		err = ks_error_errno(errno, "cannot read %s", to);
	if (err) {
		if (src >= 0)
			close(src);
	} else {
		ks_buf_adds(&w.path, dir);
		err = sync_dir(&w, src, dst, 0);
	}
	ks_buf_free(&w.path);
	free(from);
	free(to);
	return err;
}

struct ks_error *ks_farm_sync(struct ks_build *b)
{
	struct ks_error *err = check_clean(b);

	if (!err)
		err = check_mark(b);
	return err ? err : sync_from(b, "");
}

/* One level: @dir, whose parent is real. */
static struct ks_error *make_real(struct ks_build *b, const char *dir)
{
	char *entry = ks_path_join(b->farm, dir), *slashed;
	struct ks_error *err = NULL;
	struct stat st;

	/* A run that is killed in between leaves a gap that the next sync fills. */
	if (!lstat(entry, &st) && S_ISLNK(st.st_mode) && ks_file_is_dir(entry)) {
		if (unlink(entry) || mkdir(entry, 0777))
			err = farm_error(b, dir);
		slashed = ks_asprintf("%s/", dir);
		if (!err)
			err = sync_from(b, slashed);
		free(slashed);
	}
	free(entry);
	return err;
}

struct ks_error *ks_farm_make_real(struct ks_build *b, const char *dir)
{
	struct ks_error *err = NULL;
	char *path = ks_strdup(dir);

	for (char *p = path; p && !err;) {
		char *slash = strchr(p, '/');

		if (slash)
			*slash = 0;
		err = make_real(b, path);
		if (slash)
			*slash = '/';
		p = slash ? slash + 1 : NULL;
	}
	free(path);
	return err;
}

struct ks_error *ks_farm_open_parent(struct ks_build *b, const char *path, bool create, int *parent)
{
	int fd = open(b->farm, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const char *p = path, *slash;
	struct ks_error *err = NULL;

	for (; fd >= 0 && (slash = strchr(p, '/')); p = slash + 1) {
		char *name = ks_strndup(p, slash - p);
		int next = -1;

		if (!create || !mkdirat(fd, name, 0777) || errno == EEXIST)
			next = openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		/* close() may change errno. */
		if (next < 0)
			err = ks_error_errno(errno, "cannot enter the directory of %s in %s", path,
					     b->farm);
		close(fd);
		fd = next;
		free(name);
	}
	if (fd < 0 && !err)
		err = ks_error_errno(errno, "cannot enter %s", b->farm);
	*parent = fd;
	return err;
}

const char *ks_farm_inside(const struct ks_build *b, const char *name)
{
	size_t n = strlen(b->farm);

	return !strncmp(name, b->farm, n) && name[n] == '/' ? name + n + 1 : NULL;
}

struct ks_error *ks_farm_restore(struct ks_build *b, const char *path)
{
	char *original = ks_path_join(b->source, path), *temp = ks_path_join(b->cache, "link.tmp");
	char *text = link_text(b, path);
	struct ks_error *err = NULL;
	struct stat st;
	int parent;

	/* Where the way to it is no row of real directories, nothing was ever replaced. */
	ks_error_free(ks_farm_open_parent(b, path, false, &parent));
	if (parent < 0)
		goto out;
	if (lstat(original, &st)) {
		/* Added by the patch. */
		if (unlinkat(parent, ks_path_base(path), 0) && errno != ENOENT)
			err = ks_error_errno(errno, "cannot remove %s/%s", b->farm, path);
	} else {
		unlink(temp);
		if (symlink(text, temp) || renameat(AT_FDCWD, temp, parent, ks_path_base(path)))
			err = ks_error_errno(errno, "cannot restore %s/%s", b->farm, path);
	}
	close(parent);
out:
	free(original);
	free(temp);
	free(text);
	return err;
}
