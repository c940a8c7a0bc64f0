/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * First room of the pipeline: from a kernel source, its configuration and a
 * patch to the pre and post objects of every unit that the patch affects.
 *
 * The source tree is only ever read.  Everything that is written goes to a
 * cache directory (CONFIG_DIR/cache, or a directory of its own below
 * $KSPLICE_CACHE), which may be deleted at any time between two runs.
 */
#ifndef KS_BUILD_BUILD_H
#define KS_BUILD_BUILD_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/term.h"

struct ks_build;

struct ks_build_options {
	const char *source;       /* the kernel's source tree */
	const char *config_dir;   /* with .config and build, the link to the headers */
	const char *release;      /* what uname -r says on the kernel to patch */
	int jobs;                 /* compilers at once; 0: one */
	bool force_compiler;      /* go on with another compiler than the config's */
	struct ks_report *report; /* may be NULL */
	const char *patch_opt;    /* for patch(1) in place of -p1; may be NULL */
	int verbosity;            /* 2: the compiler commands become notes */
	const char *include_dir;  /* with ksplice-patch.h, for patches that include it; may be NULL */
};

/*
 * Checks the directories, takes the cache's lock (waiting for another run on
 * the same cache) and puts right what a run that was killed has left there.
 * The lock is also held by every child process, so that no compiler of a
 * killed run still writes when the next one starts.
 */
struct ks_error *ks_build_open(const struct ks_build_options *options,
			       struct ks_build **build) KS_MUST_CHECK;
void ks_build_close(struct ks_build *build);

/*
 * Does the configuration have what the core needs of the running kernel?  Refused with a line for
 * each option that is missing; a kernel that wants modules to be signed is a note where the
 * update's are not going to be (@is_signed).
 */
struct ks_error *ks_build_check_kernel(struct ks_build *build, bool is_signed) KS_MUST_CHECK;

/*
 * Finds the compiler that the configuration names, and compares it and
 * binutils with the versions there.  The steps below do it when the caller
 * has not.
 */
struct ks_error *ks_build_check_compiler(struct ks_build *build) KS_MUST_CHECK;

/* The compiler's own version line; NULL before the check. */
const char *ks_build_compiler(const struct ks_build *build);

/* Everything that does not depend on a patch, where it is not in the cache yet. */
struct ks_error *ks_build_prepare(struct ks_build *build) KS_MUST_CHECK;

/*
 * Applies the patch to copies and appends the paths that it changes (relative
 * to the source tree) to @changed_files, which may be NULL.
 */
struct ks_error *ks_build_apply_patch(struct ks_build *build, const char *patch,
				      struct ks_strv *changed_files) KS_MUST_CHECK;

/*
 * The same for files NAME.EXT beside NAME in the source tree: each is what NAME
 * becomes.  A leading dot of @ext does not matter.
 */
struct ks_error *ks_build_apply_diffext(struct ks_build *b, const char *ext,
					struct ks_strv *changed_files) KS_MUST_CHECK;

/*
 * The same for the difference between the source tree, which is in git, and a
 * commit.  Which commit the tree is at, and so what the kernel was built from,
 * is remembered in the configuration directory (ks_build_remember_commit).
 */
struct ks_error *ks_build_apply_git(struct ks_build *b, const char *commit,
				    struct ks_strv *changed_files) KS_MUST_CHECK;
/*
 * Where it is not remembered yet: the commit that the tree is at.  An error
 * where it is in no repository, or its files are not those of the commit.
 */
struct ks_error *ks_build_remember_commit(struct ks_build *b) KS_MUST_CHECK;
/* Is the source tree in git? */
bool ks_build_has_git(const struct ks_build *b);

/* What was applied, as a unified diff with the paths of -p1 (or as --patch has it). */
const char *ks_build_patch_file(const struct ks_build *b);

struct ks_build_unit {
	char *source;    /* kernel/printk/printk.c: what the object is compiled from, .c or .S */
	char *object;    /* kernel/printk/printk.o */
	char *modname;   /* NULL: built into the kernel */
	char *modfile;   /* the same with its directory: arch/x86/kvm/kvm-intel */
	char *pre_path;  /* the objects, once they are compiled */
	char *post_path;
	char *target;    /* what kbuild calls it: may go through "../" */
	struct ks_strv way; /* the directories through which kbuild gets to it */
	bool included;   /* does not belong to a changed file, but may include one */
	bool whole;      /* its text does not tell whether it is affected */
	bool apart;      /* linked on its own (the vdso): must not change */
};

