/* SPDX-License-Identifier: GPL-2.0-only */
/* Versions of what user space and the core must agree on. */
#ifndef KSPLICE_VERSION_H
#define KSPLICE_VERSION_H

/* The interface between the core and the modules of updates, and its files in sysfs. */
#define KSPLICE_CORE_ABI 5

/* The layout of the package (docs/format.md). */
#define KSPLICE_PACKAGE_FORMAT 4

#endif
