/* SPDX-License-Identifier: GPL-2.0-only */
/* The symbol table that a kernel carries for itself, read out of its vmlinux. */
#ifndef KS_DISTRO_KALLSYMS_H
#define KS_DISTRO_KALLSYMS_H

#include "base/buf.h"
#include "base/error.h"

/*
 * Appends the symbols of the ELF image to @out as "ADDRESS TYPE NAME" lines,
 * sorted by address, then by name.  *banner is the kernel's version text
 * without its newline.  Nothing is appended on error.
 */
struct ks_error *ks_kallsyms_read(const void *elf, size_t len, struct ks_buf *out,
				  char **banner) KS_MUST_CHECK;

#endif
