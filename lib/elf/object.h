/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A relocatable x86-64 object file in memory: sections, symbols, relocations.
 *
 * First room after the build: everything behind it (diff, table) works on
 * this model and never sees libelf.  The object owns all it points to.
 */
#ifndef KS_ELF_OBJECT_H
#define KS_ELF_OBJECT_H

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

struct ks_section;

struct ks_symbol {
	const char *name; /* "" for section symbols */
	unsigned char type, bind;
	uint16_t shndx;
	struct ks_section *section; /* NULL where undefined, absolute or common */
	uint64_t value, size;
};

struct ks_reloc {
	uint64_t offset; /* from the start of the section it applies to */
	uint32_t type;   /* R_X86_64_* */
	int64_t addend;
	struct ks_symbol *symbol;
};

struct ks_section {
	const char *name;
	size_t index;
	uint32_t type;
	uint64_t flags, size, align, entsize;
	const uint8_t *data; /* NULL for SHT_NOBITS */
	KS_VEC(struct ks_reloc) relocs; /* sorted by offset */
	struct ks_symbol *section_symbol; /* may be NULL */
};

struct ks_object {
	char *path;
	void *elf; /* Elf *, owns the data */
	int fd;
	KS_VEC(struct ks_section) sections; /* indexed as in the file */
	KS_VEC(struct ks_symbol) symbols;   /* indexed as in the file */
};

/* Refuses anything but a relocatable ELF64 x86-64 object with one symbol table. */
struct ks_error *ks_object_open(const char *path, struct ks_object **obj) KS_MUST_CHECK;
void ks_object_close(struct ks_object *obj);

struct ks_section *ks_object_section(struct ks_object *obj, const char *name); /* first, or NULL */

/* The relocations with from <= offset < to: a slice of the sorted array. */
struct ks_reloc *ks_section_relocs(struct ks_section *sec, uint64_t from, uint64_t to, size_t *count);

/* Bytes that a relocation of this type fills in (0: none, -1: not supported). */
int ks_reloc_size(uint32_t type);
bool ks_reloc_pcrel(uint32_t type);

#endif
