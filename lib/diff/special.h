/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's tables beside the code (.altinstructions, __jump_table, ...):
 * their layout in one place, and reading their entries into the atoms that
 * they belong to.
 *
 * Layouts: arch/x86/include/asm/{alternative,jump_label,bug,extable,paravirt}.h,
 * include/linux/{static_call_types,jump_label}.h of Linux 6.1.
 */
#ifndef KS_DIFF_SPECIAL_H
#define KS_DIFF_SPECIAL_H

#include "diff/unit.h"

struct ks_special_layout {
	enum ks_special_kind kind;
	const char *section;
	uint32_t size;     /* of an entry; 0: found from the number of relocations */
	uint32_t nr_refs;  /* relocated fields of an entry at most, the first tells the owner */
	bool follows_code; /* determined by the function's bytes alone: no need to compare */
	/*
	 * Divides the size: the linker puts the tables of several objects one behind the other,
	 * and the module loader takes the whole for an array, in which padding would be an entry.
	 */
	uint32_t align;
};

/* Fields of entries that have no relocation. */
#define KS_ALT_SIZE_61 12
struct ks_alt_fields {
	uint32_t feature;
	uint8_t length, replacement;
};
struct ks_alt_fields ks_special_alt(const struct ks_special *sp);
/*
 * Does the kernel make a direct call of an indirect one there, whatever the
 * replacement says (ALT_FLAG_DIRECT_CALL, since 6.8, for paravirt)?
 */
bool ks_special_is_direct_call(const struct ks_special *sp);
struct ks_paravirt_fields {
	uint8_t type, length;
};
struct ks_paravirt_fields ks_special_paravirt(const struct ks_special *sp);

const struct ks_special_layout *ks_special_layout(enum ks_special_kind kind);
const struct ks_special_layout *ks_special_by_section(const char *section);

struct ks_error *ks_specials_read(struct ks_unit *u) KS_MUST_CHECK;

/* For special.c: a relocation as a ref of this unit. */
struct ks_error *ks_unit_resolve(struct ks_unit *u, const struct ks_reloc *rel, uint8_t bias,
				 struct ks_ref *ref) KS_MUST_CHECK;

#endif
