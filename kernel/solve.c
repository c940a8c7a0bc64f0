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

/* Between two functions: alignment, and what the compiler may put in front of one. */
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

static bool is_neighbour(struct ks_match *m, u32 block, const u8 *state, u32 i)
{
	const struct kst_block *b = &m->table->blocks[i];

	return b->kind == KST_TEXT && b->unit == m->table->blocks[block].unit &&
	       state[i] == KS_BLOCK_MATCHED;
}

/* The most that functions which are still open can take up between two that are not. */
static u64 room(struct ks_match *m, u32 block, const u8 *state, u32 from, u32 to)
{
	u64 bytes = MAX_PADDING;
	u32 i;

	for (i = from + 1; i < to; i++)
		if (m->table->blocks[i].kind == KST_TEXT && state[i] == KS_BLOCK_OPEN &&
		    m->table->blocks[i].unit == m->table->blocks[block].unit)
			bytes += m->table->blocks[i].size + MAX_PADDING;
	return bytes;
}

/* Is the nearest function below @addr one that comes before in the unit, with nothing foreign
 * between? */
static bool fits_behind(struct ks_match *m, u32 block, const u8 *state, u64 addr)
{
	u64 nearest = 0;
	u32 i, below = KST_NONE;

	for (i = 0; i < block; i++) {
		u64 end = m->value[m->table->blocks[i].symbol] + m->size[i];

		if (is_neighbour(m, block, state, i) && end <= addr && end >= nearest) {
			nearest = end;
			below = i;
		}
	}
	return below != KST_NONE && addr - nearest <= room(m, block, state, below, block);
}

static bool fits_before(struct ks_match *m, u32 block, const u8 *state, u64 end)
{
	u64 nearest = ~0ull;
	u32 i, above = KST_NONE;

	for (i = block + 1; i < m->table->nr_blocks; i++) {
		u64 addr = m->value[m->table->blocks[i].symbol];

		if (is_neighbour(m, block, state, i) && addr >= end && addr < nearest) {
			nearest = addr;
			above = i;
		}
	}
	return above != KST_NONE && nearest - end <= room(m, block, state, block, above);
}

/*
 * The only one of the candidates that has @sides neighbours or more.
 *
 * Example: kernel/printk/printk.c, like 14 other units, has a function
 * "cpumask_weight.constprop.0", and its only caller is init code, which is
 * gone.  Kallsyms gives 15 addresses, and no reference tells apart those that
 * fit.  But what a unit has in one section stands side by side in memory, in
 * the order of the object file, which is that of the table.  So the right one
 * stands between two functions that come before and after it in the table, and
 * all that may be in between are functions that are still open.
 */
static bool settle_block(struct ks_match *m, u32 block, u8 *state, int sides)
{
	u32 size = m->table->blocks[block].size, n, i, found = 0;
	const u64 *list;
	u64 addr = 0;

	n = places(m, block, &list);
	for (i = 0; i < n; i++) {
		if (fits_behind(m, block, state, list[i]) +
				    fits_before(m, block, state, list[i] + size) <
			    sides ||
		    !ks_match_probe(m, block, list[i]))
			continue;
		addr = list[i];
		found++;
	}
	if (found != 1 || !ks_match_trial(m, block, addr))
		return false;
	state[block] = KS_BLOCK_MATCHED;
	return true;
}

/* A function at the edge of its unit has one neighbour: only where no other can be settled. */
static bool settle_by_place(struct ks_match *m, u8 *state)
{
	int sides;
	u32 b;

	for (sides = 2; sides; sides--)
		for (b = 0; b < m->table->nr_blocks; b++)
			if (m->table->blocks[b].kind == KST_TEXT && state[b] == KS_BLOCK_OPEN &&
			    settle_block(m, b, state, sides))
				return true;
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
		if (m->known[i] || !(t->symbols[i].flags & KST_SYM_NEEDED) || ks_match_absent(m, i))
			continue;
		if (!ks_match_value(m, i, &m->value[i]))
			return missing(m, i, what);
		m->known[i] = 1;
	}
	for (i = 0; i < t->nr_data; i++)
		if (!ks_match_absent(m, t->data[i].symbol) &&
		    !ks_match_trial(m, t->data[i].block,
				    m->value[t->data[i].symbol] + t->data[i].offset))
			return KS_SOLVE_NO_MATCH;
	for (i = 0; i < t->nr_exports; i++)
		if (!m->known[t->exports[i].symbol] && !ks_match_absent(m, t->exports[i].symbol))
			return missing(m, t->exports[i].symbol, what);
	return KS_SOLVED;
}

enum ks_solve_result ks_solve(struct ks_match *m, u8 *state, u32 *what)
{
	const struct kst_view *t = m->table;
	bool learnt, failed = false;
	u32 b, open;

	for (b = 0; b < t->nr_blocks; b++)
		if (ks_match_absent(m, t->blocks[b].symbol))
			state[b] = KS_BLOCK_SKIPPED;
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
