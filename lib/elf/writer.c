// SPDX-License-Identifier: GPL-2.0-only
/* Writing objects through libelf; see writer.h. */
#include "elf/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct wreloc {
	uint64_t offset;
	uint32_t type;
	ks_wsymbol sym;
	int64_t addend;
};

struct ks_wsection {
	struct ks_writer *w;
	char *name;
	uint32_t type;
	uint64_t flags, entsize, align, size;
	struct ks_buf data; /* empty for SHT_NOBITS */
	KS_VEC(struct wreloc) relocs;
	ks_wsymbol symbol;
	size_t index; /* in the file, set while writing */
};

struct wsymbol {
	char *name;
	unsigned char bind, type;
	struct ks_wsection *sec; /* NULL: undefined */
	uint64_t value, size;
	uint32_t index;
};

struct ks_writer {
	KS_VEC(struct ks_wsection *) sections;
	KS_VEC(struct wsymbol) symbols;
};

struct ks_writer *ks_writer_new(void)
{
	return ks_alloc(sizeof(struct ks_writer));
}

void ks_writer_free(struct ks_writer *w)
{
	if (!w)
		return;
	ks_vec_for(&w->sections, it) {
		free((*it)->name);
		ks_buf_free(&(*it)->data);
		ks_vec_free(&(*it)->relocs);
		free(*it);
	}
	ks_vec_free(&w->sections);
	ks_vec_for(&w->symbols, s)
		free(s->name);
	ks_vec_free(&w->symbols);
	free(w);
}

struct ks_wsection *ks_writer_section(struct ks_writer *w, const char *name, uint32_t type,
				      uint64_t flags, uint64_t entsize)
{
	struct ks_wsection *sec;

	ks_vec_for(&w->sections, it)
		if (!strcmp((*it)->name, name))
			return *it;
	sec = ks_alloc(sizeof(*sec));
	*ks_vec_push(&w->sections) = sec;
	sec->w = w;
	sec->name = ks_strdup(name);
	sec->type = type;
	sec->flags = flags;
	sec->entsize = entsize;
	sec->align = 1;
	sec->symbol = ks_writer_symbol(w, "", STB_LOCAL, STT_SECTION, sec, 0, 0);
	return sec;
}

uint64_t ks_wsection_add(struct ks_wsection *sec, const void *data, uint64_t len, uint64_t align)
{
	uint64_t at = (sec->size + align - 1) & ~(align - 1);

	if (align > sec->align)
		sec->align = align;
	if (sec->type != SHT_NOBITS) {
		const char *fill = (sec->flags & SHF_EXECINSTR) ? "\xcc" : "";

		while (sec->data.len < at)
			ks_buf_add(&sec->data, fill, 1);
		for (uint64_t i = 0; !data && i < len; i++)
			ks_buf_add(&sec->data, "", 1);
		if (data)
			ks_buf_add(&sec->data, data, len);
	}
	sec->size = at + len;
	return at;
}

uint8_t *ks_wsection_data(struct ks_wsection *sec)
{
	return (uint8_t *)sec->data.data;
}

uint64_t ks_wsection_size(const struct ks_wsection *sec)
{
	return sec->size;
}

ks_wsymbol ks_wsection_symbol(struct ks_wsection *sec)
{
	return sec->symbol;
}

ks_wsymbol ks_writer_symbol(struct ks_writer *w, const char *name, unsigned char bind, unsigned char type,
			    struct ks_wsection *sec, uint64_t value, uint64_t size)
{
	struct wsymbol *s = ks_vec_push(&w->symbols);

	s->name = ks_strdup(name);
	s->bind = bind;
	s->type = type;
	s->sec = sec;
	s->value = value;
	s->size = size;
	return w->symbols.len - 1;
}

ks_wsymbol ks_writer_undefined(struct ks_writer *w, const char *name)
{
	for (size_t i = 0; i < w->symbols.len; i++)
		if (w->symbols.v[i].bind == STB_GLOBAL && !strcmp(w->symbols.v[i].name, name))
			return i;
	return ks_writer_symbol(w, name, STB_GLOBAL, STT_NOTYPE, NULL, 0, 0);
}

void ks_wsection_reloc(struct ks_wsection *sec, uint64_t offset, uint32_t type, ks_wsymbol sym, int64_t addend)
{
	*ks_vec_push(&sec->relocs) = (struct wreloc){ offset, type, sym, addend };
}

/* libelf keeps pointers to all data until elf_update(): everything is collected first. */
struct image {
	Elf *elf;
	struct ks_buf names, strings;
	KS_VEC(Elf64_Sym) symtab;
	uint32_t first_global;
	KS_VEC(void *) tables;
};

static uint32_t add_name(struct ks_buf *names, const char *s)
{
	uint32_t at = names->len;

	ks_buf_add(names, s, strlen(s) + 1);
	return at;
}

