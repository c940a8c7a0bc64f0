// SPDX-License-Identifier: GPL-2.0-only
/* Special sections; see special.h. */
#include "diff/special.h"

#include <stdlib.h>
#include <string.h>

/* arch/x86/include/asm/alternative.h: a flag of the upper half of ft_flags. */
#define ALT_FLAG_DIRECT_CALL (1u << 17)

static const struct ks_special_layout layouts[] = {
	{ KS_SP_ALT, ".altinstructions", 0, 2, false, 1 },
	{ KS_SP_PARAVIRT, ".parainstructions", 16, 1, false, 8 },
	{ KS_SP_JUMP_LABEL, "__jump_table", 16, 3, false, 8 },
	{ KS_SP_STATIC_CALL, ".static_call_sites", 8, 2, false, 4 },
	{ KS_SP_BUG, "__bug_table", 12, 2, false, 4 },
	{ KS_SP_EXTABLE, "__ex_table", 12, 2, false, 4 },
	{ KS_SP_LOCK, ".smp_locks", 4, 1, true, 4 },
	{ KS_SP_RETPOLINE, ".retpoline_sites", 4, 1, true, 4 },
	{ KS_SP_RETURN, ".return_sites", 4, 1, true, 4 },
	{ KS_SP_CALL, ".call_sites", 4, 1, true, 4 },
	{ KS_SP_MCOUNT, "__mcount_loc", 8, 1, true, 8 },
	{ KS_SP_ENDBR_SEAL, ".ibt_endbr_seal", 4, 1, true, 4 },
	{ KS_SP_BLACKLIST, "_kprobe_blacklist", 8, 1, true, 8 },
	{ KS_SP_ORC, ".orc_unwind_ip", 4, 1, true, 4 },
	/* 6.11 (commit e78298556ee5 "runtime constants: add x86 architecture support"): of each variable. */
	{ KS_SP_CONST_PTR, "runtime_ptr_", 4, 1, false, 4 },
	{ KS_SP_CONST_SHIFT, "runtime_shift_", 4, 1, false, 4 },
};

static bool is_const(enum ks_special_kind kind)
{
	return kind == KS_SP_CONST_PTR || kind == KS_SP_CONST_SHIFT;
}

const struct ks_special_layout *ks_special_layout(enum ks_special_kind kind)
{
	return &layouts[kind];
}

const struct ks_special_layout *ks_special_by_section(const char *section)
{
	for (size_t i = 0; i < KS_NR_SPECIALS; i++)
		if (is_const(layouts[i].kind) ? ks_str_starts(section, layouts[i].section) :
						!strcmp(layouts[i].section, section))
			return &layouts[i];
	return NULL;
}

const char *ks_special_section(enum ks_special_kind kind)
{
	return layouts[kind].section;
}

struct ks_alt_fields ks_special_alt(const struct ks_special *sp)
{
	struct ks_alt_fields f = { 0 };

	/* 6.1: u16 cpuid; 6.4 (commit 5d1dd961e743) and later: u32 ft_flags. */
	if (sp->size == KS_ALT_SIZE_61) {
		f.feature = sp->raw[8] | sp->raw[9] << 8;
		f.length = sp->raw[10];
		f.replacement = sp->raw[11];
	} else {
		f.feature = sp->raw[8] | sp->raw[9] << 8 | sp->raw[10] << 16 | (uint32_t)sp->raw[11] << 24;
		f.length = sp->raw[12];
		f.replacement = sp->raw[13];
	}
	return f;
}

bool ks_special_is_direct_call(const struct ks_special *sp)
{
	return sp->kind == KS_SP_ALT && sp->size != KS_ALT_SIZE_61 &&
	       (ks_special_alt(sp).feature & ALT_FLAG_DIRECT_CALL);
}

struct ks_paravirt_fields ks_special_paravirt(const struct ks_special *sp)
{
	return (struct ks_paravirt_fields){ .type = sp->raw[8], .length = sp->raw[9] };
}

