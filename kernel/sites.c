// SPDX-License-Identifier: GPL-2.0-only
/*
 * What may be in memory at each kind of site.
 *
 * The rules follow what Linux writes: arch/x86/kernel/{alternative,static_call,
 * jump_label,ftrace,callthunks}.c of 6.1 and 6.12.  They are as exact as the kernel's own state
 * allows: a static call must go where its key says now, a paravirt call where
 * pv_ops says now.
 */
#include "match.h"

static s32 get_s32(const u8 *p)
{
	s32 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static bool have(const struct ks_walk *w, u32 len)
{
	return w->run_len - w->r >= len && w->r <= w->run_len;
}

static const u8 *at(const struct ks_walk *w)
{
	return w->run + w->r;
}

static bool done(struct ks_walk *w, const struct kst_site *s, u32 run_len)
{
	w->p = s->offset + s->len;
	w->r += run_len;
	return true;
}

static bool bytes_are(const struct ks_walk *w, const u8 *bytes, u32 len)
{
	return have(w, len) && !memcmp(at(w), bytes, len);
}

/* A direct branch at the walk's place: its length, or 0; the target in memory. */
static u32 branch(const struct ks_walk *w, u32 form, u32 cond, u64 *target)
{
	const u8 *p = at(w);
	u32 len = 0;
	s64 rel = 0;

	if (have(w, 2) && ((form == KST_J_JMP && p[0] == 0xeb) ||
			   (form == KST_J_JCC && p[0] == 0x70 + cond))) {
		len = 2;
		rel = (signed char)p[1];
	} else if (have(w, 5) && ((form == KST_J_JMP && p[0] == 0xe9) ||
				  (form == KST_J_CALL && p[0] == 0xe8))) {
		len = 5;
		rel = get_s32(p + 1);
	} else if (have(w, 6) && form == KST_J_JCC && p[0] == 0x0f && p[1] == 0x80 + cond) {
		len = 6;
		rel = get_s32(p + 2);
	}
	*target = w->addr + w->r + len + rel;
	return len;
}

static bool match_rel(struct ks_walk *w, const struct kst_site *s)
{
	u64 place;

	if (!have(w, s->len))
		return ks_walk_fail(w, "memory ends");
	switch (s->form) {
	case KST_R_ABS64:
	case KST_R_PC64:
		memcpy(&place, at(w), 8);
		break;
	case KST_R_ABS32:
		place = (u32)get_s32(at(w));
		break;
	default:
		place = (s64)get_s32(at(w));
	}
	if (s->form == KST_R_PC32 || s->form == KST_R_PC64)
		place += w->addr + w->r + s->arg;
	if (!ks_match_assign(w, s->sym, place - s->addend))
		return false;
	return done(w, s, s->len);
}

/* May a jump have another length in memory than in pre?  An alternative's place has a fixed size.
 */
static bool may_stretch(const struct ks_walk *w)
{
	return (w->b->flags & KST_BLOCK_ELASTIC) && !w->in_alt;
}

/*
 * A replacement's jump back into a function whose jumps may have stretched:
 * where it has to lead is known when the whole function has been walked.
 */
static bool is_jump_home(const struct ks_walk *w, const struct kst_site *s)
{
	return w->b->kind == KST_REPL && (w->home->flags & KST_BLOCK_ELASTIC) &&
	       s->sym == w->home->symbol;
}

static bool all_int3(const u8 *p, u32 len)
{
	while (len && p[len - 1] == 0xcc)
		len--;
	return !len;
}

/* What a direct call calls: call depth is counted in the padding in front of a function. */
static u64 callee(const struct ks_walk *w, u64 target)
{
	return w->m->ops->behind_thunk(w->m->ctx, target);
}

/* Does a direct branch that leads to target get to what is at addr? */
static bool gets_to(const struct ks_walk *w, u32 form, u64 target, u64 addr)
{
	return (form == KST_J_CALL ? callee(w, target) : target) == addr;
}

static bool match_jump(struct ks_walk *w, const struct kst_site *s)
{
	u64 target;
	u32 len = branch(w, s->form, s->arg, &target), run_len = len;

	if (len && s->form == KST_J_CALL)
		target = callee(w, target);
	if (w->b->kind == KST_REPL && len && len < s->len) {
		/*
		 * The kernel shortens a replacement's jump where it can, and fills up
		 * with nops, or (6.12) with int3.
		 */
		if (!have(w, s->len) || (!ks_all_nops(at(w) + len, s->len - len) &&
					 !all_int3(at(w) + len, s->len - len)))
			return ks_walk_fail(w, "no nops behind a shortened jump");
		run_len = s->len;
	}
	if (!len || (run_len != s->len && !may_stretch(w)))
		return ks_walk_fail(w, "not the jump or call that is expected");
	if (!is_jump_home(w, s) && !ks_match_assign(w, s->sym, target - s->addend))
		return false;
	return done(w, s, run_len);
}

/* The condition of a conditional jump in pre: 0..15. */
static u32 condition(const struct ks_walk *w, const struct kst_site *s)
{
	if (s->form != KST_J_JCC)
		return 0;
	if (s->kind == KST_S_JUMP)
		return s->arg;
	return (s->len == 2 ? w->pre[s->offset] : w->pre[s->offset + 1]) & 15;
}

/* Where lengths may differ, where it leads is checked when all of them are known. */
static bool match_branch(struct ks_walk *w, const struct kst_site *s)
{
	u64 target;
	u32 len = branch(w, s->form, condition(w, s), &target);

	if (!len || (len != s->len && !may_stretch(w)))
		return ks_walk_fail(w, "not the branch that is expected");
	if (!(w->b->flags & KST_BLOCK_ELASTIC) && !gets_to(w, s->form, target, w->addr + s->arg))
		return ks_walk_fail(w, "a branch leads to another place");
	return done(w, s, len);
}

/*
 * New code of an update has a plain jump where a static key can no longer
 * change: to the next instruction where the original has a nop.
 */
static bool is_fixed_nop(const struct ks_walk *w, const struct kst_site *s, u32 len, u64 target)
{
	return w->m->series && s->kind == KST_S_JUMP_LABEL && target == w->addr + w->r + len;
}

bool ks_site_leads_to(struct ks_walk *w, const struct kst_site *s, u32 run_offset, u32 run_target)
{
	u32 form = s->kind == KST_S_JUMP_LABEL ? KST_J_JMP : s->form;
	u64 target;
	u32 len;

	w->p = s->offset;
	w->r = run_offset;
	len = branch(w, form, condition(w, s), &target);
	if (!len && s->kind == KST_S_JUMP_LABEL)
		return true; /* a nop, which the first pass has seen */
	if (len && is_fixed_nop(w, s, len, target))
		return true;
	if (!len || !gets_to(w, form, target, w->addr + run_target))
		return ks_walk_fail(w, "a branch leads to another place");
	return true;
}

static const u8 nop2[] = { 0x66, 0x90 };
static const u8 nop5[] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };
static const u8 ret5[] = { 0xc3, 0xcc, 0xcc, 0xcc, 0xcc };
static const u8 xor5rax[] = { 0x2e, 0x2e, 0x2e, 0x31, 0xc0 };

