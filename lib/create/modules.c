// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the decision to the update's two kernel modules: the match table and
 * the new code (lib/table), the glue around them (lib/module), and the core
 * that they are built against.
 */
#include <stdlib.h>

#include "base/file.h"
#include "create/state.h"

static void add_hooks(struct ks_create *c, const struct ks_create_work *w)
{
	ks_vec_for(&w->diff->hooks, hook)
		*ks_vec_push(&c->hooks) = (struct ks_update_hook){ hook->kind, w->target };
	c->nr_shadows += w->diff->shadows.len;
}

static struct ks_error *add_units(struct ks_create *c, struct ks_new_globals *globals)
{
	ks_vec_for(&c->work, w) {
		struct ks_error *err;

		if (!ks_create_touched(w))
			continue;
		w->first = (struct ks_new_first){ ks_table_patches(c->table), ks_table_data(c->table),
						  c->hooks.len, c->nr_shadows };
		w->target = ks_table_target(c->table, ks_create_target(w));
		err = ks_table_add_unit(c->table, w->target, w->diff);
		if (err)
			return err;
		ks_new_globals_add(globals, w->target, w->diff);
		add_hooks(c, w);
	}
	return NULL;
}

static struct ks_error *write_objects(struct ks_create *c, const struct ks_new_globals *globals)
{
	size_t n = 0;

	ks_vec_for(&c->work, w) {
		struct ks_error *err;
		char *name, *path;

		if (!ks_create_touched(w))
			continue;
		name = ks_asprintf("unit%zu.o_shipped", n++);
		path = ks_path_join(c->modules_dir, name);
		err = ks_newobj_write(c->table, w->target, w->diff, globals, c->opt->id,
				      &w->first, path);
		free(name);
		free(path);
		if (err)
			return err;
	}
	return NULL;
}

/* New code of one unit may refer to that of another: all are known before the first is written. */
struct ks_error *ks_create_write_update(struct ks_create *c)
{
	struct ks_new_globals globals = {0};
	struct ks_error *err;

	ks_step(c->opt->report, "Writing match table and new code");
	c->table = ks_table_new(c->opt->id, c->map);
	err = add_units(c, &globals);
	if (!err)
		err = write_objects(c, &globals);
	ks_new_globals_free(&globals);
	return err;
}

static size_t touched_units(const struct ks_create *c)
{
	size_t n = 0;

	ks_vec_for(&c->work, w)
		n += ks_create_touched(w);
	return n;
}

struct ks_error *ks_create_build_modules(struct ks_create *c)
{
	struct ks_update_source src = {
		.id = c->opt->id,
		.description = c->opt->description,
		.table = c->table,
		.nr_units = touched_units(c),
		.pinned = c->escapes,
		.series = c->opt->series,
		.modules = ks_table_targets(c->table) > 1,
		.hooks = c->hooks.v,
		.nr_hooks = c->hooks.len,
		.nr_shadows = c->nr_shadows,
	};
	struct ks_error *err;

	err = ks_core_build(c->build, c->config_dir, c->opt->report, &c->core);
	if (err)
		return err;
	src.include_dir = c->core->include_dir;
	src.core_symvers = c->core->symvers;
	ks_step(c->opt->report, "Building the update's modules");
	err = ks_update_write_source(&src, c->modules_dir);
	if (!err)
		err = ks_build_module(c->build, c->modules_dir, "imports.symvers");
	return err;
}