static int by_place(const void *x, const void *y)
{
	const struct ks_special *a = x, *b = y;

	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	/* Of several alternatives at one place the later entry wins: keep the order. */
	return a->index < b->index ? -1 : a->index > b->index;
}

/*
 * The variable that a section of runtime constants is named after.  Where it is
 * another unit's, nothing else in the object need mention it.
 */
static struct ks_error *find_variable(struct ks_unit *u, const struct ks_special_layout *l,
				      const struct ks_section *sec, struct ks_ref *ref)
{
	const char *name = sec->name + strlen(l->section);

	ks_vec_for(&u->obj->symbols, sym)
		if (!strcmp(sym->name, name))
			return ks_unit_resolve(u, &(struct ks_reloc){ .type = R_X86_64_64, .symbol = sym },
					       0, ref);
	*ref = (struct ks_ref){ .type = R_X86_64_64, .size = 8, .name = name };
	return NULL;
}

static struct ks_error *read_section(struct ks_unit *u, const struct ks_special_layout *l,
				     struct ks_section *sec)
{
	uint32_t size = l->size;
	struct ks_ref variable;

	if (is_const(l->kind)) {
		struct ks_error *err = find_variable(u, l, sec, &variable);

		if (err)
			return err;
	}
	if (!size) {
		if (!sec->relocs.len || sec->relocs.len % l->nr_refs ||
		    sec->size % (sec->relocs.len / l->nr_refs))
			return ks_error_new(KS_E_REFUSED, "%s: %s has a layout that ksplice does not know",
					    u->name, sec->name);
		size = sec->size / (sec->relocs.len / l->nr_refs);
		if (size != KS_ALT_SIZE_61 && size != 14)
			return ks_error_new(KS_E_REFUSED, "%s: %s has entries of %u bytes; 12 or 14 are known",
					    u->name, sec->name, size);
	}
	if (!sec->data || sec->size % size)
		return ks_error_new(KS_E_REFUSED, "%s: %s is not a whole number of entries", u->name,
				    sec->name);
	for (uint32_t i = 0; i < sec->size / size; i++) {
		struct ks_special sp = { .kind = l->kind, .index = i, .size = size,
					 .raw = sec->data + (size_t)i * size };
		size_t count;
		struct ks_reloc *rel = ks_section_relocs(sec, (uint64_t)i * size,
							 (uint64_t)(i + 1) * size, &count);
		struct ks_atom *owner;

		if (!count || count > l->nr_refs)
			return ks_error_new(KS_E_REFUSED, "%s: entry %u of %s has %zu relocations",
					    u->name, i, sec->name, count);
		for (size_t n = 0; n < count; n++) {
			struct ks_error *err = ks_unit_resolve(u, &rel[n], 0, &sp.refs[n]);

			if (err)
				return err;
			sp.refs[n].offset = rel[n].offset - (uint64_t)i * size;
		}
		sp.nr_refs = count;
		if (is_const(l->kind))
			sp.refs[sp.nr_refs++] = variable;
		owner = sp.refs[0].atom;
		if (!owner || sp.refs[0].offset || sp.refs[0].addend < 0 ||
		    sp.refs[0].addend >= owner->size)
			continue; /* in the padding between functions, or not in this object */
		sp.offset = sp.refs[0].addend;
		*ks_vec_push(&owner->specials) = sp;
	}
	return NULL;
}

struct ks_error *ks_specials_read(struct ks_unit *u)
{
	ks_vec_for(&u->obj->sections, sec) {
		const struct ks_special_layout *l = ks_special_by_section(sec->name);
		struct ks_error *err = l && sec->size ? read_section(u, l, sec) : NULL;

		if (err)
			return err;
	}
	ks_vec_for(&u->atoms, it)
		if ((*it)->specials.len)
			qsort((*it)->specials.v, (*it)->specials.len, sizeof(*(*it)->specials.v), by_place);
	return NULL;
}
