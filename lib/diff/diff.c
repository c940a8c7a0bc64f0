// SPDX-License-Identifier: GPL-2.0-only
/*
 * From paired units to a decision; see diff.h.
 *
 * A function whose content differs is replaced.  The new module then needs
 * every atom that only post has and that new code refers to, transitively.
 * All else is linked to what is in the running kernel.  Whatever does not fit
 * this picture is refused by name; nothing is left out silently.
 */
#include "diff/diff.h"

#include <stdlib.h>
#include <string.h>

#include "diff/collected.h"
#include "diff/data.h"
#include "diff/hooks.h"
#include "diff/special.h"

#define JUMP_SIZE 5u

static void refuse(struct ks_diff *d, const struct ks_atom *a, const char *why)
{
	char *text = ks_asprintf("%s: %s (section %s): %s", d->post->name,
				 *a->name	    ? a->name :
				 ks_atom_is_code(a) ? "code without a name" :
						      "anonymous data",
				 a->section->name, why);

	if (!ks_strv_has(&d->refused, text))
		ks_strv_add(&d->refused, text);
	free(text);
}

static void refuse_place(struct ks_diff *d, const struct ks_atom *a, const struct ks_ref *ref)
{
	char *place = ks_ref_describe(ref);
	char *why = ks_asprintf("it refers to %s, a place that belongs to no symbol", place);

	refuse(d, a, why);
	free(place);
	free(why);
}

/* "f.cold" and "f.cold.12" belong to "f". */
static struct ks_atom *cold_parent(struct ks_unit *u, const struct ks_atom *a)
{
	const char *cold = strstr(a->name, ".cold");
	size_t len = cold ? (size_t)(cold - a->name) : 0;

	ks_vec_for(&u->atoms, it)
		if (len && (*it)->kind == KS_FUNC && !strncmp((*it)->name, a->name, len) &&
		    !(*it)->name[len])
			return *it;
	return NULL;
}

static bool changed(const struct ks_atom *post)
{
	return !post->pair || !(post->mark & KS_M_EQUAL);
}

/* The jump goes behind the fentry site, where there is one, and behind the mark of an indirect call's target. */
static uint32_t find_slot(const struct ks_atom *pre, bool *traceable)
{
	*traceable = true;
	ks_vec_for(&pre->specials, sp)
		if (sp->kind == KS_SP_MCOUNT)
			return sp->offset + JUMP_SIZE;
	*traceable = false;
	return ks_atom_has_endbr(pre) ? KS_ENDBR_SIZE : 0;
}

/*
 * A jump that does not fit, or that somebody else would write over, goes
 * through the function tracer's site where there is one.
 */
static void check_slot(struct ks_diff *d, struct ks_replaced *r, bool traceable)
{
	const struct ks_atom *pre = r->pre;
	const char *s = pre->section->name;
	uint32_t slot = r->slot;

	r->traced = traceable && slot + JUMP_SIZE > pre->size;
	if (!r->traced && slot + JUMP_SIZE > pre->size)
		refuse(d, pre, "the function is too short to hold the jump to its replacement, and is none that the function tracer knows; change its callers instead");
	if (ks_str_starts(s, ".noinstr.text") || ks_str_starts(s, ".entry.text") ||
	    ks_str_starts(s, ".cpuidle.text"))
		refuse(d, pre,
		       "entry, idle and noinstr code may run at the moment of the change and cannot be replaced");
	ks_vec_for(&pre->specials, sp) {
		bool writes = sp->kind == KS_SP_JUMP_LABEL || sp->kind == KS_SP_STATIC_CALL ||
			      sp->kind == KS_SP_LOCK;

		/* Jump labels and static calls are 5 bytes at most, a lock prefix is 1. */
		if (!writes || sp->offset >= slot + JUMP_SIZE ||
		    sp->offset + (sp->kind == KS_SP_LOCK ? 1 : 5) <= slot)
			continue;
		if (traceable)
			r->traced = true;
		else
			refuse(d, pre,
			       "the kernel itself rewrites the place where the jump to the replacement would go (a jump label, static call or lock prefix right at the start of the function), and the function is none that the function tracer knows");
	}
}

static void include(struct ks_diff *d, struct ks_atom *post)
{
	if (post->mark & KS_M_INCLUDED)
		return;
	post->mark |= KS_M_INCLUDED;
	*ks_vec_push(&d->included) = post;
}

