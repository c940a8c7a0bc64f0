// SPDX-License-Identifier: GPL-2.0-only
/*
 * Applying the patch, to copies: the files that it names are copied to
 * patched/ in the cache, patch(1) works there, and what differs from the
 * source afterwards is what the patch changes.  patch(1) is never shown the
 * source tree.
 */
#include <errno.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"
#include "build/state.h"

#define MAX_PATCH (64u << 20)

struct ks_change *ks_build_change(struct ks_build *b, const char *path)
{
	ks_vec_for(&b->changes, c)
		if (!strcmp(c->path, path))
			return c;
	return NULL;
}

/* Only what cannot make patch(1) write elsewhere or read something else. */
static struct ks_error *parse_options(const char *text, struct ks_strv *argv, long *strip)
{
	static const char *const prefixes[] = { "-p", "--strip=", "-F", "--fuzz=" };
	static const char *const words[] = { "-R", "--reverse", "-l", "--ignore-whitespace",
					     "--binary" };
	char *copy = ks_strdup(text), *save = NULL;
	struct ks_error *err = NULL;

	for (char *w = strtok_r(copy, " \t", &save); w && !err; w = strtok_r(NULL, " \t", &save)) {
		bool ok = false;

		for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
			size_t n = strlen(prefixes[i]);

			if (strncmp(w, prefixes[i], n) || !w[n] ||
			    strspn(w + n, "0123456789") != strlen(w + n))
				continue;
			ok = true;
			if (i < 2)
				*strip = strtol(w + n, NULL, 10);
		}
		for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
			ok |= !strcmp(w, words[i]);
		if (ok)
			ks_strv_add(argv, w);
		else
			err = ks_error_new(KS_E_USAGE,
					   "--patch-opt: \"%s\": only -pN, -FN, -R, -l and --binary are possible",
					   w);
	}
	free(copy);
	return err;
}

/* Takes @strip leading directories off, as patch(1) counts them; NULL: nothing is left. */
static const char *strip_path(const char *path, long strip)
{
	while (strip-- > 0) {
		path = strchr(path, '/');
		if (!path)
			return NULL;
		path += strspn(path, "/");
	}
	return *path ? path : NULL;
}

static bool escapes(const char *path)
{
	if (*path == '/')
		return true;
	for (const char *p = path; p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL)
		if (!strncmp(p, "..", 2) && (!p[2] || p[2] == '/'))
			return true;
	return false;
}

/* One name from a header of the patch; what it may mean is copied, more than needed does no harm.
 */
static struct ks_error *add_name(struct ks_build *b, const char *name, size_t len, long strip,
				 struct ks_strv *names)
{
	char *text = ks_strndup(name, len), *full;
	const char *path;
	struct ks_error *err = NULL;
	struct stat st;

	len = strlen(text);
	while (len && isspace((unsigned char)text[len - 1]))
		text[--len] = 0;
	path = strip_path(text, strip);
	if (!len || !strcmp(text, "/dev/null") || !path || ks_strv_has(names, path)) {
		free(text);
		return NULL;
	}
	if (escapes(path)) {
		err = ks_error_new(KS_E_INPUT,
				   "the patch names \"%s\", which is outside the source tree; see --patch-opt for another -p",
				   text);
		free(text);
		return err;
	}
	full = ks_path_join(b->source, path);
	if (!lstat(full, &st)) {
		char *real = NULL;

		/* Also no link on the way: patch(1) would write to where it leads. */
		err = ks_path_resolve(full, &real);
		if (!err && strcmp(real, full) && S_ISREG(st.st_mode))
			err = ks_error_new(
				KS_E_REFUSED,
				"%s is reached through a link (its file is %s): patch that file",
				path, real);
		else if (!err && S_ISLNK(st.st_mode))
			err = ks_error_new(KS_E_REFUSED,
					   "%s is a symbolic link: patch the file that it leads to",
					   path);
		free(real);
	}
	if (!err)
		ks_strv_add(names, path);
	free(full);
	free(text);
	return err;
}

/* "--- a/x.c<TAB>date", and with old diffs "--- a/x.c date". */
static struct ks_error *add_header(struct ks_build *b, const char *name, size_t len, long strip,
				   struct ks_strv *names)
{
	const char *tab = memchr(name, '\t', len), *space;
	struct ks_error *err;

