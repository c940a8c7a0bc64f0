// SPDX-License-Identifier: GPL-2.0-only
/*
 * Driving the kernel's own makefiles: in the cache's O= directory for the
 * tools and the objects, against the stock headers for our own modules.
 *
 * What the user's environment says to make or the compiler is removed: the
 * objects must come out as the kernel's builder made them.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"
#include "build/state.h"

/* Lines of compiler output that an error shows; the rest is in make.log. */
#define SHOWN_LINES 40

const char *const *ks_kbuild_env(void)
{
	static const char *const env[] = {
		"LC_ALL=C", "LANG", "LANGUAGE",
		/* make */
		"MAKEFLAGS", "GNUMAKEFLAGS", "MFLAGS", "MAKEFILES", "MAKELEVEL", "MAKEOVERRIDES",
		"MAKE_TERMOUT", "MAKE_TERMERR", "VPATH",
		/* kbuild */
		"ARCH", "SUBARCH", "SRCARCH", "CROSS_COMPILE", "LLVM", "LLVM_IAS", "KCFLAGS",
		"KAFLAGS", "KCPPFLAGS", "KRUSTFLAGS", "KBUILD_EXTRA_SYMBOLS", "KBUILD_CFLAGS",
		"KBUILD_AFLAGS", "KBUILD_CPPFLAGS", "KBUILD_OUTPUT", "KBUILD_EXTMOD",
		"KBUILD_VERBOSE", "KBUILD_SRC", "KBUILD_ABS_SRCTREE", "KBUILD_MODPOST_WARN",
		"KBUILD_KCONFIG", "KBUILD_DEFCONFIG", "KBUILD_CHECKSRC", "KBUILD_EXTRA_WARN",
		"KBUILD_EXTRA_WARNINGS", "KCONFIG_CONFIG", "KCONFIG_ALLCONFIG",
		"KCONFIG_OVERWRITECONFIG", "KCONFIG_NOSILENTUPDATE", "KCONFIG_WERROR",
		"KERNELRELEASE", "KERNELVERSION", "LOCALVERSION", "M", "O", "V", "W", "C", "CF",
		"srctree", "objtree", "obj", "src", "sub_make_done", "need_sub_make",
		/* tools */
		"CC", "LD", "AS", "AR", "NM", "OBJCOPY", "OBJDUMP", "STRIP", "HOSTCC", "HOSTCXX",
		"HOSTLD", "HOSTAR", "HOSTCFLAGS", "HOSTLDFLAGS", "HOSTLDLIBS", "CFLAGS", "CPPFLAGS",
		"LDFLAGS", "CFLAGS_KERNEL", "CFLAGS_MODULE", "AFLAGS_KERNEL", "AFLAGS_MODULE",
		"LDFLAGS_MODULE", "PAHOLE", "PAHOLE_FLAGS", "EXTRA_CFLAGS",
		/* gcc itself */
		"CPATH", "C_INCLUDE_PATH", "COMPILER_PATH", "GCC_EXEC_PREFIX", "LIBRARY_PATH",
		"DEPENDENCIES_OUTPUT", "SUNPRO_DEPENDENCIES", "GCC_COMPARE_DEBUG", "GCC_COLORS",
		"GREP_OPTIONS", NULL,
	};

	return env;
}

struct output {
	struct ks_build *b;
	const struct ks_strv *targets; /* of which each "CC target" line is one step; or NULL */
	size_t done;
	struct ks_buf log;    /* everything */
	struct ks_buf errors; /* what the tools said beside kbuild's own lines */
	size_t error_lines;
	bool warned;
};

/* "  CC [M]  fs/xfs/xfs_log.o": returns what follows the command's name, or NULL. */
static const char *quiet_line(const char *line)
{
	const char *p = line + 2;

	if (strncmp(line, "  ", 2) || !isupper((unsigned char)*p))
		return NULL;
	while (isupper((unsigned char)*p) || *p == '_')
		p++;
	if (*p != ' ')
		return NULL;
	p += strspn(p, " ");
	if (ks_str_starts(p, "[M]"))
		p += 3 + strspn(p + 3, " ");
	return p;
}

