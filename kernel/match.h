/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Run-pre matching: is the code of a block what is in memory at an address?
 * And if so, where is everything that it refers to?
 *
 * A trial matches one function at one candidate address, together with the
 * constants that it refers to.  It either holds as a whole, then the symbols
 * it assigned stay, or it fails and leaves nothing behind.
 */
#ifndef KSPLICE_KERNEL_MATCH_H
#define KSPLICE_KERNEL_MATCH_H

#include "table.h"

#define KS_SHOWN_BYTES 16

struct ks_mismatch {
	u32 block;
	u32 offset; /* in the pre bytes */
	u64 addr;   /* in memory */
	u8 expected[KS_SHOWN_BYTES], found[KS_SHOWN_BYTES];
	u8 nr_expected, nr_found;
	const char *what; /* "bytes differ", or the rule that does not hold */
	u32 sym;          /* the symbol concerned, or KST_NONE */
	u64 value;        /* the address that it would have to have */
};

struct ks_match;

/* What the matcher cannot know by itself. */
struct ks_match_ops {
	/*
	 * Copies what is at addr, as if no update were applied; returns how many
	 * of the len bytes could be read, from the first on.
	 */
	size_t (*read)(void *ctx, u64 addr, void *buf, size_t len);
	/* May code of that target stand at [addr, addr + len)? */
	bool (*is_text)(void *ctx, u32 target, u64 addr, u64 len);
	/* Is there a call site of the function tracer? */
	bool (*is_fentry)(void *ctx, u64 addr);
	/* Is it (one of the forms of) __x86_return_thunk? */
	bool (*is_return_thunk)(void *ctx, u64 addr);
	/*
	 * The addresses of symbols of that name in its target, as the kernel's
	 * symbol table has them: *list stays valid for the life of the match.
	 */
	u32 (*candidates)(void *ctx, u32 sym, const u64 **list);
	/* What an empty static call's conditional tail call goes to instead of a return thunk. */
	bool (*is_static_return)(void *ctx, u64 addr);
	/* __static_call_return0, paravirt's function that does nothing */
	bool (*is_return0)(void *ctx, u64 addr);
	bool (*is_paravirt_nop)(void *ctx, u64 addr);
	/*
	 * Where a call to addr gets to: with call depth tracking, calls lead to
	 * code that counts, right in front of the function.
	 */
	u64 (*behind_thunk)(void *ctx, u64 addr);
	/* Is it what takes the place of __x86_indirect_thunk_REG then, for a call or a jump? */
	bool (*is_depth_thunk)(void *ctx, u64 addr, u32 reg, bool call);
	/* For a series: where a function is now that updates may have replaced. */
	u64 (*follow)(void *ctx, u64 addr);
};

/* Where a site of the block that was walked last is in memory. */
struct ks_place {
	u32 start, end; /* offsets in run */
	u32 form;       /* of a KST_S_ALT: 0 for the original, else which replacement */
};

/* Memory of a match; all arrays come from the caller, who knows the sizes. */
struct ks_match {
	const struct kst_view *table;
	const struct ks_match_ops *ops;
	void *ctx;
	u64 text;        /* run address of _text */
	bool series;      /* made for the kernel with the updates that are applied */
	const u8 *absent; /* [nr_targets] not there: what they have is not looked for; or NULL */
	u64 *value;      /* [nr_symbols] */
	u8 *known;       /* [nr_symbols] */
	u8 *queued;      /* [nr_blocks] data blocks that were, or will be, compared */
	u32 *sym_log;    /* [nr_symbols] assigned by the trial that runs */
	u32 *block_log;  /* [nr_blocks] queued by it */
	u32 nr_sym_log, nr_block_log;
	u32 *size;       /* [nr_blocks] bytes in memory, of those that match */
	u8 *run;         /* [max_run] */
	struct ks_place *places; /* [max_sites] */
	struct ks_mismatch miss; /* of the last failed trial */
	u64 bytes, sites; /* compared by trials that held */
};

/* True: it matches, and the symbols are assigned. */
bool ks_match_trial(struct ks_match *m, u32 block, u64 addr);

/* The same, but nothing stays assigned. */
bool ks_match_probe(struct ks_match *m, u32 block, u64 addr);

/* For sites.c: the walk through one block. */
struct ks_walk {
	struct ks_match *m;
	const struct kst_block *b;
	u32 block;
	const struct kst_block *home; /* b, or the function whose alternative's replacement b is */
	const u8 *pre;
	u64 addr;        /* of the block in memory */
	const u8 *run;   /* bytes read from there */
	u32 run_len;
	u32 p, r;        /* where the walk is: offsets in pre and run */
	bool in_alt;     /* within an alternative: nops in any encoding, but fixed lengths */
};

static inline bool ks_match_absent(const struct ks_match *m, u32 sym)
{
	return m->absent && m->absent[m->table->symbols[sym].target];
}

bool ks_walk_fail(struct ks_walk *w, const char *what);
bool ks_walk_fail_symbol(struct ks_walk *w, const char *what, u32 sym, u64 value);
bool ks_match_assign(struct ks_walk *w, u32 sym, u64 value);
/* Takes back what was assigned and queued after the logs had these lengths. */
void ks_match_forget(struct ks_match *m, u32 nr_syms, u32 nr_blocks);
/* Its value: assigned, or the only candidate. */
bool ks_match_value(struct ks_match *m, u32 sym, u64 *value);
/* The candidates that come into question; where the System.map decides, just one. */
u32 ks_match_candidates(struct ks_match *m, u32 sym, const u64 **list);

/* Compares the plain bytes of pre up to offset @to. */
bool ks_walk_bytes(struct ks_walk *w, u32 to);

/* Is this what an endbr becomes where the kernel allows no indirect call any more?  4 bytes. */
bool ks_is_sealed(const u8 *code);

/* Handles the site at w->p; moves on both sides, and fills in *place. */
bool ks_site_match(struct ks_walk *w, u32 site, struct ks_place *place);

/* Does a branch at @run_offset lead to @run_target?  A jump label may also be a nop: true. */
bool ks_site_leads_to(struct ks_walk *w, const struct kst_site *s, u32 run_offset, u32 run_target);

/* Length of the nop at @p (of at most @max bytes), or 0. */
u32 ks_nop_length(const u8 *p, u32 max);
bool ks_all_nops(const u8 *p, u32 len);

#endif
