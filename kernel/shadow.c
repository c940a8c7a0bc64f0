// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shadow fields: data that updates attach to objects of the kernel, through
 * the kernel's own klp_shadow_*().
 *
 * That keeps them by object and a number.  The number here is the address of
 * a record, which nobody else can have; records are by name, so that updates
 * with fields of the same name share them.  A record lives as long as a module
 * that has its number; its fields, as long as one of those updates is applied
 * (or about to be: from its pre_apply hooks on).  Protected by ksplice_mutex.
 */
#include <linux/slab.h>
#include <linux/string.h>

#include "compat.h"
#include "update.h"

#define MAX_TEXT 256u

struct ksplice_shadow_record {
	struct list_head list;
	char *name, *types;
	unsigned long size;
	u32 modules; /* that have the number */
	u32 holders; /* updates that are applied */
};

static LIST_HEAD(records);

/* A string in the module's core, not too long. */
static bool is_text(const struct module *owner, const char *s)
{
	u32 i;

	for (i = 0; i < MAX_TEXT; i++) {
		if (!within_module_core((unsigned long)s + i, owner))
			return false;
		if (!s[i])
			return i;
	}
	return false;
}

static struct ksplice_shadow_record *find(const char *name)
{
	struct ksplice_shadow_record *r;

	list_for_each_entry(r, &records, list)
		if (!strcmp(r->name, name))
			return r;
	return NULL;
}

static void put(struct ksplice_shadow_record *r)
{
	if (--r->modules)
		return;
	list_del(&r->list);
	/* Of code that was called once more after the undo. */
	ks_shadow_free_all((unsigned long)r);
	kfree(r->name);
	kfree(r->types);
	kfree(r);
}

static struct ksplice_shadow_record *get(const struct ksplice_shadow *shadow)
{
	struct ksplice_shadow_record *r = find(shadow->name);

	if (!r) {
		r = kzalloc(sizeof(*r), GFP_KERNEL);
		if (!r)
			return ERR_PTR(-ENOMEM);
		list_add(&r->list, &records);
		r->size = shadow->size;
		r->name = kstrdup(shadow->name, GFP_KERNEL);
		r->types = kstrdup(shadow->types, GFP_KERNEL);
	}
	r->modules++;
	if (!r->name || !r->types) {
		put(r);
		return ERR_PTR(-ENOMEM);
	}
	if (r->size != shadow->size || strcmp(r->types, shadow->types)) {
		put(r);
		return ERR_PTR(-EEXIST);
	}
	return r;
}

static int take(struct ksplice_update *u, struct module *owner, struct ksplice_shadow *shadow)
{
	struct ksplice_shadow_record *r;

	if (!ks_module_writable(owner, shadow, sizeof(*shadow)) || !is_text(owner, shadow->name) ||
	    !is_text(owner, shadow->types))
		return ksplice_abort(u, KSPLICE_BAD_UPDATE, -EINVAL,
				     "shadow field %u is not in its module", u->nr_shadows);
	r = get(shadow);
	if (r == ERR_PTR(-EEXIST))
		return ksplice_abort(u, KSPLICE_BAD_UPDATE, -EEXIST,
				     "another update has a shadow field %s of other types",
				     shadow->name);
	if (IS_ERR(r))
		return ksplice_abort(u, KSPLICE_OUT_OF_MEMORY, -ENOMEM, "no memory for the update");
	shadow->id = (unsigned long)r;
	u->shadows[u->nr_shadows++] = r;
	return 0;
}

int ksplice_shadows_take(struct ksplice_update *u, struct module *owner,
			 const struct ksplice_new *new)
{
	int ret = 0;
	u32 i;

	if (!new->nr_shadows)
		return 0;
	if (!ks_have_shadows)
		return ksplice_abort(u, KSPLICE_MISSING_EXPORT, -ENOENT,
				     "it has shadow fields, for which a kernel needs "
				     "CONFIG_LIVEPATCH");
	if (!ks_within_module(owner, new->shadows, (u64)new->nr_shadows * sizeof(*new->shadows)))
		return ksplice_abort(u, KSPLICE_BAD_UPDATE, -EINVAL,
				     "its list of shadow fields is not in its module");
	u->shadows = kcalloc(new->nr_shadows, sizeof(*u->shadows), GFP_KERNEL);
	if (!u->shadows)
		return ksplice_abort(u, KSPLICE_OUT_OF_MEMORY, -ENOMEM, "no memory for the update");
	for (i = 0; i < new->nr_shadows && !ret; i++)
		ret = take(u, owner, new->shadows[i]);
	if (ret)
		ksplice_shadows_drop(u);
	return ret;
}

void ksplice_shadows_drop(struct ksplice_update *u)
{
	while (u->nr_shadows)
		put(u->shadows[--u->nr_shadows]);
	kfree(u->shadows);
	u->shadows = NULL;
}

void ksplice_shadows_hold(struct ksplice_update *u)
{
	u32 i;

	for (i = 0; i < u->nr_shadows; i++)
		u->shadows[i]->holders++;
}

void ksplice_shadows_release(struct ksplice_update *u)
{
	u32 i;

	for (i = 0; i < u->nr_shadows; i++)
		if (!--u->shadows[i]->holders)
			ks_shadow_free_all((unsigned long)u->shadows[i]);
}