/* What make says about itself: seldom a help. */
static bool chatter(const char *line)
{
	return ks_str_starts(line, "make") && (line[4] == '[' || line[4] == ':');
}

/* Appends the line with "PREFIX/" taken out wherever it stands. */
static void add_without(struct ks_buf *out, const char *line, const char *prefix)
{
	size_t n = strlen(prefix);
	const char *p;

	while ((p = strstr(line, prefix)) && p[n] == '/') {
		ks_buf_add(out, line, p - line);
		line = p + n + 1;
	}
	ks_buf_adds(out, line);
	ks_buf_adds(out, "\n");
}

static void on_line(void *arg, const char *line)
{
	struct output *o = arg;
	const char *what = quiet_line(line);

	ks_buf_addf(&o->log, "%s\n", line);
	if (what) {
		if (!o->targets)
			ks_progress(o->b->report, 0, 0, "%s", what);
		else if (ks_strv_has(o->targets, what))
			ks_progress(o->b->report, o->done++, o->targets->len, "%s", what);
		return;
	}
	if (chatter(line) || !*line)
		return;
	/* The headers' makefile says so where we go on with another compiler on purpose. */
	if (o->b->force_compiler && strstr(line, "compiler differs"))
		return;
	o->warned |= strstr(line, "warning:") || strstr(line, "WARNING:");
	if (o->error_lines++ < SHOWN_LINES)
		add_without(&o->errors, line, o->b->farm);
}

static void output_free(struct output *o)
{
	ks_buf_free(&o->log);
	ks_buf_free(&o->errors);
}

/* make's own words, where the tools have said nothing. */
static void add_chatter(struct output *o)
{
	const char *p = o->log.data;

	while (p && *p) {
		size_t len = strcspn(p, "\n");
		char *line = ks_strndup(p, len);

		if (strstr(line, "***"))
			add_without(&o->errors, line, o->b->farm);
		free(line);
		p += len + (p[len] == '\n');
	}
}

static struct ks_error *failure(struct output *o, const char *what)
{
	char *log = ks_path_join(o->b->cache, "make.log");
	struct ks_error *err;

	ks_error_free(ks_file_write(log, ks_buf_text(&o->log), o->log.len, 0644));
	if (!o->errors.len)
		add_chatter(o);
	while (o->errors.len && o->errors.data[o->errors.len - 1] == '\n')
		o->errors.data[--o->errors.len] = 0;
	err = ks_error_new(KS_E_FAILED, "%s:\n%s%s\n(all of it: %s)", what,
			   o->errors.len ? o->errors.data : "make failed and said nothing",
			   o->error_lines > SHOWN_LINES ? "\n..." : "", log);
	free(log);
	return err;
}

