// SPDX-License-Identifier: GPL-2.0-only
/*
 * From one state to another: applying an update, with those that it replaces
 * reversed in the same stop, and reversing one.
 *
 * What other updates have to do with it is looked at here; the stop itself is
 * splice.c.
 */
#define pr_fmt(fmt) "ksplice: " fmt

#include <linux/mm.h>
#include <linux/slab.h>

#include "compat.h"
#include "update.h"

static bool make_jump(struct ksplice_patch *p)
{
	s64 rel = p->new_addr - (p->old_addr + p->slot + KSPLICE_JUMP_SIZE);
	s32 rel32 = rel;

	p->jump[0] = 0xe9;
	memcpy(p->jump + 1, &rel32, sizeof(rel32));
	return rel == rel32;
}

static bool overlap(const struct ksplice_patch *a, const struct ksplice_patch *b)
{
	return a->old_addr < b->old_addr + b->old_size && b->old_addr < a->old_addr + a->old_size;
}

static int check_other(struct ksplice_update *u, const struct ksplice_update *other)
{
	u32 i, k;

	/* One that was made for the kernel with the other changes the other's data again. */
	if (!u->series && ksplice_data_overlaps(u, other, &i))
		return ksplice_abort(u, KSPLICE_SLOT_CONFLICT, -EBUSY,
				     "%s is already changed by update %s; undo that one first",
				     u->data[i].name, other->id);
	for (i = 0; i < u->nr_patches; i++)
		for (k = 0; k < other->nr_patches; k++)
			if (overlap(&u->patches[i], &other->patches[k]))
				return ksplice_abort(u, KSPLICE_SLOT_CONFLICT, -EBUSY,
						     "%s is already replaced by update %s; undo "
						     "that one first",
						     u->patches[i].name, other->id);
	return 0;
}

/* Is a function or object of @u already replaced by another update that stays? */
static int check_overlap(struct ksplice_update *u)
{
	struct ksplice_update *other;
	int ret = 0;

	list_for_each_entry(other, &ksplice_updates, list)
		if (!ret && other != u && other->stage == KSPLICE_APPLIED &&
		    !ksplice_replaces(u, other))
			ret = check_other(u, other);
	return ret;
}

/* What it was matched on top of has to be there still. */
static int check_base(struct ksplice_update *u)
{
	struct ksplice_update *other;

	list_for_each_entry(other, &ksplice_updates, list)
		if (other != u && other->stage != KSPLICE_APPLIED && ksplice_builds_on(u, other))
			return ksplice_abort(u, KSPLICE_NEEDED, -EBUSY,
					     "it builds on update %s, which is not applied", other->id);
	return 0;
}

/* Is @gone, which is to be reversed for @u, in use by one that stays? */
static int check_top(struct ksplice_update *u, const struct ksplice_update *gone)
{
	struct ksplice_update *other;

	list_for_each_entry(other, &ksplice_updates, list)
		if (other != u && other != gone && other->stage == KSPLICE_APPLIED &&
		    !ksplice_replaces(u, other) && ksplice_builds_on(other, gone))
			return ksplice_abort(u, KSPLICE_NEEDED, -EBUSY,
					     "update %s builds on update %s; undo %s first",
					     other->id, gone->id, other->id);
	return 0;
}

/*
 * What an undo makes a place where nobody may be: the new code, and, where the
 * function tracer leads to it, the way there.  (A task that was interrupted in
 * ftrace's trampoline has the old entry as its return address.)
 */
static void list_busy_ranges(struct ksplice_update *u)
{
	struct ksplice_range *r = u->busy_ranges;
	u32 i;

	r->start = ks_module_text(u->new);
	r->end = r->start + ks_module_text_size(u->new);
	r->name = NULL;
	for (i = 0; i < u->nr_patches; i++) {
		if (!u->patches[i].by_tracer)
			continue;
		r++;
		r->start = u->patches[i].old_addr;
		r->end = r->start + u->patches[i].slot;
		r->name = u->patches[i].name;
	}
	u->nr_busy_ranges = r - u->busy_ranges + 1;
	ksplice_ranges_sort(u->busy_ranges, u->nr_busy_ranges);
}

