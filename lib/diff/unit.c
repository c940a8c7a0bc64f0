// SPDX-License-Identifier: GPL-2.0-only
/*
 * Taking an object apart; see unit.h.
 *
 * Theory of operation.  Named atoms come first, from the symbol table.  Then
 * all code is decoded, because the place that a PC-relative field means
 * depends on the length of its instruction.  Then every relocation is turned
 * into a place; places that no named atom covers start anonymous atoms
 * (strings and constants have no symbols).  Only when all atoms are known can
 * the refs be tied to them.
 */
#include "diff/unit.h"

#include <stdlib.h>
#include <string.h>

#include "diff/special.h"

static bool section_discarded(const char *name)
{
	return ks_str_starts(name, ".init.") || ks_str_starts(name, ".exit.") ||
	       ks_str_starts(name, ".exitcall") || ks_str_starts(name, ".initcall") ||
	       ks_str_starts(name, ".con_initcall");
}

static bool section_wanted(const struct ks_section *sec)
{
	return (sec->flags & SHF_ALLOC) && !ks_str_starts(sec->name, ".discard") &&
	       !ks_str_starts(sec->name, ".note") && !ks_special_by_section(sec->name) &&
	       strcmp(sec->name, ".orc_unwind") && strcmp(sec->name, ".orc_header") &&
	       strcmp(sec->name, ".modinfo") && strcmp(sec->name, ".export_symbol") &&
	       strcmp(sec->name, "__patchable_function_entries");
}

static enum ks_atom_kind section_kind(const struct ks_section *sec, bool named)
{
	if (sec->flags & SHF_EXECINSTR)
		return named ? KS_FUNC : KS_PIECE;
	if (!(sec->flags & SHF_WRITE)) {
		if ((sec->flags & SHF_MERGE) && (sec->flags & SHF_STRINGS) && sec->entsize == 1 && sec->data)
			return KS_STRING;
		return ks_str_starts(sec->name, ".rodata") || ks_str_starts(sec->name, ".init.rodata") ?
			       KS_RODATA : KS_OTHER;
	}
	if (sec->type == SHT_NOBITS)
		return KS_BSS;
	return KS_DATA;
}

/* Section symbols, and the assembler's own labels in merged sections, whose numbers mean nothing. */
static bool symbol_is_place(const struct ks_symbol *sym)
{
	return sym->type == STT_SECTION || ks_str_starts(sym->name, ".L");
}

static struct ks_atom *atom_new(struct ks_section *sec, const char *name, uint64_t start, uint64_t size)
{
	struct ks_atom *a = ks_alloc(sizeof(*a));

	a->name = name;
	a->section = sec;
	a->start = start;
	a->size = size;
	a->bind = STB_LOCAL;
	a->kind = section_kind(sec, *name != 0);
	a->discarded = section_discarded(sec->name);
	a->data = sec->data ? sec->data + start : NULL;
	return a;
}

static int by_start(const void *x, const void *y)
{
	const struct ks_atom *a = *(struct ks_atom *const *)x, *b = *(struct ks_atom *const *)y;

	if (a->section != b->section)
		return a->section->index < b->section->index ? -1 : 1;
	return a->start < b->start ? -1 : a->start > b->start;
}

static int symbol_order(const void *x, const void *y)
{
	const struct ks_symbol *a = *(struct ks_symbol *const *)x, *b = *(struct ks_symbol *const *)y;

	if (a->section != b->section)
		return a->section->index < b->section->index ? -1 : 1;
	if (a->value != b->value)
		return a->value < b->value ? -1 : 1;
	if (a->size != b->size)
		return a->size > b->size ? -1 : 1;
	if ((a->bind == STB_LOCAL) != (b->bind == STB_LOCAL))
		return a->bind == STB_LOCAL ? 1 : -1;
	return a < b ? -1 : a > b;
}

/*
 * Named atoms.  Of several names of one range, the largest and then a global
 * one wins; a name inside another atom's range (an alias, an asm label) leads
 * to that atom.  __pfx_NAME is objtool's, of the padding in front of NAME.
 */
