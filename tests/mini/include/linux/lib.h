/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef LIB_H
#define LIB_H
#include <asm/own.h>

#define LIMIT 9
#define PASTED(name) LI##name

struct pair {
	int first, second;
};

static inline int used_by_a(int i)
{
	return i + 1;
}

static inline int used_by_nobody(int i)
{
	return used_by_a(i) + 2;
}

static inline int line(void)
{
	return __LINE__;
}
#endif
