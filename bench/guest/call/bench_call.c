// SPDX-License-Identifier: GPL-2.0-only
/*
 * What calls of int_pow(), an exported function of the kernel, cost: reading
 * the parameter ticks makes 10000 of them.  Where the guest's clock counts
 * instructions, the time stamp counter does, too.  In a VM only.
 */
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <asm/msr.h>

#define CALLS 10000

static int get_ticks(char *buf, const struct kernel_param *kp)
{
	unsigned long flags;
	u64 start, sum = 0;
	int i;

	/* Once before: what is translated, or learnt, at the first call is no part of it. */
	sum += int_pow(3, 0);
	local_irq_save(flags);
	start = rdtsc_ordered();
	for (i = 0; i < CALLS; i++)
		sum += int_pow(3, 0);
	start = rdtsc_ordered() - start;
	local_irq_restore(flags);
	return sysfs_emit(buf, "%d %llu %llu\n", CALLS, start, sum);
}

static const struct kernel_param_ops ops = { .get = get_ticks };
module_param_cb(ticks, &ops, NULL, 0400);
MODULE_PARM_DESC(ticks, "calls, ticks of the time stamp counter that they took, sum of the results");
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Ksplice: the cost of calls, for comparison");
