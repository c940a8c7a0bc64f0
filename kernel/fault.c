// SPDX-License-Identifier: GPL-2.0-only
/* Counting the points where an operation may fail, and what it has taken; see fault.h. */
#define pr_fmt(fmt) "ksplice: " fmt

#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "fault.h"

#define MAX_TAKEN 4096

struct taken {
	const void *p;
	const char *where, *what;
};

/* Points are also reached with the machine stopped. */
static DEFINE_SPINLOCK(lock);
static struct taken taken[MAX_TAKEN];
static unsigned int nr_taken, fail_at, reached;
static int counts[KS_FAULT_KINDS];
static const char *const kinds[KS_FAULT_KINDS] = { "references", "tracers", "probes" };

static int set_fail_at(const char *text, const struct kernel_param *kp)
{
	reached = 0;
	return param_set_uint(text, kp);
}
static const struct kernel_param_ops fail_at_ops = { .set = set_fail_at, .get = param_get_uint };
module_param_cb(fail_at, &fail_at_ops, &fail_at, 0600);
MODULE_PARM_DESC(fail_at, "which point fails, counted from 1 from now on (0: none)");
module_param(reached, uint, 0400);
MODULE_PARM_DESC(reached, "points reached since fail_at was set");

static int get_live(char *buf, const struct kernel_param *kp)
{
	int len = scnprintf(buf, PAGE_SIZE, "allocations %u", nr_taken), i;

	for (i = 0; i < KS_FAULT_KINDS; i++)
		len += scnprintf(buf + len, PAGE_SIZE - len, " %s %d", kinds[i], counts[i]);
	return len + scnprintf(buf + len, PAGE_SIZE - len, "\n");
}
static const struct kernel_param_ops live_ops = { .get = get_live };
module_param_cb(live, &live_ops, NULL, 0400);
MODULE_PARM_DESC(live, "what the core has taken and not given back");

bool ks_fault(const char *where, const char *what)
{
	unsigned long flags;
	bool fails;

	spin_lock_irqsave(&lock, flags);
	fails = ++reached == fail_at;
	spin_unlock_irqrestore(&lock, flags);
	if (fails)
		pr_info("fault %u: %s: %s\n", fail_at, where, what);
	return fails;
}

void *ks_fault_took(void *p, const char *where, const char *what)
{
	unsigned long flags;

	if (ZERO_OR_NULL_PTR(p))
		return p;
	spin_lock_irqsave(&lock, flags);
	if (!WARN_ON(nr_taken == MAX_TAKEN))
		taken[nr_taken++] = (struct taken){ p, where, what };
	spin_unlock_irqrestore(&lock, flags);
	return p;
}

void *ks_fault_gave(const void *p, const char *where)
{
	unsigned long flags;
	unsigned int i;

	if (ZERO_OR_NULL_PTR(p))
		return (void *)p;
	spin_lock_irqsave(&lock, flags);
	/* What came last mostly goes first. */
	for (i = nr_taken; i && taken[i - 1].p != p; i--)
		;
	if (i)
		taken[i - 1] = taken[--nr_taken];
	spin_unlock_irqrestore(&lock, flags);
	WARN(!i, "ksplice: %s() gives back what it does not have\n", where);
	return (void *)p;
}

int ks_fault_count(enum ks_fault_kind kind, int change, int ret)
{
	unsigned long flags;

	spin_lock_irqsave(&lock, flags);
	if (!ret)
		counts[kind] += change;
	spin_unlock_irqrestore(&lock, flags);
	return ret;
}

void ks_fault_exit(void)
{
	unsigned int i;

	for (i = 0; i < nr_taken; i++)
		pr_warn("leaked: %s: %s\n", taken[i].where, taken[i].what);
	for (i = 0; i < KS_FAULT_KINDS; i++)
		WARN(counts[i], "ksplice: %d %s leaked\n", counts[i], kinds[i]);
	WARN(nr_taken, "ksplice: %u allocations leaked\n", nr_taken);
	pr_info("all is given back\n");
}
