// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where memory may legitimately differ from the object file: the sites of one
 * atom.  Each kind is described in include/ksplice/table.h; the core's
 * kernel/sites.c holds the rule that each is checked by.
 */
#include <stdlib.h>
#include <string.h>

#include "diff/special.h"
#include "table/builder.h"

static struct kst_site *site_new(struct ks_table *t, uint32_t offset, uint32_t len, uint32_t kind)
{
	struct kst_site *s = ks_vec_push(&t->sites);

	s->offset = offset;
	s->len = len;
	s->kind = kind;
	s->sym = KST_NONE;
	return s;
}

static struct ks_error *refuse(const struct ks_table *t, const struct ks_atom *a, uint32_t offset,
			       const char *what)
{
	return ks_error_new(KS_E_REFUSED, "%s: %s+0x%x: %s", t->diff->pre->name,
			    *a->name ? a->name : a->section->name, offset, what);
}

/* Functions of one class stand side by side in the kernel's text, so that jumps between them may be short. */
static int text_class(const struct ks_section *sec)
{
	static const char *const classes[] = { ".text.unlikely", ".text.hot", ".text.startup",
					       ".text.exit" };

	for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++)
		if (ks_str_starts(sec->name, classes[i]))
			return 1 + i;
	return 0;
}

static bool rel_form(uint32_t type, uint8_t *form)
{
	switch (type) {
	case R_X86_64_64:
		*form = KST_R_ABS64;
		return true;
	case R_X86_64_32:
		*form = KST_R_ABS32;
		return true;
	case R_X86_64_32S:
		*form = KST_R_ABS32S;
		return true;
	case 0: /* the assembler resolved it */
	case R_X86_64_PC32:
	case R_X86_64_PLT32:
		*form = KST_R_PC32;
		return true;
	case R_X86_64_PC64:
		*form = KST_R_PC64;
		return true;
	}
	return false;
}

static struct ks_error *add_rel(struct ks_table *t, const struct ks_atom *a, const struct ks_ref *ref)
{
	uint8_t form;
	struct kst_site *s;
	uint32_t sym;

	if (!rel_form(ref->type, &form))
		return refuse(t, a, ref->offset, "a relocation that ksplice does not know");
	sym = ks_table_ref_symbol(t, ref);
	s = site_new(t, ref->offset, ref->size, KST_S_REL);
	s->form = form;
	s->sym = sym;
	s->arg = ref->bias;
	s->addend = ref->addend;
	return NULL;
}

static const struct ks_ref *ref_in(const struct ks_atom *a, uint32_t from, uint32_t to)
{
	ks_vec_for(&a->refs, ref)
		if (ref->offset >= from && ref->offset < to)
			return ref;
	return NULL;
}

static bool special_at(const struct ks_atom *a, uint32_t from, uint32_t to, enum ks_special_kind kind,
		       const struct ks_special **found)
{
	ks_vec_for(&a->specials, sp)
		if (sp->kind == kind && sp->offset >= from && sp->offset < to) {
			*found = sp;
			return true;
		}
	return false;
}

static int thunk_register(const char *name)
{
	static const char *const regs[] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
					    "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15" };
	static const char prefix[] = "__x86_indirect_thunk_";

	if (!name || !ks_str_starts(name, prefix))
		return -1;
	for (int i = 0; i < 16; i++)
		if (!strcmp(name + sizeof(prefix) - 1, regs[i]))
			return i;
	return -1;
}

static uint8_t jump_form(const struct ks_insn *insn)
{
	return insn->kind == KS_INSN_CALL ? KST_J_CALL : insn->kind == KS_INSN_JMP ? KST_J_JMP : KST_J_JCC;
}

/*
 * Bytes in front of the opcode, such as the hint in "jbe,pn" (vmwrite): they
 * are bytes like others, and the branch's site begins behind them.
 */
static uint32_t prefixes(const struct ks_insn *insn)
{
	return insn->rel_offset - (insn->kind == KS_INSN_JCC && insn->rel_size == 4 ? 2 : 1);
}

/* Does the instruction have the plain encoding that the core knows, behind its prefixes? */
static bool plain_branch(const struct ks_insn *insn)
{
	uint32_t length = insn->length - prefixes(insn);

	switch (insn->kind) {
	case KS_INSN_CALL:
		return length == 5;
	case KS_INSN_JMP:
		return length == 5 || length == 2;
	case KS_INSN_JCC:
		return insn->cond != 0xff && (length == 6 || length == 2);
	}
	return false;
}

