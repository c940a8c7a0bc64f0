// SPDX-License-Identifier: GPL-2.0-only
/*
 * The one place that distrusts a match table; see table.h.
 *
 * Every array must lie within the blob, every index within its array, every
 * site within its block.  Nothing is believed before it was checked: what a
 * check reads was checked by an earlier one, or is checked right there.
 */
#include "table.h"

struct array {
	const void *data;
	u32 count;
};

static bool get(const u8 *blob, u32 size, struct kst_array raw, u32 elem, struct array *out)
{
	if (raw.offset % 8 || raw.offset < sizeof(struct kst_header) || raw.offset > size)
		return false;
	if ((u64)raw.count * elem > size - raw.offset)
		return false;
	out->data = blob + raw.offset;
	out->count = raw.count;
	return true;
}

static bool valid_index(u32 index, u32 count)
{
	return index < count;
}

static bool valid_or_none(u32 index, u32 count)
{
	return index == KST_NONE || index < count;
}

/* Names are copied and printed: they are short, and plain text. */
static bool valid_name(const struct kst_view *t, u32 name, u32 strings)
{
	u32 i;

	for (i = name; i < strings && t->strings[i]; i++)
		if (t->strings[i] < ' ' || t->strings[i] > '~' || i - name == KST_MAX_NAME)
			return false;
	return i < strings;
}

static const char *check_targets(const struct kst_view *t, u32 strings)
{
	u32 i;

	for (i = 0; i < t->nr_targets; i++) {
		if (!valid_name(t, t->targets[i].name, strings) ||
		    !*kst_string(t, t->targets[i].name))
			return "a target's name is out of range";
		if (t->targets[i].reserved)
			return "a target has unknown fields";
	}
	if (strcmp(kst_string(t, t->targets[0].name), "vmlinux"))
		return "its first target is not vmlinux";
	return NULL;
}

static const char *check_symbols(const struct kst_view *t, u32 strings)
{
	u32 i;

	for (i = 0; i < t->nr_symbols; i++) {
		const struct kst_symbol *s = &t->symbols[i];

		if (!valid_name(t, s->name, strings))
			return "a symbol's name is out of range";
		if (!valid_index(s->target, t->nr_targets))
			return "a symbol's target is out of range";
		if (!valid_or_none(s->block, t->nr_blocks))
			return "a symbol's block is out of range";
		if (s->block != KST_NONE && (t->blocks[s->block].symbol != i ||
					     t->blocks[s->block].kind == KST_REPL))
			return "a symbol's block is another symbol's";
		if (s->flags &
		    ~(KST_SYM_GLOBAL | KST_SYM_NEEDED | KST_SYM_UNNAMED | KST_SYM_ABSOLUTE))
			return "a symbol has unknown flags";
	}
	return NULL;
}

static bool valid_form(const struct kst_site *s)
{
	switch (s->kind) {
	case KST_S_REL:
		if (s->form == KST_R_ABS64 || s->form == KST_R_PC64)
			return s->len == 8 && s->arg <= 16;
		return s->form <= KST_R_PC32 && s->len == 4 && s->arg <= 16;
	case KST_S_JUMP:
		if (s->form == KST_J_CALL)
			return s->len == 5;
		if (s->form == KST_J_JMP)
			return s->len == 5 || s->len == 2;
		return s->form == KST_J_JCC && (s->len == 6 || s->len == 2) && s->arg <= 15;
	case KST_S_BRANCH:
		if (s->form == KST_J_CALL)
			return s->len == 5;
		if (s->form == KST_J_JMP)
			return s->len == 5 || s->len == 2;
		return s->form == KST_J_JCC && (s->len == 6 || s->len == 2);
	case KST_S_FENTRY:
	case KST_S_RETURN:
		return s->len == 5;
	case KST_S_THUNK:
		if (s->arg & ~0xf1fu)
			return false;
		return s->form <= KST_J_JCC &&
		       s->len == 5 + (s->form == KST_J_JCC) + ((s->arg >> 4) & 1);
	case KST_S_ALT:
		return s->form >= 1 && s->len >= 1 && s->len <= 255;
	case KST_S_PARAVIRT:
		return (s->form == KST_J_CALL || s->form == KST_J_JMP) && s->len >= 5 &&
		       s->len <= 16;
	case KST_S_LOCK:
		return s->len == 1;
	case KST_S_JUMP_LABEL:
		return s->len == 2 || s->len == 5;
	case KST_S_STATIC_CALL:
		return s->form <= KST_J_JCC && s->len == 5 + (s->form == KST_J_JCC);
	case KST_S_ENDBR:
		return s->len == 4;
	case KST_S_NOPS:
		return s->len >= 1 && s->len <= 255;
	case KST_S_CONST:
		return s->form == KST_C_PTR ? s->len == 8 : s->form == KST_C_SHIFT && s->len == 1;
	}
	return false;
}

