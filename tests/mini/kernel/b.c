// SPDX-License-Identifier: GPL-2.0-only
#include <linux/lib.h>
#include <linux/task.h>

int b(struct pair *p, struct task *t)
{
	return p->second + t->a + PASTED(MIT);
}
