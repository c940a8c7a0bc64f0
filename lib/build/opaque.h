/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Does a unit need the members of a type?  A member more in struct
 * request_queue changes the text of every unit that has a pointer to one, but
 * the code only of those that look inside.
 *
 * The compiler is asked: it is given what the screening has reached, with
 * "struct request_queue;" in place of the definition.  Whatever depends on the
 * members, the size or the alignment of a type is an error where it has none.
 * Only declarations are no error, so a text that mentions such a type other
 * than as what a pointer points to needs it; where that is another type, which
 * has it as a member, that one is opaque, too.
 *
 * (gcc takes one thing without an error, asm("" : "+m" (*p)).  It then knows
 * less of what the asm may change, which matters to no code that does not look
 * inside.)
 */
#ifndef KS_BUILD_OPAQUE_H
#define KS_BUILD_OPAQUE_H

#include "build/screen.h"

/*
 * The whole screening of a unit: is it affected?  @source is what @post was
 * made from; @compiles says whether the compiler takes a text.  Frees nothing
 * of @screening, which has the reason afterwards.
 */
bool ks_opaque_screen(struct ks_texts *t, const struct ks_text *pre, const struct ks_text *post,
		      const struct ks_buf *source, bool (*compiles)(void *arg, const char *text),
		      void *arg, struct ks_screening *screening);

#endif
