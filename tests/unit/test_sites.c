// SPDX-License-Identifier: GPL-2.0-only
/*
 * The core's matcher: for each kind of site, what may be in memory and what
 * may not; then symbols, constant data, elastic functions and solving.
 */
#include "match_world.h"
#include "tap.h"

#define F (WORLD_TEXT + 0x1000) /* where the function is */
#define G (WORLD_TEXT + 0x2000) /* where another one is */
#define H (WORLD_TEXT + 0x3000)

#define BYTES(...) ((const u8[]){ __VA_ARGS__ }), sizeof((const u8[]){ __VA_ARGS__ })

static struct world w;
static u32 f, g; /* symbols of the function and of the other one */

/* A function f of these bytes, in memory as they are; then sites are added. */
static void begin(const u8 *pre, u32 len, u32 flags)
{
	world_begin(&w);
	f = world_symbol_new(&w, "f", 0);
	g = world_symbol_new(&w, "g", KST_SYM_GLOBAL);
	world_kallsym(&w, "f", F);
	world_kallsym(&w, "g", G);
	world_block(&w, f, KST_TEXT, flags, pre, len);
	w.patches[w.nr_patches++] = (struct kst_patch){ .block = 0 };
	world_write(&w, F, pre, len);
}

static void site(u32 kind, u32 offset, u32 len, u32 form, u32 sym, u32 arg, s64 addend)
{
	world_site(&w, kind, offset, len, form, sym, arg, addend);
}

static void run(u32 offset, const u8 *bytes, u32 len)
{
	world_write(&w, F + offset, bytes, len);
}

static bool check(bool expected, const char *name)
{
	int result = world_solve(&w);
	bool good = tap_ok((result == KS_SOLVED) == expected && result >= 0, "%s", name);

	if (!good)
		printf("# result %d, %s %s at +0x%x\n", result, w.why ? w.why : "",
		       w.miss.what ? w.miss.what : "", w.miss.offset);
	return good;
}

static void matches(const char *name)
{
	check(true, name);
}

static void differs(const char *name)
{
	check(false, name);
}

/* With memory as it is now; the test goes on with other memory. */
static void end(void)
{
	world_end(&w);
}

/* push %rbx; nop; ...; ret: eight bytes of code around a site at offset 1. */
static void test_plain(void)
{
	begin(BYTES(0x53, 0x31, 0xc0, 0x5b, 0xc3, 0x90, 0x90, 0x90), 0);
	matches("plain bytes that are equal");
	run(2, BYTES(0xc9));
	differs("one byte differs");
	tap_ok(w.miss.offset == 2 && w.miss.found[0] == 0xc9 && w.miss.expected[0] == 0xc0,
	       "the mismatch says where, what was expected and what was found");
	run(2, BYTES(0xc0));
	w.kallsyms[0].addr = WORLD_END - 4;
	differs("memory ends inside the function");
	w.kallsyms[0].addr = WORLD_TEXT - 0x1000;
	differs("a candidate outside the text");
	w.nr_kallsyms = 0;
	differs("no candidate at all");
	end();
	begin(BYTES(0x53, 0x90, 0x90, 0xc3, 0x90), 0);
	run(1, BYTES(0x66, 0x90));
	differs("a longer nop where no site allows one");
	end();
}

static void test_rel(void)
{
	u32 rel = (u32)(G + 8 - (F + 7));
	u64 abs = G + 8;
	u8 field[8];

	/* lea g+8(%rip), %rax; ret */
	begin(BYTES(0x48, 0x8d, 0x05, 0, 0, 0, 0, 0xc3), 0);
	site(KST_S_REL, 3, 4, KST_R_PC32, g, 4, 8);
	memcpy(field, &rel, 4);
	run(3, field, 4);
	matches("a PC-relative field");
	tap_ok(w.value[g] == G, "it gives its symbol's address");
	rel++;
	memcpy(field, &rel, 4);
	run(3, field, 4);
	differs("a PC-relative field to a place that does not carry the name");
	w.symbols[g].flags |= KST_SYM_UNNAMED;
	matches("the same with a symbol that need not carry its name");
	tap_ok(w.value[g] == G + 1, "and gives the address");
	end();

	/* movabs $g+8, %rax */
	begin(BYTES(0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xc3), 0);
	site(KST_S_REL, 2, 8, KST_R_ABS64, g, 0, 8);
	memcpy(field, &abs, 8);
	run(2, field, 8);
	matches("a 64-bit absolute field");
	run(9, BYTES(0));
	differs("a 64-bit absolute field of another value");
	end();

	/* mov $g+8, %rax (sign-extended) */
	begin(BYTES(0x48, 0xc7, 0xc0, 0, 0, 0, 0, 0xc3), 0);
	site(KST_S_REL, 3, 4, KST_R_ABS32S, g, 0, 8);
	memcpy(field, &abs, 4);
	run(3, field, 4);
	matches("a sign-extended field");
	w.sites[0].form = KST_R_ABS32;
	differs("a zero-extended field of the same bytes");
	end();

	/* Two references to g that disagree. */
	begin(BYTES(0x48, 0xc7, 0xc0, 0, 0, 0, 0, 0x48, 0xc7, 0xc3, 0, 0, 0, 0, 0xc3), 0);
	w.symbols[g].flags |= KST_SYM_ABSOLUTE;
	site(KST_S_REL, 3, 4, KST_R_ABS32S, g, 0, 0);
	site(KST_S_REL, 10, 4, KST_R_ABS32S, g, 0, 0);
	run(3, BYTES(0x10, 0, 0, 0));
	run(10, BYTES(0x10, 0, 0, 0));
	matches("two references that agree");
	run(10, BYTES(0x18, 0, 0, 0));
	differs("two references that disagree");
	end();
}

