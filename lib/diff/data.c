// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data in pre and post; see data.h.
 *
 * The object in memory has lived since boot, and its layout is compiled into
 * code that the update may not know.  An object of the same size whose initial
 * content the patch changes is changed in place, while the machine is stopped:
 * a constant always has the content that it was compiled with; for a variable
 * the core makes sure that it still has, or does not apply the update.  A
 * constant of another size becomes a new object where nobody can tell; a table
 * of operations keeps its place if it gets shorter, or if there is room behind
 * it (room.h).  Everything else is refused.
 */
#include "diff/data.h"

#include <stdlib.h>
#include <string.h>

#include "diff/special.h"

/* Tables of operations are known by their addresses: "file->f_op == &pipefifo_fops". */
bool ks_data_points_to_code(const struct ks_atom *a)
{
	ks_vec_for(&a->refs, ref)
		if (!ref->atom || ks_atom_is_code(ref->atom))
			return true;
	return false;
}

bool ks_data_fresh_copy_ok(const struct ks_atom *a)
{
	static const char *const names[] = { "__already_done", "__warned",   "__print_once", "_rs",
					     "__key",	       "__ret_once", "descriptor",   "__func__",
					     "__PRETTY_FUNCTION__", "__UNIQUE_ID_ddebug" };
	char *base = ks_base_name(a->name);
	bool ok = ks_str_starts(a->section->name, ".data.once") ||
		  ks_str_starts(a->section->name, ".data..once");

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		ok |= !strcmp(base, names[i]);
	ok |= ks_str_starts(base, "__UNIQUE_ID_ddebug") || ks_str_starts(base, "CSWTCH");
	/* A constant is as good as another of the same content, unless it is known by its address. */
	ok |= a->kind == KS_RODATA && !ks_data_points_to_code(a);
	free(base);
	return ok;
}

static char *hex(const struct ks_atom *a)
{
	struct ks_buf out = { 0 };
	uint32_t n = a->size < 16 ? a->size : 16;

	for (uint32_t i = 0; i < n; i++)
		ks_buf_addf(&out, "%s%02x", i ? " " : "", a->data ? a->data[i] : 0);
	if (a->size > n)
		ks_buf_adds(&out, " ...");
	return ks_buf_steal(&out);
}

static void refuse_change(struct ks_diff *d, const struct ks_atom *pre, const struct ks_atom *post)
{
	char *text, *x = hex(pre), *y = hex(post);

	if (pre->size != post->size)
		text = ks_asprintf("%s: %s (section %s): its size changes from %u to %u bytes, but the running kernel has laid it out and may hold pointers to it; keep the new data in an object of its own (or in a shadow field, which a ksplice_pre_apply hook fills)",
				   d->post->name, post->name, post->section->name, pre->size, post->size);
	else
		text = ks_asprintf("%s: %s (section %s): its initial value changes (%s -> %s), and this kind of object cannot be changed in place; keep the old value and set the new one in a ksplice_apply hook",
				   d->post->name, post->name, post->section->name, x, y);
	ks_strv_add(&d->refused, text);
	free(text);
	free(x);
	free(y);
}

/* The descriptor of a pr_debug(): its line may move; the other fields are pointers. */
static bool is_debug_descriptor(const struct ks_atom *a)
{
	return ks_str_starts(a->section->name, "__dyndbg");
}

static bool zero(const struct ks_atom *a)
{
	for (uint32_t i = 0; a->data && i < a->size; i++)
		if (a->data[i])
			return false;
	return !a->refs.len;
}

static bool content_equal(struct ks_atom *pre, struct ks_atom *post)
{
	if (pre->size != post->size)
		return false;
	if (zero(pre) && zero(post))
		return true;
	return ks_atoms_equal(pre, post);
}

/* Of content that is copied elsewhere, each field must mean the same there. */
static bool movable(const struct ks_atom *a)
{
	ks_vec_for(&a->refs, ref)
		if (ref->type != R_X86_64_64)
			return false;
	return true;
}

static bool ordinary_data(const struct ks_atom *a)
{
	static const char *const sections[] = { ".rodata", ".data", ".bss", ".ref.data" };
	const char *s = a->section->name;

	if (ks_str_starts(s, ".data..percpu") || ks_str_starts(s, ".bss..percpu"))
		return false;
	for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++)
		if (ks_str_starts(s, sections[i]))
			return true;
	return false;
}

static uint8_t byte_at(const struct ks_atom *a, uint32_t offset)
{
	return a->data ? a->data[offset] : 0;
}

/* Does the field of @a at @ref differ on the other side? */
static bool field_differs(const struct ks_atom *other, const struct ks_ref *ref, bool other_is_post)
{
	ks_vec_for(&other->refs, r)
		if (r->offset == ref->offset)
			return r->addend != ref->addend ||
			       (ref->atom && r->atom ?
					ref->atom->pair != r->atom &&
						!(!*ref->atom->name && !*r->atom->name &&
						  (other_is_post ? ks_atoms_equal(ref->atom, r->atom) :
								   ks_atoms_equal(r->atom, ref->atom))) :
					ref->atom || r->atom || strcmp(ref->name, r->name));
	return true;
}

