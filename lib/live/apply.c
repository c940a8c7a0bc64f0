// SPDX-License-Identifier: GPL-2.0-only
/*
 * Applying an update; see apply.h.
 *
 * The ladder: is it the right kernel? lock, look what earlier runs left, keep
 * the files in /run, load the core, load the old module (its init matches the
 * kernel), load the new module (the kernel's loader links it), write "applied".
 * Only the last step changes what the kernel executes; a failure at any step
 * goes the ladder down again.
 */
#include "live/apply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/file.h"
#include "base/proc.h"
#include "live/module.h"
#include "live/run.h"
#include "live/stage.h"
#include "live/whole.h"

/* What an earlier run left of the update. */
enum remains {
	REMAINS_NOTHING,
	REMAINS_APPLIED,
	REMAINS_PINNED, /* reversed; its modules stay for ever and are the ones to use again */
};

static struct ks_error *check_kernel(const struct ks_live *live, const struct ks_manifest *m)
{
	const char *release = live->release;
	struct utsname u;

	if (uname(&u))
		return ks_error_errno(errno, "uname");
	if (!release)
		release = u.release;
	if (strcmp(release, m->release))
		return ks_error_set_abort(ks_error_new(KS_E_FAILED,
						       "update %s is for the kernel %s; this machine runs %s",
						       m->id, m->release, release),
					  "no_match");
	if (strcmp(u.machine, m->arch))
		return ks_error_set_abort(ks_error_new(KS_E_FAILED,
						       "update %s is for the architecture %s; this machine is %s",
						       m->id, m->arch, u.machine),
					  "no_match");
	return NULL;
}

static struct ks_error *check_core(const struct ks_live *live, const struct ks_manifest *m,
				   const struct ks_live_options *opt)
{
	struct ks_error *err = NULL;

	/* One of another version that nothing uses can go. */
	if (ks_live_core_loaded(live) && ks_live_core_abi(live) != m->core_abi)
		ks_stage_drop_core(live, opt);
	if (m->core_abi != KSPLICE_CORE_ABI)
		err = ks_error_new(KS_E_FAILED,
				   "update %s was made for version %d of the core; these tools know version %d: take the ksplice that made it",
				   m->id, m->core_abi, KSPLICE_CORE_ABI);
	else if (ks_live_core_loaded(live) && ks_live_core_abi(live) != m->core_abi)
		err = ks_error_new(KS_E_FAILED,
				   "the ksplice.ko that is loaded has version %d, update %s needs %d; undo all updates (ksplice-view lists them) and try again",
				   ks_live_core_abi(live), m->id, m->core_abi);
	return err ? ks_error_set_abort(err, "bad_update") : NULL;
}

/* Each target is left out, or is loaded with the fix. */
static bool nothing_to_splice(const struct ks_manifest *m, const struct ks_live_result *result)
{
	return result->left_out.len + result->fixed.len == m->targets.len;
}

static struct ks_error *check_targets(const struct ks_live *live, const struct ks_manifest *m,
				      bool partial, struct ks_live_result *result)
{
	struct ks_strv *left_out = &result->left_out;
	struct ks_error *err = NULL;

	for (size_t i = 0; !err && i < m->targets.len; i++) {
		const char *name = m->targets.v[i];

		if (!strcmp(name, "vmlinux"))
			continue;
		if (ks_whole_is_loaded(live, m, name)) {
			ks_strv_add(&result->fixed, name);
			continue;
		}
		if (ks_module_ready(live, name))
			continue;
		ks_strv_add(left_out, name);
		if (!partial)
			err = ks_error_new(KS_E_FAILED,
					   "update %s patches the module %s, which is not loaded; load it (modprobe %s) and try again, or apply the rest with --partial",
					   m->id, name, name);
	}
	if (!err && left_out->len && nothing_to_splice(m, result) && !ks_whole_has(m, left_out))
		err = ks_error_new(KS_E_FAILED, "none of the modules that update %s patches is loaded: %s%s",
				   m->id, left_out->v[0], left_out->len > 1 ? " and others" : "");
	return err ? ks_error_set_abort(err, "target_not_loaded") : NULL;
}

/* Modules that the new code calls into: any that is on the disk can be loaded. */
static struct ks_error *load_needs(const struct ks_live *live, const struct ks_manifest *m)
{
	struct ks_error *err = NULL;

	for (size_t i = 0; !err && i < m->needs.len; i++) {
		const char *name = m->needs.v[i];
		char *said = NULL;

		if (!ks_module_ready(live, name) && !live->probe(live, name, &said))
			err = ks_error_set_abort(
				ks_error_new(KS_E_FAILED,
					     "update %s calls into the module %s, which is not loaded and cannot be: %s",
					     m->id, name, said ? said : "modprobe failed"),
				"missing_export");
		free(said);
	}
	return err;
}

