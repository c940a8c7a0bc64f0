/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A whole repository, or a mirror of one: is everything there that is referred
 * to, signed and of the right content?
 */
#ifndef KS_UPTRACK_AUDIT_H
#define KS_UPTRACK_AUDIT_H

#include "uptrack/store.h"

struct ks_audit {
	size_t kernels, updates, keys;
	struct ks_strv faults; /* what a client would stumble over, one a line */
	struct ks_strv notes; /* what means nothing: leftovers, files of others, what nobody refers to */
	struct ks_strv loose; /* of these, indexes and tarballs that no head refers to; "v1/..." */
};

/*
 * An error only where the audit itself could not be done.  @now: for expiry, 0:
 * times are not looked at.  @deep: open the tarballs as packages, too.
 */
struct ks_error *ks_audit(const struct ks_store *store, uint64_t now, bool deep,
			  struct ks_audit *audit) KS_MUST_CHECK;
void ks_audit_clear(struct ks_audit *audit);

#endif
