// SPDX-License-Identifier: GPL-2.0-only
/*
 * lib/build without a kernel: a small tree that looks like one.  Opening and
 * its errors, the compiler check, patches good and hostile, the farm and the
 * overlay with a run that is killed in between, and what kbuild writes down.
 * That the source tree is never changed is checked throughout.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "build/state.h"
#include "tap.h"

static char *top, *source, *config_dir, *cache, *patch_file;
static struct ks_buf notes;

static void on_note(struct ks_report *r, int level, const char *text)
{
	(void)r;
	ks_buf_addf(&notes, "%d %s\n", level, text);
}

static struct ks_report report = { .note = on_note };

static void put(const char *dir, const char *name, const char *text)
{
	char *path = ks_path_join(dir, name), *parent = ks_strdup(path);

	*strrchr(parent, '/') = 0;
	die(ks_dir_make(parent));
	die(ks_file_write(path, text, strlen(text), 0644));
	free(parent);
	free(path);
}

/* Does the file hold exactly this?  NULL: is it not there? */
static bool holds(const char *dir, const char *name, const char *text)
{
	char *path = ks_path_join(dir, name);
	struct ks_buf data = { 0 };
	struct stat st;
	bool good;

	if (!text) {
		good = lstat(path, &st) != 0;
	} else {
		ks_error_free(ks_file_read(path, 1 << 20, &data));
		good = data.data && !strcmp(data.data, text);
	}
	ks_buf_free(&data);
	free(path);
	return good;
}

static bool in_farm(struct ks_build *b, const char *name, mode_t kind)
{
	char *path = ks_path_join(b->farm, name);
	struct stat st;
	bool good = !lstat(path, &st) && (st.st_mode & S_IFMT) == kind;

	free(path);
	return good;
}

#define A_C "int a;\nint b;\nint c;\nint d;\nint e;\nint f;\nint g;\nint h;\n"

static bool source_is_untouched(void)
{
	return holds(source, "kernel/a.c", A_C) &&
	       holds(source, "kernel/b.c", "#include \"a.c\"\n") &&
	       holds(source, "kernel/new.c", NULL) && holds(source, "kernel/sub/x.c", "int x;\n") &&
	       holds(source, "kernel/a.c.orig", NULL) && holds(source, "kernel/a.c.rej", NULL) &&
	       holds(source, "Documentation/d.rst", "text\n") && holds(top, "outside", "o\n");
}

#define CONFIG "CONFIG_X86_64=y\n"

static void make_tree(void)
{
	die(ks_dir_temp("test-build", &top));
	source = ks_path_join(top, "linux");
	config_dir = ks_path_join(source, "ksplice");
	cache = ks_path_join(config_dir, "cache");
	patch_file = ks_path_join(top, "p.patch");
	put(source, "Makefile", "VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 2\n");
	put(source, "Kconfig", "");
	put(source, "scripts/Makefile.build", "");
	put(source, "scripts/tool/x", "");
	put(source, "tools/lib/l.c", "");
	put(source, "tools/perf/p.c", "");
	put(source, "arch/x86/Makefile", "");
	put(source, "kernel/a.c", A_C);
	put(source, "kernel/b.c", "#include \"a.c\"\n");
	put(source, "kernel/sub/x.c", "int x;\n");
	put(source, "include/h.h", "int h;\n");
	put(source, "Documentation/d.rst", "text\n");
	put(source, ".git/HEAD", "");
	put(config_dir, ".config", CONFIG);
	put(top, "outside", "o\n");
}

static struct ks_build_options options(void)
{
	return (struct ks_build_options){
		.source = source,
		.config_dir = config_dir,
		.release = "6.1.2-test",
		.report = &report,
	};
}

static struct ks_build *open_build(const char *patch_opt)
{
	struct ks_build_options o = options();
	struct ks_build *b;

	o.patch_opt = patch_opt;
	die(ks_build_open(&o, &b));
	return b;
}

