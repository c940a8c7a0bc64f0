/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guard of the boot.  Updates that take the machine down would do so at
 * each boot, were they applied again at each: so a mark is left before the first
 * one is, and taken away when the machine has been up for some minutes, or is
 * shut down in good order.  A boot that finds the mark of another one applies
 * nothing, and holds: nothing is applied unasked until somebody has upgraded.
 */
#ifndef KS_UPTRACK_BOOT_H
#define KS_UPTRACK_BOOT_H

#include "uptrack/state.h"

/* Why nothing may happen by itself (the file "disable", or "nouptrack"); NULL: it may. */
const char *ks_boot_disabled(const struct ks_uptrack *up);

/*
 * What an earlier boot left half done (its mark, or a change of the kernel that
 * was pending) becomes state->held, and is saved.  What this boot left pending,
 * for a command was killed, is forgotten.
 */
struct ks_error *ks_boot_look_back(const struct ks_uptrack *up,
				   struct ks_state *state) KS_MUST_CHECK;

struct ks_error *ks_boot_mark(const struct ks_uptrack *up) KS_MUST_CHECK;
/* Of this boot; that of an earlier one stays, to be found. */
struct ks_error *ks_boot_unmark(const struct ks_uptrack *up) KS_MUST_CHECK;

#endif