/* make in obj/, whose source is the farm; @args: variables and targets. */
static struct ks_error *run(struct ks_build *b, const struct ks_strv *args, int jobs,
			    const char *cflags, struct output *o, const char *what)
{
	struct ks_strv argv = { 0 };
	struct ks_proc p = { .env = ks_kbuild_env(), .line = on_line, .arg = o };
	struct ks_error *err;
	int status = 0;

	ks_strv_add(&argv, "make");
	ks_strv_add(&argv, "--no-print-directory");
	ks_strv_addf(&argv, "-j%d", jobs);
	ks_strv_addf(&argv, "--directory=%s", b->farm);
	ks_strv_addf(&argv, "O=%s", b->obj);
	ks_strv_add(&argv, "ARCH=x86");
	ks_strv_addf(&argv, "CC=%s", b->cc);
	ks_strv_addf(&argv, "HOSTCC=%s", b->cc);
	/* The kernel's own: a few functions compile strlen(UTS_RELEASE) in. */
	ks_strv_addf(&argv, "KERNELRELEASE=%s", b->release);
	ks_strv_add(&argv, "LOCALVERSION=");
	ks_strv_addf(&argv, "KCFLAGS=%s -I%s", cflags, b->include);
	/* What kbuild tells the compiler of C, and what deps.c reads: whose part it is. */
	ks_strv_add(&argv, "AFLAGS_MODULE=$(modname_flags) $(modfile_flags)");
	/*
	 * Only to the makefiles, and to those that list objects it is given
	 * back below: without it the top one does not build resolve_btfids,
	 * half the work of "make prepare" and of no use before vmlinux is linked.
	 */
	ks_strv_add(&argv, "CONFIG_DEBUG_INFO_BTF=");
	for (size_t i = 0; i < args->len; i++)
		ks_strv_add(&argv, args->v[i]);
	p.argv = (const char *const *)argv.v;
	err = ks_proc_run(&p, &status);
	if (!err && status)
		err = failure(o, what);
	ks_strv_free(&argv);
	return err;
}

struct ks_error *ks_kbuild_make(struct ks_build *b, const char *target, const char *what)
{
	struct output o = { .b = b };
	struct ks_strv args = { 0 };
	struct ks_error *err;

	ks_strv_add(&args, target);
	err = run(b, &args, b->jobs, KS_KBUILD_CFLAGS, &o, what);
	output_free(&o);
	ks_strv_free(&args);
	return err;
}

/*
 * Compiling objects, each in the context of its own directory and of the
 * directories above it, whose flags it inherits (see roster.c for why a
 * single-object make will not do).  make reads the file below, through
 * MAKEFILES, before each of the kernel's makefiles.  In the top makefile
 * (sub_make_done) it adds the goal ks-objects, which enters the first
 * directories ("make prepare" is not among what they need: obj/ is prepared, and
 * a patched header must not change what it holds).  In scripts/Makefile.build, which handles the directory obj, it
 * replaces the default goal, "everything here", by what ks-go says for obj:
 * the next directories down, or the objects.
 */
static const char descent_tail[] =
	"ifneq ($(ks-go/$(obj)),)\n"
	".DEFAULT_GOAL := ks-here\n"
	".PHONY: ks-here\n"
	"ks-here: $(sort $(ks-go/$(obj)))\n"
	"endif\n"
	/* Its makefile does not enter this one (roster.c); make would find it there and be done. */
	"ifneq ($(filter arch/x86/realmode/rm,$(ks-go/$(obj))),)\n"
	".PHONY: arch/x86/realmode/rm\n"
	"arch/x86/realmode/rm:\n"
	"\t$(Q)$(MAKE) $(build)=$@\n"
	"endif\n"
	/* What these inherit from vdso32.so.dbg, which is no goal of ours. */
	"ifeq ($(obj),arch/x86/entry/vdso)\n"
	"$(obj)/vdso32/%.o: KBUILD_CFLAGS = $(KBUILD_CFLAGS_32)\n"
	"$(obj)/vdso32/%.o: KBUILD_AFLAGS = $(KBUILD_AFLAGS_32)\n"
	"$(obj)/vdso32/%.o: asflags-$(CONFIG_X86_64) += -m32\n"
	"endif\n"
	"ifeq ($(sub_make_done),1)\n"
	"ks-enter := $(addprefix ks-enter/,$(sort $(ks-go/)))\n"
	".PHONY: ks-objects $(ks-enter)\n"
	"ks-objects: $(ks-enter)\n"
	"$(ks-enter): ks-enter/%:\n"
	"\t$(Q)$(MAKE) $(build)=$* need-builtin=1 need-modorder=1\n"
	".PHONY: ks-modules\n"
	"ks-modules:\n"
	"\t$(Q)$(MAKE) -f $(srctree)/scripts/Makefile.modfinal\n"
	"endif\n";

