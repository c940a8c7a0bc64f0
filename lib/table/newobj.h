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

/* Global names that the units of the update define anew, to be linked among themselves. */
struct ks_new_globals {
	struct ks_strv names;
};
void ks_new_globals_add(struct ks_new_globals *g, const struct ks_diff *diff);

/*
 * Writes @path.  Replaced function i of the diff gets the additional global
 * name "ks_new_<id>_<first_patch + i>".
 */
struct ks_error *ks_newobj_write(struct ks_table *t, uint32_t target, struct ks_diff *diff,
				 const struct ks_new_globals *globals, const char *id,
				 size_t first_patch, size_t first_data,
				 const char *path) KS_MUST_CHECK;

#endif
