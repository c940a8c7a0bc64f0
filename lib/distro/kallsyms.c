// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads the kallsyms tables out of a vmlinux without symbols; see kallsyms.h.
 *
 * Theory of operation.  The kernel's build compresses symbol names with 256
 * tokens and puts these tables into .rodata, each aligned to 8 bytes:
 *
 *	token_table	256 NUL-terminated strings
 *	token_index	256 x u16, where each string begins in token_table
 *	num_syms	u32
 *	names		for each symbol a length and that many token numbers; the
 *			first character of the expansion is the type letter.  A
 *			length from 128 is two bytes, low seven bits first (kernel
 *			commit 73bbb94466fd, 6.1)
 *	markers		u32 for every 256th symbol: where it begins in names
 *	offsets		s32 for each symbol
 *	relative_base	u64, what offsets count from
 *
 * No symbol tells where they are, so they are found by what they must look
 * like.  Digits and letters occur in names and stand for themselves, so
 * "0\0" "1\0" ... "9\0" is in token_table; token_index has to follow and to
 * agree in all 256 entries.  names is before it, begins after num_syms, and
 * every entry of markers must agree with it.  offsets is in front of num_syms,
 * or after token_index since kernel commit 404bad70fcf7 (6.4); both places are
 * tried.  Between markers and token_table there may be num_syms x 3 bytes of
 * kallsyms_seqs_of_names (kernel commit 60443c88f3a8, 6.2, and stable 6.1).
 *
 * An offset is relative_base + (u32)offset; or, with
 * CONFIG_KALLSYMS_ABSOLUTE_PERCPU, the address itself where it is not
 * negative, and relative_base - 1 - offset where it is.  The table is sorted
 * by address, which is true for only one of the two.
 */
#include "distro/kallsyms.h"

#include <ctype.h>
#include <elf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "distro/view.h"

#define TOKENS 256
#define MARKER_STEP 256
/* The kernel's KSYM_NAME_LEN is 512 since 6.1. */
#define MAX_NAME 512
#define MIN_SYMS 16u
#define MAX_SYMS (4u << 20)

#define ALIGN8(x) (((x) + 7) & ~(uint64_t)7)

struct symbol {
	uint64_t address;
	uint32_t name; /* offset of "TYPE NAME\0" in the expanded names */
};

struct tables {
	struct ks_view v;
	/* Offsets into the file. */
	uint64_t token_table, token_index, tokens_end;
	uint64_t num_syms_at, names;
	uint32_t num_syms;
	uint32_t token_at[TOKENS];
	/* Results. */
	struct symbol *symbols;
	struct ks_buf text; /* the expanded names */
};

static struct ks_error *damaged(const char *what)
{
	return ks_error_new(KS_E_INPUT, "cannot read the kernel's symbol table: %s", what);
}

static bool is_type(int c)
{
	return isalpha(c) || c == '?' || c == '-';
}

static bool is_name(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (!isgraph((unsigned char)*s))
			return false;
	return true;
}

/* Checks that 256 strings begin at @table and that token_index, which follows, agrees. */
static bool check_tokens(struct tables *t, uint64_t table)
{
	const unsigned char *p, *index;
	uint64_t at = table;

	if (table & 7)
		return false;
	for (int i = 0; i < TOKENS; i++) {
		size_t n;

		t->token_at[i] = at - table;
		for (n = 0;; n++) {
			p = ks_view_at(&t->v, at + n, 1);
			if (!p || n > MAX_NAME)
				return false;
			if (!*p)
				break;
			if (!isgraph(*p))
				return false;
		}
		at += n + 1;
	}
	t->token_table = table;
	t->token_index = ALIGN8(at);
	t->tokens_end = t->token_index + TOKENS * 2;
	index = ks_view_at(&t->v, t->token_index, TOKENS * 2);
	if (!index)
		return false;
	for (int i = 0; i < TOKENS; i++)
		if (ks_get16(index + 2 * i) != t->token_at[i])
			return false;
	return true;
}