static void named_atoms(struct ks_unit *u)
{
	KS_VEC(struct ks_symbol *) syms = { 0 };
	struct ks_atom *last = NULL;

	ks_vec_for(&u->obj->symbols, sym)
		if (sym->section && *sym->name && sym->type != STT_SECTION && sym->type != STT_FILE &&
		    section_wanted(sym->section) && !ks_str_starts(sym->name, ".L") &&
		    !ks_str_starts(sym->name, "__pfx_"))
			*ks_vec_push(&syms) = sym;
	if (syms.len)
		qsort(syms.v, syms.len, sizeof(*syms.v), symbol_order);
	for (size_t i = 0; i < syms.len; i++) {
		struct ks_symbol *sym = syms.v[i];
		uint64_t size = sym->size;

		if (last && last->section == sym->section && sym->value < last->start + last->size) {
			u->by_symbol[sym - u->obj->symbols.v] = last;
			continue;
		}
		if (!size) {
			/* A label without a size: up to the next name, or the end. */
			size = sym->section->size - sym->value;
			for (size_t n = i + 1; n < syms.len && syms.v[n]->section == sym->section; n++)
				if (syms.v[n]->value > sym->value) {
					size = syms.v[n]->value - sym->value;
					break;
				}
			/* An object of no size (a lock class key without lockdep) has an address. */
			if (!size && sym->type != STT_OBJECT)
				continue;
		}
		last = atom_new(sym->section, sym->name, sym->value, size);
		last->bind = sym->bind;
		*ks_vec_push(&u->atoms) = last;
		u->by_symbol[sym - u->obj->symbols.v] = last;
	}
	ks_vec_free(&syms);
}

static void index_atoms(struct ks_unit *u)
{
	size_t n = u->atoms.len;

	if (n)
		qsort(u->atoms.v, n, sizeof(*u->atoms.v), by_start);
	if (u->section_atoms)
		for (size_t s = 0; s < u->obj->sections.len; s++)
			free(u->section_atoms[s]);
	free(u->section_atoms);
	u->section_atoms = ks_alloc(u->obj->sections.len * sizeof(*u->section_atoms));
	for (size_t i = 0, from; i < n; i = from) {
		size_t s = u->atoms.v[i]->section->index, count;

		for (from = i; from < n && u->atoms.v[from]->section->index == s; from++)
			u->atoms.v[from]->index = from;
		count = from - i;
		u->section_atoms[s] = ks_alloc((count + 1) * sizeof(**u->section_atoms));
		memcpy(u->section_atoms[s], &u->atoms.v[i], count * sizeof(**u->section_atoms));
	}
}

/* The atom that holds @pos, or NULL. */
static struct ks_atom *atom_at(const struct ks_unit *u, const struct ks_section *sec, int64_t pos)
{
	struct ks_atom **list = u->section_atoms[sec->index];

	for (; list && *list; list++)
		if (pos >= (*list)->start && pos < (int64_t)(*list)->start + (*list)->size)
			return *list;
	return NULL;
}

/* The one atom of a section, whatever the offset: arr[i - 1] has a place before arr. */
static struct ks_atom *only_atom(const struct ks_unit *u, const struct ks_section *sec)
{
	struct ks_atom **list = u->section_atoms[sec->index];

	return list && list[0] && !list[1] && *list[0]->name ? list[0] : NULL;
}

static struct ks_error *decode(struct ks_unit *u)
{
	ks_vec_for(&u->atoms, it) {
		struct ks_atom *a = *it;
		struct ks_error *err;

		if (!ks_atom_is_code(a) || !a->data || a->insns.list.len)
			continue;
		err = ks_insns_decode(a->data, a->size, &a->insns);
		if (err && a->discarded) {
			/* Wanted only for what its fields mean; nothing of it goes into an update. */
			ks_error_free(err);
			ks_insns_free(&a->insns);
			continue;
		}
		if (err)
			return ks_error_prefix(err, "%s: %s", u->name, *a->name ? a->name : a->section->name);
	}
	return NULL;
}