/*
 * With IBT, and for LTO, kbuild runs objtool on what is linked only (since
 * 5.19, scripts/Makefile.lib, delay-objtool).  Objects that are compared need
 * its tables one by one; those of whole modules must not have them twice.
 * is-standard-object is what the kernel's own rule asks.
 */
static const char objtool_each[] =
	"ifneq ($(ks-go/$(obj)),)\n"
	"$(obj)/%.o: private override objtool-enabled = $(is-standard-object)\n"
	"endif\n";

static bool delays_objtool(const struct ks_build *b)
{
	return ks_config_get(b->config, "X86_KERNEL_IBT") || ks_config_get(b->config, "LTO_CLANG");
}

/* The file for MAKEFILES, and the arguments that go with it. */
static struct ks_error *write_descent(struct ks_build *b, struct ks_build_unit **units, size_t n,
				      const char *cflags, struct ks_strv *args)
{
	char *makefile = ks_path_join(b->cache, "objects.mk");
	struct ks_buf text = { 0 };
	struct ks_error *err;

	for (size_t i = 0; i < n; i++) {
		const char *above = "";

		for (size_t j = 0; j < units[i]->way.len; j++) {
			ks_buf_addf(&text, "ks-go/%s += %s\n", above, units[i]->way.v[j]);
			above = units[i]->way.v[j];
		}
		ks_buf_addf(&text, "ks-go/%s += %s\n", above, units[i]->target);
	}
	if (ks_config_get(b->config, "DEBUG_INFO_BTF"))
		ks_buf_adds(&text, "ifneq ($(ks-go/$(obj)),)\n"
				   "override CONFIG_DEBUG_INFO_BTF := y\n"
				   "endif\n");
	if (!strcmp(cflags, KS_KBUILD_CFLAGS) && delays_objtool(b))
		ks_buf_adds(&text, objtool_each);
	ks_buf_adds(&text, descent_tail);
	err = ks_file_write(makefile, text.data, text.len, 0644);
	ks_strv_addf(args, "MAKEFILES=%s", makefile);
	/* Both kinds, whatever make concludes from the goal. */
	ks_strv_add(args, "KBUILD_BUILTIN=1");
	ks_strv_add(args, "KBUILD_MODULES=1");
	ks_strv_add(args, "ks-objects");
	ks_buf_free(&text);
	free(makefile);
	return err;
}

struct ks_error *ks_kbuild_compile(struct ks_build *b, struct ks_build_unit **units, size_t n,
				   const char *cflags, const char *what)
{
	struct ks_strv args = { 0 }, objects = { 0 };
	struct output o = { .b = b, .targets = &objects };
	struct ks_error *err = write_descent(b, units, n, cflags, &args);

	for (size_t i = 0; i < n; i++)
		ks_strv_add(&objects, units[i]->target);
	if (!err)
		err = run(b, &args, b->jobs, cflags, &o, what);
	ks_strv_free(&args);
	ks_strv_free(&objects);
	output_free(&o);
	return err;
}

/*
 * The compiler's arguments in a line that make -n prints: "set -e; echo ...;
 * gcc-12 -Wp,-MMD,fs/.open.o.d ARGUMENTS -c -o fs/open.o /farm/fs/open.c; ...".
 */
static void take_command(struct ks_strv *commands, const char *line)
{
	const char *end = strstr(line, " -c -o "), *from = strstr(line, " -Wp,-MMD,");
	const char *target;

	if (!end || !from || from > end)
		return;
	target = end + 7;
	from += 1 + strcspn(from + 1, " ");
	if (from >= end)
		return;
	ks_strv_addf(commands, "%.*s", (int)strcspn(target, " ;"), target);
	ks_strv_addf(commands, "%.*s", (int)(end - from - 1), from + 1);
}

