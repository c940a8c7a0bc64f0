/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bootable kernel image (bzImage): which kernel it is, and the vmlinux
 * inside.  Distributions do not ship a usable System.map beside it, and the
 * debug symbols are hundreds of megabytes: the symbols that the kernel itself
 * carries are enough.
 */
#ifndef KS_DISTRO_IMAGE_H
#define KS_DISTRO_IMAGE_H

#include "base/buf.h"
#include "base/error.h"

/*
 * What the image says of itself: "6.1.0-56-cloud-amd64", and the version of
 * the Debian package it was built as ("6.1.192-2"; *version is NULL for a
 * kernel that does not tell).  Either result may be NULL.  Cheap: reads the
 * first kilobytes only.
 */
struct ks_error *ks_image_identify(const char *vmlinuz, char **release,
				   char **version) KS_MUST_CHECK;

/* The decompressed ELF vmlinux.  @vmlinuz may also be such an ELF file itself. */
struct ks_error *ks_image_vmlinux(const char *vmlinuz, struct ks_buf *elf) KS_MUST_CHECK;

/*
 * Appends a System.map ("ADDRESS TYPE NAME" lines, sorted by address, then by
 * name) of the kernel's own symbol table to @out.  *banner (may be NULL) is
 * the text of /proc/version, without its newline.
 */
struct ks_error *ks_image_system_map(const char *vmlinuz, struct ks_buf *out,
				     char **banner) KS_MUST_CHECK;

/* The package version in a banner: "... Debian 6.1.192-2 (2026-11-16)"; NULL: none. */
char *ks_image_banner_version(const char *banner);

#endif
