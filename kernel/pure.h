/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * table.c, match.c and sites.c are pure: they look at bytes they are given and
 * call back for the rest.  The same files are compiled into ksplice.ko and, for
 * tests and the fuzzer, into user space.
 */
#ifndef KSPLICE_PURE_H
#define KSPLICE_PURE_H

#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>
#else
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#endif

#include <ksplice/table.h>

#endif
