// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the change to a decision: applies it, has the units compiled as they
 * were and as they will be (lib/build), and compares their objects (lib/diff).
 * What is refused is collected over all units, so that one run gives all
 * reasons.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "create/state.h"
#include "diff/hooks.h"
#include "diff/room.h"

bool ks_create_touched(const struct ks_create_work *w)
{
	return w->diff->included.len != 0;
}

const char *ks_create_target(const struct ks_create_work *w)
{
	return w->built->modname ? w->built->modname : "vmlinux";
}

struct ks_error *ks_create_apply_change(struct ks_create *c)
{
	const struct ks_create_options *opt = c->opt;

	if (opt->diffext)
		return ks_build_apply_diffext(c->build, opt->diffext, NULL);
	if (opt->git)
		return ks_build_apply_git(c->build, opt->git, NULL);
	if (!ks_file_exists(opt->patch))
		return ks_error_errno(ENOENT, "%s", opt->patch);
	return ks_build_apply_patch(c->build, opt->patch, NULL);
}

struct ks_error *ks_create_build_objects(struct ks_create *c)
{
	struct ks_error *err = ks_build_units(c->build, &c->units);

	if (!err)
		err = ks_build_layouts(c->build, &c->units, &c->layouts);
	if (!err)
		ks_create_note_layouts(c);
	/* Before hundreds of units are examined. */
	if (!err)
		err = ks_create_check_layouts(c, KS_LAYOUT_CHANGED);
	if (!err)
		err = ks_build_examine(c->build, &c->units);
	if (!err && c->units.list.len)
		err = ks_build_compile(c->build, &c->units, KS_PRE);
	if (!err && c->units.list.len)
		err = ks_build_compile(c->build, &c->units, KS_POST);
	/* What could not be told because nothing compiles has another error by now. */
	if (!err && c->units.list.len)
		err = ks_create_check_layouts(c, KS_LAYOUT_UNKNOWN);
	return err;
}

static struct ks_error *open_unit(const char *name, const char *path, struct ks_unit **unit)
{
	struct ks_object *obj;
	struct ks_error *err = ks_object_open(path, &obj);

	return err ? err : ks_unit_build(name, obj, unit);
}

static struct ks_error *open_both(struct ks_create_work *w)
{
	struct ks_error *err = open_unit(w->built->source, w->built->pre_path, &w->pre);

	return err ? err : open_unit(w->built->source, w->built->post_path, &w->post);
}

/* Once more from the objects, with constants that have room to grow in their place. */
static struct ks_error *diff_with_room(struct ks_create *c, struct ks_create_work *w)
{
	struct ks_diff *first = w->diff;
	struct ks_unit *plain = NULL;
	struct ks_error *err;
	char *path = NULL;

	w->diff = NULL;
	ks_unit_free(w->pre);
	ks_unit_free(w->post);
	w->pre = w->post = NULL;
	ks_step(c->opt->report, "Looking for room behind %zu constant%s", first->growing.list.len,
		first->growing.list.len == 1 ? "" : "s");
	err = ks_build_compile_plain(c->build, w->built, &path);
	if (!err)
		err = open_unit(w->built->source, path, &plain);
	if (!err)
		err = open_both(w);
	if (!err)
		ks_room_make(w->pre, plain, &first->growing);
	if (!err)
		err = ks_diff_units(w->pre, w->post, &w->diff);
	ks_unit_free(plain);
	ks_diff_free(first);
	free(path);
	return err;
}

static struct ks_error *diff_unit(struct ks_create *c, struct ks_build_unit *built)
{
	struct ks_create_work *w = ks_vec_push(&c->work);
	struct ks_error *err;

	w->built = built;
	err = open_both(w);
	if (!err)
		err = ks_diff_units(w->pre, w->post, &w->diff);
	if (!err && w->diff->growing.list.len)
		err = diff_with_room(c, w);
	if (err)
		return err;
	for (size_t i = 0; i < w->diff->skipped.len; i++)
		ks_note(c->opt->report, 0, "%s: not in the update: %s", built->source,
			w->diff->skipped.v[i]);
	c->replaced += w->diff->replaced.len + w->diff->data.len + w->diff->hooks.len;
	c->escapes |= w->diff->escapes;
	return NULL;
}

/* A hook may reach into any unit. */
static void check_hooks(struct ks_create *c)
{
	struct ks_diff **diffs = ks_alloc((c->work.len + 1) * sizeof(*diffs));

	for (size_t i = 0; i < c->work.len; i++)
		diffs[i] = c->work.v[i].diff;
	ks_hooks_check(diffs, c->work.len);
	free(diffs);
}

struct ks_error *ks_create_refusal(const struct ks_strv *refused, const char *advice)
{
	struct ks_buf text = {0};
	struct ks_error *err;

	ks_buf_addf(&text, "the update cannot be made safely (%zu reason%s):", refused->len,
		    refused->len == 1 ? "" : "s");
	for (size_t i = 0; i < refused->len; i++)
		ks_buf_addf(&text, "\n  %s", refused->v[i]);
	err = ks_error_new(KS_E_REFUSED, "%s%s%s", text.data, *advice ? "\n" : "", advice);
	ks_buf_free(&text);
	return err;
}

struct ks_error *ks_create_diff_objects(struct ks_create *c)
{
	struct ks_strv refused = {0};
	struct ks_error *err = NULL;

	ks_step(c->opt->report, "Comparing objects");
	for (size_t i = 0; !err && i < c->units.list.len; i++) {
		struct ks_build_unit *u = &c->units.list.v[i];

		ks_progress(c->opt->report, i, c->units.list.len, "%s", u->source);
		err = diff_unit(c, u);
	}
	if (!err)
		check_hooks(c);
	ks_vec_for(&c->work, w)
		for (size_t i = 0; !err && i < w->diff->refused.len; i++)
			ks_strv_add(&refused, w->diff->refused.v[i]);
	if (!err && refused.len)
		err = ks_create_refusal(&refused, "");
	ks_strv_free(&refused);
	if (!err && !c->replaced)
		err = ks_error_new(KS_E_NO_CHANGES, "No changes detected");
	return err;
}
