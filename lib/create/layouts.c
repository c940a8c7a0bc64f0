// SPDX-License-Identifier: GPL-2.0-only
/*
 * Types that the patch lays out differently (lib/build/layouts.c): what becomes
 * of the update.
 *
 * Objects that exist when the update is applied have the old layout, and new
 * code would look for their members at wrong places.  Whether any exist cannot
 * be told from here.  So it is refused, unless the author says of the type that
 * there are none.
 */
#include <string.h>

#include "create/state.h"

static bool is_accepted(const struct ks_create *c, const char *type)
{
	const struct ks_strv *accepted = c->opt->accept_layouts;

	return accepted && (ks_strv_has(accepted, "all") || ks_strv_has(accepted, type));
}

struct ks_error *ks_create_check_layouts(const struct ks_create *c, enum ks_layout_kind kind)
{
	struct ks_strv reasons = { 0 };
	struct ks_buf advice = { 0 };
	struct ks_error *err = NULL;

	ks_buf_adds(&advice,
		    "Objects that exist when the update is applied have the old layout, and new code would look\n"
		    "for their members at wrong places. Leave the type as it is, and keep what is new beside it\n"
		    "(in a shadow field, see docs/hooks.md). If no object of the type\n"
		    "outlives that moment, as when they are on the stacks of replaced functions only, say so:\n"
		    "ksplice-create");
	ks_vec_for(&c->layouts.list, l) {
		if (l->kind != kind || is_accepted(c, l->type))
			continue;
		ks_strv_addf(&reasons, "%s (%s): %s", l->type, l->path, l->what);
		ks_buf_addf(&advice, " --accept-layout='%s'", l->type);
	}
	if (reasons.len)
		err = ks_create_refusal(&reasons, advice.data);
	ks_strv_free(&reasons);
	ks_buf_free(&advice);
	return err;
}

void ks_create_note_layouts(const struct ks_create *c)
{
	const struct ks_strv *accepted = c->opt->accept_layouts;

	for (size_t i = 0; accepted && i < accepted->len; i++) {
		bool found = !strcmp(accepted->v[i], "all");

		ks_vec_for(&c->layouts.list, l)
			found |= l->kind != KS_LAYOUT_COMPATIBLE && !strcmp(l->type, accepted->v[i]);
		if (!found)
			ks_note(c->opt->report, 0,
				"warning: --accept-layout='%s': the patch does not change the layout of such a type",
				accepted->v[i]);
	}
}
