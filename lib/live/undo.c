// SPDX-License-Identifier: GPL-2.0-only
/*
 * Undoing an update; see apply.h.  First the kernel executes the old code
 * again; then the modules, the record and the files go, as far as they may.
 * What is left of an apply or undo that was killed is cleaned up here, too.
 */
#include <stdlib.h>
#include <string.h>

#include "live/apply.h"
#include "live/run.h"
#include "live/stage.h"
#include "live/whole.h"

static struct ks_error *reverse(const struct ks_live *live, const char *id,
				const struct ks_live_options *opt, struct ks_live_result *result)
{
	struct ks_error *err;

	ks_step(opt->report, "Reversing");
	err = ks_stage_change(live, id, "reversed", opt, result);
	ks_stage_take_log(live, id, opt);
	if (err && ks_error_code(err) == KS_E_INTERRUPTED)
		err = ks_stage_append(err, ": the update %s is still applied", id);
	return err;
}

static struct ks_error *clean_up(const struct ks_live *live, const char *id,
				 const struct ks_live_options *opt)
{
	struct ks_error *err = ks_stage_tidy(live, id);

	ks_run_drop(live, id);
	ks_stage_drop_core(live, opt);
	if (err)
		err = ks_stage_append(ks_error_prefix(err, "the update %s is not applied any more, but", id),
				      "; run ksplice-undo %s again", id);
	return err;
}

static struct ks_error *undo(const struct ks_live *live, const char *id,
			     const struct ks_live_options *opt, struct ks_live_result *result)
{
	struct ks_live_update *u;
	struct ks_error *err = ks_live_read(live, id, &u);
	bool applied, reversed;

	if (err) {
		struct ks_error *more;

		/* An apply that was killed before the kernel knew of it. */
		ks_run_drop(live, id);
		/* One before the last boot, or one that had nothing else: its modules on the disk. */
		more = ks_whole_remove(live, id, &result->from_disk, &result->fixed);
		if (!result->from_disk)
			return err;
		ks_error_free(err);
		return more;
	}
	if (!u->stage) {
		ks_live_update_free(u);
		return ks_error_new(KS_E_FAILED, "the state of the update %s cannot be read; run this as root",
				    id);
	}
	applied = !strcmp(u->stage, "applied");
	reversed = !strcmp(u->stage, "reversed");
	/* Before it was ever applied, nothing can point into it. */
	result->pinned = u->pinned && (applied || reversed);
	ks_live_update_free(u);
	if (reversed && result->pinned)
		return ks_error_set_abort(ks_error_new(KS_E_FAILED, "the update %s is reversed already; its modules stay loaded until the next boot",
						       id),
					  "already_reversed");
	if (applied)
		err = reverse(live, id, opt, result);
	if (!err)
		err = ks_error_prefix(ks_whole_remove(live, id, &result->from_disk, &result->fixed),
				      "the update %s is not applied any more, but a fixed module of it may still be on the disk",
				      id);
	if (err)
		return err;
	if (result->pinned) {
		ks_run_retire(live, id);
		return NULL;
	}
	result->no_change = !applied;
	if (applied && opt->keep_modules) {
		ks_run_drop(live, id);
		return NULL;
	}
	return clean_up(live, id, opt);
}

struct ks_error *ks_undo_remains(const struct ks_live *live, const char *id,
				 const struct ks_live_options *opt)
{
	struct ks_live_result result = { 0 };
	struct ks_live_update *u;
	struct ks_error *err = ks_live_read(live, id, &u);
	bool pinned;

	if (err)
		return err;
	pinned = u->pinned;
	ks_live_update_free(u);
	err = ks_whole_remove(live, id, &result.from_disk, &result.fixed);
	ks_live_result_clear(&result);
	if (err)
		return err;
	if (!pinned)
		return clean_up(live, id, opt);
	ks_run_retire(live, id);
	return NULL;
}

struct ks_error *ks_live_undo(const struct ks_live *live, const char *id,
			      const struct ks_live_options *opt, struct ks_live_result *result)
{
	struct ks_error *err;
	int lock;

	memset(result, 0, sizeof(*result));
	if (!ks_id_valid(id))
		return ks_error_new(KS_E_USAGE, "\"%s\" is no update's id (1 to 32 characters of a-z0-9)",
				    id);
	err = ks_run_lock(live, opt->report, &lock);
	if (err)
		return err;
	err = undo(live, id, opt, result);
	ks_run_unlock(lock);
	return err;
}
