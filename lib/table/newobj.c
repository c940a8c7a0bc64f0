// SPDX-License-Identifier: GPL-2.0-only
/* The new code of one unit; see newobj.h. */
#include "table/newobj.h"

#include <stdlib.h>
#include <string.h>

#include "diff/special.h"
#include "elf/writer.h"
#include "table/fixed.h"

/* Debian's kernels have 16 bytes. */
#define MAX_PADDING 64

struct placed {
	struct ks_wsection *sec;
	uint64_t offset;
	ks_wsymbol symbol;
	int64_t base; /* what to add to an addend relative to the atom */
	uint32_t pad; /* bytes in front of @offset that belong to it */
};

struct job {
	struct ks_table *t;
	uint32_t target;
	struct ks_diff *d;
	const struct ks_new_globals *globals;
	struct ks_writer *w;
	struct placed *placed; /* by index of the post atom; sec NULL: not included */
};

void ks_new_globals_add(struct ks_new_globals *g, uint32_t target, const struct ks_diff *d)
{
	ks_vec_for(&d->included, it)
		if ((*it)->bind != STB_LOCAL && !((*it)->mark & KS_M_REPLACED) && !(*it)->pair)
			ks_strv_add(&g->names, (*it)->name);
	ks_vec_for(&d->post->atoms, it)
		if ((*it)->bind != STB_LOCAL && (*it)->pair && (*it)->pair->bind == STB_LOCAL && *(*it)->name)
			*ks_vec_push(&g->opened) = (struct ks_opened){ target, (*it)->pair };
}

void ks_new_globals_free(struct ks_new_globals *g)
{
	ks_strv_free(&g->names);
	ks_vec_free(&g->opened);
}

const struct ks_opened *ks_new_globals_opened(const struct ks_new_globals *g, uint32_t target,
					      const char *name)
{
	ks_vec_for(&g->opened, o)
		if (o->target != target && !strcmp(o->pre->name, name))
			return o;
	return NULL;
}

/* Which section of the new module an atom goes to; NULL: this cannot be loaded. */
static const char *output_section(const struct ks_atom *a)
{
	static const char *const kept[] = { "__dyndbg", ".data..ro_after_init", ".altinstr_replacement",
					    ".altinstr_aux" };
	const char *s = a->section->name;

	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		if (!strcmp(s, kept[i]))
			return kept[i];
	/* One per-CPU section is what the module loader knows. */
	if (ks_str_starts(s, ".data..percpu"))
		return ".data..percpu";
	switch (a->kind) {
	case KS_FUNC: /* .cold parts, too: jumps to them then have a distance that is known here */
		return ".text";
	case KS_PIECE:
		return ".text.pieces";
	case KS_RODATA: /* some variables count as constants */
		return a->section->flags & SHF_WRITE ? ".data" : ".rodata";
	case KS_STRING:
		return ".rodata.str";
	case KS_DATA:
		return ".data";
	case KS_BSS:
		return ".bss";
	case KS_OTHER:
		break;
	}
	return NULL;
}

static uint64_t output_align(const struct ks_atom *a)
{
	uint64_t align = a->section->align;

	if (a->kind == KS_FUNC)
		return 16;
	while (align > 1 && a->start % align)
		align /= 2;
	return align;
}

static bool all_nops(const uint8_t *code, uint32_t len)
{
	while (len && code[len - 1] == 0x90)
		len--;
	return !len;
}

/*
 * Bytes of padding that the compiler has put in front of a function, for what
 * the kernel writes there: with call depth tracking, its loader has calls go
 * to the padding and warns where there is none.
 */
static uint32_t padding(const struct job *j, const struct ks_atom *a)
{
	struct ks_section *sec = ks_object_section(j->d->post->obj, "__patchable_function_entries");
	uint32_t most = 0;

	if (!sec || a->kind != KS_FUNC)
		return 0;
	ks_vec_for(&sec->relocs, rel) {
		int64_t before = a->start - ((int64_t)rel->symbol->value + rel->addend);

		if (rel->symbol->section == a->section && before > most && before <= MAX_PADDING &&
		    all_nops(a->data - before, before))
			most = before;
	}
	return most;
}

static struct ks_error *place(struct job *j, struct ks_atom *a)
{
	struct placed *p = &j->placed[a->index];
	const char *name = output_section(a);
	uint32_t pad = padding(j, a);
	bool code = ks_atom_is_code(a);
	bool nobits = a->kind == KS_BSS && name && !strcmp(name, ".bss");

