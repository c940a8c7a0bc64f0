// SPDX-License-Identifier: GPL-2.0-only
/* Building the match table; see table.h. */
#include "table/table.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "../../kernel/table.h"
#include "diff/special.h"
#include "table/builder.h"

struct key {
	uint32_t target;
	const char *name; /* by name ... */
	const void *atom; /* ... or by atom */
	uint32_t symbol;
};

static int key_order(const void *x, const void *y)
{
	const struct key *a = x, *b = y;

	if (a->atom || b->atom)
		return a->atom < b->atom ? -1 : a->atom > b->atom;
	if (a->target != b->target)
		return a->target < b->target ? -1 : 1;
	return strcmp(a->name, b->name);
}

static uint32_t add_string(struct ks_table *t, const char *s)
{
	uint32_t at = t->strings.len;

	if (!*s)
		return 0;
	ks_buf_add(&t->strings, s, strlen(s) + 1);
	return at;
}

struct ks_table *ks_table_new(const char *id, const struct ks_sysmap *map)
{
	struct ks_table *t = ks_alloc(sizeof(*t));

	t->id = ks_strdup(id);
	t->map = map;
	ks_buf_add(&t->strings, "", 1);
	ks_strv_add(&t->targets, "vmlinux");
	return t;
}

static void free_key(void *key)
{
	free(key);
}

void ks_table_free(struct ks_table *t)
{
	if (!t)
		return;
	tdestroy(t->by_name, free_key);
	tdestroy(t->by_atom, free_key);
	ks_vec_for(&t->symbols, s)
		free(s->key);
	ks_vec_free(&t->symbols);
	ks_vec_free(&t->blocks);
	ks_vec_free(&t->sites);
	ks_vec_free(&t->alts);
	ks_vec_free(&t->exports);
	ks_vec_free(&t->patches);
	ks_vec_free(&t->data);
	ks_vec_free(&t->queue);
	ks_buf_free(&t->strings);
	ks_buf_free(&t->code);
	ks_strv_free(&t->targets);
	ks_strv_free(&t->export_names);
	free(t->id);
	free(t);
}

uint32_t ks_table_target(struct ks_table *t, const char *name)
{
	for (uint32_t i = 0; i < t->targets.len; i++)
		if (!strcmp(t->targets.v[i], name))
			return i;
	ks_strv_add(&t->targets, name);
	return t->targets.len - 1;
}

static uint32_t new_symbol(struct ks_table *t, const char *name, uint32_t target, uint32_t flags)
{
	struct ks_table_symbol *s = ks_vec_push(&t->symbols);

	s->export = KST_NONE;
	s->raw.name = add_string(t, name);
	s->raw.target = target;
	s->raw.flags = flags;
	s->raw.block = KST_NONE;
	s->raw.map_offset = -1;
	if (!*name)
		return t->symbols.len - 1;
	if (t->map) {
		int64_t offset;

		/* A module's code may refer to the kernel's symbols, too; its own come first. */
		if (!target && !ks_sysmap_has(t->map, name))
			s->raw.flags |= KST_SYM_UNNAMED;
		else if (ks_sysmap_absolute(t->map, name))
			s->raw.flags |= KST_SYM_ABSOLUTE;
		else if ((flags & KST_SYM_GLOBAL) && ks_sysmap_global(t->map, name, &offset))
			s->raw.map_offset = offset;
	}
	return t->symbols.len - 1;
}

static struct key *find(void **tree, struct key *want)
{
	struct key *copy = ks_alloc(sizeof(*copy)), **slot;

	*copy = *want;
	copy->symbol = KST_NONE;
	slot = tsearch(copy, tree, key_order);
	if (!slot)
		abort(); /* out of memory, which ks_alloc() would have met first */
	if (*slot != copy)
		free(copy);
	return *slot;
}

uint32_t ks_table_name_symbol(struct ks_table *t, uint32_t target, const char *name)
{
	struct key want = { .target = target, .name = name };
	struct key *k = find(&t->by_name, &want);

	if (k->symbol == KST_NONE) {
		k->symbol = new_symbol(t, name, target, KST_SYM_GLOBAL);
		t->symbols.v[k->symbol].key = ks_strdup(name);
		k->name = t->symbols.v[k->symbol].key;
	}
	return k->symbol;
}

