// SPDX-License-Identifier: GPL-2.0-only
/*
 * The include graph; see graph.h.  Fifth step of a build, after the roster:
 * where a header changes, the roster's sources that the graph reaches are the
 * units that may be affected.
 *
 * What is remembered of a file are its include lines, not what they lead to:
 * a file that comes or goes may change that for others.  An include line leads
 * to a file if the compiler could find it there:
 *   - a quoted name, beside the file itself, and then nowhere else;
 *   - in one of the directories that every compiler gets (standard[]), and then
 *     only there: they come before those of the makefiles;
 *   - <asm/x.h> without such a file: kbuild makes one that includes
 *     <asm-generic/x.h>;
 *   - any file whose path ends in that name, for the -I of some makefile.
 * "#include TRACE_INCLUDE(TRACE_INCLUDE_FILE)" in trace/define_trace.h: a file
 * that defines TRACE_INCLUDE_FILE as x counts as one that includes every x.h;
 * and one that defines a name as "x.h" or <x.h> as one that includes that.
 */
#include "build/graph.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"
#include "build/state.h"

#define HEAD "ksplice includes 1\n"
#define MAX_DEPTH 40
#define NONE UINT32_MAX
#define PROGRESS_EVERY 500

enum kind { QUOTED = 'q', ANGLED = 'a', ANYWHERE = 't' };

struct include {
	char kind;
	const char *name;
	uint32_t file;
	uint32_t next; /* with the same hash of the last part of the name */
};

struct file {
	const char *path;
	const char *signature;
	size_t first, n; /* its includes */
	uint32_t next;   /* with the same hash of the path */
	bool added, reached;
};

struct ks_graph {
	const char *source;
	struct ks_buf text;   /* the cache file: most strings are in it */
	struct ks_strv owned; /* the others */
	KS_VEC(struct file) files; /* sorted by path, then those that were added */
	KS_VEC(struct include) includes;
	uint32_t *by_path, *by_base; /* hash tables */
	size_t mask;
	size_t scanned;
	bool dirty;
};

static const char *const standard[] = {
	"arch/x86/include/", "include/", "arch/x86/include/uapi/", "include/uapi/",
};

/* Given to every compiler: LINUXINCLUDE and c_flags of the kernel's makefiles. */
static const char *const everywhere[] = {
	"include/linux/compiler-version.h",
	"include/linux/kconfig.h",
	"include/linux/compiler_types.h",
};

static uint64_t hash(const char *s, size_t len)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)s[i]) * 0x100000001b3;
	return h ^ h >> 29;
}

static bool is_source(const char *path)
{
	return ks_str_ends(path, ".c") || ks_str_ends(path, ".S");
}

static bool skipped_dir(const char *path)
{
	static const char *const dirs[] = { "Documentation", "LICENSES", "debian", "ksplice",
					    "rust", "samples", "scripts", "tools", "usr" };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		if (!strcmp(path, dirs[i]))
			return true;
	return ks_path_base(path)[0] == '.' ||
	       (ks_str_starts(path, "arch/") && !strchr(path + 5, '/') && strcmp(path + 5, "x86"));
}

struct found {
	char *path, *signature;
};

struct walk {
	KS_VEC(struct found) list;
};

