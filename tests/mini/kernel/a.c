// SPDX-License-Identifier: GPL-2.0-only
#include <linux/lib.h>

int a(int i)
{
#if EARLY
	i++;
#endif
	return used_by_a(i) + line();
}
