// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ways other than a patch to say what changes (lib/build/diffext.c, git.c):
 * files with an extension beside the originals, and commits.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"
#include "build/state.h"
#include "tap.h"

static char *top, *source, *config_dir;

static void put(const char *name, const char *text)
{
	char *path = ks_path_join(source, name), *parent = ks_strdup(path);

	*strrchr(parent, '/') = 0;
	die(ks_dir_make(parent));
	die(ks_file_write(path, text, strlen(text), 0644));
	free(parent);
	free(path);
}

static void drop(const char *name)
{
	char *path = ks_path_join(source, name);

	die(ks_dir_remove(path));
	free(path);
}

static struct ks_build *open_build(void)
{
	struct ks_build_options o = { .source = source, .config_dir = config_dir, .release = "6.1.2-test" };
	struct ks_build *b;

	die(ks_build_open(&o, &b));
	return b;
}

static void changes_are(struct ks_build *b, const char *want, const char *name)
{
	struct ks_buf got = { 0 };

	ks_vec_for(&b->changes, c)
		ks_buf_addf(&got, "%c %s\n", "MAR"[c->kind], c->path);
	if (!tap_ok(!strcmp(got.data ? got.data : "", want), "%s", name))
		printf("# %s\n", got.data ? got.data : "");
	ks_buf_free(&got);
}

static void patch_is(struct ks_build *b, const char *want, const char *name)
{
	struct ks_buf text = { 0 };

	die(ks_file_read(ks_build_patch_file(b), 1 << 20, &text));
	if (!tap_ok(strstr(text.data, want) != NULL, "%s", name))
		printf("# %s\n", text.data);
	ks_buf_free(&text);
}

/* What was written as a patch leads to the same changes when it is applied. */
static void applies_again(struct ks_build *b, const char *want, const char *name)
{
	char *copy = ks_path_join(top, "copy.patch");

	die(ks_file_copy(ks_build_patch_file(b), copy));
	tap_fine(ks_build_apply_patch(b, copy, NULL), name);
	changes_are(b, want, name);
	free(copy);
}

static void test_diffext(void)
{
	struct ks_build *b = open_build();
	struct ks_strv changed = { 0 };

	put("kernel/a.c.new", "int a;\nint n;\n");
	put("kernel/same.c.new", "int same;\n");
	put("kernel/sub/added.h.new", "int added;\n");
	put(".git/x.c.new", "no\n");
	put("ksplice/y.c.new", "no\n");
	put("kernel/other.newer", "no\n");
	tap_fine(ks_build_apply_diffext(b, "new", &changed), "an extension");
	changes_are(b, "M kernel/a.c\nA kernel/sub/added.h\n", "what differs is a change");
	tap_ok(changed.len == 2, "and is told");
	patch_is(b, "--- a/kernel/a.c\n+++ b/kernel/a.c\n@@ -1 +1,2 @@\n int a;\n+int n;\n", "as a patch");
	patch_is(b, "--- /dev/null\n+++ b/kernel/sub/added.h\n", "with new files");
	applies_again(b, "M kernel/a.c\nA kernel/sub/added.h\n", "which can be applied");
	tap_fine(ks_build_apply_diffext(b, ".new", NULL), "with a dot");
	changes_are(b, "M kernel/a.c\nA kernel/sub/added.h\n", "it is the same");
	tap_error(ks_build_apply_diffext(b, "none", NULL), KS_E_INPUT, "no file", "no such file");
	tap_ok(!b->changes.len && !ks_build_patch_file(b), "then nothing counts as changed");
	tap_error(ks_build_apply_diffext(b, "", NULL), KS_E_USAGE, "no ending", "no extension");
	tap_error(ks_build_apply_diffext(b, "a/b", NULL), KS_E_USAGE, "no ending", "a path");
	put("kernel/dir/x", "");
	put("kernel/dir.new", "int d;\n");
	tap_error(ks_build_apply_diffext(b, "new", NULL), KS_E_REFUSED, "not a regular file", "a directory");
	drop("kernel/a.c.new");
	drop("kernel/same.c.new");
	drop("kernel/sub");
	drop("kernel/dir");
	drop("kernel/dir.new");
	drop("ksplice/y.c.new");
	drop(".git");
	ks_strv_free(&changed);
	ks_build_close(b);
}

