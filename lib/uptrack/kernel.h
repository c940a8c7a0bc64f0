/* SPDX-License-Identifier: GPL-2.0-only */
/* Which kernel is running, in the words of a repository. */
#ifndef KS_UPTRACK_KERNEL_H
#define KS_UPTRACK_KERNEL_H

#include "uptrack/uptrack.h"

struct ks_kernel_identity {
	char *distro;  /* ID of os-release: "debian" */
	char *arch;    /* as Debian says it: "amd64" */
	char *release; /* uname -r: "6.1.0-56-cloud-amd64" */
	char *version; /* of its package, from /proc/version: "6.1.192-2" */
};

/* KS_E_UNSERVED: a kernel that does not say which package it was built as. */
struct ks_error *ks_kernel_identify(const struct ks_uptrack *up,
				    struct ks_kernel_identity *k) KS_MUST_CHECK;
void ks_kernel_identity_clear(struct ks_kernel_identity *k);

/* "debian/amd64/6.1.0-56-cloud-amd64/6.1.192-2"; the caller frees. */
char *ks_kernel_name(const struct ks_kernel_identity *k);

#endif
