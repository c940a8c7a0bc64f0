// SPDX-License-Identifier: GPL-2.0-only
/*
 * The core's matcher in user space: every kind of site, what it accepts and
 * what it must not, and solving among equal candidates.  Memory is an array
 * at BASE; symbols 0..9 are named a..j.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../kernel/solve.h"

#define BASE 0xffffffff81000000ull
#define MEMORY 4096
#define FUNC (BASE + 256)   /* where the block under test is */
#define TARGET (BASE + 1024) /* the address of symbol b */

static int number, failed;
static u8 memory[MEMORY];
static u64 lists[10][4];
static u32 counts[10];
static bool fentry_owned, return0, pv_nop;

static void verdict(bool ok, const char *name)
{
	printf("%s %d - match: %s\n", ok ? "ok" : "not ok", ++number, name);
	failed |= !ok;
}

static size_t op_read(void *ctx, u64 addr, void *buf, size_t len)
{
	(void)ctx;
	if (addr < BASE || addr >= BASE + MEMORY)
		return 0;
	if (len > BASE + MEMORY - addr)
		len = BASE + MEMORY - addr;
	memcpy(buf, memory + (addr - BASE), len);
	return len;
}

static bool op_fentry(void *ctx, u64 addr)
{
	(void)ctx;
	(void)addr;
	return fentry_owned;
}

static bool op_return_thunk(void *ctx, u64 addr)
{
	(void)ctx;
	return addr == TARGET;
}

static u32 op_candidates(void *ctx, u32 sym, const u64 **list)
{
	(void)ctx;
	*list = lists[sym];
	return counts[sym];
}

static bool op_return0(void *ctx, u64 addr)
{
	(void)ctx;
	return return0 && addr == TARGET;
}

static bool op_pv_nop(void *ctx, u64 addr)
{
	(void)ctx;
	return pv_nop && addr == TARGET;
}

static bool op_text(void *ctx, u32 target, u64 addr, u64 len)
{
	(void)ctx;
	(void)target;
	return addr >= BASE && len <= MEMORY && addr + len <= BASE + MEMORY;
}

static bool op_none(void *ctx, u64 addr)
{
	(void)ctx;
	(void)addr;
	return false;
}

static u64 op_behind_thunk(void *ctx, u64 addr)
{
	(void)ctx;
	return addr;
}

static bool op_depth_thunk(void *ctx, u64 addr, u32 reg, bool call)
{
	(void)ctx;
	(void)addr;
	(void)reg;
	(void)call;
	return false;
}

static const struct ks_match_ops ops = {
	.read = op_read,
	.is_text = op_text,
	.is_fentry = op_fentry,
	.is_return_thunk = op_return_thunk,
	.candidates = op_candidates,
	.is_static_return = op_none,
	.is_return0 = op_return0,
	.is_paravirt_nop = op_pv_nop,
	.behind_thunk = op_behind_thunk,
	.is_depth_thunk = op_depth_thunk,
};

static const char names[] = "\0a\0b\0c\0d\0e\0f\0g\0h\0i\0j";
static struct kst_symbol symbols[10];
static struct kst_block blocks[4];
static struct kst_site sites[16];
static struct kst_alt alts[2];
static u8 code[512];
static struct kst_view view;
static struct ks_match m;
static u64 value[10];
static u8 known[10], queued[4], run_buf[512], state[4];
static u32 sym_log[10], block_log[4], size[4];
static struct ks_place places[16];

/* One block "a" of @len bytes with sites to be added. */
static void setup(const void *pre, u32 len, u32 flags)
{
	memset(memory, 0xcc, sizeof(memory));
	memset(symbols, 0, sizeof(symbols));
	memset(blocks, 0, sizeof(blocks));
	memset(sites, 0, sizeof(sites));
	memset(known, 0, sizeof(known));
	memset(queued, 0, sizeof(queued));
	memset(state, 0, sizeof(state));
	memset(counts, 0, sizeof(counts));
	fentry_owned = return0 = pv_nop = false;
	for (u32 i = 0; i < 10; i++) {
		symbols[i].name = 1 + 2 * i;
		symbols[i].block = KST_NONE;
		symbols[i].map_offset = -1;
		counts[i] = 1;
		lists[i][0] = BASE + 2048 + 64 * i;
	}
	lists[0][0] = FUNC;
	lists[1][0] = TARGET;
	symbols[0].block = 0;
	memcpy(code, pre, len);
	blocks[0] = (struct kst_block){ .symbol = 0, .kind = KST_TEXT, .flags = flags, .size = len };
	view = (struct kst_view){ .strings = names, .symbols = symbols, .blocks = blocks, .sites = sites,
				  .alts = alts, .code = code, .nr_symbols = 10, .nr_blocks = 1,
				  .max_run = 512, .max_sites = 16 };
	m = (struct ks_match){ .table = &view, .ops = &ops, .value = value, .known = known,
			       .queued = queued, .sym_log = sym_log, .block_log = block_log,
			       .size = size, .run = run_buf, .places = places };
}