static void refuses_to_open(struct ks_build_options o, enum ks_error_code code, const char *part,
			    const char *name)
{
	struct ks_build *b = NULL;

	tap_error(ks_build_open(&o, &b), code, part, name);
}

static void test_open(void)
{
	struct ks_build_options o = options();
	struct ks_build *b;
	char *spaced = ks_path_join(top, "a b"), *inside = ks_path_join(source, "kernel/cache");

	o.source = top;
	refuses_to_open(o, KS_E_INPUT, "not the source of a Linux kernel", "no kernel source");
	o = options();
	o.config_dir = top;
	refuses_to_open(o, KS_E_INPUT, "ksplice-prepare", "no .config");
	o.config_dir = source;
	refuses_to_open(o, KS_E_USAGE, "cannot be the configuration directory",
			"configuration in the source itself");
	o = options();
	put(config_dir, ".config", "CONFIG_ARM64=y\n");
	refuses_to_open(o, KS_E_REFUSED, "x86-64", "another architecture");
	put(config_dir, ".config", "hello\n");
	refuses_to_open(o, KS_E_INPUT, "not a kernel's .config", "no configuration at all");
	put(config_dir, ".config", CONFIG);
	setenv("KSPLICE_CACHE", spaced, 1);
	refuses_to_open(o, KS_E_INPUT, "KSPLICE_CACHE", "a cache with a space in its path");
	setenv("KSPLICE_CACHE", inside, 1);
	refuses_to_open(o, KS_E_USAGE, "inside the source tree", "a cache in the source");
	die(ks_dir_remove(inside));
	setenv("KSPLICE_CACHE", top, 1);
	tap_fine(ks_build_open(&o, &b), "a cache elsewhere");
	tap_ok(strstr(ks_build_cache_dir(b), "/6.1.2-test-") != NULL,
	       "has a directory for the configuration");
	ks_build_close(b);
	unsetenv("KSPLICE_CACHE");
	free(spaced);
	free(inside);
}

static void test_lock(void)
{
	struct ks_build *b = open_build(NULL);
	struct timespec pause = { .tv_nsec = 300000000 };
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		struct ks_build *second;

		/* The lock is our parent's, too, while we hold its descriptor. */
		close(b->lock);
		second = open_build(NULL);
		ks_build_close(second);
		_exit(notes.data && strstr(notes.data, "waiting") ? 0 : 1);
	}
	nanosleep(&pause, NULL);
	tap_ok(waitpid(pid, &status, WNOHANG) == 0, "a second run waits");
	ks_build_close(b);
	waitpid(pid, &status, 0);
	tap_ok(WIFEXITED(status) && !WEXITSTATUS(status),
	       "says so, and goes on when the first has ended");
}

static void check_compiler(const char *config, bool force, enum ks_error_code code,
			   const char *part, const char *name)
{
	struct ks_build_options o = options();
	struct ks_build *b;
	struct ks_error *err;

	put(config_dir, ".config", config);
	o.force_compiler = force;
	die(ks_build_open(&o, &b));
	err = ks_build_check_compiler(b);
	if (part)
		tap_error(err, code, part, name);
	else
		tap_fine(err, name);
	ks_build_close(b);
	put(config_dir, ".config", CONFIG);
}

static void test_compiler(void)
{
	static const char other[] =
		CONFIG "CONFIG_CC_VERSION_TEXT=\"gcc (Other 1.0) 1.0\"\nCONFIG_AS_VERSION=12345\n";

	check_compiler(CONFIG, false, 0, NULL, "a configuration that names no compiler");
	check_compiler(other, false, KS_E_REFUSED, "gcc (Other 1.0) 1.0",
		       "another compiler: the kernel's is named");
	check_compiler(other, false, KS_E_REFUSED, "--force-compiler",
		       "another compiler: the way on is named");
	check_compiler(other, false, KS_E_REFUSED, "\"1.23.45\"", "another assembler is named");
	check_compiler(other, true, 0, NULL, "another compiler, forced");
	check_compiler(CONFIG "CONFIG_CC_IS_CLANG=y\n", false, KS_E_REFUSED, "clang", "clang");
}

