// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which .c files include a given file, by text: kernel/sched/build_policy.c
 * is nothing but #include "rt.c" and the like, and lib/zstd does it through a
 * header.
 *
 * Only the file's own directory, those above it and those right below it are
 * searched: that is where all of Linux 6.1's x86 code includes .c files from,
 * but for the boot code and the vdso, which are refused anyway (units.c).
 * Conditionals and include paths are not looked at, so there may be too many:
 * the dependencies that the compiler writes tell in the end (object.c).
 *
 * For headers this search would be too narrow.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"
#include "build/state.h"

struct search {
	struct ks_build *b;
	struct ks_strv *sources;
	struct ks_strv seen; /* files whose includers have been looked for */
	struct ks_strv todo;
};

/* Is there a line "#include "...NAME"", with NAME as the last part of the path? */
static bool includes(const char *text, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = text; (p = strstr(p, name)); p += n) {
		const char *q = p;

		if ((p[n] != '"' && p[n] != '>') || p == text || !strchr("/\"<", p[-1]))
			continue;
		while (q > text && q[-1] != '\n')
			q--;
		q += strspn(q, " \t");
		if (*q != '#')
			continue;
		q++;
		q += strspn(q, " \t");
		if (!ks_str_starts(q, "include"))
			continue;
		q += 7;
		q += strspn(q, " \t");
		/* Nothing but a path between the quote and the name. */
		if ((*q == '"' || *q == '<') && q < p &&
		    strcspn(q + 1, "\"<> \t\n") >= (size_t)(p - q - 1))
			return true;
	}
	return false;
}

static struct ks_error *check_file(struct search *s, const char *path, const char *name)
{
	/* A patched file may include what the original does not: then it is a changed file itself.
	 */
	char *full = ks_path_join(s->b->source, path);
	struct ks_buf text = { 0 };
	struct ks_error *err = ks_file_read(full, KS_BUILD_MAX_FILE, &text);

	if (!err && text.len && includes(text.data, name)) {
		if (ks_str_ends(path, ".c") && !ks_strv_has(s->sources, path))
			ks_strv_add(s->sources, path);
		if (!ks_strv_has(&s->seen, path))
			ks_strv_add(&s->todo, path);
	}
	ks_buf_free(&text);
	free(full);
	return err;
}

/* One directory; @deeper: and those in it. */
static struct ks_error *search_dir(struct search *s, const char *dir, const char *name, bool deeper)
{
	char *full = ks_path_join(s->b->source, dir);
	struct ks_error *err = NULL;
	struct dirent *e;
	DIR *d = opendir(full);

	/* The directory of a file that the patch adds. */
	if (!d && errno != ENOENT)
		err = ks_error_errno(errno, "cannot read %s", full);
	while (d && !err && (e = readdir(d))) {
		char *path = ks_path_join(dir, e->d_name);

		if (e->d_type != DT_DIR && (ks_str_ends(path, ".c") || ks_str_ends(path, ".h")))
			err = check_file(s, path, name);
		else if (e->d_type == DT_DIR && deeper && *e->d_name != '.')
			err = search_dir(s, path, name, false);
		free(path);
	}
	if (d)
		closedir(d);
	free(full);
	return err;
}

static struct ks_error *search_for(struct search *s, const char *path)
{
	char *dir = ks_strdup(path), *slash;
	struct ks_error *err = NULL;
	bool first = true;

	while (!err && (slash = strrchr(dir, '/'))) {
		*slash = 0;
		err = search_dir(s, dir, ks_path_base(path), first);
		first = false;
		if (!err && ks_interrupted())
			err = ks_interrupted_error();
	}
	free(dir);
	return err;
}

struct ks_error *ks_includes_find(struct ks_build *b, const char *path, struct ks_strv *sources)
{
	struct search s = { .b = b, .sources = sources };
	struct ks_error *err = NULL;

	ks_strv_add(&s.todo, path);
	for (size_t i = 0; !err && i < s.todo.len; i++) {
		if (ks_strv_has(&s.seen, s.todo.v[i]))
			continue;
		ks_strv_add(&s.seen, s.todo.v[i]);
		err = search_for(&s, s.todo.v[i]);
	}
	ks_strv_free(&s.todo);
	ks_strv_free(&s.seen);
	return err;
}