/* A direct branch with a target outside the atom. */
static struct ks_error *add_branch_out(struct ks_table *t, const struct ks_atom *a,
				       const struct ks_insn *insn, const struct ks_ref *ref, uint32_t *flags)
{
	const struct ks_special *sp;
	uint32_t sym = ks_table_ref_symbol(t, ref);
	int reg = thunk_register(ref->name);
	struct kst_site *s;

	if (special_at(a, insn->offset, insn->offset + 1, KS_SP_STATIC_CALL, &sp) &&
	    insn->length >= 5 && sp->nr_refs > 1) {
		uint32_t key = ks_table_ref_symbol(t, &sp->refs[1]);

		s = site_new(t, insn->offset, insn->length, KST_S_STATIC_CALL);
		s->form = jump_form(insn);
		s->sym = key;
		s->arg = sym;
		return NULL;
	}
	if (ref->name && !ref->atom && !strcmp(ref->name, "__fentry__")) {
		s = site_new(t, insn->offset, insn->length, KST_S_FENTRY);
	} else if (ref->name && !ref->atom && !strcmp(ref->name, "__x86_return_thunk") &&
		   insn->kind == KS_INSN_JMP) {
		s = site_new(t, insn->offset, insn->length, KST_S_RETURN);
	} else if (!ref->atom && reg >= 0) {
		bool prefix = insn->rel_offset == (insn->kind == KS_INSN_JCC ? 3 : 2);

		s = site_new(t, insn->offset, insn->length, KST_S_THUNK);
		s->form = jump_form(insn);
		s->arg = reg | (prefix ? 1u << 4 : 0) | (insn->kind == KS_INSN_JCC ? insn->cond << 8 : 0);
	} else {
		if (!plain_branch(insn)) {
			if (!ref->type)
				return refuse(t, a, insn->offset, "a branch to another function in an unusual encoding");
			return add_rel(t, a, ref);
		}
		s = site_new(t, insn->offset + prefixes(insn), insn->length - prefixes(insn), KST_S_JUMP);
		s->form = jump_form(insn);
		s->arg = insn->kind == KS_INSN_JCC ? insn->cond : 0;
		s->addend = ref->addend;
		if (insn->kind != KS_INSN_CALL && ref->atom && ks_atom_is_code(ref->atom) &&
		    text_class(ref->atom->section) == text_class(a->section))
			*flags |= KST_BLOCK_ELASTIC;
	}
	s->sym = sym;
	return NULL;
}

/* The alternatives at one place: a site, and a block for each replacement. */
static struct ks_error *add_alternative(struct ks_table *t, struct ks_atom *a, uint32_t offset)
{
	uint32_t first = t->alts.len, count = 0, len = 0;
	struct kst_site *s;

	ks_vec_for(&a->specials, sp) {
		struct ks_alt_fields f;

		/* What becomes of a direct call's place is a rule of its original form. */
		if (sp->kind != KS_SP_ALT || sp->offset != offset || ks_special_is_direct_call(sp))
			continue;
		f = ks_special_alt(sp);
		if (f.length > len)
			len = f.length;
		count++;
	}
	if (!count)
		return NULL;
	s = site_new(t, offset, len, KST_S_ALT);
	s->form = count;
	s->arg = first;
	ks_vec_for(&a->specials, sp) {
		struct ks_alt_fields f;
		struct kst_alt *alt;

		if (sp->kind != KS_SP_ALT || sp->offset != offset || ks_special_is_direct_call(sp))
			continue;
		f = ks_special_alt(sp);
		alt = ks_vec_push(&t->alts);
		alt->feature = f.feature;
		alt->block = KST_NONE;
		if (!f.replacement)
			continue;
		if (sp->nr_refs < 2 || !sp->refs[1].atom || sp->refs[1].addend ||
		    sp->refs[1].atom->size != f.replacement)
			return refuse(t, a, offset, "an alternative whose replacement is in no known place");
		/*
		 * The replacement's block has sites of its own, which cannot come in
		 * the middle of this atom's: until drain_queue() has made it, this is
		 * its place in the queue.
		 */
		alt->block = t->queue.len;
		*ks_vec_push(&t->queue) = sp->refs[1].atom;
	}
	return NULL;
}

/* Calls through pv_ops, of which the kernel makes direct ones: since 6.8 they are alternatives. */
static bool is_paravirt(const struct ks_atom *a, const struct ks_insn *insn, uint32_t *len)
{
	uint32_t from = insn->offset;

	ks_vec_for(&a->specials, sp) {
		if (sp->offset != from)
			continue;
		if (sp->kind == KS_SP_PARAVIRT)
			*len = ks_special_paravirt(sp).length;
		else if (ks_special_is_direct_call(sp) && insn->length == 6 && ks_special_alt(sp).length == 6)
			*len = 6;
		else
			continue;
		return true;
	}
	return false;
}

/* A value that the boot has written into the instruction. */
static void add_const(struct ks_table *t, const struct ks_special *sp)
{
	bool shift = sp->kind == KS_SP_CONST_SHIFT;
	uint32_t sym = ks_table_ref_symbol(t, &sp->refs[1]);
	struct kst_site *s = site_new(t, sp->offset, shift ? 1 : 8, KST_S_CONST);

	s->form = shift ? KST_C_SHIFT : KST_C_PTR;
	s->sym = sym;
}