/*
 * Where token_table begins, if the token '0' is at @zero.  What is in front of
 * the first token need not end it, so the way leads over the end: token_index
 * is behind the last token and says how far '0' is from the beginning.
 */
static bool tokens_begin(const struct tables *t, uint64_t zero, uint64_t *begin)
{
	const unsigned char *p;
	uint64_t at = zero;
	uint16_t distance;

	for (int i = '0'; i < TOKENS; i++) {
		size_t n = 0;

		while ((p = ks_view_at(&t->v, at + n, 1)) && *p && n < MAX_NAME)
			n++;
		if (!p || *p)
			return false;
		at += n + 1;
	}
	p = ks_view_at(&t->v, ALIGN8(at) + '0' * 2, 2);
	if (!p)
		return false;
	distance = ks_get16(p);
	if (distance > zero)
		return false;
	*begin = zero - distance;
	return true;
}

static bool find_tokens(struct tables *t, uint64_t from, uint64_t *found_at)
{
	static const char digits[] = "\0000\0001\0002\0003\0004\0005\0006\0007\0008\0009";
	const unsigned char *hit;
	uint64_t begin;

	while (from < t->v.len) {
		hit = memmem(t->v.data + from, t->v.len - from, digits, sizeof(digits));
		if (!hit)
			return false;
		from = hit - t->v.data + 1;
		*found_at = from;
		if (tokens_begin(t, from, &begin) && check_tokens(t, begin))
			return true;
	}
	return false;
}

/* The length of the symbol at *@at, which is moved to its first token; 0: none. */
static unsigned int symbol_len(const struct ks_view *v, uint64_t *at, uint64_t end)
{
	unsigned int len;

	if (*at + 2 > end)
		return 0;
	len = v->data[(*at)++];
	if (len & 0x80)
		len = (len & 0x7f) | (unsigned int)v->data[(*at)++] << 7;
	return len <= end - *at ? len : 0;
}

/* Expands the symbol at *@at and moves behind it. */
static bool expand(const struct tables *t, uint64_t *at, uint64_t end, char *name)
{
	unsigned int len = symbol_len(&t->v, at, end);
	size_t n = 0;

	if (!len)
		return false;
	for (; len; len--) {
		const unsigned char *s =
			t->v.data + t->token_table + t->token_at[t->v.data[(*at)++]];

		for (; *s; s++) {
			/* The type letter, the name, its NUL. */
			if (n + 1 > MAX_NAME)
				return false;
			name[n++] = *s;
		}
	}
	name[n] = 0;
	return n && is_type((unsigned char)name[0]) && is_name(name + 1);
}

/*
 * Are these the names?  All of them must expand, and what follows must be
 * the markers, exactly, and then token_table.
 */
static bool check_names(struct tables *t, uint64_t names, uint32_t num)
{
	uint64_t at = names, end = t->token_table, markers;
	uint32_t n_markers = (num + MARKER_STEP - 1) / MARKER_STEP;
	uint32_t *expected = ks_alloc(n_markers * sizeof(*expected));
	struct ks_buf text = { 0 };
	struct symbol *symbols = NULL;
	char name[MAX_NAME + 2];
	bool good = false;
	uint32_t i;

	/* Most candidates fail at the first names: allocate when one has not. */
	for (i = 0; i < num; i++) {
		if (i == MIN_SYMS / 2)
			symbols = ks_alloc(num * sizeof(*symbols));
		if (!(i % MARKER_STEP))
			expected[i / MARKER_STEP] = at - names;
		if (!expand(t, &at, end, name) || text.len > UINT32_MAX - sizeof(name))
			goto out;
		if (symbols)
			symbols[i].name = text.len;
		ks_buf_add(&text, name, strlen(name) + 1);
	}
	/* Those before the allocation. */
	for (uint32_t pos = 0, j = 0; j < MIN_SYMS / 2; j++) {
		symbols[j].name = pos;
		pos += strlen(text.data + pos) + 1;
	}
	markers = ALIGN8(at);
	if (!ks_view_at(&t->v, markers, n_markers * 4ull))
		goto out;
	for (i = 0; i < n_markers; i++)
		if (ks_get32(t->v.data + markers + i * 4ull) != expected[i])
			goto out;
	at = ALIGN8(markers + n_markers * 4ull);
	good = at == end || ALIGN8(at + num * 3ull) == end;
out:
	free(expected);
	if (good) {
		t->names = names;
		t->num_syms = num;
		t->symbols = symbols;
		t->text = text;
	} else {
		free(symbols);
		ks_buf_free(&text);
	}
	return good;
}