/* What Debian's kernels have of it. */
static const char *const has[] = {
	"MODULES", "MODULE_UNLOAD", "SYSFS", "KALLSYMS", "KALLSYMS_ALL", "KPROBES", "DYNAMIC_FTRACE",
	"JUMP_LABEL", "HAVE_STATIC_CALL_INLINE", "SMP", "STACKTRACE", "HAVE_RELIABLE_STACKTRACE",
};
#define HAS (sizeof(has) / sizeof(*has))

/* A kernel with all of it but @without, and with the lines @more. */
static struct ks_error *kernel_for(const char *without, const char *more, bool is_signed)
{
	struct ks_buf text = { 0 };
	struct ks_error *err;
	struct ks_build *b;

	ks_buf_addf(&text, "%s%s", CONFIG, more);
	for (size_t i = 0; i < HAS; i++)
		if (strcmp(has[i], without))
			ks_buf_addf(&text, "CONFIG_%s=y\n", has[i]);
		else
			ks_buf_addf(&text, "# CONFIG_%s is not set\n", has[i]);
	put(config_dir, ".config", text.data);
	ks_buf_free(&text);
	ks_buf_free(&notes);
	b = open_build(NULL);
	err = ks_build_check_kernel(b, is_signed);
	ks_build_close(b);
	put(config_dir, ".config", CONFIG);
	return err;
}

static struct ks_error *kernel(const char *without, const char *more)
{
	return kernel_for(without, more, false);
}

/* Of an error that is still needed. */
static int lines_with(const struct ks_error *err, const char *part)
{
	const char *line = err ? ks_error_message(err) : "";
	int n = 0;

	for (; (line = strstr(line, part)); line++)
		n++;
	return n;
}

static void test_kernel(void)
{
	struct ks_error *err;

	tap_fine(kernel("", ""), "a kernel with all that an update needs");
	tap_ok(!notes.len, "... has nothing to be said of");
	for (size_t i = 0; i < HAS; i++) {
		char *want = ks_asprintf("\n  CONFIG_%s is not set: ", has[i]);

		err = kernel(has[i], "");
		tap_ok(lines_with(err, "\n  ") == 1, "without %s: one line", has[i]);
		tap_error(err, KS_E_REFUSED, want, "... that names it");
		free(want);
	}
	err = kernel("", "CONFIG_RANDSTRUCT=y\nCONFIG_GCC_PLUGIN_RANDSTRUCT=y\n");
	tap_ok(lines_with(err, "RANDSTRUCT is set: ") == 1, "random structures: one line, not two");
	tap_error(err, KS_E_REFUSED, "drawn by lot", "... that says what is wrong with them");
	tap_error(kernel("", "CONFIG_GCC_PLUGIN_RANDSTRUCT=y\n"), KS_E_REFUSED,
		  "CONFIG_GCC_PLUGIN_RANDSTRUCT is set", "random structures of an older kernel");
	tap_fine(kernel("", "CONFIG_MODULE_SIG_FORCE=y\n"), "a kernel that loads only signed modules");
	tap_ok(notes.data && strstr(notes.data, "--sign-key"), "... is a note");
	tap_fine(kernel_for("", "CONFIG_MODULE_SIG_FORCE=y\n", true), "the same, for an update that is signed");
	tap_ok(!notes.len, "... is none");
}

static struct ks_error *apply(struct ks_build *b, const char *patch)
{
	put(top, "p.patch", patch);
	ks_buf_free(&notes);
	return ks_build_apply_patch(b, patch_file, NULL);
}

#define HUNK "@@ -2,3 +2,4 @@\n int b;\n int c;\n+int n;\n int d;\n"
#define GOOD "--- a/kernel/a.c\n+++ b/kernel/a.c\n" HUNK
#define NEW "--- /dev/null\n+++ b/kernel/new.c\n@@ -0,0 +1 @@\n+int n;\n"

