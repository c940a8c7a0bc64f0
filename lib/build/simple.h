/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Changes of headers that look the same in all units: what they do to the text
 * of one can be carried over to others (delta.h).
 *
 * A change is simple if what comes and goes are declarations, macros, and
 * conditionals of the configuration's options; and that in a place that is the
 * same for all units, under no other conditionals than the header's guard and
 * the configuration's.  Then every unit that includes the header has the change.
 *
 * It may still look different in another unit, by macros, and that is for the
 * caller to see to:
 *
 *   - a unit that includes a file outside the common headers which defines a
 *     word of the new lines as a macro reads those lines otherwise;
 *   - a unit that expands or asks for a macro that comes, goes or changes is
 *     changed there, too.  The preprocessor tells which ones it uses (-dU): all
 *     that it expands, also where the name is pasted together, and all that are
 *     tested with "defined", whether they are or not.  It does not tell of a name
 *     that is no macro, so one that comes must not occur in what the unit reads.
 */
#ifndef KS_BUILD_SIMPLE_H
#define KS_BUILD_SIMPLE_H

#include "base/buf.h"

struct ks_change_words {
	struct ks_strv words;  /* all words of the new lines */
	struct ks_strv macros; /* that come, go or change */
	struct ks_strv added;  /* of these, those that come, or become another kind of macro */
};

/* Is the change from @old to @new simple?  Adds to *words. */
bool ks_simple_change(const struct ks_buf *old, const struct ks_buf *new,
		      struct ks_change_words *words);
void ks_change_words_free(struct ks_change_words *words);

/* Does the text define or undefine one of these words as a macro? */
bool ks_text_defines(const struct ks_buf *text, const struct ks_strv *words);
/* Does one of them occur in it, be it in a comment? */
bool ks_text_mentions(const struct ks_buf *text, const struct ks_strv *words);

#endif