static void test_jump(void)
{
	begin(BYTES(0x53, 0xe8, 0, 0, 0, 0, 0xc3), 0);
	site(KST_S_JUMP, 1, 5, KST_J_CALL, g, 0, 0);
	world_branch(&w, F + 1, 0xe8, G);
	matches("a call");
	world_branch(&w, F + 1, 0xe9, G);
	differs("a jump where a call is expected");
	world_branch(&w, F + 1, 0xe8, H);
	differs("a call to another place");
	end();

	begin(BYTES(0x53, 0xe9, 0, 0, 0, 0), 0);
	site(KST_S_JUMP, 1, 5, KST_J_JMP, g, 0, 0);
	world_branch(&w, F + 1, 0xe9, G);
	matches("a jump");
	w.kallsyms[1].addr = F + 0x40;
	run(1, BYTES(0xeb, 0x3d));
	differs("a short jump in a function that is not elastic");
	w.blocks[0].flags = KST_BLOCK_ELASTIC;
	matches("a short jump in an elastic one");
	tap_ok(w.value[g] == F + 0x40, "it gives its target");
	end();

	/* jne g */
	begin(BYTES(0x0f, 0x85, 0, 0, 0, 0, 0xc3), 0);
	site(KST_S_JUMP, 0, 6, KST_J_JCC, g, 5, 0);
	run(0, BYTES(0x0f, 0x85, 0xfa, 0x0f, 0, 0));
	matches("a conditional jump");
	run(1, BYTES(0x84));
	differs("the opposite condition");
	end();
}

static void test_elastic(void)
{
	/* 0: jne 9; 2: jmp g (near); 7: xor; 9: ret; the kernel has "jmp g" short. */
	begin(BYTES(0x75, 0x07, 0xe9, 0, 0, 0, 0, 0x31, 0xc0, 0xc3), KST_BLOCK_ELASTIC);
	site(KST_S_BRANCH, 0, 2, KST_J_JCC, KST_NONE, 9, 0);
	site(KST_S_JUMP, 2, 5, KST_J_JMP, g, 0, 0);
	w.kallsyms[1].addr = F + 0x20;
	run(0, BYTES(0x75, 0x04, 0xeb, 0x1c, 0x31, 0xc0, 0xc3, 0xcc, 0xcc, 0xcc));
	matches("a branch over a jump that is shorter in memory");
	run(1, BYTES(0x07));
	differs("a branch that was not shifted with its target");
	run(0, BYTES(0x74, 0x04));
	differs("a branch of another condition");
	end();

	/* The other way round: short in pre, near in memory. */
	begin(BYTES(0x75, 0x04, 0xeb, 0, 0x31, 0xc0, 0xc3), KST_BLOCK_ELASTIC);
	site(KST_S_BRANCH, 0, 2, KST_J_JCC, KST_NONE, 6, 0);
	site(KST_S_JUMP, 2, 2, KST_J_JMP, g, 0, 0);
	run(0, BYTES(0x75, 0x07, 0xe9, 0xf9, 0x0f, 0, 0, 0x31, 0xc0, 0xc3));
	matches("a jump that is longer in memory");
	end();

	/* A jump label that is short in memory and near in pre, with a branch over it. */
	begin(BYTES(0xeb, 0x05, 0x0f, 0x1f, 0x44, 0x00, 0x00, 0xc3), KST_BLOCK_ELASTIC);
	site(KST_S_BRANCH, 0, 2, KST_J_JMP, KST_NONE, 7, 0);
	site(KST_S_JUMP_LABEL, 2, 5, 0, KST_NONE, 0, 0);
	run(0, BYTES(0xeb, 0x02, 0x66, 0x90, 0xc3));
	matches("a jump label that is a short nop in memory");
	run(2, BYTES(0xeb, 0xfc));
	matches("the same, on");
	run(2, BYTES(0xeb, 0xfd));
	differs("the same, on, to another place");
	end();

	/* An alternative whose replacement jumps back into a function that has shrunk. */
	begin(BYTES(0xe9, 0, 0, 0, 0, 0x90, 0x90, 0x90, 0x90, 0x90, 0xc3), KST_BLOCK_ELASTIC);
	site(KST_S_JUMP, 0, 5, KST_J_JMP, g, 0, 0);
	site(KST_S_ALT, 5, 5, 1, KST_NONE, 0, 0);
	w.alts[w.nr_alts++].block = 1;
	world_block(&w, world_symbol_new(&w, "", KST_SYM_UNNAMED), KST_REPL, 0,
		    BYTES(0xe9, 0, 0, 0, 0));
	site(KST_S_JUMP, 0, 5, KST_J_JMP, f, 0, 10);
	w.kallsyms[1].addr = F + 0x20;
	run(0, BYTES(0xeb, 0x1e, 0xe9, 0, 0, 0, 0, 0xc3));
	matches("a replacement's jump into an elastic function");
	run(2, BYTES(0xeb, 0x03, 0x0f, 0x1f, 0x00, 0xc3));
	matches("the same, shortened by the kernel");
	run(2, BYTES(0xeb, 0x03, 0xcc, 0xcc, 0xcc, 0xc3));
	matches("the same, with int3 behind it");
	run(2, BYTES(0xeb, 0x03, 0xcc, 0xcc, 0x90, 0xc3));
	differs("the same, with something else behind it");
	run(2, BYTES(0xeb, 0x03, 0x0f, 0x1f, 0x00, 0xc3));
	run(2, BYTES(0xeb, 0x06));
	differs("the same, to where the target would be had nothing shrunk");
	end();
}

