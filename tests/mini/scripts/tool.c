// SPDX-License-Identifier: GPL-2.0-only
#include <linux/tool.h>
int tool = TOOL;
