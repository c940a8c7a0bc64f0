// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's own live patching of one function: of which, says the Kbuild's FUNCTION. */
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/seq_file.h>

static int new_show(struct seq_file *m, void *v)
{
	seq_puts(m, "Livepatched\n");
	return 0;
}

static void new_check(const void *ptr, unsigned long n, bool to_user)
{
	if (n == 7777)
		pr_info("livepatched: usercopy\n");
}

static struct klp_func funcs[] = {
	{ .old_name = FUNCTION, .new_func = REPLACEMENT },
	{ }
};

static struct klp_object objs[] = {
	{ .funcs = funcs },
	{ }
};

static struct klp_patch patch = { .mod = THIS_MODULE, .objs = objs };

static int __init start(void)
{
	(void)new_show;
	(void)new_check;
	return klp_enable_patch(&patch);
}

static void __exit end(void)
{
}

module_init(start);
module_exit(end);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A livepatch for a test of coexistence");
MODULE_INFO(livepatch, "Y");