struct ks_build_units {
	KS_VEC(struct ks_build_unit) list;
};

/*
 * Which objects the patch may affect: those of changed .c and .S files, and
 * those that include a changed file.  A changed file that compiles into nothing
 * is a note; one that we cannot follow (a Makefile, a header from which others
 * are generated) is KS_E_REFUSED.
 */
struct ks_error *ks_build_units(struct ks_build *build, struct ks_build_units *units) KS_MUST_CHECK;
void ks_build_units_free(struct ks_build_units *units);

enum ks_layout_kind {
	KS_LAYOUT_SAME,	      /* nobody is told */
	KS_LAYOUT_COMPATIBLE, /* only more, where nothing was: in padding, in unused bits */
	KS_LAYOUT_CHANGED,    /* new code would misunderstand old objects */
	KS_LAYOUT_UNKNOWN,    /* the text differs, and no unit that compiles could tell */
};

/* A type that the patch lays out differently. */
struct ks_layout {
	enum ks_layout_kind kind;
	char *type; /* "struct foo" */
	char *path; /* where it is defined */
	char *what; /* "24 -> 32 bytes; b moves from 8 to 16; within struct bar" */
};

struct ks_layouts {
	KS_VEC(struct ks_layout) list;
};

/*
 * The types that the patch lays out differently, of those that some unit has:
 * by the text of their definitions (layout.h), and where that differs, by the
 * debug information of units that are compiled for it, as few as will do.  The
 * units are those of ks_build_units(), before they are examined: a patch that
 * is refused for this is refused early.
 */
struct ks_error *ks_build_layouts(struct ks_build *build, const struct ks_build_units *units,
				  struct ks_layouts *layouts) KS_MUST_CHECK;
void ks_build_layouts_free(struct ks_layouts *layouts);

/*
 * Leaves out the units that include a changed file, but whose preprocessed text
 * shows that they come out the same.
 */
struct ks_error *ks_build_examine(struct ks_build *build, struct ks_build_units *units) KS_MUST_CHECK;

enum ks_build_side { KS_PRE, KS_POST };

/*
 * Compiles one side of all units: pre from the source as it is (kept in the
 * cache), post with the patch.  The pre side fills in modname and drops units
 * that turn out not to include any changed file.
 */
struct ks_error *ks_build_compile(struct ks_build *build, struct ks_build_units *units,
				  enum ks_build_side side) KS_MUST_CHECK;

/*
 * Compiles the original of one unit without a section for each function and
 * variable, so that it is laid out as in the kernel.  The object at *@path (the
 * caller frees the name) is good until the next call.
 */
struct ks_error *ks_build_compile_plain(struct ks_build *build, struct ks_build_unit *unit,
					char **path) KS_MUST_CHECK;

/*
 * Takes those out of @names that an original source of the module of @unit has
 * as a word: what is left, the module does not have.
 */
struct ks_error *ks_build_unmentioned(struct ks_build *build, const struct ks_build_unit *unit,
				      struct ks_strv *names) KS_MUST_CHECK;

/*
 * Builds the external modules in @dir against the headers in
 * CONFIG_DIR/build.  @extra_symvers (may be NULL) is a Module.symvers to use
 * beside the kernel's, relative to @dir or absolute.  A warning is an error.
 */
struct ks_error *ks_build_module(struct ks_build *build, const char *dir,
				 const char *extra_symvers) KS_MUST_CHECK;

/*
 * Which module file a unit of a module belongs to, "fs/xfs/xfs", from the
 * makefiles; NULL where none of its directories lists it.  The caller frees.
 */
char *ks_build_find_modfile(struct ks_build *b, const struct ks_build_unit *unit);

/*
 * Builds a whole module of the kernel from the patched source, as the kernel's
 * builder would have, and writes it without debug info to @out_path.  @modfile
 * is that of a unit ("drivers/net/dummy").  KS_E_REFUSED where it would export
 * other symbols, or other versions of them, than the kernel's modules expect.
 * The patch, where there is one, has been applied, and its units were found.
 */
struct ks_error *ks_build_whole_module(struct ks_build *b, const char *modfile,
				       const char *out_path) KS_MUST_CHECK;

const char *ks_build_cache_dir(const struct ks_build *build);

#endif