static void replace(struct ks_diff *d, struct ks_atom *post)
{
	struct ks_replaced *r;
	bool traceable;

	if (post->mark & KS_M_REPLACED)
		return;
	post->mark |= KS_M_REPLACED;
	post->pair->mark |= KS_M_REPLACED;
	r = ks_vec_push(&d->replaced);
	r->pre = post->pair;
	r->post = post;
	r->slot = find_slot(post->pair, &traceable);
	check_slot(d, r, traceable);
	include(d, post);
}

/* A .cold part is entered by jumps only: it changes together with its function. */
static void tie_cold_parts(struct ks_diff *d)
{
	ks_vec_for(&d->post->atoms, it) {
		struct ks_atom *parent;

		if ((*it)->kind != KS_FUNC || (*it)->discarded)
			continue;
		parent = cold_parent(d->post, *it);
		if (!parent || parent == *it)
			continue;
		if (changed(*it) && parent->pair)
			parent->mark &= ~KS_M_EQUAL;
	}
	ks_vec_for(&d->pre->atoms, it) {
		struct ks_atom *parent;

		if ((*it)->kind != KS_FUNC || (*it)->discarded)
			continue;
		parent = cold_parent(d->pre, *it);
		if (!parent || parent == *it)
			continue;
		/* It vanished or changed: then so did the function that jumps to it. */
		if (parent->pair && (!(*it)->pair || !((*it)->mark & KS_M_EQUAL)))
			parent->pair->mark &= ~KS_M_EQUAL;
	}
}

static bool is_cold(struct ks_unit *u, const struct ks_atom *a)
{
	struct ks_atom *parent = cold_parent(u, a);

	return parent && parent != a;
}

static bool enters_changed(struct ks_diff *d, const struct ks_atom *a, const struct ks_atom *from, int depth);

static bool leads_into_changed(struct ks_diff *d, const struct ks_atom *a, const struct ks_ref *ref, int depth)
{
	struct ks_atom *to = ref->atom;

	if (!to || to == a || !ks_atom_is_code(to))
		return false;
	if (to->kind == KS_PIECE)
		return depth < 8 && enters_changed(d, a, to, depth + 1);
	return ref->addend && !to->discarded && !is_cold(d->post, to) && changed(to);
}

/* Does @a, or a piece of code that belongs to it, go on in the middle of a function that changes? */
static bool enters_changed(struct ks_diff *d, const struct ks_atom *a, const struct ks_atom *from, int depth)
{
	ks_vec_for(&from->refs, ref)
		if (leads_into_changed(d, a, ref, depth))
			return true;
	ks_vec_for(&from->specials, sp)
		for (uint32_t n = 1; n < sp->nr_refs; n++)
			if (!ks_special_layout(sp->kind)->follows_code && leads_into_changed(d, a, &sp->refs[n], depth))
				return true;
	return false;
}

/*
 * In assembly, functions share their ends: one jumps into the middle of
 * another (or a fault there leads to it).  If that one changes, so does what
 * the first one does, though not a byte of it differs; and in the old one,
 * nothing would lead it to the new code.
 */
static void tie_shared_ends(struct ks_diff *d)
{
	bool more = true;

	while (more) {
		more = false;
		ks_vec_for(&d->post->atoms, it) {
			struct ks_atom *a = *it;

			if (a->kind != KS_FUNC || a->discarded || changed(a) || is_cold(d->post, a) ||
			    !enters_changed(d, a, a, 0))
				continue;
			a->mark &= ~KS_M_EQUAL;
			a->pair->mark &= ~KS_M_EQUAL;
			more = true;
		}
	}
}

/* What leads into the old function elsewhere than at its entry, and would go on there. */
static void check_entries(struct ks_diff *d, const struct ks_atom *pre)
{
	ks_vec_for(&d->pre->obj->symbols, sym) {
		char *why;

		if (d->pre->by_symbol[sym - d->pre->obj->symbols.v] != pre || sym->bind == STB_LOCAL ||
		    sym->value == pre->start)
			continue;
		why = ks_asprintf("it has another entry in its middle, %s, and whatever uses that would go on in the old code",
				  sym->name);
		refuse(d, pre, why);
		free(why);
	}
	ks_vec_for(&d->pre->atoms, it) {
		struct ks_atom *a = *it;
		bool inside = false;
		char *why;

		if (ks_atom_is_code(a) || a->discarded)
			continue;
		ks_vec_for(&a->refs, ref)
			inside |= ref->atom == pre && ref->addend;
		if (!inside)
			continue;
		why = ks_asprintf("the table %s holds places in its middle, and what jumps through that would go on in the old code",
				  *a->name ? a->name : a->section->name);
		refuse(d, pre, why);
		free(why);
	}
}

