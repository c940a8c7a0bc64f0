// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trials of blocks at addresses; see match.h.
 *
 * Theory of operation.  Pre and run are walked in step.  Between sites the
 * bytes must be equal.  At a site, sites.c knows what may be there, and which
 * addresses follow from it.  Those are assigned at once; a contradiction with
 * what is known ends the trial.  An assigned symbol that stands for constant
 * data queues that data: it is compared before the trial may hold.
 *
 * In an elastic block, a jump may have another length in memory than in pre:
 * the linker or the assembler has relaxed it.  What follows is shifted then, so
 * the walk notes where every site is, and a second pass checks that each
 * internal branch leads to the place that corresponds to its target in pre.
 */
#include "match.h"

bool ks_walk_fail_symbol(struct ks_walk *w, const char *what, u32 sym, u64 value)
{
	struct ks_mismatch *miss = &w->m->miss;
	u32 n;

	miss->block = w->block;
	miss->offset = w->p;
	miss->addr = w->addr + w->r;
	miss->what = what;
	miss->sym = sym;
	miss->value = value;
	n = w->b->size - w->p;
	miss->nr_expected = n < KS_SHOWN_BYTES ? n : KS_SHOWN_BYTES;
	memcpy(miss->expected, w->pre + w->p, miss->nr_expected);
	n = w->r < w->run_len ? w->run_len - w->r : 0;
	miss->nr_found = n < KS_SHOWN_BYTES ? n : KS_SHOWN_BYTES;
	memcpy(miss->found, w->run + w->r, miss->nr_found);
	return false;
}

bool ks_walk_fail(struct ks_walk *w, const char *what)
{
	return ks_walk_fail_symbol(w, what, KST_NONE, 0);
}

u32 ks_match_candidates(struct ks_match *m, u32 sym, const u64 **list)
{
	const struct kst_symbol *s = &m->table->symbols[sym];
	u32 i, n;

	if (!*kst_symbol_name(m->table, sym))
		return 0;
	n = m->ops->candidates(m->ctx, sym, list);
	if (n <= 1 || s->map_offset == -1)
		return n;
	for (i = 0; i < n; i++)
		if ((*list)[i] - m->text == (u64)s->map_offset) {
			*list += i;
			return 1;
		}
	return n;
}

bool ks_match_value(struct ks_match *m, u32 sym, u64 *value)
{
	const u64 *list;

	if (m->known[sym])
		*value = m->value[sym];
	else if (ks_match_candidates(m, sym, &list) == 1)
		*value = list[0];
	else
		return false;
	return true;
}

static bool may_be(struct ks_match *m, u32 sym, u64 addr)
{
	const struct kst_symbol *s = &m->table->symbols[sym];
	const u64 *list;
	u32 i, n;

	if (!*kst_symbol_name(m->table, sym) || (s->flags & (KST_SYM_UNNAMED | KST_SYM_ABSOLUTE)))
		return true;
	n = m->ops->candidates(m->ctx, sym, &list);
	for (i = 0; i < n; i++)
		if (list[i] == addr)
			return true;
	return false;
}

/*
 * New code of an earlier update may have a copy of a constant of its own:
 * where a constant has no name, its content is all that it is.
 */
static bool is_copy(struct ks_match *m, u32 sym, u64 addr)
{
	const struct kst_symbol *s = &m->table->symbols[sym];
	const struct kst_block *b;
	u8 buf[64];
	u32 at, n;

	if (!m->series || s->block == KST_NONE || *kst_symbol_name(m->table, sym))
		return false;
	b = &m->table->blocks[s->block];
	if ((b->kind != KST_STRING && b->kind != KST_RODATA) || b->nr_sites)
		return false;
	for (at = 0; at < b->size; at += n) {
		n = b->size - at < sizeof(buf) ? b->size - at : sizeof(buf);
		if (m->ops->read(m->ctx, addr + at, buf, n) != n ||
		    memcmp(buf, m->table->code + b->code + at, n))
			return false;
	}
	return true;
}

bool ks_match_assign(struct ks_walk *w, u32 sym, u64 value)
{
	struct ks_match *m = w->m;
	const struct kst_symbol *s = &m->table->symbols[sym];
	u32 kind;

	if (m->series)
		value = m->ops->follow(m->ctx, value);
	if (m->known[sym]) {
		if (m->value[sym] == value || is_copy(m, sym, value))
			return true;
		return ks_walk_fail_symbol(w, "refers to another address than elsewhere", sym,
					   value);
	}
	if (!may_be(m, sym, value))
		return ks_walk_fail_symbol(w, "refers to an address that does not carry the name",
					   sym, value);
	m->known[sym] = 1;
	m->value[sym] = value;
	m->sym_log[m->nr_sym_log++] = sym;
	if (s->block == KST_NONE || m->queued[s->block])
		return true;
	kind = m->table->blocks[s->block].kind;
	if (kind == KST_RODATA || kind == KST_STRING) {
		m->queued[s->block] = 1;
		m->block_log[m->nr_block_log++] = s->block;
	}
	return true;
}