	if (!name)
		return ks_error_new(KS_E_REFUSED, "%s: %s (section %s): it cannot be part of a module",
				    j->d->post->name, a->name, a->section->name);
	p->sec = ks_writer_section(j->w, name, nobits ? SHT_NOBITS : SHT_PROGBITS,
				   SHF_ALLOC | (code ? SHF_EXECINSTR : 0) |
					   (a->section->flags & SHF_WRITE ? SHF_WRITE : 0),
				   0);
	p->offset = pad + ks_wsection_add(p->sec, a->data ? a->data - pad : NULL, pad + a->size,
					  output_align(a));
	p->pad = pad;
	if (*a->name) {
		unsigned char bind = a->bind != STB_LOCAL && !a->pair ? STB_GLOBAL : STB_LOCAL;

		p->symbol = ks_writer_symbol(j->w, a->name, bind, code ? STT_FUNC : STT_OBJECT, p->sec,
					     p->offset, a->size);
		p->base = 0;
	} else {
		p->symbol = ks_wsection_symbol(p->sec);
		p->base = p->offset;
	}
	return NULL;
}

/* Exported by every kernel for its modules, and patched by the loader by place, not by name. */
static bool ordinary_export(const char *name)
{
	return !strcmp(name, "__fentry__") || ks_str_starts(name, "__x86_indirect_thunk_") ||
	       !strcmp(name, "__x86_return_thunk");
}

/* @pointer: it is not, or not only, where a call or jump goes. */
static void link_ref(struct job *j, struct ks_atom *from, const struct ks_ref *ref, bool pointer,
		     ks_wsymbol *sym, int64_t *addend)
{
	const struct ks_opened *opened;
	struct ks_atom *run;
	const char *import;

	*addend = ref->addend;
	if (ref->atom && ks_diff_link(j->d, from, ref, &run) == KS_LINK_NEW) {
		struct placed *p = &j->placed[ref->atom->index];

		*sym = p->symbol;
		*addend += p->base;
		return;
	}
	if (ref->atom)
		import = ks_table_import_atom(j->t, j->target, run, pointer);
	else if (ordinary_export(ref->name) || ks_strv_has(&j->globals->names, ref->name))
		import = ref->name;
	else if ((opened = ks_new_globals_opened(j->globals, j->target, ref->name)))
		import = ks_table_import_atom(j->t, opened->target, opened->pre, pointer);
	else
		import = ks_table_import_name(j->t, j->target, ref->name, pointer);
	*sym = ks_writer_undefined(j->w, import);
}

static struct ks_error *relocate(struct job *j, struct ks_atom *a)
{
	struct placed *p = &j->placed[a->index];

	ks_vec_for(&a->refs, ref) {
		uint8_t *data = ks_wsection_data(p->sec);
		uint32_t type = ref->type;
		ks_wsymbol sym;
		int64_t addend;

		if (!type) { /* the assembler resolved it; here the target may be elsewhere */
			if (ref->size != 4) {
				char *to = ks_ref_describe(ref);
				struct ks_error *err = ks_error_new(
					KS_E_REFUSED,
					"the update cannot be made safely: %s: %s+0x%x: a short jump to %s, which the update moves apart; write a long one there",
					j->d->post->name, *a->name ? a->name : a->section->name, ref->offset, to);

				free(to);
				return err;
			}
			type = R_X86_64_PC32;
			memset(data + p->offset + ref->offset, 0, 4);
		}
		link_ref(j, a, ref, !ks_ref_is_branch(a, ref), &sym, &addend);
		ks_wsection_reloc(p->sec, p->offset + ref->offset, type, sym, addend - ref->bias);
	}
	return NULL;
}

static struct ks_wsection *copy_section(struct job *j, const char *name)
{
	struct ks_section *sec = ks_object_section(j->d->post->obj, name);

	return ks_writer_section(j->w, name, SHT_PROGBITS, sec ? sec->flags & (SHF_ALLOC | SHF_WRITE) : SHF_ALLOC, 0);
}

/* Is it a branch on a static key of the running kernel that is read-only there? */
static bool is_fixed(struct job *j, struct ks_atom *a, const struct ks_special *sp)
{
	const struct ks_ref *key = &sp->refs[2];
	struct ks_atom *run;

	if (sp->kind != KS_SP_JUMP_LABEL || sp->nr_refs < 3)
		return false;
	if (!key->atom)
		return ks_table_ro_after_init(j->t, key->name);
	return ks_diff_link(j->d, a, key, &run) == KS_LINK_RUN &&
	       ks_str_starts(key->atom->section->name, ".data..ro_after_init");
}

