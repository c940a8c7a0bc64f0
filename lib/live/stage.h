/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What apply and undo have in common: the change of an update's stage with its
 * retries, what the kernel says of a failure, and taking modules away.
 */
#ifndef KS_LIVE_STAGE_H
#define KS_LIVE_STAGE_H

#include "live/apply.h"

char *ks_old_module(const char *id);
char *ks_new_module(const char *id);

/*
 * What the kernel says of the last attempt, complete for people, with its
 * abort code; @fallback where it says nothing.  Takes @fallback over.
 */
struct ks_error *ks_stage_error(const struct ks_live *live, const char *id,
				struct ks_error *fallback);

/* Writes @stage; while tasks are in the way, again, KS_BUSY_TRIES times in all. */
struct ks_error *ks_stage_change(const struct ks_live *live, const char *id, const char *stage,
				 const struct ks_live_options *opt,
				 struct ks_live_result *result) KS_MUST_CHECK;

/* Unloads the update's modules, the new one first, and has the core forget it. */
struct ks_error *ks_stage_tidy(const struct ks_live *live, const char *id) KS_MUST_CHECK;

/* Unloads the core where no update is left. */
void ks_stage_drop_core(const struct ks_live *live, const struct ks_live_options *opt);

/* The log as it is now, into @opt's. */
void ks_stage_take_log(const struct ks_live *live, const char *id,
		       const struct ks_live_options *opt);

/* @err's message continued by " (@fmt)" or so: same code, same abort code. */
struct ks_error *ks_stage_append(struct ks_error *err, const char *fmt, ...) KS_PRINTF(2, 3);

#endif