static uint32_t atom_symbol(struct ks_table *t, struct ks_atom *a)
{
	struct key want = { .atom = a }, *k;

	if (*a->name && a->bind != STB_LOCAL)
		return ks_table_name_symbol(t, t->target, a->name);
	k = find(&t->by_atom, &want);
	if (k->symbol == KST_NONE) {
		k->symbol = new_symbol(t, a->name, t->target, *a->name ? 0 : KST_SYM_UNNAMED);
		t->symbols.v[k->symbol].atom = a;
	}
	return k->symbol;
}

/* Constant data that code refers to is compared too: make it a block later. */
static void want_block(struct ks_table *t, struct ks_atom *a)
{
	bool constant = (a->kind == KS_STRING || a->kind == KS_RODATA || (a->mark & KS_M_EARLY)) && a->size;

	/* Weak data may be another object's in the kernel. */
	if (!constant || a->discarded || a->bind == STB_WEAK || (a->mark & KS_M_QUEUED))
		return;
	a->mark |= KS_M_QUEUED;
	*ks_vec_push(&t->queue) = a;
}

uint32_t ks_table_ref_symbol(struct ks_table *t, const struct ks_ref *ref)
{
	if (ref->atom) {
		want_block(t, ref->atom);
		return atom_symbol(t, ref->atom);
	}
	if (ref->name && *ref->name == '.') /* a place in a section that no symbol covers */
		return new_symbol(t, "", t->target, KST_SYM_UNNAMED);
	return ks_table_name_symbol(t, t->target, ref->name);
}

static struct ks_error *add_block(struct ks_table *t, struct ks_atom *a, uint32_t sym, uint32_t kind,
				  uint32_t size, uint32_t flags, uint32_t *index)
{
	uint32_t code = t->code.len, site = t->sites.len;
	struct ks_error *err;
	struct kst_block *b;

	if (size > KST_MAX_FUNCTION)
		return ks_error_new(KS_E_REFUSED, "%s: %s is %u bytes long; %u is the most that can be matched",
				    t->diff->pre->name, a->name, size, KST_MAX_FUNCTION);
	if (a->data)
		ks_buf_add(&t->code, a->data, size);
	else
		ks_buf_add_zeros(&t->code, size);
	err = ks_table_add_sites(t, a, &flags);
	if (err)
		return err;
	b = ks_vec_push(&t->blocks);
	b->symbol = sym;
	b->kind = kind;
	b->flags = flags;
	b->code = code;
	b->size = size;
	b->site = site;
	b->nr_sites = t->sites.len - site;
	b->unit = t->unit;
	*index = t->blocks.len - 1;
	if (kind != KST_REPL)
		t->symbols.v[sym].raw.block = *index;
	return NULL;
}

struct ks_error *ks_table_add_block(struct ks_table *t, struct ks_atom *a, uint32_t kind,
				    uint32_t size, uint32_t flags, uint32_t *index)
{
	return add_block(t, a, atom_symbol(t, a), kind, size, flags, index);
}

/* Blocks for what the functions referred to; those may refer to more. */
static struct ks_error *drain_queue(struct ks_table *t, size_t first_alt)
{
	uint32_t *block_of;
	size_t done = 0;

	block_of = NULL;
	for (; done < t->queue.len; done++) {
		struct ks_atom *a = t->queue.v[done];
		uint32_t kind = a->kind == KS_STRING ? KST_STRING :
				ks_atom_is_code(a)   ? KST_REPL :
						       KST_RODATA;
		struct ks_error *err;

		block_of = ks_realloc(block_of, (done + 1) * sizeof(*block_of));
		err = ks_table_add_block(t, a, kind, a->size, 0, &block_of[done]);
		if (err) {
			free(block_of);
			return err;
		}
	}
	for (size_t i = first_alt; i < t->alts.len; i++)
		if (t->alts.v[i].block != KST_NONE)
			t->alts.v[i].block = block_of[t->alts.v[i].block];
	free(block_of);
	t->queue.len = 0;
	return NULL;
}

static bool matched(const struct ks_atom *a)
{
	return a->kind == KS_FUNC && !a->discarded && a->data && a->size &&
	       !ks_str_starts(a->section->name, ".static_call.text") &&
	       !ks_str_starts(a->section->name, ".altinstr");
}

/* The piece of an object that changes: a block for its content so far. */
static struct ks_error *add_data(struct ks_table *t, const struct ks_changed_data *c)
{
	uint32_t sym = atom_symbol(t, c->pre), index;
	struct ks_atom piece = *c->pre;
	struct ks_error *err;
	struct kst_data *x;

