/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the client meets the format of a repository (docs/uptrack-format.md):
 * the index of this kernel, asked for and checked, and kept for the next time
 * (ks_client_refresh() and ks_client_load() in client.h).  What is kept is as
 * little trusted as what comes from the network:
 *
 *	/var/cache/uptrack/kernels/KERNEL/head.minisig
 *	                                  SHA256.json   the index of that head
 *	                                  asked.json    when and where; what the server called it
 */
#ifndef KS_UPTRACK_SOURCE_H
#define KS_UPTRACK_SOURCE_H

#include "uptrack/cache.h"
#include "uptrack/client.h"

/* Where an update's tarball is; ks_source_tarball_clear(). */
struct ks_tarball ks_source_tarball(const struct ks_index_update *u);
void ks_source_tarball_clear(struct ks_tarball *t);

/* Why the repository no longer serves the kernel; NULL: it does, or nothing is known. */
const char *ks_source_retired(const struct ks_client *c);

/*
 * Has the time passed for which the repository does not want to be asked again?
 * Of the index that was loaded; without one, it has.
 */
bool ks_source_due(const struct ks_client *c);

#endif
