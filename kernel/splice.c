// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stop, check, splice.
 *
 * One stop may reverse some updates and apply another in their place: its
 * parts.  Where both have a jump in the same slot, that of the new one is
 * written over that of the old one; between them the function is never without.
 *
 * Before the stop: slots are looked at, writable mappings made, probes kept
 * out, under all the locks that others take to change text.  In the stop: the
 * first CPU to arrive checks all stacks and then writes every jump; the others
 * wait, and make their CPU forget what it had fetched.  Nothing after the
 * first byte can fail.
 *
 * For the lock order see update.h.  (text_mutex before a stop_machine() that
 * takes cpus_read_lock itself could deadlock with CPU hotplug.)
 */
#define pr_fmt(fmt) "ksplice: " fmt

#include <linux/cpu.h>
#include <linux/ktime.h>
#include <linux/memory.h>
#include <linux/mm.h>
#include <linux/rculist.h>
#include <asm/sync_core.h>

#include "compat.h"
#include "update.h"
#include "watch.h"

static bool two_phases = true;
module_param(two_phases, bool, 0644);
MODULE_PARM_DESC(two_phases, "look at most stacks before the machine is stopped (default: yes)");

struct stop {
	struct ksplice_update *u; /* whose operation it is */
	struct ksplice_part *parts;
	u32 nr_parts;
	struct ksplice_watch *watch; /* NULL: all stacks are looked at in the stop */
	const struct ksplice_range *ranges;
	u32 nr_ranges;
	struct ksplice_range *merged; /* of several parts: freed at the end */
	atomic_t arrived;
	const struct ksplice_data *stale; /* -ESTALE: the object that has changed */
	bool stale_apply;
	const struct ksplice_new_hook *hook; /* -ECANCELED: which one failed, and with what */
	int hook_ret;
	int done;
	int ret;
	u64 inside_ns;
};

#define for_each_part(s, p) for ((p) = (s)->parts; (p) < (s)->parts + (s)->nr_parts; (p)++)

static const u8 *bytes_now(const struct ksplice_patch *p, bool apply)
{
	if (p->before)
		return p->before->jump;
	return apply ? p->original : p->jump;
}

static bool is_unchanged(struct ksplice_data *d, bool apply)
{
	if (d->expected)
		return !memcmp(d->alias, d->expected, d->size);
	return ksplice_data_unchanged(d, apply);
}

/* Once more with the machine stopped: all or nothing. */
static int check_again(struct stop *s, const struct ksplice_part *part)
{
	struct ksplice_update *u = part->u;
	u32 i;

	for (i = 0; i < u->nr_patches; i++)
		if (!u->patches[i].by_tracer &&
		    (KS_FAULT("code") ||
		     memcmp(u->patches[i].alias, bytes_now(&u->patches[i], part->apply),
			    KSPLICE_JUMP_SIZE)))
			return -EFAULT;
	for (i = 0; i < u->nr_data; i++) {
		struct ksplice_data *d = &u->data[i];
		bool same = is_unchanged(d, part->apply);

		d->left_alone = !same && !part->apply && d->writable;
		if (KS_FAULT("data") || (!same && !d->left_alone)) {
			s->stale = d;
			s->stale_apply = part->apply;
			return -ESTALE;
		}
	}
	return 0;
}

static int check_hooks(struct stop *s, const struct ksplice_part *part)
{
	s->hook_ret = ksplice_hooks_call(
		part->u, part->apply ? KSPLICE_HOOK_CHECK_APPLY : KSPLICE_HOOK_CHECK_REVERSE,
		&s->hook);
	return s->hook_ret ? -ECANCELED : 0;
}

static void write_part(const struct ksplice_part *part)
{
	struct ksplice_update *u = part->u;
	u32 i;

	for (i = 0; i < u->nr_patches; i++) {
		struct ksplice_patch *p = &u->patches[i];

		if (p->passed_on)
			continue;
		if (p->by_tracer)
			ksplice_traced_switch(p, part->apply);
		else
			ksplice_text_write(p, part->apply ? p->jump : p->original);
	}
	for (i = 0; i < u->nr_data; i++)
		if (!u->data[i].left_alone)
			ksplice_data_write(&u->data[i], part->apply);
}

