// SPDX-License-Identifier: GPL-2.0-only
/*
 * Solving; see solve.h.
 *
 * Every match adds knowledge: the addresses of what the function refers to.
 * With more knowledge fewer candidates fit, and a candidate that has failed
 * can never fit again.  So a function is settled as soon as exactly one
 * candidate fits, in any order, and the rounds end when one brings nothing.
 * Only what is still open then is settled by its place among its neighbours.
 */
#include "solve.h"

/* Functions are aligned to this at most, counting what the compiler pads in front of them. */
#define MAX_PADDING 32

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

/* How far a trial got before it failed: data is compared after all of its function. */
static u32 progress(const struct ks_mismatch *miss, u32 block)
{
	return miss->block == block ? miss->offset : KST_NONE;
}

/*
 * How many of the candidates fit; *addr is the last one that does.  Where none
 * does, m->miss is the mismatch that came last: that candidate is most likely
 * the one meant.
 */
static u32 fitting(struct ks_match *m, u32 block, const u64 *list, u32 n, u64 *addr)
{
	struct ks_mismatch best;
	bool missed = false;
	u32 i, fits = 0;

	for (i = 0; i < n; i++) {
		if (ks_match_probe(m, block, list[i])) {
			*addr = list[i];
			fits++;
		} else if (!missed || progress(&m->miss, block) > progress(&best, block)) {
			best = m->miss;
			missed = true;
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

static u32 places(struct ks_match *m, u32 block, const u64 **list)
{
	u32 sym = m->table->blocks[block].symbol;

	if (!m->known[sym])
		return ks_match_candidates(m, sym, list);
	*list = &m->value[sym];
	return 1;
}

/* True: something was learnt.  *failed: there is no way to go on. */
static bool try_block(struct ks_match *m, u32 block, u8 *state, bool *failed)
{
	const u64 *list;
	u32 n = places(m, block, &list), fits;
	u64 addr;

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
 * The next matched function of the same unit, in the order of the table, which
 * is that of the object file; *between is the most room that the functions in
 * between can take.
 */
static bool neighbour(struct ks_match *m, u32 block, const u8 *state, int step, u32 *found, u64 *between)
{
	const struct kst_view *t = m->table;
	u32 i;

	*between = MAX_PADDING;
	for (i = block + step; i < t->nr_blocks; i += step) {
		if (t->blocks[i].kind != KST_TEXT || t->blocks[i].unit != t->blocks[block].unit)
			continue;
		if (state[i] == KS_BLOCK_MATCHED) {
			*found = i;
			return true;
		}
		*between += t->blocks[i].size + MAX_PADDING;
	}
	return false;
}

/*
 * Example: two units each have a static function "show" of the same bytes, and
 * only data refers to them.  Kallsyms gives two addresses, both fit, and
 * nothing tells them apart but this: the functions of a unit stand side by
 * side in memory, in the order of the object file.  So the right "show" stands
 * right behind the function before it, or right before the one behind it, with
 * no more in between than the object file has there.  (Not both: the compiler
 * puts unlikely functions elsewhere, but those together.)
 */
static bool fits_in(struct ks_match *m, u32 block, const u8 *state, u64 addr)
{
	const struct kst_view *t = m->table;
	u64 between, end = addr + t->blocks[block].size;
	u32 other;

	if (neighbour(m, block, state, -1, &other, &between)) {
		u64 other_end = m->value[t->blocks[other].symbol] + t->blocks[other].size;

		if (addr >= other_end && addr - other_end <= between)
			return true;
	}
	if (neighbour(m, block, state, 1, &other, &between)) {
		u64 other_addr = m->value[t->blocks[other].symbol];

		if (other_addr >= end && other_addr - end <= between)
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
		n = places(m, b, &list);
		for (i = 0; i < n; i++)
			if (fits_in(m, b, state, list[i]) && ks_match_probe(m, b, list[i])) {
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

static enum ks_solve_result missing(struct ks_match *m, u32 sym, u32 *what)
{
	const u64 *list;

	*what = sym;
	return ks_match_candidates(m, sym, &list) > 1 ? KS_SOLVE_AMBIGUOUS : KS_SOLVE_NOT_FOUND;
}

static enum ks_solve_result settle_needed(struct ks_match *m, u32 *what)
{
	const struct kst_view *t = m->table;
	u32 i;

	for (i = 0; i < t->nr_symbols; i++) {
		if (m->known[i] || !(t->symbols[i].flags & KST_SYM_NEEDED))
			continue;
		if (!ks_match_value(m, i, &m->value[i]))
			return missing(m, i, what);
		m->known[i] = 1;
	}
	for (i = 0; i < t->nr_exports; i++)
		if (!m->known[t->exports[i]])
			return missing(m, t->exports[i], what);
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
	if (open != KST_NONE)
		return missing(m, t->blocks[open].symbol, what);
	return settle_needed(m, what);
}