static struct ks_error *walk_dir(struct walk *w, int parent, const char *name, const char *dir,
				 int depth)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct ks_error *err = NULL;
	struct dirent *e;

	if (!d)
		err = ks_error_errno(errno, "cannot read %s", *dir ? dir : name);
	else if (depth > MAX_DEPTH)
		err = ks_error_new(KS_E_INPUT, "%s: more than %d directories deep", dir, MAX_DEPTH);
	while (!err && (e = readdir(d))) {
		unsigned char type = e->d_type;
		struct stat st = { 0 };
		char *path;

		if (e->d_name[0] == '.')
			continue;
		if (type != DT_DIR && !ks_str_ends(e->d_name, ".h") && !is_source(e->d_name))
			if (type != DT_UNKNOWN)
				continue;
		if (type != DT_DIR && fstatat(dirfd(d), e->d_name, &st, 0))
			continue;
		if (type == DT_UNKNOWN)
			type = IFTODT(st.st_mode);
		path = ks_asprintf("%s%s%s", dir, *dir ? "/" : "", e->d_name);
		if (type == DT_DIR) {
			if (!skipped_dir(path))
				err = walk_dir(w, dirfd(d), e->d_name, path, depth + 1);
			free(path);
		} else if (S_ISREG(st.st_mode)) {
			struct found *f = ks_vec_push(&w->list);

			f->path = path;
			f->signature = ks_asprintf(
				"%lld %lld.%09ld %lld.%09ld", (long long)st.st_size,
				(long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
				(long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
		} else {
			free(path);
		}
	}
	if (!err && ks_interrupted())
		err = ks_interrupted_error();
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
	return err;
}

static int compare_found(const void *a, const void *b)
{
	return strcmp(((const struct found *)a)->path, ((const struct found *)b)->path);
}

static const char *own(struct ks_graph *g, char *text)
{
	ks_strv_addf(&g->owned, "%s", "");
	free(g->owned.v[g->owned.len - 1]);
	g->owned.v[g->owned.len - 1] = text;
	return text;
}

static void add_include(struct ks_graph *g, struct file *f, char kind, const char *name, size_t len)
{
	struct include *inc;

	if (!len || memchr(name, '\n', len))
		return;
	/* A macro's value is meant where a name ends in no suffix: x.h. */
	inc = ks_vec_push(&g->includes);
	inc->kind = kind;
	inc->name = own(g, kind == ANYWHERE ? ks_asprintf("%.*s.h", (int)len, name)
					    : ks_strndup(name, len));
	f->n++;
}

/* "NAME" or <NAME> at @p: the length of NAME, 0: neither. */
static size_t quoted_name(const char *p, const char *end, char *kind)
{
	char close = p < end && *p == '"' ? '"' : p < end && *p == '<' ? '>' : 0;
	const char *q;

	if (!close)
		return 0;
	for (q = p + 1; q < end && *q != close && *q != '\n'; q++)
		;
	*kind = close == '"' ? QUOTED : ANGLED;
	return q < end && *q == close ? q - p - 1 : 0;
}

static const char *skip_blank(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	return p;
}

static size_t word_length(const char *p, const char *end)
{
	const char *q = p;

	while (q < end && (*q == '_' || (*q >= '0' && *q <= '9') || (*q >= 'a' && *q <= 'z') ||
			   (*q >= 'A' && *q <= 'Z')))
		q++;
	return q - p;
}

/* What is behind the "#" of a line. */
static void scan_directive(struct ks_graph *g, struct file *f, const char *p, const char *end)
{
	static const char trace[] = "TRACE_INCLUDE_FILE";
	size_t len;
	char kind;

	p = skip_blank(p, end);
	len = word_length(p, end);
	if ((len == 7 && !memcmp(p, "include", 7)) || (len == 12 && !memcmp(p, "include_next", 12))) {
		p = skip_blank(p + len, end);
		len = quoted_name(p, end, &kind);
		add_include(g, f, kind, p + 1, len);
	} else if (len == 6 && !memcmp(p, "define", 6)) {
		const char *name = p = skip_blank(p + len, end);

		len = word_length(p, end);
		p = skip_blank(p + len, end);
		if (len == sizeof(trace) - 1 && !memcmp(name, trace, len)) {
			add_include(g, f, ANYWHERE, p, strcspn(p, " \t\r\n"));
			return;
		}
		len = quoted_name(p, end, &kind);
		if (len > 2 && !memcmp(p + len - 1, ".h", 2))
			add_include(g, f, kind, p + 1, len);
	}
}

static void scan_text(struct ks_graph *g, struct file *f, const struct ks_buf *text)
{
	const char *p = ks_buf_text(text), *end = p + text->len;

	while (p && p < end && (p = memchr(p, '#', end - p))) {
		const char *q = p++;

		while (q > text->data && (q[-1] == ' ' || q[-1] == '\t'))
			q--;
		if (q == text->data || q[-1] == '\n')
			scan_directive(g, f, p, end);
	}
	/* "# include" in assembly is the preprocessor's; this is the assembler's. */
	for (p = text->data; p && ks_str_ends(f->path, ".S") && (p = strstr(p, ".include")); p++) {
		const char *q = skip_blank(p + 8, end);
		char kind;

		add_include(g, f, QUOTED, q + 1, quoted_name(q, end, &kind));
	}
}

static struct ks_error *scan_file(struct ks_graph *g, struct file *f)
{
	char *path = ks_path_join(g->source, f->path);
	struct ks_buf text = { 0 };
	struct ks_error *err = ks_file_read(path, KS_BUILD_MAX_FILE, &text);

	if (!err && text.len)
		scan_text(g, f, &text);
	ks_buf_free(&text);
	free(path);
	g->scanned++;
	return err;
}

/* The cache file's lines: "PATH<TAB>SIGNATURE", then one " qNAME" an include. */
struct old_file {
	char *path, *signature, *lines;
};

struct old {
	KS_VEC(struct old_file) files;
};

static void parse_cache(struct ks_graph *g, struct old *old)
{
	char *p = g->text.data, *next;

	if (!p || !ks_str_starts(p, HEAD))
		return;
	for (p += strlen(HEAD); *p; p = next) {
		char *nl = strchr(p, '\n'), *tab;

		next = nl ? nl + 1 : p + strlen(p);
		if (*p == ' ' || !nl)
			continue;
		tab = memchr(p, '\t', nl - p);
		if (tab) {
			struct old_file *f = ks_vec_push(&old->files);

			*tab = *nl = 0;
			*f = (struct old_file){ p, tab + 1, next };
		}
	}
}

static void take_over(struct ks_graph *g, struct file *f, char *p)
{
	while (*p == ' ') {
		char *nl = strchr(p, '\n');
		struct include *inc;

		if (!nl)
			break;
		*nl = 0;
		inc = ks_vec_push(&g->includes);
		inc->kind = p[1];
		inc->name = p + 2;
		f->n++;
		p = nl + 1;
	}
}

/* Both lists are sorted. */
static struct ks_error *merge(struct ks_graph *g, struct walk *w, struct old *old,
			      struct ks_report *report)
{
	struct ks_error *err = NULL;
	size_t j = 0, stale = 0;

	for (size_t i = 0; i < w->list.len && !err; i++) {
		struct found *found = &w->list.v[i];
		struct file *f = ks_vec_push(&g->files);

		while (j < old->files.len && strcmp(old->files.v[j].path, found->path) < 0)
			j++;
		f->path = own(g, found->path);
		f->signature = own(g, found->signature);
		found->path = found->signature = NULL;
		f->first = g->includes.len;
		if (j < old->files.len && !strcmp(old->files.v[j].path, f->path) &&
		    !strcmp(old->files.v[j].signature, f->signature)) {
			take_over(g, f, old->files.v[j].lines);
			continue;
		}
		if (!stale++ && !old->files.len)
			ks_step(report, "Reading the source for what includes what (once)");
		err = scan_file(g, f);
		if (g->scanned % PROGRESS_EVERY == 0) {
			ks_progress(report, i, w->list.len, "%s", f->path);
			if (!err && ks_interrupted())
				err = ks_interrupted_error();
		}
	}
	g->dirty = g->scanned || old->files.len != g->files.len;
	return err;
}

static struct ks_error *write_cache(struct ks_graph *g, const char *path)
{
	struct ks_buf out = { 0 };
	struct ks_error *err;

	ks_buf_adds(&out, HEAD);
	ks_vec_for(&g->files, f) {
		ks_buf_addf(&out, "%s\t%s\n", f->path, f->signature);
		for (size_t i = f->first; i < f->first + f->n; i++)
			ks_buf_addf(&out, " %c%s\n", g->includes.v[i].kind, g->includes.v[i].name);
	}
	err = ks_file_write(path, out.data, out.len, 0644);
	ks_buf_free(&out);
	return err;
}

static void link_path(struct ks_graph *g, uint32_t i)
{
	struct file *f = &g->files.v[i];
	size_t slot = hash(f->path, strlen(f->path)) & g->mask;

	f->next = g->by_path[slot];
	g->by_path[slot] = i;
}

static void make_tables(struct ks_graph *g)
{
	size_t size = 1;

	while (size < g->files.len + g->includes.len)
		size *= 2;
	g->mask = size - 1;
	g->by_path = ks_alloc(size * sizeof(*g->by_path));
	g->by_base = ks_alloc(size * sizeof(*g->by_base));
	memset(g->by_path, 0xff, size * sizeof(*g->by_path));
	memset(g->by_base, 0xff, size * sizeof(*g->by_base));
	for (size_t i = 0; i < g->files.len; i++) {
		struct file *f = &g->files.v[i];

		link_path(g, i);
		for (size_t j = f->first; j < f->first + f->n; j++) {
			struct include *inc = &g->includes.v[j];
			const char *base = ks_path_base(inc->name);
			size_t slot = hash(base, strlen(base)) & g->mask;

			inc->file = i;
			inc->next = g->by_base[slot];
			g->by_base[slot] = j;
		}
	}
}

struct ks_error *ks_graph_open(const char *source, const char *cache_file,
			       struct ks_report *report, struct ks_graph **graph)
{
	struct ks_graph *g = ks_alloc(sizeof(*g));
	struct walk w = { 0 };
	struct old old = { 0 };
	struct ks_error *err = NULL;

	g->source = source;
	if (ks_file_exists(cache_file))
		err = ks_file_read(cache_file, KS_BUILD_MAX_FILE, &g->text);
	if (!err)
		err = walk_dir(&w, AT_FDCWD, source, "", 0);
	if (!err) {
		parse_cache(g, &old);
		if (w.list.len)
			qsort(w.list.v, w.list.len, sizeof(*w.list.v), compare_found);
		err = merge(g, &w, &old, report);
	}
	if (!err && g->dirty)
		err = write_cache(g, cache_file);
	if (!err)
		make_tables(g);
	ks_vec_for(&w.list, f) {
		free(f->path);
		free(f->signature);
	}
	ks_vec_free(&w.list);
	ks_vec_free(&old.files);
	if (err) {
		ks_graph_free(g);
		return err;
	}
	*graph = g;
	return NULL;
}

void ks_graph_free(struct ks_graph *g)
{
	if (!g)
		return;
	ks_vec_free(&g->files);
	ks_vec_free(&g->includes);
	ks_strv_free(&g->owned);
	ks_buf_free(&g->text);
	free(g->by_path);
	free(g->by_base);
	free(g);
}

static uint32_t find_file(const struct ks_graph *g, const char *path)
{
	uint32_t i = g->by_path[hash(path, strlen(path)) & g->mask];

	while (i != NONE && strcmp(g->files.v[i].path, path))
		i = g->files.v[i].next;
	return i;
}

void ks_graph_add(struct ks_graph *g, const char *path)
{
	struct file *f;

	if (find_file(g, path) != NONE)
		return;
	f = ks_vec_push(&g->files);
	f->path = own(g, ks_strdup(path));
	f->signature = "";
	f->added = true;
	link_path(g, g->files.len - 1);
}

static bool exists(const struct ks_graph *g, const char *dir, const char *name)
{
	char *path = ks_asprintf("%s%s", dir, name);
	bool found = find_file(g, path) != NONE;

	free(path);
	return found;
}

static bool is(const char *path, const char *dir, const char *name)
{
	size_t n = strlen(dir);

	return !strncmp(path, dir, n) && !strcmp(path + n, name);
}

/* Could the include line lead to @path?  See the top of this file. */
static bool leads_to(const struct ks_graph *g, const struct include *inc, const char *path)
{
	static const char *const generic[] = { "include/asm-generic/", "include/uapi/asm-generic/" };
	const char *from = g->files.v[inc->file].path, *name = inc->name, *rest;
	bool any = false;
	size_t n, len;

	if (inc->kind == ANYWHERE)
		return !strcmp(ks_path_base(path), ks_path_base(name));
	if (inc->kind == QUOTED) {
		char *text = ks_asprintf("%.*s%s", (int)(ks_path_base(from) - from), from, name);
		char *beside = ks_path_normal(text);
		bool found = find_file(g, beside) != NONE, same = !strcmp(beside, path);

		free(text);
		free(beside);
		if (found)
			return same;
	}
	for (size_t i = 0; i < sizeof(standard) / sizeof(*standard); i++) {
		if (is(path, standard[i], name))
			return true;
		any |= exists(g, standard[i], name);
	}
	if (any)
		return false;
	rest = ks_str_starts(name, "asm/")	? name + 4
	       : ks_str_starts(name, "uapi/asm/") ? name + 9
						  : NULL;
	for (size_t i = 0; rest && i < sizeof(generic) / sizeof(*generic); i++)
		if (is(path, generic[i], rest))
			return true;
	/* For the -I of a makefile. */
	while (ks_str_starts(name, "../") || ks_str_starts(name, "./"))
		name += name[1] == '.' ? 3 : 2;
	n = strlen(name);
	len = strlen(path);
	return len > n && path[len - n - 1] == '/' && !strcmp(path + len - n, name);
}

void ks_graph_reach(struct ks_graph *g, const struct ks_strv *paths, struct ks_strv *sources,
		    bool *all)
{
	KS_VEC(uint32_t) todo = { 0 };

	*all = false;
	ks_vec_for(&g->files, f)
		f->reached = false;
	for (size_t i = 0; i < paths->len; i++) {
		uint32_t f = find_file(g, paths->v[i]);

		if (f != NONE && !g->files.v[f].reached) {
			g->files.v[f].reached = true;
			*ks_vec_push(&todo) = f;
		}
	}
	for (size_t i = 0; i < todo.len; i++) {
		const char *path = g->files.v[todo.v[i]].path, *base = ks_path_base(path);
		uint32_t j = g->by_base[hash(base, strlen(base)) & g->mask];

		for (size_t e = 0; e < sizeof(everywhere) / sizeof(*everywhere); e++)
			*all |= !strcmp(path, everywhere[e]);
		if (is_source(path))
			ks_strv_add(sources, path);
		for (; j != NONE; j = g->includes.v[j].next) {
			struct file *f = &g->files.v[g->includes.v[j].file];

			/* Others share the slot. */
			if (f->reached || strcmp(ks_path_base(g->includes.v[j].name), base) ||
			    !leads_to(g, &g->includes.v[j], path))
				continue;
			f->reached = true;
			*ks_vec_push(&todo) = g->includes.v[j].file;
		}
	}
	ks_vec_free(&todo);
}

const char *ks_graph_signature(const struct ks_graph *g, const char *path)
{
	uint32_t i = find_file(g, path);

	return i == NONE || g->files.v[i].added ? NULL : g->files.v[i].signature;
}

size_t ks_graph_files(const struct ks_graph *g)
{
	return g->files.len;
}

size_t ks_graph_scanned(const struct ks_graph *g)
{
	return g->scanned;
}
