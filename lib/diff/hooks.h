/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a patched source says of itself through ksplice-patch.h: hooks, shadow
 * fields, and variables to treat as constants.  The macros leave pointers in
 * sections of their own; nothing of those sections is loaded.
 */
#ifndef KS_DIFF_HOOKS_H
#define KS_DIFF_HOOKS_H

#include "diff/diff.h"

/* After the pairing and before data is looked at: variables become constants. */
void ks_hooks_assume(struct ks_diff *d);

/* Fills in d->hooks and d->shadows; their atoms are to be included. */
void ks_hooks_find(struct ks_diff *d);

/*
 * All units of an update, each complete: refuses hooks that run with the old
 * code and reach a replacement, in the d->refused of the hook's unit.
 */
void ks_hooks_check(struct ks_diff *const *diffs, size_t n);

/* Does the address of the atom go only to those who do not keep it? */
bool ks_hooks_address_stays(const struct ks_atom *a);

#endif