static struct ks_error *fix_branch(struct job *j, struct ks_atom *a, const struct ks_special *sp,
				   bool *free)
{
	const struct ks_insn *insn = ks_insns_at(&a->insns, sp->offset);
	const struct ks_ref *to = &sp->refs[1], *key = &sp->refs[2];
	struct placed *p = &j->placed[a->index], *q = to->atom ? &j->placed[to->atom->index] : NULL;
	/* The lowest bit of the key's field: a branch that is taken while the key is off. */
	bool invert = key->addend & 1;
	uint8_t *data = ks_wsection_data(p->sec) + p->offset;
	struct ks_fixed_branch b;
	struct ks_atom *run = NULL;
	const char *import;

	if (!insn || insn->offset != sp->offset || !q || q->sec != p->sec ||
	    !ks_fixed_branch_make(data, a->size, sp->offset, insn->length,
				  (int64_t)(q->offset + to->addend) -
					  (int64_t)(p->offset + sp->offset + insn->length),
				  free, &b))
		return ks_error_new(KS_E_REFUSED,
				    "the update cannot be made safely: %s: %s+0x%x: it branches on the static key %s, which is read-only after boot, and there is no room to decide the branch when the update is loaded",
				    j->d->post->name, a->name, sp->offset, key->name);
	memset(free + b.field, 0, 4);
	if (key->atom)
		ks_diff_link(j->d, a, key, &run);
	import = ks_table_import_branch(j->t, j->target, run, key->name, invert ? b.off : b.on,
					invert ? b.on : b.off);
	ks_wsection_reloc(p->sec, p->offset + b.field, R_X86_64_32S,
			  ks_writer_undefined(j->w, import), b.addend);
	return NULL;
}

/*
 * Runtime constants: only a boot writes them into code.  A pointer is read
 * from its variable instead, by an instruction that takes the place of
 *	mov $imm64, %reg
 * and a shift count comes from the loader, with the three bytes before it.
 */
static struct ks_error *fix_pointer(struct job *j, struct ks_atom *a, const struct ks_special *sp,
				    uint8_t *data)
{
	static const uint8_t nop3[] = { 0x0f, 0x1f, 0x00 };
	uint8_t *code = data + sp->offset - 2;
	struct placed *p = &j->placed[a->index];
	ks_wsymbol sym;
	int64_t addend;
	uint8_t high, low;

	if (sp->offset < 2 || (code[0] & 0xfe) != 0x48 || (code[1] & 0xf8) != 0xb8)
		return ks_error_new(KS_E_REFUSED, "%s: %s+0x%x: a runtime constant in an unknown instruction",
				    j->d->post->name, a->name, sp->offset);
	high = code[0] & 1;
	low = code[1] & 7;
	code[0] = 0x48 | high << 2;
	code[1] = 0x8b;
	code[2] = 0x05 | low << 3;
	memset(code + 3, 0, 4);
	memcpy(code + 7, nop3, sizeof(nop3));
	link_ref(j, a, &sp->refs[1], false, &sym, &addend);
	ks_wsection_reloc(p->sec, p->offset + sp->offset + 1, R_X86_64_PC32, sym, addend - 4);
	return NULL;
}

static struct ks_error *fix_shift(struct job *j, struct ks_atom *a, const struct ks_special *sp,
				  uint8_t *data, bool *free)
{
	uint32_t field = sp->offset - 3;
	const struct ks_ref *ref = &sp->refs[1];
	struct placed *p = &j->placed[a->index];
	struct ks_atom *run = NULL;
	int32_t addend = 0;

	if (sp->offset < 3 || !free[field] || !free[field + 1] || !free[field + 2] ||
	    (ref->atom && ks_diff_link(j->d, a, ref, &run) == KS_LINK_NEW))
		return ks_error_new(KS_E_REFUSED,
				    "the update cannot be made safely: %s: %s+0x%x: it shifts by the runtime constant %s, and there is no room to fill that in when the update is loaded",
				    j->d->post->name, a->name, sp->offset, ref->name);
	memcpy(&addend, data + field, 3);
	memset(data + field, 0, 4);
	memset(free + field, 0, 4);
	ks_wsection_reloc(p->sec, p->offset + field, R_X86_64_32S,
			  ks_writer_undefined(j->w, ks_table_import_shift(j->t, j->target, run, ref->name)),
			  addend);
	return NULL;
}

static struct ks_error *fix_constants(struct job *j, struct ks_atom *a, bool *free)
{
	struct placed *p = &j->placed[a->index];
	struct ks_error *err = NULL;