static struct kst_site *site(u32 offset, u32 len, u32 kind, u32 form, u32 sym)
{
	struct kst_site *s = &sites[blocks[0].nr_sites++];

	*s = (struct kst_site){ .offset = offset, .len = len, .kind = kind, .form = form, .sym = sym };
	view.nr_sites = blocks[0].nr_sites;
	return s;
}

static void put(u64 addr, const void *bytes, u32 len)
{
	memcpy(memory + (addr - BASE), bytes, len);
}

static void put_rel(u64 addr, u64 end, u64 target)
{
	s32 rel = target - end;

	put(addr, &rel, 4);
}

static bool matches(void)
{
	memset(known, 0, sizeof(known));
	memset(queued, 0, sizeof(queued));
	return ks_match_trial(&m, 0, FUNC);
}

#define RUN(...) put(FUNC, (const u8[]){ __VA_ARGS__ }, sizeof((const u8[]){ __VA_ARGS__ }))
#define SETUP(flags, ...) setup((const u8[]){ __VA_ARGS__ }, sizeof((const u8[]){ __VA_ARGS__ }), flags)

static void test_bytes(void)
{
	SETUP(0, 1, 2, 3, 4, 5);
	RUN(1, 2, 3, 4, 5);
	verdict(matches(), "equal bytes");
	RUN(1, 2, 9, 4, 5);
	verdict(!matches() && m.miss.offset == 2 && m.miss.addr == FUNC + 2 && m.miss.expected[0] == 3 &&
			m.miss.found[0] == 9,
		"a byte that differs is told with its place");
	verdict(!known[0], "a failed trial leaves nothing assigned");
	verdict(!ks_match_trial(&m, 0, BASE - 64), "unreadable memory");
	verdict(!ks_match_trial(&m, 0, BASE + MEMORY - 3), "memory that ends too early");
}

static void test_rel(void)
{
	/* mov 0x10(%rip),%eax style: field at 2, ends the instruction */
	SETUP(0, 0x8b, 0x05, 0, 0, 0, 0, 0x90);
	site(2, 4, KST_S_REL, KST_R_PC32, 1)->arg = 4;
	sites[0].addend = 16;
	RUN(0x8b, 0x05, 0, 0, 0, 0, 0x90);
	put_rel(FUNC + 2, FUNC + 6, TARGET + 16);
	verdict(matches() && value[1] == TARGET, "a PC-relative field gives its symbol's address");
	put_rel(FUNC + 2, FUNC + 6, TARGET + 17);
	verdict(!matches(), "an address that does not carry the name");
	symbols[1].flags = KST_SYM_UNNAMED;
	verdict(matches() && value[1] == TARGET + 1, "a symbol without a name may be anywhere");

	SETUP(0, 0, 0, 0, 0, 0, 0, 0, 0);
	site(0, 4, KST_S_REL, KST_R_ABS32S, 1);
	site(4, 4, KST_S_REL, KST_R_ABS32S, 1);
	put_rel(FUNC, 0, TARGET);
	put_rel(FUNC + 4, 0, TARGET);
	verdict(matches(), "two fields that agree");
	symbols[1].flags = KST_SYM_UNNAMED;
	put_rel(FUNC + 4, 0, TARGET + 4);
	verdict(!matches(), "two fields that contradict each other");
}

