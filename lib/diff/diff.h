/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a patch does to one unit: the functions to replace, what the new
 * module has to carry, and every reason why it cannot be done.
 */
#ifndef KS_DIFF_DIFF_H
#define KS_DIFF_DIFF_H

#include <ksplice/hooks.h>

#include "diff/pair.h"
#include "diff/unit.h"

struct ks_replaced {
	struct ks_atom *pre, *post;
	uint32_t slot; /* where the jump goes: bytes from the start of the old function */
	bool traced;   /* there is no room for it: the function tracer's site has to do */
};

/* A piece of an object that keeps its place and gets new content while the machine is stopped. */
struct ks_changed_data {
	struct ks_atom *pre, *post;
	uint32_t offset, size;
	bool writable;
};

/* Constants that are refused only because they get longer; see room.h. */
struct ks_growth {
	char *name;
	uint32_t size; /* that it needs, in bytes */
};
struct ks_growths {
	KS_VEC(struct ks_growth) list;
};

/* A new function of post that the core calls when the update is applied or undone. */
struct ks_hook {
	enum ksplice_hook_kind kind;
	struct ks_atom *function;
};

struct ks_diff {
	struct ks_unit *pre, *post; /* not owned */
	KS_VEC(struct ks_replaced) replaced;
	KS_VEC(struct ks_changed_data) data;
	KS_VEC(struct ks_hook) hooks;
	KS_VEC(struct ks_atom *) shadows; /* new shadow fields: each a struct ksplice_shadow of post */
	KS_VEC(struct ks_atom *) included; /* of post, for the new module: replaced, added, data */
	struct ks_strv added;    /* names of new functions and variables that are included */
	struct ks_strv removed;  /* names of functions that post no longer has */
	struct ks_strv skipped;  /* "NAME: why", changes that have no effect and are left out */
	struct ks_growths growing;
	struct ks_strv refused;  /* "section, object: reason; what to do": empty, or no update */
	bool escapes; /* addresses of included code or writable data may stay in the kernel */
};

/*
 * Compares the units (which ks_pair_units() has not seen yet).  Succeeds also
 * where something is refused or nothing has changed: the caller looks at
 * @refused, and @replaced, @data and @hooks.
 */
struct ks_error *ks_diff_units(struct ks_unit *pre, struct ks_unit *post, struct ks_diff **diff) KS_MUST_CHECK;
void ks_diff_free(struct ks_diff *diff);

/*
 * How new code reaches what a ref means: through the included copy, or at its
 * address in the running kernel (then the pre atom, or NULL for an external).
 */
enum ks_link { KS_LINK_NEW, KS_LINK_RUN };
enum ks_link ks_diff_link(const struct ks_diff *diff, const struct ks_atom *from,
			  const struct ks_ref *ref, struct ks_atom **run_atom);

#endif
