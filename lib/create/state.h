/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of lib/create share and nobody else sees: an update in the
 * making, and the steps on it in the order in which create.c takes them.
 *
 * A step fills in what the following ones read.  It frees nothing of that, also
 * after an error: cleanup() in create.c does, however far the steps came.
 */
#ifndef KS_CREATE_STATE_H
#define KS_CREATE_STATE_H

#include "build/build.h"
#include "create/create.h"
#include "diff/diff.h"
#include "distro/info.h"
#include "module/core.h"
#include "module/update.h"
#include "table/newobj.h"
#include "table/table.h"

/* One unit that the change may affect, on its way through the pipeline. */
struct ks_create_work {
	struct ks_build_unit *built; /* owned by the list of units */
	struct ks_unit *pre, *post;
	struct ks_diff *diff;
	uint32_t target; /* in the table */
	struct ks_new_first first;
};

struct ks_create {
	const struct ks_create_options *opt;
	/* ks_create_open_tree() */
	char *config_dir; /* resolved */
	struct ks_kernel_info kernel;
	struct ks_sysmap *map;
	struct ks_build *build;
	/* ks_create_prepare_signing() */
	char *sign_file, *sign_hash; /* the program, and the name of the hash; NULL: nothing is signed */
	/* ks_create_build_objects() */
	struct ks_build_units units;
	struct ks_layouts layouts; /* of types that change */
	/* ks_create_diff_objects() */
	KS_VEC(struct ks_create_work) work;
	size_t replaced; /* functions and pieces of data; and hooks */
	bool escapes;	 /* some unit's diff does */
	/* make_work_dir() in create.c */
	char *work_dir;	   /* temporary */
	char *modules_dir; /* in it: the source of the update's modules */
	/* ks_create_write_update() */
	struct ks_table *table;
	KS_VEC(struct ks_update_hook) hooks;
	size_t nr_shadows;
	/* ks_create_build_modules() */
	struct ks_core_build *core;
};

/* Does the unit have anything in the update? */
bool ks_create_touched(const struct ks_create_work *w);

/* Where the unit's code lives: "vmlinux", or a module's name. */
const char *ks_create_target(const struct ks_create_work *w);

/* The directories, the kernel, its System.map, the build's cache and the compiler. (tree.c) */
struct ks_error *ks_create_open_tree(struct ks_create *c) KS_MUST_CHECK;

/* To copies; the source is only read. (objects.c) */
struct ks_error *ks_create_apply_change(struct ks_create *c) KS_MUST_CHECK;

/* Pre and post of every unit that the change may affect. (objects.c) */
struct ks_error *ks_create_build_objects(struct ks_create *c) KS_MUST_CHECK;

/*
 * KS_E_REFUSED for types of which the author has not said that they may change;
 * @kind: KS_LAYOUT_CHANGED, or KS_LAYOUT_UNKNOWN. (layouts.c)
 */
struct ks_error *ks_create_check_layouts(const struct ks_create *c,
					 enum ks_layout_kind kind) KS_MUST_CHECK;

/* Says which types that may change do not. (layouts.c) */
void ks_create_note_layouts(const struct ks_create *c);

/* KS_E_REFUSED with the reasons, a line each, and what to do behind them, or "". (objects.c) */
struct ks_error *ks_create_refusal(const struct ks_strv *reasons, const char *advice);

/* KS_E_REFUSED with the reasons of all units; KS_E_NO_CHANGES. (objects.c) */
struct ks_error *ks_create_diff_objects(struct ks_create *c) KS_MUST_CHECK;

/* KS_E_FAILED where new code refers to what neither the kernel nor the patch has. (link.c) */
struct ks_error *ks_create_check_link(const struct ks_create *c) KS_MUST_CHECK;

/* The match table, and the new code of each unit as unitN.o_shipped. (modules.c) */
struct ks_error *ks_create_write_update(struct ks_create *c) KS_MUST_CHECK;

/* The core, and the update's two modules. (modules.c) */
struct ks_error *ks_create_build_modules(struct ks_create *c) KS_MUST_CHECK;

/* Finds what signing takes, if it is wanted. (sign.c) */
struct ks_error *ks_create_prepare_signing(struct ks_create *c) KS_MUST_CHECK;
/* Signs the module in place, if it is wanted. (sign.c) */
struct ks_error *ks_create_sign(const struct ks_create *c, const char *module) KS_MUST_CHECK;

/*
 * What the package says, except for its files and whole modules.  *m is
 * zero-initialised before, and cleared by the caller, also after an error.
 * (manifest.c)
 */
struct ks_error *ks_create_fill_manifest(const struct ks_create *c,
					 struct ks_manifest *m) KS_MUST_CHECK;

/*
 * The files, the manifest, whole modules if they are wanted, and the tarball.
 * The caller clears *result, also after an error. (package.c)
 */
struct ks_error *ks_create_pack(struct ks_create *c, struct ks_create_result *result) KS_MUST_CHECK;

#endif
