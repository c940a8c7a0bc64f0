/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Line directives that keep __LINE__ where it was.
 *
 * A patch that adds a line moves everything below it, and WARN(), lockdep,
 * dev_dbg() and friends compile __LINE__ into code: functions that the patch
 * does not touch come out different.  The post side is therefore compiled
 * from a copy with "#line" directives after each hunk.
 */
#ifndef KS_BUILD_LINES_H
#define KS_BUILD_LINES_H

#include "base/buf.h"

/*
 * Appends to @out the text of @new with line directives, such that what comes
 * after the top-level construct that a hunk is in has the numbers that it had
 * in @old.  From a hunk to the end of its construct the numbers are those of
 * @new, so that a WARN in new code names the right line.
 *
 * A directive stands only where it cannot change the meaning: never in a
 * comment, a string, a continued line or an argument list.  Where no such
 * place is found the numbers move as they would without us.
 */
void ks_lines_keep(const struct ks_buf *old, const struct ks_buf *new, struct ks_buf *out);

#endif