static void test_jumps(void)
{
	SETUP(0, 0xe8, 0, 0, 0, 0);
	site(0, 5, KST_S_JUMP, KST_J_CALL, 1);
	RUN(0xe8);
	put_rel(FUNC + 1, FUNC + 5, TARGET);
	verdict(matches() && value[1] == TARGET, "a call");
	RUN(0xe9);
	verdict(!matches(), "a jump is no call");
	SETUP(0, 0xe9, 0, 0, 0, 0);
	site(0, 5, KST_S_JUMP, KST_J_JMP, 1);
	RUN(0xeb, 0x10, 0, 0, 0);
	verdict(!matches(), "a short jump in a block of fixed length");

	/* jne b; jmp +1; nop: the first is short in memory, and the rest moves up */
	SETUP(KST_BLOCK_ELASTIC, 0x0f, 0x85, 0, 0, 0, 0, 0xeb, 0x01, 0x55, 0x5d);
	site(0, 6, KST_S_JUMP, KST_J_JCC, 1)->arg = 5;
	site(6, 2, KST_S_BRANCH, KST_J_JMP, KST_NONE)->arg = 9;
	lists[1][0] = FUNC + 2 + 0x20;
	RUN(0x75, 0x20, 0xeb, 0x01, 0x55, 0x5d);
	verdict(matches() && value[1] == FUNC + 0x22, "a jump that is shorter in memory");
	verdict(size[0] == 6, "the function's end is behind what follows its last jump");
	RUN(0x75, 0x20, 0xeb, 0x00, 0x55, 0x5d);
	verdict(!matches(), "an internal branch to another place");
	RUN(0x74, 0x20, 0xeb, 0x01, 0x55, 0x5d);
	verdict(!matches(), "another condition");
}

static void test_fentry_return(void)
{
	SETUP(0, 0xe8, 0, 0, 0, 0);
	site(0, 5, KST_S_FENTRY, 0, 1);
	RUN(0x0f, 0x1f, 0x44, 0x00, 0x00);
	verdict(matches(), "fentry as a nop");
	RUN(0xe8, 1, 2, 3, 4);
	verdict(!matches(), "a call that the tracer does not own");
	fentry_owned = true;
	verdict(matches(), "a call that the tracer owns");

	SETUP(0, 0xe9, 0, 0, 0, 0);
	site(0, 5, KST_S_RETURN, 0, 1);
	RUN(0xc3, 0xcc, 0xcc, 0xcc, 0xcc);
	verdict(matches(), "a plain return");
	RUN(0xe9);
	put_rel(FUNC + 1, FUNC + 5, TARGET);
	verdict(matches(), "a return thunk");
	put_rel(FUNC + 1, FUNC + 5, TARGET + 1);
	verdict(!matches(), "a jump to somewhere else is no return");
	RUN(0xc3, 0xcc, 0xcc, 0x90, 0xcc);
	verdict(!matches(), "other padding behind a return");
}

static void test_thunk(void)
{
	SETUP(0, 0xe8, 0, 0, 0, 0);
	site(0, 5, KST_S_THUNK, KST_J_CALL, 1)->arg = 9;
	RUN(0xe8);
	put_rel(FUNC + 1, FUNC + 5, TARGET);
	verdict(matches(), "the thunk itself");
	RUN(0x41, 0xff, 0xd1, 0x66, 0x90);
	verdict(matches(), "an indirect call through the register");
	RUN(0x41, 0xff, 0xd2, 0x66, 0x90);
	verdict(!matches(), "another register");
	RUN(0x0f, 0xae, 0xe8, 0x41, 0xff);
	verdict(!matches(), "lfence leaves no room for an extended register");
	RUN(0xe8);
	put_rel(FUNC + 1, FUNC + 5, TARGET + 512);
	verdict(!matches(), "a call of something else");
	put(TARGET + 512, (const u8[]){ 0x41, 0xff, 0xe1, 0xcc }, 4);
	verdict(matches(), "a trampoline that jumps through the register");

	SETUP(0, 0xe9, 0, 0, 0, 0);
	site(0, 5, KST_S_THUNK, KST_J_JMP, 1)->arg = 0;
	RUN(0xff, 0xe0, 0xcc, 0x66, 0x90);
	verdict(matches(), "an indirect jump with int3 behind it");
	RUN(0x0f, 0xae, 0xe8, 0xff, 0xe0);
	verdict(matches(), "lfence and an indirect jump");
	RUN(0xff, 0xd0, 0xcc, 0x66, 0x90);
	verdict(!matches(), "an indirect call is no jump");
}