static void test_entry_and_return(void)
{
	begin(BYTES(0xe8, 0, 0, 0, 0, 0x53, 0x5b, 0xe9, 0, 0, 0, 0), 0);
	w.patches[0].slot = 5;
	site(KST_S_FENTRY, 0, 5, 0, KST_NONE, 0, 0);
	site(KST_S_RETURN, 7, 5, 0, KST_NONE, 0, 0);
	w.return_thunk = H;
	run(0, BYTES(0x0f, 0x1f, 0x44, 0x00, 0x00));
	run(7, BYTES(0xc3, 0xcc, 0xcc, 0xcc, 0xcc));
	matches("an untraced entry and a plain return");
	world_branch(&w, F + 7, 0xe9, H);
	matches("a return thunk");
	world_branch(&w, F + 7, 0xe9, H + 1);
	differs("a jump beside the return thunk");
	run(7, BYTES(0xc3, 0x90, 0x90, 0x90, 0x90));
	differs("a return without int3 behind it");
	run(7, BYTES(0xc3, 0xcc, 0xcc, 0xcc, 0xcc));
	world_branch(&w, F, 0xe8, G);
	differs("a call at the entry that is not the tracer's");
	w.fentry = F;
	matches("the tracer's call at the entry");
	run(0, BYTES(0x66, 0x66, 0x66, 0x66, 0x90));
	differs("another nop at the entry");
	run(0, BYTES(0xcc));
	differs("a breakpoint at the entry");
	end();

	begin(BYTES(0xf3, 0x0f, 0x1e, 0xfa, 0xc3, 0x90, 0x90, 0x90, 0x90), 0);
	site(KST_S_ENDBR, 0, 4, 0, KST_NONE, 0, 0);
	w.patches[0].slot = 4;
	matches("an endbr");
	run(0, BYTES(0x66, 0x0f, 0x1f, 0x00));
	matches("a sealed endbr");
	run(0, BYTES(0x0f, 0x1f, 0x40, 0x00));
	differs("another nop instead of an endbr");
	end();
}

static void test_thunk(void)
{
	/* call __x86_indirect_thunk_rax */
	begin(BYTES(0x53, 0xe8, 0, 0, 0, 0, 0xc3), 0);
	site(KST_S_THUNK, 1, 5, KST_J_CALL, g, 0, 0);
	world_branch(&w, F + 1, 0xe8, G);
	matches("a call to a thunk");
	world_branch(&w, F + 1, 0xe8, H);
	differs("a call to something else");
	world_write(&w, H, BYTES(0xff, 0xe0, 0xcc));
	matches("a call to \"jmp *%rax; int3\"");
	world_write(&w, H, BYTES(0xff, 0xe1, 0xcc));
	differs("a call to \"jmp *%rcx; int3\"");
	run(1, BYTES(0xff, 0xd0, 0x0f, 0x1f, 0x00));
	matches("call *%rax and a nop");
	run(1, BYTES(0xff, 0xd1, 0x0f, 0x1f, 0x00));
	differs("call *%rcx");
	run(1, BYTES(0xff, 0xd0, 0x31, 0xc0, 0x90));
	differs("call *%rax and something else");
	run(1, BYTES(0x0f, 0xae, 0xe8, 0xff, 0xd0));
	matches("lfence; call *%rax");
	run(1, BYTES(0xff, 0xe0, 0xcc, 0x66, 0x90));
	differs("jmp *%rax where a call is expected");
	end();

	/* cs jmp __x86_indirect_thunk_r11 */
	begin(BYTES(0x2e, 0xe9, 0, 0, 0, 0), 0);
	site(KST_S_THUNK, 0, 6, KST_J_JMP, g, 11 | 16, 0);
	run(0, BYTES(0x2e));
	world_branch(&w, F + 1, 0xe9, G);
	matches("a prefixed jump to a thunk");
	run(0, BYTES(0x41, 0xff, 0xe3, 0xcc, 0x66, 0x90));
	matches("jmp *%r11; int3; nop");
	run(0, BYTES(0x41, 0xff, 0xe3, 0x90, 0x66, 0x90));
	differs("jmp *%r11 without int3");
	run(0, BYTES(0x40, 0xff, 0xe3, 0xcc, 0x66, 0x90));
	differs("jmp *%rbx");
	run(0, BYTES(0x2e, 0xff, 0xe3, 0xcc, 0x66, 0x90));
	differs("a prefixed indirect jump");
	run(0, BYTES(0x0f, 0xae, 0xe8, 0x41, 0xff, 0xe3));
	matches("lfence; jmp *%r11");
	end();

	/* jne __x86_indirect_thunk_rax */
	begin(BYTES(0x0f, 0x85, 0, 0, 0, 0, 0xc3), 0);
	site(KST_S_THUNK, 0, 6, KST_J_JCC, g, 5 << 8, 0);
	run(0, BYTES(0x0f, 0x85, 0xfa, 0x0f, 0, 0));
	matches("a conditional jump to a thunk");
	run(0, BYTES(0x74, 0x04, 0xff, 0xe0, 0xcc, 0x90));
	matches("a jump around jmp *%rax");
	run(0, BYTES(0x75, 0x04, 0xff, 0xe0, 0xcc, 0x90));
	differs("the wrong condition around it");
	run(0, BYTES(0x74, 0x03, 0xff, 0xe0, 0xcc, 0x90));
	differs("a jump into the middle of it");
	end();
}

