/* SPDX-License-Identifier: GPL-2.0-only */
/* Which lines two texts have in common: what diff(1) finds, in memory. */
#ifndef KS_BUILD_HUNKS_H
#define KS_BUILD_HUNKS_H

#include "base/buf.h"

struct ks_line {
	const char *text;
	size_t len; /* with the newline, where there is one */
};

struct ks_lines {
	KS_VEC(struct ks_line) list; /* points into the text */
};

void ks_lines_split(const struct ks_buf *text, struct ks_lines *lines);
void ks_lines_free(struct ks_lines *lines);

#define KS_NO_LINE ((size_t)-1)

/*
 * For each line of @new the line of @old that it is, or KS_NO_LINE.  Increasing
 * and without duplicates; the longest such list, unless the texts differ so
 * much that it would take long, when all of the middle counts as changed.
 * The caller frees.
 */
size_t *ks_hunks_align(const struct ks_lines *old, const struct ks_lines *new);

#endif
