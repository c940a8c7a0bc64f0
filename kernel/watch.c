// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which stacks have to be looked at with the machine stopped?
 *
 * Theory of operation.  Looking at all of them there would make the pause grow
 * with the number of threads.  So most are looked at before, while the system
 * runs, and in the stop only those of tasks that have run since.
 *
 * A watch is a table of all tasks, each with a bit: dirty, its stack has to be
 * looked at.
 *
 *	1. The tasks that exist are put into the table.
 *	2. A probe on the tracepoint sched_switch makes every task dirty that is
 *	   about to run, and adds it where it is not in the table.
 *	3. synchronize_rcu(): the switch runs with preemption off, so any that had
 *	   passed the tracepoint before the probe was there is over.
 *	4. All tasks that exist now and are not in the table are added, and all
 *	   that are there are made dirty.
 *	5. Rounds: a dirty task is made clean, and then, pinned by task_call_func(),
 *	   looked at.  If it is on a CPU, or in code that is to change, it is made
 *	   dirty again.  Each round has only what ran during the one before.
 *	6. In the stop: the dirty ones, and the idle tasks, which are not in the
 *	   list of tasks.
 *
 * Why that is sound.  Take a task that is clean in the stop.  Its bit was
 * cleared for the last time before it was looked at, when it was pinned and on
 * no CPU.  From then on its stack changes only when it runs again; to run, it
 * has to be switched to; since 3. every switch passes the probe before the new
 * task runs; the probe would have made it dirty, after the bit was cleared.  So
 * its stack is as it was seen.  A task that is not in the table at all was not
 * in the list of tasks at 4., and was not switched to since 3.: either it was
 * made later and never ran, and has only ret_from_fork on its stack; or it was
 * late in do_exit(), taken off the list and preempted there all the time.  (The
 * last one nobody can find, nor could a walk in the stop.)
 *
 * The table does not grow.  When it is full, a watch has overflowed, and the
 * stop looks at all tasks.
 *
 * The probe runs in the scheduler, with interrupts off and a run queue locked:
 * it takes no lock, and only adds and marks.  Tasks in the table are referenced.
 */
#include <linux/bitmap.h>
#include <linux/hash.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/tracepoint.h>

#include "compat.h"
#include "watch.h"

/* Tasks that may be added after the first count. */
#define SLACK 4096
#define ROUNDS 4
/* So few are left to the stop. */
#define FEW 8

struct ksplice_watch {
	struct task_struct **slots; /* by hash, the next free one; NULL: free */
	unsigned long *dirty;	    /* by slot */
	unsigned int bits;	    /* 1 << bits slots */
	atomic_t used;
	bool overflow;
	struct tracepoint *tp; /* NULL: not registered */
};

static u32 size_of(const struct ksplice_watch *w)
{
	return 1u << w->bits;
}

/* The slot of the task, added (with a reference) where it has none; U32_MAX: the table is full. */
static u32 find_slot(struct ksplice_watch *w, struct task_struct *task)
{
	u32 mask = size_of(w) - 1, i = hash_ptr(task, w->bits);

	for (;; i = (i + 1) & mask) {
		struct task_struct *there = READ_ONCE(w->slots[i]);

		if (there == task)
			return i;
		if (there)
			continue;
		/* Half full is full: chains stay short, and there is always a free slot. */
		if (atomic_read(&w->used) >= mask / 2) {
			WRITE_ONCE(w->overflow, true);
			return U32_MAX;
		}
		get_task_struct(task);
		there = cmpxchg(&w->slots[i], NULL, task);
		if (!there) {
			atomic_inc(&w->used);
			return i;
		}
		put_task_struct(task);
		if (there == task)
			return i;
	}
}

static void touch(struct ksplice_watch *w, struct task_struct *task)
{
	u32 slot = find_slot(w, task);

	/* Fully ordered, but for the read first: most are dirty already. */
	if (slot != U32_MAX && !test_bit(slot, w->dirty))
		test_and_set_bit(slot, w->dirty);
}

