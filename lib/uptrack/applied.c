// SPDX-License-Identifier: GPL-2.0-only
/* The updates that the kernel has; see applied.h. */
#include "uptrack/applied.h"

#include <stdlib.h>
#include <string.h>

static void clear_update(struct ks_applied_update *u)
{
	free(u->id);
	free(u->description);
	ks_strv_free(&u->builds_on);
}

void ks_applied_clear(struct ks_applied *applied)
{
	ks_vec_for(applied, u)
		clear_update(u);
	ks_vec_free(applied);
}

const struct ks_applied_update *ks_applied_find(const struct ks_applied *applied, const char *id)
{
	ks_vec_for(applied, u)
		if (!strcmp(u->id, id))
			return u;
	return NULL;
}

static void take(const struct ks_live *live, const char *id, struct ks_applied *all)
{
	struct ks_live_update *u = NULL;

	/* One that went away meanwhile is none. */
	ks_error_free(ks_live_read(live, id, &u));
	if (u && ks_live_is_applied(live, u)) {
		struct ks_applied_update *to = ks_vec_push(all);

		to->id = ks_strdup(id);
		to->description = ks_strdup(u->description ? u->description : "");
		for (size_t i = 0; i < u->builds_on.len; i++)
			ks_strv_add(&to->builds_on, u->builds_on.v[i]);
	}
	ks_live_update_free(u);
}

/* Does it build on one of these? */
static bool is_above(const struct ks_applied_update *u, const struct ks_applied *all)
{
	ks_vec_for(all, it)
		if (ks_strv_has(&u->builds_on, it->id))
			return true;
	return false;
}

/* Moves the first that builds on none of the others; any, should they be in a circle. */
static void move_next(struct ks_applied *from, struct ks_applied *to)
{
	size_t i = 0;

	while (i < from->len && is_above(&from->v[i], from))
		i++;
	if (i == from->len)
		i = 0;
	*ks_vec_push(to) = from->v[i];
	memmove(from->v + i, from->v + i + 1, (--from->len - i) * sizeof(*from->v));
}

struct ks_error *ks_applied_read(const struct ks_live *live, struct ks_applied *applied)
{
	struct ks_applied all = { 0 };
	struct ks_strv ids = { 0 };
	struct ks_error *err = ks_live_list(live, &ids);

	for (size_t i = 0; !err && i < ids.len; i++)
		take(live, ids.v[i], &all);
	while (all.len)
		move_next(&all, applied);
	ks_vec_free(&all);
	ks_strv_free(&ids);
	return err;
}