static void find_names(struct tables *t)
{
	/* num_syms, its padding, then names: looked for from the end backwards. */
	for (uint64_t at = t->token_table & ~7ull; at >= 8;) {
		uint64_t room;
		uint32_t num;

		at -= 8;
		room = t->token_table - (at + 8);
		num = ks_get32(t->v.data + at);
		if (room > (uint64_t)MAX_SYMS * MAX_NAME)
			return;
		/* A name has a length and at least one token; few have more than 64 bytes. */
		if (num < MIN_SYMS || num > MAX_SYMS || ks_get32(t->v.data + at + 4) ||
		    num > room / 2 || num < room / 64)
			continue;
		if (check_names(t, at + 8, num)) {
			t->num_syms_at = at;
			return;
		}
	}
}

/* Fills in the addresses; false where they are not sorted. */
static bool addresses(struct tables *t, uint64_t offsets, uint64_t base, bool absolute_percpu)
{
	uint64_t last = 0;

	for (uint32_t i = 0; i < t->num_syms; i++) {
		uint32_t raw = ks_get32(t->v.data + offsets + i * 4ull);
		int64_t offset = (int32_t)raw;
		uint64_t address;

		if (!absolute_percpu)
			address = base + raw;
		else
			address = offset >= 0 ? (uint64_t)offset : base - 1 - (uint64_t)offset;
		if (address < last)
			return false;
		last = address;
		t->symbols[i].address = address;
	}
	return true;
}

/* Where an address is in the file, through the program headers; false: nowhere. */
static bool file_offset(const struct ks_view *v, uint64_t address, uint64_t *offset)
{
	Elf64_Ehdr eh;
	Elf64_Phdr ph;

	memcpy(&eh, v->data, sizeof(eh));
	for (unsigned int i = 0; i < eh.e_phnum; i++) {
		const unsigned char *p;

		if (eh.e_phoff > v->len)
			return false;
		p = ks_view_at(v, eh.e_phoff + i * sizeof(ph), sizeof(ph));
		if (!p)
			return false;
		memcpy(&ph, p, sizeof(ph));
		if (ph.p_type != PT_LOAD || address < ph.p_vaddr ||
		    address - ph.p_vaddr >= ph.p_filesz)
			continue;
		if (!ks_view_at(v, ph.p_offset, ph.p_filesz))
			return false;
		*offset = ph.p_offset + (address - ph.p_vaddr);
		return true;
	}
	return false;
}

static const struct symbol *find_symbol(const struct tables *t, const char *name)
{
	for (uint32_t i = 0; i < t->num_syms; i++)
		if (!strcmp(t->text.data + t->symbols[i].name + 1, name))
			return &t->symbols[i];
	return NULL;
}

/* The version text at linux_banner; NULL if there is none. */
static char *read_banner(const struct tables *t)
{
	static const char begin[] = "Linux version ";
	const struct symbol *s = find_symbol(t, "linux_banner");
	const unsigned char *p;
	uint64_t at;
	size_t n;

	if (!s || !file_offset(&t->v, s->address, &at))
		return NULL;
	for (n = 0; n < 1024; n++) {
		p = ks_view_at(&t->v, at + n, 1);
		if (!p || (*p != '\n' && !isprint(*p)))
			return NULL;
		if (*p == '\n')
			break;
	}
	p = t->v.data + at;
	if (n < sizeof(begin) || n == 1024 || memcmp(p, begin, sizeof(begin) - 1))
		return NULL;
	return ks_strndup((const char *)p, n);
}

