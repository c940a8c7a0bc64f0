/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a patched header does to the texts of the units that include it, seen
 * in one of them and carried over to the others: the preprocessor then has to
 * run for few.
 * That is sound for a simple change (simple.h).  It may still look different in
 * another unit, by macros: a unit that does not have the very declarations that
 * go is left to the preprocessor.
 */
#ifndef KS_BUILD_DELTA_H
#define KS_BUILD_DELTA_H

#include "build/texts.h"

struct ks_delta {
	uint64_t headers;	      /* which of the patched ones the unit includes */
	KS_VEC(uint32_t) minus, plus; /* declarations, as often as they differ */
};

void ks_delta_make(const struct ks_text *pre, const struct ks_text *post, struct ks_delta *delta);
void ks_delta_free(struct ks_delta *delta);
bool ks_delta_same(const struct ks_delta *a, const struct ks_delta *b);
/* False: the text does not have what goes. */
bool ks_delta_apply(const struct ks_delta *delta, const struct ks_text *pre, struct ks_text *post);

#endif