u32 ks_nop_length(const u8 *p, u32 max)
{
	u32 prefix = 0, len, i;

	while (prefix < max && prefix < 10 && (p[prefix] == 0x66 || p[prefix] == 0x2e))
		prefix++;
	if (prefix < max && p[prefix] == 0x90)
		return prefix + 1;
	if (max - prefix < 3 || p[prefix] != 0x0f || p[prefix + 1] != 0x1f)
		return 0;
	switch (p[prefix + 2]) {
	case 0x00:
		len = 3;
		break;
	case 0x40:
		len = 4;
		break;
	case 0x44:
		len = 5;
		break;
	case 0x80:
		len = 7;
		break;
	case 0x84:
		len = 8;
		break;
	default:
		return 0;
	}
	if (len > max - prefix)
		return 0;
	for (i = 3; i < len; i++)
		if (p[prefix + i])
			return 0;
	return prefix + len;
}

bool ks_all_nops(const u8 *p, u32 len)
{
	while (len) {
		u32 n = ks_nop_length(p, len);

		if (!n)
			return false;
		p += n;
		len -= n;
	}
	return true;
}

/* A run of single-byte nops in pre, which the kernel replaces by longer ones, against as many
 * bytes. */
static bool skip_nops(struct ks_walk *w, u32 to)
{
	u32 n = 0;

	while (w->p + n < to && w->pre[w->p + n] == 0x90)
		n++;
	if (!n || n > w->run_len - w->r || !ks_all_nops(w->run + w->r, n))
		return false;
	w->p += n;
	w->r += n;
	return true;
}

bool ks_walk_bytes(struct ks_walk *w, u32 to)
{
	while (w->p < to) {
		if (w->r >= w->run_len)
			return ks_walk_fail(w, "memory ends");
		if (w->pre[w->p] == w->run[w->r] && !(w->in_alt && w->pre[w->p] == 0x90)) {
			w->p++;
			w->r++;
		} else if (!w->in_alt || !skip_nops(w, to)) {
			return ks_walk_fail(w, "bytes differ");
		}
	}
	return true;
}

