/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel that updates of any id can be applied to: directories in the place of
 * sysfs, and functions that do to them what the module loader and the core do.
 * test_live.c has one of its own, which notes every step and can fail at each.
 */
#ifndef KS_TEST_FAKE_KERNEL_H
#define KS_TEST_FAKE_KERNEL_H

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ksplice/version.h>

#include "base/file.h"
#include "live/live.h"
#include "tap.h"

#define FAKE_RELEASE "6.1.0-54-cloud-amd64"
#define FAKE_VERSION "6.1.190-1"
#define FAKE_TEXT_OF(x) #x
#define FAKE_TEXT(x) FAKE_TEXT_OF(x)

static struct fake_kernel {
	char *dir;
	const char *bad;  /* the update of this id aborts with no_match */
	const char *busy; /* a task never leaves this one */
	int die_at; /* the machine loses its power before that change of the kernel; 0: never */
	int changes;	  /* so far */
	unsigned int paused; /* seconds */
	struct ks_strv probed;
} fake;

static void fake_put(const char *sub, const char *name, const char *text)
{
	char *where = ks_asprintf("%s/%s", fake.dir, sub), *path = ks_path_join(where, name);

	die(ks_dir_make(where));
	die(ks_file_write(path, text, strlen(text), 0644));
	free(where);
	free(path);
}

static __attribute__((unused)) bool fake_there(const char *name)
{
	char *path = ks_path_join(fake.dir, name);
	bool there = ks_file_exists(path);

	free(path);
	return there;
}

static void fake_remove(const char *name)
{
	char *path = ks_path_join(fake.dir, name);

	die(ks_dir_remove(path));
	free(path);
}

static void fake_change(void)
{
	if (++fake.changes == fake.die_at)
		_exit(99);
}

static void fake_record(const char *id, const char *stage, const char *cause)
{
	char *sub = ks_asprintf("sys/%s", id);

	fake_put(sub, "stage", stage);
	fake_put(sub, "abort_cause", cause);
	fake_put(sub, "error", "printk.c: _printk+0x5: differs\n");
	fake_put(sub, "description", "By hand\n");
	fake_put(sub, "pinned", "0\n");
	fake_put(sub, "conflicts", "");
	fake_put(sub, "functions", "");
	fake_put(sub, "log", "");
	free(sub);
}

/* ".../ksplice_ID_old.ko" */
static int fake_load(const struct ks_live *live, const char *path, const char *params)
{
	char *name = ks_strdup(ks_path_base(path)), *id, *sub;

	(void)live;
	(void)params;
	name[strcspn(name, ".")] = 0;
	sub = ks_asprintf("module/%s", name);
	fake_change();
	fake_put(sub, "initstate", "live\n");
	free(sub);
	if (!strcmp(name, "ksplice")) {
		fake_put("sys", "version", FAKE_TEXT(KSPLICE_CORE_ABI) "\n");
	} else if (ks_str_ends(name, "_old")) {
		id = ks_strndup(name + strlen("ksplice_"),
				strlen(name) - strlen("ksplice_") - strlen("_old"));
		if (fake.bad && !strcmp(id, fake.bad)) {
			fake_record(id, "preparing\n", "no_match\n");
			sub = ks_asprintf("module/%s", name);
			fake_remove(sub);
			free(sub);
			free(id);
			free(name);
			return -EINVAL;
		}
		fake_record(id, "preparing\n", "ok\n");
		free(id);
	}
	free(name);
	return 0;
}

static int fake_unload(const struct ks_live *live, const char *name)
{
	char *sub = ks_asprintf("module/%s", name);
	bool there = fake_there(sub);

	(void)live;
	fake_change();
	fake_remove(sub);
	free(sub);
	if (!strcmp(name, "ksplice"))
		fake_remove("sys");
	return there ? 0 : -ENOENT;
}

static int fake_write(const struct ks_live *live, const char *path, const char *text)
{
	char *id = ks_strdup(path + strlen(live->sysfs) + 1), *sub;
	int ret = 0;

	*strchr(id, '/') = 0;
	sub = ks_asprintf("sys/%s", id);
	fake_change();
	if (!strcmp(text, "forget")) {
		fake_remove(sub);
	} else if (fake.busy && !strcmp(fake.busy, id)) {
		fake_put(sub, "abort_cause", "code_busy\n");
		ret = -EBUSY;
	} else {
		fake_put(sub, "stage", text);
	}
	free(sub);
	free(id);
	return ret;
}

static bool fake_probe(const struct ks_live *live, const char *name, char **said)
{
	char *sub = ks_asprintf("module/%s", name);

	(void)live;
	*said = NULL;
	ks_strv_add(&fake.probed, name);
	fake_put(sub, "initstate", "live\n");
	free(sub);
	return true;
}

static bool fake_depmod(const struct ks_live *live, const char *release, char **said)
{
	(void)live;
	(void)release;
	*said = NULL;
	return true;
}

static void fake_pause(const struct ks_live *live, unsigned int seconds)
{
	(void)live;
	fake.paused += seconds;
}

static struct ks_live fake_live = {
	.release = FAKE_RELEASE,
	.load = fake_load,
	.unload = fake_unload,
	.write = fake_write,
	.probe = fake_probe,
	.depmod = fake_depmod,
	.pause = fake_pause,
};

/* Everything that a boot forgets; @id is the boot's. */
static void fake_boot(const char *id)
{
	char *line = ks_asprintf("%s\n", id);

	fake_remove("sys");
	fake_remove("run");
	fake_remove("module");
	fake_put("module/ext4", "initstate", "live\n");
	fake_put("proc/sys/kernel/random", "boot_id", line);
	fake_put("proc", "version",
		 "Linux version " FAKE_RELEASE " (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14) 12.2.0, "
		 "GNU ld (GNU Binutils for Debian) 2.40) #1 SMP PREEMPT_DYNAMIC Debian " FAKE_VERSION " (2026-10-01)\n");
	fake_put("proc", "cmdline", "quiet\n");
	free(line);
}

static void fake_init(const char *dir)
{
	fake.dir = ks_strdup(dir);
	fake_live.sysfs = ks_path_join(dir, "sys");
	fake_live.run = ks_path_join(dir, "run");
	fake_live.modules = ks_path_join(dir, "module");
	fake_live.lib_modules = ks_path_join(dir, "lib");
	fake_boot("boot0");
}

#endif