static int commit(struct stop *s)
{
	const struct ksplice_part *part;
	int ret = ksplice_stack_check(s->u, s->ranges, s->nr_ranges, s->watch);

	for_each_part(s, part)
		if (!ret)
			ret = check_again(s, part);
	for_each_part(s, part)
		if (!ret)
			ret = check_hooks(s, part);
	if (ret)
		return ret;
	for_each_part(s, part)
		write_part(part);
	sync_core(); /* they may come through code that was changed */
	for_each_part(s, part)
		ksplice_hooks_call(part->u, part->apply ? KSPLICE_HOOK_APPLY : KSPLICE_HOOK_REVERSE,
				   &s->hook);
	return 0;
}

static int stopped(void *data)
{
	struct stop *s = data;

	if (atomic_inc_return(&s->arrived) == 1) {
		u64 start = ktime_get_ns();

		s->ret = commit(s);
		s->inside_ns = ktime_get_ns() - start;
		smp_store_release(&s->done, 1);
	} else {
		while (!smp_load_acquire(&s->done))
			cpu_relax();
	}
	sync_core();
	return 0;
}

/*
 * Kprobes have nothing to do in a replaced body.  Before: they would never
 * fire again, without a word.  While it is replaced they are kept out; should
 * one have slipped in (it was being registered at the moment of the change),
 * its place was computed from bytes that include our jump, and may be the
 * middle of an instruction of the old code.
 */
static int check_kprobes(struct ksplice_update *u, const struct ksplice_patch *p)
{
	/* With the tracer's site in use, a probe there could send a call elsewhere. */
	unsigned long start = p->old_addr + (p->by_tracer ? 0 : p->slot);
	unsigned long found = KS_FAULT("kprobe") ?
				      start :
				      ks_find_kprobe(start, p->old_addr + p->old_size - start);

	if (!found)
		return 0;
	return ksplice_abort(
		u, KSPLICE_SLOT_CONFLICT, -EBUSY,
		!p->by_tracer && found - start < KSPLICE_JUMP_SIZE
			? "a kprobe is at %s+0x%lx, in the place of the jump to the new code; "
			  "remove it first"
			: "a kprobe is at %s+0x%lx, in code that is replaced; remove it first",
		p->name, found - p->old_addr);
}

/* Does somebody else write, or want to write, where the jump goes? */
static int check_slot(struct ksplice_update *u, struct ksplice_patch *p, bool apply)
{
	unsigned long slot = p->old_addr + p->slot;
	void *first = (void *)slot, *last = (void *)(slot + KSPLICE_JUMP_SIZE - 1);
	const char *who = NULL;
	int ret = check_kprobes(u, p);

	if (ret || p->by_tracer)
		return ret;
	if (ks_call(ftrace_text_reserved)(first, last))
		who = "a site of the function tracer";
	else if (ks_call(jump_label_text_reserved)(first, last))
		who = "a jump label";
	else if (ks_call(static_call_text_reserved)(first, last))
		who = "a static call";
	else if (ks_call(alternatives_text_reserved)(first, last))
		who = "an SMP alternative";
	else if (KS_FAULT("reserved"))
		who = "a fault";
	if (who)
		return ksplice_abort(u, KSPLICE_SLOT_CONFLICT, -EBUSY,
				     "%s is at %s+0x%x, where the jump to the new code %s", who,
				     p->name, p->slot, apply ? "has to go" : "is");
	if (KS_FAULT("bytes") || memcmp(p->alias, bytes_now(p, apply), KSPLICE_JUMP_SIZE))
		return ksplice_abort(
			u, apply ? KSPLICE_NO_MATCH : KSPLICE_UNEXPECTED, -EINVAL,
			"%s+0x%x: found %*ph, expected %*ph: something else has changed it",
			p->name, p->slot, KSPLICE_JUMP_SIZE, p->alias, KSPLICE_JUMP_SIZE,
			bytes_now(p, apply));
	return 0;
}

/*
 * While the update is applied, the old body is on the kernel's own kprobe
 * blacklist.  The entry of the function stays free: there ftrace and kprobes
 * live as before.  Readers of the list hold no lock but RCU: an entry that was
 * taken off is not used again before synchronize_rcu().
 */
static void keep_probes_out(struct ksplice_patch *p)
{
	/* Where ftrace is our way in, the entry is not for probes either. */
	p->blacklist.start_addr = p->old_addr + (p->by_tracer ? 0 : p->slot);
	p->blacklist.end_addr = p->old_addr + p->old_size;
	list_add_tail_rcu(&p->blacklist.list, ks_kernel.kprobe_blacklist);
	p->listed = true;
}

