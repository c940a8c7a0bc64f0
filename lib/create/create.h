/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The build side of the pipeline as a whole: from the source of a kernel and a
 * change of it to the package of an update.
 *
 * This is the last room before the package leaves for the running kernel.  It
 * calls those of the build side in their order (lib/build, lib/diff, lib/table,
 * lib/module, lib/pack) and is called by tools only.  create.c has the pipeline
 * in a page, and each file beside it a part: tree.c what is built from,
 * layouts.c the types that change, objects.c the comparison, modules.c the update's modules, manifest.c what the
 * package says, package.c what it has, sign.c who vouches for it.
 */
#ifndef KS_CREATE_CREATE_H
#define KS_CREATE_CREATE_H

#include <stdbool.h>

#include "base/error.h"
#include "base/term.h"
#include "pack/manifest.h"

/* Nothing here is copied: it must live as long as the call. */
struct ks_create_options {
	const char *source;	 /* the kernel's source tree */
	const char *config;	 /* the configuration directory; NULL: SOURCE/ksplice */
	const char *id;		 /* of the update: ks_id_valid() */
	const char *description; /* may be "", not NULL */
	/* The change, exactly one of them. */
	const char *patch;	  /* a file */
	const char *diffext;	  /* as for ks_build_apply_diffext() */
	const char *git;	  /* a commit */
	const char *patch_opt;	  /* for patch(1) in place of -p1; may be NULL */
	bool series;		  /* the tree is what runs, with the updates applied so far */
	bool replace;		  /* ksplice-apply has it replace all updates */
	/* Types that may change their layout, "struct foo"; "all": any.  May be NULL. */
	const struct ks_strv *accept_layouts;
	bool build_modules;	  /* whole fixed modules, too */
	const char *sign_key;	  /* a file, or a PKCS#11 URI; NULL: nothing is signed */
	const char *sign_cert;	  /* a file: the certificate that goes with the key */
	bool force_compiler;	  /* go on with another compiler than the kernel's */
	int jobs;		  /* compilers at once */
	int verbosity;		  /* 2: the compiler commands become notes */
	struct ks_report *report; /* may be NULL */
};

struct ks_create_result {
	char *tarball; /* relative to the current directory */
	/* As it is in the package: what is replaced, added and so on; layouts to warn of. */
	struct ks_manifest manifest;
};

/*
 * Makes the update and writes ksplice-ID.tar.gz in the current directory.
 * KS_E_REFUSED where it cannot be made safely, with the reasons, a line each
 * (layouts of types are looked at first, and then alone); KS_E_NO_CHANGES where the change has no effect on any code or data.
 * *result is filled in by success only, and empty after an error; the caller
 * clears it in either case.  Nothing else is left but what the build cache has.
 */
struct ks_error *ks_create_update(const struct ks_create_options *opt,
				  struct ks_create_result *result) KS_MUST_CHECK;
void ks_create_result_clear(struct ks_create_result *result);

/*
 * Only the build cache, and where the tree is in git, the note which commit it
 * is that runs.  The change and what is said of the update do not matter.
 */
struct ks_error *ks_create_prebuild(const struct ks_create_options *opt) KS_MUST_CHECK;

#endif
