// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/ksplice: the state of every update, and the one file that
 * changes it.  This is what the tools talk to; docs/format.md describes it.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "update.h"

static struct kobject *root;

static const char *const stage_names[] = { "preparing", "applied", "reversed" };

struct attr {
	struct attribute attr;
	ssize_t (*show)(struct ksplice_update *u, char *buf);
	ssize_t (*store)(struct ksplice_update *u, const char *buf, size_t len);
};

static ssize_t stage_show(struct ksplice_update *u, char *buf)
{
	return sysfs_emit(buf, "%s\n", stage_names[u->stage]);
}

static ssize_t stage_store(struct ksplice_update *u, const char *buf, size_t len)
{
	int ret;

	if (sysfs_streq(buf, "applied"))
		ret = ksplice_apply(u);
	else if (sysfs_streq(buf, "reversed"))
		ret = ksplice_reverse(u);
	else
		return -EINVAL;
	return ret ? ret : len;
}

static ssize_t abort_cause_show(struct ksplice_update *u, char *buf)
{
	return sysfs_emit(buf, "%s\n", ksplice_abort_names[u->abort]);
}

static ssize_t error_show(struct ksplice_update *u, char *buf)
{
	return sysfs_emit(buf, "%s\n", u->error);
}

static ssize_t description_show(struct ksplice_update *u, char *buf)
{
	return sysfs_emit(buf, "%s\n", u->description);
}

static ssize_t pinned_show(struct ksplice_update *u, char *buf)
{
	return sysfs_emit(buf, "%d\n", u->pinned);
}

static ssize_t conflicts_show(struct ksplice_update *u, char *buf)
{
	char place[KSPLICE_PLACE_LEN];
	ssize_t n = 0;
	u32 i;

	for (i = 0; i < u->nr_conflicts; i++) {
		ksplice_conflict_place(&u->conflicts[i], place, sizeof(place));
		n += sysfs_emit_at(buf, n, "%s %d %s\n", u->conflicts[i].comm, u->conflicts[i].pid,
				   place);
	}
	return n;
}

static ssize_t match_show(struct ksplice_update *u, char *buf)
{
	return sysfs_emit(buf,
			  "blocks %u\nskipped %u\nbytes %llu\nsites %llu\nmatch_ns %llu\npause_ns "
			  "%llu\nstop_ns %llu\ntasks %u\ntasks_stopped %u\n",
			  u->match_blocks, u->match_skipped, u->match_bytes, u->match_sites,
			  u->match_ns, u->pause_ns, u->stop_ns, u->tasks, u->tasks_stopped);
}

/* Targets, a line each: not loaded when the update was matched, and not patched. */
static ssize_t left_out_show(struct ksplice_update *u, char *buf)
{
	ssize_t n = 0;
	u32 i;

	for (i = 0; i < u->nr_targets; i++)
		if (u->targets[i].left_out)
			n += sysfs_emit_at(buf, n, "%s\n", u->targets[i].name);
	return n;
}

/* Ids, a line each. */
static ssize_t builds_on_show(struct ksplice_update *u, char *buf)
{
	struct ksplice_update *other;
	ssize_t n = 0;

	list_for_each_entry(other, &ksplice_updates, list)
		if (other != u && ksplice_builds_on(u, other))
			n += sysfs_emit_at(buf, n, "%s\n", other->id);
	return n;
}

#define ATTR(name, mode, store) static struct attr name##_attr = {{#name, mode}, name##_show, store}
ATTR(stage, 0600, stage_store);
ATTR(abort_cause, 0444, NULL);
ATTR(error, 0444, NULL);
ATTR(description, 0444, NULL);
ATTR(pinned, 0444, NULL);
ATTR(conflicts, 0444, NULL);
ATTR(match, 0444, NULL);
ATTR(left_out, 0444, NULL);
ATTR(builds_on, 0444, NULL);

static struct attribute *update_attrs[] = {
	&stage_attr.attr,     &abort_cause_attr.attr, &error_attr.attr,	    &description_attr.attr,
	&pinned_attr.attr,    &conflicts_attr.attr,   &match_attr.attr,
	&left_out_attr.attr,  &builds_on_attr.attr,
	NULL,
};

static struct ksplice_update *to_update(struct kobject *kobj)
{
	return container_of(kobj, struct ksplice_update, kobj);
}

static ssize_t log_read(struct file *file, struct kobject *kobj, struct bin_attribute *attr,
			char *buf, loff_t off, size_t count)
{
	struct ksplice_update *u = to_update(kobj);
	ssize_t n;

	mutex_lock(&ksplice_mutex);
	n = memory_read_from_buffer(buf, count, &off, u->log, u->log_len);
	mutex_unlock(&ksplice_mutex);
	return n;
}

