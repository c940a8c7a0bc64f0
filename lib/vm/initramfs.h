/* SPDX-License-Identifier: GPL-2.0-only */
/* Building an initramfs (cpio "newc") for a guest: files, links, programs with their libraries. */
#ifndef KS_VM_INITRAMFS_H
#define KS_VM_INITRAMFS_H

#include <sys/types.h>

#include "base/error.h"

struct ks_initramfs;

struct ks_error *ks_initramfs_create(const char *path, struct ks_initramfs **fs) KS_MUST_CHECK;
/* Writes the end; the file is complete only after this succeeded.  Frees @fs in any case. */
struct ks_error *ks_initramfs_finish(struct ks_initramfs *fs) KS_MUST_CHECK;
void ks_initramfs_abandon(struct ks_initramfs *fs);

/* Guest paths are absolute; directories above them are made; a second entry of one path is ignored. */
struct ks_error *ks_initramfs_dir(struct ks_initramfs *fs, const char *guest) KS_MUST_CHECK;
struct ks_error *ks_initramfs_data(struct ks_initramfs *fs, const char *guest, const void *data, size_t len,
				   mode_t mode) KS_MUST_CHECK;
struct ks_error *ks_initramfs_file(struct ks_initramfs *fs, const char *host, const char *guest) KS_MUST_CHECK;
struct ks_error *ks_initramfs_link(struct ks_initramfs *fs, const char *target, const char *guest) KS_MUST_CHECK;
/* An executable, and the shared libraries that ldd(1) names for it. */
struct ks_error *ks_initramfs_program(struct ks_initramfs *fs, const char *host, const char *guest) KS_MUST_CHECK;

#endif