/* The last site that starts at or before offset @x of pre, or nr_sites. */
static u32 site_before(const struct ks_walk *w, u32 x)
{
	const struct kst_site *sites = w->m->table->sites + w->b->site;
	u32 lo = 0, hi = w->b->nr_sites;

	while (lo < hi) {
		u32 mid = lo + (hi - lo) / 2;

		if (sites[mid].offset <= x)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? lo - 1 : w->b->nr_sites;
}

/* The offset in run that corresponds to offset @x in pre; false inside an instruction. */
static bool map_offset(const struct ks_walk *w, u32 x, u32 *run_offset)
{
	u32 i = site_before(w, x);
	const struct kst_site *s = &w->m->table->sites[w->b->site + i];
	const struct ks_place *place = &w->m->places[i];

	if (i == w->b->nr_sites)
		*run_offset = x;
	else if (x >= s->offset + s->len)
		*run_offset = place->end + (x - s->offset - s->len);
	else if (x == s->offset || s->kind == KST_S_ALT)
		*run_offset = place->start + (x - s->offset);
	else
		return false;
	return true;
}

static bool check_branch(struct ks_walk *w, const struct kst_site *s, u32 run_offset, s64 target)
{
	u32 run_target;

	if (target < 0 || target > w->b->size || !map_offset(w, target, &run_target)) {
		w->p = s->offset;
		w->r = run_offset;
		return ks_walk_fail(w, "a branch leads into an instruction");
	}
	return ks_site_leads_to(w, s, run_offset, run_target);
}

/* The jumps of the replacement that stands at an alternative, back into the function. */
static bool check_replacement(struct ks_walk *w, const struct kst_site *alt,
			      const struct ks_place *place)
{
	const struct kst_view *t = w->m->table;
	u32 repl = t->alts[alt->arg + place->form - 1].block, i;
	struct ks_walk v = *w;

	if (repl == KST_NONE)
		return true;
	v.b = &t->blocks[repl];
	v.block = repl;
	v.pre = t->code + v.b->code;
	for (i = 0; i < v.b->nr_sites; i++) {
		const struct kst_site *s = &t->sites[v.b->site + i];
		u32 run_target;

		if (s->kind != KST_S_JUMP || s->sym != w->b->symbol)
			continue;
		if (s->addend < 0 || s->addend > w->b->size ||
		    !map_offset(w, s->addend, &run_target))
			return ks_walk_fail(w, "a replacement's jump leads into an instruction");
		if (!ks_site_leads_to(&v, s, place->start + s->offset, run_target))
			return false;
	}
	return true;
}

/* On a walk of its own: that of match_code() stays where the block ends. */
static bool check_branches(const struct ks_walk *walked)
{
	struct ks_walk copy = *walked, *w = &copy;
	const struct kst_site *sites = w->m->table->sites + w->b->site;
	u32 i, replaced_end = 0;

	for (i = 0; i < w->b->nr_sites; i++) {
		const struct kst_site *s = &sites[i];
		const struct ks_place *place = &w->m->places[i];

		if (s->offset < replaced_end)
			continue;
		if (s->kind == KST_S_ALT && place->form) {
			replaced_end = s->offset + s->len;
			if (!check_replacement(w, s, place))
				return false;
		}
		if (s->kind != KST_S_BRANCH && !(s->kind == KST_S_JUMP_LABEL && s->sym == KST_NONE))
			continue;
		if (!check_branch(w, s, place->start, s->arg))
			return false;
	}
	return true;
}

static bool match_code(struct ks_walk *w)
{
	const struct kst_site *sites = w->m->table->sites + w->b->site;
	u32 i, alt = 0;

	for (i = 0; i < w->b->nr_sites; i++) {
		const struct kst_site *s = &sites[i];
		struct ks_place *place = &w->m->places[i];

		/* Inside an alternative, which was dealt with as a whole and has a fixed length. */
		if (s->offset < w->p) {
			place->start = w->m->places[alt].start + (s->offset - sites[alt].offset);
			place->end = place->start + s->len;
			continue;
		}
		alt = i;
		if (!ks_walk_bytes(w, s->offset) || !ks_site_match(w, w->b->site + i, place))
			return false;
	}
	if (!ks_walk_bytes(w, w->b->size))
		return false;
	return !(w->b->flags & KST_BLOCK_ELASTIC) || check_branches(w);
}

static bool match_block(struct ks_match *m, u32 block, u64 addr)
{
	const struct kst_block *b = &m->table->blocks[block];
	u32 target = m->table->symbols[b->symbol].target;
	struct ks_walk w = {
		.m = m,
		.b = b,
		.home = b,
		.block = block,
		.pre = m->table->code + b->code,
		.addr = addr,
		.run = m->run,
	};

	if (b->kind == KST_TEXT && !m->ops->is_text(m->ctx, target, addr, 1))
		return ks_walk_fail(&w, "not in the code of its target");
	w.run_len = m->ops->read(m->ctx, addr, m->run, kst_longest_run(m->table, b));
	if (w.run_len < b->size && !(b->flags & KST_BLOCK_ELASTIC))
		return ks_walk_fail(&w, "memory cannot be read");
	if (!match_code(&w))
		return false;
	if (b->kind == KST_TEXT && !m->ops->is_text(m->ctx, target, addr, w.r))
		return ks_walk_fail(&w, "it does not end in the code of its target");
	m->size[block] = w.r;
	m->bytes += w.r;
	m->sites += b->nr_sites;
	return true;
}

void ks_match_forget(struct ks_match *m, u32 nr_syms, u32 nr_blocks)
{
	while (m->nr_sym_log > nr_syms)
		m->known[m->sym_log[--m->nr_sym_log]] = 0;
	while (m->nr_block_log > nr_blocks)
		m->queued[m->block_log[--m->nr_block_log]] = 0;
}

static bool try(struct ks_match *m, u32 block, u64 addr)
{
	u32 sym = m->table->blocks[block].symbol, next = 0;

	m->nr_sym_log = 0;
	m->nr_block_log = 0;
	if (!m->known[sym]) {
		m->known[sym] = 1;
		m->value[sym] = addr;
		m->sym_log[m->nr_sym_log++] = sym;
	}
	if (!match_block(m, block, addr))
		return false;
	/* Data refers to data: the queue grows while it is worked off. */
	for (; next < m->nr_block_log; next++) {
		u32 data = m->block_log[next];

		if (!match_block(m, data, m->value[m->table->blocks[data].symbol]))
			return false;
	}
	return true;
}

bool ks_match_trial(struct ks_match *m, u32 block, u64 addr)
{
	u64 bytes = m->bytes, sites = m->sites;

	if (try(m, block, addr))
		return true;
	m->bytes = bytes;
	m->sites = sites;
	ks_match_forget(m, 0, 0);
	return false;
}

bool ks_match_probe(struct ks_match *m, u32 block, u64 addr)
{
	u64 bytes = m->bytes, sites = m->sites;
	bool ok = try(m, block, addr);

	m->bytes = bytes;
	m->sites = sites;
	ks_match_forget(m, 0, 0);
	return ok;
}
