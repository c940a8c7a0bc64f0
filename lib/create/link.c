// SPDX-License-Identifier: GPL-2.0-only
/*
 * Would the patched kernel link?  Only a few objects are compiled, so nobody
 * else asks: a patch that calls a function which it leaves to another patch
 * would come as far as the running kernel, and be refused there.
 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "create/state.h"
#include "module/exports.h"
#include "table/newobj.h"

/* The table, which numbers the targets, is not made yet; here it matters only whether. */
#define NO_TARGET UINT32_MAX

/* Made by the compiler, the loader or macros: these are never what a patch forgot. */
static bool is_reserved(const char *name)
{
	return name[0] == '_' && (name[1] == '_' || name[1] == 'G');
}

static bool is_known(const struct ks_create *c, const struct ks_exports *exports,
		     const struct ks_new_globals *globals, const char *name)
{
	return is_reserved(name) || ks_strv_has(&globals->names, name) ||
	       ks_sysmap_has(c->map, name) || ks_exports_owner(exports, name) ||
	       ks_new_globals_opened(globals, NO_TARGET, name);
}

/* Macros may have made it of parts; if the original object refers to it, it is there. */
static bool was_known(const struct ks_unit *pre, const char *name)
{
	ks_vec_for(&pre->obj->symbols, sym)
		if (!strcmp(sym->name, name))
			return true;
	return false;
}

/* Names in the unit's new code that no list has, each once. */
static void find_unknown(const struct ks_create *c, const struct ks_exports *exports,
			 const struct ks_new_globals *globals, const struct ks_create_work *w,
			 struct ks_strv *names)
{
	/* What earlier updates have added is on no list; the match will have to find it. */
	if (c->opt->series)
		return;
	ks_vec_for(&w->diff->included, it)
		ks_vec_for(&(*it)->refs, ref)
			if (!ref->atom && !ks_strv_has(names, ref->name) &&
			    !is_known(c, exports, globals, ref->name) &&
			    !was_known(w->pre, ref->name))
				ks_strv_add(names, ref->name);
}

/* What is missing in one unit, as a line each.  The kernel's own symbols are all in System.map. */
static struct ks_error *check_unit(const struct ks_create *c, const struct ks_exports *exports,
				   const struct ks_new_globals *globals,
				   const struct ks_create_work *w, struct ks_buf *missing)
{
	struct ks_strv names = {0};
	struct ks_error *err = NULL;

	find_unknown(c, exports, globals, w, &names);
	if (w->built->modname)
		err = ks_build_unmentioned(c->build, w->built, &names);
	for (size_t i = 0; i < names.len && !err; i++)
		ks_buf_addf(missing, "\n%s: undefined reference to '%s'", w->built->source,
			    names.v[i]);
	ks_strv_free(&names);
	return err;
}

struct ks_error *ks_create_check_link(const struct ks_create *c)
{
	struct ks_new_globals globals = {0};
	struct ks_exports *exports;
	struct ks_buf missing = {0};
	struct ks_error *err;
	char *path = ks_path_join(c->config_dir, "build/Module.symvers");

	err = ks_exports_read(path, &exports);
	free(path);
	if (err)
		return err;
	ks_vec_for(&c->work, w)
		if (ks_create_touched(w))
			ks_new_globals_add(&globals, w->target, w->diff);
	ks_vec_for(&c->work, w)
		if (!err)
			err = check_unit(c, exports, &globals, w, &missing);
	if (!err && missing.len)
		err = ks_error_new(
			KS_E_FAILED,
			"the patched source does not link: neither the kernel nor the "
			"patch has what new code refers to; does it need another patch?%s",
			missing.data);
	ks_exports_free(exports);
	ks_new_globals_free(&globals);
	ks_buf_free(&missing);
	return err;
}