static bool match_fentry(struct ks_walk *w, const struct kst_site *s)
{
	if (bytes_are(w, nop5, 5))
		return done(w, s, 5);
	if (have(w, 5) && at(w)[0] == 0xe8 && w->m->ops->is_fentry(w->m->ctx, w->addr + w->r))
		return done(w, s, 5);
	return ks_walk_fail(w, "not the nop or call of the function tracer");
}

static bool match_return(struct ks_walk *w, const struct kst_site *s)
{
	u64 target;

	if (bytes_are(w, ret5, 5))
		return done(w, s, 5);
	if (branch(w, KST_J_JMP, 0, &target) == 5 && w->m->ops->is_return_thunk(w->m->ctx, target))
		return done(w, s, 5);
	return ks_walk_fail(w, "not a return");
}

/* "jmp *reg" at an address of its own: what the ITS mitigation calls instead. */
static bool is_jump_thunk(struct ks_walk *w, u64 addr, u32 reg)
{
	u8 want[4], found[4];
	u32 n = 0;

	if (reg >= 8)
		want[n++] = 0x41;
	want[n++] = 0xff;
	want[n++] = 0xe0 + (reg & 7);
	want[n++] = 0xcc;
	return w->m->ops->read(w->m->ctx, addr, found, n) == n && !memcmp(found, want, n);
}

