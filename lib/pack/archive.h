/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packages: ksplice-ID.tar.gz with one directory, ksplice-ID/.
 *
 * Nothing in a package is trusted before it is checked: not the archive
 * (paths, links, sizes, number of files), not the files (every one is listed
 * in the manifest with size and SHA-256, and no other may be there).  The hash
 * tells damage, not origin: whoever made the package made the manifest, too.
 */
#ifndef KS_PACK_ARCHIVE_H
#define KS_PACK_ARCHIVE_H

#include "pack/manifest.h"

#define KS_PACK_MAX_FILES 256 /* beside the manifest */
#define KS_PACK_MAX_FILE (64ull << 20)
#define KS_PACK_MAX_TOTAL (256ull << 20)

struct ks_pack {
	struct ks_manifest manifest;
	char *dir; /* where its files are: a private directory, removed at the end */
};

/*
 * Packs all files below @dir, records them in @m (in the place of what it
 * lists), writes the manifest too.  The result depends on nothing but
 * contents.  @tarball appears complete or not at all.  (write.c)
 */
struct ks_error *ks_pack_write(struct ks_manifest *m, const char *dir,
			       const char *tarball) KS_MUST_CHECK;

/*
 * Opens a tarball, or a directory that one was unpacked to.  Either is copied
 * to a private temporary directory first and checked there, so that nobody can
 * change a file between the check and its use.
 */
struct ks_error *ks_pack_open(const char *path, struct ks_pack **pack) KS_MUST_CHECK;
void ks_pack_close(struct ks_pack *pack);

/* The path of a file of the package; the caller frees. */
char *ks_pack_file(const struct ks_pack *pack, const char *name);

#endif
