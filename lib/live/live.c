// SPDX-License-Identifier: GPL-2.0-only
/* The running kernel; see live.h. */
#include "live/live.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <ksplice/abort.h>

#include "base/file.h"
#include "pack/manifest.h"

static int system_load(const struct ks_live *live, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret;

	(void)live;
	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	return ret;
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
	.load = system_load,
	.unload = system_unload,
	.write = system_write,
	.pause = system_pause,
};

/* A file of sysfs as a line without its newline; NULL where it cannot be read. */
static char *read_line(const char *dir, const char *name)
{
	char *path = ks_path_join(dir, name);
	struct ks_buf text = { 0 };
	struct ks_error *err = ks_file_read(path, 1 << 20, &text);

	free(path);
	if (err) {
		ks_error_free(err);
		ks_buf_free(&text);
		return NULL;
	}
	while (text.len && text.data[text.len - 1] == '\n')
		text.data[--text.len] = 0;
	return ks_buf_steal(&text);
}

static void read_lines(const char *dir, const char *name, struct ks_strv *lines)
{
	char *text = read_line(dir, name), *save = NULL;

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
	char *text = read_line(live->sysfs, "version");
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
		if (ks_id_valid(e->d_name) && ks_live_known(live, e->d_name))
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

/* stage is for root alone; others see from the other files that the update is there. */
struct ks_error *ks_live_read(const struct ks_live *live, const char *id, struct ks_live_update **update)
{
	struct ks_live_update *u;
	char *dir, *pinned;

	if (!ks_live_known(live, id))
		return ks_error_new(KS_E_FAILED, "%s: the running kernel has no update of that id", id);
	dir = ks_path_join(live->sysfs, id);
	u = ks_alloc(sizeof(*u));
	u->id = ks_strdup(id);
	u->description = read_line(dir, "description");
	u->stage = read_line(dir, "stage");
	u->abort_cause = read_line(dir, "abort_cause");
	u->error = read_line(dir, "error");
	pinned = read_line(dir, "pinned");
	u->pinned = pinned && *pinned == '1';
	free(pinned);
	read_lines(dir, "conflicts", &u->conflicts);
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
	ks_strv_free(&u->functions);
	free(u);
}

struct ks_error *ks_live_log(const struct ks_live *live, const char *id, struct ks_buf *out)
{
	char *path = ks_asprintf("%s/%s/log", live->sysfs, id);
	struct ks_error *err = ks_file_read(path, 1 << 20, out);

	free(path);
	return err;
}

bool ks_live_module_loaded(const struct ks_live *live, const char *name)
{
	char *dir = ks_path_join(live->modules, name);
	bool loaded = ks_file_is_dir(dir);

	free(dir);
	return loaded;
}

struct ks_error *ks_live_load(const struct ks_live *live, const char *path)
{
	int ret = live->load(live, path);
	const char *name = ks_path_base(path);
	struct ks_error *err;

	switch (-ret) {
	case 0:
		return NULL;
	case EPERM:
		return ks_error_new(KS_E_FAILED,
				    "%s: the kernel does not let us load modules: run this as root; a locked-down kernel, or kernel.modules_disabled=1, forbids it altogether",
				    name);
	case EKEYREJECTED:
		return ks_error_new(KS_E_FAILED,
				    "%s: the kernel loads only modules that are signed with a key it trusts (module.sig_enforce, or lockdown by Secure Boot); sign the update's modules with such a key",
				    name);
	case ENOEXEC:
		return ks_error_new(KS_E_FAILED,
				    "%s: the kernel refused the module; it was made for another kernel, or its code does not match (see the kernel log)",
				    name);
	case ENOENT:
		err = ks_error_new(KS_E_FAILED,
				   "%s: the running kernel lacks a symbol that the module needs (see the kernel log)",
				   name);
		return ks_error_set_abort(err, "missing_export");
	case ENOMEM:
		err = ks_error_new(KS_E_FAILED, "%s: the kernel has no memory for the module", name);
		return ks_error_set_abort(err, "out_of_memory");
	}
	return ks_error_errno(-ret, "cannot load %s", name);
}

struct ks_error *ks_live_unload(const struct ks_live *live, const char *name)
{
	int ret = live->unload(live, name);
	struct ks_error *err;

	if (!ret || ret == -ENOENT)
		return NULL;
	err = ks_error_errno(-ret, "cannot unload the module %s", name);
	return ret == -EAGAIN || ret == -EBUSY ? ks_error_set_abort(err, "module_busy") : err;
}

int ks_live_set_stage(const struct ks_live *live, const char *id, const char *stage)
{
	char *path = ks_asprintf("%s/%s/stage", live->sysfs, id);
	int ret = live->write(live, path, stage);

	free(path);
	return ret;
}

struct ks_error *ks_live_lock(const struct ks_live *live, int *fd)
{
	struct ks_error *err = ks_dir_make(live->run);
	char *path;

	if (err)
		return ks_error_prefix(err, "this needs to be run as root");
	path = ks_path_join(live->run, "lock");
	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (*fd < 0)
		err = ks_error_errno(errno, "%s", path);
	else if (flock(*fd, LOCK_EX)) {
		err = ks_error_errno(errno, "%s", path);
		close(*fd);
	}
	free(path);
	return err;
}

void ks_live_unlock(int fd)
{
	close(fd);
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