static bool needs_symbol(const struct kst_site *s)
{
	return s->kind == KST_S_REL || s->kind == KST_S_JUMP || s->kind == KST_S_THUNK ||
	       s->kind == KST_S_PARAVIRT || s->kind == KST_S_STATIC_CALL || s->kind == KST_S_CONST;
}

static const char *check_site(const struct kst_view *t, const struct kst_block *b,
			      const struct kst_site *s)
{
	if (!valid_form(s))
		return "a site's kind, form or length is unknown";
	if (s->offset > b->size || s->len > b->size - s->offset)
		return "a site lies outside its block";
	if (!valid_or_none(s->sym, t->nr_symbols) || (needs_symbol(s) && s->sym == KST_NONE))
		return "a site's symbol is out of range";
	if (s->kind == KST_S_STATIC_CALL && !valid_index(s->arg, t->nr_symbols))
		return "a static call's trampoline is out of range";
	if ((s->kind == KST_S_BRANCH || (s->kind == KST_S_JUMP_LABEL && s->sym == KST_NONE)) &&
	    s->arg > b->size)
		return "a branch leads out of its block";
	if (s->kind == KST_S_ALT) {
		u32 i;

		if (s->arg > t->nr_alts || s->form > t->nr_alts - s->arg)
			return "a site's alternatives are out of range";
		if (b->kind == KST_REPL)
			return "an alternative inside a replacement";
		for (i = 0; i < s->form; i++) {
			u32 repl = t->alts[s->arg + i].block;

			if (repl != KST_NONE && t->blocks[repl].size > s->len)
				return "an alternative's replacement is longer than its place";
		}
	}
	return NULL;
}

static const char *check_block(const struct kst_view *t, u32 index, u32 strings, u32 code)
{
	const struct kst_block *b = &t->blocks[index];
	u32 i, end = 0, alt_end = 0;

	if (!valid_index(b->symbol, t->nr_symbols))
		return "a block's symbol is out of range";
	if (b->kind > KST_REPL)
		return "a block's kind is unknown";
	if (b->flags & ~(KST_BLOCK_WEAK | KST_BLOCK_ELASTIC | KST_BLOCK_PATCHED_PART))
		return "a block has unknown flags";
	if (!b->size || b->size > KST_MAX_FUNCTION || b->code > code || b->size > code - b->code)
		return "a block's bytes are out of range";
	if (b->site > t->nr_sites || b->nr_sites > t->nr_sites - b->site)
		return "a block's sites are out of range";
	if (!valid_name(t, b->unit, strings))
		return "a block's unit is out of range";
	if (b->kind == KST_STRING && (b->nr_sites || t->code[b->code + b->size - 1]))
		return "a string is not one";
	for (i = 0; i < b->nr_sites; i++) {
		const struct kst_site *s = &t->sites[b->site + i];
		const char *why = check_site(t, b, s);

		if (why)
			return why;
		if (b->kind != KST_TEXT && b->kind != KST_REPL && s->kind != KST_S_REL)
			return "data has a site of code";
		if (s->offset < end)
			return "sites overlap or are not sorted";
		/* The sites inside an alternative describe its original form. */
		if (s->kind == KST_S_ALT) {
			if (s->offset < alt_end)
				return "alternatives overlap";
			alt_end = s->offset + s->len;
			end = s->offset;
			continue;
		}
		end = s->offset + s->len;
		if (s->offset < alt_end && end > alt_end)
			return "a site crosses the end of an alternative";
	}
	return NULL;
}

/* Before the blocks: their sites rely on it. */
static const char *check_alts(const struct kst_view *t)
{
	u32 i;

	for (i = 0; i < t->nr_alts; i++)
		if (!valid_or_none(t->alts[i].block, t->nr_blocks) ||
		    (t->alts[i].block != KST_NONE && t->blocks[t->alts[i].block].kind != KST_REPL))
			return "an alternative's block is out of range";
	return NULL;
}

/*
 * The jump to the new code goes to the entry of the function, or right behind
 * what the entry has to start with.  Anywhere else it could cut an
 * instruction in two, or take the function tracer's place.
 */
static bool valid_slot(const struct kst_view *t, const struct kst_patch *p)
{
	const struct kst_block *b = &t->blocks[p->block];
	u32 i, entry = 0;
	bool traced = false;

	if (p->kind > KST_P_TRACED || p->slot > b->size ||
	    (p->kind == KST_P_JUMP && b->size - p->slot < KST_JUMP_SIZE))
		return false;
	for (i = 0; i < b->nr_sites; i++) {
		const struct kst_site *s = &t->sites[b->site + i];

		if (s->offset != entry || (s->kind != KST_S_FENTRY && s->kind != KST_S_ENDBR))
			break;
		entry = s->offset + s->len;
		traced |= s->kind == KST_S_FENTRY;
	}
	return p->slot == entry && (traced || p->kind == KST_P_JUMP);
}

