/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a package that nobody has checked to files in a directory of our own.
 * What comes out is bounded, and below that directory; what is in the files is
 * checked by archive.c.
 */
#ifndef KS_PACK_UNPACK_H
#define KS_PACK_UNPACK_H

#include "base/buf.h"
#include "base/error.h"

/*
 * Unpacks the tar.gz @tarball below the empty directory @into.  *top: the name
 * of its one top directory, which the caller frees (also after an error).
 */
struct ks_error *ks_unpack_tarball(const char *tarball, const char *into, char **top) KS_MUST_CHECK;

/* The same from a directory.  The copy cannot change after it was checked. */
struct ks_error *ks_unpack_directory(const char *dir, const char *into) KS_MUST_CHECK;

/* All regular files below @dir as "a" and "core/a", sorted; refuses anything else there. */
struct ks_error *ks_unpack_list(const char *dir, struct ks_strv *names) KS_MUST_CHECK;

#endif
