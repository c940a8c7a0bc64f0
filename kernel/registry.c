// SPDX-License-Identifier: GPL-2.0-only
/* The updates that the core knows, by id. */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "update.h"

DEFINE_MUTEX(ksplice_mutex);
LIST_HEAD(ksplice_updates);

struct ksplice_update *ksplice_find(const char *id)
{
	struct ksplice_update *u;

	list_for_each_entry(u, &ksplice_updates, list)
		if (!strcmp(u->id, id))
			return u;
	return NULL;
}

static bool valid_id(const char *id)
{
	size_t len = strnlen(id, KSPLICE_ID_MAX + 1);

	return len && len <= KSPLICE_ID_MAX &&
	       strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789") == len;
}

struct ksplice_update *ksplice_update_create(const char *id, const char *description)
{
	struct ksplice_update *u;
	int ret;

	if (!valid_id(id))
		return ERR_PTR(-EINVAL);
	u = kzalloc(sizeof(*u), GFP_KERNEL);
	if (!u)
		return ERR_PTR(-ENOMEM);
	strscpy(u->id, id, sizeof(u->id));
	u->description = kstrndup(description ? description : "", 1024, GFP_KERNEL);
	u->log = kvzalloc(KSPLICE_LOG_MAX, GFP_KERNEL);
	INIT_LIST_HEAD(&u->list);
	/* From here on the last kobject_put() frees all. */
	ret = ksplice_sysfs_add(u);
	if (!ret && (!u->description || !u->log))
		ret = -ENOMEM;
	if (ret) {
		kobject_put(&u->kobj);
		return ERR_PTR(ret);
	}
	list_add_tail(&u->list, &ksplice_updates);
	return u;
}

void ksplice_update_reset(struct ksplice_update *u)
{
	u32 i;

	for (i = 0; i < u->nr_patches; i++)
		kfree(u->patches[i].name);
	kvfree(u->patches);
	u->patches = NULL;
	u->nr_patches = 0;
	for (i = 0; u->range_names && i < u->nr_ranges; i++)
		kfree(u->range_names[i]);
	kvfree(u->range_names);
	kvfree(u->ranges);
	u->range_names = NULL;
	u->ranges = NULL;
	u->nr_ranges = 0;
	u->nr_conflicts = 0;
	u->abort = KSPLICE_OK;
	u->error[0] = 0;
	u->log_len = 0;
}

void ksplice_update_destroy(struct ksplice_update *u)
{
	list_del_init(&u->list);
	kobject_del(&u->kobj);
	kobject_put(&u->kobj);
}

void ksplice_registry_exit(void)
{
	struct ksplice_update *u, *next;

	mutex_lock(&ksplice_mutex);
	list_for_each_entry_safe(u, next, &ksplice_updates, list)
		ksplice_update_destroy(u);
	mutex_unlock(&ksplice_mutex);
}