static void let_probes_in(struct ksplice_patch *p)
{
	if (p->listed)
		list_del_rcu(&p->blacklist.list);
	p->listed = false;
}

static void lock_text(void)
{
	mutex_lock(ks_kernel.kprobe_mutex);
	cpus_read_lock();
	mutex_lock(ks_kernel.jump_label_mutex);
	mutex_lock(ks_kernel.text_mutex);
}

static void unlock_text(void)
{
	mutex_unlock(ks_kernel.text_mutex);
	mutex_unlock(ks_kernel.jump_label_mutex);
	cpus_read_unlock();
	mutex_unlock(ks_kernel.kprobe_mutex);
}

static int report(struct stop *s)
{
	struct ksplice_update *u = s->u;
	const struct ksplice_conflict *x = &u->conflicts[0];
	char place[KSPLICE_PLACE_LEN];

	switch (s->ret) {
	case 0:
		return 0;
	case -EBUSY:
		if (!x->addr)
			return ksplice_abort(u, KSPLICE_CODE_BUSY, -EBUSY,
					     "the stack of %s (pid %d) cannot be read reliably",
					     x->comm, x->pid);
		ksplice_conflict_place(x, place, sizeof(place));
		return ksplice_abort(u, KSPLICE_CODE_BUSY, -EBUSY, "%s (pid %d) is in %s", x->comm,
				     x->pid, place);
	case -EPERM:
		return ksplice_abort(u, KSPLICE_UNEXPECTED_RUNNING_TASK, -EBUSY,
				     "%s (pid %d) was running with the machine stopped", x->comm,
				     x->pid);
	case -ESTALE:
		return ksplice_abort(u, s->stale_apply ? KSPLICE_NO_MATCH : KSPLICE_UNEXPECTED,
				     -EINVAL,
				     s->stale_apply
					     ? "%s: its value is not the initial one any more, so "
					       "the update cannot change it"
					     : "%s: something else has changed it",
				     s->stale->name);
	case -ECANCELED:
		return ksplice_hooks_report(u, s->hook, s->hook_ret);
	}
	return ksplice_abort(u, KSPLICE_UNEXPECTED, s->ret,
			     "the code changed while the machine was stopped");
}

static int take_tracer(struct ksplice_update *u, struct ksplice_patch *p)
{
	int ret = ksplice_traced_take(p);

	if (ret == -ENOMEM)
		return ksplice_abort(u, KSPLICE_OUT_OF_MEMORY, ret, "no memory for a tracer");
	if (ret == -EBUSY)
		return ksplice_abort(u, KSPLICE_SLOT_CONFLICT, ret,
				     "%s has no room for a jump, and cannot be redirected by the "
				     "function tracer: a livepatch or a kprobe does that already, or "
				     "kernel.ftrace_enabled is 0",
				     p->name);
	if (ret)
		return ksplice_abort(u, KSPLICE_SLOT_CONFLICT, ret,
				     "%s has no room for a jump, and the function tracer cannot "
				     "redirect it (error %d)",
				     p->name, -ret);
	return 0;
}

/* What is there now of an object that an update which goes has changed: what that one leaves. */
static int expect_data(struct ksplice_data *d, const struct ksplice_update *other)
{
	u32 i;

	for (i = 0; i < other->nr_data; i++) {
		const struct ksplice_data *e = &other->data[i];
		unsigned long from = max(d->addr, e->addr);
		unsigned long to = min(d->addr + d->size, e->addr + e->size);

		if (from >= to)
			continue;
		if (!d->expected) {
			d->expected = kvmalloc(d->size, GFP_KERNEL);
			if (!d->expected)
				return -ENOMEM;
			memcpy(d->expected, d->original, d->size);
		}
		memcpy(d->expected + (from - d->addr), e->content + (from - e->addr), to - from);
	}
	return 0;
}

static bool overlap(unsigned long a, unsigned long b)
{
	return a < b + KSPLICE_JUMP_SIZE && b < a + KSPLICE_JUMP_SIZE;
}

