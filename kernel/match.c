// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trials of blocks at addresses; see match.h.
 *
 * Theory of operation.  Pre and run are walked in step.  Between sites the
 * bytes must be equal.  At a site, sites.c knows what may be there, and which
 * addresses follow from it.  Those are assigned at once; a contradiction with
 * what is known ends the trial.  An assigned symbol that stands for constant
 * data queues that data: it is compared before the trial may hold.
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

bool ks_match_assign(struct ks_walk *w, u32 sym, u64 value)
{
	struct ks_match *m = w->m;
	const struct kst_symbol *s = &m->table->symbols[sym];
	u32 kind;

	if (m->known[sym]) {
		if (m->value[sym] == value)
			return true;
		return ks_walk_fail_symbol(w, "refers to another address than elsewhere", sym, value);
	}
	if (!may_be(m, sym, value))
		return ks_walk_fail_symbol(w, "refers to an address that does not carry the name", sym, value);
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

/* A run of single-byte nops in pre against any encoding of as many bytes. */
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
		if (w->pre[w->p] == w->run[w->r] && !(w->loose && w->pre[w->p] == 0x90)) {
			w->p++;
			w->r++;
		} else if (!w->loose || !skip_nops(w, to)) {
			return ks_walk_fail(w, "bytes differ");
		}
	}
	return true;
}

/* The offset in run that corresponds to offset @x in pre. */
static u32 map_offset(const struct ks_walk *w, u32 x)
{
	const struct kst_site *sites = w->m->table->sites + w->b->site;
	u32 i, pre_end = 0, run_end = 0;

	for (i = 0; i < w->b->nr_sites; i++) {
		/* An alternative's own entry holds no length; the sites inside it do. */
		if (sites[i].kind == KST_S_ALT && sites[i].offset + sites[i].len > x)
			continue;
		if (sites[i].offset + sites[i].len > x)
			break;
		pre_end = sites[i].offset + sites[i].len;
		run_end = w->m->site_end[i];
	}
	return run_end + (x - pre_end);
}

/* Lengths differ: only now is it known where in run a branch has to lead. */
static bool check_branches(struct ks_walk *w)
{
	const struct kst_site *sites = w->m->table->sites + w->b->site;
	u32 i, alt_end = 0;

	for (i = 0; i < w->b->nr_sites; i++) {
		const struct kst_site *s = &sites[i];

		/* Which form of an alternative is there is not known any more. */
		if (s->kind == KST_S_ALT)
			alt_end = s->offset + s->len;
		if (s->offset < alt_end)
			continue;
		if (s->kind != KST_S_BRANCH && !(s->kind == KST_S_JUMP_LABEL && s->sym == KST_NONE))
			continue;
		if (!ks_site_check_target(w, s, map_offset(w, s->offset), map_offset(w, s->arg)))
			return false;
	}
	return true;
}

static bool match_code(struct ks_walk *w)
{
	u32 i, n = w->b->nr_sites;

	for (i = 0; i < n; i++) {
		const struct kst_site *s = &w->m->table->sites[w->b->site + i];

		/* Sites inside an alternative that has been dealt with. */
		if (s->offset < w->p) {
			w->m->site_end[i] = w->r;
			continue;
		}
		if (!ks_walk_bytes(w, s->offset) || !ks_site_match(w, w->b->site + i))
			return false;
		w->m->site_end[i] = w->r;
	}
	if (!ks_walk_bytes(w, w->b->size))
		return false;
	return !(w->b->flags & KST_BLOCK_ELASTIC) || check_branches(w);
}

static bool match_block(struct ks_match *m, u32 block, u64 addr)
{
	const struct kst_block *b = &m->table->blocks[block];
	struct ks_walk w = {
		.m = m,
		.b = b,
		.block = block,
		.pre = m->table->code + b->code,
		.addr = addr,
		.run = m->run,
	};

	w.run_len = m->ops->read(m->ctx, addr, m->run, b->size);
	if (w.run_len < b->size && !(b->flags & KST_BLOCK_ELASTIC))
		return ks_walk_fail(&w, "memory cannot be read");
	if (!match_code(&w))
		return false;
	m->bytes += b->size;
	return true;
}

static void roll_back(struct ks_match *m)
{
	while (m->nr_sym_log)
		m->known[m->sym_log[--m->nr_sym_log]] = 0;
	while (m->nr_block_log)
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
	u64 bytes = m->bytes;

	if (try(m, block, addr))
		return true;
	m->bytes = bytes;
	roll_back(m);
	return false;
}

bool ks_match_probe(struct ks_match *m, u32 block, u64 addr)
{
	u64 bytes = m->bytes;
	bool ok = try(m, block, addr);

	m->bytes = bytes;
	roll_back(m);
	return ok;
}
