/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Types whose layout a patch changes.
 *
 * New code lays out a structure as the patched source says, but the objects
 * that exist when the update is applied were allocated, and are shared, as the
 * original has it.  Whether any exist cannot be told from the outside; the
 * author has to know, so we say which types it is about.
 */
#ifndef KS_BUILD_LAYOUT_H
#define KS_BUILD_LAYOUT_H

#include "base/buf.h"

/*
 * Appends "struct NAME" (or union, enum) for each type that both texts define
 * differently, comments and white space aside.  An enum that only gets more
 * values at its end is not one.
 */
void ks_layout_compare(const char *pre, const char *post, struct ks_strv *changed);

#endif
