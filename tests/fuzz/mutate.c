// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mutators that know ELF objects and match tables.  A random byte of an object
 * is hardly ever one that the reader looks at twice: here a field of a section's
 * header, a symbol, a relocation or an entry of the table gets another value,
 * likely one that is an index or an offset somewhere.
 */
#include <elf.h>
#include <string.h>

#include <ksplice/table.h>

#include "fuzz.h"

/* Values that are often at the edge of something. */
static uint64_t edge(unsigned int *seed, uint64_t old, uint64_t bound)
{
	static const uint64_t edges[] = { 0, 1, 2, 4, 5, 8, 12, 16, 0x7f, 0x80, 0xff, 0x7fff, 0xffff,
					  0x7fffffff, 0x80000000, 0xffffffff, 0x7fffffffffffffff,
					  0x8000000000000000, 0xffffffffffffffff };

	switch (fuzz_random(seed, 6)) {
	case 0:
		return edges[fuzz_random(seed, sizeof(edges) / sizeof(*edges))];
	case 1:
		return old + 1 + fuzz_random(seed, 8);
	case 2:
		return old - 1 - fuzz_random(seed, 8);
	case 3:
		return old ^ 1ull << fuzz_random(seed, 64);
	default:
		return bound ? fuzz_random(seed, bound + 1) : fuzz_random(seed, 0x10000);
	}
}

/* Another value for the field of @width bytes at @p. */
static void change(uint8_t *p, uint32_t width, uint64_t bound, unsigned int *seed)
{
	uint64_t v = 0;

	memcpy(&v, p, width);
	v = edge(seed, v, bound);
	memcpy(p, &v, width);
}

/* One of the fields of the element at @p, whose widths the string gives: "4488". */
static void change_field(uint8_t *p, const char *widths, uint64_t bound, unsigned int *seed)
{
	uint32_t n = fuzz_random(seed, strlen(widths));

	for (; n; n--)
		p += *widths++ - '0';
	change(p, *widths - '0', bound, seed);
}

static bool inside(uint64_t offset, uint64_t len, size_t size)
{
	return offset <= size && len <= size - offset;
}

static void mutate_section(uint8_t *data, size_t size, const Elf64_Shdr *sh, unsigned int *seed)
{
	uint64_t elem = sh->sh_type == SHT_RELA ? sizeof(Elf64_Rela) :
			sh->sh_type == SHT_SYMTAB ? sizeof(Elf64_Sym) : 4;
	uint8_t *p;

	if (sh->sh_type == SHT_NOBITS || sh->sh_size < elem || !inside(sh->sh_offset, sh->sh_size, size))
		return;
	p = data + sh->sh_offset + elem * fuzz_random(seed, sh->sh_size / elem);
	if (sh->sh_type == SHT_RELA)
		change_field(p, "8448", 64, seed);
	else if (sh->sh_type == SHT_SYMTAB)
		change_field(p, "411288", 64, seed);
	else if (fuzz_random(seed, 2))
		change(p, 1u << fuzz_random(seed, 3), 64, seed);
	else
		LLVMFuzzerMutate(p, elem, elem);
}

void fuzz_mutate_object(uint8_t *data, size_t size, unsigned int *seed)
{
	Elf64_Ehdr eh;
	Elf64_Shdr sh;
	uint64_t at;

	if (size < sizeof(eh) || !fuzz_random(seed, 16)) {
		LLVMFuzzerMutate(data, size, size);
		return;
	}
	memcpy(&eh, data, sizeof(eh));
	if (!fuzz_random(seed, 32))
		change_field(data + 16, "2248884222222", 64, seed);
	if (!eh.e_shnum)
		return;
	at = eh.e_shoff + sizeof(sh) * fuzz_random(seed, eh.e_shnum);
	if (!inside(eh.e_shoff, sizeof(sh) * eh.e_shnum, size))
		return;
	memcpy(&sh, data + at, sizeof(sh));
	if (!fuzz_random(seed, 4))
		change_field(data + at, "4488884488", 64, seed);
	else
		mutate_section(data, size, &sh, seed);
}

/* Strings, targets, symbols, blocks, sites, alts, code, exports, patches, data. */
static const char *const table_fields[] = { "1", "44", "44448", "44444444", "4211448", "44",
					    "1", "4444", "444", "4444" };

void fuzz_mutate_table(uint8_t *data, size_t size, unsigned int *seed)
{
	const uint32_t arrays = sizeof(table_fields) / sizeof(*table_fields);
	uint32_t which = fuzz_random(seed, arrays), elem = 0, other = fuzz_random(seed, arrays);
	struct kst_array a, b;
	struct kst_header h;
	uint8_t *p;

	if (size < sizeof(h) || !fuzz_random(seed, 32)) {
		LLVMFuzzerMutate(data, size, size);
		return;
	}
	if (!fuzz_random(seed, 24))
		change(data + 4 * fuzz_random(seed, sizeof(h) / 4), 4, size, seed);
	memcpy(&h, data, sizeof(h));
	/* Sites are where most of the rules are. */
	if (fuzz_random(seed, 3) == 0)
		which = 4;
	a = (&h.strings)[which];
	b = (&h.strings)[other];
	for (const char *w = table_fields[which]; *w; w++)
		elem += *w - '0';
	if (!a.count || !inside(a.offset, (uint64_t)a.count * elem, size))
		return;
	p = data + a.offset + elem * fuzz_random(seed, a.count);
	if (!fuzz_random(seed, 8))
		memcpy(p, data + a.offset + elem * fuzz_random(seed, a.count), elem);
	else if (!fuzz_random(seed, 8))
		LLVMFuzzerMutate(p, elem, elem);
	else
		change_field(p, table_fields[which], fuzz_random(seed, 2) ? b.count : 64, seed);
}