/* Do the symbols that every kernel has lie where they must? */
static bool plausible(const struct tables *t)
{
	const struct symbol *text = find_symbol(t, "_text"), *stext = find_symbol(t, "_stext"),
			    *etext = find_symbol(t, "_etext");
	uint64_t at;

	return text && stext && etext && text->address <= stext->address &&
	       stext->address < etext->address && file_offset(&t->v, text->address, &at);
}

static bool find_addresses(struct tables *t, char **banner)
{
	uint64_t size = t->num_syms * 4ull, before = t->num_syms_at, after = t->tokens_end;
	/* Both layouts: where offsets begins and where relative_base is. */
	struct {
		bool there;
		uint64_t offsets, base;
	} layout[2] = {
		{ before >= ALIGN8(size) + 8, before - 8 - ALIGN8(size), before - 8 },
		{ true, ALIGN8(after), ALIGN8(ALIGN8(after) + size) },
	};

	for (int i = 0; i < 4; i++) {
		uint64_t offsets = layout[i / 2].offsets, base = layout[i / 2].base;

		if (!layout[i / 2].there || !ks_view_at(&t->v, offsets, size) ||
		    !ks_view_at(&t->v, base, 8))
			continue;
		base = ks_get64(t->v.data + base);
		if (!addresses(t, offsets, base, i % 2 == 0) || !plausible(t))
			continue;
		*banner = read_banner(t);
		if (*banner)
			return true;
	}
	return false;
}

static int compare(const void *a, const void *b, void *arg)
{
	const struct symbol *x = a, *y = b;
	const char *text = arg;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return strcmp(text + x->name + 1, text + y->name + 1);
}

static struct ks_error *check_elf(const struct ks_view *v)
{
	Elf64_Ehdr eh;

	if (v->len < sizeof(eh))
		return damaged("the kernel image is cut short");
	memcpy(&eh, v->data, sizeof(eh));
	if (memcmp(eh.e_ident, ELFMAG, SELFMAG) || eh.e_ident[EI_CLASS] != ELFCLASS64 ||
	    eh.e_ident[EI_DATA] != ELFDATA2LSB || eh.e_machine != EM_X86_64 ||
	    eh.e_phentsize != sizeof(Elf64_Phdr))
		return damaged("not an x86-64 ELF vmlinux");
	return NULL;
}

struct ks_error *ks_kallsyms_read(const void *elf, size_t len, struct ks_buf *out, char **banner)
{
	struct tables t = { .v = { elf, len } };
	struct ks_error *err;
	bool tokens = false;
	uint64_t from = 0;

	err = check_elf(&t.v);
	if (err)
		return err;
	/* Something else may look like tokens: names decides. */
	while (!t.symbols && find_tokens(&t, from, &from)) {
		tokens = true;
		find_names(&t);
	}
	if (!t.symbols && tokens)
		err = damaged("its names were not found (the image is damaged, or the kernel has a"
			      " layout that this version does not know)");
	else if (!t.symbols)
		err = damaged(
			"its name tokens were not found (the image is damaged, or the kernel was"
			" built without CONFIG_KALLSYMS)");
	if (!err && !find_addresses(&t, banner))
		err = damaged(
			"its addresses were not found, or do not agree with the image (the image"
			" is damaged, or the kernel has a layout that this version does not know)");
	if (!err) {
		qsort_r(t.symbols, t.num_syms, sizeof(*t.symbols), compare, t.text.data);
		for (uint32_t i = 0; i < t.num_syms; i++) {
			const char *name = t.text.data + t.symbols[i].name;

			ks_buf_addf(out, "%016llx %c %s\n",
				    (unsigned long long)t.symbols[i].address, name[0], name + 1);
		}
	}
	free(t.symbols);
	ks_buf_free(&t.text);
	return err;
}
