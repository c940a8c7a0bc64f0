// SPDX-License-Identifier: GPL-2.0-only
/*
 * Room behind a constant; see room.h.
 *
 * That bytes are zero and have no name proves nothing: they may be an object
 * that only its references know.  Padding is what lies between the end of an
 * object and the next one's start rounded up from there to that one's
 * alignment, if nothing in the unit refers into it.  Behind the last object of
 * a section comes another unit's, about which nothing is known.
 */
#include "diff/room.h"

#include <stdlib.h>
#include <string.h>

static struct ks_atom *by_name(const struct ks_unit *u, const char *name)
{
	struct ks_atom *found = NULL;

	ks_vec_for(&u->atoms, it) {
		if (ks_atom_is_code(*it) || strcmp((*it)->name, name))
			continue;
		if (found)
			return NULL;
		found = *it;
	}
	return found;
}

static const struct ks_atom *next_of(const struct ks_unit *u, const struct ks_atom *a)
{
	struct ks_atom **list = u->section_atoms[a->section->index];

	for (; *list; list++)
		if ((*list)->start > a->start)
			return *list;
	return NULL;
}

/* In @pre the object has a section of its own, which tells its alignment. */
static uint64_t alignment(const struct ks_unit *pre, const char *name)
{
	const struct ks_atom *a = by_name(pre, name);

	return a && !a->start && a->section->align ? a->section->align : 1;
}

static bool all_zero(struct ks_section *sec, uint64_t from, uint64_t to)
{
	size_t count;

	ks_section_relocs(sec, from, to, &count);
	for (; from < to; from++)
		count += !sec->data || sec->data[from];
	return !count;
}

/* Bytes of padding behind the object of that name. */
static uint64_t padding(const struct ks_unit *pre, const struct ks_unit *plain, const struct ks_atom *a)
{
	const struct ks_atom *twin = by_name(plain, a->name), *next;
	uint64_t end, align;

	if (!twin || twin->kind != KS_RODATA || twin->size != a->size || (twin->section->flags & SHF_MERGE))
		return 0;
	/* What is referred to without a name is an atom, too: then that is the next. */
	next = next_of(plain, twin);
	end = (uint64_t)twin->start + twin->size;
	if (!next || !*next->name || next->start < end)
		return 0;
	align = alignment(pre, next->name);
	if ((end + align - 1) / align * align != next->start || !all_zero(twin->section, end, next->start))
		return 0;
	return next->start - end;
}

static void lengthen(struct ks_atom *a, uint32_t size)
{
	a->own_data = ks_alloc(size);
	memcpy(a->own_data, a->data, a->size);
	a->data = a->own_data;
	a->size = size;
}

size_t ks_room_make(struct ks_unit *pre, const struct ks_unit *plain, const struct ks_growths *growing)
{
	size_t made = 0;

	ks_vec_for(&growing->list, g) {
		struct ks_atom *a = by_name(pre, g->name);

		if (!a || !a->data || g->size <= a->size || padding(pre, plain, a) < g->size - a->size)
			continue;
		lengthen(a, g->size);
		made++;
	}
	return made;
}
