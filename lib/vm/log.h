/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading a guest's kernel log: what counts as trouble. */
#ifndef KS_VM_LOG_H
#define KS_VM_LOG_H

/*
 * The first line of @text that tells of a bug, warning, oops, lockup, stall or
 * corruption; NULL: none.  The caller frees.
 */
char *ks_vmlog_trouble(const char *text);

/* Taint flags beyond an out-of-tree (O) and an unsigned (E) module: 0 where there are none. */
unsigned long ks_vmlog_taint(unsigned long tainted);

#endif