static void refuses_patch(const char *patch, const char *part, const char *name)
{
	struct ks_build *b = open_build(NULL);

	tap_error(apply(b, patch), KS_E_INPUT, part, name);
	tap_ok(!b->changes.len, "%s: nothing counts as changed", name);
	ks_build_close(b);
}

static void accepts_patch(const char *patch_opt, const char *patch, const char *changes,
			  const char *name)
{
	struct ks_build *b = open_build(patch_opt);
	struct ks_buf got = { 0 };

	if (tap_fine(apply(b, patch), name)) {
		ks_vec_for(&b->changes, c)
			ks_buf_addf(&got, "%c %s\n", "MAR"[c->kind], c->path);
		tap_ok(!strcmp(got.data ? got.data : "", changes), "%s: changes", name);
	}
	ks_buf_free(&got);
	ks_build_close(b);
}

static void test_patch(void)
{
	char *link = ks_path_join(source, "kernel/link.c"), *way = ks_path_join(source, "way");
	struct ks_build *b;

	accepts_patch(NULL, GOOD, "M kernel/a.c\n", "a patch");
	accepts_patch(NULL, GOOD NEW, "M kernel/a.c\nA kernel/new.c\n", "a new file");
	accepts_patch(NULL, "--- a/kernel/sub/x.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-int x;\n",
		      "R kernel/sub/x.c\n", "a file removed");
	accepts_patch(
		NULL,
		"*** a/kernel/a.c\n--- b/kernel/a.c\n***************\n*** 1,2 ****\n--- 1,3 ----\n  int a;\n+ int n;\n  int b;\n",
		"M kernel/a.c\n", "a context diff");
	accepts_patch("-p0", "--- kernel/a.c\n+++ kernel/a.c\n" HUNK, "M kernel/a.c\n", "-p0");
	accepts_patch("-R -p1",
		      "--- a/kernel/sub/x.c\n+++ b/kernel/sub/x.c\n@@ -1 +1 @@\n-int y;\n+int x;\n",
		      "M kernel/sub/x.c\n", "-R");
	accepts_patch(
		NULL,
		"--- a/kernel/a.c\n+++ b/kernel/a.c\n@@ -2,3 +2,4 @@\n int b;\n int c;\n+int n;\n int other;\n",
		"M kernel/a.c\n", "fuzz");
	tap_ok(notes.data && strstr(notes.data, "0 the patch does not fit exactly"),
	       "fuzz is told");
	refuses_patch(
		"--- a/kernel/a.c\n+++ b/kernel/a.c\n@@ -2,3 +2,3 @@\n int b;\n-int q;\n+int n;\n int d;\n",
		"FAILED", "a patch that does not apply");
	refuses_patch("--- a/kernel/sub/x.c\n+++ b/kernel/sub/x.c\n@@ -1 +1 @@\n-int w;\n+int x;\n",
		      "previously applied", "a patch that is already applied");
	refuses_patch("--- a/kernel/none.c\n+++ b/kernel/none.c\n" HUNK, "does not apply",
		      "a file that is not there");
	refuses_patch("", "empty", "an empty patch");
	refuses_patch("Hello\n", "neither", "no patch");
	refuses_patch("--- a/kernel/a.c\n1!touch /tmp/x\n.\n", "neither", "a script for ed");
	refuses_patch("--- a/../outside\n+++ b/../outside\n@@ -1 +1 @@\n-o\n+x\n",
		      "outside the source tree", "a path with ..");
	refuses_patch(
		"--- a/kernel/../../outside\n+++ b/kernel/../../outside\n@@ -1 +1 @@\n-o\n+x\n",
		"outside the source tree", "a path with .. inside");
	b = open_build("-p0");
	tap_error(apply(b, "--- /etc/passwd\n+++ /etc/passwd\n" HUNK), KS_E_INPUT,
		  "outside the source tree", "an absolute path");
	ks_build_close(b);
	b = open_build("--directory=/");
	tap_error(apply(b, GOOD), KS_E_USAGE, "--directory",
		  "an option of patch that leads elsewhere");
	ks_build_close(b);
	if (symlink("../../outside", link) || symlink("..", way))
		tap_ok(false, "symlink");
	b = open_build(NULL);
	tap_error(apply(b, "--- a/kernel/link.c\n+++ b/kernel/link.c\n@@ -1 +1 @@\n-o\n+x\n"),
		  KS_E_REFUSED, "symbolic link", "a link");
	tap_error(apply(b, "--- a/way/outside\n+++ b/way/outside\n@@ -1 +1 @@\n-o\n+x\n"),
		  KS_E_REFUSED, "through a link", "a path through a link");
	ks_build_close(b);
	unlink(link);
	unlink(way);
	tap_ok(source_is_untouched(), "after all patches the source is untouched");
	free(link);
	free(way);
}