static struct ks_error *add_insn(struct ks_table *t, struct ks_atom *a, const struct ks_insn *insn,
				 uint32_t *flags)
{
	uint32_t from = insn->offset, to = from + insn->length, len;
	const struct ks_special *sp;
	const struct ks_ref *ref = ref_in(a, from, to);
	struct kst_site *s;

	if (!from && ks_atom_has_endbr(a)) {
		site_new(t, 0, KS_ENDBR_SIZE, KST_S_ENDBR);
		return NULL;
	}
	if (special_at(a, from, from + 1, KS_SP_JUMP_LABEL, &sp) && sp->nr_refs > 1) {
		const struct ks_ref *target = &sp->refs[1];
		uint32_t sym = KST_NONE;

		if (target->atom != a)
			sym = ks_table_ref_symbol(t, target);
		s = site_new(t, from, insn->length, KST_S_JUMP_LABEL);
		s->sym = sym;
		if (target->atom == a)
			s->arg = target->addend;
		else
			s->addend = target->addend;
		return NULL;
	}
	if (ref && is_paravirt(a, insn, &len)) {
		uint32_t sym = ks_table_ref_symbol(t, ref);

		s = site_new(t, from, len, KST_S_PARAVIRT);
		s->form = insn->kind == KS_INSN_END ? KST_J_JMP : KST_J_CALL;
		s->sym = sym;
		s->addend = ref->addend;
		return NULL;
	}
	if (special_at(a, from, to, KS_SP_LOCK, &sp))
		site_new(t, sp->offset, 1, KST_S_LOCK);
	if (special_at(a, from, to, KS_SP_CONST_PTR, &sp) || special_at(a, from, to, KS_SP_CONST_SHIFT, &sp))
		add_const(t, sp);
	if (insn->rel_size) {
		int64_t target = (int64_t)to + insn->rel;

		if (ref && ref->offset == from + insn->rel_offset && ref->atom != a)
			return add_branch_out(t, a, insn, ref, flags);
		if (ref)
			target = ref->addend;
		if (target < 0 || target > a->size)
			return refuse(t, a, from, "a branch that leads nowhere");
		s = site_new(t, from + prefixes(insn), insn->length - prefixes(insn), KST_S_BRANCH);
		s->form = jump_form(insn);
		s->arg = target;
		return NULL;
	}
	ks_vec_for(&a->refs, r)
		if (r->offset >= from && r->offset < to) {
			struct ks_error *err = add_rel(t, a, r);

			if (err)
				return err;
		}
	return NULL;
}

/*
 * Internal branches need no site where lengths cannot differ: their bytes are
 * compared.  But a function's call of itself may lead to the padding in front
 * of it (call depth tracking).
 */
static void drop_branches(struct ks_table *t, size_t first, const struct ks_atom *a)
{
	size_t n = first;

	for (size_t i = first; i < t->sites.len; i++) {
		struct kst_site *s = &t->sites.v[i];

		/* One with a relocation to its own function has no bytes to compare: a jump to it. */
		if (s->kind == KST_S_BRANCH && s->form != KST_J_CALL && !ref_in(a, s->offset, s->offset + s->len))
			continue;
		t->sites.v[n++] = *s;
	}
	t->sites.len = n;
}

/* Branches of unusual encoding cannot be checked by the core in elastic blocks. */
static struct ks_error *check_elastic(struct ks_table *t, const struct ks_atom *a)
{
	ks_vec_for(&a->insns.list, insn)
		if (insn->rel_size && !ref_in(a, insn->offset, insn->offset + insn->length) &&
		    !plain_branch(insn))
			return refuse(t, a, insn->offset, "a loop instruction in a function whose jumps may change their length");
	return NULL;
}

static struct ks_error *add_code_sites(struct ks_table *t, struct ks_atom *a, uint32_t *flags)
{
	size_t first = t->sites.len;
	uint32_t alt_done = 0;

	ks_vec_for(&a->insns.list, insn) {
		const struct ks_special *sp;
		struct ks_error *err;

		if (insn->offset >= alt_done &&
		    special_at(a, insn->offset, insn->offset + insn->length, KS_SP_ALT, &sp)) {
			if (sp->offset != insn->offset)
				return refuse(t, a, sp->offset, "an alternative inside an instruction");
			err = add_alternative(t, a, insn->offset);
			if (err)
				return err;
			alt_done = insn->offset + 1;
		}
		err = add_insn(t, a, insn, flags);
		if (err)
			return err;
	}
	if (!(*flags & KST_BLOCK_ELASTIC)) {
		drop_branches(t, first, a);
		return NULL;
	}
	return check_elastic(t, a);
}

struct ks_error *ks_table_add_sites(struct ks_table *t, struct ks_atom *a, uint32_t *flags)
{
	if (ks_atom_is_code(a))
		return add_code_sites(t, a, flags);
	ks_vec_for(&a->refs, ref) {
		struct ks_error *err = add_rel(t, a, ref);

		if (err)
			return err;
	}
	return NULL;
}
