// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel modules for a guest; see modules.h.  The host's modprobe works out
 * what a module needs (--show-depends, with the indices of the guest's
 * kernel), so that soft dependencies and aliases mean what they mean there.
 */
#include "vm/modules.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"
#include "vm/still.h"

static const char *modprobe_path(void)
{
	static const char *const places[] = { "/sbin/modprobe", "/usr/sbin/modprobe" };

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (ks_file_exists(places[i]))
			return places[i];
	return NULL;
}

/* What modprobe reads; without the binary forms it would not find anything. */
static void add_indices(struct ks_vm_config *c, const char *guest_dir)
{
	static const char *const names[] = {
		"modules.alias.bin",   "modules.builtin",      "modules.builtin.alias.bin",
		"modules.builtin.bin", "modules.builtin.modinfo", "modules.dep",
		"modules.dep.bin",     "modules.devname",      "modules.order",
		"modules.softdep",     "modules.symbols.bin",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char *host = ks_path_join(c->image->modules_dir, names[i]);
		char *guest = ks_path_join(guest_dir, names[i]);

		if (ks_file_exists(host))
			ks_vm_add_file(c, host, guest, false);
		free(host);
		free(guest);
	}
}

/* "insmod /.../lib/modules/RELEASE/kernel/fs/xfs/xfs.ko OPTIONS" or "builtin NAME" */
static struct ks_error *add_line(struct ks_vm_config *c, const char *guest_dir, const char *line)
{
	const char *file;
	char *host, *guest;

	if (!ks_str_starts(line, "insmod "))
		return NULL;
	/* How it writes what comes before depends on slashes in -d. */
	file = strstr(line, guest_dir);
	if (!file)
		return ks_error_new(KS_E_FAILED, "modprobe names \"%s\", which is not below %s",
				    line, guest_dir);
	file += strlen(guest_dir);
	host = ks_asprintf("%s%.*s", c->image->modules_dir, (int)strcspn(file, " "), file);
	guest = ks_asprintf("%s%.*s", guest_dir, (int)strcspn(file, " "), file);
	ks_vm_add_file(c, host, guest, false);
	free(host);
	free(guest);
	return NULL;
}

/* The module again, for the case that it finds no hardware here. */
static struct ks_error *add_still(struct ks_vm_config *c, const char *name)
{
	struct ks_vm_file *last = &c->files.v[c->files.len - 1];
	struct ks_error *err = NULL;
	char *still, *guest;

	if (!c->work_dir)
		err = ks_dir_temp("ksplice-vm-modules", &c->work_dir);
	if (err)
		return err;
	still = ks_asprintf("%s/%s.ko", c->work_dir, name);
	guest = ks_asprintf("/ksplice/still/%s.ko", name);
	err = ks_vm_still_module(last->host, still);
	if (!err)
		ks_vm_add_file(c, still, guest, false);
	free(still);
	free(guest);
	return err;
}

static struct ks_error *add_one(struct ks_vm_config *c, const char *modprobe, const char *root,
				const char *guest_dir, const char *name)
{
	const char *argv[] = { modprobe, "-d", root, "-S", c->image->release, "-C", "/dev/null",
			       "--show-depends", name, NULL };
	struct ks_buf out = { 0 }, said = { 0 };
	struct ks_proc p = { .argv = argv, .out = &out, .err = &said };
	struct ks_error *err;
	size_t before = c->files.len;
	char *save = NULL;
	int status;

	if (!*name || *name == '-' || strchr(name, '/'))
		return ks_error_new(KS_E_INPUT, "\"%s\" is not the name of a module", name);
	err = ks_proc_run(&p, &status);
	if (!err && status)
		err = ks_error_new(KS_E_INPUT, "the kernel %s has no module %s", c->image->release,
				   name);
	if (!err && out.data)
		for (char *l = strtok_r(out.data, "\n", &save); l && !err;
		     l = strtok_r(NULL, "\n", &save))
			err = add_line(c, guest_dir, l);
	/* It comes last, behind what it depends on; a built-in one adds nothing. */
	if (!err && c->files.len > before)
		err = add_still(c, name);
	ks_buf_free(&out);
	ks_buf_free(&said);
	return err;
}

struct ks_error *ks_vm_add_modules(struct ks_vm_config *c, const struct ks_strv *names)
{
	char *guest_dir = ks_asprintf("/lib/modules/%s", c->image->release), *root;
	const char *modprobe = modprobe_path();
	struct ks_error *err = NULL;

	if (!names->len)
		goto out;
	if (!modprobe) {
		err = ks_error_new(KS_E_FAILED,
				   "modprobe is missing; run as root: apt-get install kmod");
		goto out;
	}
	if (!ks_str_ends(c->image->modules_dir, guest_dir)) {
		err = ks_error_new(KS_E_FAILED, "%s does not end in %s", c->image->modules_dir,
				   guest_dir);
		goto out;
	}
	root = ks_asprintf("%.*s/", (int)(strlen(c->image->modules_dir) - strlen(guest_dir)),
			   c->image->modules_dir);
	for (size_t i = 0; i < names->len && !err; i++)
		err = add_one(c, modprobe, root, guest_dir, names->v[i]);
	free(root);
	if (!err) {
		ks_vm_add_file(c, modprobe, "/sbin/modprobe", true);
		add_indices(c, guest_dir);
	}
out:
	free(guest_dir);
	return err;
}

/* The end of the line that @text is in. */
static const char *line_end(const char *text)
{
	return text + strcspn(text, "\r\n");
}

bool ks_vm_module_lacks_hardware(const char *output, char **why)
{
	/*
	 * What init functions do not return, but the loader does: the file is not
	 * for this kernel, a dependency is not there, memory is short.
	 */
	static const char *const ours[] = {
		"Exec format error", "Cannot allocate memory", "Invalid module format",
		"Key was rejected",  "Required key",	       "Operation not permitted",
	};
	const char *text = strstr(output, "could not insert '");
	bool lacks;

	if (why)
		*why = NULL;
	/* modprobe: ERROR: could not insert 'kvm_intel': Operation not supported */
	text = text ? strstr(text, "': ") : NULL;
	if (!text)
		return false;
	text += strlen("': ");
	if (why)
		*why = ks_strndup(text, line_end(text) - text);
	lacks = line_end(text) > text;
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		lacks &= !ks_str_starts(text, ours[i]);
	/* An init function may return ENOENT, too; then the kernel names no symbol. */
	if (ks_str_starts(text, "Unknown symbol in module"))
		lacks = !strstr(line_end(text), "Unknown symbol") &&
			!strstr(line_end(text), "disagrees about version");
	return lacks;
}