/* mov; (original: nop nop nop | replacements: stac, call g); ret */
static void begin_alternative(void)
{
	begin(BYTES(0x53, 0x90, 0x90, 0x90, 0x90, 0x90, 0xc3), 0);
	site(KST_S_ALT, 1, 5, 2, KST_NONE, 0, 0);
	w.alts[w.nr_alts++].block = 1;
	w.alts[w.nr_alts++].block = 2;
	world_block(&w, world_symbol_new(&w, "", KST_SYM_UNNAMED), KST_REPL, 0,
		    BYTES(0x0f, 0x01, 0xcb));
	world_block(&w, world_symbol_new(&w, "", KST_SYM_UNNAMED), KST_REPL, 0,
		    BYTES(0xe8, 0, 0, 0, 0));
	site(KST_S_JUMP, 0, 5, KST_J_CALL, g, 0, 0);
}

static void test_alternative(void)
{
	begin_alternative();
	matches("the original of an alternative");
	run(1, BYTES(0x0f, 0x1f, 0x44, 0x00, 0x00));
	matches("the original with its nops joined");
	run(1, BYTES(0x0f, 0x01, 0xcb, 0x90, 0x90));
	matches("a replacement with nops behind it");
	run(1, BYTES(0x0f, 0x01, 0xcb, 0x66, 0x90));
	matches("a replacement with a joined nop behind it");
	run(1, BYTES(0x0f, 0x01, 0xca, 0x66, 0x90));
	differs("something that is neither");
	run(1, BYTES(0x0f, 0x01, 0xcb, 0x31, 0xc0));
	differs("a replacement with code behind it");
	world_branch(&w, F + 1, 0xe8, G);
	matches("a replacement with a call");
	tap_ok(w.value[g] == G, "it gives the address that is called");
	world_branch(&w, F + 1, 0xe8, G + 1);
	differs("a call to another place");
	end();

	/* The original has a call of its own; a replacement of no bytes is all nops. */
	begin(BYTES(0x53, 0xe8, 0, 0, 0, 0, 0xc3), 0);
	site(KST_S_ALT, 1, 5, 1, KST_NONE, 0, 0);
	site(KST_S_JUMP, 1, 5, KST_J_CALL, g, 0, 0);
	w.alts[w.nr_alts++].block = KST_NONE;
	world_branch(&w, F + 1, 0xe8, G);
	matches("a call in the original");
	run(1, BYTES(0x0f, 0x1f, 0x44, 0x00, 0x00));
	matches("a replacement of no bytes");
	w.symbols[g].flags |= KST_SYM_NEEDED;
	w.nr_kallsyms = 1;
	check(false, "what the original would have told is not known then");
	end();
}

/* The original fits at first, and says something of g that is not so. */
static void test_failed_form(void)
{
	begin(BYTES(0x53, 0xe8, 0, 0, 0, 0, 0x31, 0xc0, 0xe8, 0, 0, 0, 0, 0xc3), 0);
	w.symbols[g].flags |= KST_SYM_UNNAMED;
	site(KST_S_ALT, 1, 7, 1, KST_NONE, 0, 0);
	site(KST_S_JUMP, 1, 5, KST_J_CALL, g, 0, 0);
	site(KST_S_JUMP, 8, 5, KST_J_CALL, g, 0, 0);
	w.alts[w.nr_alts++].block = 1;
	world_block(&w, world_symbol_new(&w, "", KST_SYM_UNNAMED), KST_REPL, 0,
		    BYTES(0xe8, 0, 0, 0, 0));
	site(KST_S_JUMP, 0, 5, KST_J_CALL, world_symbol_new(&w, "", KST_SYM_UNNAMED), 0, 0);
	world_branch(&w, F + 1, 0xe8, H);
	run(6, BYTES(0x66, 0x90));
	world_branch(&w, F + 8, 0xe8, G);
	matches("a form that fails leaves nothing behind");
	tap_ok(w.value[g] == G, "what it said is forgotten");
	end();
}

static void test_paravirt(void)
{
	u64 func = H;
	s32 rel = (s32)(G + 16 - (F + 7));
	u8 field[4];

	/* call *pv_ops+16(%rip) */
	begin(BYTES(0x53, 0xff, 0x15, 0, 0, 0, 0, 0xc3), 0);
	site(KST_S_PARAVIRT, 1, 6, KST_J_CALL, g, 0, 16);
	world_write(&w, G + 16, &func, 8);
	memcpy(field, &rel, 4);
	run(3, field, 4);
	matches("a call through pv_ops");
	run(3, BYTES(0, 0, 0, 0));
	differs("a call through something else");
	world_branch(&w, F + 1, 0xe8, H);
	run(6, BYTES(0x90));
	matches("a direct call of what pv_ops holds");
	world_branch(&w, F + 1, 0xe8, H + 4);
	differs("a direct call of something else");
	run(1, BYTES(0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00));
	differs("nops where pv_ops holds a function");
	w.pv_nop = H;
	matches("nops where pv_ops holds a function that does nothing");
	w.nr_kallsyms = 1;
	differs("no pv_ops");
	end();
}

