/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Applying and undoing an update: the order of module loads, writes to sysfs
 * and files in /run, and the way back from any failure.
 *
 * All or nothing: an apply that fails leaves no module, no record and no file
 * behind that was not there before.
 */
#ifndef KS_LIVE_APPLY_H
#define KS_LIVE_APPLY_H

#include "base/term.h"
#include "live/live.h"
#include "pack/archive.h"

#define KS_BUSY_TRIES 5

struct ks_live_options {
	struct ks_report *report;
	struct ks_buf *log; /* the update's debug log, also of a failure; may be NULL */
};

struct ks_live_result {
	int tries;       /* stops of the machine that were attempted */
	bool no_change;  /* it was applied already */
	bool pinned;     /* undo: the modules stay */
};

/*
 * An error with an abort code comes from the kernel; its message is complete,
 * with the tasks in the way for code_busy.
 */
struct ks_error *ks_live_apply(const struct ks_live *live, const struct ks_pack *pack,
			       const struct ks_live_options *opt, struct ks_live_result *result) KS_MUST_CHECK;
struct ks_error *ks_live_undo(const struct ks_live *live, const char *id,
			      const struct ks_live_options *opt, struct ks_live_result *result) KS_MUST_CHECK;

#endif
