// SPDX-License-Identifier: GPL-2.0-only
/* Stage changes; see stage.h. */
#include "live/stage.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/proc.h"
#include "live/module.h"

#define CORE "ksplice"
#define MAX_PAUSE 10 /* seconds */

char *ks_old_module(const char *id)
{
	return ks_asprintf("ksplice_%s_old", id);
}

char *ks_new_module(const char *id)
{
	return ks_asprintf("ksplice_%s_new", id);
}

struct ks_error *ks_stage_append(struct ks_error *err, const char *fmt, ...)
{
	struct ks_error *longer;
	char *text;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (!text)
		return err;
	longer = ks_error_new(ks_error_code(err), "%s%s", ks_error_message(err), text);
	if (ks_error_abort_code(err))
		ks_error_set_abort(longer, ks_error_abort_code(err));
	ks_error_free(err);
	free(text);
	return longer;
}

/*
 * A line of conflicts, "COMM PID FUNCTION+0xOFFSET", for people.  The name of
 * the command may have blanks: what follows it is found from the end.
 */
static void add_conflict(struct ks_buf *text, const char *line)
{
	char *copy = ks_strdup(line), *where = strrchr(copy, ' '), *pid = NULL;

	if (where) {
		*where++ = 0;
		pid = strrchr(copy, ' ');
	}
	if (pid)
		*pid++ = 0;
	if (!pid)
		ks_buf_addf(text, "\n  %s", line);
	else if (!strcmp(where, "unknown"))
		ks_buf_addf(text, "\n  %s (pid %s): its stack cannot be read reliably", copy, pid);
	else
		ks_buf_addf(text, "\n  %s (pid %s) is in %s", copy, pid, where);
	free(copy);
}

struct ks_error *ks_stage_error(const struct ks_live *live, const char *id,
				struct ks_error *fallback)
{
	struct ks_live_update *u = NULL;
	struct ks_error *err = ks_live_read(live, id, &u);
	struct ks_buf text = { 0 };

	if (err || !u->abort_cause || !strcmp(u->abort_cause, "ok")) {
		ks_error_free(err);
		ks_live_update_free(u);
		return fallback;
	}
	/* The kernel's line names one task; the list has all, as far as the core counts them. */
	if (u->conflicts.len > 1) {
		ks_buf_adds(&text, "tasks are in the way:");
		for (size_t i = 0; i < u->conflicts.len; i++)
			add_conflict(&text, u->conflicts.v[i]);
	} else {
		ks_buf_adds(&text, u->error && *u->error ? u->error : ks_error_message(fallback));
	}
	err = ks_error_set_abort(ks_error_new(KS_E_ABORTED, "%s", text.data), u->abort_cause);
	ks_buf_free(&text);
	ks_error_free(fallback);
	ks_live_update_free(u);
	return err;
}

static bool is_busy(const struct ks_error *err)
{
	const char *code = ks_error_abort_code(err);

	return code && !strcmp(code, "code_busy");
}

/* The pause before the next try, in seconds; 0: there is none. */
static unsigned int next_pause(const struct ks_live_options *opt, int tries, unsigned int waited)
{
	unsigned int pause = tries < MAX_PAUSE ? tries : MAX_PAUSE;

	if (!opt->wait)
		return tries < KS_BUSY_TRIES ? pause : 0;
	return pause < opt->wait - waited ? pause : opt->wait - waited;
}

struct ks_error *ks_stage_change(const struct ks_live *live, const char *id, const char *stage,
				 const struct ks_live_options *opt, struct ks_live_result *result)
{
	unsigned int waited = 0, pause;

	for (result->tries = 1;; result->tries++) {
		int ret = ks_live_set_stage(live, id, stage);
		struct ks_error *err;

		if (!ret)
			return NULL;
		err = ks_stage_error(live, id, ks_error_errno(-ret, "update %s: the kernel did not take \"%s\"",
							      id, stage));
		pause = is_busy(err) ? next_pause(opt, result->tries, waited) : 0;
		if (!pause)
			return err;
		if (opt->wait)
			ks_note(opt->report, 0, "code_busy (try %d, the next in %u s): %s", result->tries,
				pause, ks_error_message(err));
		else
			ks_note(opt->report, 0, "code_busy (try %d of %d, the next in %u s): %s",
				result->tries, KS_BUSY_TRIES, pause, ks_error_message(err));
		ks_error_free(err);
		waited += pause;
		if (!ks_interrupted())
			live->pause(live, pause);
		if (ks_interrupted())
			return ks_interrupted_error();
	}
}

struct ks_error *ks_stage_tidy(const struct ks_live *live, const char *id)
{
	char *new = ks_new_module(id), *old = ks_old_module(id);
	struct ks_error *err = NULL;
	int ret;

	if (ks_module_loaded(live, new))
		err = ks_module_unload(live, new);
	if (!err && ks_module_loaded(live, old))
		err = ks_module_unload(live, old);
	free(new);
	free(old);
	if (err || !ks_live_known(live, id))
		return err;
	ret = ks_live_set_stage(live, id, "forget");
	return ret ? ks_error_errno(-ret, "the core does not forget the update %s", id) : NULL;
}

void ks_stage_drop_core(const struct ks_live *live, const struct ks_live_options *opt)
{
	struct ks_strv ids = { 0 };
	struct ks_error *err;

	if (!ks_live_core_loaded(live))
		return;
	err = ks_live_list(live, &ids);
	if (!err && !ids.len)
		err = ks_module_unload(live, CORE);
	/* It does no harm there, and the next command takes it away. */
	if (err)
		ks_note(opt->report, 1, "the core stays loaded: %s", ks_error_message(err));
	ks_error_free(err);
	ks_strv_free(&ids);
}

void ks_stage_take_log(const struct ks_live *live, const char *id,
		       const struct ks_live_options *opt)
{
	if (opt->log && ks_live_known(live, id))
		ks_error_free(ks_live_log(live, id, opt->log));
}
