/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel releases as apt's lists describe them: which can be prepared, and the
 * packages that a release consists of.
 */
#ifndef KS_DISTRO_RELEASE_H
#define KS_DISTRO_RELEASE_H

#include "distro/apt.h"

/* One version of one release, with the packages that belong to it. */
struct ks_release {
	char *release; /* "6.1.0-56-cloud-amd64" */
	char *version; /* "6.1.192-2" */
	char *flavour; /* "cloud-amd64" */
	char *series;  /* "6.1" */
	char *lacks;   /* what is not to be had ("its source"), or NULL: complete */
	/* Of struct ks_catalogue's packages; NULL where lacking. */
	const struct ks_package *image, *headers, *common, *kbuild, *source;
};

/* Everything that apt knows, sorted by version, then by release. */
struct ks_catalogue {
	struct ks_release *v;
	size_t len, cap;
	struct ks_packages packages;
	char *arch;
};

struct ks_error *ks_catalogue_read(struct ks_catalogue *c) KS_MUST_CHECK;
void ks_catalogue_free(struct ks_catalogue *c);

/*
 * The entry of @release: of @version, or when that is NULL the newest complete
 * one, else the newest.  Where there is none, an error that says what there is.
 */
struct ks_error *ks_catalogue_find(const struct ks_catalogue *c, const char *release,
				   const char *version,
				   const struct ks_release **found) KS_MUST_CHECK;

/*
 * The newest complete release whose name matches the shell pattern @pattern
 * (NULL: any); of several flavours of one version, that with the shortest name.
 */
struct ks_error *ks_distro_newest(const struct ks_catalogue *c, const char *pattern,
				  const struct ks_release **found) KS_MUST_CHECK;

/* The name part of a release behind its ABI: "cloud-amd64"; NULL: not Debian's form. */
const char *ks_release_flavour(const char *release);

#endif
