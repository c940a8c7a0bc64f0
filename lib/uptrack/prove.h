/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An update is tried before it is published: by ksplice-verify, in a virtual
 * machine, on top of those that it depends on.
 */
#ifndef KS_UPTRACK_PROVE_H
#define KS_UPTRACK_PROVE_H

#include "base/term.h"
#include "uptrack/store.h"

/*
 * Tries the update @id of the index, whose package lies at @tarball; those that
 * it depends on are in the store.  KS_E_REFUSED, with what ksplice-verify said.
 */
struct ks_error *ks_prove(const struct ks_store *store, const struct ks_index *index, const char *id,
			  const char *tarball, struct ks_report *report) KS_MUST_CHECK;

#endif