static struct ks_error *look(const struct ks_live *live, const struct ks_pack *pack,
			     enum remains *remains)
{
	const char *id = pack->manifest.id;
	struct ks_live_update *u;
	struct ks_error *err;

	*remains = REMAINS_NOTHING;
	if (!ks_live_known(live, id))
		return NULL;
	err = ks_live_read(live, id, &u);
	if (err)
		return err;
	if (!u->stage)
		err = ks_error_new(KS_E_FAILED, "the state of the update %s cannot be read; run this as root",
				   id);
	else if (!strcmp(u->stage, "applied"))
		*remains = REMAINS_APPLIED;
	else if (u->pinned && !strcmp(u->stage, "reversed"))
		*remains = REMAINS_PINNED;
	else
		err = ks_error_prefix(ks_stage_tidy(live, id),
				      "an earlier run left parts of the update %s", id);
	ks_live_update_free(u);
	if (!err && *remains != REMAINS_NOTHING && ks_run_differs(live, pack))
		err = ks_error_new(KS_E_REFUSED,
				   *remains == REMAINS_APPLIED ?
					   "another update with the id %s is applied; undo that one first, or make this one with another --id" :
					   "another update with the id %s was applied, and its modules stay until the next boot; make this one with another --id",
				   id);
	return err;
}

static struct ks_error *load_file(const struct ks_live *live, const struct ks_pack *pack,
				  const char *name, const char *params)
{
	char *path = ks_pack_file(pack, name);
	struct ks_error *err;

	err = ks_interrupted() ? ks_interrupted_error() : ks_module_load(live, path, params);
	free(path);
	return err;
}

/* "left_out=xfs,btrfs replaces=*", or "": the old module's parameters. */
static char *old_params(const struct ks_live_options *opt, const struct ks_live_result *result)
{
	const struct ks_strv *lists[] = { &result->left_out, &result->fixed };
	struct ks_buf text = { 0 };

	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < lists[k]->len; i++)
			ks_buf_addf(&text, "%s%s", text.len ? "," : "left_out=", lists[k]->v[i]);
	if (opt->replace)
		ks_buf_addf(&text, "%sreplaces=%s", text.len ? " " : "", opt->replace);
	return text.len ? ks_buf_steal(&text) : ks_strdup("");
}

static struct ks_error *load_modules(const struct ks_live *live, const struct ks_pack *pack,
				     const struct ks_live_options *opt,
				     const struct ks_live_result *result)
{
	const struct ks_manifest *m = &pack->manifest;
	char *params = old_params(opt, result);
	struct ks_error *err = NULL;

	if (!ks_live_core_loaded(live))
		err = load_file(live, pack, m->core_file, "");
	if (err) {
		free(params);
		return err;
	}
	ks_step(opt->report, "Matching the running kernel");
	err = load_file(live, pack, m->old_file, params);
	if (!err) {
		ks_step(opt->report, "Linking the new code");
		err = load_file(live, pack, m->new_file, "");
	}
	free(params);
	return err ? ks_stage_error(live, m->id, err) : NULL;
}

static struct ks_error *climb(const struct ks_live *live, const struct ks_pack *pack,
			      const struct ks_live_options *opt, enum remains remains,
			      struct ks_live_result *result)
{
	struct ks_error *err;

	err = ks_error_prefix(ks_run_keep(live, pack), "nothing was applied");
	if (!err && remains != REMAINS_PINNED)
		err = load_modules(live, pack, opt, result);
	if (!err)
		err = ks_whole_install(live, pack, &result->left_out, &result->on_disk);
	if (!err && ks_interrupted())
		err = ks_interrupted_error();
	if (!err) {
		ks_step(opt->report, "Applying");
		err = ks_stage_change(live, pack->manifest.id, "applied", opt, result);
	}
	return err;
}

/* Back to how it was before, and whether that went well into the error. */
static struct ks_error *descend(const struct ks_live *live, const char *id,
				const struct ks_live_options *opt, enum remains remains,
				struct ks_error *err)
{
	struct ks_error *more = ks_whole_remove(live, id, NULL, NULL);

	if (more)
		err = ks_stage_append(err, "\nBesides, a fixed module was put on the disk and cannot be removed: %s",
				      ks_error_message(more));
	ks_error_free(more);
	more = NULL;
	if (remains == REMAINS_PINNED) {
		ks_run_retire(live, id);
	} else {
		more = ks_stage_tidy(live, id);
		ks_run_drop(live, id);
		ks_stage_drop_core(live, opt);
	}
	if (more)
		err = ks_stage_append(err, "\nThe running code is unchanged, but %s; ksplice-undo %s tries again to clean up",
				      ks_error_message(more), id);
	else if (ks_error_code(err) == KS_E_INTERRUPTED)
		err = ks_stage_append(err, ": the update %s is not applied, the kernel is as it was", id);
	ks_error_free(more);
	return err;
}

