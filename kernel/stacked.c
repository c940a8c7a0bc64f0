// SPDX-License-Identifier: GPL-2.0-only
/*
 * Updates on top of others.
 *
 * An update that was made for the kernel with others applied (a series) finds
 * the functions that they replaced in their new code, and has its jump written
 * there: from the old function calls go through all of them.  It holds their
 * modules, and they cannot be reversed before it.  All others are made for the
 * kernel as it was booted, and do not see what is applied.
 *
 * ksplice_mutex is held.
 */
#include <linux/string.h>

#include "compat.h"
#include "update.h"

static unsigned long follow_once(unsigned long addr)
{
	struct ksplice_update *u;
	u32 i;

	list_for_each_entry(u, &ksplice_updates, list) {
		if (u->stage != KSPLICE_APPLIED)
			continue;
		for (i = 0; i < u->nr_patches; i++)
			if (u->patches[i].old_addr == addr)
				return u->patches[i].new_addr;
	}
	return addr;
}

unsigned long ksplice_follow(unsigned long addr)
{
	unsigned long next = follow_once(addr);

	/* It ends: each step leads into the module of a later update. */
	for (; next != addr; next = follow_once(addr))
		addr = next;
	return addr;
}

struct ksplice_update *ksplice_owner(unsigned long addr)
{
	struct ksplice_update *u;

	list_for_each_entry(u, &ksplice_updates, list)
		if (u->stage == KSPLICE_APPLIED && within_module_core(addr, u->new))
			return u;
	return NULL;
}

bool ksplice_builds_on(const struct ksplice_update *u, const struct ksplice_update *other)
{
	u32 i;

	for (i = 0; i < u->nr_held; i++)
		if (other->new && u->held[i] == other->new)
			return true;
	return false;
}

bool ksplice_replaces(const struct ksplice_update *u, const struct ksplice_update *other)
{
	if (!u->replaces || u == other || other->stage != KSPLICE_APPLIED)
		return false;
	return !strcmp(u->replaces, "*") || ksplice_is_listed(u->replaces, other->id);
}

int ksplice_check_replaced(struct ksplice_update *u)
{
	const char *list = u->replaces;

	if (!list || !strcmp(list, "*"))
		return 0;
	for (; *list; list += strcspn(list, ","), list += *list == ',') {
		char id[KSPLICE_ID_MAX + 1];
		const struct ksplice_update *other;

		strscpy(id, list, min_t(size_t, sizeof(id), strcspn(list, ",") + 1));
		other = ksplice_find(id);
		if (!other || other->stage != KSPLICE_APPLIED)
			return ksplice_abort(u, KSPLICE_NEEDED, -ENOENT,
					     "it is to replace update %s, which is not applied", id);
	}
	return 0;
}
