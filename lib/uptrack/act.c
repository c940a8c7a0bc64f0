// SPDX-License-Identifier: GPL-2.0-only
/* Doing what was planned; see act.h.  The last room of the client. */
#include "uptrack/act.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"
#include "live/apply.h"
#include "live/module.h"
#include "uptrack/boot.h"
#include "uptrack/cache.h"
#include "uptrack/log.h"
#include "uptrack/source.h"

void ks_outcome_clear(struct ks_outcome *o)
{
	ks_strv_free(&o->done);
	ks_strv_free(&o->left);
	ks_strv_free(&o->notes);
	free(o->failed);
	o->failed = NULL;
}

/* The lines of a result that people should see. */
static void take_names(struct ks_outcome *o, const char *id, const char *what,
		       const struct ks_strv *names)
{
	for (size_t i = 0; i < names->len; i++)
		ks_strv_addf(&o->notes, "%s: the module %s %s", id, names->v[i], what);
}

/*
 * A module that an update is for and that is not loaded: the whole fixed one, if
 * the update has it, will be loaded when it is; else it is loaded now, for one
 * that is loaded later would not be fixed.
 */
static bool wants_partial(const struct ks_client *c, const struct ks_manifest *m,
			  struct ks_outcome *o)
{
	const struct ks_live *live = c->up->live;
	bool partial = false;

	for (size_t i = 0; i < m->targets.len; i++) {
		const char *name = m->targets.v[i];
		char *said = NULL;
		bool whole = false;

		if (!strcmp(name, "vmlinux") || ks_module_ready(live, name))
			continue;
		ks_vec_for(&m->whole, w)
			whole |= !strcmp(w->target, name);
		partial |= whole;
		if (!whole && live->probe(live, name, &said))
			ks_strv_addf(&o->notes, "%s: the module %s was loaded, to be fixed", m->id, name);
		free(said);
	}
	return partial;
}

static struct ks_error *apply_pack(struct ks_client *c, const struct ks_pack *pack,
				   struct ks_outcome *o)
{
	struct ks_live_options how = { .report = c->opt.report, .wait = c->opt.wait };
	struct ks_live_result result = { 0 };
	struct ks_error *err;

	how.partial = wants_partial(c, &pack->manifest, o);
	err = ks_live_apply(c->up->live, pack, &how, &result);
	if (!err) {
		const char *id = pack->manifest.id;

		take_names(o, id, "is not loaded; what will be loaded is fixed", &result.on_disk);
		take_names(o, id, "is loaded as fixed already", &result.fixed);
	}
	ks_live_result_clear(&result);
	return err;
}

static struct ks_error *install(struct ks_client *c, const struct ks_index_update *u,
				struct ks_outcome *o)
{
	struct ks_tarball t = ks_source_tarball(u);
	struct ks_pack *pack = NULL;
	char *file = NULL;
	struct ks_error *err = ks_cache_find(c->up, &t, &file);

	if (!err)
		err = ks_pack_open(file, &pack);
	if (!err)
		err = ks_index_check_pack(c->index, u, &pack->manifest);
	if (!err)
		err = apply_pack(c, pack, o);
	ks_pack_close(pack);
	ks_source_tarball_clear(&t);
	free(file);
	return err;
}

static struct ks_error *take_away(struct ks_client *c, const char *id, struct ks_outcome *o)
{
	struct ks_live_options how = { .report = c->opt.report, .wait = c->opt.wait,
				       .keep_modules = c->config.no_rmmod };
	struct ks_live_result result = { 0 };
	struct ks_error *err = ks_live_undo(c->up->live, id, &how, &result);

	if (!err && result.pinned)
		ks_strv_addf(&o->notes, "%s: its modules stay loaded until the next boot", id);
	if (!err)
		take_names(o, id, "is still loaded, and fixed until it is unloaded", &result.fixed);
	ks_live_result_clear(&result);
	return err;
}

/* Both ends of a step: what the machine is at, and what it has come to. */
static struct ks_error *begin(struct ks_client *c, const struct ks_step *s)
{
	char *what = ks_asprintf("%s [%s] %s", s->kind == KS_STEP_INSTALL ? "install" : "remove",
				 s->id, s->name);
	char *boot = ks_boot_id(c->up);
	struct ks_error *err;

