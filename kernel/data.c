// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data that an update changes in place: a pointer in a table of operations, a
 * constant, the initial value of a variable that nobody has changed since.
 *
 * The match has compared the object with its initial value.  Its new content
 * is in the new module, linked like all there; it is copied over the old one
 * in the same stop in which the jumps are written, and the old one comes back
 * with the jumps' originals.  A variable that has another value by then is
 * its owner's: it is left alone, and the log says so.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "compat.h"
#include "update.h"

int ksplice_data_map(struct ksplice_data *d)
{
	d->alias = ksplice_text_alias(d->addr, d->size, &d->mapping);
	return d->alias ? 0 : -ENOMEM;
}

void ksplice_data_unmap(struct ksplice_data *d)
{
	if (d->mapping)
		vunmap(d->mapping);
	d->mapping = NULL;
	d->alias = NULL;
}

bool ksplice_data_unchanged(const struct ksplice_data *d, bool apply)
{
	return !memcmp(d->alias, apply ? d->original : d->content, d->size);
}

bool ksplice_data_overlaps(const struct ksplice_update *u, const struct ksplice_update *other,
			   u32 *which)
{
	u32 k;

	for (*which = 0; *which < u->nr_data; (*which)++)
		for (k = 0; k < other->nr_data; k++) {
			const struct ksplice_data *a = &u->data[*which], *b = &other->data[k];

			if (a->addr < b->addr + b->size && b->addr < a->addr + a->size)
				return true;
		}
	return false;
}

/* Whole words where it can be: other CPUs stand still, but NMIs do not. */
static void copy_words(u8 *to, const u8 *from, size_t len)
{
	u64 word;

	for (; len && (unsigned long)to & 7; to++, from++, len--)
		WRITE_ONCE(*to, *from);
	for (; len >= 8; to += 8, from += 8, len -= 8) {
		memcpy(&word, from, 8);
		WRITE_ONCE(*(u64 *)to, word);
	}
	for (; len; to++, from++, len--)
		WRITE_ONCE(*to, *from);
}

void ksplice_data_write(struct ksplice_data *d, bool apply)
{
	copy_words(d->alias, apply ? d->content : d->original, d->size);
}
