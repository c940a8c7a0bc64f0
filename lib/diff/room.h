/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Room behind a constant.
 *
 * A table that gets longer cannot move, for the kernel holds pointers to it.
 * But the compiler aligns what follows it, and often leaves enough padding:
 * a table of operations of 48 bytes before one that is aligned to 32 can have
 * 16 more.  An object with a section for each variable does not show that; the
 * same source compiled as the kernel was does, for the linker keeps the inner
 * layout of an object's section.
 */
#ifndef KS_DIFF_ROOM_H
#define KS_DIFF_ROOM_H

#include "diff/diff.h"

/*
 * Makes each constant of @growing (from an earlier diff of the same objects)
 * as long as it has to be in @pre, with zero bytes, where @plain proves that
 * this is padding.  @plain is the source of @pre compiled without
 * -fdata-sections.  @pre has not been compared yet.  Returns how many it made
 * longer.  The match compares the padding as part of the object.
 */
size_t ks_room_make(struct ks_unit *pre, const struct ks_unit *plain, const struct ks_growths *growing);

#endif
