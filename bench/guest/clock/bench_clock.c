// SPDX-License-Identifier: GPL-2.0-only
/*
 * A clock for scripts, and a measure of the machine: writing N to the parameter
 * sum computes a CRC-32 of the kernel's first N bytes of text; reading it gives
 * the nanoseconds that this took.  In a VM only.
 */
#include <linux/crc32.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/uaccess.h>

static u64 sum_ns;

static int get_ns(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%llu\n", ktime_get_ns());
}

static int set_sum(const char *text, const struct kernel_param *kp)
{
	/* An address in the kernel's text; what is there does not matter. */
	const u8 *from = (const u8 *)((unsigned long)&printk_timed_ratelimit & PAGE_MASK);
	unsigned long left;
	u8 buf[256];
	u32 crc = 0;
	u64 start;
	int ret = kstrtoul(text, 0, &left);

	if (ret)
		return ret;
	start = ktime_get_ns();
	while (left) {
		size_t n = min_t(size_t, left, sizeof(buf));

		if (copy_from_kernel_nofault(buf, from, n))
			return -EFAULT;
		crc = crc32_le(crc, buf, n);
		left -= n;
	}
	sum_ns = ktime_get_ns() - start;
	return 0;
}

static int get_sum(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%llu\n", sum_ns);
}

static const struct kernel_param_ops ns_ops = { .get = get_ns };
static const struct kernel_param_ops sum_ops = { .set = set_sum, .get = get_sum };
module_param_cb(ns, &ns_ops, NULL, 0400);
MODULE_PARM_DESC(ns, "the monotonic clock");
module_param_cb(sum, &sum_ops, NULL, 0600);
MODULE_PARM_DESC(sum, "write a number of bytes; read the nanoseconds that their CRC-32 took");
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Ksplice: a clock for scripts");
