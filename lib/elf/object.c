// SPDX-License-Identifier: GPL-2.0-only
/* Reading relocatable objects through libelf; see object.h. */
#include "elf/object.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Places in a section are numbers of 32 bits further on; and sums of addends must not overflow. */
#define MAX_SECTION (1u << 30)
#define MAX_ADDEND ((int64_t)1 << 62)
/* Of a large page; more would only make the new object large. */
#define MAX_ALIGN (2u << 20)

static struct ks_error *malformed(const struct ks_object *obj, const char *what)
{
	return ks_error_new(KS_E_INPUT, "%s: %s: not an object file that ksplice can read", obj->path,
			    what);
}

int ks_reloc_size(uint32_t type)
{
	switch (type) {
	case R_X86_64_NONE:
		return 0;
	case R_X86_64_64:
	case R_X86_64_PC64:
		return 8;
	case R_X86_64_PC32:
	case R_X86_64_PLT32:
	case R_X86_64_32:
	case R_X86_64_32S:
		return 4;
	default:
		return -1;
	}
}

bool ks_reloc_pcrel(uint32_t type)
{
	return type == R_X86_64_PC32 || type == R_X86_64_PLT32 || type == R_X86_64_PC64;
}

static int by_offset(const void *a, const void *b)
{
	const struct ks_reloc *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static struct ks_error *read_sections(struct ks_object *obj)
{
	size_t count, names;

	if (elf_getshdrnum(obj->elf, &count) || elf_getshdrstrndx(obj->elf, &names))
		return malformed(obj, elf_errmsg(-1));
	for (size_t i = 0; i < count; i++) {
		struct ks_section *sec = ks_vec_push(&obj->sections);
		Elf_Scn *scn = elf_getscn(obj->elf, i);
		GElf_Shdr sh;
		Elf_Data *data;

		sec->index = i;
		sec->name = "";
		if (!i)
			continue;
		if (!scn || !gelf_getshdr(scn, &sh))
			return malformed(obj, elf_errmsg(-1));
		sec->name = elf_strptr(obj->elf, names, sh.sh_name);
		if (!sec->name)
			return malformed(obj, "a section has no name");
		sec->type = sh.sh_type;
		sec->flags = sh.sh_flags;
		sec->size = sh.sh_size;
		sec->align = sh.sh_addralign ? sh.sh_addralign : 1;
		sec->entsize = sh.sh_entsize;
		if (sec->align > MAX_ALIGN || (sec->align & (sec->align - 1)))
			return malformed(obj, "a section's alignment is out of range");
		if (sh.sh_size > MAX_SECTION)
			return malformed(obj, "a section is larger than 1 GiB");
		if (sh.sh_type == SHT_NOBITS || !sh.sh_size)
			continue;
		data = elf_rawdata(scn, NULL);
		if (!data || !data->d_buf || data->d_size != sh.sh_size)
			return malformed(obj, sec->name);
		sec->data = data->d_buf;
	}
	return NULL;
}

static struct ks_error *read_symbols(struct ks_object *obj)
{
	for (size_t i = 1; i < obj->sections.len; i++) {
		Elf_Scn *scn = elf_getscn(obj->elf, i);
		GElf_Shdr sh;
		Elf_Data *data;
		size_t count;

		if (obj->sections.v[i].type != SHT_SYMTAB)
			continue;
		if (obj->symbols.len)
			return malformed(obj, "two symbol tables");
		data = elf_getdata(scn, NULL);
		if (!data || !gelf_getshdr(scn, &sh))
			return malformed(obj, elf_errmsg(-1));
		count = data->d_size / sizeof(Elf64_Sym);
		for (size_t n = 0; n < count; n++) {
			struct ks_symbol *sym = ks_vec_push(&obj->symbols);
			GElf_Sym raw;

			if (!gelf_getsym(data, n, &raw))
				return malformed(obj, elf_errmsg(-1));
			sym->name = elf_strptr(obj->elf, sh.sh_link, raw.st_name);
			if (!sym->name)
				return malformed(obj, "a symbol has no name");
			sym->type = GELF_ST_TYPE(raw.st_info);
			sym->bind = GELF_ST_BIND(raw.st_info);
			sym->shndx = raw.st_shndx;
			sym->value = raw.st_value;
			sym->size = raw.st_size;
			if (raw.st_shndx == SHN_UNDEF || raw.st_shndx >= SHN_LORESERVE)
				continue;
			if (raw.st_shndx >= obj->sections.len)
				return malformed(obj, "a symbol is in no section");
			sym->section = &obj->sections.v[raw.st_shndx];
			if (sym->value > sym->section->size ||
			    sym->size > sym->section->size - sym->value)
				return malformed(obj, sym->name);
		}
	}
	if (!obj->symbols.len)
		return malformed(obj, "no symbol table");
	ks_vec_for(&obj->symbols, sym)
		if (sym->type == STT_SECTION && sym->section)
			sym->section->section_symbol = sym;
	return NULL;
}

static struct ks_error *read_relocs(struct ks_object *obj)
{
	for (size_t i = 1; i < obj->sections.len; i++) {
		Elf_Scn *scn = elf_getscn(obj->elf, i);
		struct ks_section *sec;
		GElf_Shdr sh;
		Elf_Data *data;
		size_t count;

		if (obj->sections.v[i].type == SHT_REL)
			return malformed(obj, "relocations without addends");
		if (obj->sections.v[i].type != SHT_RELA)
			continue;
		data = elf_getdata(scn, NULL);
		if (!data || !gelf_getshdr(scn, &sh) || sh.sh_info >= obj->sections.len)
			return malformed(obj, obj->sections.v[i].name);
		sec = &obj->sections.v[sh.sh_info];
		count = data->d_size / sizeof(Elf64_Rela);
		for (size_t n = 0; n < count; n++) {
			struct ks_reloc *rel = ks_vec_push(&sec->relocs);
			GElf_Rela raw;
			int size;

			if (!gelf_getrela(data, n, &raw) ||
			    GELF_R_SYM(raw.r_info) >= obj->symbols.len)
				return malformed(obj, obj->sections.v[i].name);
			rel->offset = raw.r_offset;
			rel->type = GELF_R_TYPE(raw.r_info);
			rel->addend = raw.r_addend;
			rel->symbol = &obj->symbols.v[GELF_R_SYM(raw.r_info)];
			size = ks_reloc_size(rel->type);
			if (rel->addend > MAX_ADDEND || rel->addend < -MAX_ADDEND)
				return malformed(obj, "an addend is out of range");
			if (rel->offset > sec->size || (size > 0 && (uint64_t)size > sec->size - rel->offset))
				return malformed(obj, obj->sections.v[i].name);
		}
		if (sec->relocs.len)
			qsort(sec->relocs.v, sec->relocs.len, sizeof(*sec->relocs.v), by_offset);
	}
	return NULL;
}

struct ks_error *ks_object_open(const char *path, struct ks_object **result)
{
	struct ks_object *obj = ks_alloc(sizeof(*obj));
	struct ks_error *err = NULL;
	GElf_Ehdr eh;

	elf_version(EV_CURRENT);
	obj->path = ks_strdup(path);
	obj->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (obj->fd < 0) {
		err = ks_error_errno(errno, "%s", path);
		goto fail;
	}
	/* Read, not mapped: the file may shrink; and the sanitizers see where a section ends. */
	obj->elf = elf_begin(obj->fd, ELF_C_READ, NULL);
	if (!obj->elf || elf_kind(obj->elf) != ELF_K_ELF || !gelf_getehdr(obj->elf, &eh))
		err = malformed(obj, "not an ELF file");
	else if (eh.e_type != ET_REL || eh.e_machine != EM_X86_64 || eh.e_ident[EI_CLASS] != ELFCLASS64)
		err = malformed(obj, "not a relocatable x86-64 object");
	if (!err)
		err = read_sections(obj);
	if (!err)
		err = read_symbols(obj);
	if (!err)
		err = read_relocs(obj);
	if (!err) {
		*result = obj;
		return NULL;
	}
fail:
	ks_object_close(obj);
	return err;
}

void ks_object_close(struct ks_object *obj)
{
	if (!obj)
		return;
	ks_vec_for(&obj->sections, sec)
		ks_vec_free(&sec->relocs);
	ks_vec_free(&obj->sections);
	ks_vec_free(&obj->symbols);
	if (obj->elf)
		elf_end(obj->elf);
	if (obj->fd >= 0)
		close(obj->fd);
	free(obj->path);
	free(obj);
}

struct ks_section *ks_object_section(struct ks_object *obj, const char *name)
{
	ks_vec_for(&obj->sections, sec)
		if (!strcmp(sec->name, name))
			return sec;
	return NULL;
}

struct ks_reloc *ks_section_relocs(struct ks_section *sec, uint64_t from, uint64_t to, size_t *count)
{
	size_t lo = 0, hi = sec->relocs.len, first;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (sec->relocs.v[mid].offset < from)
			lo = mid + 1;
		else
			hi = mid;
	}
	first = lo;
	while (lo < sec->relocs.len && sec->relocs.v[lo].offset < to)
		lo++;
	*count = lo - first;
	return sec->relocs.v ? sec->relocs.v + first : NULL;
}
