/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a patch changes in the definition of a type: whether new code may take
 * an object of the original type for one of the patched.
 */
#ifndef KS_BUILD_DEFINITION_H
#define KS_BUILD_DEFINITION_H

#include "base/buf.h"
#include "build/build.h"
#include "elf/types.h"

/*
 * KS_LAYOUT_SAME; KS_LAYOUT_COMPATIBLE, where all that was there is in its place
 * and what is new lies where nothing was; or KS_LAYOUT_CHANGED.  But for the
 * first, appends to @what what changes: "24 -> 32 bytes; b moves from 8 to 16
 * (and 2 more)".
 */
enum ks_layout_kind ks_definition_compare(const struct ks_types *pre_types,
					  const struct ks_type *pre,
					  const struct ks_types *post_types,
					  const struct ks_type *post, struct ks_buf *what);

#endif
