/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Debian's source packages: the part that Debian adds to the upstream source
 * ("linux_6.1.187-1.debian.tar.xz"), where the patches of a feature set lie.
 */
#ifndef KS_DISTRO_DEBSRC_H
#define KS_DISTRO_DEBSRC_H

#include "base/error.h"
#include "base/term.h"

/*
 * Downloads that part of the source package @name, @version, into the existing
 * directory @dir.  An archive may have lost it while it still has the binary
 * packages: then the newest older version of the same series ("6.1") is taken
 * that can be had.  *path is the file, *used the version; the caller frees both.
 */
struct ks_error *ks_debsrc_fetch(const char *name, const char *version, const char *dir,
				 struct ks_report *r, char **path, char **used) KS_MUST_CHECK;

#endif
