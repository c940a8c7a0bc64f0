// SPDX-License-Identifier: GPL-2.0-only
/*
 * What may be in memory at each kind of site.
 *
 * The rules follow what Linux writes: arch/x86/kernel/{alternative,static_call,
 * jump_label,ftrace}.c of 6.1.  They are as exact as the kernel's own state
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

static bool match_jump(struct ks_walk *w, const struct kst_site *s)
{
	bool elastic = w->b->flags & KST_BLOCK_ELASTIC;
	u64 target;
	u32 len = branch(w, s->form, s->arg, &target);

	/* In a replacement, the kernel shortens a jump and fills up with nops. */
	if (w->loose && len && len < s->len) {
		if (!have(w, s->len) || !ks_all_nops(at(w) + len, s->len - len))
			return ks_walk_fail(w, "no nops behind a shortened jump");
		if (!ks_match_assign(w, s->sym, target - s->addend))
			return false;
		return done(w, s, s->len);
	}
	if (!len || (len != s->len && !elastic))
		return ks_walk_fail(w, "not the jump or call that is expected");
	if (!ks_match_assign(w, s->sym, target - s->addend))
		return false;
	return done(w, s, len);
}

/* In elastic blocks, where it leads is checked when all lengths are known. */
static bool match_branch(struct ks_walk *w, const struct kst_site *s)
{
	u32 cond = s->len == 2 ? w->pre[s->offset] & 15 : w->pre[s->offset + 1] & 15;
	u64 target;
	u32 len = branch(w, s->form, cond, &target);

	if (!len)
		return ks_walk_fail(w, "not the branch that is expected");
	if (!(w->b->flags & KST_BLOCK_ELASTIC) && (len != s->len || target != w->addr + s->arg))
		return ks_walk_fail(w, "a branch leads to another place");
	return done(w, s, len);
}

