// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a change of the source to a package: create() is the pipeline in a
 * page, a step a line; state.h says which file has which step.
 */
#include "create/create.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "create/state.h"

/* From here on there are files outside the build's cache; cleanup() removes them. */
static struct ks_error *make_work_dir(struct ks_create *c)
{
	struct ks_error *err = ks_dir_temp("ksplice-create", &c->work_dir);

	if (err)
		return err;
	c->modules_dir = ks_path_join(c->work_dir, "modules");
	return ks_dir_make(c->modules_dir);
}

static struct ks_error *create(struct ks_create *c, struct ks_create_result *result)
{
	struct ks_error *err;

	err = ks_create_open_tree(c);
	if (!err)
		err = ks_create_prepare_signing(c);
	if (!err)
		err = ks_create_apply_change(c);
	if (!err)
		err = ks_create_build_objects(c);
	if (!err)
		err = ks_create_diff_objects(c);
	if (!err)
		err = ks_create_check_link(c);
	if (!err)
		err = make_work_dir(c);
	if (!err)
		err = ks_create_write_update(c);
	if (!err)
		err = ks_create_build_modules(c);
	if (!err)
		err = ks_create_pack(c, result);
	return err;
}

static struct ks_error *prebuild(struct ks_create *c)
{
	struct ks_error *err = ks_create_open_tree(c);

	if (err)
		return err;
	if (ks_build_has_git(c->build))
		err = ks_build_remember_commit(c->build);
	if (err)
		ks_note(c->opt->report, 0, "%s (this matters for --git only)",
			ks_error_message(err));
	ks_error_free(err);
	return ks_build_prepare(c->build);
}

static void cleanup(struct ks_create *c)
{
	ks_core_build_free(c->core);
	ks_vec_for(&c->work, w) {
		ks_diff_free(w->diff);
		ks_unit_free(w->pre);
		ks_unit_free(w->post);
	}
	ks_vec_free(&c->work);
	ks_vec_free(&c->hooks);
	ks_build_layouts_free(&c->layouts);
	ks_table_free(c->table);
	ks_sysmap_free(c->map);
	ks_build_units_free(&c->units);
	ks_build_close(c->build);
	ks_kernel_info_free(&c->kernel);
	free(c->config_dir);
	free(c->sign_file);
	free(c->sign_hash);
	if (c->work_dir)
		ks_error_free(ks_dir_remove(c->work_dir));
	free(c->work_dir);
	free(c->modules_dir);
}

struct ks_error *ks_create_update(const struct ks_create_options *opt,
				  struct ks_create_result *result)
{
	struct ks_create c = {.opt = opt};
	struct ks_error *err;

	memset(result, 0, sizeof(*result));
	err = create(&c, result);
	if (err)
		ks_create_result_clear(result);
	cleanup(&c);
	return err;
}

void ks_create_result_clear(struct ks_create_result *result)
{
	free(result->tarball);
	ks_manifest_clear(&result->manifest);
	memset(result, 0, sizeof(*result));
}

struct ks_error *ks_create_prebuild(const struct ks_create_options *opt)
{
	struct ks_create c = {.opt = opt};
	struct ks_error *err = prebuild(&c);

	cleanup(&c);
	return err;
}
