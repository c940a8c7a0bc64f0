/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Types whose definition a patch changes, by the text of one file.
 *
 * New code lays out a structure as the patched source says, but the objects
 * that exist when the update is applied were allocated, and are shared, as the
 * original has it.  This is the first look, which costs nothing; what it names,
 * the compiler is asked about (layouts.c).
 */
#ifndef KS_BUILD_LAYOUT_H
#define KS_BUILD_LAYOUT_H

#include "base/buf.h"

/*
 * Appends the names of macros, and of typedefs of no struct, that both texts
 * define differently.
 */
void ks_layout_words(const char *pre, const char *post, struct ks_strv *words);

/*
 * Appends "struct NAME" (or union, enum) for each type that both texts define
 * differently, comments and white space aside, or with one of @words, or a macro
 * that is made of one.  An enum that only gets more values at its end is none.
 * @others: patched texts of other files; what goes from @pre may be there.
 */
void ks_layout_compare(const char *pre, const char *post, const char *others,
		       const struct ks_strv *words, struct ks_strv *changed);

#endif
