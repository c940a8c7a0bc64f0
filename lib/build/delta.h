/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a patched header does to the texts of the units that include it, seen
 * in one of them and carried over to the others: the preprocessor then has to
 * run for few.
 *
 * That is sound for a simple change: one of declarations only, not of lines
 * for the preprocessor; and in a place that is the same for all units, under
 * no conditionals but the header's guard and the configuration's.  Then every
 * unit that includes the header has the change.  It may still look different in
 * another unit, by macros: a unit that does not have the very declarations that
 * go, or which includes a file outside the common headers that defines a word
 * of the new lines as a macro, is left to the preprocessor.
 */
#ifndef KS_BUILD_DELTA_H
#define KS_BUILD_DELTA_H

#include "build/texts.h"

/* Is the change from @old to @new simple?  Appends the words of the new lines. */
bool ks_delta_is_simple(const struct ks_buf *old, const struct ks_buf *new, struct ks_strv *words);

/* Does the text define or undefine one of these words as a macro? */
bool ks_delta_defines(const struct ks_buf *text, const struct ks_strv *words);

struct ks_delta {
	uint64_t headers; /* which of the patched ones the unit includes */
	KS_VEC(uint32_t) minus, plus; /* declarations, as often as they differ */
};

void ks_delta_make(const struct ks_text *pre, const struct ks_text *post, struct ks_delta *delta);
void ks_delta_free(struct ks_delta *delta);
/* False: the text does not have what goes. */
bool ks_delta_apply(const struct ks_delta *delta, const struct ks_text *pre, struct ks_text *post);

#endif
