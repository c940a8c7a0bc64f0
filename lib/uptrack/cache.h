/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /var/cache/uptrack: the tarballs of updates that are installed or available,
 * by the SHA-256 that a signed index gave.  Nothing in it is trusted: what is
 * used is checked when it is used, also at boot.
 *
 *	updates/SHA256.tar.gz
 *	updates/SHA256.part     the beginning of one; fetched further next time
 */
#ifndef KS_UPTRACK_CACHE_H
#define KS_UPTRACK_CACHE_H

#include <stdint.h>

#include "base/term.h"
#include "uptrack/fetch.h"
#include "uptrack/uptrack.h"

/* A tarball as the index describes it. */
struct ks_tarball {
	const char *id;     /* of the update, for messages */
	const char *path;   /* in the repository */
	const char *sha256; /* 64 hexadecimal digits */
	uint64_t size;
};

/*
 * The file of the tarball, checked for size and hash; the caller frees *file.
 * KS_E_INPUT where it is not there or is not what the index says.
 */
struct ks_error *ks_cache_find(const struct ks_uptrack *up, const struct ks_tarball *t,
			       char **file) KS_MUST_CHECK;

/* The same, fetched where it is not there.  The cache has the whole file or the old one. */
struct ks_error *ks_cache_get(const struct ks_uptrack *up, const struct ks_tarball *t,
			      struct ks_fetch *fetch, struct ks_report *r) KS_MUST_CHECK;

/* Removes all tarballs but those with one of these hashes. */
struct ks_error *ks_cache_prune(const struct ks_uptrack *up,
				const struct ks_strv *keep) KS_MUST_CHECK;

#endif
