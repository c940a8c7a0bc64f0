// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stop, check, splice.
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
#include <linux/rculist.h>
#include <linux/sort.h>
#include <asm/sync_core.h>

#include "compat.h"
#include "update.h"
#include "watch.h"

static bool two_phases = true;
module_param(two_phases, bool, 0644);
MODULE_PARM_DESC(two_phases, "look at most stacks before the machine is stopped (default: yes)");

struct stop {
	struct ksplice_update *u;
	struct ksplice_watch *watch; /* NULL: all stacks are looked at in the stop */
	const struct ksplice_range *ranges;
	u32 nr_ranges;
	bool apply;
	atomic_t arrived;
	u32 data; /* -ESTALE: which object has changed */
	const struct ksplice_new_hook *hook; /* -ECANCELED: which one failed, and with what */
	int hook_ret;
	int done;
	int ret;
	u64 inside_ns;
};

static bool make_jump(struct ksplice_patch *p)
{
	s64 rel = p->new_addr - (p->old_addr + p->slot + KSPLICE_JUMP_SIZE);
	s32 rel32 = rel;

	p->jump[0] = 0xe9;
	memcpy(p->jump + 1, &rel32, sizeof(rel32));
	return rel == rel32;
}

static const u8 *bytes_now(const struct ksplice_patch *p, bool apply)
{
	return apply ? p->original : p->jump;
}

/* Once more with the machine stopped: all or nothing. */
static int check_again(struct stop *s)
{
	struct ksplice_update *u = s->u;
	u32 i;

	for (i = 0; i < u->nr_patches; i++)
		if (!u->patches[i].by_tracer &&
		    memcmp(u->patches[i].alias, bytes_now(&u->patches[i], s->apply), KSPLICE_JUMP_SIZE))
			return -EFAULT;
	for (i = 0; i < u->nr_data; i++) {
		struct ksplice_data *d = &u->data[i];
		bool same = ksplice_data_unchanged(d, s->apply);

		d->left_alone = !same && !s->apply && d->writable;
		if (!same && !d->left_alone) {
			s->data = i;
			return -ESTALE;
		}
	}
	return 0;
}

static int check_hooks(struct stop *s)
{
	s->hook_ret = ksplice_hooks_call(
		s->u, s->apply ? KSPLICE_HOOK_CHECK_APPLY : KSPLICE_HOOK_CHECK_REVERSE, &s->hook);
	return s->hook_ret ? -ECANCELED : 0;
}

