// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is any task in code that is about to change?
 *
 * A stack is looked at while its task stands still: before the stop each task
 * is pinned for that moment; in the stop every CPU is in its stopper thread, so
 * all other tasks are off their CPUs.  Which tasks are still to be looked at
 * there is watch.c's to know.
 *
 * Each stack is unwound reliably (ORC), which also recovers return addresses
 * that kretprobes and the graph tracer have replaced.  Where the unwinder
 * cannot vouch for a stack, every word on it is looked at instead; that is safe
 * (it finds more, never less) except where a tracer's trampoline stands in for a
 * return address, and then the answer is "busy".  The same for a task that can
 * run and has a kretprobe on its stack: the unwinder would warn about it.
 *
 * The stoppers run, but all in the same few functions; the one that is here
 * looks at its own stack, which stands for all of them.  Idle tasks are not in
 * the list of tasks.  A task that was created and never ran has only
 * ret_from_fork on its stack.
 */
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "compat.h"
#include "update.h"
#include "watch.h"

struct check {
	struct ksplice_update *u;
	const struct ksplice_range *ranges;
	u32 nr;
	struct task_struct *task;
	bool busy;
	struct task_struct *running; /* on a CPU, although the machine is stopped */
};

/* @range: index; U32_MAX where the stack could not be read reliably. */
static void conflict(struct check *c, unsigned long addr, u32 range)
{
	struct ksplice_update *u = c->u;
	struct ksplice_conflict *x;

	c->busy = true;
	if (u->nr_conflicts == KSPLICE_CONFLICTS)
		return;
	x = &u->conflicts[u->nr_conflicts++];
	memcpy(x->comm, c->task->comm, sizeof(x->comm));
	x->comm[sizeof(x->comm) - 1] = 0;
	x->pid = c->task->pid;
	x->addr = range == U32_MAX ? 0 : addr;
	x->name[0] = 0;
	if (range != U32_MAX && c->ranges[range].name) {
		strscpy(x->name, c->ranges[range].name, sizeof(x->name));
		x->offset = addr - c->ranges[range].start;
	}
}

static int range_order(const void *a, const void *b)
{
	const struct ksplice_range *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->end > y->end ? -1 : x->end < y->end;
}

void ksplice_ranges_sort(struct ksplice_range *ranges, u32 nr)
{
	sort(ranges, nr, sizeof(*ranges), range_order, NULL);
}

/* The ranges are sorted and do not overlap. */
static u32 find_range(const struct check *c, unsigned long addr)
{
	u32 lo = 0, hi = c->nr;

	while (lo < hi) {
		u32 mid = lo + (hi - lo) / 2;

		if (addr < c->ranges[mid].start)
			hi = mid;
		else if (addr >= c->ranges[mid].end)
			lo = mid + 1;
		else
			return mid;
	}
	return U32_MAX;
}

/* A return address may be the first byte behind the range: a call at its very end. */
static bool test_address(struct check *c, unsigned long addr)
{
	u32 range = find_range(c, addr);

	if (range == U32_MAX)
		range = find_range(c, addr - 1);
	if (range == U32_MAX)
		return false;
	conflict(c, addr, range);
	return true;
}

static bool consume(void *cookie, unsigned long addr)
{
	/* One conflict a task is enough to know. */
	return !test_address(cookie, addr);
}

static void scan_words(struct check *c)
{
	unsigned long *end = (void *)((unsigned long)task_stack_page(c->task) + THREAD_SIZE);
	unsigned long *word = (void *)(READ_ONCE(c->task->thread.sp) & ~7ul);

	if (word < (unsigned long *)task_stack_page(c->task) || word > end) {
		conflict(c, 0, U32_MAX);
		return;
	}
	for (; word < end; word++) {
		unsigned long addr = READ_ONCE_NOCHECK(*word);

		if (addr && (addr == ks_kernel.return_to_handler ||
			     addr == ks_kernel.rethook_trampoline)) {
			conflict(c, addr, U32_MAX);
			return;
		}
		if (test_address(c, addr))
			return;
	}
}

static void check_task(struct check *c, struct task_struct *task)
{
	bool was_busy = c->busy;

	c->task = task;
	/*
	 * Dead: it never runs again.  The state is set under the lock that pins
	 * a task, and the stack is freed only after that.
	 */
	if (READ_ONCE(task->__state) == TASK_DEAD || !refcount_read(&task->stack_refcount))
		return;
	c->busy = false;
	if (task_is_running(task) && ks_has_rethooks(task))
		scan_words(c);
	else if (ks_call(arch_stack_walk_reliable)(consume, c, task) && !c->busy)
		scan_words(c);
	c->busy |= was_busy;
}

static bool is_stopper(struct task_struct *task)
{
	return (task->flags & PF_KTHREAD) && !strncmp(task->comm, "migration/", 10);
}

/* Before the stop, with the task pinned: 0 where it is in none of the code. */
static int look_early(struct task_struct *task, void *arg)
{
	struct check *c = arg;

	c->busy = false;
	/* This one will wait in the stop, where its stack is looked at like all others. */
	if (task->on_cpu)
		return -EAGAIN;
	check_task(c, task);
	return c->busy ? -EBUSY : 0;
}

int ksplice_stack_check_early(struct ksplice_update *u, const struct ksplice_range *ranges, u32 nr,
			      struct ksplice_watch *w)
{
	struct check c = { .u = u, .ranges = ranges, .nr = nr };
	unsigned int round = 0;
	u32 left;

	/* Who is busy stays dirty and is looked at in each round: the last one counts. */
	do {
		u->nr_conflicts = 0;
		left = ksplice_watch_round(w, look_early, &c);
	} while (!ksplice_watch_settled(w, left, ++round));
	if (KS_FAULT("stack")) {
		c.task = current;
		conflict(&c, 0, U32_MAX);
	}
	return u->nr_conflicts ? -EBUSY : 0;
}

/* With the machine stopped. */
static void look(void *arg, struct task_struct *task)
{
	struct check *c = arg;

	c->u->tasks_stopped++;
	/*
	 * Idle tasks ran lately, too, but each CPU that is online has its own looked
	 * at below. That of one that was taken down meanwhile counts as running for
	 * ever; it waits at the end of play_dead(), and never returns from there.
	 */
	if (!task->pid)
		return;
	if (task == current || (task->on_cpu && is_stopper(task)))
		return;
	if (task->on_cpu && !c->running) {
		c->running = task;
		return;
	}
	check_task(c, task);
}

int ksplice_stack_check(struct ksplice_update *u, const struct ksplice_range *ranges, u32 nr,
			struct ksplice_watch *w)
{
	struct check c = { .u = u, .ranges = ranges, .nr = nr };
	struct task_struct *group, *task;
	int cpu;

	u->nr_conflicts = 0;
	u->tasks_stopped = 0;
	rcu_read_lock();
	c.task = current;
	if ((KS_FAULT("stack") || ks_call(arch_stack_walk_reliable)(consume, &c, current)) &&
	    !c.busy)
		conflict(&c, 0, U32_MAX);
	if (KS_FAULT("running"))
		c.running = current;
	if (!w || !ksplice_watch_each(w, look, &c))
		for_each_process_thread(group, task)
			look(&c, task);
	for_each_online_cpu(cpu)
		check_task(&c, ks_call(idle_task)(cpu));
	if (c.running) {
		u->nr_conflicts = 0;
		c.task = c.running;
		conflict(&c, 0, U32_MAX);
	}
	rcu_read_unlock();
	return c.running ? -EPERM : c.busy ? -EBUSY : 0;
}