/* The ids in @list, which are to be among those that are applied. */
static struct ks_error *take_ids(const char *id, const char *list, const struct ks_strv *applied,
				 struct ks_strv *replaced)
{
	char *copy = ks_strdup(list), *save = NULL;
	struct ks_error *err = NULL;

	for (char *p = strtok_r(copy, ",", &save); p && !err; p = strtok_r(NULL, ",", &save)) {
		if (ks_strv_has(applied, p))
			ks_strv_add(replaced, p);
		else
			err = ks_error_set_abort(ks_error_new(KS_E_FAILED,
							      "update %s cannot replace %s, which is not applied",
							      id, p),
						 "needed");
	}
	free(copy);
	return err;
}

/* Which updates will go when this one is applied. */
static struct ks_error *list_replaced(const struct ks_live *live, const char *id,
				      const struct ks_live_options *opt, struct ks_strv *replaced)
{
	struct ks_strv applied = { 0 };
	struct ks_error *err;

	if (!opt->replace)
		return NULL;
	err = ks_live_undo_order(live, &applied);
	if (!err && strcmp(opt->replace, "*"))
		err = take_ids(id, opt->replace, &applied, replaced);
	else
		for (size_t i = 0; !err && i < applied.len; i++)
			if (strcmp(applied.v[i], id))
				ks_strv_add(replaced, applied.v[i]);
	ks_strv_free(&applied);
	return err;
}

/* The kernel has done with them; what is left does no harm. */
static void remove_replaced(const struct ks_live *live, const struct ks_live_options *opt,
			    const struct ks_strv *replaced)
{
	for (size_t i = 0; i < replaced->len; i++) {
		struct ks_error *err = ks_undo_remains(live, replaced->v[i], opt);

		if (err)
			ks_note(opt->report, 0, "update %s is replaced, but: %s", replaced->v[i],
				ks_error_message(err));
		ks_error_free(err);
	}
}

static struct ks_error *apply(const struct ks_live *live, const struct ks_pack *pack,
			      const struct ks_live_options *opt, struct ks_live_result *result)
{
	const char *id = pack->manifest.id;
	enum remains remains;
	struct ks_error *err;

	err = check_core(live, &pack->manifest, opt);
	if (!err)
		err = look(live, pack, &remains);
	if (err)
		return err;
	if (remains == REMAINS_APPLIED) {
		result->no_change = true;
		return NULL;
	}
	err = check_targets(live, &pack->manifest, opt->partial, result);
	if (!err && nothing_to_splice(&pack->manifest, result)) {
		result->no_change = !result->left_out.len;
		/* Nothing in the kernel changes, now: the modules on the disk are all of it. */
		return ks_whole_install(live, pack, &result->left_out, &result->on_disk);
	}
	if (!err)
		err = load_needs(live, &pack->manifest);
	if (!err)
		err = list_replaced(live, id, opt, &result->replaced);
	if (!err && result->replaced.len && remains == REMAINS_PINNED)
		err = ks_error_new(KS_E_REFUSED,
				   "update %s was applied before and its modules stay until the next boot: it cannot replace others now; make it with another --id",
				   id);
	if (err)
		return err;
	err = climb(live, pack, opt, remains, result);
	ks_stage_take_log(live, id, opt);
	if (err)
		return descend(live, id, opt, remains, err);
	remove_replaced(live, opt, &result->replaced);
	return NULL;
}

void ks_live_result_clear(struct ks_live_result *result)
{
	ks_strv_free(&result->left_out);
	ks_strv_free(&result->fixed);
	ks_strv_free(&result->on_disk);
	ks_strv_free(&result->replaced);
}

struct ks_error *ks_live_apply(const struct ks_live *live, const struct ks_pack *pack,
			       const struct ks_live_options *options, struct ks_live_result *result)
{
	struct ks_live_options own = *options, *opt = &own;
	struct ks_error *err;
	int lock;

	if (!own.replace && pack->manifest.replace)
		own.replace = "*";
	if (own.replace && pack->manifest.series)
		return ks_error_new(KS_E_USAGE,
				    "update %s was made to build on those that are applied: it cannot replace any",
				    pack->manifest.id);

	memset(result, 0, sizeof(*result));
	result->pinned = pack->manifest.pinned;
	/* Needs neither root nor the lock, and leaves no trace on the wrong machine. */
	err = check_kernel(live, &pack->manifest);
	if (!err)
		err = ks_run_lock(live, opt->report, &lock);
	if (err)
		return err;
	err = apply(live, pack, opt, result);
	ks_run_unlock(lock);
	return err;
}
