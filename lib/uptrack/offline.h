/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The updates of one kernel as a Debian package, for machines without a network:
 * it has the part of the repository that such a machine would fetch, and its
 * public key, and applies the updates when it is installed on that kernel.
 *
 * What a machine believes is the same as ever: the index in the package is
 * signed, and it expires.
 */
#ifndef KS_UPTRACK_OFFLINE_H
#define KS_UPTRACK_OFFLINE_H

#include "uptrack/store.h"

/*
 * Writes ksplice-updates-RELEASE_VERSION_ARCH.deb into the directory @into, whole
 * or not at all; *file is its path, which the caller frees.  Needs dpkg-deb(1).
 */
struct ks_error *ks_offline_deb(const struct ks_store *store, const struct ks_repo_kernel *kernel,
				const char *into, char **file) KS_MUST_CHECK;

#endif