/* Functions of assembly may lie in a row, and the end of one run into the next. */
static bool runs_on(const struct ks_diff *d, const struct ks_atom *a)
{
	size_t n = a->insns.list.len;
	uint8_t kind;

	/* The padding behind a piece counts for it. */
	while (n && a->kind == KS_PIECE && a->insns.list.v[n - 1].kind == KS_INSN_NOP)
		n--;
	if (!n)
		return true;
	kind = a->insns.list.v[n - 1].kind;
	/* In C, a call at the end is one that does not return. */
	if (kind == KS_INSN_CALL)
		return ks_str_ends(d->post->name, ".S");
	return kind != KS_INSN_JMP && kind != KS_INSN_END;
}

static bool has_ref(const struct ks_atom *a, uint32_t offset)
{
	ks_vec_for(&a->refs, ref)
		if (ref->offset == offset)
			return true;
	return false;
}

/* New code stands elsewhere than the old: what it reached by its place alone, it does not reach there. */
static void check_new_place(struct ks_diff *d, const struct ks_atom *a)
{
	if (ks_str_starts(a->section->name, ".altinstr"))
		return; /* copied into the function that it belongs to */
	if (runs_on(d, a))
		refuse(d, a, "its end runs into what stands behind it, and the update moves it elsewhere; let it end in a jump or a return");
	ks_vec_for(&a->insns.list, insn) {
		uint32_t field;
		int64_t place;

		if (ks_insn_leaves(a, insn, &field, &place) && !has_ref(a, field))
			refuse(d, a, "it refers to a place in its section that belongs to no symbol");
	}
}

static void find_replaced(struct ks_diff *d)
{
	ks_vec_for(&d->post->atoms, it) {
		struct ks_atom *a = *it;

		if (a->kind != KS_FUNC || !a->pair || !changed(a) || is_cold(d->post, a))
			continue;
		if (ks_str_starts(a->section->name, ".static_call.text"))
			continue;
		if (a->discarded)
			ks_strv_addf(&d->skipped,
				     "%s: in %s: it has run already (or is not in a running kernel); its change has no effect there",
				     a->name, a->section->name);
		else
			replace(d, a);
	}
	ks_vec_for(&d->pre->atoms, it) {
		struct ks_atom *a = *it;

		if (a->kind != KS_FUNC || a->discarded)
			continue;
		if (!a->pair && !is_cold(d->pre, a) && *a->name)
			ks_strv_add(&d->removed, a->name);
		if (is_cold(d->pre, a) && (cold_parent(d->pre, a)->mark & KS_M_REPLACED))
			a->mark |= KS_M_PART;
	}
}

/* A string of pre code with the same content: its address in the running kernel serves. */
static struct ks_atom *same_string(const struct ks_diff *d, const struct ks_atom *post)
{
	ks_vec_for(&d->pre->atoms, it) {
		struct ks_atom *a = *it;

		if (a->kind == KS_STRING && a->size == post->size && (a->mark & KS_M_USED) &&
		    !memcmp(a->data, post->data, a->size))
			return a;
	}
	return NULL;
}

enum ks_link ks_diff_link(const struct ks_diff *d, const struct ks_atom *from,
			  const struct ks_ref *ref, struct ks_atom **run_atom)
{
	struct ks_atom *to = ref->atom;

	*run_atom = NULL;
	if (!to)
		return KS_LINK_RUN;
	if (to == from)
		return KS_LINK_NEW;
	if (to->kind == KS_FUNC && is_cold(d->post, to))
		return KS_LINK_NEW;
	if (to->kind == KS_FUNC && (to->mark & KS_M_REPLACED)) {
		/*
		 * Calls go straight to the new code, and .cold parts jump back
		 * into it; a pointer to the function stays the old one, so that
		 * pointers stored before and after compare equal.
		 */
		if (ks_atom_is_code(from) && (ref->addend || ks_ref_is_branch(from, ref)))
			return KS_LINK_NEW;
		/* No pointer to it exists that another would have to equal, and IBT forbids the old one. */
		if (ks_atom_has_endbr(to) && !ks_atom_has_endbr(to->pair))
			return KS_LINK_NEW;
		*run_atom = to->pair;
		return KS_LINK_RUN;
	}
	if (to->kind == KS_STRING && (*run_atom = same_string(d, to)))
		return KS_LINK_RUN;
	/*
	 * __func__.1 of a function that only the boot ran: hundreds have that
	 * name, and no code that is matched refers to it.
	 */
	if (to->kind == KS_RODATA && to->pair && !(to->pair->mark & KS_M_USED) &&
	    ks_data_fresh_copy_ok(to))
		return KS_LINK_NEW;
	if (to->pair) {
		*run_atom = to->pair;
		return KS_LINK_RUN;
	}
	return KS_LINK_NEW;
}

