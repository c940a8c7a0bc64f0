// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same change as that of bench/call's update, by the kernel's own livepatch.
 * In a VM only.
 */
#include <linux/livepatch.h>
#include <linux/module.h>

static u64 patched_int_pow(u64 base, unsigned int exp)
{
	u64 result = 2;

	while (exp) {
		if (exp & 1)
			result *= base;
		exp >>= 1;
		base *= base;
	}
	return result;
}

static struct klp_func funcs[] = { { .old_name = "int_pow", .new_func = patched_int_pow }, {} };
static struct klp_object objects[] = { { .funcs = funcs }, {} };
static struct klp_patch patch = { .mod = THIS_MODULE, .objs = objects };

static int __init bench_init(void)
{
	return klp_enable_patch(&patch);
}

static void __exit bench_exit(void)
{
}

module_init(bench_init);
module_exit(bench_exit);
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
MODULE_DESCRIPTION("Ksplice: a livepatch, for comparison");
