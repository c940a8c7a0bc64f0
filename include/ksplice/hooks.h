/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hooks and shadow fields, as the patched source (ksplice-patch.h), the build
 * and the core know them.
 */
#ifndef KSPLICE_HOOKS_H
#define KSPLICE_HOOKS_H

/*
 * X(NAME, name, may fail, runs with the old code): in the order in which they
 * run, first those of an apply.  One that runs with the old code must not
 * reach a replacement: the rest of the kernel does not, either.
 */
#define KSPLICE_HOOKS(X)                             \
	X(PRE_APPLY, pre_apply, 1, 1)                \
	X(CHECK_APPLY, check_apply, 1, 1)            \
	X(APPLY, apply, 0, 0)                        \
	X(POST_APPLY, post_apply, 0, 0)              \
	X(FAIL_APPLY, fail_apply, 0, 1)              \
	X(PRE_REVERSE, pre_reverse, 1, 0)            \
	X(CHECK_REVERSE, check_reverse, 1, 0)        \
	X(REVERSE, reverse, 0, 1)                    \
	X(POST_REVERSE, post_reverse, 0, 1)          \
	X(FAIL_REVERSE, fail_reverse, 0, 0)

enum ksplice_hook_kind {
#define X(NAME, name, may_fail, old_code) KSPLICE_HOOK_##NAME,
	KSPLICE_HOOKS(X)
#undef X
	KSPLICE_NR_HOOK_KINDS
};

/* Sections of a patched object. */
#define KSPLICE_HOOK_SECTION ".ksplice_hooks."		/* and the name of the kind */
#define KSPLICE_RODATA_SECTION ".ksplice_assume_rodata"
#define KSPLICE_EARLY_SECTION ".ksplice_match_data_early"
#define KSPLICE_SHADOW_SECTION ".data.ksplice_shadow"	/* struct ksplice_shadow */
/* Functions whose addresses go to nobody who would keep them. */
#define KSPLICE_CALLBACK_TEXT ".text.ksplice_callback"

/* A shadow field.  Updates whose fields have the same name share it. */
struct ksplice_shadow {
	const char *name;
	const char *types; /* of the object and the field, as written in the source */
	unsigned long size; /* of the field */
	unsigned long id;   /* for klp_shadow_get() and others: filled in by the core */
};

#endif