static void test_units(void)
{
	static const char *const files[] = {
		"kernel/Makefile",	     "kernel/Kconfig",
		"scripts/tool/x",	     "arch/x86/entry/vdso/v.c",
		"kernel/what.is",	     "arch/x86/entry/entry_64.S",
		"arch/x86/kernel/head_64.S", "arch/x86/realmode/rm/x.S",
		"arch/x86/purgatory/x.S",    "arch/x86/kernel/vmlinux.lds.S",
		"arch/x86/kernel/asm-offsets_64.c",
	};
	struct ks_build *b = open_build(NULL);
	struct ks_build_units units = { 0 };
	struct ks_buf patch = { 0 };

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		ks_buf_free(&patch);
		ks_buf_addf(&patch, "--- /dev/null\n+++ b/%s.new\n@@ -0,0 +1 @@\n+x\n", files[i]);
		die(apply(b, patch.data));
		free(b->changes.v[0].path);
		b->changes.v[0].path = ks_strdup(files[i]);
		tap_error(ks_build_units(b, &units), KS_E_REFUSED, files[i], files[i]);
	}
	die(apply(
		b,
		"--- a/Documentation/d.rst\n+++ b/Documentation/d.rst\n@@ -1 +1 @@\n-text\n+word\n"));
	tap_fine(ks_build_units(b, &units), "documentation");
	tap_ok(!units.list.len && strstr(notes.data, "Documentation/d.rst: documentation"),
	       "is left out with a note");
	ks_buf_free(&patch);
	ks_build_units_free(&units);
	ks_build_close(b);
}

static void test_farm(void)
{
	struct ks_build *b = open_build(NULL);
	char *sub = ks_path_join(source, "kernel/sub"),
	     *file = ks_path_join(source, "kernel/file.c");
	char *old = ks_path_join(source, "include/config");

	tap_fine(ks_farm_sync(b), "a farm");
	tap_ok(in_farm(b, "kernel", S_IFLNK) && in_farm(b, "Makefile", S_IFLNK) &&
		       in_farm(b, "tools/perf", S_IFLNK),
	       "files and directories are links");
	tap_ok(in_farm(b, "scripts/tool", S_IFDIR) && in_farm(b, "tools/lib", S_IFDIR) &&
		       in_farm(b, "tools", S_IFDIR),
	       "but for those where tools are made");
	tap_ok(holds(b->farm, "kernel/a.c", A_C) && holds(b->farm, "scripts/tool/x", ""),
	       "the links lead to the source");
	tap_ok(!in_farm(b, ".git", S_IFLNK) && !in_farm(b, "ksplice", S_IFLNK),
	       "what is no source is not there");
	tap_fine(ks_farm_make_real(b, "kernel/sub"), "a real directory");
	tap_ok(in_farm(b, "kernel", S_IFDIR) && in_farm(b, "kernel/sub", S_IFDIR) &&
		       in_farm(b, "kernel/a.c", S_IFLNK),
	       "and those above it");
	tap_ok(holds(b->farm, "kernel/sub/x.c", "int x;\n") && holds(b->farm, "kernel/a.c", A_C),
	       "with what the source has");
	tap_fine(ks_farm_make_real(b, "none/at/all"), "a directory that is not there");
	put(source, "kernel/file.c", "");
	tap_fine(ks_farm_sync(b), "a file comes");
	tap_ok(in_farm(b, "kernel/file.c", S_IFLNK), "it is there");
	unlink(file);
	put(source, "kernel/file.c/x", "");
	tap_fine(ks_farm_sync(b), "it becomes a directory");
	tap_ok(holds(b->farm, "kernel/file.c/x", ""), "it is there");
	die(ks_dir_remove(file));
	die(ks_dir_remove(sub));
	tap_fine(ks_farm_sync(b), "a file goes, and a directory");
	tap_ok(!in_farm(b, "kernel/file.c", S_IFLNK) && !in_farm(b, "kernel/sub", S_IFDIR),
	       "they are gone");
	put(source, "kernel/sub/x.c", "int x;\n");
	put(source, "include/config/auto.conf", "");
	tap_error(ks_farm_sync(b), KS_E_INPUT, "clean copy", "a tree that a kernel was built in");
	die(ks_dir_remove(old));
	ks_build_close(b);
	free(sub);
	free(file);
	free(old);
}

