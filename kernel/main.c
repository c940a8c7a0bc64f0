// SPDX-License-Identifier: GPL-2.0-only
/* ksplice.ko, the core: start, end, and what the modules of an update call. */
#define pr_fmt(fmt) "ksplice: " fmt

#include <linux/err.h>
#include <linux/init.h>
#include <linux/module.h>

#include "compat.h"
#include "update.h"

/*
 * The loader looks through all modules' exports at any time, this one's too:
 * the count comes last.
 */
static void publish(struct module *owner, const struct ksplice_old *old)
{
	owner->gpl_crcs = NULL;
	owner->gpl_syms = (const struct kernel_symbol *)old->exports;
	smp_wmb();
	WRITE_ONCE(owner->num_gpl_syms, old->nr_exports);
}

static int match(struct module *owner, const struct ksplice_old *old)
{
	struct ksplice_update *u = ksplice_update_get(old->id, old->description);
	int ret;

	if (IS_ERR(u))
		return PTR_ERR(u);
	ret = ksplice_find_all(u, old);
	if (ret) {
		ksplice_update_release(u);
		return ret;
	}
	u->old = owner;
	publish(owner, old);
	return 0;
}

int ksplice_old_init(struct module *owner, const struct ksplice_old *old)
{
	int ret;

	mutex_lock(&ksplice_registry_mutex);
	mutex_lock(&ksplice_mutex);
	ret = match(owner, old);
	mutex_unlock(&ksplice_mutex);
	mutex_unlock(&ksplice_registry_mutex);
	return ret;
}
EXPORT_SYMBOL_GPL(ksplice_old_init);

static struct ksplice_update *of_module(struct module *owner)
{
	struct ksplice_update *u;

	list_for_each_entry(u, &ksplice_updates, list)
		if (u->old == owner || u->new == owner)
			return u;
	return NULL;
}

void ksplice_old_exit(struct module *owner)
{
	struct ksplice_update *u;

	mutex_lock(&ksplice_mutex);
	u = of_module(owner);
	if (u) {
		u->old = NULL;
		ksplice_update_release(u);
	}
	mutex_unlock(&ksplice_mutex);
}
EXPORT_SYMBOL_GPL(ksplice_old_exit);

static int take_data(struct ksplice_update *u, struct module *owner, const struct ksplice_new *new)
{
	u32 i;

	if (new->nr_data != u->table_data)
		return ksplice_abort(u, KSPLICE_BAD_UPDATE, -EINVAL,
				     "its new code has %u objects, its match table %u",
				     new->nr_data, u->table_data);
	for (i = 0; i < u->nr_data; i++) {
		const struct ksplice_new_data *d = &new->data[u->data[i].index];

		if ((unsigned long)d->old + d->offset != u->data[i].addr ||
		    !ks_within_module(owner, d->content, u->data[i].size))
			return ksplice_abort(u, KSPLICE_BAD_UPDATE, -EINVAL,
					     "the new content of %s is not in its module",
					     u->data[i].name);
	}
	for (i = 0; i < u->nr_data; i++)
		u->data[i].content = new->data[u->data[i].index].content;
	return 0;
}

static int take_new(struct ksplice_update *u, struct module *owner, const struct ksplice_new *new)
{
	int ret;
	u32 i;

	if (new->abi != KSPLICE_CORE_ABI)
		return ksplice_abort(u, KSPLICE_BAD_UPDATE, -EINVAL,
				     "its new code was made for version %u of the core", new->abi);
	if (new->nr_patches != u->table_patches)
		return ksplice_abort(u, KSPLICE_BAD_UPDATE, -EINVAL,
				     "its new code has %u functions, its match table %u",
				     new->nr_patches, u->table_patches);
	for (i = 0; i < u->nr_patches; i++) {
		const struct ksplice_new_patch *p = &new->patches[u->patches[i].index];

		if ((unsigned long)p->old_function != u->patches[i].old_addr)
			return ksplice_abort(u, KSPLICE_BAD_UPDATE, -EINVAL,
					     "its new code replaces another function than %s",
					     u->patches[i].name);
		if (!ks_in_module_text(owner, p->new_function))
			return ksplice_abort(u, KSPLICE_BAD_UPDATE, -EINVAL,
					     "the replacement of %s is not in its module",
					     u->patches[i].name);
	}
	ret = take_data(u, owner, new);
	if (!ret)
		ret = ksplice_hooks_take(u, owner, new);
	if (!ret)
		ret = ksplice_shadows_take(u, owner, new);
	if (ret) {
		u->nr_hooks = 0;
		return ret;
	}
	for (i = 0; i < u->nr_patches; i++)
		u->patches[i].new_addr =
			(unsigned long)new->patches[u->patches[i].index].new_function;
	u->pinned = new->pinned;
	u->pinned_now = false;
	u->new = owner;
	return 0;
}

int ksplice_new_init(struct module *owner, const struct ksplice_new *new)
{
	struct ksplice_update *u;
	int ret;

	mutex_lock(&ksplice_mutex);
	u = ksplice_find(new->id);
	if (!u || !u->old)
		ret = -ENOENT;
	else if (u->new)
		ret = -EEXIST;
	else
		ret = take_new(u, owner, new);
	mutex_unlock(&ksplice_mutex);
	return ret;
}
EXPORT_SYMBOL_GPL(ksplice_new_init);

void ksplice_new_exit(struct module *owner)
{
	struct ksplice_update *u;

	mutex_lock(&ksplice_mutex);
	u = of_module(owner);
	if (u) {
		ksplice_shadows_drop(u);
		u->nr_hooks = 0;
		u->new = NULL;
	}
	mutex_unlock(&ksplice_mutex);
}
EXPORT_SYMBOL_GPL(ksplice_new_exit);

static int __init ksplice_init(void)
{
	int ret = ks_helpers_init();

	return ret ? ret : ksplice_sysfs_init();
}

static void __exit ksplice_exit(void)
{
	/* No update has modules any more: they hold a reference to this one. */
	ksplice_registry_exit();
	ksplice_sysfs_exit();
	ks_fault_exit();
}

module_init(ksplice_init);
module_exit(ksplice_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Ksplice: rebootless kernel updates");
