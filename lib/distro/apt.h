/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What apt knows and can fetch.  Everything is asked from apt-cache, apt-get
 * and dpkg-query as child processes; nothing is installed, nothing needs root.
 */
#ifndef KS_DISTRO_APT_H
#define KS_DISTRO_APT_H

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/term.h"

/* One version of one package. */
struct ks_package {
	char *name;
	char *version;
	char *arch;
	char *source;		 /* the source package; NULL: called like this one */
	char *depends;		 /* may be NULL */
	char *sha256;		 /* may be NULL */
	uint64_t size;		 /* of the .deb, bytes */
	uint64_t installed_size; /* bytes */
	bool fetchable;		 /* an archive has it (else it is only installed) */
};

struct ks_packages {
	struct ks_package *v;
	size_t len, cap;
};

void ks_packages_free(struct ks_packages *p);

/* Of @name: @version, or the newest fetchable one when that is NULL; NULL: not there. */
const struct ks_package *ks_packages_find(const struct ks_packages *p, const char *name,
					  const char *version);

/* <0, 0, >0, in the order that dpkg gives to versions. */
int ks_version_compare(const char *a, const char *b);

/* All package names that begin with @prefix. */
struct ks_error *ks_apt_names(const char *prefix, struct ks_strv *names) KS_MUST_CHECK;

/* All versions of these packages; a name that apt does not know is left out. */
struct ks_error *ks_apt_show(const struct ks_strv *names, struct ks_packages *out) KS_MUST_CHECK;

/* The error for "apt has no kernels at all", which says what to do. */
struct ks_error *ks_apt_empty_error(void);

/*
 * Gets packages as files: from @dir where a former run left them, from apt's
 * own cache, or from the network into @dir.  paths[i] is set for each (the
 * caller frees them); all are set, or none.
 */
struct ks_error *ks_apt_fetch(const struct ks_package *const *packages, size_t n, const char *dir,
			      struct ks_report *r, char **paths) KS_MUST_CHECK;

/* The installed version of a package; *version is NULL where it is not installed. */
struct ks_error *ks_dpkg_installed(const char *name, char **version) KS_MUST_CHECK;

/* "amd64" */
struct ks_error *ks_dpkg_architecture(char **arch) KS_MUST_CHECK;

#endif
