// SPDX-License-Identifier: GPL-2.0-only
/*
 * Plans; see plan.h.  Between the index and the work (act.h).
 *
 * An index lists its updates in the order of application, each behind those it
 * depends on (ks_index_parse() sees to that), so to install is to go
 * through it once.  To remove, the kernel has a say as well: an update that was
 * made on top of others builds on them, whatever the index says.
 */
#include "uptrack/plan.h"

#include <stdlib.h>
#include <string.h>

static const struct ks_index_update *find(const struct ks_index *index, const char *id)
{
	return index ? ks_index_find(index, id) : NULL;
}

static bool is_planned(const struct ks_plan *plan, enum ks_step_kind kind, const char *id)
{
	ks_vec_for(&plan->steps, s)
		if (s->kind == kind && !strcmp(s->id, id))
			return true;
	return false;
}

static void add_step(struct ks_plan *plan, enum ks_step_kind kind, const char *id, const char *name,
		     const struct ks_index_update *update, const char *because)
{
	struct ks_step *s = ks_vec_push(&plan->steps);

	s->kind = kind;
	s->id = ks_strdup(id);
	s->name = ks_strdup(name);
	s->update = update;
	s->because = because ? ks_strdup(because) : NULL;
}

void ks_plan_clear(struct ks_plan *plan)
{
	ks_vec_for(&plan->steps, s) {
		free(s->id);
		free(s->name);
		free(s->because);
	}
	ks_vec_free(&plan->steps);
	ks_strv_free(&plan->notes);
	plan->all = false;
}

/* Removing. */

/* What of the machine goes: the ids, and for each why. */
struct going {
	const struct ks_index *index;
	const struct ks_applied *applied;
	struct ks_strv ids, because;
};

static void go(struct going *g, const char *id, const char *because)
{
	if (ks_strv_has(&g->ids, id))
		return;
	ks_strv_add(&g->ids, id);
	ks_strv_add(&g->because, because);
}

static bool depends(const struct going *g, const struct ks_applied_update *u, const char *on)
{
	const struct ks_index_update *of_index = find(g->index, u->id);

	return ks_strv_has(&u->builds_on, on) || (of_index && ks_strv_has(&of_index->depends, on));
}

/* Until nothing that stays depends on what goes. */
static void take_dependents(struct going *g)
{
	for (size_t i = 0; i < g->ids.len; i++) {
		ks_vec_for(g->applied, u) {
			char *because = ks_asprintf("it depends on %s", g->ids.v[i]);

			if (depends(g, u, g->ids.v[i]))
				go(g, u->id, because);
			free(because);
		}
	}
}

static bool is_needed(const struct going *g, const struct ks_plan *plan, const char *id)
{
	ks_vec_for(g->applied, u)
		if (ks_strv_has(&g->ids, u->id) && !is_planned(plan, KS_STEP_REMOVE, u->id) &&
		    depends(g, u, id))
			return true;
	return false;
}

/* The place in the order of application: that of the index, then all else. */
static size_t place(const struct going *g, const char *id)
{
	const struct ks_index_update *u = find(g->index, id);

	return u ? (size_t)(u - g->index->updates.v) : SIZE_MAX;
}

/* The last applied first, and none before those that depend on it. */
static const struct ks_applied_update *next_to_go(const struct going *g, const struct ks_plan *plan)
{
	const struct ks_applied_update *next = NULL;

	ks_vec_for(g->applied, u)
		if (ks_strv_has(&g->ids, u->id) && !is_planned(plan, KS_STEP_REMOVE, u->id) &&
		    !is_needed(g, plan, u->id) && (!next || place(g, u->id) >= place(g, next->id)))
			next = u;
	return next;
}

static void plan_going(struct going *g, struct ks_plan *plan)
{
	const struct ks_applied_update *u;

	take_dependents(g);
	while ((u = next_to_go(g, plan))) {
		const struct ks_index_update *of_index = find(g->index, u->id);
		const char *because = "";

		for (size_t i = 0; i < g->ids.len; i++)
			if (!strcmp(g->ids.v[i], u->id))
				because = g->because.v[i];
		add_step(plan, KS_STEP_REMOVE, u->id, of_index ? of_index->name : u->description,
			 of_index, *because ? because : NULL);
	}
	ks_strv_free(&g->ids);
	ks_strv_free(&g->because);
}

struct ks_error *ks_plan_remove(const struct ks_index *index, const struct ks_applied *applied,
				const struct ks_strv *ids, struct ks_plan *plan)
{
	struct going g = { .index = index, .applied = applied };

	if (!ids)
		ks_vec_for(applied, u)
			go(&g, u->id, "");
	for (size_t i = 0; ids && i < ids->len; i++) {
		if (!ks_applied_find(applied, ids->v[i])) {
			ks_strv_free(&g.ids);
			ks_strv_free(&g.because);
			return ks_error_new(KS_E_USAGE,
					    "the update %s is not installed; uptrack-show lists those that are",
					    ids->v[i]);
		}
		go(&g, ids->v[i], "");
	}
	plan_going(&g, plan);
	return NULL;
}

