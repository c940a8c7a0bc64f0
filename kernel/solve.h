/* SPDX-License-Identifier: GPL-2.0-only */
/* Finding the one address of every function and symbol of a table. */
#ifndef KSPLICE_KERNEL_SOLVE_H
#define KSPLICE_KERNEL_SOLVE_H

#include "match.h"

enum ks_block_state {
	KS_BLOCK_OPEN = 0,
	KS_BLOCK_MATCHED,
	KS_BLOCK_SKIPPED, /* weak, and another object overrides it; or its target is not there */
};

enum ks_solve_result {
	KS_SOLVED,
	KS_SOLVE_NO_MATCH,  /* m->miss tells where */
	KS_SOLVE_NOT_FOUND, /* *what: a symbol that no place in memory is known for */
	KS_SOLVE_AMBIGUOUS, /* *what: a symbol that several places fit */
};

/*
 * Tries all functions until nothing changes.  @state has an element per
 * block, KS_BLOCK_OPEN at the start.  On success every function is matched
 * (or skipped), and every exported and needed symbol has its value.
 */
enum ks_solve_result ks_solve(struct ks_match *m, u8 *state, u32 *what);

#endif
