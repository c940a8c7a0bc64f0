/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Screening: can the code of a unit depend on a change in what it includes?
 *
 * The unit's preprocessed text before and after the change is taken apart into
 * the declarations at its top level.  Macros are gone by then, so what the
 * compiler reads is there and nothing else.  The unit is unaffected if the two
 * texts are the same, or if
 *
 *   - the declarations that both have are in the same order, pragmas included;
 *   - those that only one has are inert: prototypes, externs, types, and
 *     functions of which nothing is emitted where they are not used; and
 *   - none of these is reached from the others by name.
 *
 * The last point is a walk: from everything that is not inert (functions and
 * variables that are emitted, top-level asm) to all declarations, in either
 * text, of each name that occurs there, and so on.  All that the compiler
 * emits comes from what the walk reaches: in C nothing is used without its
 * name, and whatever gives an expression its type was declared by name.
 * (Members need no names of their own here, for an object of a type leads to
 * the type.)  Library functions that the compiler calls on its own (memcpy)
 * count as named.
 *
 * Names are not told apart by scope, and a local variable counts as a use of
 * a function of that name.  So the answer may be "affected" where nothing
 * changes, and the compiler is asked; never the other way round.
 */
#ifndef KS_BUILD_SCREEN_H
#define KS_BUILD_SCREEN_H

#include "build/texts.h"

/* Is the unit affected?  *why (may be NULL): the name or reason, for a note; the caller frees. */
bool ks_screen(struct ks_texts *t, const struct ks_text *pre, const struct ks_text *post,
	       char **why);

#endif