/* Distance from a PC-relative field to where the CPU counts from. */
static uint8_t field_bias(const struct ks_atom *a, uint32_t offset, uint32_t type)
{
	const struct ks_insn *insn;

	if (!ks_reloc_pcrel(type) || !a || !a->insns.list.len)
		return 0;
	insn = ks_insns_at(&a->insns, offset);
	return insn ? insn->offset + insn->length - offset : 0;
}

/* Anonymous atoms at the given places of one section, sorted, unique. */
static void anonymous_atoms(struct ks_unit *u, struct ks_section *sec, const uint64_t *places, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t start = places[i], end = sec->size;
		struct ks_atom **list = u->section_atoms[sec->index];

		if (sec->data && (sec->flags & SHF_STRINGS) && sec->entsize == 1) {
			const uint8_t *nul = memchr(sec->data + start, 0, sec->size - start);

			/* Places within one string overlap: each is a string of its own. */
			end = nul ? (uint64_t)(nul - sec->data) + 1 : sec->size;
		} else if ((sec->flags & SHF_MERGE) && sec->entsize) {
			start -= start % sec->entsize;
			end = start + sec->entsize;
			if (end > sec->size)
				end = sec->size;
			if (i && places[i - 1] >= start)
				continue;
		} else {
			if (i + 1 < count)
				end = places[i + 1];
			for (; list && *list; list++)
				if ((*list)->start > start && (*list)->start < end)
					end = (*list)->start;
		}
		*ks_vec_push(&u->atoms) = atom_new(sec, "", start, end - start);
	}
}

static int u64_order(const void *x, const void *y)
{
	uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;

	return a < b ? -1 : a > b;
}

struct places {
	KS_VEC(uint64_t) list;
};

bool ks_insn_leaves(const struct ks_atom *a, const struct ks_insn *insn, uint32_t *field, int64_t *place)
{
	if (!insn->rel_size && !insn->rip_offset)
		return false;
	*field = insn->offset + (insn->rel_size ? insn->rel_offset : insn->rip_offset);
	*place = (int64_t)insn->offset + insn->length + (insn->rel_size ? insn->rel : insn->rip);
	return *place < 0 || *place >= a->size;
}

/* Where branches of assembly go within their section without hitting a named atom. */
static void collect_branches(const struct ks_unit *u, struct ks_atom *a, struct places *places)
{
	ks_vec_for(&a->insns.list, insn) {
		uint32_t field;
		int64_t pos;
		size_t count;

		if (!insn->rel_size || !ks_insn_leaves(a, insn, &field, &pos))
			continue;
		ks_section_relocs(a->section, (uint64_t)a->start + field, (uint64_t)a->start + field + 1, &count);
		pos += a->start;
		if (!count && pos >= 0 && pos < (int64_t)a->section->size && !atom_at(u, a->section, pos))
			*ks_vec_push(&places[a->section->index].list) = pos;
	}
}

/* Where relocations of wanted sections point to without hitting a named atom. */
static void collect_places(struct ks_unit *u, struct places *places)
{
	ks_vec_for(&u->atoms, it)
		if (!(*it)->discarded)
			collect_branches(u, *it, places);
	ks_vec_for(&u->obj->sections, sec) {
		bool special = ks_special_by_section(sec->name) != NULL;

		if (!special && !section_wanted(sec))
			continue;
		ks_vec_for(&sec->relocs, rel) {
			struct ks_symbol *sym = rel->symbol;
			struct ks_atom *a = atom_at(u, sec, rel->offset);
			int64_t pos;

			if (!sym->section || !symbol_is_place(sym) || !section_wanted(sym->section))
				continue;
			pos = sym->value + rel->addend +
			      field_bias(a, a ? rel->offset - a->start : 0, rel->type);
			if (pos < 0 || pos >= (int64_t)sym->section->size ||
			    atom_at(u, sym->section, pos) || only_atom(u, sym->section))
				continue;
			*ks_vec_push(&places[sym->section->index].list) = pos;
		}
	}
}