/* The indirect branch itself, instead of a branch to its thunk. */
static bool match_indirect(struct ks_walk *w, const u8 *p, u32 left, u32 form, u32 reg)
{
	static const u8 lfence[] = { 0x0f, 0xae, 0xe8 };
	u32 need = 2 + (reg >= 8);

	if (left >= 3 + need && !memcmp(p, lfence, 3)) {
		p += 3;
		left -= 3;
	}
	if (left < need || (reg >= 8 && *p != 0x41) || p[need - 2] != 0xff ||
	    p[need - 1] != (form == KST_J_CALL ? 0xd0 : 0xe0) + (reg & 7))
		return ks_walk_fail(w, "not the indirect branch that is expected");
	p += need;
	left -= need;
	/* A stop for speculation, where there is room for one. */
	if (form == KST_J_JMP && left) {
		if (*p != 0xcc)
			return ks_walk_fail(w, "no int3 behind an indirect jump");
		p++;
		left--;
	}
	if (!ks_all_nops(p, left))
		return ks_walk_fail(w, "no nops behind an indirect branch");
	return true;
}

static bool match_thunk(struct ks_walk *w, const struct kst_site *s)
{
	u32 reg = s->arg & 15, cond = s->arg >> 8, form = s->form, left = s->len, prefix;
	struct ks_walk v = *w;
	u64 target;
	u32 len;

	if (!have(w, s->len))
		return ks_walk_fail(w, "memory ends");
	/* A direct branch, with the CS prefix that pre has: to the thunk, or to one of the same
	 * effect. */
	prefix = (s->arg & 16) && *at(w) == 0x2e;
	v.r += prefix;
	len = branch(&v, form, cond, &target);
	if (len >= 5) {
		if (prefix + len > left || !ks_all_nops(at(&v) + len, left - prefix - len))
			return ks_walk_fail(w, "not the branch to a thunk that is expected");
		if (!is_jump_thunk(w, target, reg) &&
		    !w->m->ops->is_depth_thunk(w->m->ctx, target, reg, form == KST_J_CALL) &&
		    !ks_match_assign(w, s->sym, target))
			return false;
		return done(w, s, s->len);
	}
	v.r = w->r;
	/* A conditional jump becomes one of the opposite condition around an indirect jump. */
	if (form == KST_J_JCC) {
		if (at(&v)[0] != 0x70 + (cond ^ 1) || at(&v)[1] != s->len - 2)
			return ks_walk_fail(w, "not the branch that is expected");
		v.r += 2;
		left -= 2;
		form = KST_J_JMP;
	}
	return match_indirect(w, at(&v), left, form, reg) && done(w, s, s->len);
}

/* As the compiler left it: an indirect call through the slot itself. */
static bool is_slot_call(const struct ks_walk *w, const struct kst_site *s, u64 slot)
{
	const u8 *p = at(w);
	u8 modrm = s->form == KST_J_CALL ? 0x15 : 0x25;

	if (s->len >= 6 && p[0] == 0xff && p[1] == modrm)
		return w->addr + w->r + 6 + (s64)get_s32(p + 2) == slot &&
		       ks_all_nops(p + 6, s->len - 6);
	if (s->len >= 7 && p[0] == 0xff && p[1] == modrm - 1 && p[2] == 0x25)
		return (u64)(s64)get_s32(p + 3) == slot && ks_all_nops(p + 7, s->len - 7);
	return false;
}

static bool match_paravirt(struct ks_walk *w, const struct kst_site *s)
{
	u64 ops, func, target;
	u32 len;

	if (!have(w, s->len))
		return ks_walk_fail(w, "memory ends");
	if (!ks_match_value(w->m, s->sym, &ops) ||
	    w->m->ops->read(w->m->ctx, ops + s->addend, &func, 8) != 8)
		return ks_walk_fail_symbol(w, "pv_ops was not found", s->sym, 0);
	len = branch(w, s->form, 0, &target);
	if (len == 5 && gets_to(w, s->form, target, func) && ks_all_nops(at(w) + 5, s->len - 5))
		return done(w, s, s->len);
	if (w->m->ops->is_paravirt_nop(w->m->ctx, func) && ks_all_nops(at(w), s->len))
		return done(w, s, s->len);
	if (is_slot_call(w, s, ops + s->addend))
		return done(w, s, s->len);
	return ks_walk_fail(w, "not a call of what pv_ops holds");
}

static bool match_jump_label(struct ks_walk *w, const struct kst_site *s)
{
	u64 target;
	u32 len;

	if ((s->len == 2 || may_stretch(w)) && bytes_are(w, nop2, 2))
		return done(w, s, 2);
	if ((s->len == 5 || may_stretch(w)) && bytes_are(w, nop5, 5))
		return done(w, s, 5);
	len = branch(w, KST_J_JMP, 0, &target);
	if (!len || (len != s->len && !may_stretch(w)))
		return ks_walk_fail(w, "not the nop or jump of a jump label");
	if (is_fixed_nop(w, s, len, target))
		return done(w, s, len);
	if (s->sym != KST_NONE) {
		if (!ks_match_assign(w, s->sym, target - s->addend))
			return false;
	} else if (!(w->b->flags & KST_BLOCK_ELASTIC) && target != w->addr + s->arg) {
		return ks_walk_fail(w, "a jump label leads to another place");
	}
	return done(w, s, len);
}