#define PATCHED "int a;\nint b;\nint c;\nint n;\nint d;\nint e;\nint f;\nint g;\nint h;\n"
#define NUMBERED "int a;\nint b;\nint c;\nint n;\n#line 4\nint d;\nint e;\nint f;\nint g;\nint h;\n"

static struct ks_build *patched_build(void)
{
	struct ks_build *b = open_build(NULL);

	die(ks_farm_sync(b));
	die(ks_farm_make_real(b, "kernel"));
	die(apply(b,
		  GOOD NEW "--- a/kernel/b.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-#include \"a.c\"\n"));
	ks_vec_for(&b->changes, c)
		c->compiled = true;
	return b;
}

static bool farm_is_source(struct ks_build *b)
{
	return in_farm(b, "kernel/a.c", S_IFLNK) && in_farm(b, "kernel/b.c", S_IFLNK) &&
	       holds(b->farm, "kernel/a.c", A_C) && holds(b->farm, "kernel/new.c", NULL) &&
	       holds(b->cache, "overlay.list", NULL);
}

static void test_overlay(void)
{
	struct ks_build *b = patched_build();

	tap_fine(ks_overlay_apply(b, true), "an overlay");
	tap_ok(holds(b->farm, "kernel/a.c", NUMBERED), "a changed file, with line directives");
	tap_ok(holds(b->farm, "kernel/new.c", "int n;\n"), "a new file");
	tap_ok(holds(b->farm, "kernel/b.c", NULL), "a removed file");
	tap_ok(source_is_untouched(), "the source is untouched");
	tap_fine(ks_overlay_undo(b), "undone");
	tap_ok(farm_is_source(b), "the farm is the source again");
	tap_fine(ks_overlay_apply(b, false), "without line directives");
	tap_ok(holds(b->farm, "kernel/a.c", PATCHED), "is as patched");
	/* As if killed now. */
	ks_build_close(b);
	b = open_build(NULL);
	tap_ok(farm_is_source(b), "the run after a killed one undoes it");
	ks_build_close(b);
	/* Killed after the journal, before the files; and in the midst of undoing. */
	put(cache, "overlay.list", "kernel/a.c\nkernel/new.c\n");
	b = open_build(NULL);
	tap_ok(farm_is_source(b) && source_is_untouched(), "also where nothing was replaced yet");
	ks_build_close(b);

	/* A directory that is still a link must not lead the overlay into the source. */
	b = open_build(NULL);
	die(ks_dir_remove(b->farm));
	ks_build_close(b);
	b = open_build(NULL);
	die(ks_farm_sync(b));
	die(apply(b, GOOD));
	b->changes.v[0].compiled = true;
	tap_error(ks_overlay_apply(b, true), KS_E_SYSTEM, "kernel", "a directory that is a link");
	tap_ok(source_is_untouched(), "leaves the source untouched");
	ks_build_close(b);
}