	piece.name = "";
	piece.bind = STB_LOCAL;
	piece.data = c->pre->data ? c->pre->data + c->offset : NULL;
	piece.size = c->size;
	memset(&piece.refs, 0, sizeof(piece.refs));
	ks_vec_for(&c->pre->refs, ref)
		if (ref->offset >= c->offset && ref->offset < c->offset + c->size) {
			struct ks_ref *r = ks_vec_push(&piece.refs);

			*r = *ref;
			r->offset -= c->offset;
		}
	err = add_block(t, &piece, new_symbol(t, "", t->target, KST_SYM_UNNAMED), KST_RODATA, c->size, 0,
			&index);
	ks_vec_free(&piece.refs);
	if (err)
		return err;
	x = ks_vec_push(&t->data);
	x->symbol = sym;
	x->offset = c->offset;
	x->block = index;
	x->flags = c->writable ? KST_DATA_WRITABLE : 0;
	t->symbols.v[sym].raw.flags |= KST_SYM_NEEDED;
	return drain_queue(t, t->alts.len);
}

struct ks_error *ks_table_add_unit(struct ks_table *t, uint32_t target, struct ks_diff *diff)
{
	size_t first_alt = t->alts.len, known = 0, functions = 0;
	struct ks_error *err;

	t->diff = diff;
	t->target = target;
	t->unit = add_string(t, diff->pre->name);
	ks_vec_for(&diff->pre->atoms, it) {
		uint32_t flags = 0, index;

		if (!matched(*it))
			continue;
		functions++;
		if (!target && t->map && ks_sysmap_has(t->map, (*it)->name))
			known++;
		if ((*it)->bind == STB_WEAK)
			flags |= KST_BLOCK_WEAK;
		if ((*it)->mark & KS_M_PART)
			flags |= KST_BLOCK_PATCHED_PART;
		err = ks_table_add_block(t, *it, KST_TEXT, (*it)->size, flags, &index);
		if (err)
			return err;
	}
	if (!target && t->map && functions && !known)
		return ks_error_new(KS_E_REFUSED,
				    "%s: none of its functions is in the System.map: this kernel is built without it",
				    diff->pre->name);
	err = drain_queue(t, first_alt);
	if (err)
		return err;
	ks_vec_for(&diff->replaced, r) {
		struct kst_patch *p = ks_vec_push(&t->patches);
		uint32_t sym = atom_symbol(t, r->pre); /* may move the symbols */

		p->block = t->symbols.v[sym].raw.block;
		if (p->block == KST_NONE)
			return ks_error_new(KS_E_REFUSED,
					    "%s: %s (section %s): it is to be replaced, but is no code that can be found in a running kernel",
					    diff->pre->name, r->pre->name, r->pre->section->name);
		p->slot = r->slot;
		p->kind = r->traced ? KST_P_TRACED : KST_P_JUMP;
	}
	for (size_t i = 0; !err && i < diff->data.len; i++)
		err = add_data(t, &diff->data.v[i]);
	return err;
}

static uint32_t new_export(struct ks_table *t, const struct kst_export *e)
{
	uint32_t index = t->exports.len;

	t->symbols.v[e->symbol].raw.flags |= KST_SYM_NEEDED;
	*ks_vec_push(&t->exports) = *e;
	/* Padded, so that the order of numbers is the order of strcmp(). */
	ks_strv_addf(&t->export_names, "ks_%s_%06u", t->id, index);
	return index;
}

static const char *import(struct ks_table *t, uint32_t sym, bool pointer)
{
	struct ks_table_symbol *s = &t->symbols.v[sym];

	if (s->export == KST_NONE)
		s->export = new_export(t, &(struct kst_export){ .kind = KST_E_ADDRESS, .symbol = sym });
	if (pointer)
		t->exports.v[s->export].kind = KST_E_POINTER;
	return t->export_names.v[s->export];
}

const char *ks_table_import_atom(struct ks_table *t, uint32_t target, struct ks_atom *pre, bool pointer)
{
	t->target = target;
	return import(t, atom_symbol(t, pre), pointer);
}

const char *ks_table_import_name(struct ks_table *t, uint32_t target, const char *name, bool pointer)
{
	return import(t, ks_table_name_symbol(t, target, name), pointer);
}

/* One export for all who want the same. */
static const char *import_as(struct ks_table *t, const struct kst_export *want)
{
	uint32_t index;

	for (size_t i = 0; i < t->exports.len; i++)
		if (!memcmp(&t->exports.v[i], want, sizeof(*want)))
			return t->export_names.v[i];
	index = new_export(t, want);
	return t->export_names.v[index];
}

