// SPDX-License-Identifier: GPL-2.0-only
/* The running kernel; see live.h. */
#include "live/live.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <ksplice/abort.h>

#include "base/file.h"
#include "base/proc.h"
#include "live/run.h"
#include "pack/manifest.h"

/* More than the core writes into any of its files. */
#define MAX_SYSFS (1u << 20)

static int system_load(const struct ks_live *live, const char *path, const char *params)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret;

	(void)live;
	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, params, 0) ? -errno : 0;
	close(fd);
	return ret;
}

static bool run_program(const char *const *argv, char **said)
{
	struct ks_buf out = { 0 };
	struct ks_proc p = { .argv = argv, .out = &out };
	struct ks_error *err = ks_proc_check(&p);

	*said = err ? ks_strdup(ks_error_message(err)) : NULL;
	ks_buf_free(&out);
	if (!err)
		return true;
	ks_error_free(err);
	return false;
}

static bool system_probe(const struct ks_live *live, const char *name, char **said)
{
	const char *argv[] = { "modprobe", "--", name, NULL };

	(void)live;
	return run_program(argv, said);
}

static bool system_depmod(const struct ks_live *live, const char *release, char **said)
{
	const char *argv[] = { "depmod", release, NULL };

	(void)live;
	return run_program(argv, said);
}

