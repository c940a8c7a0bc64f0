/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which kernel a prepared source tree belongs to: the file CONFIG_DIR/kernel,
 * written last by ksplice-prepare (so that its presence means "complete") and
 * read by ksplice-create.
 *
 * The file is text, one "key: value" a line; empty lines and lines that start
 * with # mean nothing; unknown keys are ignored, a key may occur once.
 * "format" is 1; "release" and "version" are always there, the others may be
 * missing.
 */
#ifndef KS_DISTRO_INFO_H
#define KS_DISTRO_INFO_H

#include "base/error.h"

struct ks_kernel_info {
	char *release; /* uname -r: "6.1.0-56-cloud-amd64" */
	char *version; /* package version, of image and source: "6.1.192-2" */
	char *arch;    /* "amd64" */
	char *flavour; /* "cloud-amd64" */
	char *patches; /* of real time: the version they come from; NULL for other flavours */
	char *banner;  /* the kernel's /proc/version, from its image */
};

/* A directory without such a file: *info has NULL members and it is no error. */
struct ks_error *ks_kernel_info_read(const char *config_dir,
				     struct ks_kernel_info *info) KS_MUST_CHECK;
struct ks_error *ks_kernel_info_write(const char *config_dir,
				      const struct ks_kernel_info *info) KS_MUST_CHECK;
/* Frees the members. */
void ks_kernel_info_free(struct ks_kernel_info *info);

#endif
