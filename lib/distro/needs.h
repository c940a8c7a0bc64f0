/* SPDX-License-Identifier: GPL-2.0-only */
/* What has to be installed to build a kernel's objects. */
#ifndef KS_DISTRO_NEEDS_H
#define KS_DISTRO_NEEDS_H

#include "base/buf.h"
#include "base/error.h"

/*
 * Appends the packages that ksplice-create needs for the kernel of this
 * .config and that are not there, each once.  Looks for the commands and
 * headers themselves, so that it also knows what did not come from a package.
 */
struct ks_error *ks_needs_missing(const char *config, struct ks_strv *packages) KS_MUST_CHECK;

#endif