/* Installing. */

static bool stays(const struct ks_applied *applied, const struct ks_plan *plan, const char *id)
{
	return ks_applied_find(applied, id) && !is_planned(plan, KS_STEP_REMOVE, id);
}

/* The first that it depends on and that is neither there nor planned, or NULL. */
static const char *lacks(const struct ks_index_update *u, const struct ks_applied *applied,
			 const struct ks_plan *plan)
{
	for (size_t i = 0; i < u->depends.len; i++)
		if (!stays(applied, plan, u->depends.v[i]) &&
		    !is_planned(plan, KS_STEP_INSTALL, u->depends.v[i]))
			return u->depends.v[i];
	return NULL;
}

/* The number of updates up to the last that leads to @limit; 0: none does. */
static size_t count_up_to(const struct ks_index *index, const char *limit)
{
	size_t n = 0;

	if (!limit)
		return index->updates.len;
	ks_vec_for(&index->updates, u)
		if (!strcmp(u->release, limit))
			n = u - index->updates.v + 1;
	return n;
}

struct ks_error *ks_plan_upgrade(const struct ks_index *index, const struct ks_applied *applied,
				 const char *limit, struct ks_plan *plan)
{
	struct going g = { .index = index, .applied = applied };
	size_t n = count_up_to(index, limit);

	plan->all = true;
	ks_vec_for(&index->updates, u) {
		char *because = u->withdrawn ? ks_asprintf("withdrawn: %s", u->withdrawn) : NULL;

		if (because && ks_applied_find(applied, u->id))
			go(&g, u->id, because);
		free(because);
	}
	plan_going(&g, plan);
	if (limit && !n && strcmp(limit, index->release))
		ks_strv_addf(&plan->notes, "No update leads to %s (effective_version in uptrack.conf): nothing is installed.",
			     limit);
	for (size_t i = 0; i < n; i++) {
		const struct ks_index_update *u = &index->updates.v[i];
		const char *lack = lacks(u, applied, plan);

		if (u->withdrawn || stays(applied, plan, u->id))
			continue;
		if (lack)
			ks_strv_addf(&plan->notes, "%s is left out: it depends on %s, which was withdrawn.", u->id,
				     lack);
		else
			add_step(plan, KS_STEP_INSTALL, u->id, u->name, u, NULL);
	}
	return NULL;
}

/* Into @wanted, with all that they depend on; @because has the reasons. */
static struct ks_error *want(const struct ks_index *index, const struct ks_applied *applied,
			     const struct ks_strv *ids, struct ks_strv *wanted,
			     struct ks_strv *because)
{
	for (size_t i = 0; i < ids->len; i++) {
		if (!ks_strv_has(wanted, ids->v[i])) {
			ks_strv_add(wanted, ids->v[i]);
			ks_strv_add(because, "");
		}
	}
	for (size_t i = 0; i < wanted->len; i++) {
		const struct ks_index_update *u = find(index, wanted->v[i]);

		/* Whatever became of it in the repository. */
		if (ks_applied_find(applied, wanted->v[i]))
			continue;
		if (!u)
			return ks_error_new(KS_E_USAGE,
					    "the repository has no update %s for this kernel; uptrack-show --available lists those that it has",
					    wanted->v[i]);
		if (u->withdrawn)
			return ks_error_new(KS_E_USAGE, "the update %s was withdrawn: %s", u->id,
					    u->withdrawn);
		for (size_t k = 0; k < u->depends.len; k++) {
			if (ks_strv_has(wanted, u->depends.v[k]))
				continue;
			ks_strv_add(wanted, u->depends.v[k]);
			ks_strv_addf(because, "%s depends on it", u->id);
		}
	}
	return NULL;
}

struct ks_error *ks_plan_install(const struct ks_index *index, const struct ks_applied *applied,
				 const struct ks_strv *ids, struct ks_plan *plan)
{
	struct ks_strv wanted = { 0 }, because = { 0 };
	struct ks_error *err = want(index, applied, ids, &wanted, &because);

	ks_vec_for(&index->updates, u) {
		if (err || ks_applied_find(applied, u->id))
			continue;
		for (size_t i = 0; i < wanted.len; i++)
			if (!strcmp(wanted.v[i], u->id))
				add_step(plan, KS_STEP_INSTALL, u->id, u->name, u,
					 *because.v[i] ? because.v[i] : NULL);
	}
	ks_strv_free(&wanted);
	ks_strv_free(&because);
	return err;
}

/* Looking. */

size_t ks_plan_available(const struct ks_index *index, const struct ks_applied *applied)
{
	size_t n = 0;

	ks_vec_for(&index->updates, u)
		n += !u->withdrawn && !ks_applied_find(applied, u->id);
	return n;
}

const struct ks_index_update *ks_plan_effective(const struct ks_index *index,
						const struct ks_applied *applied)
{
	const struct ks_index_update *last = NULL;

	ks_vec_for(&index->updates, u) {
		if (u->withdrawn)
			continue;
		if (!ks_applied_find(applied, u->id))
			break;
		last = u;
	}
	return last;
}
