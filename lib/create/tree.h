/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the pipeline starts: the kernel's source tree and its configuration
 * directory, which has .config, System.map and build, the link to the headers.
 */
#ifndef KS_CREATE_TREE_H
#define KS_CREATE_TREE_H

#include "base/error.h"
#include "distro/info.h"

/*
 * The configuration directory @config, or SOURCE/ksplice where that is NULL:
 * it is there, and not in the midst of the source.  *config_dir is absolute,
 * without links; the caller frees it.  Errors are KS_E_USAGE.
 */
struct ks_error *ks_create_find_config(const char *source, const char *config,
				       char **config_dir) KS_MUST_CHECK;

/*
 * Which kernel it is for: ksplice-prepare has noted it; a directory that was
 * made by hand has the headers' word, and no more than the release.  The caller
 * frees *info; it is empty after an error.
 */
struct ks_error *ks_create_read_kernel(const char *config_dir,
				       struct ks_kernel_info *info) KS_MUST_CHECK;

#endif
