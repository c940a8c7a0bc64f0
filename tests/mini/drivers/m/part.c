// SPDX-License-Identifier: GPL-2.0-only
#include "m.h"
#include <linux/lib.h>

int part(int i)
{
#ifdef LATER
	i++;
#endif
	return used_by_nobody(i);
}
