/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A unit: one compiled object taken apart into atoms.
 *
 * An atom is the smallest thing that can be compared, matched or replaced: a
 * function, a variable, a string, an anonymous constant.  With
 * -ffunction-sections -fdata-sections nearly each has a section of its own,
 * but not all: __sched functions share .sched.text, per-CPU variables share
 * .data..percpu, strings share a merged section.  So atoms are ranges.
 *
 * What an atom refers to is a list of refs.  A ref says which place it means
 * (target + addend), whatever the encoding: that x86 counts from the end of
 * the instruction, that the assembler turned a local symbol into section +
 * offset, or that it resolved a call within one section by itself, is gone.
 */
#ifndef KS_DIFF_UNIT_H
#define KS_DIFF_UNIT_H

#include "diff/insn.h"
#include "elf/object.h"

enum ks_atom_kind {
	KS_FUNC,    /* code with a name */
	KS_RODATA,  /* read-only data, named or (name "") anonymous */
	KS_STRING,  /* of a merged string section; the NUL is part of it */
	KS_DATA,    /* writable, initialised */
	KS_BSS,     /* writable, zero */
	KS_PIECE,   /* anonymous code: alternatives' replacements and slow paths */
	KS_OTHER,   /* in a section that only the boot or a loader reads */
};

struct ks_atom;

struct ks_ref {
	uint32_t offset;  /* of the field, from the start of the atom */
	uint32_t type;    /* R_X86_64_*; 0 for one that the assembler resolved (PC-relative) */
	uint8_t size;     /* of the field: 1, 4 or 8 bytes */
	uint8_t bias;     /* from the field to where the CPU counts from; 0 where it does not */
	struct ks_atom *atom; /* target in this unit, or NULL */
	const char *name;     /* the external symbol where atom is NULL */
	int64_t addend;       /* the place meant is the target plus this many bytes */
};

/* The tables that the kernel keeps beside its code; entries belong to the atom that field 0 points into. */
enum ks_special_kind {
	KS_SP_ALT,
	KS_SP_PARAVIRT,
	KS_SP_JUMP_LABEL,
	KS_SP_STATIC_CALL,
	KS_SP_BUG,
	KS_SP_EXTABLE,
	KS_SP_LOCK,
	KS_SP_RETPOLINE,
	KS_SP_RETURN,
	KS_SP_CALL,
	KS_SP_MCOUNT,
	KS_SP_ENDBR_SEAL,
	KS_SP_BLACKLIST,
	KS_SP_ORC,
	KS_SP_CONST_PTR,   /* runtime constants: field 1 is the variable that has the value */
	KS_SP_CONST_SHIFT,
	KS_NR_SPECIALS,
};

struct ks_special {
	enum ks_special_kind kind;
	uint32_t offset; /* in the atom that it belongs to: what its first field points at */
	uint32_t index;  /* entry number within its section */
	uint32_t size;
	const uint8_t *raw; /* the entry's bytes in the object */
	struct ks_ref refs[3]; /* the fields with relocations; offsets from the start of the entry */
	uint32_t nr_refs;
};

struct ks_atom {
	const char *name; /* "" where anonymous */
	enum ks_atom_kind kind;
	unsigned char bind; /* STB_*; STB_LOCAL for anonymous atoms */
	bool discarded;     /* text or data that is gone once the kernel runs (.init, .exit) */
	struct ks_section *section;
	uint32_t start, size; /* range in the section */
	const uint8_t *data;  /* NULL for KS_BSS */
	uint8_t *own_data;    /* where @data is not the object's (room.h); else NULL */
	KS_VEC(struct ks_ref) refs; /* sorted by offset */
	struct ks_insns insns;      /* code only */
	KS_VEC(struct ks_special) specials; /* sorted by offset, then kind */
	size_t index; /* in the unit */
	/* For lib/diff: the atom of the other side, and what became of this one. */
	struct ks_atom *pair;
	uint32_t mark;
};

struct ks_unit {
	char *name; /* the source file, for messages */
	struct ks_object *obj;
	KS_VEC(struct ks_atom *) atoms; /* in the order of the object's sections, then offsets */
	struct ks_atom **by_symbol;     /* per symbol of the object; NULL where none */
	struct ks_atom ***section_atoms; /* per section: sorted, NULL-terminated; may be NULL */
};

/* Takes @obj over, also on failure. */
struct ks_error *ks_unit_build(const char *name, struct ks_object *obj, struct ks_unit **unit) KS_MUST_CHECK;
void ks_unit_free(struct ks_unit *unit);

/*
 * The places outside of @a that an instruction counts from itself to: a branch,
 * or an operand at RIP.  @field: the offset of the field in the atom, @place
 * the offset of the place from its start.  False: there is none.
 */
bool ks_insn_leaves(const struct ks_atom *a, const struct ks_insn *insn, uint32_t *field, int64_t *place);

/* Is the field of @ref where a direct call or jump of @from says where it goes? */
bool ks_ref_is_branch(const struct ks_atom *from, const struct ks_ref *ref);

/* The object's own name for a target, for messages ("vprintk", or ".rodata+0x10"). */
char *ks_ref_describe(const struct ks_ref *ref);

const char *ks_special_section(enum ks_special_kind kind);

#define KS_ENDBR_SIZE 4u
/* Does it begin with the mark that an indirect call needs to find (CONFIG_X86_KERNEL_IBT)? */
bool ks_atom_has_endbr(const struct ks_atom *a);

/* Code that runs (or ran) in the kernel, as opposed to data. */
static inline bool ks_atom_is_code(const struct ks_atom *a)
{
	return a->kind == KS_FUNC || a->kind == KS_PIECE;
}

#endif
