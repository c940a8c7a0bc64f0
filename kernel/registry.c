// SPDX-License-Identifier: GPL-2.0-only
/*
 * The updates that the core knows, by id.  A record outlives its modules: what
 * went wrong with a match can be read when the module that asked for it is
 * gone.  "forget" removes it.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "update.h"

DEFINE_MUTEX(ksplice_registry_mutex);
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

bool ksplice_is_listed(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (; list && *list; list += strcspn(list, ","), list += *list == ',')
		if (strcspn(list, ",") == len && !strncmp(list, name, len))
			return true;
	return false;
}

static struct ksplice_update *create(const char *id, const char *description)
{
	struct ksplice_update *u = kzalloc(sizeof(*u), GFP_KERNEL);
	int ret;

	if (!u)
		return ERR_PTR(-ENOMEM);
	strscpy(u->id, id, sizeof(u->id));
	INIT_LIST_HEAD(&u->list);
	u->description = kstrndup(description ? description : "", 1024, GFP_KERNEL);
	u->log = kvzalloc(KSPLICE_LOG_MAX, GFP_KERNEL);
	if (!u->description || !u->log) {
		kfree(u->description);
		kvfree(u->log);
		kfree(u);
		return ERR_PTR(-ENOMEM);
	}
	/* From here on the last kobject_put() frees all. */
	ret = ksplice_sysfs_add(u);
	if (ret) {
		kobject_put(&u->kobj);
		return ERR_PTR(ret);
	}
	list_add_tail(&u->list, &ksplice_updates);
	return u;
}

struct ksplice_update *ksplice_update_get(const char *id, const char *description)
{
	struct ksplice_update *u;
	char *text;

	if (!valid_id(id))
		return ERR_PTR(-EINVAL);
	u = ksplice_find(id);
	if (!u)
		return create(id, description);
	if (u->old || u->new)
		return ERR_PTR(-EEXIST);
	text = kstrndup(description ? description : "", 1024, GFP_KERNEL);
	if (!text) /* not the reason why the attempt before has failed */
		return ERR_PTR(ksplice_abort(u, KSPLICE_OUT_OF_MEMORY, -ENOMEM,
					     "no memory for its description"));
	ksplice_update_reset(u);
	kfree(u->description);
	u->description = text;
	return u;
}

int ksplice_update_hold(struct ksplice_update *u, struct module *mod)
{
	struct module **more;
	u32 i;

	for (i = 0; i < u->nr_held; i++)
		if (u->held[i] == mod) {
			module_put(mod);
			return 0;
		}
	more = krealloc(u->held, (u->nr_held + 1) * sizeof(*more), GFP_KERNEL);
	if (!more) {
		module_put(mod);
		return -ENOMEM;
	}
	u->held = more;
	u->held[u->nr_held++] = mod;
	return 0;
}

void ksplice_update_release(struct ksplice_update *u)
{
	u32 i;

	while (u->nr_held)
		module_put(u->held[--u->nr_held]);
	kfree(u->held);
	u->held = NULL;
	for (i = 0; i < u->nr_targets; i++)
		u->targets[i].mod = NULL;
}

void ksplice_update_reset(struct ksplice_update *u)
{
	u32 i;

	ksplice_update_release(u);
	for (i = 0; i < u->nr_targets; i++)
		kfree(u->targets[i].name);
	kfree(u->targets);
	u->targets = NULL;
	u->nr_targets = 0;
	for (i = 0; i < u->nr_patches; i++)
		kfree(u->patches[i].name);
	kvfree(u->patches);
	u->patches = NULL;
	u->nr_patches = 0;
	for (i = 0; i < u->nr_data; i++) {
		kfree(u->data[i].name);
		kvfree(u->data[i].original);
	}
	kvfree(u->data);
	u->data = NULL;
	u->nr_data = 0;
	kvfree(u->busy_ranges);
	u->busy_ranges = NULL;
	u->nr_busy_ranges = 0;
	for (i = 0; u->range_names && i < u->nr_ranges; i++)
		kfree(u->range_names[i]);
	kvfree(u->range_names);
	kvfree(u->ranges);
	u->range_names = NULL;
	u->ranges = NULL;
	u->nr_ranges = 0;
	u->nr_conflicts = 0;
	kfree(u->replaces);
	u->replaces = NULL;
	u->series = false;
	u->pinned = false;
	u->pinned_now = false;
	u->abort = KSPLICE_OK;
	u->error[0] = 0;
	u->log_len = 0;
	u->match_blocks = 0;
	u->match_skipped = 0;
	u->match_bytes = 0;
	u->match_sites = 0;
	u->match_ns = 0;
	u->pause_ns = 0;
	u->stop_ns = 0;
	u->tasks = 0;
	u->tasks_stopped = 0;
	u->stage = KSPLICE_PREPARING;
}

int ksplice_update_forget(struct ksplice_update *u)
{
	int ret = 0;

	mutex_lock(&ksplice_mutex);
	if (list_empty(&u->list))
		ret = -ENODEV; /* somebody else was faster */
	else if (u->old || u->new || u->stage == KSPLICE_APPLIED)
		ret = -EBUSY;
	else
		list_del_init(&u->list);
	mutex_unlock(&ksplice_mutex);
	if (ret)
		return ret;
	kobject_del(&u->kobj);
	kobject_put(&u->kobj);
	return 0;
}

void ksplice_registry_exit(void)
{
	mutex_lock(&ksplice_registry_mutex);
	/* Nothing adds to the list any more, and no record has modules: all can be forgotten. */
	while (!list_empty(&ksplice_updates))
		if (WARN_ON(ksplice_update_forget(list_first_entry(&ksplice_updates,
								   struct ksplice_update, list))))
			break;
	mutex_unlock(&ksplice_registry_mutex);
}