static void test_config(void)
{
	struct ks_config_diff diff = { 0 };
	struct ks_config *given, *got;
	char *x = ks_path_join(top, "given"), *y = ks_path_join(top, "got");

	put(top, "given",
	    "CONFIG_A=y\nCONFIG_B=\"text\"\n# CONFIG_C is not set\nCONFIG_D=m\nCONFIG_CC_VERSION_TEXT=\"x\"\nCONFIG_F=n\n");
	put(top, "got",
	    "CONFIG_A=y\nCONFIG_B=\"other\"\nCONFIG_C=y\n\nCONFIG_E=y\nCONFIG_CC_VERSION_TEXT=\"y\"\nCONFIG_G=\"\"\n");
	die(ks_config_read(x, &given));
	die(ks_config_read(y, &got));
	tap_ok(!strcmp(ks_config_get(given, "B"), "text") && !ks_config_get(given, "C") &&
		       !ks_config_get(given, "F"),
	       "options of a configuration");
	ks_config_compare(given, got, &diff);
	tap_ok(diff.changed.len == 3 && ks_strv_has(&diff.changed, "B: text -> other") &&
		       ks_strv_has(&diff.changed, "C: n -> y") &&
		       ks_strv_has(&diff.changed, "D: m -> n"),
	       "what has changed");
	tap_ok(diff.added.len == 1 && ks_strv_has(&diff.added, "E"), "what was not mentioned");
	ks_config_diff_free(&diff);
	ks_config_free(given);
	ks_config_free(got);
	free(x);
	free(y);
}

static void normal(const char *path, const char *want)
{
	char *got = ks_path_normal(path);

	tap_ok(!strcmp(got, want), "%s is %s", path, want);
	free(got);
}

static void test_deps(void)
{
	struct ks_build *b = open_build(NULL);
	struct ks_deps deps = { 0 };
	char *text;

	text = ks_asprintf(
		"savedcmd_kernel/a.o := gcc -DMODULE -DKBUILD_MODNAME='\"mod_a\"' -o kernel/a.o\n\n"
		"source_kernel/a.o := %s/kernel/a.c\n\n"
		"deps_kernel/a.o := \\\n    $(wildcard include/config/A) \\\n  %s/include/linux/../h.h \\\n"
		"  include/generated/autoconf.h \\\n  /usr/include/x.h \\\n\n"
		"kernel/a.o: $(deps_kernel/a.o)\n\n$(deps_kernel/a.o):\n",
		b->farm, b->farm);
	put(b->obj, "kernel/.a.o.cmd", text);
	tap_fine(ks_deps_read(b, "kernel/a.o", &deps), "what kbuild has written down");
	tap_ok(deps.modname && !strcmp(deps.modname, "mod_a"), "the module");
	tap_ok(deps.files.len == 2 && ks_strv_has(&deps.files, "kernel/a.c") &&
		       ks_strv_has(&deps.files, "include/h.h"),
	       "the files of the source");
	tap_ok(deps.detours.len == 1 && ks_strv_has(&deps.detours, "include/linux/../h.h"),
	       "the detours");
	ks_deps_free(&deps);
	put(b->obj, "kernel/.a.o.cmd", "something else\n");
	tap_error(ks_deps_read(b, "kernel/a.o", &deps), KS_E_FAILED, "not understood",
		  "something else");
	ks_deps_free(&deps);
	normal("a/b/../c.o", "a/c.o");
	normal("arch/x86/kvm/../../../virt/kvm/k.o", "virt/kvm/k.o");
	normal("./a//b/.", "a/b");
	normal("../a", "../a");
	normal("/a/../b", "/b");
	free(text);
	ks_build_close(b);
}

int main(void)
{
	make_tree();
	test_open();
	test_lock();
	test_compiler();
	test_kernel();
	test_patch();
	test_units();
	test_farm();
	test_overlay();
	test_config();
	test_deps();
	die(ks_dir_remove(top));
	ks_buf_free(&notes);
	free(top);
	free(source);
	free(config_dir);
	free(cache);
	free(patch_file);
	return tap_done();
}
