/* SPDX-License-Identifier: GPL-2.0-only */
/* Which kernel is running, in the words of a repository. */
#ifndef KS_UPTRACK_KERNEL_H
#define KS_UPTRACK_KERNEL_H

#include "uptrack/repo.h"
#include "uptrack/uptrack.h"

/*
 * From os-release, uname(2), and the version of the package in /proc/version.
 * KS_E_UNSERVED: a kernel that does not say which package it was built as.
 * *kernel is empty after an error.
 */
struct ks_error *ks_kernel_identify(const struct ks_uptrack *up,
				    struct ks_repo_kernel *kernel) KS_MUST_CHECK;

#endif