/* More functions than fit into the page that a text attribute has. */
static ssize_t print_functions(struct ksplice_update *u, char *buf, loff_t off, size_t count)
{
	size_t size = 1, len = 0;
	ssize_t ret;
	char *text;
	u32 i;

	/* Two addresses of 16 digits, and what separates the words. */
	for (i = 0; i < u->nr_patches; i++)
		size += strlen(u->targets[u->patches[i].target].name) + strlen(u->patches[i].name) +
			40;
	text = kvmalloc(size, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	for (i = 0; i < u->nr_patches; i++)
		len += scnprintf(text + len, size - len, "%s %s %lx %lx\n",
				 u->targets[u->patches[i].target].name, u->patches[i].name,
				 u->patches[i].old_addr, u->patches[i].new_addr);
	ret = memory_read_from_buffer(buf, count, &off, text, len);
	kvfree(text);
	return ret;
}

static ssize_t functions_read(struct file *file, struct kobject *kobj, struct bin_attribute *attr,
			      char *buf, loff_t off, size_t count)
{
	ssize_t n;

	mutex_lock(&ksplice_mutex);
	n = print_functions(to_update(kobj), buf, off, count);
	mutex_unlock(&ksplice_mutex);
	return n;
}

static struct bin_attribute functions_attr = {
	.attr = { .name = "functions", .mode = 0400 },
	.read = functions_read,
};

static struct bin_attribute log_attr = {
	.attr = { .name = "log", .mode = 0400 },
	.read = log_read,
};

static struct bin_attribute *update_bin_attrs[] = { &log_attr, &functions_attr, NULL };

static const struct attribute_group update_group = {
	.attrs = update_attrs,
	.bin_attrs = update_bin_attrs,
};
static const struct attribute_group *update_groups[] = { &update_group, NULL };

static ssize_t attr_show(struct kobject *kobj, struct attribute *attr, char *buf)
{
	struct attr *a = container_of(attr, struct attr, attr);
	ssize_t ret;

	mutex_lock(&ksplice_mutex);
	ret = a->show(to_update(kobj), buf);
	mutex_unlock(&ksplice_mutex);
	return ret;
}

/*
 * "forget" removes the directory that it is written in.  That waits until
 * nobody is in one of its files, so this file's own protection is broken
 * first; with it goes what keeps this module loaded, hence the reference.
 */
static ssize_t forget(struct ksplice_update *u, struct attribute *attr, size_t len)
{
	struct kernfs_node *kn;
	int ret = -ENODEV;

	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	kn = sysfs_break_active_protection(&u->kobj, attr);
	if (kn) {
		mutex_lock(&ksplice_registry_mutex);
		ret = ksplice_update_forget(u);
		mutex_unlock(&ksplice_registry_mutex);
		sysfs_unbreak_active_protection(kn);
	}
	module_put(THIS_MODULE);
	return ret ? ret : len;
}

static ssize_t attr_store(struct kobject *kobj, struct attribute *attr, const char *buf, size_t len)
{
	struct attr *a = container_of(attr, struct attr, attr);
	struct ksplice_update *u = to_update(kobj);
	ssize_t ret;

	if (!a->store)
		return -EACCES;
	if (sysfs_streq(buf, "forget"))
		return forget(u, attr, len);
	mutex_lock(&ksplice_mutex);
	ret = list_empty(&u->list) ? -ENODEV : a->store(u, buf, len);
	mutex_unlock(&ksplice_mutex);
	return ret;
}

static const struct sysfs_ops update_sysfs_ops = { .show = attr_show, .store = attr_store };

static void update_release(struct kobject *kobj)
{
	struct ksplice_update *u = to_update(kobj);

	ksplice_update_reset(u);
	kfree(u->description);
	kvfree(u->log);
	kfree(u);
}

static struct kobj_type update_type = {
	.release = update_release,
	.sysfs_ops = &update_sysfs_ops,
	.default_groups = update_groups,
};

int ksplice_sysfs_add(struct ksplice_update *u)
{
	return kobject_init_and_add(&u->kobj, &update_type, root, "%s", u->id);
}

static ssize_t version_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", KSPLICE_CORE_ABI);
}

static struct kobj_attribute version_attr = __ATTR_RO(version);

int ksplice_sysfs_init(void)
{
	int ret;

	root = kobject_create_and_add("ksplice", kernel_kobj);
	if (!root)
		return -ENOMEM;
	ret = sysfs_create_file(root, &version_attr.attr);
	if (ret)
		kobject_put(root);
	return ret;
}

void ksplice_sysfs_exit(void)
{
	kobject_put(root);
}