/* Call depth tracking: calls go to code in front of functions, and to other thunks. */
static void test_call_depth(void)
{
	u64 key = G + 0x100, func = H;
	u32 s;

	begin(BYTES(0x53, 0xe8, 0, 0, 0, 0, 0xc3), 0);
	site(KST_S_JUMP, 1, 5, KST_J_CALL, g, 0, 0);
	w.call_thunk = G - 9;
	w.call_thunk_size = 9;
	world_branch(&w, F + 1, 0xe8, G - 9);
	matches("a call to the code in front of a function");
	world_branch(&w, F + 1, 0xe8, G - 8);
	differs("a call to its second byte");
	world_branch(&w, F + 1, 0xe8, G);
	matches("a call to the function itself");
	end();

	/* push %rbx; call f */
	begin(BYTES(0x53, 0xe8, 0xfa, 0xff, 0xff, 0xff, 0xc3), 0);
	site(KST_S_BRANCH, 1, 5, KST_J_CALL, KST_NONE, 0, 0);
	matches("a call of itself");
	w.call_thunk = F - 9;
	w.call_thunk_size = 9;
	world_branch(&w, F + 1, 0xe8, F - 9);
	matches("a call to the code in front of itself");
	world_branch(&w, F + 1, 0xe8, F - 8);
	differs("a call to something else there");
	end();

	begin(BYTES(0x53, 0xe8, 0xfa, 0xff, 0xff, 0xff, 0xeb, 0xf8), KST_BLOCK_ELASTIC);
	site(KST_S_BRANCH, 1, 5, KST_J_CALL, KST_NONE, 0, 0);
	site(KST_S_BRANCH, 6, 2, KST_J_JMP, KST_NONE, 0, 0);
	w.call_thunk = F - 9;
	w.call_thunk_size = 9;
	world_branch(&w, F + 1, 0xe8, F - 9);
	matches("the same in an elastic function");
	world_branch(&w, F + 1, 0xe8, F - 8);
	differs("and something else");
	end();

	begin(BYTES(0x53, 0xe9, 0, 0, 0, 0, 0xcc), 0);
	site(KST_S_JUMP, 1, 5, KST_J_JMP, g, 0, 0);
	w.call_thunk = G - 9;
	w.call_thunk_size = 9;
	world_branch(&w, F + 1, 0xe9, G - 9);
	differs("a jump there");
	end();

	begin(BYTES(0x53, 0xe8, 0, 0, 0, 0, 0xc3), 0);
	s = world_symbol_new(&w, "key", KST_SYM_GLOBAL);
	world_kallsym(&w, "key", key);
	world_write(&w, key, &func, 8);
	site(KST_S_STATIC_CALL, 1, 5, KST_J_CALL, s, g, 0);
	w.call_thunk = H - 9;
	w.call_thunk_size = 9;
	world_branch(&w, F + 1, 0xe8, H - 9);
	matches("a static call of it");
	w.call_thunk = 0;
	differs("a static call of what is no such code");
	end();

	begin(BYTES(0x53, 0xe8, 0, 0, 0, 0, 0xc3), 0);
	site(KST_S_THUNK, 1, 5, KST_J_CALL, g, 3, 0);
	w.depth_call_thunks = H;
	w.depth_jump_thunks = H + 0x200;
	world_branch(&w, F + 1, 0xe8, H + 32 * 3);
	matches("a call to the counting thunk of its register");
	world_branch(&w, F + 1, 0xe8, H + 32 * 2);
	differs("a call to that of another register");
	world_branch(&w, F + 1, 0xe8, H + 0x200 + 32 * 3);
	differs("a call to that of jumps");
	end();
}

static void test_const(void)
{
	u64 value = 0xffff888001234567ull;

	/* mov $0x0123456789abcdef, %rax; shr $12, %eax */
	begin(BYTES(0x48, 0xb8, 0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01, 0xc1, 0xe8, 0x0c), 0);
	site(KST_S_CONST, 2, 8, KST_C_PTR, g, 0, 0);
	world_write(&w, G, &value, 8);
	differs("the placeholder of a runtime constant");
	run(2, (const u8 *)&value, 8);
	matches("the value of its variable");
	value++;
	world_write(&w, G, &value, 8);
	differs("another value");
	w.nr_kallsyms = 1;
	differs("no such variable");
	end();

	begin(BYTES(0xc1, 0xe8, 0x0c, 0x90, 0xc3), 0);
	site(KST_S_CONST, 2, 1, KST_C_SHIFT, g, 0, 0);
	world_write(&w, G, BYTES(19, 0, 0, 0));
	differs("the placeholder of a shift count");
	run(2, BYTES(19));
	matches("the shift count");
	end();
}

static void test_small_sites(void)
{
	/* lock incl (%rdi) */
	begin(BYTES(0xf0, 0xff, 0x07, 0xc3, 0x90), 0);
	site(KST_S_LOCK, 0, 1, 0, KST_NONE, 0, 0);
	matches("a lock prefix");
	run(0, BYTES(0x3e));
	matches("what a single-CPU machine has instead");
	run(0, BYTES(0x2e));
	differs("another prefix");
	end();

	begin(BYTES(0x53, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0xc3), 0);
	site(KST_S_NOPS, 1, 7, 0, KST_NONE, 0, 0);
	run(1, BYTES(0x0f, 0x1f, 0x80, 0, 0, 0, 0));
	matches("nops in another encoding");
	run(1, BYTES(0x0f, 0x1f, 0x80, 0, 0, 0, 1));
	differs("a nop with a displacement");
	run(1, BYTES(0x0f, 0x1f, 0x84, 0, 0, 0, 0));
	differs("a nop that reaches beyond its place");
	end();
}

