/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small world for tests of the core's pure files: a match table that is put
 * together by calls, a kernel that is a few pieces of memory and a list of
 * symbols, and the solver run on both.
 */
#ifndef KS_TEST_MATCH_WORLD_H
#define KS_TEST_MATCH_WORLD_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../../kernel/solve.h"

#define WORLD_TEXT 0xffffffff81000000ull
#define WORLD_END (WORLD_TEXT + (1 << 20))

struct world_symbol {
	const char *name;
	u64 addr;
};

struct world {
	/* The table, and how much of each array there is. */
	char strings[4096];
	struct kst_symbol symbols[64];
	struct kst_block blocks[32];
	struct kst_site sites[64];
	struct kst_alt alts[16];
	u8 code[8192];
	struct kst_export exports[8];
	struct kst_patch patches[8];
	struct kst_data data[8];
	u32 nr_strings, nr_symbols, nr_blocks, nr_sites, nr_alts, nr_code, nr_exports, nr_patches, nr_data;
	/* The kernel. */
	u8 *memory; /* WORLD_TEXT .. WORLD_END */
	struct world_symbol kallsyms[64];
	u32 nr_kallsyms;
	u64 found[64][8];
	/* An update that is applied: whether the table is made for it, and what it replaced by what. */
	bool series;
	u64 replaced, replacement;
	u64 fentry, return_thunk, static_return, return0, pv_nop;
	u64 call_thunk, call_thunk_size, depth_call_thunks, depth_jump_thunks;
	/* The result. */
	void *blob;
	u32 blob_size;
	const char *why;
	struct ks_mismatch miss;
	u64 value[64];
	u8 state[32];
	u32 what;
};

/* What the tests put down; everything is an error of the test when it is full. */
static inline u32 world_string(struct world *w, const char *s)
{
	u32 at = w->nr_strings;

	if (!*s)
		return 0;
	memcpy(w->strings + at, s, strlen(s) + 1);
	w->nr_strings += strlen(s) + 1;
	return at;
}

static inline u32 world_symbol_new(struct world *w, const char *name, u32 flags)
{
	struct kst_symbol *s = &w->symbols[w->nr_symbols];

	s->name = world_string(w, name);
	s->flags = flags;
	s->block = KST_NONE;
	s->map_offset = -1;
	return w->nr_symbols++;
}

static inline u32 world_block(struct world *w, u32 sym, u32 kind, u32 flags, const void *code,
			      u32 size)
{
	struct kst_block *b = &w->blocks[w->nr_blocks];

	b->symbol = sym;
	b->kind = kind;
	b->flags = flags;
	b->code = w->nr_code;
	b->size = size;
	b->site = w->nr_sites;
	b->unit = 1; /* "kernel/test.c" */
	memcpy(w->code + w->nr_code, code, size);
	w->nr_code += size;
	if (kind != KST_REPL)
		w->symbols[sym].block = w->nr_blocks;
	return w->nr_blocks++;
}

/* To the block that was added last. */
static inline struct kst_site *world_site(struct world *w, u32 kind, u32 offset, u32 len, u32 form,
					  u32 sym, u32 arg, s64 addend)
{
	struct kst_site *s = &w->sites[w->nr_sites++];

	*s = (struct kst_site){ .offset = offset, .len = len, .kind = kind, .form = form,
				.sym = sym, .arg = arg, .addend = addend };
	w->blocks[w->nr_blocks - 1].nr_sites++;
	return s;
}

static inline void world_kallsym(struct world *w, const char *name, u64 addr)
{
	w->kallsyms[w->nr_kallsyms++] = (struct world_symbol){ name, addr };
}

static inline void world_write(struct world *w, u64 addr, const void *bytes, u32 len)
{
	memcpy(w->memory + (addr - WORLD_TEXT), bytes, len);
}

/* A direct branch in memory: opcode and rel32. */
static inline void world_branch(struct world *w, u64 addr, u8 opcode, u64 target)
{
	s32 rel = target - (addr + 5);
	u8 bytes[5] = { opcode };

	memcpy(bytes + 1, &rel, 4);
	world_write(w, addr, bytes, 5);
}

static inline void world_begin(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->memory = calloc(1, WORLD_END - WORLD_TEXT);
	w->nr_strings = 1;
	world_string(w, "kernel/test.c");
}

static inline void world_end(struct world *w)
{
	free(w->memory);
	free(w->blob);
}

static inline void world_put(struct world *w, struct kst_array *a, const void *data, u32 count,
			     u32 elem)
{
	u32 at = (w->blob_size + 7) & ~7u;

	w->blob = realloc(w->blob, at + count * elem + 8);
	memset((char *)w->blob + w->blob_size, 0, at + count * elem + 8 - w->blob_size);
	if (count)
		memcpy((char *)w->blob + at, data, count * elem);
	a->offset = at;
	a->count = count;
	w->blob_size = at + count * elem;
}

static inline void world_blob(struct world *w)
{
	struct kst_header h = {
		.magic = KST_MAGIC, .version = KST_VERSION, .header_size = sizeof(h)};
	struct kst_target target = { .name = world_string(w, "vmlinux") };

	free(w->blob);
	w->blob = calloc(1, sizeof(h));
	w->blob_size = sizeof(h);
	world_put(w, &h.strings, w->strings, w->nr_strings, 1);
	world_put(w, &h.targets, &target, 1, sizeof(target));
	world_put(w, &h.symbols, w->symbols, w->nr_symbols, sizeof(*w->symbols));
	world_put(w, &h.blocks, w->blocks, w->nr_blocks, sizeof(*w->blocks));
	world_put(w, &h.sites, w->sites, w->nr_sites, sizeof(*w->sites));
	world_put(w, &h.alts, w->alts, w->nr_alts, sizeof(*w->alts));
	world_put(w, &h.code, w->code, w->nr_code, 1);
	world_put(w, &h.exports, w->exports, w->nr_exports, sizeof(*w->exports));
	world_put(w, &h.patches, w->patches, w->nr_patches, sizeof(*w->patches));
	world_put(w, &h.data, w->data, w->nr_data, sizeof(*w->data));
	w->blob_size = (w->blob_size + 7) & ~7u;
	h.size = w->blob_size;
	memcpy(w->blob, &h, sizeof(h));
}

