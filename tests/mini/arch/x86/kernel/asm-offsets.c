// SPDX-License-Identifier: GPL-2.0-only
#include <linux/task.h>
void offsets(void)
{
	asm("\n.ascii \"->TASK_B %c0 b\"" : : "i" (__builtin_offsetof(struct task, b)));
}