/* May the address of an included atom be stored somewhere that outlives the update? */
static void note_escape(struct ks_diff *d, const struct ks_atom *from, const struct ks_ref *ref)
{
	const struct ks_atom *to = ref->atom;
	const struct ks_insn *insn;

	if (to == from || !*to->name || ks_hooks_address_stays(to))
		return;
	if (to->kind == KS_FUNC && ks_ref_is_branch(from, ref))
		return;
	if (to->kind == KS_FUNC && is_cold(d->post, to))
		return;
	if (to->kind == KS_STRING)
		return;
	/* A constant that code hands to somebody is read; one that data names, or of functions, is kept. */
	if (to->kind == KS_RODATA && ks_atom_is_code(from) && !ks_data_points_to_code(to))
		return;
	if (ks_atom_is_code(from) && to->kind != KS_FUNC) {
		insn = ks_insns_at(&from->insns, ref->offset);
		if (insn && !insn->takes_address)
			return;
	}
	d->escapes = true;
}

/*
 * Variables that share a section lie side by side, and the assembler has
 * turned both "&pool[ARRAY_SIZE(pool)]" and "&next" into section + offset.
 * For objects that stay where they are it is all the same; a new one would be
 * taken for the end of its neighbour.
 */
static bool may_be_an_end(const struct ks_atom *from, const struct ks_ref *ref)
{
	const struct ks_atom *to = ref->atom;

	if (to->kind == KS_FUNC || to->kind == KS_PIECE || to->kind == KS_STRING || !*to->name ||
	    *ref->name != '.' || ref->addend)
		return false;
	ks_vec_for(&from->refs, other) {
		const struct ks_atom *a = other->atom;

		if (a && a != to && a->section == to->section && a->start + a->size == to->start && a->pair &&
		    a->size > 8)
			return true;
	}
	return false;
}

static void visit_ref(struct ks_diff *d, struct ks_atom *from, const struct ks_ref *ref)
{
	struct ks_atom *to = ref->atom, *run;

	if (!to) {
		if (ref->name && ks_str_starts(ref->name, "."))
			refuse_place(d, from, ref);
		return;
	}
	if (ks_diff_link(d, from, ref, &run) == KS_LINK_RUN && !run->discarded)
		return;
	if (to->discarded) {
		refuse(d, from, "new code refers to init code or data, which a running kernel no longer has");
		return;
	}
	if (to->mark & KS_M_AMBIGUOUS && !ks_data_fresh_copy_ok(to)) {
		refuse(d, to,
		       "several variables of this name exist and nothing tells which of them it was before the patch; give it a name of its own");
		return;
	}
	if (to->kind == KS_OTHER) {
		refuse(d, to, "new entries in this section are not supported");
		return;
	}
	if (may_be_an_end(from, ref)) {
		refuse(d, to,
		       "what refers to it may mean the end of the object in front of it instead, and nothing tells; move one of them, or give it another section");
		return;
	}
	note_escape(d, from, ref);
	include(d, to);
}

/* Everything that included atoms need, until nothing new turns up. */
static void close_over(struct ks_diff *d)
{
	for (size_t i = 0; i < d->included.len; i++) {
		struct ks_atom *a = d->included.v[i];

		ks_vec_for(&a->refs, ref)
			visit_ref(d, a, ref);
		ks_vec_for(&a->specials, sp) {
			if (ks_special_layout(sp->kind)->follows_code)
				continue;
			for (uint32_t n = 1; n < sp->nr_refs; n++)
				if (sp->kind != KS_SP_ALT || ks_special_alt(sp).replacement)
					visit_ref(d, a, &sp->refs[n]);
		}
	}
	ks_vec_for(&d->included, it)
		if (!((*it)->mark & (KS_M_REPLACED | KS_M_CONTENT)) && *(*it)->name && !is_cold(d->post, *it) &&
		    (*it)->kind != KS_STRING)
			ks_strv_add(&d->added, (*it)->name);
}