static inline size_t world_read(void *ctx, u64 addr, void *buf, size_t len)
{
	struct world *w = ctx;

	if (addr < WORLD_TEXT || addr >= WORLD_END)
		return 0;
	if (len > WORLD_END - addr)
		len = WORLD_END - addr;
	memcpy(buf, w->memory + (addr - WORLD_TEXT), len);
	return len;
}

static inline bool world_is_text(void *ctx, u32 target, u64 addr, u64 len)
{
	(void)ctx;
	return !target && addr >= WORLD_TEXT && addr < WORLD_END && len <= WORLD_END - addr;
}

static inline bool world_is_fentry(void *ctx, u64 addr)
{
	return addr && addr == ((struct world *)ctx)->fentry;
}

static inline bool world_is_return_thunk(void *ctx, u64 addr)
{
	return addr && addr == ((struct world *)ctx)->return_thunk;
}

static inline bool world_is_static_return(void *ctx, u64 addr)
{
	return addr && addr == ((struct world *)ctx)->static_return;
}

static inline bool world_is_return0(void *ctx, u64 addr)
{
	return addr && addr == ((struct world *)ctx)->return0;
}

static inline bool world_is_pv_nop(void *ctx, u64 addr)
{
	return addr && addr == ((struct world *)ctx)->pv_nop;
}

/* A function that calls reach through a piece of code in front of it, if the world has one. */
static inline u64 world_behind_thunk(void *ctx, u64 addr)
{
	const struct world *w = ctx;

	return addr && addr == w->call_thunk ? addr + w->call_thunk_size : addr;
}

static inline bool world_is_depth_thunk(void *ctx, u64 addr, u32 reg, bool call)
{
	const struct world *w = ctx;

	return addr && addr == (call ? w->depth_call_thunks : w->depth_jump_thunks) + 32 * reg;
}

static inline u64 world_follow(void *ctx, u64 addr)
{
	const struct world *w = ctx;

	return addr && addr == w->replaced ? w->replacement : addr;
}

static inline u32 world_candidates(void *ctx, u32 sym, const u64 **list)
{
	struct world *w = ctx;
	/* The table may be one that a test has damaged: its own strings, not ours. */
	const struct kst_header *h = w->blob;
	const struct kst_symbol *s = (const void *)((const char *)w->blob + h->symbols.offset);
	const char *name = (const char *)w->blob + h->strings.offset + s[sym].name;
	u32 i, n = 0;

	for (i = 0; i < w->nr_kallsyms && n < 8; i++)
		if (!strcmp(w->kallsyms[i].name, name))
			w->found[sym % 64][n++] = w->series ? world_follow(w, w->kallsyms[i].addr) :
							      w->kallsyms[i].addr;
	*list = w->found[sym % 64];
	return n;
}

static const struct ks_match_ops world_ops = {
	.read = world_read,
	.is_text = world_is_text,
	.is_fentry = world_is_fentry,
	.is_return_thunk = world_is_return_thunk,
	.candidates = world_candidates,
	.is_static_return = world_is_static_return,
	.is_return0 = world_is_return0,
	.is_paravirt_nop = world_is_pv_nop,
	.behind_thunk = world_behind_thunk,
	.is_depth_thunk = world_is_depth_thunk,
	.follow = world_follow,
};

/* What a table that kst_open() accepts comes to; allocated exactly, for the sanitizers. */
static inline enum ks_solve_result world_solve_view(struct world *w, const struct kst_view *v)
{
	struct ks_match m = { .table = v, .ops = &world_ops, .ctx = w, .text = WORLD_TEXT,
			      .series = w->series };
	enum ks_solve_result result;
	u8 *state = calloc(v->nr_blocks, 1);

	m.value = calloc(v->nr_symbols, sizeof(*m.value));
	m.known = calloc(v->nr_symbols, 1);
	m.queued = calloc(v->nr_blocks, 1);
	m.sym_log = calloc(v->nr_symbols, sizeof(*m.sym_log));
	m.block_log = calloc(v->nr_blocks, sizeof(*m.block_log));
	m.size = calloc(v->nr_blocks, sizeof(*m.size));
	m.run = malloc(v->max_run);
	m.places = calloc(v->max_sites, sizeof(*m.places));
	result = ks_solve(&m, state, &w->what);
	w->miss = m.miss;
	memcpy(w->value, m.value, (v->nr_symbols < 64 ? v->nr_symbols : 64) * sizeof(*m.value));
	memcpy(w->state, state, v->nr_blocks < 32 ? v->nr_blocks : 32);
	free(state);
	free(m.value);
	free(m.known);
	free(m.queued);
	free(m.sym_log);
	free(m.block_log);
	free(m.size);
	free(m.run);
	free(m.places);
	return result;
}

/* -1: the table is refused, w->why says why. */
static inline int world_solve(struct world *w)
{
	struct kst_view v;

	world_blob(w);
	w->why = NULL;
	if (kst_open(w->blob, w->blob_size, &v, &w->why))
		return -1;
	return world_solve_view(w, &v);
}

#endif
