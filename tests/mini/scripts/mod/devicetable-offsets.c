// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kconfig.h>
void table(void) { asm("\n.ascii \"->SIZE 8 s\""); }