/* The trampoline of a static call: a jump to the function, or a return; then a mark. */
static bool read_trampoline(struct ks_walk *w, u64 addr, u64 *func)
{
	static const u8 mark[] = { 0x0f, 0xb9, 0xcc };
	const struct ks_match_ops *ops = w->m->ops;
	u8 code[8];

	if (ops->read(w->m->ctx, addr, code, 8) != 8 || memcmp(code + 5, mark, 3))
		return false;
	if (!memcmp(code, ret5, 5)) {
		*func = 0;
		return true;
	}
	*func = addr + 5 + (s64)get_s32(code + 1);
	if (ops->is_return_thunk(w->m->ctx, *func))
		*func = 0;
	return code[0] == 0xe9;
}

/*
 * What a static call calls now.  A module may use one whose key is not
 * exported: then the object file has the trampoline in the key's place, and
 * the trampoline says it.
 */
static bool static_call_function(struct ks_walk *w, const struct kst_site *s, u64 *func)
{
	u64 key;

	if (!ks_match_value(w->m, s->sym, &key))
		return false;
	if (s->sym == s->arg)
		return read_trampoline(w, key, func);
	/* struct static_call_key starts with the function. */
	return w->m->ops->read(w->m->ctx, key, func, 8) == 8;
}

static bool match_static_call(struct ks_walk *w, const struct kst_site *s)
{
	const struct ks_match_ops *ops = w->m->ops;
	u64 func, target, trampoline;
	bool branches;
	u32 len;

	if (!have(w, s->len))
		return ks_walk_fail(w, "memory ends");
	len = branch(w, s->form, w->pre[s->offset + 1] & 15, &target);
	branches = len == s->len;
	/* Not transformed (yet): the trampoline. */
	if (branches && ks_match_value(w->m, s->arg, &trampoline) && target == trampoline)
		return done(w, s, s->len);
	if (!static_call_function(w, s, &func))
		return ks_walk_fail_symbol(w, "the key of a static call was not found", s->sym, 0);
	if (branches && func && gets_to(w, s->form, target, func))
		return done(w, s, s->len);
	if (s->form == KST_J_CALL && func && ops->is_return0(w->m->ctx, func) &&
	    bytes_are(w, xor5rax, 5))
		return done(w, s, s->len);
	if (!func && s->form == KST_J_CALL && bytes_are(w, nop5, 5))
		return done(w, s, s->len);
	if (!func && s->form == KST_J_JMP && bytes_are(w, ret5, 5))
		return done(w, s, s->len);
	if (!func && s->form != KST_J_CALL && branches && ops->is_return_thunk(w->m->ctx, target))
		return done(w, s, s->len);
	if (!func && s->form == KST_J_JCC && branches && ops->is_static_return(w->m->ctx, target))
		return done(w, s, s->len);
	return ks_walk_fail(w, "not what the key of a static call says");
}

bool ks_is_sealed(const u8 *code)
{
	/* 6.12's gen_endbr_poison(), "nopl -42(%rax)" before. */
	static const u8 sealed1[] = { 0x66, 0x0f, 0x1f, 0x00 };
	static const u8 sealed2[] = { 0x0f, 0x1f, 0x40, 0xd6 };

	return !memcmp(code, sealed1, 4) || !memcmp(code, sealed2, 4);
}

static bool match_endbr(struct ks_walk *w, const struct kst_site *s)
{
	static const u8 endbr[] = { 0xf3, 0x0f, 0x1e, 0xfa };

	if (bytes_are(w, endbr, 4) || (have(w, 4) && ks_is_sealed(at(w))))
		return done(w, s, 4);
	return ks_walk_fail(w, "not an endbr");
}

static bool match_const(struct ks_walk *w, const struct kst_site *s)
{
	u64 variable;
	u8 value[8];

	if (!have(w, s->len))
		return ks_walk_fail(w, "memory ends");
	if (!ks_match_value(w->m, s->sym, &variable) ||
	    w->m->ops->read(w->m->ctx, variable, value, s->len) != s->len)
		return ks_walk_fail_symbol(w, "the variable of a runtime constant was not found", s->sym, 0);
	if (memcmp(at(w), value, s->len))
		return ks_walk_fail(w, "not the value of a runtime constant");
	return done(w, s, s->len);
}

