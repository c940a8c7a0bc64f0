/* SPDX-License-Identifier: GPL-2.0-only */
/* The tasks whose stacks have to be looked at with the machine stopped; see watch.c. */
#ifndef KSPLICE_KERNEL_WATCH_H
#define KSPLICE_KERNEL_WATCH_H

#include <linux/sched.h>
#include <linux/wait.h>

struct ksplice_watch;

/*
 * From here on it is known who runs.  All tasks are dirty at first.  Sleeps,
 * and takes the locks for changing text.  NULL: no memory, or a kernel without
 * the tracepoint; then the stop has to look at all.
 */
struct ksplice_watch *ksplice_watch_begin(void);
void ksplice_watch_end(struct ksplice_watch *w);

/* How many tasks it knows. */
u32 ksplice_watch_tasks(struct ksplice_watch *w);

/*
 * Looks at all dirty tasks with @fn, while the system runs: it is called with
 * the task pinned and interrupts off, and returns 0 where the task is clean
 * from now on until it runs again.  Returns how many are dirty then.
 */
u32 ksplice_watch_round(struct ksplice_watch *w, task_call_f fn, void *arg);
/* Is another round of no use? */
bool ksplice_watch_settled(const struct ksplice_watch *w, u32 left, unsigned int round);

/* With the machine stopped: the dirty tasks; false: it has overflowed, anyone may be dirty. */
bool ksplice_watch_each(struct ksplice_watch *w, void (*fn)(void *arg, struct task_struct *task),
			void *arg);

#endif
