/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which module exports what: the Module.symvers of a kernel's headers.  New
 * code may call into a module that the code it replaces did not need.
 */
#ifndef KS_MODULE_EXPORTS_H
#define KS_MODULE_EXPORTS_H

#include "base/error.h"

struct ks_exports;

/* @path: lines of "CRC\tSYMBOL\tMODULE\tKIND\tNAMESPACE" (scripts/mod/modpost.c). */
struct ks_error *ks_exports_read(const char *path, struct ks_exports **exports) KS_MUST_CHECK;
void ks_exports_free(struct ks_exports *exports);

/* "vmlinux", or the module's name as the kernel shows it; NULL: nothing exports it. */
const char *ks_exports_owner(const struct ks_exports *exports, const char *symbol);

#endif
