// SPDX-License-Identifier: GPL-2.0-only
#include <linux/lib.h>

int extra(int i)
{
	return used_by_a(i);
}
