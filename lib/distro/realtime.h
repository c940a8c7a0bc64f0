/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The source of Debian's rt flavour: that of the other flavours, with the
 * series of patches debian/patches-rt of the source package.
 */
#ifndef KS_DISTRO_REALTIME_H
#define KS_DISTRO_REALTIME_H

#include <stdbool.h>

#include "base/error.h"
#include "base/term.h"

/* Is it a flavour ("rt-amd64") with those patches? */
bool ks_is_realtime(const char *flavour);

/*
 * Patches the source in @tree, which is that of @version of the source package
 * @name ("linux").  Downloads go to the directory @dir.  *used is the version
 * whose patches were to be had; the caller frees it.  After an error the tree
 * may be half patched.
 */
struct ks_error *ks_realtime_patch(const char *tree, const char *name, const char *version,
				   const char *dir, struct ks_report *r, char **used) KS_MUST_CHECK;

/*
 * Are the headers that modules are built against, in the directory @headers
 * ("linux-headers-6.1.0-54-common-rt"), those of the patched source?  They came
 * out of the build of the kernel, so they tell whether the patches are its own.
 */
struct ks_error *ks_realtime_check(const char *tree, const char *headers) KS_MUST_CHECK;

#endif
