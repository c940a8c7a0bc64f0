/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What examining a unit came to, kept for the next patch: one that changes the
 * same headers in the same way, as the next attempt of an author does, and most
 * patches of a series.  The cache's file "verdicts" has a line for each.
 */
#ifndef KS_BUILD_VERDICTS_H
#define KS_BUILD_VERDICTS_H

#include "build/state.h"

struct ks_verdicts;

/*
 * Of the changes of @b, as far as units include them.  Those that were kept with
 * another key (b->key) are forgotten, and so is a damaged file.
 */
struct ks_error *ks_verdicts_open(struct ks_build *b, struct ks_verdicts **verdicts) KS_MUST_CHECK;
/*
 * @target: the unit.  @stamp: of all that its original text is made from, not 0.
 * True: it was examined before.
 */
bool ks_verdicts_find(const struct ks_verdicts *v, const char *target, uint64_t stamp, bool *affected);
void ks_verdicts_add(struct ks_verdicts *v, const char *target, uint64_t stamp, bool affected);
/* Writes the file, where something was added. */
struct ks_error *ks_verdicts_close(struct ks_verdicts *v) KS_MUST_CHECK;

#endif
