// SPDX-License-Identifier: GPL-2.0-only
/*
 * The core's table loader, matcher and solver.
 *
 * An input is 64 bytes of settings and a table.  From a table that the loader
 * accepts, a kernel is made that fits it: every block linked to an address, each
 * site in one of the forms that Linux may have given it (the settings choose).
 * Then up to six bytes of that kernel are changed, and the solver runs.
 *
 * Beside the sanitizers (each piece of memory and each array is allocated for
 * itself, in its exact size), the result is checked by rules of its own: where
 * the solver says that a block matches, all bytes between the sites must be the
 * same, and what simple sites lead to must be the addresses that were found.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../kernel/solve.h"

#define SETTINGS 64
#define EDITS 6
#define TEXT 0xffffffff81000000ull
#define TARGET_SIZE 0x2000000ull
#define LOOSE_SIZE 64u /* of what has no block */
#define MAX_CANDIDATES 16
#define MAX_SYMBOLS 20000u
#define MAX_BYTES (4u << 20)

struct region {
	u64 addr;
	u32 size;
	u8 *bytes;
};

struct world {
	const struct kst_view *t;
	unsigned int seed, first_seed;
	bool plain; /* no choice: every site in its most common form */
	bool stretch; /* the linker has made some short jumps of elastic blocks long */
	u8 *absent; /* by target; NULL: none is */
	u64 *addr;  /* of each symbol */
	KS_VEC(struct region) regions; /* by address */
	u32 *region_of; /* by block; KST_NONE: none */
	u32 *by_name, *rank;   /* symbols in the order of their names, and back */
	KS_VEC(u64 *) lists;
};

static u64 put_region(struct world *w, u64 *next, u32 size)
{
	struct region *r = ks_vec_push(&w->regions);

	r->addr = *next;
	r->size = size;
	r->bytes = calloc(1, size);
	*next = (*next + size + 31) & ~15ull;
	return r->addr;
}

