/* SPDX-License-Identifier: GPL-2.0-only */
/* Changes of data: what may change under a running kernel, and what is refused. */
#ifndef KS_DIFF_DATA_H
#define KS_DIFF_DATA_H

#include "diff/diff.h"

/* Looks at all data of both units; adds to @d's refused and skipped lists. */
void ks_data_check(struct ks_diff *d);

/* A table of operations, or the like: pointers to it are kept, and compared. */
bool ks_data_points_to_code(const struct ks_atom *a);

/* State whose second copy does no harm: once flags, ratelimits, lock classes, debug descriptors. */
bool ks_data_fresh_copy_ok(const struct ks_atom *a);

#endif