	ks_state_set(&c->state->pending, what);
	ks_state_set(&c->state->pending_boot, boot);
	/* Not to be applied again, should the machine go down while it is taken away. */
	if (s->kind == KS_STEP_REMOVE)
		ks_state_drop(ks_client_kernel(c), s->id);
	err = ks_error_prefix(ks_state_save(c->state), "nothing was done");
	free(what);
	free(boot);
	return err;
}

static struct ks_error *end(struct ks_client *c)
{
	ks_state_set(&c->state->pending, NULL);
	ks_state_set(&c->state->pending_boot, NULL);
	return ks_state_save(c->state);
}

static struct ks_error *take_install(struct ks_client *c, const struct ks_step *s,
				     struct ks_outcome *o, struct ks_error **end_err)
{
	struct ks_error *err = begin(c, s);

	if (err)
		return err;
	err = install(c, s->update, o);
	if (!err)
		ks_state_add(ks_client_kernel(c), s->id, s->name, s->update->sha256,
			     s->update->size);
	*end_err = end(c);
	return err;
}

static struct ks_error *take_remove(struct ks_client *c, const struct ks_step *s,
				    struct ks_outcome *o, struct ks_error **end_err)
{
	const struct ks_state_update *there = ks_state_installed(ks_client_kernel(c), s->id);
	struct ks_state_update was = { 0 };
	struct ks_error *err;

	if (there) {
		was = *there;
		was.name = ks_strdup(there->name);
	}
	err = begin(c, s);
	if (!err)
		err = take_away(c, s->id, o);
	if (err && there)
		ks_state_add(ks_client_kernel(c), s->id, was.name, was.sha256, was.size);
	*end_err = end(c);
	free(was.name);
	return err;
}

static struct ks_error *take_step(struct ks_client *c, const struct ks_step *s,
				  struct ks_outcome *o)
{
	bool installing = s->kind == KS_STEP_INSTALL;
	struct ks_error *err, *end_err = NULL;

	if (ks_interrupted())
		return ks_interrupted_error();
	ks_step(c->opt.report, "%s [%s] %s", installing ? "Installing" : "Removing", s->id,
		s->name);
	err = installing ? take_install(c, s, o, &end_err) : take_remove(c, s, o, &end_err);
	if (err)
		ks_uptrack_log(c->up, "Failed to %s [%s] %s: %s", installing ? "install" : "remove",
			       s->id, s->name, ks_error_message(err));
	else
		ks_uptrack_log(c->up, "%s [%s] %s.", installing ? "Installed" : "Removed", s->id,
			       s->name);
	if (!err)
		return ks_error_prefix(end_err, "this is done, but what is to be applied at the next boot cannot be written");
	ks_error_free(end_err);
	return err;
}

static struct ks_error *fetch_one(struct ks_client *c, const struct ks_index_update *u)
{
	struct ks_tarball t = ks_source_tarball(u);
	struct ks_error *err = ks_interrupted() ? ks_interrupted_error() : ks_client_fetch(c);

	if (!err)
		err = ks_cache_get(c->up, &t, c->fetch, c->opt.report);
	ks_source_tarball_clear(&t);
	return err;
}

/*
 * Applied, and not to be applied again at boot: by hand, or by a command that was
 * killed before it could write that down.
 */
static bool is_forgotten(const struct ks_client *c, const struct ks_index_update *u)
{
	return !u->withdrawn && ks_applied_find(&c->applied, u->id) &&
	       !ks_state_installed(ks_client_kernel(c), u->id);
}

/* All tarballs, before anything changes: a network that fails, or a full disk, changes nothing. */
static struct ks_error *fetch_all(struct ks_client *c, const struct ks_plan *plan)
{
	struct ks_error *err = NULL;

	ks_vec_for(&plan->steps, s)
		if (!err && s->kind == KS_STEP_INSTALL)
			err = fetch_one(c, s->update);
	if (plan->all)
		ks_vec_for(&c->index->updates, u)
			if (!err && is_forgotten(c, u))
				err = fetch_one(c, u);
	return err;
}

static struct ks_error *remember_forgotten(struct ks_client *c, struct ks_outcome *o)
{
	bool any = false;