static void test_alternative(void)
{
	/* Original: push, nop nop nop.  Replacement: lfence. */
	SETUP(0, 0x55, 0x90, 0x90, 0x90, 0x5d);
	memcpy(code + 100, (const u8[]){ 0x0f, 0xae, 0xe8 }, 3);
	blocks[1] = (struct kst_block){ .symbol = 2, .kind = KST_REPL, .code = 100, .size = 3 };
	view.nr_blocks = 2;
	alts[0].block = 1;
	view.nr_alts = 1;
	site(0, 4, KST_S_ALT, 1, KST_NONE);
	RUN(0x55, 0x90, 0x90, 0x90, 0x5d);
	verdict(matches(), "an alternative in its original form");
	RUN(0x55, 0x0f, 0x1f, 0x00, 0x5d);
	verdict(matches(), "with its nops optimized");
	RUN(0x0f, 0xae, 0xe8, 0x90, 0x5d);
	verdict(matches(), "replaced");
	RUN(0x0f, 0xae, 0xe8, 0xcc, 0x5d);
	verdict(!matches(), "replaced, with something else behind it");
	RUN(0x56, 0x90, 0x90, 0x90, 0x5d);
	verdict(!matches(), "neither");
	alts[0].block = KST_NONE;
	RUN(0x0f, 0x1f, 0x40, 0x00, 0x5d);
	verdict(matches(), "an empty replacement is nops");
}

static void test_paravirt(void)
{
	u64 func = TARGET;

	SETUP(0, 0xff, 0x15, 0, 0, 0, 0);
	site(0, 6, KST_S_PARAVIRT, KST_J_CALL, 2)->addend = 8;
	put(lists[2][0] + 8, &func, 8);
	RUN(0xe8, 0, 0, 0, 0, 0x90);
	put_rel(FUNC + 1, FUNC + 5, TARGET);
	verdict(matches(), "a direct call of what pv_ops holds");
	put_rel(FUNC + 1, FUNC + 5, TARGET + 16);
	verdict(!matches(), "a call of something else than pv_ops holds");
	RUN(0xff, 0x15);
	put_rel(FUNC + 2, FUNC + 6, lists[2][0] + 8);
	verdict(matches(), "the call through pv_ops itself");
	RUN(0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00);
	verdict(!matches(), "nops where pv_ops has a function");
	pv_nop = true;
	verdict(matches(), "nops where pv_ops does nothing");
}

static void test_labels(void)
{
	SETUP(0, 0x0f, 0x1f, 0x44, 0x00, 0x00, 0x55);
	site(0, 5, KST_S_JUMP_LABEL, 0, KST_NONE)->arg = 5;
	RUN(0x0f, 0x1f, 0x44, 0x00, 0x00, 0x55);
	verdict(matches(), "a jump label that is off");
	RUN(0xe9, 0, 0, 0, 0, 0x55);
	verdict(matches(), "a jump label that is on");
	RUN(0xe9, 1, 0, 0, 0, 0x55);
	verdict(!matches(), "a jump label to another place");
	RUN(0xeb, 3, 0, 0, 0, 0x55);
	verdict(!matches(), "a jump label of another length");

	SETUP(0, 0xf0, 0xff, 0x00);
	site(0, 1, KST_S_LOCK, 0, KST_NONE);
	RUN(0xf0, 0xff, 0x00);
	verdict(matches(), "a lock prefix");
	RUN(0x3e, 0xff, 0x00);
	verdict(matches(), "a lock prefix on a single CPU");
	RUN(0x2e, 0xff, 0x00);
	verdict(!matches(), "another prefix");

	SETUP(0, 0xf3, 0x0f, 0x1e, 0xfa);
	site(0, 4, KST_S_ENDBR, 0, KST_NONE);
	RUN(0xf3, 0x0f, 0x1e, 0xfa);
	verdict(matches(), "endbr64");
	RUN(0xf3, 0x0f, 0x1e, 0xfb);
	verdict(!matches(), "endbr32 is another instruction");

	SETUP(0, 0x90, 0x90, 0x90);
	site(0, 3, KST_S_NOPS, 0, KST_NONE);
	RUN(0x0f, 0x1f, 0x00);
	verdict(matches(), "nops in any encoding");
	RUN(0x0f, 0x1f, 0x01);
	verdict(!matches(), "no nop of the kernel");
}

