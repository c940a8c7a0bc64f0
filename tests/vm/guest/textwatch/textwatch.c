// SPDX-License-Identifier: GPL-2.0-only
/*
 * For tests/vm/faults.test: has any byte of the kernel's code, of its
 * constants, or of a module's code changed?
 *
 * "echo NAME >parameters/state" keeps what is there now under one of a few
 * names (0, 1); reading "state" compares with the one named last: "same", or
 * how many bytes differ and where the first one is.
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/version.h>
#include <linux/vmalloc.h>

static char *module_name = "xfs";
module_param_named(module, module_name, charp, 0400);

#define STATES 2

static struct area {
	const u8 *start;
	size_t size;
	u8 *kept[STATES];
} areas[4];
static unsigned int state;

static unsigned long find(const char *name)
{
	struct kprobe kp = { .symbol_name = "kallsyms_lookup_name" };
	static unsigned long (*lookup)(const char *name);

	if (!lookup && !register_kprobe(&kp)) {
		lookup = (void *)kp.addr;
		unregister_kprobe(&kp);
	}
	return lookup ? lookup(name) : 0;
}

/* "N": from now on compare with N; "keep N": that is what is there now. */
static int state_set(const char *text, const struct kernel_param *kp)
{
	bool keep = !strncmp(text, "keep ", 5);
	unsigned int i;
	int ret = kstrtouint(text + (keep ? 5 : 0), 10, &i);

	if (ret || i >= STATES)
		return -EINVAL;
	state = i;
	for (i = 0; keep && i < ARRAY_SIZE(areas); i++)
		memcpy(areas[i].kept[state], areas[i].start, areas[i].size);
	return 0;
}

static int state_get(char *buf, const struct kernel_param *kp)
{
	unsigned int i, different = 0;
	const u8 *first = NULL;
	size_t k;

	for (i = 0; i < ARRAY_SIZE(areas); i++) {
		struct area *r = &areas[i];

		if (!memcmp(r->start, r->kept[state], r->size))
			continue;
		for (k = 0; k < r->size; k++) {
			if (r->start[k] == r->kept[state][k])
				continue;
			different++;
			if (!first)
				first = r->start + k;
		}
	}
	if (!first)
		return sysfs_emit(buf, "same\n");
	return sysfs_emit(buf, "%u bytes differ, the first at %pS\n", different, first);
}
static const struct kernel_param_ops state_ops = { .set = state_set, .get = state_get };
module_param_cb(state, &state_ops, NULL, 0600);

static void free_all(void)
{
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(areas); i++)
		for (k = 0; k < STATES; k++)
			vfree(areas[i].kept[k]);
}

static int __init textwatch_init(void)
{
	struct module *(*find_mod)(const char *name) = (void *)find("find_module");
	struct module *mod;
	unsigned int i, k;

	/* Nobody unloads it meanwhile. */
	mod = find_mod ? find_mod(module_name) : NULL;
	if (!mod)
		return -ENOENT;
	areas[0].start = (void *)find("_stext");
	areas[0].size = find("_etext") - find("_stext");
	areas[1].start = (void *)find("__start_rodata");
	areas[1].size = find("__end_rodata") - find("__start_rodata");
	/* 6.4 (commit ac3b43283923 "module: replace module_layout with module_memory") */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	areas[2].start = mod->mem[MOD_TEXT].base;
	areas[2].size = mod->mem[MOD_TEXT].size;
	areas[3].start = mod->mem[MOD_RODATA].base;
	areas[3].size = mod->mem[MOD_RODATA].size;
#else
	areas[2].start = mod->core_layout.base;
	areas[2].size = mod->core_layout.text_size;
	areas[3].start = areas[2].start + areas[2].size;
	areas[3].size = mod->core_layout.ro_size - areas[2].size;
#endif
	for (i = 0; i < ARRAY_SIZE(areas); i++)
		for (k = 0; k < STATES; k++) {
			areas[i].kept[k] = vmalloc(areas[i].size);
			if (!areas[i].kept[k]) {
				free_all();
				return -ENOMEM;
			}
		}
	for (i = 0; i < ARRAY_SIZE(areas); i++)
		pr_info("textwatch: %px, %zu bytes\n", areas[i].start, areas[i].size);
	return 0;
}

static void __exit textwatch_exit(void)
{
	free_all();
}

module_init(textwatch_init);
module_exit(textwatch_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Compares the kernel's code with what it was");