/* Where @p of the update that comes takes the place of one of @other, which goes. */
static int succeed(struct ksplice_update *u, struct ksplice_patch *p, struct ksplice_update *other)
{
	u32 i;

	for (i = 0; i < other->nr_patches; i++) {
		struct ksplice_patch *q = &other->patches[i];

		if (p->by_tracer && q->by_tracer && p->old_addr == q->old_addr) {
			p->before = q;
			q->passed_on = true;
			p->traced = q->traced;
		} else if (!p->by_tracer && !q->by_tracer &&
			   overlap(p->old_addr + p->slot, q->old_addr + q->slot)) {
			if (p->old_addr + p->slot != q->old_addr + q->slot)
				return ksplice_abort(u, KSPLICE_SLOT_CONFLICT, -EBUSY,
						     "update %s has its jump for %s at another place",
						     other->id, p->name);
			p->before = q;
			q->passed_on = true;
		}
	}
	return 0;
}

static int find_predecessors(struct stop *s)
{
	const struct ksplice_part *part, *gone;
	int ret = 0;
	u32 i;

	for_each_part(s, part) {
		if (!part->apply)
			continue;
		for_each_part(s, gone) {
			if (gone->apply)
				continue;
			for (i = 0; i < part->u->nr_patches && !ret; i++)
				ret = succeed(s->u, &part->u->patches[i], gone->u);
			if (ret)
				return ret;
			for (i = 0; i < part->u->nr_data && !ret; i++)
				ret = expect_data(&part->u->data[i], gone->u);
			if (ret)
				return ksplice_abort(s->u, KSPLICE_OUT_OF_MEMORY, ret,
						     "no memory to compare data");
		}
	}
	return 0;
}

static int map_part(struct ksplice_update *u)
{
	int ret = 0;
	u32 i;

	for (i = 0; i < u->nr_patches && !ret; i++)
		if (!u->patches[i].by_tracer)
			ret = ksplice_text_map(&u->patches[i]);
	for (i = 0; i < u->nr_data && !ret; i++)
		ret = ksplice_data_map(&u->data[i]);
	return ret;
}

static const struct ksplice_range *ranges_of(const struct ksplice_part *part, u32 *nr)
{
	*nr = part->apply ? part->u->nr_ranges : part->u->nr_busy_ranges;
	return part->apply ? part->u->ranges : part->u->busy_ranges;
}

/* Of all parts; one that lies in another is left out. */
static int merge_ranges(struct stop *s)
{
	const struct ksplice_part *part;
	struct ksplice_range *to;
	u32 n = 0, nr, i;

	s->ranges = ranges_of(s->parts, &s->nr_ranges);
	if (s->nr_parts == 1)
		return 0;
	for_each_part(s, part) {
		ranges_of(part, &nr);
		n += nr;
	}
	s->merged = kvcalloc(n + 1, sizeof(*s->merged), GFP_KERNEL);
	if (!s->merged)
		return -ENOMEM;
	to = s->merged;
	for_each_part(s, part) {
		const struct ksplice_range *from = ranges_of(part, &nr);

		memcpy(to, from, nr * sizeof(*to));
		to += nr;
	}
	ksplice_ranges_sort(s->merged, n);
	to = s->merged;
	for (i = 0; i < n; i++)
		if (to == s->merged || s->merged[i].end > to[-1].end)
			*to++ = s->merged[i];
	s->ranges = s->merged;
	s->nr_ranges = to - s->merged;
	return 0;
}

/* Before the locks of lock_text(), inside of which ftrace's must not be taken. */
static int check_redirected(struct ksplice_update *u, const struct ksplice_part *part)
{
	const struct ksplice_patch *p = part->apply ? ksplice_traced_foreign(part->u) : NULL;

	if (!p)
		return 0;
	return ksplice_abort(u, KSPLICE_SLOT_CONFLICT, -EBUSY,
			     "%s is redirected at its entry by a livepatch (see "
			     "/sys/kernel/livepatch), so the new code would never run; disable it first",
			     p->name);
}

static int prepare(struct stop *s)
{
	const struct ksplice_part *part;
	int ret = 0;
	u32 i;

	for_each_part(s, part)
		if (!ret)
			ret = map_part(part->u);
	if (!ret)
		ret = merge_ranges(s);
	if (ret)
		return ksplice_abort(s->u, KSPLICE_OUT_OF_MEMORY, ret,
				     "cannot map what is to be changed");
	ret = find_predecessors(s);
	for_each_part(s, part)
		if (!ret)
			ret = check_redirected(s->u, part);
	for_each_part(s, part)
		for (i = 0; i < part->u->nr_patches && !ret; i++)
			if (part->u->patches[i].by_tracer)
				ret = take_tracer(s->u, &part->u->patches[i]);
	return ret;
}