	if (tab)
		len = tab - name;
	err = add_name(b, name, len, strip, names);
	space = memchr(name, ' ', len);
	if (!err && space)
		err = add_name(b, name, space - name, strip, names);
	return err;
}

/* All names in headers of the patch, in any of the formats; and whether there is a hunk at all. */
static struct ks_error *read_names(struct ks_build *b, const struct ks_buf *patch, long strip,
				   struct ks_strv *names, bool *unified, bool *context)
{
	static const struct {
		const char *prefix;
		bool full; /* the name is given without the leading "a/" */
	} headers[] = {
		{ "--- ", false },	{ "+++ ", false },	  { "*** ", false },
		{ "Index: ", false },	{ "rename from ", true }, { "rename to ", true },
		{ "copy from ", true }, { "copy to ", true },
	};
	const char *p = ks_buf_text(patch), *end = p + patch->len;
	struct ks_error *err = NULL;

	while (!err && p < end) {
		const char *nl = memchr(p, '\n', end - p);
		size_t len = nl ? (size_t)(nl - p) : (size_t)(end - p);

		*unified |= len > 4 && !strncmp(p, "@@ -", 4);
		*context |= len >= 15 && !strncmp(p, "***************", 15);
		for (size_t i = 0; !err && i < sizeof(headers) / sizeof(*headers); i++) {
			size_t n = strlen(headers[i].prefix);

			if (len > n && !strncmp(p, headers[i].prefix, n))
				err = add_header(b, p + n, len - n,
						 headers[i].full && strip ? strip - 1 : strip,
						 names);
		}
		p += len + 1;
	}
	return err;
}

static struct ks_error *copy_files(struct ks_build *b, const char *dir, const struct ks_strv *names)
{
	struct ks_error *err = NULL;

	for (size_t i = 0; !err && i < names->len; i++) {
		char *from = ks_path_join(b->source, names->v[i]),
		     *to = ks_path_join(dir, names->v[i]);
		char *slash = strrchr(to, '/');
		struct stat st;

		if (!lstat(from, &st) && S_ISREG(st.st_mode)) {
			*slash = 0;
			err = ks_dir_make(to);
			*slash = '/';
			if (!err)
				err = ks_file_copy(from, to);
			/* The source may be read-only; patch(1) refuses such files. */
			if (!err && chmod(to, 0644))
				err = ks_error_errno(errno, "%s", to);
		}
		free(from);
		free(to);
	}
	return err;
}

struct ks_error *ks_patch_compare(struct ks_build *b, const char *path)
{
	char *was = ks_path_join(b->source, path);
	char *is = ks_asprintf("%s/patched/%s", b->cache, path);
	struct ks_buf x = { 0 }, y = { 0 };
	struct ks_error *err = NULL;
	enum ks_change_kind kind;
	struct ks_change *c;
	bool differ;

	if (!ks_file_exists(is)) {
		kind = KS_CHANGE_REMOVED;
		differ = ks_file_exists(was);
	} else if (!ks_file_exists(was)) {
		kind = KS_CHANGE_ADDED;
		differ = true;
	} else {
		kind = KS_CHANGE_MODIFIED;
		err = ks_file_read(was, KS_BUILD_MAX_FILE, &x);
		if (!err)
			err = ks_file_read(is, KS_BUILD_MAX_FILE, &y);
		differ = x.len != y.len || (x.len && memcmp(x.data, y.data, x.len));
	}
	if (!err && differ) {
		c = ks_vec_push(&b->changes);
		c->path = ks_strdup(path);
		c->kind = kind;
	}
	ks_buf_free(&x);
	ks_buf_free(&y);
	free(was);
	free(is);
	return err;
}

/* patch(1) mentions hunks that it placed with less context than they have. */
static void note_fuzz(struct ks_build *b, const char *said)
{
	const char *p = said;

	while (p && *p) {
		size_t len = strcspn(p, "\n");
		char *line = ks_strndup(p, len);

		if (strstr(line, " with fuzz "))
			ks_note(b->report, 0,
				"the patch does not fit exactly: %s (is this the right source?)",
				line);
		else if (*line)
			ks_note(b->report, 1, "%s", line);
		free(line);
		p += len + (p[len] == '\n');
	}
}