	ks_vec_for(&a->specials, sp) {
		uint8_t *data = ks_wsection_data(p->sec) + p->offset;

		if (!err && sp->kind == KS_SP_CONST_PTR)
			err = fix_pointer(j, a, sp, data);
		else if (!err && sp->kind == KS_SP_CONST_SHIFT)
			err = fix_shift(j, a, sp, data, free);
	}
	return err;
}

/* What the running kernel has settled, and a module's loader would not settle again. */
static struct ks_error *fix_settled(struct job *j, struct ks_atom *a)
{
	bool *free_bytes = ks_alloc(a->size + 8);
	struct ks_error *err = NULL;

	memset(free_bytes, true, a->size);
	ks_vec_for(&a->refs, ref)
		memset(free_bytes + ref->offset, 0, ref->size);
	ks_vec_for(&a->specials, sp)
		if (sp->kind == KS_SP_JUMP_LABEL)
			memset(free_bytes + sp->offset, 0, 2);
	ks_vec_for(&a->specials, sp)
		if (!err && is_fixed(j, a, sp))
			err = fix_branch(j, a, sp, free_bytes);
	if (!err)
		err = fix_constants(j, a, free_bytes);
	free(free_bytes);
	return err;
}

static void add_special(struct job *j, struct ks_atom *a, const struct ks_special *sp)
{
	const struct ks_special_layout *l = ks_special_layout(sp->kind);
	struct ks_wsection *sec = copy_section(j, l->section);
	struct placed *p = &j->placed[a->index];
	uint64_t at = ks_wsection_add(sec, sp->raw, sp->size, l->align);

	for (uint32_t n = 0; n < sp->nr_refs; n++) {
		const struct ks_ref *ref = &sp->refs[n];
		ks_wsymbol sym = p->symbol;
		int64_t addend = p->base + sp->offset;

		/* An empty replacement is nowhere; any valid place serves. */
		if (n && !(sp->kind == KS_SP_ALT && !ks_special_alt(sp).replacement))
			link_ref(j, a, ref, false, &sym, &addend);
		ks_wsection_reloc(sec, at + ref->offset, ref->type, sym, addend);
	}
}

/* Entry @index of the unwind data; NULL: it has no such. */
static const uint8_t *orc_entry(const struct ks_section *orcs, uint64_t index, uint64_t size)
{
	return orcs->data && (index + 1) * size <= orcs->size ? orcs->data + index * size : NULL;
}

/*
 * objtool leaves out an entry that says what the one before it does; so the
 * last one in front of an atom's start may be its first.  -1: there is none, or
 * it knows nothing.
 */
static long orc_at_start(const struct ks_atom *a, const struct ks_section *ips,
			 const struct ks_section *orcs, uint64_t size)
{
	const uint8_t *entry;
	int64_t best = -1;
	long found = -1;

	ks_vec_for(&ips->relocs, rel) {
		int64_t pos = (int64_t)rel->symbol->value + rel->addend;

		if (rel->symbol->section != a->section || pos > a->start || pos < best)
			continue;
		best = pos;
		found = rel->offset / 4;
	}
	/* The register that the frame is counted from, 0: unknown. */
	entry = found >= 0 ? orc_entry(orcs, found, size) : NULL;
	return entry && !(size > 4 && !(entry[4] & 15)) ? found : -1;
}

/*
 * ORC: where the stack frame is, per address.  Entries hold until the next
 * one; the terminator behind a function keeps its last entry from covering
 * the padding and what follows.  The loader sorts the table.
 */
static struct ks_error *add_orc(struct job *j, struct ks_atom *a, bool terminate)
{
	struct ks_section *ips = ks_object_section(j->d->post->obj, ".orc_unwind_ip");
	struct ks_section *orcs = ks_object_section(j->d->post->obj, ".orc_unwind");
	struct ks_wsection *ip, *orc;
	struct placed *p = &j->placed[a->index];
	bool known = false;
	uint64_t size;
	long first;

