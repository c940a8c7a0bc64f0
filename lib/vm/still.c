// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module that loads and does nothing; see still.h.
 *
 * The loader finds the two functions in struct module, which is a section of
 * the file, ".gnu.linkonce.this_module", with a relocation for each pointer
 * (scripts/mod/modpost.c writes it).  A relocation of type R_X86_64_NONE
 * leaves the pointer NULL, and the loader calls nothing.
 */
#include "vm/still.h"

#include <archive.h>
#include <archive_entry.h>
#include <elf.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"

#define MAX_MODULE (512u << 20)
#define CHUNK (1u << 20)

/* Debian's are .ko.xz since 6.12; insmod of busybox takes a plain one only. */
static struct ks_error *decompress(const char *module, struct ks_buf *file)
{
	struct archive *a = archive_read_new();
	struct ks_error *err = NULL;
	struct ks_buf out = { 0 };
	struct archive_entry *e;
	char *chunk;
	la_ssize_t n = -1;

	if (!a)
		return ks_error_nomem();
	chunk = ks_alloc(CHUNK);
	archive_read_support_filter_gzip(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_zstd(a);
	archive_read_support_format_raw(a);
	if (!archive_read_open_memory(a, file->data, file->len) && !archive_read_next_header(a, &e))
		while ((n = archive_read_data(a, chunk, CHUNK)) > 0 && (size_t)n <= MAX_MODULE - out.len)
			ks_buf_add(&out, chunk, n);
	if (n > 0)
		err = ks_error_new(KS_E_INPUT, "%s: the module in it is larger than %u MB", module,
				   MAX_MODULE >> 20);
	else if (n < 0)
		err = ks_error_new(KS_E_INPUT,
				   "%s: it is no kernel module, or is damaged (not an ELF file, and cannot be decompressed: %s)",
				   module, archive_error_string(a) ? archive_error_string(a) : "it is empty");
	archive_read_free(a);
	free(chunk);
	ks_buf_free(file);
	*file = out;
	return err;
}

static bool starts_or_ends(Elf *elf, const GElf_Shdr *rela, const GElf_Rela *r)
{
	Elf_Scn *symtab = elf_getscn(elf, rela->sh_link);
	GElf_Shdr shdr;
	GElf_Sym sym;
	const char *name;

	if (!symtab || !gelf_getshdr(symtab, &shdr) ||
	    !gelf_getsym(elf_getdata(symtab, NULL), GELF_R_SYM(r->r_info), &sym))
		return false;
	name = elf_strptr(elf, shdr.sh_link, sym.st_name);
	return name && (!strcmp(name, "init_module") || !strcmp(name, "cleanup_module"));
}

/* Sets the types in the file's bytes; returns how many, or -1 for a damaged file. */
static int quiet_section(Elf *elf, Elf_Scn *scn, const GElf_Shdr *shdr, struct ks_buf *file)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	int done = 0;
	GElf_Rela r;

	if (!data || shdr->sh_type != SHT_RELA || shdr->sh_entsize != sizeof(Elf64_Rela))
		return -1;
	for (size_t i = 0; i < shdr->sh_size / shdr->sh_entsize; i++) {
		uint64_t at = shdr->sh_offset + i * sizeof(Elf64_Rela) + offsetof(Elf64_Rela, r_info);

		if (!gelf_getrela(data, i, &r) || at + 4 > file->len)
			return -1;
		if (!starts_or_ends(elf, shdr, &r))
			continue;
		memset(file->data + at, 0, 4); /* the type: R_X86_64_NONE */
		done++;
	}
	return done;
}

static int quiet(Elf *elf, struct ks_buf *file)
{
	Elf_Scn *scn = NULL;
	bool found = false;
	size_t names;
	GElf_Shdr shdr;

	if (elf_kind(elf) != ELF_K_ELF || elf_getshdrstrndx(elf, &names))
		return -1;
	while ((scn = elf_nextscn(elf, scn))) {
		const char *name;

		if (!gelf_getshdr(scn, &shdr))
			return -1;
		name = elf_strptr(elf, names, shdr.sh_name);
		if (name && !strcmp(name, ".rela.gnu.linkonce.this_module"))
			return quiet_section(elf, scn, &shdr, file);
		found |= name && !strcmp(name, ".gnu.linkonce.this_module");
	}
	/* A library of functions has neither start nor end. */
	return found ? 0 : -1;
}

/*
 * A signature that does not fit is an error to the loader, none is not (unless
 * it insists on one): its last line is taken off, by which it is known
 * (include/linux/module_signature.h).
 */
static void drop_signature(struct ks_buf *file)
{
	static const char mark[] = "~Module signature appended~\n";
	size_t len = sizeof(mark) - 1;

	if (file->len >= len && !memcmp(file->data + file->len - len, mark, len))
		file->len -= len;
}

struct ks_error *ks_vm_still_module(const char *module, const char *out)
{
	struct ks_buf file = { 0 }, copy = { 0 };
	struct ks_error *err;
	Elf *elf;
	int done;

	err = ks_file_read(module, MAX_MODULE, &file);
	if (!err && (file.len < SELFMAG || memcmp(file.data, ELFMAG, SELFMAG)))
		err = decompress(module, &file);
	if (err) {
		ks_buf_free(&file);
		return err;
	}
	/* libelf keeps to its own copy, so that the bytes of the file may be changed. */
	ks_buf_add(&copy, file.data, file.len);
	elf_version(EV_CURRENT);
	elf = elf_memory(copy.data, copy.len);
	done = elf ? quiet(elf, &file) : -1;
	elf_end(elf);
	drop_signature(&file);
	if (done < 0)
		err = ks_error_new(KS_E_INPUT, "%s: it is no kernel module, or is damaged", module);
	else
		err = ks_file_write(out, file.data, file.len, 0644);
	ks_buf_free(&copy);
	ks_buf_free(&file);
	return err;
}
