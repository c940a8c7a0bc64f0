/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading a guest's kernel log: what counts as trouble. */
#ifndef KS_VM_LOG_H
#define KS_VM_LOG_H

#include <stdbool.h>

/* Does this line tell of a bug, warning, oops, lockup, stall or corruption? */
bool ks_vmlog_is_trouble(const char *line);

/* Taint flags beyond an out-of-tree (O), an unsigned (E) and a livepatch (K) module: 0 where there are none. */
unsigned long ks_vmlog_taint(unsigned long tainted);

#endif
