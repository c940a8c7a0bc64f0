/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What to do, before anything is done: from what the repository has, what is
 * applied and what was asked for to the steps in their order.  Pure: no file
 * and no kernel is touched here.
 */
#ifndef KS_UPTRACK_PLAN_H
#define KS_UPTRACK_PLAN_H

#include "uptrack/applied.h"
#include "uptrack/index.h"

enum ks_step_kind {
	KS_STEP_INSTALL,
	KS_STEP_REMOVE,
};

struct ks_step {
	enum ks_step_kind kind;
	char *id, *name;
	char *because; /* why, where it was not asked for itself; or NULL */
	const struct ks_index_update *update; /* of the index; a removed one may be in none: NULL */
};

/* Removals come first. */
struct ks_plan {
	KS_VEC(struct ks_step) steps;
	bool all; /* an upgrade: what is applied already is to be remembered, too */
	struct ks_strv notes; /* what is left out, and why */
};

/* Everything that is available, and nothing that was withdrawn.  @limit: the effective
 * release to stop at, or NULL. */
struct ks_error *ks_plan_upgrade(const struct ks_index *index, const struct ks_applied *applied,
				 const char *limit, struct ks_plan *plan) KS_MUST_CHECK;
/* These, and what they depend on.  KS_E_USAGE: one is not there, or was withdrawn. */
struct ks_error *ks_plan_install(const struct ks_index *index, const struct ks_applied *applied,
				 const struct ks_strv *ids, struct ks_plan *plan) KS_MUST_CHECK;
/*
 * These, and what depends on them; @ids NULL: all.  @index may be NULL: then
 * only the kernel knows what depends on what.
 */
struct ks_error *ks_plan_remove(const struct ks_index *index, const struct ks_applied *applied,
				const struct ks_strv *ids, struct ks_plan *plan) KS_MUST_CHECK;
void ks_plan_clear(struct ks_plan *plan);

/* How many could be installed. */
size_t ks_plan_available(const struct ks_index *index, const struct ks_applied *applied);

/*
 * The kernel whose fixes the running one has: that of the last update before
 * which none is missing; NULL: the running one's own.
 */
const struct ks_index_update *ks_plan_effective(const struct ks_index *index,
						const struct ks_applied *applied);

#endif