static void test_jump_label(void)
{
	/* nopl; xor; ret, with a jump to the ret */
	begin(BYTES(0x0f, 0x1f, 0x44, 0x00, 0x00, 0x31, 0xc0, 0xc3), 0);
	site(KST_S_JUMP_LABEL, 0, 5, 0, KST_NONE, 7, 0);
	matches("a jump label that is off");
	world_branch(&w, F, 0xe9, F + 7);
	matches("a jump label that is on");
	world_branch(&w, F, 0xe9, F + 5);
	differs("a jump label to another place");
	world_branch(&w, F, 0xe8, F + 7);
	differs("a call instead of a jump label");
	run(0, BYTES(0xeb, 0x05, 0x0f, 0x1f, 0x00));
	differs("a short jump label where a near one is expected");
	end();

	begin(BYTES(0x66, 0x90, 0x31, 0xc0, 0xc3), 0);
	site(KST_S_JUMP_LABEL, 0, 2, 0, KST_NONE, 4, 0);
	matches("a short jump label that is off");
	run(0, BYTES(0xeb, 0x02));
	matches("a short jump label that is on");
	end();

	/* To another block: the .cold part. */
	begin(BYTES(0x0f, 0x1f, 0x44, 0x00, 0x00, 0xc3), 0);
	site(KST_S_JUMP_LABEL, 0, 5, 0, g, 0, 4);
	world_branch(&w, F, 0xe9, G + 4);
	matches("a jump label to another function");
	tap_ok(w.value[g] == G, "it gives its address");
	end();
}

/* Made for the kernel with an update that has put the function at H in the place of that at G. */
static void test_series(void)
{
	u32 text;

	/* call g, whose code is in the update */
	begin(BYTES(0xe8, 0, 0, 0, 0, 0xc3), 0);
	site(KST_S_JUMP, 0, 5, KST_J_CALL, g, 0, 0);
	world_block(&w, g, KST_TEXT, 0, BYTES(0x31, 0xc0, 0xc3));
	world_write(&w, H, BYTES(0x31, 0xc0, 0xc3));
	world_branch(&w, F, 0xe8, G);
	w.replaced = G;
	w.replacement = H;
	differs("new code of an update, for a table that knows of none");
	w.series = true;
	matches("new code of an update");
	tap_ok(w.value[g] == H, "the function is where the update has it");
	world_branch(&w, F, 0xe8, H);
	matches("a call straight into the update");
	world_write(&w, H, BYTES(0x90));
	differs("the new code is another");
	end();

	/* Two functions refer to a string, of which the update has a copy. */
	begin(BYTES(0x48, 0xc7, 0xc0, 0, 0, 0, 0, 0x48, 0xc7, 0xc0, 0, 0, 0, 0), 0);
	text = world_symbol_new(&w, "", 0);
	site(KST_S_REL, 3, 4, KST_R_ABS32S, text, 0, 0);
	site(KST_S_REL, 10, 4, KST_R_ABS32S, text, 0, 0);
	world_block(&w, text, KST_STRING, 0, "text", 5);
	world_write(&w, G, "text", 5);
	world_write(&w, H, "text", 5);
	run(3, (const u8 *)&(u32){ (u32)G }, 4);
	run(10, (const u8 *)&(u32){ (u32)H }, 4);
	differs("a constant at two places");
	w.series = true;
	matches("a constant and its copy in an update");
	world_write(&w, H, "next", 5);
	differs("a copy of other content");
	end();

	/* A branch on a key that can no longer change is a plain jump there. */
	begin(BYTES(0x0f, 0x1f, 0x44, 0x00, 0x00, 0x31, 0xc0, 0xc3), 0);
	site(KST_S_JUMP_LABEL, 0, 5, 0, KST_NONE, 7, 0);
	world_branch(&w, F, 0xe9, F + 5);
	differs("a jump to the next instruction in place of a nop");
	w.series = true;
	matches("a jump to the next instruction, in new code");
	end();
}

