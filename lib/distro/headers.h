/* SPDX-License-Identifier: GPL-2.0-only */
/* The headers of a release, against which modules are built: CONFIG_DIR/build. */
#ifndef KS_DISTRO_HEADERS_H
#define KS_DISTRO_HEADERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/term.h"

/* Are the headers of exactly this version installed in /lib/modules/RELEASE/build? */
struct ks_error *ks_headers_installed(const char *release, const char *version,
				      bool *installed) KS_MUST_CHECK;

/* Points CONFIG_DIR/build to the installed headers. */
struct ks_error *ks_headers_link_installed(const char *config_dir,
					   const char *release) KS_MUST_CHECK;

/*
 * Unpacks the packages (linux-headers-RELEASE, -common and linux-kbuild, as
 * files) into CONFIG_DIR/headers and points CONFIG_DIR/build there.  The
 * result works wherever CONFIG_DIR is moved to.
 */
struct ks_error *ks_headers_unpack(const char *config_dir, const char *release,
				   const char *const *debs, size_t n,
				   struct ks_report *r) KS_MUST_CHECK;

#endif