static void reversed(struct ksplice_update *u)
{
	u32 i;

	module_put(u->new);
	for (i = 0; i < u->nr_data; i++)
		if (u->data[i].left_alone)
			ksplice_log(u, "%s: left as it is: its value has changed since\n",
				    u->data[i].name);
	pr_info("Update %s reversed successfully\n", u->id);
}

/* The parts of the stop: those that go, the last one first, and then @u. */
static int list_parts(struct ksplice_update *u, struct ksplice_part **parts, u32 *nr)
{
	struct ksplice_update *other;
	u32 n = 1;
	int ret;

	list_for_each_entry(other, &ksplice_updates, list)
		n += ksplice_replaces(u, other);
	*parts = kcalloc(n, sizeof(**parts), GFP_KERNEL);
	if (!*parts)
		return ksplice_abort(u, KSPLICE_OUT_OF_MEMORY, -ENOMEM, "no memory for the change");
	*nr = 0;
	list_for_each_entry_reverse(other, &ksplice_updates, list) {
		if (!ksplice_replaces(u, other))
			continue;
		ret = check_top(u, other);
		if (ret)
			return ret;
		list_busy_ranges(other);
		(*parts)[(*nr)++] = (struct ksplice_part){ .u = other };
	}
	(*parts)[(*nr)++] = (struct ksplice_part){ .u = u, .apply = true };
	return 0;
}

static int check_apply(struct ksplice_update *u)
{
	u32 i;
	int ret;

	if (!u->new)
		return ksplice_abort(u, KSPLICE_UNEXPECTED, -EINVAL, "its new code is not loaded");
	ret = ksplice_check_replaced(u);
	if (!ret)
		ret = check_base(u);
	if (!ret)
		ret = check_overlap(u);
	for (i = 0; !ret && i < u->nr_patches; i++)
		if (!u->patches[i].by_tracer && !make_jump(&u->patches[i]))
			ret = ksplice_abort(u, KSPLICE_UNEXPECTED, -ERANGE,
					    "the new code is too far away from %s",
					    u->patches[i].name);
	return ret;
}

static void begin(struct ksplice_update *u)
{
	u->abort = KSPLICE_OK;
	u->error[0] = 0;
	u->nr_conflicts = 0;
}

static int change(struct ksplice_update *u)
{
	struct ksplice_part *parts = NULL;
	u32 nr = 0, i;
	int ret = list_parts(u, &parts, &nr);

	if (!ret)
		ret = ksplice_splice(u, parts, nr);
	for (i = 0; !ret && i + 1 < nr; i++) {
		ksplice_log(parts[i].u, "reversed: replaced by update %s\n", u->id);
		reversed(parts[i].u);
	}
	kfree(parts);
	return ret;
}

int ksplice_apply(struct ksplice_update *u)
{
	int ret;

	begin(u);
	if (u->stage == KSPLICE_APPLIED)
		return 0;
	ret = check_apply(u);
	if (ret)
		return ret;
	if (!try_module_get(u->new))
		return ksplice_abort(u, KSPLICE_MODULE_BUSY, -EBUSY,
				     "its module is being unloaded");
	ret = change(u);
	if (ret) {
		module_put(u->new);
		return ret;
	}
	/* Once applied, addresses of a pinned module may be anywhere, for ever. */
	if (u->pinned && !u->pinned_now) {
		__module_get(u->new);
		u->pinned_now = true;
	}
	list_move_tail(&u->list, &ksplice_updates);
	ksplice_log(u, "applied: %u functions, %llu ns inside the stop, %llu ns in all\n",
		    u->nr_patches, u->pause_ns, u->stop_ns);
	pr_info("Update %s applied successfully\n", u->id);
	return 0;
}

int ksplice_reverse(struct ksplice_update *u)
{
	struct ksplice_part part = { .u = u };
	int ret;

	begin(u);
	if (u->stage != KSPLICE_APPLIED)
		return ksplice_abort(u, KSPLICE_ALREADY_REVERSED, -EALREADY, "it is not applied");
	ret = check_top(u, u);
	if (ret)
		return ret;
	list_busy_ranges(u);
	ret = ksplice_splice(u, &part, 1);
	if (ret)
		return ret;
	ksplice_log(u, "reversed: %llu ns inside the stop, %llu ns in all\n", u->pause_ns,
		    u->stop_ns);
	reversed(u);
	return 0;
}
