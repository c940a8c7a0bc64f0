/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Debian packages and tar archives, unpacked without dpkg and without root.
 * Packages are streamed: a tar archive inside a package never lies on the disk.
 */
#ifndef KS_DISTRO_DEB_H
#define KS_DISTRO_DEB_H

#include "base/error.h"
#include "base/term.h"

struct ks_unpack {
	const char *dest;   /* an existing directory */
	unsigned int strip; /* leading components of every path to drop */
	/*
	 * Only what begins with one of these (NULL-terminated; "usr/src/"), as the
	 * archive names it; NULL: everything.
	 */
	const char *const *only;
	struct ks_report *report; /* progress by compressed bytes; may be NULL */
	const char *what;	  /* its text */
};

/*
 * The files of a .deb, or of a (compressed) tar archive.  Files, directories
 * and links only, permissions without set-id bits, owned by the caller.  A
 * path or link that leaves dest is an error.  What was unpacked before an
 * error stays.
 */
struct ks_error *ks_deb_unpack(const char *deb, const struct ks_unpack *u) KS_MUST_CHECK;
struct ks_error *ks_tar_unpack(const char *tar, const struct ks_unpack *u) KS_MUST_CHECK;

/* The tar archive @member ("usr/src/linux-source-6.1.tar.xz") of a .deb. */
struct ks_error *ks_deb_unpack_tar(const char *deb, const char *member,
				   const struct ks_unpack *u) KS_MUST_CHECK;

#endif
