/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The distribution's own binary of a kernel release: installed, from the
 * cache, or fetched.  ksplice-prepare takes the symbols from it,
 * ksplice-verify boots it.
 */
#ifndef KS_DISTRO_KERNEL_H
#define KS_DISTRO_KERNEL_H

#include "base/error.h"
#include "base/term.h"

struct ks_image {
	char *release;	   /* "6.1.0-56-cloud-amd64" */
	char *version;	   /* of its package: "6.1.192-2" */
	char *vmlinuz;	   /* path of the bzImage */
	char *modules_dir; /* the directory that holds kernel/ and modules.dep */
	char *config;	   /* path of config-RELEASE */
};

/*
 * Finds the stock image of @release (NULL: the running kernel's): installed
 * below /, else below kernels/ of the cache directory, else downloads and
 * unpacks its package there, whole or not at all.  modules_dir always has a
 * modules.dep.
 */
struct ks_error *ks_distro_image(const char *release, struct ks_report *r,
				 struct ks_image **image) KS_MUST_CHECK;
/* The same of one version of its package; NULL: any. */
struct ks_error *ks_distro_image_version(const char *release, const char *version,
					 struct ks_report *r,
					 struct ks_image **image) KS_MUST_CHECK;
void ks_image_free(struct ks_image *image); /* accepts NULL */

/*
 * Where downloads are kept: $KSPLICE_CACHE, else /var/cache/ksplice for root,
 * else $XDG_CACHE_HOME/ksplice, else ~/.cache/ksplice.  Created if missing.
 */
struct ks_error *ks_distro_cache_dir(char **path) KS_MUST_CHECK;

/* uname -r; owned by the caller. */
char *ks_distro_running_release(void);
/* The package version that the running kernel was built as; NULL: not Debian's. */
char *ks_distro_running_version(void);

#endif