static void test_static_call(void)
{
	u64 func = TARGET;

	SETUP(0, 0xe8, 0, 0, 0, 0);
	site(0, 5, KST_S_STATIC_CALL, KST_J_CALL, 2)->arg = 3;
	put(lists[2][0], &func, 8);
	RUN(0xe8);
	put_rel(FUNC + 1, FUNC + 5, TARGET);
	verdict(matches(), "a static call of what its key holds");
	put_rel(FUNC + 1, FUNC + 5, lists[3][0]);
	verdict(matches(), "a static call of its trampoline");
	put_rel(FUNC + 1, FUNC + 5, TARGET + 16);
	verdict(!matches(), "a static call of something else");
	RUN(0x2e, 0x2e, 0x2e, 0x31, 0xc0);
	verdict(!matches(), "return 0 where the key has a function");
	return0 = true;
	verdict(matches(), "return 0 where the key says so");
	RUN(0x0f, 0x1f, 0x44, 0x00, 0x00);
	verdict(!matches(), "a nop where the key has a function");
	func = 0;
	put(lists[2][0], &func, 8);
	verdict(matches(), "a nop where the key has none");
}

static void test_data(void)
{
	/* The function refers to a string; it has to be there. */
	SETUP(0, 0, 0, 0, 0);
	site(0, 4, KST_S_REL, KST_R_ABS32S, 2);
	memcpy(code + 100, "text", 5);
	blocks[1] = (struct kst_block){ .symbol = 2, .kind = KST_STRING, .code = 100, .size = 5 };
	view.nr_blocks = 2;
	symbols[2].block = 1;
	symbols[2].name = 0;
	symbols[2].flags = KST_SYM_UNNAMED;
	put_rel(FUNC, 0, TARGET);
	put(TARGET, "text", 5);
	verdict(matches() && value[2] == TARGET, "a string with the same content");
	put(TARGET, "texts", 6);
	verdict(!matches(), "a longer string");
	verdict(!known[2] && !queued[1], "its trial is rolled back");
}

static void test_solve(void)
{
	u32 what;

	SETUP(0, 0x55, 0xe8, 0, 0, 0, 0);
	site(1, 5, KST_S_JUMP, KST_J_CALL, 1);
	RUN(0x55, 0xe8);
	put_rel(FUNC + 2, FUNC + 6, TARGET);
	/* A second function of the same name and code that calls something else. */
	lists[0][1] = FUNC + 512;
	counts[0] = 2;
	put(FUNC + 512, (const u8[]){ 0x55, 0xe8 }, 2);
	put_rel(FUNC + 514, FUNC + 518, TARGET + 32);
	verdict(ks_solve(&m, state, &what) == KS_SOLVED && value[0] == FUNC,
		"two functions of one name are told apart by what they call");

	memset(known, 0, sizeof(known));
	memset(state, 0, sizeof(state));
	put_rel(FUNC + 514, FUNC + 518, TARGET);
	verdict(ks_solve(&m, state, &what) == KS_SOLVE_AMBIGUOUS && what == 0,
		"two equal functions cannot be told apart");

	memset(known, 0, sizeof(known));
	memset(state, 0, sizeof(state));
	symbols[0].map_offset = FUNC + 512 - BASE;
	m.text = BASE;
	verdict(ks_solve(&m, state, &what) == KS_SOLVED && value[0] == FUNC + 512,
		"the System.map chooses among candidates");

	memset(known, 0, sizeof(known));
	memset(state, 0, sizeof(state));
	memory[FUNC + 512 - BASE] = 0x56;
	verdict(ks_solve(&m, state, &what) == KS_SOLVE_NO_MATCH && m.miss.offset == 0, "no candidate fits");
	memset(known, 0, sizeof(known));
	memset(state, 0, sizeof(state));
	blocks[0].flags = KST_BLOCK_WEAK;
	verdict(ks_solve(&m, state, &what) == KS_SOLVED && state[0] == KS_BLOCK_SKIPPED,
		"a weak function that is overridden is left out");

	SETUP(0, 0x55);
	RUN(0x55);
	symbols[5].flags = KST_SYM_NEEDED;
	counts[5] = 2;
	verdict(ks_solve(&m, state, &what) == KS_SOLVE_AMBIGUOUS && what == 5,
		"a needed symbol with two candidates");
}

int main(void)
{
	test_bytes();
	test_rel();
	test_jumps();
	test_fentry_return();
	test_thunk();
	test_alternative();
	test_paravirt();
	test_labels();
	test_static_call();
	test_data();
	test_solve();
	return failed;
}
