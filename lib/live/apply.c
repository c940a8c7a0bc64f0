// SPDX-License-Identifier: GPL-2.0-only
/* Applying and undoing; see apply.h. */
#include "live/apply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/file.h"
#include "base/proc.h"

#define CORE "ksplice"

static char *old_name(const char *id)
{
	return ks_asprintf("ksplice_%s_old", id);
}

static char *new_name(const char *id)
{
	return ks_asprintf("ksplice_%s_new", id);
}

/* Before anything is loaded: is this the kernel, and can the core be talked to? */
static struct ks_error *check_kernel(const struct ks_live *live, const struct ks_manifest *m)
{
	struct utsname u;
	const char *release = live->release;

	if (uname(&u))
		return ks_error_errno(errno, "uname");
	if (!release)
		release = u.release;
	if (strcmp(release, m->release))
		return ks_error_set_abort(ks_error_new(KS_E_FAILED,
						       "update %s is for the kernel %s; this machine runs %s", m->id,
						       m->release, release),
					  "no_match");
	if (*m->arch && strcmp(u.machine, m->arch))
		return ks_error_new(KS_E_FAILED, "update %s is for the architecture %s; this machine is %s", m->id,
				    m->arch, u.machine);
	if (m->core_abi != KSPLICE_CORE_ABI)
		return ks_error_set_abort(
			ks_error_new(KS_E_FAILED,
				     "update %s was made for version %d of the core; these tools know version %d",
				     m->id, m->core_abi, KSPLICE_CORE_ABI),
			"bad_update");
	if (ks_live_core_loaded(live) && ks_live_core_abi(live) != m->core_abi)
		return ks_error_set_abort(
			ks_error_new(KS_E_FAILED,
				     "the loaded ksplice.ko has version %d, update %s needs %d; undo all updates, run rmmod ksplice and try again",
				     ks_live_core_abi(live), m->id, m->core_abi),
			"bad_update");
	return NULL;
}

/* What the kernel says of the last attempt, as an error; @fallback where it says nothing. */
static struct ks_error *kernel_error(const struct ks_live *live, const char *id, struct ks_error *fallback)
{
	struct ks_live_update *u = NULL;
	struct ks_error *err = ks_live_read(live, id, &u);

	if (err || !u->abort_cause || !strcmp(u->abort_cause, "ok")) {
		ks_error_free(err);
		ks_live_update_free(u);
		return fallback;
	}
	err = ks_error_set_abort(ks_error_new(KS_E_ABORTED, "%s", u->error ? u->error : ""), u->abort_cause);
	if (!strcmp(u->abort_cause, "code_busy")) {
		struct ks_buf text = { 0 };

		ks_buf_addf(&text, "%s", u->error ? u->error : "");
		for (size_t i = 0; i < u->conflicts.len; i++)
			ks_buf_addf(&text, "\n  %s", u->conflicts.v[i]);
		ks_error_free(err);
		err = ks_error_set_abort(ks_error_new(KS_E_ABORTED, "%s", text.data), u->abort_cause);
		ks_buf_free(&text);
	}
	ks_error_free(fallback);
	ks_live_update_free(u);
	return err;
}

static bool is_busy(const struct ks_error *err)
{
	const char *code = err ? ks_error_abort_code(err) : NULL;

	return code && !strcmp(code, "code_busy");
}

/* The stage change itself, tried again while tasks are in the way. */
static struct ks_error *change_stage(const struct ks_live *live, const char *id, const char *stage,
				     const struct ks_live_options *opt, struct ks_live_result *result)
{
	struct ks_error *err = NULL;

	for (result->tries = 1;; result->tries++) {
		int ret = ks_live_set_stage(live, id, stage);

		if (!ret)
			return NULL;
		err = kernel_error(live, id, ks_error_errno(-ret, "update %s: %s", id, stage));
		if (!is_busy(err) || result->tries == KS_BUSY_TRIES)
			return err;
		if (ks_interrupted()) {
			ks_error_free(err);
			return ks_interrupted_error();
		}
		ks_note(opt->report, 0, "code_busy (try %d of %d, again in %d s): %s", result->tries, KS_BUSY_TRIES,
			result->tries, ks_error_message(err));
		ks_error_free(err);
		live->pause(live, result->tries);
	}
}