static struct ks_error *run_patch(struct ks_build *b, const char *dir, const char *patch,
				  const struct ks_strv *options, bool unified)
{
	const char *const env[] = { "LC_ALL=C",	       "POSIXLY_CORRECT",
				    "PATCH_GET",       "PATCH_VERSION_CONTROL",
				    "VERSION_CONTROL", "SIMPLE_BACKUP_SUFFIX",
				    "QUOTING_STYLE",   NULL };
	struct ks_strv argv = { 0 };
	struct ks_buf said = { 0 };
	struct ks_proc p = { .env = env, .out = &said, .err = &said };
	struct ks_error *err;
	int status = 0;

	ks_strv_add(&argv, "patch");
	/* -u, -c: never a script for ed(1), which could do anything. */
	ks_strv_add(&argv, unified ? "-u" : "-c");
	ks_strv_add(&argv, "--forward");
	ks_strv_add(&argv, "--batch");
	ks_strv_add(&argv, "--no-backup-if-mismatch");
	ks_strv_add(&argv, "--reject-file=-");
	ks_strv_addf(&argv, "--directory=%s", dir);
	for (size_t i = 0; i < options->len; i++)
		ks_strv_add(&argv, options->v[i]);
	ks_strv_addf(&argv, "--input=%s", patch);
	p.argv = (const char *const *)argv.v;
	err = ks_proc_run(&p, &status);
	if (!err && status) {
		while (said.len && said.data[said.len - 1] == '\n')
			said.data[--said.len] = 0;
		err = ks_error_new(KS_E_INPUT, "the patch does not apply to %s:\n%s", b->source,
				   said.len ? said.data : "patch(1) failed and said nothing");
	} else if (!err) {
		note_fuzz(b, said.data);
	}
	ks_strv_free(&argv);
	ks_buf_free(&said);
	return err;
}

void ks_patch_forget(struct ks_build *b)
{
	ks_vec_for(&b->changes, c)
		free(c->path);
	ks_vec_free(&b->changes);
	free(b->patch_file);
	b->patch_file = NULL;
}

const char *ks_build_patch_file(const struct ks_build *b)
{
	return b->patch_file;
}

struct ks_error *ks_build_apply_patch(struct ks_build *b, const char *patch,
				      struct ks_strv *changed_files)
{
	char *dir = ks_path_join(b->cache, "patched"), *path = NULL;
	struct ks_strv options = { 0 }, names = { 0 };
	bool unified = false, context = false;
	struct ks_buf text = { 0 };
	long strip = 1;
	struct ks_error *err;

	ks_step(b->report, "Applying the patch to copies");
	ks_patch_forget(b);
	/* patch(1) without -p takes base names only: never what is meant here. */
	ks_strv_add(&options, "-p1");
	err = b->patch_opt ? parse_options(b->patch_opt, &options, &strip) : NULL;
	if (!err)
		err = ks_path_resolve(patch, &path);
	if (!err)
		err = ks_file_read(path, MAX_PATCH, &text);
	if (!err && !text.len)
		err = ks_error_new(KS_E_INPUT, "%s is empty", patch);
	if (!err)
		err = read_names(b, &text, strip, &names, &unified, &context);
	if (!err && !unified && !context)
		err = ks_error_new(KS_E_INPUT,
				   "%s: holds neither a unified nor a context diff with a hunk: not a patch that can be used here",
				   patch);
	if (!err)
		err = ks_dir_remove(dir);
	if (!err)
		err = ks_dir_make(dir);
	if (!err)
		err = copy_files(b, dir, &names);
	if (!err)
		err = run_patch(b, dir, path, &options, unified);
	ks_strv_sort(&names);
	for (size_t i = 0; !err && i < names.len; i++)
		err = ks_patch_compare(b, names.v[i]);
	if (!err && changed_files)
		ks_vec_for(&b->changes, c)
			ks_strv_add(changed_files, c->path);
	if (err)
		ks_patch_forget(b);
	else
		b->patch_file = ks_strdup(path);
	ks_strv_free(&options);
	ks_strv_free(&names);
	ks_buf_free(&text);
	free(path);
	free(dir);
	return err;
}
