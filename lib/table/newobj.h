/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The new code of one unit as a relocatable object: what the diff included,
 * with the entries of special sections that belong to it, linked by name to
 * what the match finds in the running kernel.
 */
#ifndef KS_TABLE_NEWOBJ_H
#define KS_TABLE_NEWOBJ_H

#include "diff/diff.h"
#include "table/table.h"

/* What the units of the update have for each other. */
struct ks_new_globals {
	struct ks_strv names; /* global names that they define anew, to be linked among themselves */
	/*
	 * Functions and variables of the kernel that were local to their unit and
	 * now are global: units of other targets find them nowhere else.
	 */
	KS_VEC(struct ks_opened {
		uint32_t target;
		struct ks_atom *pre;
	}) opened;
};
void ks_new_globals_add(struct ks_new_globals *g, uint32_t target, const struct ks_diff *diff);
void ks_new_globals_free(struct ks_new_globals *g);
/* The one of that name in another target than @target; NULL: there is none. */
const struct ks_opened *ks_new_globals_opened(const struct ks_new_globals *g, uint32_t target,
					      const char *name);

/* The numbers of a unit's first replaced function, piece of data, hook and shadow field. */
struct ks_new_first {
	size_t patch, data, hook, shadow;
};

/*
 * Writes @path.  Replaced function i of the diff gets the additional global
 * name "ks_new_<id>_<first->patch + i>"; the others in the same way ks_data_,
 * ks_hook_ and ks_shadow_.
 */
struct ks_error *ks_newobj_write(struct ks_table *t, uint32_t target, struct ks_diff *diff,
				 const struct ks_new_globals *globals, const char *id,
				 const struct ks_new_first *first, const char *path) KS_MUST_CHECK;

#endif