static void test_static_call(void)
{
	u64 func = H;
	u32 key;

	/* call __SCT__x; its key is G */
	begin(BYTES(0x53, 0xe8, 0, 0, 0, 0, 0xc3), 0);
	key = world_symbol_new(&w, "__SCT__x", KST_SYM_GLOBAL);
	world_kallsym(&w, "__SCT__x", G + 0x100);
	site(KST_S_STATIC_CALL, 1, 5, KST_J_CALL, g, key, 0);
	world_write(&w, G, &func, 8);
	world_branch(&w, F + 1, 0xe8, G + 0x100);
	matches("a call to the trampoline");
	world_branch(&w, F + 1, 0xe8, H);
	matches("a call to what the key holds");
	world_branch(&w, F + 1, 0xe8, H + 1);
	differs("a call to something else");
	run(1, BYTES(0x2e, 0x2e, 0x2e, 0x31, 0xc0));
	differs("xor %eax, %eax where the key holds a function");
	w.return0 = H;
	matches("xor %eax, %eax where the key holds __static_call_return0");
	run(1, BYTES(0x0f, 0x1f, 0x44, 0x00, 0x00));
	differs("a nop where the key holds a function");
	func = 0;
	world_write(&w, G, &func, 8);
	matches("a nop where the key holds none");
	end();

	/* From a module, which knows the trampoline only. */
	begin(BYTES(0x53, 0xe8, 0, 0, 0, 0, 0xc3), 0);
	site(KST_S_STATIC_CALL, 1, 5, KST_J_CALL, g, g, 0);
	world_branch(&w, G, 0xe9, H);
	world_branch(&w, F + 1, 0xe8, H);
	differs("a trampoline without its mark");
	world_write(&w, G + 5, BYTES(0x0f, 0xb9, 0xcc));
	matches("a call to where the trampoline jumps");
	world_branch(&w, F + 1, 0xe8, H + 1);
	differs("a call to somewhere else");
	run(1, BYTES(0x0f, 0x1f, 0x44, 0x00, 0x00));
	differs("a nop where the trampoline jumps");
	world_write(&w, G, BYTES(0xc3, 0xcc, 0xcc, 0xcc, 0xcc));
	matches("a nop where the trampoline returns");
	w.return_thunk = H;
	world_branch(&w, G, 0xe9, H);
	matches("a nop where the trampoline returns through a thunk");
	end();

	/* A tail call. */
	begin(BYTES(0x53, 0xe9, 0, 0, 0, 0), 0);
	key = world_symbol_new(&w, "__SCT__x", KST_SYM_GLOBAL);
	site(KST_S_STATIC_CALL, 1, 5, KST_J_JMP, g, key, 0);
	run(1, BYTES(0xc3, 0xcc, 0xcc, 0xcc, 0xcc));
	matches("a return where the key holds none");
	w.return_thunk = H;
	world_branch(&w, F + 1, 0xe9, H);
	matches("a return thunk where the key holds none");
	end();

	begin(BYTES(0x0f, 0x84, 0, 0, 0, 0, 0xc3), 0);
	key = world_symbol_new(&w, "__SCT__x", KST_SYM_GLOBAL);
	site(KST_S_STATIC_CALL, 0, 6, KST_J_JCC, g, key, 0);
	run(0, BYTES(0x0f, 0x84, 0xfa, 0x1f, 0, 0));
	differs("a conditional tail call to something unknown");
	w.static_return = H;
	matches("a conditional tail call to the kernel's own return");
	end();
}

