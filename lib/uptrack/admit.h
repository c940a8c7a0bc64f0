/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether an update may come into an index, behind those that are in it: what a
 * machine that applies them in their order would find out too late.
 */
#ifndef KS_UPTRACK_ADMIT_H
#define KS_UPTRACK_ADMIT_H

#include "uptrack/store.h"

/* What the publisher says of it; NULL and empty lists for what he leaves to us. */
struct ks_admission {
	const char *name; /* else the package's description */
	const char *description; /* else the same */
	const char *release, *version; /* effective; else those of the update before it */
	struct ks_strv cves;
	struct ks_strv depends; /* else, of one that is made on top of others: all before it */
};

/*
 * Adds the update of the package @m at the end of the index; the store has the
 * tarballs of those before it.  KS_E_REFUSED, with the reason and what to do;
 * the index is unchanged then.  The caller has hashed the tarball of @size bytes.
 */
struct ks_error *ks_admit(const struct ks_store *store, struct ks_index *index,
			  const struct ks_manifest *m, uint64_t size, const char *sha256,
			  const struct ks_admission *a) KS_MUST_CHECK;

/*
 * Marks an update as withdrawn, and with @dependents those that depend on it;
 * else KS_E_REFUSED where there are any, by name.
 */
struct ks_error *ks_withdraw(struct ks_index *index, const char *id, const char *text,
			     bool dependents) KS_MUST_CHECK;

#endif