static void git(const char *command)
{
	char *text = ks_asprintf("git -c user.name=t -c user.email=t@t -c init.defaultBranch=main %s", command);
	const char *argv[] = { "sh", "-c", text, NULL };
	struct ks_proc p = { .argv = argv, .cwd = source };

	die(ks_proc_check(&p));
	free(text);
}

static bool remembers(void)
{
	char *path = ks_path_join(config_dir, "git-original");
	bool has = ks_file_exists(path);

	free(path);
	return has;
}

static void test_git(void)
{
	struct ks_build *b = open_build();

	tap_ok(!ks_build_has_git(b), "a tree that is not in git");
	tap_error(ks_build_apply_git(b, "HEAD", NULL), KS_E_USAGE, "HEAD", "has no commits");
	git("init -q . && git add kernel Makefile && git -c user.name=t -c user.email=t@t commit -q -m one && git tag one");
	put("kernel/a.c", "int a;\nint two;\n");
	put("kernel/added.c", "int added;\n");
	tap_ok(ks_build_has_git(b), "a tree that is");
	tap_error(ks_build_remember_commit(b), KS_E_INPUT, "kernel/a.c", "with a change that is not committed");
	tap_ok(!remembers(), "is no original");
	git("add kernel && git rm -q kernel/same.c && git -c user.name=t -c user.email=t@t commit -q -m two && git tag two && git checkout -q one");
	tap_fine(ks_build_remember_commit(b), "its commit is remembered");
	tap_ok(remembers(), "in the configuration directory");
	tap_fine(ks_build_apply_git(b, "two", NULL), "a commit");
	changes_are(b, "M kernel/a.c\nA kernel/added.c\nR kernel/same.c\n", "what differs is a change");
	patch_is(b, "--- a/kernel/a.c\n+++ b/kernel/a.c\n@@ -1 +1,2 @@\n int a;\n+int two;\n", "as a patch");
	applies_again(b, "M kernel/a.c\nA kernel/added.c\nR kernel/same.c\n", "which can be applied");
	tap_error(ks_build_apply_git(b, "one", NULL), KS_E_NO_CHANGES, "No changes detected", "the same commit");
	tap_error(ks_build_apply_git(b, "none", NULL), KS_E_USAGE, "none", "no commit");
	tap_error(ks_build_apply_git(b, "--output=x", NULL), KS_E_USAGE, "no commit", "an option in place of one");
	git("checkout -q two");
	tap_error(ks_build_apply_git(b, "two", NULL), KS_E_INPUT, "check out that commit again",
		  "a tree that has been moved to another commit");
	git("checkout -q one");
	tap_fine(ks_build_apply_git(b, "two", NULL), "and back");
	setenv("GIT_DIR", "/nonexistent", 1);
	tap_fine(ks_build_apply_git(b, "two", NULL), "whatever the environment says of git");
	unsetenv("GIT_DIR");
	ks_build_close(b);
}

int main(void)
{
	die(ks_dir_temp("test-change", &top));
	source = ks_path_join(top, "linux");
	config_dir = ks_path_join(source, "ksplice");
	put("Makefile", "VERSION = 6\n");
	put("Kconfig", "");
	put("scripts/Makefile.build", "");
	put("arch/x86/Makefile", "");
	put("kernel/a.c", "int a;\n");
	put("kernel/same.c", "int same;\n");
	put("ksplice/.config", "CONFIG_X86_64=y\n");
	setenv("GIT_CEILING_DIRECTORIES", top, 1);
	test_diffext();
	if (ks_proc_have("git"))
		test_git();
	else
		printf("ok - git # skip git(1) is not installed\n");
	die(ks_dir_remove(top));
	free(top);
	free(source);
	free(config_dir);
	return tap_done();
}