	ks_vec_for(&c->index->updates, u) {
		if (!is_forgotten(c, u))
			continue;
		ks_state_add(ks_client_kernel(c), u->id, u->name, u->sha256, u->size);
		ks_strv_addf(&o->notes, "%s was applied already; from now on it is at boot, too", u->id);
		any = true;
	}
	return any ? ks_state_save(c->state) : NULL;
}

static struct ks_error *run(struct ks_client *c, const struct ks_plan *plan, struct ks_outcome *o)
{
	struct ks_error *err = NULL;

	ks_vec_for(&plan->steps, s) {
		if (err) {
			ks_strv_add(&o->left, s->id);
			continue;
		}
		err = take_step(c, s, o);
		if (!err) {
			ks_strv_add(&o->done, s->id);
		} else {
			o->failed = ks_strdup(s->id);
			err = ks_error_prefix(err, "[%s] %s", s->id, s->name);
		}
	}
	return err;
}

static struct ks_error *look_again(struct ks_client *c, struct ks_error *err)
{
	struct ks_error *more;

	ks_applied_clear(&c->applied);
	more = ks_applied_read(c->up->live, &c->applied);
	if (!err)
		return more;
	ks_error_free(more);
	return err;
}

struct ks_error *ks_act(struct ks_client *c, const struct ks_plan *plan, struct ks_outcome *o)
{
	struct ks_error *err;

	memset(o, 0, sizeof(*o));
	err = ks_error_prefix(fetch_all(c, plan), "nothing was changed");
	if (err)
		return err;
	err = look_again(c, run(c, plan, o));
	if (!err && plan->all)
		err = remember_forgotten(c, o);
	/* Somebody has decided, and it went well. */
	if (!err && c->state->held) {
		ks_state_set(&c->state->held, NULL);
		err = ks_state_save(c->state);
	}
	return err;
}

/* What is installed and may be applied, as a plan: in the order of the index, as ever. */
static void plan_boot(struct ks_client *c, struct ks_plan *plan, struct ks_outcome *o)
{
	const struct ks_state_kernel *k = ks_client_kernel(c);

	ks_vec_for(&k->installed, it) {
		const struct ks_index_update *u = ks_index_find(c->index, it->id);

		if (!u || u->withdrawn)
			ks_strv_addf(&o->notes, "%s is not applied again: it %s", it->id,
				     u ? "was withdrawn" : "is not in the index any more");
	}
	ks_vec_for(&c->index->updates, u) {
		struct ks_step *s;

		if (u->withdrawn || !ks_state_installed(k, u->id) ||
		    ks_applied_find(&c->applied, u->id))
			continue;
		s = ks_vec_push(&plan->steps);
		s->kind = KS_STEP_INSTALL;
		s->id = ks_strdup(u->id);
		s->name = ks_strdup(u->name);
		s->update = u;
	}
}

static struct ks_error *run_guarded(struct ks_client *c, const struct ks_plan *plan,
				    struct ks_outcome *o)
{
	struct ks_error *err = ks_error_prefix(ks_boot_mark(c->up), "nothing was applied");

	if (err)
		return err;
	err = look_again(c, run(c, plan, o));
	/* Where nothing was applied, nothing can take the machine down. */
	if (!o->done.len) {
		struct ks_error *more = ks_boot_unmark(c->up);

		if (err)
			ks_error_free(more);
		else
			err = more;
	}
	return err;
}

struct ks_error *ks_act_boot(struct ks_client *c, struct ks_outcome *o)
{
	struct ks_plan plan = { 0 };
	struct ks_error *err = NULL;

	memset(o, 0, sizeof(*o));
	if (!ks_client_kernel(c)->installed.len)
		return NULL;
	if (c->state->held)
		return ks_error_new(KS_E_REFUSED,
				    "the installed updates are not applied: %s; uptrack-upgrade applies them, and then they are again at boot",
				    c->state->held);
	if (!c->index)
		return ks_error_new(KS_E_FAILED,
				    "the installed updates are not applied: their index is not in %s any more; run uptrack-upgrade",
				    c->up->cache);
	plan_boot(c, &plan, o);
	if (plan.steps.len)
		err = run_guarded(c, &plan, o);
	ks_plan_clear(&plan);
	return err;
}