/* The core stays while any update is there, or if it was there before. */
static void drop_core(const struct ks_live *live, bool was_loaded)
{
	struct ks_strv ids = { 0 };
	struct ks_error *err;

	if (was_loaded || !ks_live_core_loaded(live))
		return;
	err = ks_live_list(live, &ids);
	if (!err && !ids.len)
		err = ks_live_unload(live, CORE);
	ks_error_free(err);
	ks_strv_free(&ids);
}

static struct ks_error *drop_modules(const struct ks_live *live, const char *id)
{
	char *new = new_name(id), *old = old_name(id);
	struct ks_error *err = NULL;

	if (ks_live_module_loaded(live, new))
		err = ks_live_unload(live, new);
	if (!err && ks_live_module_loaded(live, old))
		err = ks_live_unload(live, old);
	if (!err && ks_live_known(live, id)) {
		int ret = ks_live_set_stage(live, id, "forget");

		if (ret)
			err = ks_error_errno(-ret, "update %s: cannot be forgotten", id);
	}
	free(new);
	free(old);
	return err;
}

static char *run_dir(const struct ks_live *live, const char *id)
{
	return ks_asprintf("%s/updates/%s", live->run, id);
}

/* For ksplice-view, and for whoever finds the machine later: what was applied. */
static struct ks_error *keep_files(const struct ks_live *live, const struct ks_pack *pack)
{
	static const char *const names[] = { "manifest.json", "patch" };
	char *dir = run_dir(live, pack->manifest.id);
	char *path = ks_path_join(dir, "description");
	struct ks_error *err = ks_dir_make(dir);

	if (!err)
		err = ks_file_write(path, pack->manifest.description, strlen(pack->manifest.description), 0644);
	for (size_t i = 0; !err && i < sizeof(names) / sizeof(*names); i++) {
		char *from = ks_pack_file(pack, names[i]), *to = ks_path_join(dir, names[i]);

		if (ks_file_exists(from))
			err = ks_file_copy(from, to);
		free(from);
		free(to);
	}
	free(dir);
	free(path);
	return ks_error_prefix(err, "nothing was applied");
}

static void drop_files(const struct ks_live *live, const char *id)
{
	char *dir = run_dir(live, id);

	ks_error_free(ks_dir_remove(dir));
	free(dir);
}

/* Takes @name over. */
static struct ks_error *load_file(const struct ks_live *live, const struct ks_pack *pack, char *name)
{
	char *path = ks_pack_file(pack, name);
	struct ks_error *err = NULL;

	if (!ks_file_exists(path))
		err = ks_error_new(KS_E_INPUT, "the package has no %s; it is no complete update", name);
	else
		err = ks_live_load(live, path);
	free(name);
	free(path);
	return err;
}

static struct ks_error *load_and_apply(const struct ks_live *live, const struct ks_pack *pack,
				       const struct ks_live_options *opt, struct ks_live_result *result)
{
	const char *id = pack->manifest.id;
	struct ks_error *err;

	ks_step(opt->report, "Matching the running kernel");
	err = load_file(live, pack, ks_asprintf("ksplice_%s_old.ko", id));
	if (err)
		return kernel_error(live, id, err);
	ks_step(opt->report, "Linking the new code");
	err = load_file(live, pack, ks_asprintf("ksplice_%s_new.ko", id));
	if (err)
		return kernel_error(live, id, err);
	if (ks_interrupted())
		return ks_interrupted_error();
	ks_step(opt->report, "Applying");
	return change_stage(live, id, "applied", opt, result);
}

static void take_log(const struct ks_live *live, const char *id, const struct ks_live_options *opt)
{
	if (opt->log && ks_live_known(live, id))
		ks_error_free(ks_live_log(live, id, opt->log));
}

