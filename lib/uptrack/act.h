/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a plan to the kernel, through lib/live: the same that ksplice-apply and
 * ksplice-undo do.
 *
 * Everything is fetched and checked before the first step.  Around each step
 * the state says what is pending, so that after a power cut, or a crash, it is
 * known what the machine was at.  The first step that fails is the last.
 */
#ifndef KS_UPTRACK_ACT_H
#define KS_UPTRACK_ACT_H

#include "uptrack/client.h"

struct ks_outcome {
	struct ks_strv done; /* ids, in order */
	char *failed;	     /* the id of the step that failed, or NULL */
	struct ks_strv left; /* ids of the steps behind it */
	struct ks_strv notes; /* what else is to be known, for people */
};

/* *outcome is filled in after errors, too.  ks_outcome_clear() */
struct ks_error *ks_act(struct ks_client *c, const struct ks_plan *plan,
			struct ks_outcome *outcome) KS_MUST_CHECK;

/*
 * At boot: applies what is installed, from the cache, without a network, in the
 * order in which it was installed; the boot's guard (boot.h) is around it.
 * Nothing to do is no error.  KS_E_REFUSED: held.
 */
struct ks_error *ks_act_boot(struct ks_client *c, struct ks_outcome *outcome) KS_MUST_CHECK;

void ks_outcome_clear(struct ks_outcome *outcome);

#endif