static bool ordinary_variable(const struct ks_atom *a)
{
	const char *s = a->section->name;

	return ks_str_starts(s, ".data") || ks_str_starts(s, ".bss") || ks_str_starts(s, ".rodata");
}

/* Other units of the update may refer to them; nobody else can. */
static void include_new_globals(struct ks_diff *d)
{
	ks_vec_for(&d->post->atoms, it) {
		struct ks_atom *a = *it;

		if (!a->pair && !a->discarded && a->bind == STB_GLOBAL && *a->name &&
		    (a->kind == KS_FUNC || ordinary_variable(a)))
			include(d, a);
	}
}

/* What refers to @a: for a message. */
static const struct ks_atom *find_user(const struct ks_unit *u, const struct ks_atom *a)
{
	const struct ks_atom *user = NULL;

	ks_vec_for(&u->atoms, it)
		ks_vec_for(&(*it)->refs, ref)
			if (ref->atom == a && *it != a && (!user || user->discarded))
				user = *it;
	return user;
}

/* New functions that no new code leads to: only what the boot has read already can. */
static void check_unreached(struct ks_diff *d)
{
	ks_vec_for(&d->post->atoms, it) {
		struct ks_atom *a = *it;
		const struct ks_atom *user;

		if (a->kind != KS_FUNC || a->pair || a->discarded || (a->mark & KS_M_INCLUDED) ||
		    is_cold(d->post, a) || ks_str_starts(a->section->name, ".static_call.text"))
			continue;
		user = find_user(d->post, a);
		ks_strv_addf(&d->skipped, "%s: new, but only %s refers to it", a->name,
			     !user	  ? "a table that the boot has read" :
			     *user->name ? user->name :
					   user->section->name);
	}
}

/* Constants that unconditional matching will have found: those of ordinary functions. */
static void mark_used_constants(struct ks_unit *pre)
{
	ks_vec_for(&pre->atoms, it) {
		if ((*it)->kind != KS_FUNC || (*it)->discarded || (*it)->bind == STB_WEAK)
			continue;
		ks_vec_for(&(*it)->refs, ref)
			if (ref->atom && (ref->atom->kind == KS_RODATA ||
					  (ref->atom->kind == KS_STRING && !ref->addend)))
				ref->atom->mark |= KS_M_USED;
	}
}

struct ks_error *ks_diff_units(struct ks_unit *pre, struct ks_unit *post, struct ks_diff **result)
{
	struct ks_diff *d = ks_alloc(sizeof(*d));

	d->pre = pre;
	d->post = post;
	mark_used_constants(pre);
	ks_pair_units(pre, post);
	ks_hooks_assume(d);
	mark_used_constants(pre); /* some were variables before */
	ks_data_check(d);
	tie_cold_parts(d);
	tie_shared_ends(d);
	find_replaced(d);
	ks_hooks_find(d);
	ks_vec_for(&d->data, it)
		include(d, it->post);
	ks_vec_for(&d->hooks, hook)
		include(d, hook->function);
	ks_vec_for(&d->shadows, it)
		include(d, *it);
	include_new_globals(d);
	close_over(d);
	ks_vec_for(&d->replaced, r)
		check_entries(d, r->pre);
	ks_vec_for(&d->included, it)
		if (ks_atom_is_code(*it))
			check_new_place(d, *it);
	if (!d->refused.len)
		check_unreached(d);
	ks_collected_check(d);
	*result = d;
	return NULL;
}

void ks_diff_free(struct ks_diff *d)
{
	if (!d)
		return;
	ks_vec_free(&d->replaced);
	ks_vec_free(&d->data);
	ks_vec_free(&d->hooks);
	ks_vec_free(&d->shadows);
	ks_vec_free(&d->included);
	ks_strv_free(&d->added);
	ks_strv_free(&d->removed);
	ks_strv_free(&d->skipped);
	ks_strv_free(&d->refused);
	ks_vec_for(&d->growing.list, g)
		free(g->name);
	ks_vec_free(&d->growing.list);
	free(d);
}