/* The site of the tracer that two updates shared during the stop belongs to one of them again. */
static void settle_tracer(struct ksplice_patch *p, bool done)
{
	if (!p->before || !p->by_tracer)
		return;
	if (done)
		p->before->traced = NULL;
	else
		p->traced = NULL;
}

static void finish(struct ksplice_part *part)
{
	struct ksplice_update *u = part->u;
	u32 i;

	for (i = 0; i < u->nr_patches; i++) {
		struct ksplice_patch *p = &u->patches[i];

		ksplice_text_unmap(p);
		if (u->stage != KSPLICE_APPLIED)
			ksplice_traced_give_back(p);
		p->before = NULL;
		p->passed_on = false;
	}
	for (i = 0; i < u->nr_data; i++) {
		ksplice_data_unmap(&u->data[i]);
		kvfree(u->data[i].expected);
		u->data[i].expected = NULL;
	}
}

/* Most stacks are looked at before the stop, and nobody is stopped for one who is busy there. */
static int look_early(struct stop *s)
{
	struct ksplice_update *u = s->u;

	s->watch = two_phases ? ksplice_watch_begin() : NULL;
	if (!s->watch)
		return 0;
	s->ret = ksplice_stack_check_early(u, s->ranges, s->nr_ranges, s->watch);
	u->tasks = ksplice_watch_tasks(s->watch);
	return report(s);
}

static int stop_and_commit(struct stop *s)
{
	struct ksplice_update *u = s->u;
	u64 start = ktime_get_ns();
	int ret = KS_FAULT("stop_machine") ?
			  -ENOMEM :
			  ks_call(stop_machine_cpuslocked)(stopped, s, cpu_online_mask);

	u->stop_ns = ktime_get_ns() - start;
	u->pause_ns = s->inside_ns;
	if (ret)
		return ksplice_abort(u, KSPLICE_UNEXPECTED, ret, "the machine could not be stopped");
	return report(s);
}

/* Before the lock is dropped: the overlay of ksplice_text_read() goes by the stage. */
static void settle(struct ksplice_part *part)
{
	u32 i;

	for (i = 0; i < part->u->nr_patches; i++) {
		if (part->apply)
			keep_probes_out(&part->u->patches[i]);
		else
			let_probes_in(&part->u->patches[i]);
	}
	part->u->stage = part->apply ? KSPLICE_APPLIED : KSPLICE_REVERSED;
}

static int splice(struct stop *s)
{
	struct ksplice_part *part;
	int ret = 0;
	u32 i;

	lock_text();
	for_each_part(s, part)
		for (i = 0; i < part->u->nr_patches && !ret; i++)
			ret = check_slot(s->u, &part->u->patches[i], part->apply);
	if (!ret)
		ret = stop_and_commit(s);
	if (!ret)
		for_each_part(s, part)
			settle(part);
	unlock_text();
	return ret;
}

int ksplice_splice(struct ksplice_update *u, struct ksplice_part *parts, u32 nr_parts)
{
	struct stop s = { .u = u, .parts = parts, .nr_parts = nr_parts };
	struct ksplice_part *part;
	bool reversed = false;
	int ret = prepare(&s);
	u32 begun = 0, i;

	u->tasks = 0;
	while (!ret && begun < nr_parts) {
		part = &parts[begun++];
		ret = ksplice_hooks_begin(u, part->u, part->apply);
	}
	if (!ret)
		ret = look_early(&s);
	if (!ret)
		ret = splice(&s);
	for_each_part(&s, part) {
		reversed |= !part->apply;
		for (i = 0; i < part->u->nr_patches; i++)
			settle_tracer(&part->u->patches[i], !ret);
	}
	if (!ret && reversed)
		synchronize_rcu(); /* for the readers of the kprobe blacklist */
	ksplice_watch_end(s.watch);
	for_each_part(&s, part)
		finish(part);
	/* After a failure, what was begun last ends first. */
	for (i = 0; i < begun; i++) {
		part = &parts[ret ? begun - 1 - i : i];
		ksplice_hooks_end(part->u, part->apply, !ret);
	}
	kvfree(s.merged);
	return ret;
}