bool ks_site_check_target(struct ks_walk *w, const struct kst_site *s, u32 run_offset, u32 run_target)
{
	u32 cond = 0, len;
	u64 target;

	w->p = s->offset;
	w->r = run_offset;
	if (s->form == KST_J_JCC)
		cond = s->len == 2 ? w->pre[s->offset] & 15 : w->pre[s->offset + 1] & 15;
	len = branch(w, s->kind == KST_S_JUMP_LABEL ? KST_J_JMP : s->form, cond, &target);
	if (!len && s->kind == KST_S_JUMP_LABEL)
		return true; /* a nop, which the first pass has seen */
	if (!len || target != w->addr + run_target)
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

static bool match_thunk(struct ks_walk *w, const struct kst_site *s)
{
	u32 reg = s->arg & 15, cond = s->arg >> 8, left = s->len, form = s->form;
	static const u8 lfence[] = { 0x0f, 0xae, 0xe8 };
	struct ks_walk v = *w;
	u64 target;
	u32 len;

	if (!have(w, s->len))
		return ks_walk_fail(w, "memory ends");
	if (form == KST_J_JCC && at(&v)[0] == 0x70 + (cond ^ 1) && at(&v)[1] == s->len - 2) {
		v.r += 2;
		left -= 2;
		form = KST_J_JMP;
	}
	/* A direct branch: to the thunk, or to one of the same effect. */
	if (at(&v)[0] == 0x2e) {
		v.r++;
		left--;
	}
	len = branch(&v, form, cond, &target);
	if (len >= 5) {
		if (len > left || !ks_all_nops(at(&v) + len, left - len))
			return ks_walk_fail(w, "not the branch to a thunk that is expected");
		if (!is_jump_thunk(w, target, reg) && !ks_match_assign(w, s->sym, target))
			return false;
		return done(w, s, s->len);
	}
	/* The indirect branch itself. */
	if (left > 3 && !memcmp(at(&v), lfence, 3)) {
		v.r += 3;
		left -= 3;
	}
	if (reg >= 8 && left && at(&v)[0] == 0x41) {
		v.r++;
		left--;
	} else if (reg >= 8) {
		return ks_walk_fail(w, "not the indirect branch that is expected");
	}
	if (left < 2 || at(&v)[0] != 0xff ||
	    at(&v)[1] != (form == KST_J_CALL ? 0xd0 : 0xe0) + (reg & 7))
		return ks_walk_fail(w, "not the indirect branch that is expected");
	v.r += 2;
	left -= 2;
	if (form == KST_J_JMP && left && at(&v)[0] == 0xcc) {
		v.r++;
		left--;
	}
	if (!ks_all_nops(at(&v), left))
		return ks_walk_fail(w, "no nops behind an indirect branch");
	return done(w, s, s->len);
}

/* As the compiler left it: an indirect call through the slot itself. */
static bool is_slot_call(const struct ks_walk *w, const struct kst_site *s, u64 slot)
{
	const u8 *p = at(w);
	u8 modrm = s->form == KST_J_CALL ? 0x15 : 0x25;

	if (s->len >= 6 && p[0] == 0xff && p[1] == modrm)
		return w->addr + w->r + 6 + (s64)get_s32(p + 2) == slot && ks_all_nops(p + 6, s->len - 6);
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
	if (len == 5 && target == func && ks_all_nops(at(w) + 5, s->len - 5))
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

	if (s->len == 2 ? bytes_are(w, nop2, 2) : bytes_are(w, nop5, 5))
		return done(w, s, s->len);
	len = branch(w, KST_J_JMP, 0, &target);
	if (!len || (len != s->len && !(w->b->flags & KST_BLOCK_ELASTIC)))
		return ks_walk_fail(w, "not the nop or jump of a jump label");
	if (s->sym != KST_NONE) {
		if (!ks_match_assign(w, s->sym, target - s->addend))
			return false;
	} else if (!(w->b->flags & KST_BLOCK_ELASTIC) && target != w->addr + s->arg) {
		return ks_walk_fail(w, "a jump label leads to another place");
	}
	return done(w, s, len);
}

static bool match_static_call(struct ks_walk *w, const struct kst_site *s)
{
	const struct ks_match_ops *ops = w->m->ops;
	u64 key, func, target, trampoline;
	bool branches;
	u32 len;

	if (!have(w, s->len))
		return ks_walk_fail(w, "memory ends");
	len = branch(w, s->form, w->pre[s->offset + 1] & 15, &target);
	branches = len == s->len;
	/* Not transformed (yet): the trampoline. */
	if (branches && ks_match_value(w->m, s->arg, &trampoline) && target == trampoline)
		return done(w, s, s->len);
	/* struct static_call_key starts with the function. */
	if (!ks_match_value(w->m, s->sym, &key) || ops->read(w->m->ctx, key, &func, 8) != 8)
		return ks_walk_fail_symbol(w, "the key of a static call was not found", s->sym, 0);
	if (branches && func && target == func)
		return done(w, s, s->len);
	if (s->form == KST_J_CALL && func && ops->is_return0(w->m->ctx, func) && bytes_are(w, xor5rax, 5))
		return done(w, s, s->len);
	if (!func && s->form == KST_J_CALL && bytes_are(w, nop5, 5))
		return done(w, s, s->len);
	if (!func && s->form == KST_J_JMP && bytes_are(w, ret5, 5))
		return done(w, s, s->len);
	if (!func && s->form != KST_J_CALL && branches && ops->is_return_thunk(w->m->ctx, target))
		return done(w, s, s->len);
	return ks_walk_fail(w, "not what the key of a static call says");
}

static bool match_endbr(struct ks_walk *w, const struct kst_site *s)
{
	static const u8 endbr[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	/* What a sealed one becomes: 6.12's gen_endbr_poison(), "nopl -42(%rax)" before. */
	static const u8 sealed1[] = { 0x66, 0x0f, 0x1f, 0x00 };
	static const u8 sealed2[] = { 0x0f, 0x1f, 0x40, 0xd6 };

	if (bytes_are(w, endbr, 4) || bytes_are(w, sealed1, 4) || bytes_are(w, sealed2, 4))
		return done(w, s, 4);
	return ks_walk_fail(w, "not an endbr");
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

/* Undoes what a failed form of an alternative has assigned. */
static void forget_since(struct ks_match *m, u32 syms, u32 blocks)
{
	while (m->nr_sym_log > syms)
		m->known[m->sym_log[--m->nr_sym_log]] = 0;
	while (m->nr_block_log > blocks)
		m->queued[m->block_log[--m->nr_block_log]] = 0;
}

/* The original form: the sites inside the alternative's range describe it. */
static bool match_original(struct ks_walk *w, u32 site, u32 end)
{
	const struct kst_view *t = w->m->table;
	u32 i;

	for (i = site + 1; i < w->b->site + w->b->nr_sites && t->sites[i].offset < end; i++) {
		if (t->sites[i].kind == KST_S_ALT)
			return ks_walk_fail(w, "an alternative inside an alternative");
		if (!ks_walk_bytes(w, t->sites[i].offset) || !ks_site_match(w, i))
			return false;
	}
	return ks_walk_bytes(w, end);
}

static bool match_replacement(struct ks_walk *w, u32 block, u32 len)
{
	const struct kst_view *t = w->m->table;
	struct ks_walk v = *w;
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
			    !ks_site_match(&v, v.b->site + i))
				return false;
		if (!ks_walk_bytes(&v, v.b->size))
			return false;
	}
	if (v.r - start > len || !ks_all_nops(v.run + v.r, len - (v.r - start)))
		return false;
	w->r = start + len;
	return true;
}

static bool match_alternative(struct ks_walk *w, const struct kst_site *s, u32 site)
{
	u32 syms = w->m->nr_sym_log, blocks = w->m->nr_block_log, i;
	struct ks_walk v = *w;
	struct ks_mismatch miss;

	v.loose = true;
	if (match_original(&v, site, s->offset + s->len)) {
		w->p = v.p;
		w->r = v.r;
		return true;
	}
	miss = w->m->miss;
	for (i = 0; i < s->form; i++) {
		forget_since(w->m, syms, blocks);
		v = *w;
		v.loose = true;
		if (match_replacement(&v, w->m->table->alts[s->arg + i].block, s->len)) {
			w->p = s->offset + s->len;
			w->r = v.r;
			return true;
		}
	}
	forget_since(w->m, syms, blocks);
	w->m->miss = miss;
	return ks_walk_fail(w, "neither the original nor a replacement of an alternative");
}

bool ks_site_match(struct ks_walk *w, u32 site)
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
		return match_alternative(w, s, site);
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
	}
	return ks_walk_fail(w, "a site of unknown kind");
}