/* What an earlier run left: applied already, reversed with its modules still there, half prepared. */
static struct ks_error *check_state(const struct ks_live *live, const char *id, const struct ks_live_options *opt,
				    struct ks_live_result *result)
{
	struct ks_live_update *u;
	struct ks_error *err;

	if (!ks_live_known(live, id))
		return NULL;
	err = ks_live_read(live, id, &u);
	if (err)
		return err;
	if (!u->stage)
		err = ks_error_new(KS_E_FAILED, "update %s: its state cannot be read; run this as root", id);
	else if (!strcmp(u->stage, "applied"))
		result->no_change = true;
	else if (u->pinned && !strcmp(u->stage, "reversed"))
		err = change_stage(live, id, "applied", opt, result);
	else
		err = drop_modules(live, id);
	/* A pinned update that was reversed: its modules are the ones to use again. */
	if (!err && u->pinned && u->stage && !strcmp(u->stage, "reversed"))
		result->pinned = true;
	ks_live_update_free(u);
	return err;
}

struct ks_error *ks_live_apply(const struct ks_live *live, const struct ks_pack *pack,
			       const struct ks_live_options *opt, struct ks_live_result *result)
{
	const char *id = pack->manifest.id;
	struct ks_error *err = check_kernel(live, &pack->manifest), *undo;
	bool core_was_loaded = ks_live_core_loaded(live);
	int lock;

	memset(result, 0, sizeof(*result));
	if (!err)
		err = ks_live_lock(live, &lock);
	if (err)
		return err;
	err = check_state(live, id, opt, result);
	if (err || result->no_change)
		goto unlock;
	err = keep_files(live, pack);
	if (result->pinned)
		goto unlock;
	if (!err && !core_was_loaded)
		err = load_file(live, pack, ks_strdup("core/ksplice.ko"));
	if (!err)
		err = load_and_apply(live, pack, opt, result);
	take_log(live, id, opt);
	if (err) {
		undo = drop_modules(live, id);
		if (undo)
			ks_note(opt->report, 0, "while cleaning up: %s", ks_error_message(undo));
		ks_error_free(undo);
		drop_files(live, id);
		drop_core(live, core_was_loaded);
	}
unlock:
	ks_live_unlock(lock);
	return err;
}

static struct ks_error *undo(const struct ks_live *live, const char *id, const struct ks_live_options *opt,
			     struct ks_live_result *result)
{
	struct ks_live_update *u;
	struct ks_error *err = ks_live_read(live, id, &u);
	bool applied, reversed;

	if (err)
		return err;
	if (!u->stage) {
		ks_live_update_free(u);
		return ks_error_new(KS_E_FAILED, "update %s: its state cannot be read; run this as root", id);
	}
	applied = !strcmp(u->stage, "applied");
	reversed = !strcmp(u->stage, "reversed");
	result->pinned = u->pinned;
	ks_live_update_free(u);
	if (reversed && result->pinned)
		return ks_error_set_abort(ks_error_new(KS_E_FAILED, "update %s is reversed already", id),
					  "already_reversed");
	if (applied) {
		ks_step(opt->report, "Reversing");
		err = change_stage(live, id, "reversed", opt, result);
		take_log(live, id, opt);
		if (err)
			return err;
	}
	/* From here on the kernel is as it was; what is left to do is tidying up. */
	if (!(applied && result->pinned))
		err = ks_error_prefix(drop_modules(live, id), "update %s is reversed, but", id);
	drop_files(live, id);
	drop_core(live, false);
	return err;
}

struct ks_error *ks_live_undo(const struct ks_live *live, const char *id, const struct ks_live_options *opt,
			      struct ks_live_result *result)
{
	struct ks_error *err;
	int lock;

	memset(result, 0, sizeof(*result));
	if (!ks_id_valid(id))
		return ks_error_new(KS_E_USAGE, "\"%s\" is no update's id (1 to 32 characters of a-z0-9)", id);
	err = ks_live_lock(live, &lock);
	if (err)
		return err;
	err = undo(live, id, opt, result);
	ks_live_unlock(lock);
	return err;
}
