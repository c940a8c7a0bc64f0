/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the running kernel has symbols of the names that a table asks for:
 * the candidates, among which the match finds the right one.
 */
#ifndef KSPLICE_KERNEL_SYMBOL_H
#define KSPLICE_KERNEL_SYMBOL_H

#include "table.h"

struct ksplice_update;

struct ks_wanted {
	const char *name;
	u32 sym;
	u32 first, count; /* its candidates, in addrs */
};

struct ks_candidate {
	u32 wanted;
	u64 addr;
};

struct ks_symbols {
	const struct kst_view *table;
	struct ks_wanted *wanted; /* sorted by name; one per symbol with a name */
	u32 nr_wanted;
	u32 *wanted_of;           /* [nr_symbols] index in wanted, or KST_NONE */
	struct ks_candidate *found;
	u32 nr_found, cap_found;
	u64 *addrs;
	u32 target; /* whose symbols are walked at the moment */
	bool series; /* also what updates that are applied have, and what they replaced is there */
	bool global; /* only symbols of other targets that have no candidate of their own */
};

/*
 * Fills in *s, which is zeroed before, from the update's targets.  0 or
 * -ENOMEM; ks_symbols_destroy() in both cases.
 */
int ks_symbols_create(struct ks_symbols *s, const struct kst_view *table, struct ksplice_update *u);
void ks_symbols_destroy(struct ks_symbols *s);

u32 ks_symbols_candidates(const struct ks_symbols *s, u32 sym, const u64 **list);

#endif
