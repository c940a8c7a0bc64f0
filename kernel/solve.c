// SPDX-License-Identifier: GPL-2.0-only
/*
 * Solving; see solve.h.
 *
 * Every match adds knowledge: the addresses of what the function refers to.
 * With more knowledge fewer candidates fit, and a candidate that has failed
 * can never fit again.  So a function is settled as soon as exactly one
 * candidate fits, in any order, and the rounds end when one brings nothing.
 */
#include "solve.h"

static bool is_patched(const struct kst_view *t, u32 block)
{
	u32 i;

	for (i = 0; i < t->nr_patches; i++)
		if (t->patches[i].block == block)
			return true;
	return t->blocks[block].flags & KST_BLOCK_PATCHED_PART;
}

static bool may_skip(const struct kst_view *t, u32 block)
{
	return (t->blocks[block].flags & KST_BLOCK_WEAK) && !is_patched(t, block);
}

/* Keeps the mismatch that got furthest: that candidate is most likely the one meant. */
static void keep_best(struct ks_match *m, struct ks_mismatch *best, bool *have)
{
	if (!*have || (m->miss.block == best->block && m->miss.offset > best->offset))
		*best = m->miss;
	*have = true;
}

/* How many of the candidates fit; the last one that does. */
static u32 fitting(struct ks_match *m, u32 block, const u64 *list, u32 n, u64 *addr)
{
	struct ks_mismatch best;
	u32 i, fits = 0;
	bool missed = false;

	for (i = 0; i < n; i++) {
		if (ks_match_probe(m, block, list[i])) {
			*addr = list[i];
			fits++;
		} else {
			keep_best(m, &best, &missed);
		}
	}
	if (!fits && missed)
		m->miss = best;
	return fits;
}

static void no_candidate(struct ks_match *m, u32 block)
{
	memset(&m->miss, 0, sizeof(m->miss));
	m->miss.block = block;
	m->miss.sym = m->table->blocks[block].symbol;
	m->miss.what = "the running kernel has no symbol of that name";
}

/* True: something was learnt.  *failed: there is no way to go on. */
static bool try_block(struct ks_match *m, u32 block, u8 *state, bool *failed)
{
	u32 sym = m->table->blocks[block].symbol, n = 1, fits;
	const u64 *list = &m->value[sym];
	u64 addr;

	if (!m->known[sym])
		n = ks_match_candidates(m, sym, &list);
	if (!n)
		no_candidate(m, block);
	fits = fitting(m, block, list, n, &addr);
	if (!fits) {
		*failed = !may_skip(m->table, block);
		if (!*failed)
			state[block] = KS_BLOCK_SKIPPED;
		return true;
	}
	if (fits > 1 || !ks_match_trial(m, block, addr))
		return false;
	state[block] = KS_BLOCK_MATCHED;
	return true;
}

/*
 * Functions of one unit stand one after another in the kernel's text, in the
 * order of the blocks, with less than a cache line of padding between.  So
 * does a candidate fit right behind an earlier function of its unit, or right
 * before a later one?  (An equal function of the next unit, as the copies of
 * a header's inline function are, may stand close, but in the wrong order.)
 */
#define MAX_PADDING 64

static bool close_behind(u64 end, u64 start)
{
	/* Elastic blocks are a few bytes shorter in memory. */
	return start + 16 >= end && start < end + MAX_PADDING;
}

static bool beside_unit(struct ks_match *m, u32 block, const u8 *state, u64 addr)
{
	const struct kst_view *t = m->table;
	const struct kst_block *b = &t->blocks[block];
	u32 i;

	for (i = 0; i < t->nr_blocks; i++) {
		const struct kst_block *other = &t->blocks[i];
		u64 at = m->value[other->symbol];

		if (state[i] != KS_BLOCK_MATCHED || other->unit != b->unit)
			continue;
		if (i < block ? close_behind(at + other->size, addr) : close_behind(addr + b->size, at))
			return true;
	}
	return false;
}

static bool settle_by_place(struct ks_match *m, u8 *state)
{
	const struct kst_view *t = m->table;
	u32 b, i;

	for (b = 0; b < t->nr_blocks; b++) {
		u32 n, found = 0;
		const u64 *list;
		u64 addr = 0;

		if (t->blocks[b].kind != KST_TEXT || state[b] != KS_BLOCK_OPEN)
			continue;
		n = ks_match_candidates(m, t->blocks[b].symbol, &list);
		for (i = 0; i < n; i++)
			if (ks_match_probe(m, b, list[i]) && beside_unit(m, b, state, list[i])) {
				addr = list[i];
				found++;
			}
		if (found == 1 && ks_match_trial(m, b, addr)) {
			state[b] = KS_BLOCK_MATCHED;
			return true;
		}
	}
	return false;
}

static enum ks_solve_result settle_needed(struct ks_match *m, u32 *what)
{
	const struct kst_view *t = m->table;
	u32 i;

	for (i = 0; i < t->nr_symbols; i++) {
		bool exported = t->symbols[i].flags & KST_SYM_NEEDED;

		if (m->known[i] || !exported)
			continue;
		if (!ks_match_value(m, i, &m->value[i])) {
			*what = i;
			return KS_SOLVE_NOT_FOUND;
		}
		m->known[i] = 1;
	}
	for (i = 0; i < t->nr_exports; i++)
		if (!m->known[t->exports[i]]) {
			*what = t->exports[i];
			return KS_SOLVE_NOT_FOUND;
		}
	return KS_SOLVED;
}

enum ks_solve_result ks_solve(struct ks_match *m, u8 *state, u32 *what)
{
	const struct kst_view *t = m->table;
	bool learnt, failed = false;
	u32 b, open;

	do {
		learnt = false;
		open = KST_NONE;
		for (b = 0; b < t->nr_blocks; b++) {
			if (t->blocks[b].kind != KST_TEXT || state[b] != KS_BLOCK_OPEN)
				continue;
			if (try_block(m, b, state, &failed))
				learnt = true;
			else
				open = b;
			if (failed)
				return KS_SOLVE_NO_MATCH;
		}
		if (!learnt && open != KST_NONE)
			learnt = settle_by_place(m, state);
	} while (learnt);
	if (open != KST_NONE) {
		*what = t->blocks[open].symbol;
		return KS_SOLVE_NOT_FOUND;
	}
	return settle_needed(m, what);
}