/*
 * Which bytes differ.  Words of 4 bytes are the grain, for a number may have
 * changed in a byte where the patch has not; pointers change as a whole.
 */
static void mark_differences(const struct ks_atom *pre, const struct ks_atom *post, bool *differs)
{
	for (uint32_t i = 0; i < post->size; i++)
		if (byte_at(pre, i) != byte_at(post, i))
			for (uint32_t k = i & ~3u; k < (i | 3u) + 1 && k < post->size; k++)
				differs[k] = true;
	ks_vec_for(&pre->refs, ref)
		if (ref->offset + ref->size <= post->size)
			memset(differs + ref->offset, field_differs(post, ref, true), ref->size);
	ks_vec_for(&post->refs, ref)
		memset(differs + ref->offset, field_differs(pre, ref, false), ref->size);
}

static bool can_stay(const struct ks_atom *pre, const struct ks_atom *post)
{
	ks_vec_for(&pre->refs, ref)
		if (ref->offset < post->size && ref->offset + ref->size > post->size)
			return false;
	return ordinary_data(pre) && ordinary_data(post) && movable(pre) && movable(post);
}

/* If there is room behind it; the caller may find out. */
static bool may_grow(const struct ks_atom *pre, const struct ks_atom *post)
{
	return can_stay(pre, post) && pre->kind == KS_RODATA && post->kind == KS_RODATA;
}

/*
 * The object stays where it is and gets its new content while the machine is
 * stopped.  A constant that gets shorter keeps its last bytes, which nobody
 * reads any more.
 */
static bool change_in_place(struct ks_diff *d, struct ks_atom *pre, struct ks_atom *post)
{
	bool *differs;

	if (pre->mark & KS_M_CONTENT)
		return true;
	if (!can_stay(pre, post) || pre->size < post->size || (pre->size > post->size && pre->kind != KS_RODATA))
		return false;
	pre->mark |= KS_M_CONTENT;
	post->mark |= KS_M_CONTENT;
	differs = ks_alloc(post->size + 1);
	mark_differences(pre, post, differs);
	for (uint32_t i = 0; i < post->size;) {
		struct ks_changed_data *c;
		uint32_t end = i;

		while (end < post->size && differs[end])
			end++;
		if (end == i) {
			i++;
			continue;
		}
		c = ks_vec_push(&d->data);
		c->pre = pre;
		c->post = post;
		c->offset = i;
		c->size = end - i;
		c->writable = pre->kind != KS_RODATA;
		i = end;
	}
	free(differs);
	return true;
}

/*
 * A constant table of another size: new code gets its own copy, so all code
 * that refers to it becomes new, and constants that point to it point to the
 * copy.  Example: a netlink policy that gets an attribute, and the table of
 * operations that names it.
 */
static bool copy_constant(struct ks_diff *d, struct ks_atom *pre, struct ks_atom *post)
{
	if (pre->kind != KS_RODATA || post->kind != KS_RODATA || pre->bind != STB_LOCAL ||
	    post->bind != STB_LOCAL || ks_data_points_to_code(pre) || ks_data_points_to_code(post))
		return false;
	pre->pair = NULL;
	post->pair = NULL;
	ks_vec_for(&d->post->atoms, it) {
		struct ks_atom *a = *it;

		ks_vec_for(&a->refs, ref) {
			if (ref->atom != post || !a->pair)
				continue;
			if (ks_atom_is_code(a)) {
				a->mark &= ~KS_M_EQUAL;
				a->pair->mark &= ~KS_M_EQUAL;
			} else if (!a->discarded && !change_in_place(d, a->pair, a)) {
				return false;
			}
		}
	}
	return true;
}

static void check_pair(struct ks_diff *d, struct ks_atom *pre, struct ks_atom *post)
{
	if (content_equal(pre, post) || (pre->mark & KS_M_CONTENT))
		return;
	if (pre->discarded) {
		ks_strv_addf(&d->skipped, "%s: in %s: only the boot uses it", post->name,
			     post->section->name);
		return;
	}
	if (is_debug_descriptor(post) && pre->size == post->size)
		return;
	if (pre->size != post->size && copy_constant(d, pre, post))
		return;
	if (change_in_place(d, pre, post))
		return;
	if (pre->size < post->size && may_grow(pre, post)) {
		struct ks_growth *g = ks_vec_push(&d->growing.list);

		g->name = ks_strdup(pre->name);
		g->size = post->size;
	}
	refuse_change(d, pre, post);
}

void ks_data_check(struct ks_diff *d)
{
	ks_vec_for(&d->pre->atoms, it)
		if (!ks_atom_is_code(*it) && *(*it)->name && (*it)->pair && (*it)->kind != KS_STRING)
			check_pair(d, *it, (*it)->pair);
}