const char *ks_table_import_branch(struct ks_table *t, uint32_t target, struct ks_atom *pre,
				   const char *name, int32_t on, int32_t off)
{
	t->target = target;
	return import_as(t, &(struct kst_export){
		.kind = KST_E_BRANCH,
		.symbol = pre ? atom_symbol(t, pre) : ks_table_name_symbol(t, target, name),
		.on = on, .off = off });
}

const char *ks_table_import_shift(struct ks_table *t, uint32_t target, struct ks_atom *pre, const char *name)
{
	t->target = target;
	return import_as(t, &(struct kst_export){
		.kind = KST_E_SHIFT,
		.symbol = pre ? atom_symbol(t, pre) : ks_table_name_symbol(t, target, name) });
}

bool ks_table_ro_after_init(const struct ks_table *t, const char *name)
{
	return t->map && ks_sysmap_ro_after_init(t->map, name);
}

size_t ks_table_targets(const struct ks_table *t)
{
	return t->targets.len;
}

size_t ks_table_exports(const struct ks_table *t)
{
	return t->exports.len;
}

const char *ks_table_export_name(const struct ks_table *t, size_t i)
{
	return t->export_names.v[i];
}

size_t ks_table_patches(const struct ks_table *t)
{
	return t->patches.len;
}

const char *ks_table_patch_import(struct ks_table *t, size_t i)
{
	return import(t, t->blocks.v[t->patches.v[i].block].symbol, false);
}

size_t ks_table_data(const struct ks_table *t)
{
	return t->data.len;
}

uint32_t ks_table_data_offset(const struct ks_table *t, size_t i)
{
	return t->data.v[i].offset;
}

const char *ks_table_data_import(struct ks_table *t, size_t i)
{
	return import(t, t->data.v[i].symbol, false);
}

static struct kst_array put(struct ks_buf *blob, const void *data, size_t count, size_t size)
{
	struct kst_array a;

	ks_buf_align(blob, 8);
	a.offset = blob->len;
	a.count = count;
	ks_buf_add(blob, data, count * size);
	return a;
}

struct ks_error *ks_table_finish(struct ks_table *t, struct ks_buf *blob)
{
	struct kst_header h = { .magic = KST_MAGIC, .version = KST_VERSION, .header_size = sizeof(h) };
	struct kst_target *targets = ks_alloc(t->targets.len * sizeof(*targets));
	struct kst_symbol *symbols = ks_alloc(t->symbols.len * sizeof(*symbols));
	struct kst_view view;
	const char *why;

	for (size_t i = 0; i < t->targets.len; i++)
		targets[i].name = add_string(t, t->targets.v[i]);
	for (size_t i = 0; i < t->symbols.len; i++)
		symbols[i] = t->symbols.v[i].raw;
	ks_buf_add(blob, &h, sizeof(h));
	h.strings = put(blob, t->strings.data, t->strings.len, 1);
	h.targets = put(blob, targets, t->targets.len, sizeof(*targets));
	h.symbols = put(blob, symbols, t->symbols.len, sizeof(*symbols));
	h.blocks = put(blob, t->blocks.v, t->blocks.len, sizeof(*t->blocks.v));
	h.sites = put(blob, t->sites.v, t->sites.len, sizeof(*t->sites.v));
	h.alts = put(blob, t->alts.v, t->alts.len, sizeof(*t->alts.v));
	h.code = put(blob, t->code.data, t->code.len, 1);
	h.exports = put(blob, t->exports.v, t->exports.len, sizeof(*t->exports.v));
	h.patches = put(blob, t->patches.v, t->patches.len, sizeof(*t->patches.v));
	h.data = put(blob, t->data.v, t->data.len, sizeof(*t->data.v));
	ks_buf_align(blob, 8);
	h.size = blob->len;
	memcpy(blob->data, &h, sizeof(h));
	free(targets);
	free(symbols);
	if (blob->len > KST_MAX_SIZE)
		return ks_error_new(KS_E_REFUSED,
				    "the match table would be %zu bytes long; %u is the most: split the patch",
				    blob->len, KST_MAX_SIZE);
	/* What the core would say once the update is to be applied. */
	if (kst_open(blob->data, blob->len, &view, &why))
		return ks_error_new(KS_E_REFUSED, "the core would not take the match table: %s", why);
	return NULL;
}