static int commit(struct stop *s)
{
	struct ksplice_update *u = s->u;
	int ret = ksplice_stack_check(u, s->ranges, s->nr_ranges, s->watch);
	u32 i;

	if (!ret)
		ret = check_again(s);
	if (!ret)
		ret = check_hooks(s);
	if (ret)
		return ret;
	for (i = 0; i < u->nr_patches; i++) {
		struct ksplice_patch *p = &u->patches[i];

		if (p->by_tracer)
			ksplice_traced_switch(p, s->apply);
		else
			ksplice_text_write(p, s->apply ? p->jump : p->original);
	}
	for (i = 0; i < u->nr_data; i++)
		if (!u->data[i].left_alone)
			ksplice_data_write(&u->data[i], s->apply);
	sync_core(); /* they may come through code that was changed */
	ksplice_hooks_call(u, s->apply ? KSPLICE_HOOK_APPLY : KSPLICE_HOOK_REVERSE, &s->hook);
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
	unsigned long found = ks_find_kprobe(start, p->old_addr + p->old_size - start);

	if (!found)
		return 0;
	return ksplice_abort(
		u, KSPLICE_SLOT_CONFLICT, -EBUSY,
		found - start < KSPLICE_JUMP_SIZE
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
	if (who)
		return ksplice_abort(u, KSPLICE_SLOT_CONFLICT, -EBUSY,
				     "%s is at %s+0x%x, where the jump to the new code %s", who,
				     p->name, p->slot, apply ? "has to go" : "is");
	if (memcmp(p->alias, bytes_now(p, apply), KSPLICE_JUMP_SIZE))
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
		if (x->range == U32_MAX)
			return ksplice_abort(u, KSPLICE_CODE_BUSY, -EBUSY,
					     "the stack of %s (pid %d) cannot be read reliably",
					     x->comm, x->pid);
		ksplice_conflict_place(u, x, place, sizeof(place));
		return ksplice_abort(u, KSPLICE_CODE_BUSY, -EBUSY, "%s (pid %d) is in %s", x->comm,
				     x->pid, place);
	case -EPERM:
		return ksplice_abort(u, KSPLICE_UNEXPECTED_RUNNING_TASK, -EBUSY,
				     "%s (pid %d) was running with the machine stopped", x->comm,
				     x->pid);
	case -ESTALE:
		return ksplice_abort(u, s->apply ? KSPLICE_NO_MATCH : KSPLICE_UNEXPECTED, -EINVAL,
				     s->apply ? "%s: its value is not the initial one any more, so "
						"the update cannot change it"
					      : "%s: something else has changed it",
				     u->data[s->data].name);
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

static int prepare(struct stop *s)
{
	struct ksplice_update *u = s->u;
	int ret = 0;
	u32 i;

	for (i = 0; i < u->nr_patches && !ret; i++)
		if (!u->patches[i].by_tracer)
			ret = ksplice_text_map(&u->patches[i]);
	for (i = 0; i < u->nr_data && !ret; i++)
		ret = ksplice_data_map(&u->data[i]);
	if (ret)
		return ksplice_abort(u, KSPLICE_OUT_OF_MEMORY, ret,
				     "cannot map what is to be changed");
	for (i = 0; i < u->nr_patches && !ret; i++)
		if (u->patches[i].by_tracer)
			ret = take_tracer(u, &u->patches[i]);
	return ret;
}

static void finish(struct ksplice_update *u)
{
	u32 i;

	for (i = 0; i < u->nr_patches; i++) {
		ksplice_text_unmap(&u->patches[i]);
		if (u->stage != KSPLICE_APPLIED)
			ksplice_traced_give_back(&u->patches[i]);
	}
	for (i = 0; i < u->nr_data; i++)
		ksplice_data_unmap(&u->data[i]);
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

static int splice(struct stop *s)
{
	struct ksplice_update *u = s->u;
	u64 start;
	u32 i;
	int ret = prepare(s);
	bool begun = !ret;

	u->tasks = 0;
	if (!ret)
		ret = ksplice_hooks_begin(u, s->apply);
	if (!ret)
		ret = look_early(s);
	if (ret)
		goto out;
	lock_text();
	for (i = 0; i < u->nr_patches && !ret; i++)
		ret = check_slot(u, &u->patches[i], s->apply);
	if (!ret) {
		start = ktime_get_ns();
		ret = ks_call(stop_machine_cpuslocked)(stopped, s, cpu_online_mask);
		u->stop_ns = ktime_get_ns() - start;
		u->pause_ns = s->inside_ns;
		ret = ret ? ksplice_abort(u, KSPLICE_UNEXPECTED, ret,
					  "the machine could not be stopped")
			  : report(s);
	}
	for (i = 0; i < u->nr_patches && !ret; i++) {
		if (s->apply)
			keep_probes_out(&u->patches[i]);
		else
			let_probes_in(&u->patches[i]);
	}
	/* Before the lock is dropped: the overlay of ksplice_text_read() goes by it. */
	if (!ret)
		u->stage = s->apply ? KSPLICE_APPLIED : KSPLICE_REVERSED;
	unlock_text();
	if (!ret && !s->apply)
		synchronize_rcu(); /* for the readers of the kprobe blacklist */
out:
	ksplice_watch_end(s->watch);
	finish(u);
	if (begun)
		ksplice_hooks_end(u, s->apply, !ret);
	return ret;
}

static bool overlap(const struct ksplice_patch *a, const struct ksplice_patch *b)
{
	return a->old_addr < b->old_addr + b->old_size && b->old_addr < a->old_addr + a->old_size;
}

static bool data_overlaps(const struct ksplice_update *u, const struct ksplice_update *other,
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

/* Is a function or object of @u already replaced by another update? */
static int check_overlap(struct ksplice_update *u)
{
	struct ksplice_update *other;
	u32 i, k;

	list_for_each_entry(other, &ksplice_updates, list) {
		if (other == u || other->stage != KSPLICE_APPLIED)
			continue;
		if (data_overlaps(u, other, &i))
			return ksplice_abort(u, KSPLICE_SLOT_CONFLICT, -EBUSY,
					     "%s is already changed by update %s; undo that one first",
					     u->data[i].name, other->id);
		for (i = 0; i < u->nr_patches; i++)
			for (k = 0; k < other->nr_patches; k++)
				if (overlap(&u->patches[i], &other->patches[k]))
					return ksplice_abort(u, KSPLICE_SLOT_CONFLICT, -EBUSY,
							     "%s is already replaced by update %s; "
							     "undo that one first",
							     u->patches[i].name, other->id);
	}
	return 0;
}

int ksplice_apply(struct ksplice_update *u)
{
	struct stop s = { .u = u, .ranges = u->ranges, .nr_ranges = u->nr_ranges, .apply = true };
	u32 i;
	int ret;

	u->abort = KSPLICE_OK;
	u->error[0] = 0;
	u->nr_conflicts = 0;
	u->undoing = false;
	if (u->stage == KSPLICE_APPLIED)
		return 0;
	if (!u->new)
		return ksplice_abort(u, KSPLICE_UNEXPECTED, -EINVAL, "its new code is not loaded");
	ret = check_overlap(u);
	if (ret)
		return ret;
	if (!try_module_get(u->new))
		return ksplice_abort(u, KSPLICE_MODULE_BUSY, -EBUSY,
				     "its module is being unloaded");
	for (i = 0; !ret && i < u->nr_patches; i++)
		if (!u->patches[i].by_tracer && !make_jump(&u->patches[i]))
			ret = ksplice_abort(u, KSPLICE_UNEXPECTED, -ERANGE,
					    "the new code is too far away from %s",
					    u->patches[i].name);
	if (!ret)
		ret = splice(&s);
	if (ret) {
		module_put(u->new);
		return ret;
	}
	/* Once applied, addresses of a pinned module may be anywhere, for ever. */
	if (u->pinned && !u->pinned_now) {
		__module_get(u->new);
		u->pinned_now = true;
	}
	ksplice_log(u, "applied: %u functions, %llu ns inside the stop, %llu ns in all\n",
		    u->nr_patches, u->pause_ns, u->stop_ns);
	pr_info("Update %s applied successfully\n", u->id);
	return 0;
}

static int range_order(const void *a, const void *b)
{
	const struct ksplice_range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
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
	r->name = u->id;
	for (i = 0; i < u->nr_patches; i++) {
		if (!u->patches[i].by_tracer)
			continue;
		r++;
		r->start = u->patches[i].old_addr;
		r->end = r->start + u->patches[i].slot;
		r->name = u->patches[i].name;
	}
	u->nr_busy_ranges = r - u->busy_ranges + 1;
	sort(u->busy_ranges, u->nr_busy_ranges, sizeof(*r), range_order, NULL);
}

static void log_left_alone(struct ksplice_update *u)
{
	u32 i;

	for (i = 0; i < u->nr_data; i++)
		if (u->data[i].left_alone)
			ksplice_log(u, "%s: left as it is: its value has changed since\n",
				    u->data[i].name);
}

int ksplice_reverse(struct ksplice_update *u)
{
	struct stop s = { .u = u, .ranges = u->busy_ranges };
	int ret;

	u->abort = KSPLICE_OK;
	u->error[0] = 0;
	u->nr_conflicts = 0;
	if (u->stage != KSPLICE_APPLIED)
		return ksplice_abort(u, KSPLICE_ALREADY_REVERSED, -EALREADY, "it is not applied");
	u->undoing = true;
	list_busy_ranges(u);
	s.nr_ranges = u->nr_busy_ranges;
	ret = splice(&s);
	if (ret)
		return ret;
	module_put(u->new);
	log_left_alone(u);
	ksplice_log(u, "reversed: %llu ns inside the stop, %llu ns in all\n", u->pause_ns,
		    u->stop_ns);
	pr_info("Update %s reversed successfully\n", u->id);
	return 0;
}
