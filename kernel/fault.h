/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A debug build of the core (kernel/Kbuild, KSPLICE_FAULTS=1) in which every
 * step that may fail can be made to: tests/vm/faults.test has it fail at each
 * of them in turn.  In the core that people use there is nothing of it.
 *
 * A point is a place where an operation may fail: a call of the kernel's that
 * says so (fault_calls.h), or a check of the core's own, which has a
 * KS_FAULT().  Points are counted as they are reached; the parameter fail_at
 * says which one fails.
 *
 * What is taken is counted, too, until it is given back (the parameter live).
 */
#ifndef KSPLICE_FAULT_H
#define KSPLICE_FAULT_H

#ifndef KSPLICE_FAULTS
/* Does the check called @what fail here, whatever it would say? */
#define KS_FAULT(what) false
#define ks_fault_exit() ((void)0)
#else

#include <linux/types.h>

enum ks_fault_kind { KS_FAULT_REFERENCE, KS_FAULT_TRACER, KS_FAULT_PROBE, KS_FAULT_KINDS };

bool ks_fault(const char *where, const char *what);
/* Memory, and all else that has an address; NULL is none. */
void *ks_fault_took(void *p, const char *where, const char *what);
void *ks_fault_gave(const void *p, const char *where);
/* What has none; @ret is what its call returned, handed on. */
int ks_fault_count(enum ks_fault_kind kind, int change, int ret);
/* All has been given back, or the kernel's log says what has not. */
void ks_fault_exit(void);

#define KS_FAULT(what) ks_fault(__func__, what)

#endif
#endif
