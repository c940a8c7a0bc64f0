// SPDX-License-Identifier: GPL-2.0-only
/*
 * The last step of the pipeline: puts the files of the package into one
 * directory, with whole modules where they are wanted, and has them packed
 * (lib/pack).
 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"
#include "create/state.h"
#include "elf/note.h"
#include "module/update.h"
#include "pack/archive.h"

static struct ks_error *copy_into(const char *from, const char *dir, const char *name)
{
	char *to = ks_path_join(dir, name);
	struct ks_error *err = ks_file_copy(from, to);

	free(to);
	return err;
}

static struct ks_error *add_core(const struct ks_create *c, const char *dir)
{
	char *core_dir = ks_path_join(dir, "core"), *to = ks_path_join(core_dir, "ksplice.ko");
	struct ks_error *err = ks_dir_make(core_dir);

	if (!err)
		err = ks_file_copy(c->core->module, to);
	if (!err)
		err = ks_create_sign(c, to);
	free(to);
	free(core_dir);
	return err;
}

static struct ks_error *stripped_module(const struct ks_create *c, const char *module, const char *dir)
{
	char *name = ks_asprintf("%s.ko", module);
	char *from = ks_path_join(c->modules_dir, name), *to = ks_path_join(dir, name);
	const char *argv[] = {"objcopy", "--strip-debug", from, to, NULL};
	struct ks_error *err = ks_proc_output(argv, NULL);

	if (!err)
		err = ks_create_sign(c, to);

	free(name);
	free(from);
	free(to);
	return err;
}

/* The core, the update's modules, and what they were made from. */
static struct ks_error *add_files(const struct ks_create *c, const char *dir)
{
	char *table = ks_path_join(c->modules_dir, "table.bin");
	char *old = ks_update_old_name(c->opt->id), *new = ks_update_new_name(c->opt->id);
	struct ks_error *err = add_core(c, dir);

	if (!err)
		err = stripped_module(c, old, dir);
	if (!err)
		err = stripped_module(c, new, dir);
	if (!err)
		err = copy_into(ks_build_patch_file(c->build), dir, "patch");
	if (!err)
		err = copy_into(table, dir, "table.bin");
	free(table);
	free(old);
	free(new);
	return err;
}

static struct ks_error *add_whole_module(struct ks_create *c, const struct ks_build_unit *unit,
					 const char *dir, struct ks_manifest *m)
{
	const char *name = unit->modname;
	char *file = ks_asprintf("modules/%s.ko", name), *path = ks_path_join(dir, file);
	char *modfile, *id = NULL;
	struct ks_error *err;

	ks_step(c->opt->report, "Building the whole module %s", name);
	modfile = ks_build_find_modfile(c->build, unit);
	if (modfile)
		err = ks_build_whole_module(c->build, modfile, path);
	else
		err = ks_error_new(KS_E_FAILED,
				   "--build-modules: no makefile above %s lists the module %s",
				   unit->source, name);
	if (!err)
		err = ks_create_sign(c, path);
	if (!err)
		err = ks_file_build_id(path, &id);
	if (!err)
		ks_manifest_add_whole(m, name, file, id);
	free(modfile);
	free(id);
	free(file);
	free(path);
	return err;
}

static bool has_whole(const struct ks_manifest *m, const char *target)
{
	ks_vec_for(&m->whole, x)
		if (!strcmp(x->target, target))
			return true;
	return false;
}

/* Each module that is patched, whole. */
static struct ks_error *add_whole_modules(struct ks_create *c, const char *dir,
					  struct ks_manifest *m)
{
	char *modules = ks_path_join(dir, "modules");
	struct ks_error *err = ks_dir_make(modules);

	free(modules);
	ks_vec_for(&c->work, w) {
		if (err)
			break;
		if (w->built->modname && ks_create_touched(w) && !has_whole(m, ks_create_target(w)))
			err = add_whole_module(c, w->built, dir, m);
	}
	return err;
}

struct ks_error *ks_create_pack(struct ks_create *c, struct ks_create_result *result)
{
	char *dir = ks_path_join(c->work_dir, "pack");
	struct ks_manifest *m = &result->manifest;
	struct ks_error *err;

	ks_step(c->opt->report, "Packing");
	result->tarball = ks_asprintf("ksplice-%s.tar.gz", c->opt->id);
	err = ks_create_fill_manifest(c, m);
	if (!err)
		err = add_files(c, dir);
	if (!err && c->opt->build_modules && ks_table_targets(c->table) > 1)
		err = add_whole_modules(c, dir, m);
	if (!err)
		err = ks_pack_write(m, dir, result->tarball);
	free(dir);
	return err;
}
