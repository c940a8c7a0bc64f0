// SPDX-License-Identifier: GPL-2.0-only
/*
 * What it costs to stop the machine for nothing: reading the parameter ns does
 * so once.  For comparison only, in a VM.
 */
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/stop_machine.h>

static int nothing(void *unused)
{
	return 0;
}

static int get_ns(char *buf, const struct kernel_param *kp)
{
	u64 start = ktime_get_ns();
	int ret = stop_machine(nothing, NULL, cpu_online_mask);

	return ret ? ret : sysfs_emit(buf, "%llu\n", ktime_get_ns() - start);
}

static const struct kernel_param_ops ops = { .get = get_ns };
module_param_cb(ns, &ops, NULL, 0400);
MODULE_PARM_DESC(ns, "nanoseconds of one empty stop_machine()");
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Ksplice: an empty stop of the machine, for comparison");