/* f refers to a string, and to a constant table that refers to the string. */
static void test_data(void)
{
	u32 str, table;
	u64 at = H + 0x10;
	s32 rel;

	begin(BYTES(0x48, 0x8d, 0x05, 0, 0, 0, 0, 0x48, 0x8d, 0x1d, 0, 0, 0, 0, 0xc3), 0);
	str = world_symbol_new(&w, "", KST_SYM_UNNAMED);
	table = world_symbol_new(&w, "", KST_SYM_UNNAMED);
	site(KST_S_REL, 3, 4, KST_R_PC32, table, 4, 0);
	site(KST_S_REL, 10, 4, KST_R_PC32, g, 4, 0);
	world_block(&w, str, KST_STRING, 0, "hello", 6);
	world_block(&w, table, KST_RODATA, 0,
		    BYTES(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
	site(KST_S_REL, 8, 8, KST_R_ABS64, str, 0, 0);
	rel = (s32)(H - (F + 7));
	run(3, (u8 *)&rel, 4);
	rel = (s32)(G - (F + 14));
	run(10, (u8 *)&rel, 4);
	world_write(&w, H, BYTES(1, 0, 0, 0, 0, 0, 0, 0));
	world_write(&w, H + 8, &at, 8);
	world_write(&w, at, "hello", 6);
	matches("constant data, and a string through it");
	tap_ok(w.value[table] == H && w.value[str] == at, "both have their addresses");
	world_write(&w, at, "hellO", 6);
	differs("another string");
	tap_ok(w.blocks[w.miss.block].kind == KST_STRING && w.miss.offset == 4,
	       "the mismatch is in the string");
	world_write(&w, at, "hello!", 7);
	differs("a longer string");
	world_write(&w, at, "hello", 6);
	world_write(&w, H, BYTES(2));
	differs("another constant");
	end();
}

/* Two functions of one name, told apart by what they call, or by where they stand. */
static void test_solve(void)
{
	u32 other;

	begin(BYTES(0x53, 0xe8, 0, 0, 0, 0, 0xc3), 0);
	site(KST_S_JUMP, 1, 5, KST_J_CALL, g, 0, 0);
	world_branch(&w, F + 1, 0xe8, G);
	world_kallsym(&w, "f", H);
	matches("of two candidates, the one that fits");
	tap_ok(w.value[f] == F, "is the right one");
	world_write(&w, H, BYTES(0x53, 0xe8, 0, 0, 0, 0, 0xc3));
	world_branch(&w, H + 1, 0xe8, G);
	tap_ok(world_solve(&w) == KS_SOLVE_AMBIGUOUS && w.what == f, "two that fit are ambiguous");
	w.symbols[f].map_offset = H - WORLD_TEXT;
	matches("unless the System.map knows which");
	tap_ok(w.value[f] == H, "and then it is that one");
	w.symbols[f].map_offset = 0x123;
	tap_ok(world_solve(&w) == KS_SOLVE_AMBIGUOUS,
	       "a System.map that knows of neither decides nothing");
	w.symbols[f].map_offset = -1;

	/* A caller in the same table: it says which f it calls. */
	other = world_symbol_new(&w, "caller", 0);
	world_block(&w, other, KST_TEXT, 0, BYTES(0xe8, 0, 0, 0, 0, 0xc3));
	site(KST_S_JUMP, 0, 5, KST_J_CALL, f, 0, 0);
	world_kallsym(&w, "caller", G + 0x400);
	world_write(&w, G + 0x405, BYTES(0xc3));
	world_branch(&w, G + 0x400, 0xe8, H);
	matches("a caller tells two that fit apart");
	tap_ok(w.value[f] == H, "by whom it calls");
	end();

	/* Neighbours in the same unit. */
	begin(BYTES(0x31, 0xc0, 0xc3, 0x90, 0x90), 0);
	world_kallsym(&w, "f", H);
	world_write(&w, H, BYTES(0x31, 0xc0, 0xc3, 0x90, 0x90));
	other = world_symbol_new(&w, "next", 0);
	world_block(&w, other, KST_TEXT, 0, BYTES(0x53, 0x5b, 0xc3));
	world_kallsym(&w, "next", H + 0x10);
	world_write(&w, H + 0x10, BYTES(0x53, 0x5b, 0xc3));
	matches("a neighbour tells two that fit apart");
	tap_ok(w.value[f] == H, "by where it stands");
	w.blocks[1].unit = 0;
	tap_ok(world_solve(&w) == KS_SOLVE_AMBIGUOUS, "a neighbour of another unit says nothing");
	w.blocks[1].unit = 1;
	w.kallsyms[w.nr_kallsyms - 1].addr = H + 0x400;
	world_write(&w, H + 0x400, BYTES(0x53, 0x5b, 0xc3));
	tap_ok(world_solve(&w) == KS_SOLVE_AMBIGUOUS,
	       "nor does one with room for something else in between");
	w.kallsyms[w.nr_kallsyms - 1].addr = H - 0x10;
	world_write(&w, H - 0x10, BYTES(0x53, 0x5b, 0xc3));
	tap_ok(world_solve(&w) == KS_SOLVE_AMBIGUOUS, "nor does one on the wrong side");
	end();

	begin(BYTES(0x53, 0x5b, 0xc3, 0x90, 0x90), 0);
	other = world_symbol_new(&w, "last", 0);
	world_block(&w, other, KST_TEXT, 0, BYTES(0x31, 0xc0, 0xc3));
	world_kallsym(&w, "last", F + 0x10);
	world_kallsym(&w, "last", H);
	world_write(&w, F + 0x10, BYTES(0x31, 0xc0, 0xc3));
	world_write(&w, H, BYTES(0x31, 0xc0, 0xc3));
	matches("a neighbour before tells two that fit apart");
	tap_ok(w.value[other] == F + 0x10, "by where it stands");
	w.kallsyms[2].addr = F + 0x200;
	world_write(&w, F + 0x200, BYTES(0x31, 0xc0, 0xc3));
	tap_ok(world_solve(&w) == KS_SOLVE_AMBIGUOUS,
	       "not with room for something else in between");
	w.kallsyms[2].addr = F - 0x10;
	world_write(&w, F - 0x10, BYTES(0x31, 0xc0, 0xc3));
	tap_ok(world_solve(&w) == KS_SOLVE_AMBIGUOUS, "nor on the wrong side");
	end();

	/* Weak functions. */
	begin(BYTES(0xc3, 0x90, 0x90, 0x90, 0x90), 0);
	other = world_symbol_new(&w, "weak", KST_SYM_GLOBAL);
	world_block(&w, other, KST_TEXT, KST_BLOCK_WEAK, BYTES(0x53, 0x5b, 0xc3));
	world_kallsym(&w, "weak", H);
	matches("a weak function that another object overrides");
	tap_ok(w.state[1] == KS_BLOCK_SKIPPED, "is skipped");
	w.nr_kallsyms--;
	matches("so is one that is not there");
	w.exports[w.nr_exports++].symbol = other;
	tap_ok(world_solve(&w) == KS_SOLVE_NOT_FOUND && w.what == other, "unless it is needed");
	w.nr_exports = 0;
	w.blocks[1].flags |= KST_BLOCK_PATCHED_PART;
	differs("or patched");
	end();

	/* Symbols without a block. */
	begin(BYTES(0xc3, 0x90, 0x90, 0x90, 0x90), 0);
	w.symbols[g].flags |= KST_SYM_NEEDED;
	matches("a needed symbol that nothing refers to");
	tap_ok(w.value[g] == G, "has the value that the kernel gives its name");
	world_kallsym(&w, "g", H);
	tap_ok(world_solve(&w) == KS_SOLVE_AMBIGUOUS && w.what == g, "two values are ambiguous");
	w.nr_kallsyms = 1;
	tap_ok(world_solve(&w) == KS_SOLVE_NOT_FOUND && w.what == g, "none is not found");
	end();
}

int main(void)
{
	test_plain();
	test_rel();
	test_jump();
	test_elastic();
	test_entry_and_return();
	test_thunk();
	test_alternative();
	test_failed_form();
	test_paravirt();
	test_call_depth();
	test_const();
	test_small_sites();
	test_jump_label();
	test_series();
	test_static_call();
	test_data();
	test_solve();
	return tap_done();
}