static const char *check_rest(const struct kst_view *t)
{
	u32 i;

	for (i = 0; i < t->nr_exports; i++) {
		const struct kst_export *e = &t->exports[i];

		if (!valid_index(e->symbol, t->nr_symbols))
			return "an export's symbol is out of range";
		if (e->kind > KST_E_POINTER || (e->kind != KST_E_BRANCH && (e->on || e->off)))
			return "an export's kind or values are unknown";
	}
	for (i = 0; i < t->nr_patches; i++) {
		const struct kst_patch *p = &t->patches[i];

		if (!valid_index(p->block, t->nr_blocks) || t->blocks[p->block].kind != KST_TEXT)
			return "a patch's block is out of range";
		if (!valid_slot(t, p))
			return "a patch's slot is not at the entry of its function";
	}
	for (i = 0; i < t->nr_data; i++) {
		const struct kst_data *d = &t->data[i];

		if (!valid_index(d->block, t->nr_blocks) || !valid_index(d->symbol, t->nr_symbols) ||
		    t->blocks[d->block].kind != KST_RODATA || d->offset > KST_MAX_FUNCTION ||
		    (d->flags & ~KST_DATA_WRITABLE))
			return "changed data is out of range, or of another kind";
		if (!(t->symbols[d->symbol].flags & KST_SYM_NEEDED))
			return "changed data need not be found";
	}
	return NULL;
}

static const char *check(const u8 *blob, u32 size, struct kst_view *t)
{
	const struct kst_header *h = (const void *)blob;
	struct array strings, targets, symbols, blocks, sites, alts, code, exports, patches, data;
	const char *why;
	u32 i, run;

	if ((uintptr_t)blob % 8)
		return "it is not aligned";
	if (size < sizeof(*h) || h->magic != KST_MAGIC)
		return "it is no match table";
	if (h->version != KST_VERSION || h->header_size != sizeof(*h))
		return "its version is not the one that this core understands";
	if (size > KST_MAX_SIZE || h->size != size)
		return "its size is not what its header says";
	if (!get(blob, size, h->strings, 1, &strings) ||
	    !get(blob, size, h->targets, sizeof(struct kst_target), &targets) ||
	    !get(blob, size, h->symbols, sizeof(struct kst_symbol), &symbols) ||
	    !get(blob, size, h->blocks, sizeof(struct kst_block), &blocks) ||
	    !get(blob, size, h->sites, sizeof(struct kst_site), &sites) ||
	    !get(blob, size, h->alts, sizeof(struct kst_alt), &alts) ||
	    !get(blob, size, h->code, 1, &code) || 
	    !get(blob, size, h->exports, sizeof(struct kst_export), &exports) ||
	    !get(blob, size, h->patches, sizeof(struct kst_patch), &patches) ||
	    !get(blob, size, h->data, sizeof(struct kst_data), &data))
		return "an array is out of range";
	*t = (struct kst_view){
		.strings = strings.data, .targets = targets.data, .symbols = symbols.data,
		.blocks = blocks.data, .sites = sites.data, .alts = alts.data, .code = code.data,
		.exports = exports.data, .patches = patches.data,
		.nr_targets = targets.count, .nr_symbols = symbols.count, .nr_blocks = blocks.count,
		.nr_sites = sites.count, .nr_alts = alts.count, .nr_exports = exports.count,
		.nr_patches = patches.count, .data = data.data, .nr_data = data.count,
	};
	if (!strings.count || t->strings[0] || t->strings[strings.count - 1])
		return "its strings are not terminated";
	if (!t->nr_targets)
		return "it has no target";
	why = check_targets(t, strings.count);
	if (!why)
		why = check_symbols(t, strings.count);
	if (!why)
		why = check_alts(t);
	for (i = 0; !why && i < t->nr_blocks; i++) {
		why = check_block(t, i, strings.count, code.count);
		if (why)
			break;
		run = kst_longest_run(t, &t->blocks[i]);
		if (run > t->max_run)
			t->max_run = run;
		if (t->blocks[i].nr_sites > t->max_sites)
			t->max_sites = t->blocks[i].nr_sites;
	}
	return why ? why : check_rest(t);
}

int kst_open(const void *blob, u32 size, struct kst_view *view, const char **why)
{
	*why = check(blob, size, view);
	return *why ? -EINVAL : 0;
}