struct ks_error *ks_kbuild_commands(struct ks_build *b, struct ks_build_unit **units, size_t n,
				    struct ks_strv *commands)
{
	struct output o = { .b = b };
	struct ks_strv args = { 0 };
	struct ks_error *err = write_descent(b, units, n, KS_KBUILD_CFLAGS, &args);
	char *save = NULL;

	ks_strv_add(&args, "--dry-run");
	/* Lines of several makes would mix. */
	if (!err)
		err = run(b, &args, 1, KS_KBUILD_CFLAGS, &o, "the kernel's makefiles do not say how they compile");
	for (char *line = err || !o.log.data ? NULL : strtok_r(o.log.data, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		take_command(commands, line);
	ks_strv_free(&args);
	output_free(&o);
	return err;
}

struct ks_error *ks_kbuild_link_modules(struct ks_build *b, const char *order, const char *what)
{
	struct output o = { .b = b };
	struct ks_strv args = { 0 };
	struct ks_error *err = write_descent(b, NULL, 0, KS_KBUILD_PLAIN_CFLAGS, &args);

	/* The last goal given is ks-objects, which has nothing to do. */
	ks_strv_add(&args, "ks-modules");
	ks_strv_addf(&args, "MODORDER=%s", order);
	ks_strv_add(&args, "CONFIG_DEBUG_INFO_BTF_MODULES=");
	if (!err)
		err = run(b, &args, b->jobs, KS_KBUILD_PLAIN_CFLAGS, &o, what);
	ks_strv_free(&args);
	output_free(&o);
	return err;
}

struct ks_error *ks_build_module(struct ks_build *b, const char *dir, const char *extra_symvers)
{
	char *headers = ks_path_join(b->config_dir, "build"), *real = NULL;
	struct output o = { .b = b };
	struct ks_strv argv = { 0 };
	struct ks_proc p = { .env = ks_kbuild_env(), .line = on_line, .arg = &o };
	struct ks_error *err;
	int status = 0;

	err = ks_build_check_compiler(b);
	if (!err && !ks_file_is_dir(headers))
		err = ks_error_new(KS_E_INPUT,
				   "%s: no such directory; it is the link to the kernel's headers: make it with ksplice-prepare",
				   headers);
	if (!err)
		err = ks_path_resolve(dir, &real);
	if (!err && strpbrk(real, " \t:"))
		err = ks_error_new(KS_E_INPUT,
				   "%s: the kernel's makefiles cannot work in a path with a space or a colon; see TMPDIR",
				   real);
	if (err)
		goto out;
	ks_strv_add(&argv, "make");
	ks_strv_add(&argv, "--no-print-directory");
	ks_strv_addf(&argv, "-j%d", b->jobs);
	ks_strv_addf(&argv, "--directory=%s", headers);
	ks_strv_addf(&argv, "M=%s", real);
	ks_strv_addf(&argv, "CC=%s", b->cc);
	ks_strv_addf(&argv, "HOSTCC=%s", b->cc);
	ks_strv_add(&argv, "KCFLAGS=-Werror");
	/* No module of ours has a use for BTF, and its tools want a vmlinux. */
	ks_strv_add(&argv, "CONFIG_DEBUG_INFO_BTF_MODULES=");
	if (extra_symvers && *extra_symvers == '/')
		ks_strv_addf(&argv, "KBUILD_EXTRA_SYMBOLS=%s", extra_symvers);
	else if (extra_symvers)
		ks_strv_addf(&argv, "KBUILD_EXTRA_SYMBOLS=%s/%s", real, extra_symvers);
	ks_strv_add(&argv, "modules");
	p.argv = (const char *const *)argv.v;
	err = ks_proc_run(&p, &status);
	if (!err && (status || o.warned)) {
		char *what = ks_asprintf("building the modules in %s", dir);

		err = failure(&o, what);
		free(what);
	}
out:
	output_free(&o);
	ks_strv_free(&argv);
	free(headers);
	free(real);
	return err;
}