	if (!ips || !orcs || ips->size < 4 || !orcs->size || orcs->size % (ips->size / 4))
		return ks_error_new(KS_E_REFUSED, "%s: it has no usable ORC tables: was objtool run on it?",
				    j->d->post->name);
	size = orcs->size / (ips->size / 4);
	ip = copy_section(j, ".orc_unwind_ip");
	orc = copy_section(j, ".orc_unwind");
	first = orc_at_start(a, ips, orcs, size);
	if (first >= 0) {
		known = true;
		/* Code in the padding runs with the frame that the function begins with. */
		ks_wsection_reloc(ip, ks_wsection_add(ip, NULL, 4, 4), R_X86_64_PC32, p->symbol,
				  p->base - p->pad);
		ks_wsection_add(orc, orc_entry(orcs, first, size), size, 1);
	}
	ks_vec_for(&a->specials, sp) {
		const uint8_t *entry = sp->kind == KS_SP_ORC ? orc_entry(orcs, sp->index, size) : NULL;

		if (!entry || sp->offset >= a->size || (first >= 0 && !sp->offset))
			continue;
		known = true;
		ks_wsection_reloc(ip, ks_wsection_add(ip, NULL, 4, 4), R_X86_64_PC32, p->symbol,
				  p->base + sp->offset);
		ks_wsection_add(orc, entry, size, 1);
	}
	if (!known && a->kind == KS_FUNC)
		return ks_error_new(KS_E_REFUSED, "%s: %s: objtool gave it no unwind information",
				    j->d->post->name, a->name);
	if (terminate) {
		ks_wsection_reloc(ip, ks_wsection_add(ip, NULL, 4, 4), R_X86_64_PC32, p->symbol,
				  p->base + a->size);
		ks_wsection_add(orc, NULL, size, 1);
	}
	return NULL;
}

static bool followed(struct job *j, const struct ks_atom *a)
{
	const struct placed *p = &j->placed[a->index];

	ks_vec_for(&j->d->included, it) {
		const struct placed *q = &j->placed[(*it)->index];

		if (q->sec == p->sec && q->offset - q->pad == p->offset + a->size)
			return true;
	}
	return false;
}

/*
 * Nothing of new code is sealed: objtool, which saw one object, takes each
 * function for one that no pointer leads to unless that object has the pointer.
 */
static bool is_copied(enum ks_special_kind kind)
{
	return kind != KS_SP_ORC && kind != KS_SP_ENDBR_SEAL && kind != KS_SP_CONST_PTR &&
	       kind != KS_SP_CONST_SHIFT;
}

static struct ks_error *add_tables(struct job *j, struct ks_atom *a)
{
	struct ks_error *err = fix_settled(j, a);

	if (err)
		return err;
	ks_vec_for(&a->specials, sp)
		if (is_copied(sp->kind) && !is_fixed(j, a, sp))
			add_special(j, a, sp);
	/* A replacement of an alternative is copied to where it has another one's entries. */
	return ks_str_starts(a->section->name, ".altinstr_replacement") ? NULL :
									  add_orc(j, a, !followed(j, a));
}

/* A name by which the modules' own source knows a part of an atom. */
static void name_part(struct job *j, const char *what, const char *id, size_t n, const struct ks_atom *a,
		      uint32_t offset, uint32_t size)
{
	const struct placed *p = &j->placed[a->index];
	char *name = ks_asprintf("ks_%s_%s_%06zu", what, id, n);

	ks_writer_symbol(j->w, name, STB_GLOBAL, ks_atom_is_code(a) ? STT_FUNC : STT_OBJECT, p->sec,
			 p->offset + offset, size);
	free(name);
}

static void name_parts(struct job *j, const char *id, struct ks_new_first n)
{
	ks_vec_for(&j->d->replaced, r)
		name_part(j, "new", id, n.patch++, r->post, 0, r->post->size);
	ks_vec_for(&j->d->data, c)
		name_part(j, "data", id, n.data++, c->post, c->offset, c->size);
	ks_vec_for(&j->d->hooks, hook)
		name_part(j, "hook", id, n.hook++, hook->function, 0, hook->function->size);
	ks_vec_for(&j->d->shadows, it)
		name_part(j, "shadow", id, n.shadow++, *it, 0, (*it)->size);
}

struct ks_error *ks_newobj_write(struct ks_table *t, uint32_t target, struct ks_diff *d,
				 const struct ks_new_globals *globals, const char *id,
				 const struct ks_new_first *first, const char *path)
{
	struct job j = { .t = t, .target = target, .d = d, .globals = globals };
	struct ks_error *err = NULL;

	j.w = ks_writer_new();
	j.placed = ks_alloc(d->post->atoms.len * sizeof(*j.placed));
	ks_writer_section(j.w, ".note.GNU-stack", SHT_PROGBITS, 0, 0);
	for (size_t i = 0; !err && i < d->included.len; i++)
		err = place(&j, d->included.v[i]);
	for (size_t i = 0; !err && i < d->included.len; i++)
		err = relocate(&j, d->included.v[i]);
	for (size_t i = 0; !err && i < d->included.len; i++)
		if (ks_atom_is_code(d->included.v[i]))
			err = add_tables(&j, d->included.v[i]);
	if (!err)
		name_parts(&j, id, *first);
	if (!err)
		err = ks_writer_write(j.w, path);
	ks_writer_free(j.w);
	free(j.placed);
	return err;
}