static int system_unload(const struct ks_live *live, const char *name)
{
	(void)live;
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

static int system_write(const struct ks_live *live, const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	(void)live;
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static void system_pause(const struct ks_live *live, unsigned int seconds)
{
	struct timespec t = { .tv_sec = seconds };

	(void)live;
	nanosleep(&t, NULL);
}

const struct ks_live ks_live_system = {
	.sysfs = "/sys/kernel/ksplice",
	.run = "/run/ksplice",
	.modules = "/sys/module",
	.lib_modules = "/lib/modules",
	.load = system_load,
	.unload = system_unload,
	.probe = system_probe,
	.depmod = system_depmod,
	.write = system_write,
	.pause = system_pause,
};

/* A file of sysfs without its last newline; NULL where it cannot be read. */
static char *read_text(const char *dir, const char *name)
{
	char *path = ks_path_join(dir, name), *text;
	struct ks_buf buf = { 0 };
	struct ks_error *err = ks_file_read(path, MAX_SYSFS, &buf);

	free(path);
	if (err) {
		ks_error_free(err);
		ks_buf_free(&buf);
		return NULL;
	}
	while (buf.len && buf.data[buf.len - 1] == '\n')
		buf.data[--buf.len] = 0;
	text = ks_buf_steal(&buf);
	ks_text_clean(text);
	return text;
}

static void read_lines(const char *dir, const char *name, struct ks_strv *lines)
{
	char *text = read_text(dir, name), *save = NULL;

	for (char *l = text ? strtok_r(text, "\n", &save) : NULL; l; l = strtok_r(NULL, "\n", &save))
		ks_strv_add(lines, l);
	free(text);
}

bool ks_live_core_loaded(const struct ks_live *live)
{
	return ks_file_is_dir(live->sysfs);
}

int ks_live_core_abi(const struct ks_live *live)
{
	char *text = read_text(live->sysfs, "version");
	int abi = text ? atoi(text) : 0;

	free(text);
	return abi;
}

struct ks_error *ks_live_list(const struct ks_live *live, struct ks_strv *ids)
{
	DIR *d = opendir(live->sysfs);
	struct dirent *e;

	if (!d)
		return errno == ENOENT ? NULL : ks_error_errno(errno, "%s", live->sysfs);
	while ((e = readdir(d)))
		if (ks_live_known(live, e->d_name))
			ks_strv_add(ids, e->d_name);
	closedir(d);
	ks_strv_sort(ids);
	return NULL;
}

bool ks_live_known(const struct ks_live *live, const char *id)
{
	char *dir = ks_path_join(live->sysfs, id);
	bool known = ks_id_valid(id) && ks_file_is_dir(dir);

	free(dir);
	return known;
}

struct ks_error *ks_live_read(const struct ks_live *live, const char *id,
			      struct ks_live_update **update)
{
	struct ks_live_update *u;
	char *dir, *pinned;

	if (!ks_id_valid(id))
		return ks_error_new(KS_E_USAGE, "\"%s\" is no update's id (1 to 32 characters of a-z0-9)",
				    id);
	if (!ks_live_known(live, id))
		return ks_error_new(KS_E_FAILED,
				    "the running kernel has no update %s; ksplice-view lists those that it has",
				    id);
	dir = ks_path_join(live->sysfs, id);
	u = ks_alloc(sizeof(*u));
	u->id = ks_strdup(id);
	u->description = read_text(dir, "description");
	u->stage = read_text(dir, "stage");
	u->abort_cause = read_text(dir, "abort_cause");
	u->error = read_text(dir, "error");
	pinned = read_text(dir, "pinned");
	u->pinned = pinned && *pinned == '1';
	free(pinned);
	read_lines(dir, "conflicts", &u->conflicts);
	read_lines(dir, "builds_on", &u->builds_on);
	read_lines(dir, "functions", &u->functions);
	free(dir);
	*update = u;
	return NULL;
}

void ks_live_update_free(struct ks_live_update *u)
{
	if (!u)
		return;
	free(u->id);
	free(u->description);
	free(u->stage);
	free(u->abort_cause);
	free(u->error);
	ks_strv_free(&u->conflicts);
	ks_strv_free(&u->builds_on);
	ks_strv_free(&u->functions);
	free(u);
}

struct ks_live_updates {
	KS_VEC(struct ks_live_update *) list;
};

static struct ks_error *read_applied(const struct ks_live *live, struct ks_live_updates *all)
{
	struct ks_strv ids = { 0 };
	struct ks_error *err = ks_live_list(live, &ids);

	for (size_t i = 0; !err && i < ids.len; i++) {
		struct ks_live_update *u;

		err = ks_live_read(live, ids.v[i], &u);
		if (err)
			break;
		if (!u->stage)
			err = ks_error_new(KS_E_FAILED,
					   "the state of the update %s cannot be read; run this as root", u->id);
		if (!err && !strcmp(u->stage, "applied"))
			*ks_vec_push(&all->list) = u;
		else
			ks_live_update_free(u);
	}
	ks_strv_free(&ids);
	return err;
}

/* Does one that is not listed yet build on it? */
static bool is_needed(const struct ks_live_updates *all, const struct ks_strv *listed, const char *id)
{
	ks_vec_for(&all->list, it)
		if (!ks_strv_has(listed, (*it)->id) && ks_strv_has(&(*it)->builds_on, id))
			return true;
	return false;
}

struct ks_error *ks_live_undo_order(const struct ks_live *live, struct ks_strv *ids)
{
	struct ks_live_updates all = { 0 };
	struct ks_error *err = read_applied(live, &all);
	size_t before;

	do {
		before = ids->len;
		ks_vec_for(&all.list, it)
			if (!err && !ks_strv_has(ids, (*it)->id) && !is_needed(&all, ids, (*it)->id))
				ks_strv_add(ids, (*it)->id);
	} while (ids->len != before);
	ks_vec_for(&all.list, it)
		ks_live_update_free(*it);
	ks_vec_free(&all.list);
	return err;
}

bool ks_live_is_applied(const struct ks_live *live, const struct ks_live_update *u)
{
	return u->stage ? !strcmp(u->stage, "applied") : ks_run_has(live, u->id);
}

struct ks_error *ks_live_log(const struct ks_live *live, const char *id, struct ks_buf *out)
{
	char *path = ks_asprintf("%s/%s/log", live->sysfs, id);
	size_t start = out->len;
	struct ks_error *err = ks_file_read(path, MAX_SYSFS, out);

	free(path);
	if (!err)
		ks_text_clean(out->data + start);
	return err;
}

int ks_live_set_stage(const struct ks_live *live, const char *id, const char *stage)
{
	char *path = ks_asprintf("%s/%s/stage", live->sysfs, id);
	int ret = live->write(live, path, stage);

	free(path);
	return ret;
}

const char *ks_abort_text(const char *abort_code)
{
	static const struct {
		const char *name, *text;
	} codes[] = {
#define X(sym, name, text) { name, text },
		KSPLICE_ABORT_CODES(X)
#undef X
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (!strcmp(codes[i].name, abort_code))
			return codes[i].text;
	return NULL;
}