static bool add_section(struct image *im, const char *name, uint32_t type, uint64_t flags,
			uint64_t align, uint64_t entsize, void *data, uint64_t size, uint32_t link,
			uint32_t info, Elf_Type dtype)
{
	Elf_Scn *scn = elf_newscn(im->elf);
	Elf_Data *d = scn ? elf_newdata(scn) : NULL;
	Elf64_Shdr *sh = scn ? elf64_getshdr(scn) : NULL;

	if (!d || !sh)
		return false;
	d->d_buf = data;
	d->d_size = size;
	d->d_align = align;
	d->d_type = dtype;
	d->d_version = EV_CURRENT;
	sh->sh_name = add_name(&im->names, name);
	sh->sh_type = type;
	sh->sh_flags = flags;
	sh->sh_entsize = entsize;
	sh->sh_addralign = align;
	sh->sh_link = link;
	sh->sh_info = info;
	return true;
}

/* Local symbols come first in a symbol table. */
static void build_symtab(struct ks_writer *w, struct image *im)
{
	ks_vec_push(&im->symtab);
	for (int global = 0; global < 2; global++) {
		if (global)
			im->first_global = im->symtab.len;
		ks_vec_for(&w->symbols, s) {
			Elf64_Sym *raw;

			if ((s->bind != STB_LOCAL) != global)
				continue;
			s->index = im->symtab.len;
			raw = ks_vec_push(&im->symtab);
			raw->st_name = *s->name ? add_name(&im->strings, s->name) : 0;
			raw->st_info = ELF64_ST_INFO(s->bind, s->type);
			raw->st_shndx = s->sec ? s->sec->index : SHN_UNDEF;
			raw->st_value = s->value;
			raw->st_size = s->size;
		}
	}
}

static bool build(struct ks_writer *w, struct image *im)
{
	size_t count = 0, symtab, n = 0;
	Elf64_Ehdr *eh = elf64_newehdr(im->elf);

	if (!eh)
		return false;
	eh->e_type = ET_REL;
	eh->e_machine = EM_X86_64;
	eh->e_ident[EI_DATA] = ELFDATA2LSB;
	eh->e_version = EV_CURRENT;
	ks_buf_add(&im->names, "", 1);
	ks_buf_add(&im->strings, "", 1);
	ks_vec_for(&w->sections, it)
		(*it)->index = ++count;
	ks_vec_for(&w->sections, it)
		count += (*it)->relocs.len != 0;
	symtab = count + 1;
	build_symtab(w, im);
	ks_vec_for(&w->sections, it) {
		struct ks_wsection *s = *it;

		if (!add_section(im, s->name, s->type, s->flags, s->align, s->entsize, s->data.data,
				 s->size, 0, 0, ELF_T_BYTE))
			return false;
		n++;
	}
	ks_vec_for(&w->sections, it) {
		struct ks_wsection *s = *it;
		Elf64_Rela *table;
		char *name;
		bool ok;

		if (!s->relocs.len)
			continue;
		table = ks_alloc(s->relocs.len * sizeof(*table));
		*ks_vec_push(&im->tables) = table;
		for (size_t i = 0; i < s->relocs.len; i++) {
			struct wreloc *r = &s->relocs.v[i];

			table[i].r_offset = r->offset;
			table[i].r_info = ELF64_R_INFO((uint64_t)w->symbols.v[r->sym].index, r->type);
			table[i].r_addend = r->addend;
		}
		name = ks_asprintf(".rela%s", s->name);
		ok = add_section(im, name, SHT_RELA, SHF_INFO_LINK, 8, sizeof(*table), table,
				 s->relocs.len * sizeof(*table), symtab, s->index, ELF_T_RELA);
		free(name);
		if (!ok)
			return false;
	}
	if (!add_section(im, ".symtab", SHT_SYMTAB, 0, 8, sizeof(Elf64_Sym), im->symtab.v,
			 im->symtab.len * sizeof(Elf64_Sym), symtab + 1, im->first_global, ELF_T_SYM) ||
	    !add_section(im, ".strtab", SHT_STRTAB, 0, 1, 0, im->strings.data, im->strings.len, 0, 0,
			 ELF_T_BYTE) ||
	    !add_section(im, ".shstrtab", SHT_STRTAB, 0, 1, 0, NULL, 0, 0, 0, ELF_T_BYTE))
		return false;
	/* Its own name is among the names, so its data is set last. */
	elf_getdata(elf_getscn(im->elf, symtab + 2), NULL)->d_buf = im->names.data;
	elf_getdata(elf_getscn(im->elf, symtab + 2), NULL)->d_size = im->names.len;
	eh->e_shstrndx = symtab + 2;
	return elf_update(im->elf, ELF_C_WRITE) >= 0;
}

struct ks_error *ks_writer_write(struct ks_writer *w, const char *path)
{
	struct ks_error *err = NULL;
	struct image im = { 0 };
	int fd;

	elf_version(EV_CURRENT);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return ks_error_errno(errno, "cannot write %s", path);
	im.elf = elf_begin(fd, ELF_C_WRITE, NULL);
	if (!im.elf || !build(w, &im))
		err = ks_error_new(KS_E_SYSTEM, "cannot write %s: %s", path, elf_errmsg(-1));
	if (im.elf)
		elf_end(im.elf);
	if (close(fd) && !err)
		err = ks_error_errno(errno, "cannot write %s", path);
	ks_buf_free(&im.names);
	ks_buf_free(&im.strings);
	ks_vec_free(&im.symtab);
	ks_vec_for(&im.tables, t)
		free(*t);
	ks_vec_free(&im.tables);
	return err;
}
