/* SPDX-License-Identifier: GPL-2.0-only */
/* Sections whose entries the linker, the boot or the module loader collects: what a patch does to them. */
#ifndef KS_DIFF_COLLECTED_H
#define KS_DIFF_COLLECTED_H

#include "diff/diff.h"

/* Adds to @d's refused and skipped lists.  The units are paired. */
void ks_collected_check(struct ks_diff *d);

#endif
