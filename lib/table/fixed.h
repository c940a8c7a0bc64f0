/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Branches on static keys that are read-only since boot.
 *
 * The module loader links a module's jump labels into the list of their key.
 * Linux 6.1 does so also for a key that is read-only by then, and faults.
 * Such a key cannot change any more, so the branch is decided when the update
 * is loaded: it becomes a plain jump whose distance is an import.
 */
#ifndef KS_TABLE_FIXED_H
#define KS_TABLE_FIXED_H

#include <stdbool.h>

#include "base/error.h"
#include "diff/unit.h"

/* The 4-byte field, filled in by a relocation, that the branch's bytes come from. */
struct ks_fixed_branch {
	uint32_t field;  /* from the start of the atom */
	int64_t addend;  /* of R_X86_64_32S in the field */
	int32_t on, off; /* what the import has to be: the branch is taken, or is not */
};

/*
 * Makes the jump label of @len bytes (2 or 5) at @offset of @data such a
 * branch, which jumps over @distance bytes, and zeroes the field.  Bytes that
 * other fields or branches need are not touched: @free says which are not.
 * False: there is no room for the field, and nothing has changed.
 */
bool ks_fixed_branch_make(uint8_t *data, uint32_t size, uint32_t offset, uint32_t len,
			  int64_t distance, const bool *free, struct ks_fixed_branch *branch);

#endif
