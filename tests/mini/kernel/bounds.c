// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kconfig.h>
void bounds(void) { asm("\n.ascii \"->NR 3 NR\""); }
