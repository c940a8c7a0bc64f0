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
 * the type.  But what a member points to is reached only where the member's
 * name occurs, for only so can an expression get there.)  Library functions that the compiler calls on its own (memcpy)
 * count as named.
 *
 * Where all that is reached are definitions of structs and unions, the unit
 * may still do without their members: see opaque.h.
 *
 * Names are not told apart by scope, and a local variable counts as a use of
 * a function of that name.  So the answer may be "affected" where nothing
 * changes, and the compiler is asked; never the other way round.
 */
#ifndef KS_BUILD_SCREEN_H
#define KS_BUILD_SCREEN_H

#include "build/texts.h"

enum ks_verdict {
	KS_UNAFFECTED,
	KS_AFFECTED,
	KS_UNLESS_OPAQUE, /* affected if it needs to know the members of some types */
};

struct ks_screening {
	/*
	 * Definitions of structs and unions at which the walk stops, as if
	 * they had no members.  Those that differ are added to what is there.
	 */
	KS_VEC(uint32_t) opaque;
	bool *reached; /* by declaration, opaque ones not; NULL with KS_UNAFFECTED */
	char *why;     /* a name or reason, for a note */
};

enum ks_verdict ks_screen(struct ks_texts *t, const struct ks_text *pre, const struct ks_text *post,
			  struct ks_screening *s);
void ks_screening_free(struct ks_screening *s);

#endif