static bool match_nops(struct ks_walk *w, const struct kst_site *s)
{
	if (!have(w, s->len) || !ks_all_nops(at(w), s->len))
		return ks_walk_fail(w, "not nops");
	return done(w, s, s->len);
}

static bool match_lock(struct ks_walk *w, const struct kst_site *s)
{
	if (!have(w, 1) || (at(w)[0] != 0xf0 && at(w)[0] != 0x3e))
		return ks_walk_fail(w, "not a lock prefix");
	return done(w, s, 1);
}

/* The original form: the sites inside the alternative's range describe it. */
static bool match_original(struct ks_walk *w, u32 site, u32 end)
{
	const struct kst_view *t = w->m->table;
	struct ks_place place;
	u32 i;

	for (i = site + 1; i < w->b->site + w->b->nr_sites && t->sites[i].offset < end; i++)
		if (!ks_walk_bytes(w, t->sites[i].offset) || !ks_site_match(w, i, &place))
			return false;
	return ks_walk_bytes(w, end);
}

static bool match_replacement(struct ks_walk *w, u32 block, u32 len)
{
	const struct kst_view *t = w->m->table;
	struct ks_walk v = *w;
	struct ks_place place;
	u32 i, start = w->r;

	if (!have(w, len))
		return ks_walk_fail(w, "memory ends");
	if (block != KST_NONE) {
		v.b = &t->blocks[block];
		v.block = block;
		v.pre = t->code + v.b->code;
		v.p = 0;
		for (i = 0; i < v.b->nr_sites; i++)
			if (!ks_walk_bytes(&v, t->sites[v.b->site + i].offset) ||
			    !ks_site_match(&v, v.b->site + i, &place))
				return false;
		if (!ks_walk_bytes(&v, v.b->size))
			return false;
	}
	if (v.r - start > len || !ks_all_nops(v.run + v.r, len - (v.r - start)))
		return ks_walk_fail(w, "no nops behind a replacement");
	w->r = start + len;
	return true;
}

/* True: one of the forms is there; *form says which. */
static bool match_form(struct ks_walk *w, const struct kst_site *s, u32 site, u32 *form)
{
	u32 syms = w->m->nr_sym_log, blocks = w->m->nr_block_log;

	for (*form = 0; *form <= s->form; ++*form) {
		struct ks_walk v = *w;
		bool ok;

		v.in_alt = true;
		if (!*form)
			ok = match_original(&v, site, s->offset + s->len);
		else
			ok = match_replacement(&v, w->m->table->alts[s->arg + *form - 1].block,
					       s->len);
		/* Both sides move by the same length: all forms fill the place. */
		if (ok && v.r == w->r + s->len)
			return true;
		ks_match_forget(w->m, syms, blocks);
	}
	return false;
}

static bool match_alternative(struct ks_walk *w, const struct kst_site *s, u32 site, u32 *form)
{
	if (!match_form(w, s, site, form))
		return ks_walk_fail(w, "neither the original nor a replacement of an alternative");
	return done(w, s, s->len);
}

static bool match_site(struct ks_walk *w, u32 site, u32 *form)
{
	const struct kst_site *s = &w->m->table->sites[site];

	switch (s->kind) {
	case KST_S_REL:
		return match_rel(w, s);
	case KST_S_JUMP:
		return match_jump(w, s);
	case KST_S_BRANCH:
		return match_branch(w, s);
	case KST_S_FENTRY:
		return match_fentry(w, s);
	case KST_S_RETURN:
		return match_return(w, s);
	case KST_S_THUNK:
		return match_thunk(w, s);
	case KST_S_ALT:
		return match_alternative(w, s, site, form);
	case KST_S_PARAVIRT:
		return match_paravirt(w, s);
	case KST_S_LOCK:
		return match_lock(w, s);
	case KST_S_JUMP_LABEL:
		return match_jump_label(w, s);
	case KST_S_STATIC_CALL:
		return match_static_call(w, s);
	case KST_S_ENDBR:
		return match_endbr(w, s);
	case KST_S_NOPS:
		return match_nops(w, s);
	case KST_S_CONST:
		return match_const(w, s);
	}
	return ks_walk_fail(w, "a site of unknown kind");
}

bool ks_site_match(struct ks_walk *w, u32 site, struct ks_place *place)
{
	place->start = w->r;
	place->form = 0;
	if (!match_site(w, site, &place->form))
		return false;
	place->end = w->r;
	return true;
}
