// SPDX-License-Identifier: GPL-2.0-only
/* Kernel modules of the running kernel; see module.h. */
#include "live/module.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

#define UNLOAD_TRIES 3

bool ks_module_loaded(const struct ks_live *live, const char *name)
{
	char *dir = ks_path_join(live->modules, name);
	bool loaded = ks_file_is_dir(dir);

	free(dir);
	return loaded;
}

bool ks_module_ready(const struct ks_live *live, const char *name)
{
	/* Only what was loaded has a state; built-in code with parameters has a directory, too. */
	char *path = ks_asprintf("%s/%s/initstate", live->modules, name);
	struct ks_buf state = { 0 };
	struct ks_error *err;
	bool ready;

	for (char *p = path + strlen(live->modules); *p; p++)
		if (*p == '-')
			*p = '_';
	err = ks_file_read(path, 4096, &state);
	ready = !err && !strncmp(state.data, "live", 4);
	ks_error_free(err);
	ks_buf_free(&state);
	free(path);
	return ready;
}

static struct ks_error *not_permitted(const char *name)
{
	if (geteuid())
		return ks_error_new(KS_E_FAILED, "%s: only root can load modules; run this as root", name);
	return ks_error_new(KS_E_FAILED,
			    "%s: the kernel forbids to load it. If it is locked down (Secure Boot; see /sys/kernel/security/lockdown), make the update with a signature that it trusts (ksplice-create --sign-key); if kernel.modules_disabled is 1, only a reboot changes that; in a container, run this on the host",
			    name);
}

struct ks_error *ks_module_load(const struct ks_live *live, const char *path, const char *params)
{
	int ret = live->load(live, path, params);
	const char *name = ks_path_base(path);
	struct ks_error *err;

	switch (-ret) {
	case 0:
		return NULL;
	case EPERM:
		return not_permitted(name);
	case EKEYREJECTED:
	case ENOKEY:
		return ks_error_new(KS_E_FAILED,
				    "%s: the kernel loads only modules that are signed with a key it trusts (module.sig_enforce, or lockdown by Secure Boot); make the update with such a signature (ksplice-create --sign-key)",
				    name);
	case ENOEXEC:
		return ks_error_new(KS_E_FAILED,
				    "%s: the kernel refused the module: it was made for another kernel (vermagic), or is damaged; the kernel log says which",
				    name);
	case ENOENT:
		err = ks_error_new(KS_E_FAILED,
				   "%s: the running kernel lacks a symbol that the module needs; the kernel log names it",
				   name);
		return ks_error_set_abort(err, "missing_export");
	case ENOMEM:
		err = ks_error_new(KS_E_FAILED, "%s: the kernel has no memory for the module", name);
		return ks_error_set_abort(err, "out_of_memory");
	case EEXIST:
		err = ks_error_new(KS_E_FAILED,
				   "%s: a module of that name is loaded already; remove it with rmmod and try again",
				   name);
		return ks_error_set_abort(err, "module_busy");
	case EBUSY:
		err = ks_error_new(KS_E_FAILED, "%s: a module of that name is being loaded or unloaded",
				   name);
		return ks_error_set_abort(err, "module_busy");
	}
	return ks_error_errno(-ret, "cannot load %s (the kernel log may say more)", name);
}

struct ks_error *ks_module_unload(const struct ks_live *live, const char *name)
{
	struct ks_error *err;
	int ret;

	for (int tries = 1;; tries++) {
		ret = live->unload(live, name);
		if (!ret || ret == -ENOENT)
			return NULL;
		/* Whoever reads one of its files in sysfs is gone in a moment. */
		if ((ret != -EAGAIN && ret != -EBUSY) || tries == UNLOAD_TRIES)
			break;
		live->pause(live, 1);
	}
	if (ret == -EPERM && geteuid())
		return ks_error_new(KS_E_FAILED, "only root can unload the module %s", name);
	if (ret != -EAGAIN && ret != -EBUSY)
		return ks_error_errno(-ret, "cannot unload the module %s", name);
	err = ks_error_new(KS_E_FAILED, "cannot unload the module %s: it is in use", name);
	return ks_error_set_abort(err, "module_busy");
}