static struct region *region_at(struct world *w, u64 addr)
{
	size_t lo = 0, hi = w->regions.len;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (w->regions.v[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo || addr - w->regions.v[lo - 1].addr >= w->regions.v[lo - 1].size)
		return NULL;
	return &w->regions.v[lo - 1];
}

static size_t op_read(void *ctx, u64 addr, void *buf, size_t len)
{
	struct region *r = region_at(ctx, addr);
	size_t room = r ? r->size - (addr - r->addr) : 0;

	if (len > room)
		len = room;
	if (len)
		memcpy(buf, r->bytes + (addr - r->addr), len);
	return len;
}

static bool op_is_text(void *ctx, u32 target, u64 addr, u64 len)
{
	u64 start = TEXT + target % 64 * TARGET_SIZE;

	(void)ctx;
	return addr >= start && addr - start < TARGET_SIZE && len <= TARGET_SIZE - (addr - start);
}

/* Addresses that stand for something: the kinds are told apart by their last bits. */
static bool op_is_fentry(void *ctx, u64 addr)
{
	(void)ctx;
	return addr % 61;
}

static bool op_is_return_thunk(void *ctx, u64 addr)
{
	(void)ctx;
	return addr == TEXT - 16;
}

static bool op_is_static_return(void *ctx, u64 addr)
{
	(void)ctx;
	return addr == TEXT - 32;
}

static bool op_is_return0(void *ctx, u64 addr)
{
	(void)ctx;
	return addr == TEXT - 48;
}

static bool op_is_paravirt_nop(void *ctx, u64 addr)
{
	(void)ctx;
	return addr == TEXT - 64;
}

static u64 op_behind_thunk(void *ctx, u64 addr)
{
	(void)ctx;
	return addr % 64 == 55 ? addr + 9 : addr;
}

static bool op_is_depth_thunk(void *ctx, u64 addr, u32 reg, bool call)
{
	(void)ctx;
	return addr == TEXT - 4096 + 1024 * call + 32 * reg;
}

static u32 op_candidates(void *ctx, u32 sym, const u64 **list)
{
	struct world *w = ctx;
	const char *name = kst_symbol_name(w->t, sym);
	u32 first = w->rank[sym], n = 0;
	u64 *addrs = w->lists.v[sym];

	if (!addrs) {
		while (first && !strcmp(kst_symbol_name(w->t, w->by_name[first - 1]), name))
			first--;
		addrs = calloc(MAX_CANDIDATES, sizeof(*addrs));
		w->lists.v[sym] = addrs;
		for (; first < w->t->nr_symbols && n + 1 < MAX_CANDIDATES &&
		       !strcmp(kst_symbol_name(w->t, w->by_name[first]), name);
		     first++)
			addrs[n++] = w->addr[w->by_name[first]];
	}
	for (n = 0; n + 1 < MAX_CANDIDATES && addrs[n]; n++)
		;
	*list = addrs;
	return n;
}

static const struct ks_match_ops ops = {
	.read = op_read,
	.is_text = op_is_text,
	.is_fentry = op_is_fentry,
	.is_return_thunk = op_is_return_thunk,
	.candidates = op_candidates,
	.is_static_return = op_is_static_return,
	.is_return0 = op_is_return0,
	.is_paravirt_nop = op_is_paravirt_nop,
	.behind_thunk = op_behind_thunk,
	.is_depth_thunk = op_is_depth_thunk,
};

static const struct kst_view *sorting;

static int by_name(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;
	int order = strcmp(kst_symbol_name(sorting, x), kst_symbol_name(sorting, y));

	return order ? order : x < y ? -1 : x > y;
}

/* Bytes that an object has beyond its block: changed data may lie there. */
static u32 size_of(const struct world *w, u32 sym)
{
	const struct kst_view *t = w->t;
	u32 size = LOOSE_SIZE;

	for (u32 i = 0; i < t->nr_data; i++)
		if (t->data[i].symbol == sym &&
		    t->data[i].offset + t->blocks[t->data[i].block].size > size)
			size = t->data[i].offset + t->blocks[t->data[i].block].size;
	return size;
}

static bool may_stretch(const struct kst_block *b, const struct kst_site *s)
{
	return (b->flags & KST_BLOCK_ELASTIC) &&
	       (s->kind == KST_S_JUMP || s->kind == KST_S_BRANCH || s->kind == KST_S_JUMP_LABEL);
}

/* Bytes of a site in memory: for each the same whenever it is asked. */
static u32 run_len(const struct world *w, const struct kst_block *b, u32 site)
{
	const struct kst_site *s = &w->t->sites[site];
	unsigned int seed = w->first_seed ^ site * 2654435761u;

	if (!w->stretch || b->kind != KST_TEXT || !may_stretch(b, s) || s->len != 2 ||
	    fuzz_random(&seed, 2))
		return s->len;
	return s->form == KST_J_JCC && s->kind != KST_S_JUMP_LABEL ? 6 : 5;
}

/* Where offset @x of the block is in memory; with the end of it, how long it is there. */
static u32 run_offset(const struct world *w, const struct kst_block *b, u32 x)
{
	u32 more = 0, alt_end = 0;

	for (u32 i = 0; w->stretch && i < b->nr_sites; i++) {
		const struct kst_site *s = &w->t->sites[b->site + i];

		if (s->offset + s->len > x)
			break;
		if (s->kind == KST_S_ALT)
			alt_end = s->offset + s->len;
		else if (s->offset >= alt_end)
			more += run_len(w, b, b->site + i) - s->len;
	}
	return x + more;
}

/* An address for every symbol: functions in the order of the table, as a linker has it. */
static void lay_out(struct world *w)
{
	const struct kst_view *t = w->t;

	for (u32 target = 0; target < t->nr_targets && target < 64; target++) {
		u64 next = TEXT + target * TARGET_SIZE;

		for (u32 b = 0; b < t->nr_blocks; b++)
			if (t->blocks[b].kind != KST_REPL &&
			    t->symbols[t->blocks[b].symbol].target == target &&
			    t->symbols[t->blocks[b].symbol].block == b) {
				w->region_of[b] = w->regions.len;
				w->addr[t->blocks[b].symbol] = put_region(
					w, &next, run_offset(w, &t->blocks[b], t->blocks[b].size));
			}
		for (u32 s = 0; s < t->nr_symbols; s++)
			if (t->symbols[s].target == target && !w->addr[s])
				w->addr[s] = put_region(w, &next, size_of(w, s));
	}
}

static bool choose(struct world *w, u32 of)
{
	return !w->plain && !fuzz_random(&w->seed, of);
}

static void put_branch(u8 *p, u32 len, u32 form, u32 cond, u64 place, u64 target)
{
	u32 size = len == 2 ? 2 : 5 + (form == KST_J_JCC);
	s32 rel = (s32)(target - place - size);

	if (len < size)
		return;
	if (size == 2) {
		p[0] = form == KST_J_JCC ? 0x70 + cond : 0xeb;
		p[1] = (u8)rel;
		return;
	}
	if (form == KST_J_JCC) {
		*p++ = 0x0f;
		*p++ = 0x80 + cond;
	} else {
		*p++ = form == KST_J_CALL ? 0xe8 : 0xe9;
	}
	memcpy(p, &rel, 4);
}

/* The word in memory at @addr, where there is any. */
static void poke(struct world *w, u64 addr, u64 value)
{
	struct region *r = region_at(w, addr);

	if (r && r->size - (addr - r->addr) >= 8)
		memcpy(r->bytes + (addr - r->addr), &value, 8);
}

static void link_rel(struct world *w, const struct kst_site *s, u8 *p, u64 place)
{
	u64 v = w->addr[s->sym] + s->addend;

	if (s->form == KST_R_PC32 || s->form == KST_R_PC64)
		v -= place + s->arg;
	memcpy(p, &v, s->len);
}

static void link_thunk(struct world *w, const struct kst_site *s, u8 *p, u64 place)
{
	u32 reg = s->arg & 15, n = 0;

	memset(p, 0x90, s->len);
	if (s->form == KST_J_JCC || !choose(w, 3)) {
		if (s->arg & 16)
			p[n++] = 0x2e;
		put_branch(p + n, s->len - n, s->form, s->arg >> 8, place + n, w->addr[s->sym]);
		return;
	}
	if (reg >= 8)
		p[n++] = 0x41;
	p[n++] = 0xff;
	p[n++] = (s->form == KST_J_CALL ? 0xd0 : 0xe0) + (reg & 7);
	if (s->form == KST_J_JMP && n < s->len)
		p[n] = 0xcc;
}

static void link_static_call(struct world *w, const struct kst_site *s, u8 *p, u64 place)
{
	u32 cond = s->len == 6 ? p[1] & 15 : 0;
	u64 func = choose(w, 4) ? 0 : TEXT + 16 * fuzz_random(&w->seed, 64);

	if (!choose(w, 2)) {
		put_branch(p, s->len, s->form, cond, place, w->addr[s->arg]);
		return;
	}
	poke(w, w->addr[s->sym], func);
	if (func)
		put_branch(p, s->len, s->form, cond, place, func);
	else if (s->form == KST_J_CALL)
		memcpy(p, "\x0f\x1f\x44\0\0", 5);
	else if (s->form == KST_J_JMP)
		memcpy(p, "\xc3\xcc\xcc\xcc\xcc", 5);
}

static void link_paravirt(struct world *w, const struct kst_site *s, u8 *p, u64 place)
{
	u64 func = choose(w, 3) ? TEXT - 64 : TEXT + 0x1000;

	poke(w, w->addr[s->sym] + s->addend, func);
	memset(p, 0x90, s->len);
	if (func == TEXT + 0x1000)
		put_branch(p, 5, s->form, 0, place, func);
}

static void link_block(struct world *w, u32 block, u8 *run, u64 addr);

static void link_alternative(struct world *w, const struct kst_site *s, u8 *p, u64 place)
{
	u32 which = choose(w, 2) ? 1 + fuzz_random(&w->seed, s->form) : 0, block;
	u8 *copy;

	if (!which)
		return;
	memset(p, 0x90, s->len);
	block = w->t->alts[s->arg + which - 1].block;
	if (block == KST_NONE)
		return;
	copy = malloc(w->t->blocks[block].size);
	link_block(w, block, copy, place);
	memcpy(p, copy, w->t->blocks[block].size);
	free(copy);
}

/* @len: bytes in memory; @home: where a branch within the block leads to. */
static void link_site(struct world *w, const struct kst_site *s, u8 *p, u64 place, u32 len, u64 home)
{
	u32 cond = s->kind == KST_S_JUMP ? s->arg : s->len == 6 ? p[1] & 15 : p[0] & 15;

	switch (s->kind) {
	case KST_S_REL:
		link_rel(w, s, p, place);
		break;
	case KST_S_JUMP:
		put_branch(p, len, s->form, cond, place, w->addr[s->sym] + s->addend);
		break;
	case KST_S_BRANCH:
		put_branch(p, len, s->form, cond, place, home);
		break;
	case KST_S_FENTRY:
		memcpy(p, choose(w, 3) ? "\xe8\1\2\3\4" : "\x0f\x1f\x44\0\0", 5);
		break;
	case KST_S_RETURN:
		memcpy(p, "\xc3\xcc\xcc\xcc\xcc", 5);
		if (choose(w, 3))
			put_branch(p, 5, KST_J_JMP, 0, place, TEXT - 16);
		break;
	case KST_S_THUNK:
		link_thunk(w, s, p, place);
		break;
	case KST_S_PARAVIRT:
		link_paravirt(w, s, p, place);
		break;
	case KST_S_LOCK:
		*p = choose(w, 2) ? 0x3e : 0xf0;
		break;
	case KST_S_JUMP_LABEL:
		memcpy(p, len == 2 ? "\x66\x90" : "\x0f\x1f\x44\0\0", len);
		if (choose(w, 2))
			put_branch(p, len, KST_J_JMP, 0, place,
				   s->sym == KST_NONE ? home : w->addr[s->sym] + s->addend);
		break;
	case KST_S_STATIC_CALL:
		link_static_call(w, s, p, place);
		break;
	case KST_S_ENDBR:
		memcpy(p, choose(w, 3) ? "\x66\x0f\x1f\0" : "\xf3\x0f\x1e\xfa", 4);
		break;
	case KST_S_NOPS:
		memset(p, 0x90, s->len);
		break;
	case KST_S_CONST:
		if (op_read(w, w->addr[s->sym], p, s->len) != s->len)
			memset(p, 0, s->len);
		break;
	}
}

/* The bytes between the sites, each where it has to be. */
static void copy_plain(struct world *w, const struct kst_block *b, u8 *run)
{
	const u8 *pre = w->t->code + b->code;
	u32 p = 0;

	for (u32 i = 0; i < b->nr_sites; i++) {
		const struct kst_site *s = &w->t->sites[b->site + i];

		if (s->offset + s->len <= p)
			continue; /* in an alternative */
		memcpy(run + run_offset(w, b, p), pre + p, s->offset + s->len - p);
		p = s->offset + s->len;
	}
	memcpy(run + run_offset(w, b, p), pre + p, b->size - p);
}

/* Alternatives last: they take the place of the original form, whose sites come behind them. */
static void link_block(struct world *w, u32 block, u8 *run, u64 addr)
{
	const struct kst_view *t = w->t;
	const struct kst_block *b = &t->blocks[block];
	u32 alt_end = 0;

	copy_plain(w, b, run);
	for (u32 i = 0; i < b->nr_sites; i++) {
		const struct kst_site *s = &t->sites[b->site + i];
		u32 at = run_offset(w, b, s->offset);
		u32 len = s->offset < alt_end ? s->len : run_len(w, b, b->site + i);

		if (s->kind == KST_S_ALT)
			alt_end = s->offset + s->len;
		else
			link_site(w, s, run + at, addr + at, len, addr + run_offset(w, b, s->arg));
	}
	for (u32 i = 0; i < b->nr_sites; i++) {
		const struct kst_site *s = &t->sites[b->site + i];
		u32 at = run_offset(w, b, s->offset);

		if (s->kind == KST_S_ALT)
			link_alternative(w, s, run + at, addr + at);
	}
}

static void link_data(struct world *w)
{
	const struct kst_view *t = w->t;

	for (u32 i = 0; i < t->nr_data; i++) {
		const struct kst_data *d = &t->data[i];
		u64 addr = w->addr[d->symbol] + d->offset;
		struct region *r = region_at(w, addr);

		if (r && r->size - (addr - r->addr) >= t->blocks[d->block].size)
			link_block(w, d->block, r->bytes + (addr - r->addr), addr);
	}
}

/* Each edit is eight bytes: which block, where in it, and with what it is combined. */
static void edit(struct world *w, const u8 *settings)
{
	for (u32 i = 0; i < EDITS; i++) {
		u32 block, at;
		u8 with = settings[16 + 8 * i];
		struct region *r;

		memcpy(&block, settings + 16 + 8 * i + 1, 3);
		memcpy(&at, settings + 16 + 8 * i + 4, 4);
		block &= 0xffffff;
		if (!with || !w->regions.len)
			continue;
		r = &w->regions.v[block % w->regions.len];
		r->bytes[at % r->size] ^= with;
	}
}

static void world_create(struct world *w, const struct kst_view *t, const u8 *settings)
{
	u32 n = t->nr_symbols;

	memset(w, 0, sizeof(*w));
	w->t = t;
	memcpy(&w->seed, settings, sizeof(w->seed));
	w->first_seed = w->seed;
	w->plain = !w->seed;
	w->stretch = settings[6] & 1;
	if (settings[4] & 1) {
		w->absent = calloc(t->nr_targets, 1);
		for (u32 i = 1; i < t->nr_targets; i++)
			w->absent[i] = settings[5] >> i % 8 & 1;
	}
	w->addr = calloc(n + 1, sizeof(*w->addr));
	w->region_of = malloc((t->nr_blocks + 1) * sizeof(*w->region_of));
	memset(w->region_of, 0xff, (t->nr_blocks + 1) * sizeof(*w->region_of));
	w->by_name = calloc(n + 1, sizeof(*w->by_name));
	w->rank = calloc(n + 1, sizeof(*w->rank));
	w->lists.v = calloc(n + 1, sizeof(*w->lists.v));
	w->lists.len = n;
	for (u32 i = 0; i < n; i++)
		w->by_name[i] = i;
	sorting = t;
	qsort(w->by_name, n, sizeof(*w->by_name), by_name);
	for (u32 i = 0; i < n; i++)
		w->rank[w->by_name[i]] = i;
	lay_out(w);
	for (u32 b = 0; b < t->nr_blocks; b++)
		if (w->region_of[b] != KST_NONE) {
			struct region *r = &w->regions.v[w->region_of[b]];

			link_block(w, b, r->bytes, r->addr);
		}
	link_data(w);
	edit(w, settings);
}

static void world_destroy(struct world *w)
{
	ks_vec_for(&w->regions, r)
		free(r->bytes);
	ks_vec_free(&w->regions);
	for (u32 i = 0; i < w->lists.len; i++)
		free(w->lists.v[i]);
	free(w->lists.v);
	free(w->absent);
	free(w->addr);
	free(w->region_of);
	free(w->by_name);
	free(w->rank);
}

/* How long the branch or nop at @p is, of a site that may stretch. */
static u32 stretched(const u8 *p, u32 room)
{
	if (room >= 2 && (p[0] == 0xeb || (p[0] & 0xf0) == 0x70 || (p[0] == 0x66 && p[1] == 0x90)))
		return 2;
	if (room >= 6 && p[0] == 0x0f && (p[1] & 0xf0) == 0x80)
		return 6;
	return 5;
}

/* What a plain field or a jump of the block, which is at @addr, says. */
static void check_site(const struct ks_match *m, const struct kst_site *s, const u8 *p, u32 room,
		       u64 place)
{
	u64 v = 0;
	s32 rel;

	if (s->kind == KST_S_REL) {
		fuzz_check(room >= s->len);
		memcpy(&v, p, s->len);
		if (s->len == 4 && s->form != KST_R_ABS32)
			v = (u64)(s64)(s32)v;
		if (s->form == KST_R_PC32 || s->form == KST_R_PC64)
			v += place + s->arg;
	} else if (s->kind == KST_S_JUMP && s->form != KST_J_JCC && room >= 5 &&
		   (*p == 0xe8 || *p == 0xe9)) {
		memcpy(&rel, p + 1, 4);
		v = place + 5 + (s64)rel;
	} else {
		return;
	}
	fuzz_check(m->known[s->sym] && m->value[s->sym] == v - s->addend);
}

/* The bytes of a block that is said to match, by rules that are not those of match.c. */
static void check_block(struct world *w, const struct ks_match *m, u32 block, u64 addr)
{
	const struct kst_view *t = w->t;
	const struct kst_block *b = &t->blocks[block];
	struct region *r = region_at(w, addr);
	u32 p = 0, q, end;

	fuzz_check(r);
	q = addr - r->addr;
	for (u32 i = 0; i <= b->nr_sites; i++) {
		const struct kst_site *s = i < b->nr_sites ? &t->sites[b->site + i] : NULL;

		if (s && s->offset < p)
			continue; /* in an alternative */
		end = s ? s->offset : b->size;
		fuzz_check(r->size - q >= end - p);
		fuzz_check(!memcmp(t->code + b->code + p, r->bytes + q, end - p));
		q += end - p;
		p = end;
		if (!s)
			break;
		check_site(m, s, r->bytes + q, r->size - q, r->addr + q);
		q += may_stretch(b, s) ? stretched(r->bytes + q, r->size - q) : s->len;
		p += s->len;
		fuzz_check(q <= r->size);
	}
	fuzz_check(q - (addr - r->addr) == m->size[block]);
}

static void check_result(struct world *w, const struct ks_match *m, const u8 *state)
{
	const struct kst_view *t = w->t;

	for (u32 i = 0; i < t->nr_symbols; i++)
		fuzz_check(m->known[i] || !(t->symbols[i].flags & KST_SYM_NEEDED) ||
			   ks_match_absent(m, i));
	for (u32 i = 0; i < t->nr_exports; i++)
		fuzz_check(m->known[t->exports[i].symbol] ||
			   ks_match_absent(m, t->exports[i].symbol));
	for (u32 b = 0; b < t->nr_blocks; b++) {
		u32 sym = t->blocks[b].symbol;

		if (t->blocks[b].kind == KST_TEXT)
			fuzz_check(state[b] != KS_BLOCK_OPEN);
		if (t->blocks[b].kind == KST_TEXT ? state[b] == KS_BLOCK_MATCHED : m->queued[b]) {
			fuzz_check(m->known[sym]);
			check_block(w, m, b, m->value[sym]);
		}
	}
	for (u32 i = 0; i < t->nr_patches; i++)
		fuzz_check(state[t->patches[i].block] == KS_BLOCK_MATCHED ||
			   ks_match_absent(m, t->blocks[t->patches[i].block].symbol));
}

static void show(const struct world *w, const struct ks_match *m, int result, u32 what)
{
	const struct kst_block *b;

	fprintf(stderr, "%s: %u blocks, %u symbols, %u sites\n",
	       result == KS_SOLVED ? "solved" : result == KS_SOLVE_NO_MATCH ? "no match" : "open",
	       w->t->nr_blocks, w->t->nr_symbols, w->t->nr_sites);
	if (result == KS_SOLVE_NO_MATCH && m->miss.what && m->miss.block < w->t->nr_blocks) {
		b = &w->t->blocks[m->miss.block];
		fprintf(stderr, "  %s+0x%x: %s\n", kst_symbol_name(w->t, b->symbol), m->miss.offset, m->miss.what);
	} else if (result != KS_SOLVED && what < w->t->nr_symbols) {
		fprintf(stderr, "  %s\n", kst_symbol_name(w->t, what));
	}
}

static void solve(struct world *w)
{
	const struct kst_view *t = w->t;
	struct ks_match m = { .table = t, .ops = &ops, .ctx = w, .text = TEXT,
			      .absent = w->absent };
	u8 *state = calloc(t->nr_blocks, 1);
	enum ks_solve_result result;
	u32 what = KST_NONE;

	m.value = calloc(t->nr_symbols, sizeof(*m.value));
	m.known = calloc(t->nr_symbols, 1);
	m.queued = calloc(t->nr_blocks, 1);
	m.sym_log = calloc(t->nr_symbols, sizeof(*m.sym_log));
	m.block_log = calloc(t->nr_blocks, sizeof(*m.block_log));
	m.size = calloc(t->nr_blocks, sizeof(*m.size));
	m.run = malloc(t->max_run);
	m.places = calloc(t->max_sites, sizeof(*m.places));
	result = ks_solve(&m, state, &what);
	if (result == KS_SOLVED)
		check_result(w, &m, state);
	if (getenv("FUZZ_SHOW"))
		show(w, &m, result, what);
	free(state);
	free(m.value);
	free(m.known);
	free(m.queued);
	free(m.sym_log);
	free(m.block_log);
	free(m.size);
	free(m.run);
	free(m.places);
}

/* A kernel for it would be larger than is good for a fuzzer. */
static bool too_large(const struct kst_view *t)
{
	u64 bytes = (u64)t->nr_symbols * LOOSE_SIZE;

	for (u32 i = 0; i < t->nr_blocks && bytes <= MAX_BYTES; i++)
		bytes += t->blocks[i].size + (u64)t->blocks[i].nr_sites * 24;
	for (u32 i = 0; i < t->nr_data && bytes <= MAX_BYTES; i++)
		bytes += t->data[i].offset;
	return bytes > MAX_BYTES || t->nr_symbols > MAX_SYMBOLS ||
	       (u64)t->nr_data * t->nr_symbols > MAX_BYTES;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kst_view view;
	const char *why = NULL;
	struct world w;
	void *blob;

	if (size < SETTINGS)
		return 0;
	blob = malloc(size - SETTINGS);
	memcpy(blob, data + SETTINGS, size - SETTINGS);
	if (kst_open(blob, size - SETTINGS, &view, &why)) {
		fuzz_check(why && *why);
		if (getenv("FUZZ_SHOW"))
			fprintf(stderr, "refused: %s\n", why);
	} else if (!too_large(&view)) {
		world_create(&w, &view, data);
		solve(&w);
		world_destroy(&w);
	}
	free(blob);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	uint32_t n = 1 + fuzz_random(&seed, 3);

	if (size < SETTINGS)
		return LLVMFuzzerMutate(data, size, max);
	/* Settings, the table, or anything. */
	switch (fuzz_random(&seed, 16)) {
	case 0:
		return LLVMFuzzerMutate(data, size, max);
	case 1:
	case 2:
	case 3:
		LLVMFuzzerMutate(data, 7, 7);
		return size;
	case 4:
	case 5:
	case 6:
		LLVMFuzzerMutate(data + 16 + 8 * fuzz_random(&seed, EDITS), 8, 8);
		return size;
	}
	while (n--)
		fuzz_mutate_table(data + SETTINGS, size - SETTINGS, &seed);
	return size;
}