static struct ks_error *find_anonymous(struct ks_unit *u)
{
	/* Anonymous code refers to places of its own: once more for those. */
	for (int round = 0; round < 3; round++) {
		struct places *places = ks_alloc(u->obj->sections.len * sizeof(*places));
		size_t before = u->atoms.len;
		struct ks_error *err;

		collect_places(u, places);
		for (size_t s = 0; s < u->obj->sections.len; s++) {
			uint64_t *v = places[s].list.v;
			size_t n = 0;

			if (places[s].list.len)
				qsort(v, places[s].list.len, sizeof(*v), u64_order);
			for (size_t i = 0; i < places[s].list.len; i++)
				if (!n || v[n - 1] != v[i])
					v[n++] = v[i];
			if (n)
				anonymous_atoms(u, &u->obj->sections.v[s], v, n);
			ks_vec_free(&places[s].list);
		}
		free(places);
		index_atoms(u);
		err = decode(u);
		if (err)
			return err;
		if (u->atoms.len == before)
			break;
	}
	return NULL;
}

/* The atom that ends where its section does, for "&pool[ARRAY_SIZE(pool)]". */
static struct ks_atom *ending_at(const struct ks_unit *u, const struct ks_section *sec, int64_t pos)
{
	struct ks_atom **list = u->section_atoms[sec->index];

	for (; list && *list && pos == (int64_t)sec->size; list++)
		if (*(*list)->name && (int64_t)(*list)->start + (*list)->size == pos)
			return *list;
	return NULL;
}

/* Strings may overlap (one is the tail of another): the one that starts there. */
static struct ks_atom *target_at(const struct ks_unit *u, const struct ks_section *sec, int64_t pos)
{
	struct ks_atom **list = u->section_atoms[sec->index], *only = only_atom(u, sec);

	if (only)
		return only;
	for (struct ks_atom **it = list; it && *it; it++)
		if ((*it)->start == pos)
			return *it;
	only = atom_at(u, sec, pos);
	return only ? only : ending_at(u, sec, pos);
}

struct ks_error *ks_unit_resolve(struct ks_unit *u, const struct ks_reloc *rel, uint8_t bias,
				 struct ks_ref *ref)
{
	struct ks_symbol *sym = rel->symbol;
	int64_t pos = rel->addend + bias;
	int size = ks_reloc_size(rel->type);

	if (size < 0)
		return ks_error_new(KS_E_REFUSED, "%s: relocation type %u is not supported", u->name,
				    rel->type);
	ref->type = rel->type;
	ref->size = size;
	ref->bias = bias;
	ref->addend = pos;
	ref->atom = NULL;
	ref->name = sym->name;
	if (!sym->section)
		return NULL;
	if (symbol_is_place(sym)) {
		pos += sym->value;
		ref->addend = pos;
		ref->name = sym->section->name;
		ref->atom = target_at(u, sym->section, pos);
		if (ref->atom)
			ref->addend = pos - ref->atom->start;
	} else {
		ref->atom = u->by_symbol[sym - u->obj->symbols.v];
		if (ref->atom)
			ref->addend = pos + (int64_t)sym->value - ref->atom->start;
	}
	return NULL;
}

bool ks_atom_has_endbr(const struct ks_atom *a)
{
	static const uint8_t endbr[KS_ENDBR_SIZE] = { 0xf3, 0x0f, 0x1e, 0xfa };

	return a->kind == KS_FUNC && a->data && a->size >= KS_ENDBR_SIZE && !memcmp(a->data, endbr, KS_ENDBR_SIZE);
}

