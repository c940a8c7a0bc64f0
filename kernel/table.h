/* SPDX-License-Identifier: GPL-2.0-only */
/* A match table that has been checked. */
#ifndef KSPLICE_KERNEL_TABLE_H
#define KSPLICE_KERNEL_TABLE_H

#include "pure.h"

#define KST_MAX_NAME 512
#define KST_JUMP_SIZE 5 /* what a patch's slot has to hold */

struct kst_view {
	const char *strings;
	const struct kst_target *targets;
	const struct kst_symbol *symbols;
	const struct kst_block *blocks;
	const struct kst_site *sites;
	const struct kst_alt *alts;
	const u8 *code;
	const struct kst_export *exports;
	const struct kst_patch *patches;
	const struct kst_data *data;
	u32 nr_targets, nr_symbols, nr_blocks, nr_sites, nr_alts, nr_exports, nr_patches, nr_data;
	u32 max_run;   /* most bytes that a block may have in memory */
	u32 max_sites; /* of one block */
};

/*
 * Checks every offset, count, index, length and kind of the blob; nothing
 * behind this needs to check again.  Returns 0 or -EINVAL, and then *why says
 * what is wrong.  The view points into the blob.
 */
int kst_open(const void *blob, u32 size, struct kst_view *view, const char **why);

static inline const char *kst_string(const struct kst_view *t, u32 offset)
{
	return t->strings + offset;
}

static inline const char *kst_symbol_name(const struct kst_view *t, u32 sym)
{
	return kst_string(t, t->symbols[sym].name);
}

/* The most bytes a block can have in memory, where all its short jumps are near there. */
static inline u32 kst_longest_run(const struct kst_view *t, const struct kst_block *b)
{
	u32 i, len = b->size;

	if (b->flags & KST_BLOCK_ELASTIC)
		for (i = 0; i < b->nr_sites; i++)
			len += t->sites[b->site + i].len == 2 ? 4 : 0;
	return len;
}

#endif
