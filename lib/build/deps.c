// SPDX-License-Identifier: GPL-2.0-only
/*
 * What kbuild writes down about an object it has compiled, .NAME.o.cmd: the
 * command, and every file that went into it.
 *
 *	cmd_fs/open.o := gcc ... -DKBUILD_MODNAME='"open"' ... -o fs/open.o ...
 *	source_fs/open.o := /farm/fs/open.c
 *	deps_fs/open.o := \
 *	    $(wildcard include/config/FOO) \
 *	  /farm/include/linux/kconfig.h \
 *
 * (savedcmd_ in place of cmd_ since Linux 6.2, "kbuild: fix 'missing
 * separator' error".)  Files that are generated have paths relative to the
 * object directory.
 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "build/state.h"

char *ks_path_normal(const char *path)
{
	struct ks_strv parts = { 0 };
	struct ks_buf out = { 0 };
	const char *p = path;

	while (*p) {
		size_t n = strcspn(p, "/");

		if (n == 2 && !strncmp(p, "..", 2) && parts.len &&
		    strcmp(parts.v[parts.len - 1], "..")) {
			free(parts.v[--parts.len]);
			parts.v[parts.len] = NULL;
		} else if (n && !(n == 1 && *p == '.')) {
			ks_strv_addf(&parts, "%.*s", (int)n, p);
		}
		p += n;
		p += strspn(p, "/");
	}
	if (*path == '/')
		ks_buf_adds(&out, "/");
	for (size_t i = 0; i < parts.len; i++)
		ks_buf_addf(&out, "%s%s", i ? "/" : "", parts.v[i]);
	ks_strv_free(&parts);
	return ks_buf_steal(&out);
}

static char *cmd_path(const struct ks_build *b, const char *object)
{
	const char *base = ks_path_base(object);

	return ks_asprintf("%s/%.*s.%s.cmd", b->obj, (int)(base - object), object, base);
}

/* Is the object for a module? */
static bool is_for_module(const char *command)
{
	for (const char *m = strstr(command, " -DMODULE"); m; m = strstr(m + 1, " -DMODULE"))
		if (m[9] == ' ' || !m[9])
			return true;
	return false;
}

/* NAME from -DKBUILD_MODNAME='"NAME"'. */
static char *find_define(const char *command, const char *define)
{
	const char *p = strstr(command, define);

	if (!p)
		return NULL;
	p += strlen(define);
	return ks_strndup(p, strcspn(p, "\""));
}

/*
 * A file that the makefile of some directory generates in obj/.  What "make
 * prepare" generates depends on what the whole directory was prepared from.
 */
static void add_generated(const char *path, size_t len, struct ks_deps *deps)
{
	if (!strncmp(path, "include/", 8) || !strncmp(path, "./include/", 10) ||
	    !strncmp(path, "arch/x86/include/generated/", 27))
		return;
	ks_strv_addf(&deps->files, "@%.*s", (int)len, path);
}

static void add_file(struct ks_build *b, const char *path, size_t len, struct ks_deps *deps)
{
	const char *inside = ks_farm_inside(b, path);
	size_t include = strlen(b->include);
	char *text, *normal;

	/* ksplice-patch.h is beside obj/. */
	if (len > include && !strncmp(path, b->include, include) && path[include] == '/')
		ks_strv_addf(&deps->files, "@../include/%.*s", (int)(len - include - 1), path + include + 1);
	if (!inside || inside > path + len)
		return;
	text = ks_strndup(inside, path + len - inside);
	normal = ks_path_normal(text);
	ks_strv_add(&deps->files, normal);
	if (strcmp(normal, text))
		ks_strv_add(&deps->detours, text);
	free(normal);
	free(text);
}

struct ks_error *ks_deps_read(struct ks_build *b, const char *object, struct ks_deps *deps)
{
	char *path = cmd_path(b, object);
	struct ks_buf text = { 0 };
	struct ks_error *err = ks_file_read(path, KS_BUILD_MAX_FILE, &text);
	bool in_deps = false;
	char *line, *next;

	for (line = text.data; !err && line && *line; line = next) {
		size_t len = strcspn(line, "\n");
		char *value;

		next = line + len + (line[len] == '\n');
		line[len] = 0;
		value = strstr(line, " := ");
		if (!deps->command && value &&
		    (ks_str_starts(line, "cmd_") || ks_str_starts(line, "savedcmd_"))) {
			deps->command = ks_strdup(value + 4);
			if (is_for_module(deps->command)) {
				deps->modname = find_define(deps->command, "-DKBUILD_MODNAME='\"");
				deps->modfile = find_define(deps->command, "-DKBUILD_MODFILE='\"");
			}
		} else if (value && ks_str_starts(line, "source_")) {
			if (value[4] == '/')
				add_file(b, value + 4, strlen(value + 4), deps);
			else
				add_generated(value + 4, strlen(value + 4), deps);
		} else if (value && ks_str_starts(line, "deps_")) {
			in_deps = true;
		} else if (in_deps && ks_str_starts(line, "  /")) {
			add_file(b, line + 2, strcspn(line + 2, " "), deps);
		} else if (in_deps && ks_str_starts(line, "  ") && line[2] != ' ') {
			add_generated(line + 2, strcspn(line + 2, " "), deps);
		} else if (!*line) {
			in_deps = false;
		}
	}
	if (!err && (!deps->command || !deps->files.len))
		err = ks_error_new(KS_E_FAILED,
				   "%s: not understood; this kernel's makefiles record dependencies in a way that this version of ksplice does not know",
				   path);
	if (!err)
		ks_strv_sort(&deps->files);
	ks_buf_free(&text);
	free(path);
	return err;
}

void ks_deps_free(struct ks_deps *deps)
{
	ks_strv_free(&deps->files);
	ks_strv_free(&deps->detours);
	free(deps->modname);
	free(deps->modfile);
	free(deps->command);
	*deps = (struct ks_deps){ 0 };
}