static int ref_order(const void *x, const void *y)
{
	const struct ks_ref *a = x, *b = y;

	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

/*
 * What the assembler resolved: branches to another atom of the same section,
 * and, in assembly, the addresses of labels there.
 */
static void add_resolved(struct ks_unit *u, struct ks_atom *a)
{
	size_t relocated = a->refs.len;

	ks_vec_for(&a->insns.list, insn) {
		int64_t target;
		uint32_t field;
		struct ks_atom *to;
		struct ks_ref *ref;
		bool has = false;

		if (!ks_insn_leaves(a, insn, &field, &target))
			continue;
		for (size_t i = 0; i < relocated; i++)
			has |= a->refs.v[i].offset == field;
		to = has ? NULL : atom_at(u, a->section, target + a->start);
		if (!to)
			continue;
		ref = ks_vec_push(&a->refs);
		ref->offset = field;
		ref->size = insn->rel_size ? insn->rel_size : 4;
		ref->bias = insn->offset + insn->length - field;
		ref->atom = to;
		ref->name = to->name;
		ref->addend = target + a->start - to->start;
	}
	if (a->refs.len > relocated)
		qsort(a->refs.v, a->refs.len, sizeof(*a->refs.v), ref_order);
}

static struct ks_error *tie_refs(struct ks_unit *u)
{
	ks_vec_for(&u->atoms, it) {
		struct ks_atom *a = *it;
		size_t count;
		struct ks_reloc *rel = ks_section_relocs(a->section, a->start,
							 (uint64_t)a->start + a->size, &count);

		for (; count; count--, rel++) {
			struct ks_ref *ref;
			struct ks_error *err;

			if (rel->type == R_X86_64_NONE)
				continue;
			ref = ks_vec_push(&a->refs);
			ref->offset = rel->offset - a->start;
			err = ks_unit_resolve(u, rel, field_bias(a, ref->offset, rel->type), ref);
			if (err)
				return err;
			if ((uint64_t)ref->offset + ref->size > a->size)
				return ks_error_new(KS_E_REFUSED, "%s: a relocation crosses the end of %s",
						    u->name, a->name);
		}
		if (!a->discarded)
			add_resolved(u, a);
	}
	return NULL;
}

struct ks_error *ks_unit_build(const char *name, struct ks_object *obj, struct ks_unit **result)
{
	struct ks_unit *u = ks_alloc(sizeof(*u));
	struct ks_error *err;

	u->name = ks_strdup(name);
	u->obj = obj;
	u->by_symbol = ks_alloc(obj->symbols.len * sizeof(*u->by_symbol));
	named_atoms(u);
	index_atoms(u);
	err = decode(u);
	if (!err)
		err = find_anonymous(u);
	if (!err)
		err = tie_refs(u);
	if (!err)
		err = ks_specials_read(u);
	if (err) {
		ks_unit_free(u);
		return err;
	}
	*result = u;
	return NULL;
}

void ks_unit_free(struct ks_unit *u)
{
	if (!u)
		return;
	ks_vec_for(&u->atoms, it) {
		ks_vec_free(&(*it)->refs);
		ks_vec_free(&(*it)->specials);
		ks_insns_free(&(*it)->insns);
		free((*it)->own_data);
		free(*it);
	}
	ks_vec_free(&u->atoms);
	if (u->section_atoms)
		for (size_t s = 0; s < u->obj->sections.len; s++)
			free(u->section_atoms[s]);
	free(u->section_atoms);
	free(u->by_symbol);
	ks_object_close(u->obj);
	free(u->name);
	free(u);
}

bool ks_ref_is_branch(const struct ks_atom *from, const struct ks_ref *ref)
{
	const struct ks_insn *insn = ks_insns_at(&from->insns, ref->offset);

	return insn && insn->rel_size && insn->offset + insn->rel_offset == ref->offset;
}

char *ks_ref_describe(const struct ks_ref *ref)
{
	const char *name = ref->atom && *ref->atom->name ? ref->atom->name :
			   ref->atom ? ref->atom->section->name : ref->name;
	int64_t offset = ref->addend + (ref->atom && !*ref->atom->name ? ref->atom->start : 0);

	if (!offset)
		return ks_strdup(name);
	return ks_asprintf("%s%c0x%llx", name, offset < 0 ? '-' : '+',
			   (unsigned long long)(offset < 0 ? -offset : offset));
}
