// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the package says of itself (lib/pack/manifest.h), from what the steps
 * before have found: the kernel, the units with their diffs, and the modules
 * that the new code needs.
 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "create/state.h"
#include "module/exports.h"

static void add_need(const struct ks_create *c, const struct ks_exports *exports,
		     const char *symbol, struct ks_manifest *m)
{
	const char *owner = ks_exports_owner(exports, symbol);

	if (!owner || !strcmp(owner, "vmlinux") || ks_strv_has(&m->targets, owner) ||
	    ks_strv_has(&m->needs, owner))
		return;
	ks_note(c->opt->report, 1, "the new code needs the module %s (%s)", owner, symbol);
	ks_strv_add(&m->needs, owner);
}

/* Code of vmlinux alone calls into no module. */
static bool only_vmlinux(const struct ks_manifest *m)
{
	return m->targets.len == 1 && !strcmp(m->targets.v[0], "vmlinux");
}

/* The modules that new code calls into, beside its targets. */
static struct ks_error *find_needs(const struct ks_create *c, struct ks_manifest *m)
{
	struct ks_exports *exports;
	struct ks_error *err;
	char *path;

	if (only_vmlinux(m))
		return NULL;
	path = ks_path_join(c->config_dir, "build/Module.symvers");
	err = ks_exports_read(path, &exports);
	free(path);
	if (err)
		return err;
	ks_vec_for(&c->work, w)
		ks_vec_for(&w->diff->included, it)
			ks_vec_for(&(*it)->refs, ref)
				if (!ref->atom)
					add_need(c, exports, ref->name, m);
	ks_exports_free(exports);
	return NULL;
}

static void add_names(struct ks_strv *to, const struct ks_strv *names)
{
	for (size_t i = 0; i < names->len; i++)
		ks_strv_add(to, names->v[i]);
}

static void add_unit(const struct ks_create_work *w, struct ks_manifest *m)
{
	const char *target = ks_create_target(w);
	struct ks_manifest_unit *u = ks_manifest_add_unit(m, w->built->source, target);

	if (!ks_strv_has(&m->targets, target))
		ks_strv_add(&m->targets, target);
	ks_vec_for(&w->diff->replaced, r)
		ks_strv_add(&u->replaced, r->post->name);
	add_names(&u->added, &w->diff->added);
	add_names(&u->removed, &w->diff->removed);
	ks_vec_for(&w->diff->data, x)
		ks_strv_add(&u->changed, x->post->name);
	for (size_t i = 0; i < w->diff->skipped.len; i++)
		ks_manifest_add_skipped(u, w->diff->skipped.v[i]);
}

struct ks_error *ks_create_fill_manifest(const struct ks_create *c, struct ks_manifest *m)
{
	ks_manifest_init(m, c->opt->id, c->opt->description);
	ks_manifest_set_kernel(m, c->kernel.release, c->kernel.version);
	ks_manifest_set_compiler(m, ks_build_compiler(c->build));
	m->pinned = c->escapes;
	m->series = c->opt->series;
	m->replace = c->opt->replace;
	ks_vec_for(&c->layouts.list, l)
		ks_strv_addf(l->kind == KS_LAYOUT_COMPATIBLE ? &m->extended : &m->layouts,
			     "%s (%s): %s", l->type, l->path, l->what);
	ks_vec_for(&c->work, w)
		if (ks_create_touched(w))
			add_unit(w, m);
	return find_needs(c, m);
}
