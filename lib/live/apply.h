/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Applying (apply.c) and undoing (undo.c) an update, the last steps of the
 * pipeline: the order of module loads, writes to sysfs and files in /run, and
 * the way back from any failure.
 *
 * All or nothing: an apply that fails leaves no module, no record and no file
 * behind that was not there before; where even that fails, the error says so.
 */
#ifndef KS_LIVE_APPLY_H
#define KS_LIVE_APPLY_H

#include "base/term.h"
#include "live/live.h"
#include "pack/archive.h"

#define KS_BUSY_TRIES 5

struct ks_live_options {
	struct ks_report *report; /* may be NULL */
	const char *replace; /* apply: ids with commas between, or "*"; NULL: as the package says */
	/*
	 * While tasks are in the way: seconds to go on trying, with pauses of up to 10;
	 * 0: KS_BUSY_TRIES times.
	 */
	unsigned int wait;
	bool keep_modules; /* undo: its modules stay loaded, for no other reason */
	bool partial; /* apply: leave out targets that are not loaded */
	struct ks_buf *log; /* the update's debug log, also of a failure; may be NULL */
};

struct ks_live_result {
	int tries;      /* attempts to change the stage */
	bool no_change; /* apply: applied already; undo: not applied, its remains were removed */
	/* apply: targets that are not patched; ks_live_result_clear() */
	struct ks_strv left_out; /* ... for they are not loaded */
	struct ks_strv fixed;    /* ... for what is loaded is the fixed module; undo: it still is */
	struct ks_strv on_disk;  /* those of left_out whose fixed module was put on the disk */
	struct ks_strv replaced; /* apply: updates that are gone */
	bool from_disk; /* undo: fixed modules were taken off the disk */
	bool pinned;    /* its modules stay loaded after an undo */
};

void ks_live_result_clear(struct ks_live_result *result);

/*
 * An error with an abort code comes from the kernel, or is what the kernel
 * would have said; its message is complete, with the tasks in the way for
 * code_busy.  *result is filled in after errors, too.
 */
struct ks_error *ks_live_apply(const struct ks_live *live, const struct ks_pack *pack,
			       const struct ks_live_options *opt,
			       struct ks_live_result *result) KS_MUST_CHECK;
struct ks_error *ks_live_undo(const struct ks_live *live, const char *id,
			      const struct ks_live_options *opt,
			      struct ks_live_result *result) KS_MUST_CHECK;

/* For apply.c: takes away what is left of an update that the kernel has reversed, with the lock held. */
struct ks_error *ks_undo_remains(const struct ks_live *live, const char *id,
				 const struct ks_live_options *opt) KS_MUST_CHECK;

#endif
