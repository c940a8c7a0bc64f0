// SPDX-License-Identifier: GPL-2.0-only
/*
 * The change as a commit: the difference between the commit that the running
 * kernel was built from and the given one, as git(1) tells it, becomes a patch
 * and is applied as any other (patch.c).
 *
 * Which commit the kernel was built from is in the file git-original of the
 * configuration directory: the one that the tree was at when ksplice-create was
 * first run on it.  The files of the tree must be the ones of that commit
 * whenever it is used, for they are what the pre objects are compiled from.
 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"
#include "build/state.h"

#define ORIGINAL "git-original"
#define MAX_NAME 4096

/* git in the source tree; *status NULL: anything but success is an error. */
static struct ks_error *git(const struct ks_build *b, const char *const *arguments,
			    struct ks_buf *out, int *status)
{
	static const char *const env[] = {
		"LC_ALL=C",	   "GIT_OPTIONAL_LOCKS=0",  "GIT_PAGER=cat", "GIT_TERMINAL_PROMPT=0",
		"GIT_DIR",	   "GIT_WORK_TREE",	    "GIT_INDEX_FILE", "GIT_PREFIX",
		"GIT_NAMESPACE",   "GIT_EXTERNAL_DIFF",	    "GIT_DIFF_OPTS",  "GIT_CONFIG_PARAMETERS",
		"GIT_OBJECT_DIRECTORY", NULL
	};
	struct ks_strv argv = { 0 };
	struct ks_buf said = { 0 };
	struct ks_proc p = { .cwd = b->source, .env = env, .out = out, .err = &said };
	struct ks_error *err;
	int got = 0;

	if (!ks_proc_have("git"))
		return ks_error_new(KS_E_FAILED,
				    "git(1) is needed for this: apt-get install git, or use --patch");
	ks_strv_add(&argv, "git");
	for (; *arguments; arguments++)
		ks_strv_add(&argv, *arguments);
	p.argv = (const char *const *)argv.v;
	err = ks_proc_run(&p, &got);
	while (said.len && said.data[said.len - 1] == '\n')
		said.data[--said.len] = 0;
	if (status)
		*status = got;
	else if (!err && got)
		err = ks_error_new(KS_E_INPUT, "git %s in %s fails: %s", argv.v[1], b->source,
				   said.len ? said.data : "it says nothing");
	ks_strv_free(&argv);
	ks_buf_free(&said);
	return err;
}

bool ks_build_has_git(const struct ks_build *b)
{
	const char *const arguments[] = { "rev-parse", "--git-dir", NULL };
	struct ks_buf out = { 0 };
	int status = 1;

	ks_error_free(git(b, arguments, &out, &status));
	ks_buf_free(&out);
	return !status;
}

/* The full name of a commit; the caller frees. */
static struct ks_error *resolve(const struct ks_build *b, const char *name, char **commit)
{
	char *text = ks_asprintf("%s^{commit}", name);
	const char *const arguments[] = { "rev-parse", "--verify", "--quiet", "--end-of-options",
					  text,	       NULL };
	struct ks_buf out = { 0 };
	int status = 0;
	struct ks_error *err = git(b, arguments, &out, &status);

	if (!err && status)
		err = ks_error_new(KS_E_USAGE, "%s: no commit of the repository of %s", name,
				   b->source);
	if (!err)
		*commit = ks_strndup(out.data, strcspn(out.data, "\n"));
	ks_buf_free(&out);
	free(text);
	return err;
}

/* Are the files of the tree those of @commit?  Files that git does not know of do not count. */
static struct ks_error *check_tree(const struct ks_build *b, const char *commit)
{
	const char *const arguments[] = { "diff", "--no-ext-diff", "--relative", "--name-only",
					  commit, "--",		   ".",		 NULL };
	struct ks_buf out = { 0 };
	struct ks_error *err = git(b, arguments, &out, NULL);

	if (!err && out.len)
		err = ks_error_new(KS_E_INPUT,
				   "%s: its files are not those of commit %.12s, which the kernel was built from (%.*s differs): the tree must stay as it was, check out that commit again",
				   b->source, commit, (int)strcspn(out.data, "\n"), out.data);
	ks_buf_free(&out);
	return err;
}

static struct ks_error *read_original(const struct ks_build *b, char **commit)
{
	char *path = ks_path_join(b->config_dir, ORIGINAL);
	struct ks_buf text = { 0 };
	struct ks_error *err = NULL;

	*commit = NULL;
	if (ks_file_exists(path)) {
		err = ks_file_read(path, MAX_NAME, &text);
		if (!err)
			*commit = ks_strndup(ks_buf_text(&text),
					     text.data ? strcspn(text.data, "\n") : 0);
		if (!err && strspn(*commit, "0123456789abcdef") != strlen(*commit))
			err = ks_error_new(KS_E_INPUT,
					   "%s: not the name of a commit; it is the one that the kernel was built from",
					   path);
	}
	ks_buf_free(&text);
	free(path);
	return err;
}

struct ks_error *ks_build_remember_commit(struct ks_build *b)
{
	char *path = ks_path_join(b->config_dir, ORIGINAL), *commit = NULL, *text = NULL;
	struct ks_error *err = read_original(b, &commit);

	if (err || commit)
		goto out;
	err = resolve(b, "HEAD", &commit);
	if (!err)
		err = check_tree(b, commit);
	if (!err) {
		text = ks_asprintf("%s\n", commit);
		err = ks_file_write(path, text, strlen(text), 0644);
	}
out:
	free(path);
	free(commit);
	free(text);
	return err;
}

static struct ks_error *write_diff(struct ks_build *b, const char *from, const char *to,
				   const char *path)
{
	const char *const arguments[] = { "diff",	      "--no-ext-diff", "--no-textconv",
					  "--no-color",	      "--no-renames",  "--relative",
					  "--src-prefix=a/",  "--dst-prefix=b/", "--unified=3",
					  "--ignore-submodules", from,	       to,
					  "--",		      ".",	       NULL };
	struct ks_buf out = { 0 };
	struct ks_error *err = git(b, arguments, &out, NULL);

	if (!err && !out.len)
		err = ks_error_new(KS_E_NO_CHANGES,
				   "No changes detected: commit %.12s has the files that the kernel was built from",
				   to);
	if (!err)
		err = ks_file_write(path, out.data, out.len, 0644);
	ks_buf_free(&out);
	return err;
}

struct ks_error *ks_build_apply_git(struct ks_build *b, const char *commit,
				    struct ks_strv *changed_files)
{
	char *path = ks_path_join(b->cache, "changes.patch"), *from = NULL, *to = NULL;
	struct ks_error *err;

	ks_step(b->report, "Asking git for the change");
	err = ks_build_remember_commit(b);
	if (!err)
		err = read_original(b, &from);
	if (!err)
		err = check_tree(b, from);
	if (!err)
		err = resolve(b, commit, &to);
	if (!err)
		err = write_diff(b, from, to, path);
	if (!err)
		err = ks_build_apply_patch(b, path, changed_files);
	free(path);
	free(from);
	free(to);
	return err;
}