static void on_switch(void *data, bool preempt, struct task_struct *prev, struct task_struct *next,
		      unsigned int prev_state)
{
	touch(data, next);
}

/* Puts all tasks of the list into the table. */
static void add_all(struct ksplice_watch *w)
{
	struct task_struct *group, *task;

	read_lock(ks_kernel.tasklist_lock);
	for_each_process_thread(group, task)
		find_slot(w, task);
	read_unlock(ks_kernel.tasklist_lock);
}

static u32 count_tasks(void)
{
	struct task_struct *group, *task;
	u32 n = 0;

	read_lock(ks_kernel.tasklist_lock);
	for_each_process_thread(group, task)
		n++;
	read_unlock(ks_kernel.tasklist_lock);
	return n;
}

static void free_watch(struct ksplice_watch *w)
{
	u32 i;

	for (i = 0; w->slots && i < size_of(w); i++)
		if (w->slots[i])
			put_task_struct(w->slots[i]);
	kvfree(w->slots);
	kvfree(w->dirty);
	kfree(w);
}

static struct ksplice_watch *create_watch(void)
{
	struct ksplice_watch *w = kzalloc(sizeof(*w), GFP_KERNEL);

	if (!w)
		return NULL;
	w->bits = fls(2 * (count_tasks() + SLACK));
	w->slots = kvcalloc(size_of(w), sizeof(*w->slots), GFP_KERNEL);
	w->dirty = kvcalloc(BITS_TO_LONGS(size_of(w)), sizeof(long), GFP_KERNEL);
	if (w->slots && w->dirty)
		return w;
	free_watch(w);
	return NULL;
}

struct ksplice_watch *ksplice_watch_begin(void)
{
	struct ksplice_watch *w;
	u32 i;

	if (!ks_kernel.sched_switch)
		return NULL;
	w = create_watch();
	if (!w)
		return NULL;
	add_all(w);
	if (tracepoint_probe_register(ks_kernel.sched_switch, on_switch, w)) {
		free_watch(w);
		return NULL;
	}
	w->tp = ks_kernel.sched_switch;
	synchronize_rcu();
	add_all(w);
	for (i = 0; i < size_of(w); i++)
		if (READ_ONCE(w->slots[i]))
			set_bit(i, w->dirty);
	return w;
}

void ksplice_watch_end(struct ksplice_watch *w)
{
	if (!w)
		return;
	tracepoint_probe_unregister(w->tp, on_switch, w);
	/* Until no CPU is in the probe. */
	tracepoint_synchronize_unregister();
	free_watch(w);
}

u32 ksplice_watch_tasks(struct ksplice_watch *w)
{
	return atomic_read(&w->used);
}

u32 ksplice_watch_round(struct ksplice_watch *w, task_call_f fn, void *arg)
{
	u32 i, left = 0;

	for_each_set_bit(i, w->dirty, size_of(w)) {
		/*
		 * The bit first, then the task: who runs after it was looked at
		 * sets it again.
		 */
		clear_bit(i, w->dirty);
		smp_mb__after_atomic();
		if (ks_call(task_call_func)(w->slots[i], fn, arg))
			set_bit(i, w->dirty);
		cond_resched();
	}
	for_each_set_bit(i, w->dirty, size_of(w))
		left++;
	return left;
}

bool ksplice_watch_settled(const struct ksplice_watch *w, u32 left, unsigned int round)
{
	return left <= FEW || round >= ROUNDS || READ_ONCE(w->overflow);
}

bool ksplice_watch_each(struct ksplice_watch *w, void (*fn)(void *arg, struct task_struct *task),
			void *arg)
{
	u32 i;

	if (w->overflow)
		return false;
	for_each_set_bit(i, w->dirty, size_of(w))
		fn(arg, w->slots[i]);
	return true;
}
