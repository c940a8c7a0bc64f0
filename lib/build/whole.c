// SPDX-License-Identifier: GPL-2.0-only
/*
 * A whole module, for machines on which it is not loaded yet: its own objects
 * from the patched source, linked as the kernel's makefiles link it.
 *
 * kbuild has single targets for that (make drivers/net/dummy.ko), but they take
 * the versions of symbols from a vmlinux that was built here.  Ours are in the
 * Module.symvers of the kernel's headers, so the steps are taken one by one:
 * the module's object and the list of its parts (kbuild), the source of its
 * versions and dependencies (modpost, the kernel's own), and the last link
 * (kbuild's Makefile.modfinal).
 *
 * The objects go to obj/ like those of units, which have other flags.  Neither
 * may meet the other's: all are removed before and after.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"
#include "build/state.h"

struct whole {
	struct ks_build *b;
	const char *modfile;
	char *symvers; /* of the kernel and its other modules */
	char *exports; /* of the new module */
	char *order;
	struct ks_strv old_exports; /* lines of the kernel's Module.symvers */
};

/* "0xCRC<TAB>SYMBOL<TAB>MODULE<TAB>KIND<TAB>NAMESPACE": is it one of the module's own? */
static bool is_own(const char *line, const char *modfile)
{
	const char *p = strchr(line, '\t'), *q = p ? strchr(p + 1, '\t') : NULL;
	size_t n = strlen(modfile);

	return q && !strncmp(q + 1, modfile, n) && q[n + 1] == '\t';
}

/* The kernel's list without the module itself, which would else be there twice. */
static struct ks_error *write_symvers(struct whole *w)
{
	char *path = ks_path_join(w->b->config_dir, "build/Module.symvers"), *save = NULL;
	struct ks_buf text = { 0 }, rest = { 0 };
	struct ks_error *err;

	if (ks_file_exists(path))
		err = ks_file_read(path, KS_BUILD_MAX_FILE, &text);
	else
		err = ks_error_new(KS_E_INPUT,
				   "%s: no such file; the versions of the kernel's symbols are in it: make the directory with ksplice-prepare",
				   path);
	for (char *line = err ? NULL : strtok_r(text.data, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (is_own(line, w->modfile))
			ks_strv_add(&w->old_exports, line);
		else
			ks_buf_addf(&rest, "%s\n", line);
	}
	if (!err)
		err = ks_file_write(w->symvers, ks_buf_text(&rest), rest.len, 0644);
	ks_buf_free(&text);
	ks_buf_free(&rest);
	free(path);
	return err;
}

static void set_target(struct ks_build_unit *u, const struct ks_strv *way, char *target)
{
	u->target = target;
	for (size_t i = 0; i < way->len; i++)
		ks_strv_add(&u->way, way->v[i]);
}

static struct ks_error *compile(struct whole *w)
{
	char *dir = ks_strndup(w->modfile, ks_path_base(w->modfile) - w->modfile - 1);
	struct ks_build_unit *targets[3];
	struct ks_build_units list = { 0 };
	struct ks_roster *r = NULL;
	struct ks_strv way = { 0 }, scripts = { 0 };
	struct ks_error *err = ks_roster_open(w->b, &r);

	if (!err)
		ks_roster_way(r, dir, &way);
	if (!err && !way.len)
		err = ks_error_new(KS_E_INPUT, "%s: the kernel has no such module", w->modfile);
	ks_strv_add(&scripts, "scripts");
	for (size_t i = 0; i < 3; i++)
		ks_vec_push(&list.list);
	for (size_t i = 0; i < 3; i++)
		targets[i] = &list.list.v[i];
	set_target(targets[0], &way, ks_asprintf("%s.o", w->modfile));
	set_target(targets[1], &way, ks_asprintf("%s.mod", w->modfile));
	set_target(targets[2], &scripts, ks_strdup("scripts/module.lds"));
	if (!err)
		err = ks_farm_make_real(w->b, dir);
	if (!err)
		err = ks_kbuild_compile(w->b, targets, 3, KS_KBUILD_MODULE_CFLAGS,
					"the patched module does not compile");
	ks_build_units_free(&list);
	ks_roster_free(r);
	ks_strv_free(&way);
	ks_strv_free(&scripts);
	free(dir);
	return err;
}

/* As scripts/Makefile.modpost has the arguments. */
static struct ks_error *modpost(struct whole *w)
{
	char *program = ks_path_join(w->b->obj, "scripts/mod/modpost");
	struct ks_strv argv = { 0 };
	struct ks_buf said = { 0 };
	struct ks_proc p = { .cwd = w->b->obj, .env = ks_kbuild_env(), .out = &said, .err = &said };
	struct ks_error *err;

	ks_strv_add(&argv, program);
	if (ks_config_get(w->b->config, "MODVERSIONS"))
		ks_strv_add(&argv, "-m");
	if (ks_config_get(w->b->config, "MODULE_SRCVERSION_ALL"))
		ks_strv_add(&argv, "-a");
	if (ks_config_get(w->b->config, "MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS"))
		ks_strv_add(&argv, "-N");
	ks_strv_add(&argv, "-i");
	ks_strv_add(&argv, w->symvers);
	ks_strv_add(&argv, "-o");
	ks_strv_add(&argv, w->exports);
	ks_strv_addf(&argv, "%s.o", w->modfile);
	p.argv = (const char *const *)argv.v;
	err = ks_error_prefix(ks_proc_check(&p), "%s.ko", w->modfile);
	/* An undefined symbol is an error; a missing version only a warning, but does not load. */
	if (!err && said.data && strstr(said.data, "WARNING"))
		err = ks_error_new(KS_E_FAILED, "%s.ko: modpost says:\n%s", w->modfile, said.data);
	ks_strv_free(&argv);
	ks_buf_free(&said);
	free(program);
	return err;
}

/* Others that use the module are not built again: it must export what it did. */
static struct ks_error *check_exports(struct whole *w)
{
	struct ks_buf text = { 0 };
	struct ks_strv new = { 0 };
	struct ks_error *err = ks_file_read(w->exports, KS_BUILD_MAX_FILE, &text);
	char *save = NULL;

	for (char *line = err ? NULL : strtok_r(text.data, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		if (is_own(line, w->modfile))
			ks_strv_add(&new, line);
	for (size_t i = 0; i < w->old_exports.len && !err; i++) {
		const char *name = strchr(w->old_exports.v[i], '\t') + 1;

		if (!ks_strv_has(&new, w->old_exports.v[i]))
			err = ks_error_new(KS_E_REFUSED,
					   "%s.ko: its exported symbol %.*s would no longer be what the kernel's other modules expect",
					   w->modfile, (int)strcspn(name, "\t"), name);
	}
	ks_strv_free(&new);
	ks_buf_free(&text);
	return err;
}

static struct ks_error *link_module(struct whole *w, const char *out_path)
{
	char *line = ks_asprintf("%s.ko\n", w->modfile);
	char *from = ks_asprintf("%s/%s.ko", w->b->obj, w->modfile);
	char *to = ks_asprintf("%s.tmp", out_path);
	const char *argv[] = { "objcopy", "--strip-debug", from, to, NULL };
	struct ks_error *err = ks_file_write(w->order, line, strlen(line), 0644);

	if (!err)
		err = ks_kbuild_link_modules(w->b, w->order, "the patched module cannot be linked");
	if (!err)
		err = ks_proc_output(argv, NULL);
	if (!err && rename(to, out_path))
		err = ks_error_errno(errno, "cannot write %s", out_path);
	free(line);
	free(from);
	free(to);
	return err;
}

static struct ks_error *build(struct whole *w, const char *out_path)
{
	struct ks_error *err = ks_generated_purge_objects(w->b), *undo;

	if (!err)
		err = write_symvers(w);
	if (!err)
		err = ks_object_make_real(w->b);
	/* The true line numbers: nothing is compared with this module. */
	if (!err)
		err = ks_overlay_apply(w->b, false);
	if (err)
		return err;
	err = compile(w);
	if (!err)
		err = modpost(w);
	if (!err)
		err = check_exports(w);
	if (!err)
		err = link_module(w, out_path);
	undo = ks_overlay_undo(w->b);
	if (!undo)
		undo = ks_generated_purge_objects(w->b);
	if (!undo)
		return err;
	ks_error_free(err);
	return undo;
}

struct ks_error *ks_build_whole_module(struct ks_build *b, const char *modfile,
				       const char *out_path)
{
	struct whole w = { .b = b, .modfile = modfile };
	struct ks_error *err = ks_build_prepare(b);

	if (!err && (!strchr(modfile, '/') || *modfile == '/' || strstr(modfile, "..")))
		err = ks_error_new(KS_E_INPUT, "%s: not the file of a module", modfile);
	if (err)
		return err;
	ks_step(b->report, "Building %s.ko", modfile);
	w.symvers = ks_path_join(b->cache, "kernel.symvers");
	w.exports = ks_path_join(b->cache, "module.symvers");
	w.order = ks_path_join(b->cache, "modules.order");
	err = build(&w, out_path);
	ks_strv_free(&w.old_exports);
	free(w.symvers);
	free(w.exports);
	free(w.order);
	return err;
}

static bool ends_word(char c)
{
	return !c || c == ' ' || c == '\t' || c == '\n' || c == '\\';
}

/* Does a line "obj-... NAME.o ..." (continued ones joined) list the module? */
static bool lists_module(char *makefile, const char *name)
{
	char *object = ks_asprintf("%s.o", name), *save = NULL;
	bool found = false;

	for (char *p = strstr(makefile, "\\\n"); p; p = strstr(p, "\\\n"))
		p[0] = p[1] = ' ';
	for (char *line = strtok_r(makefile, "\n", &save); line && !found; line = strtok_r(NULL, "\n", &save)) {
		char *at = ks_str_starts(line, "obj-") ? line : NULL;

		while (at && (at = strstr(at, object))) {
			found |= (at[-1] == ' ' || at[-1] == '\t' || at[-1] == '=') &&
				 ends_word(at[strlen(object)]);
			at++;
		}
	}
	free(object);
	return found;
}

/* In the source's own directory and those above it, as "DIR/NAME"; NULL: in none. */
static char *find_above(struct ks_build *b, const char *source, const char *name)
{
	static const char *const files[] = { "Kbuild", "Makefile" };
	char *dir = ks_strdup(source), *modfile = NULL, *slash;

	while (!modfile && (slash = strrchr(dir, '/'))) {
		*slash = 0;
		for (int i = 0; i < 2 && !modfile; i++) {
			char *path = ks_asprintf("%s/%s/%s", b->source, dir, files[i]);
			struct ks_buf text = { 0 };

			ks_error_free(ks_file_read(path, KS_BUILD_MAX_FILE, &text));
			if (text.data && lists_module(text.data, name))
				modfile = ks_asprintf("%s/%s", dir, name);
			ks_buf_free(&text);
			free(path);
		}
	}
	free(dir);
	return modfile;
}

char *ks_build_find_modfile(struct ks_build *b, const struct ks_build_unit *u)
{
	char *dashed, *modfile;

	if (u->modfile)
		return ks_strdup(u->modfile);
	modfile = find_above(b, u->source, u->modname);
	if (modfile)
		return modfile;
	/* The kernel shows "-" as "_". */
	dashed = ks_strdup(u->modname);
	for (char *p = dashed; *p; p++)
		if (*p == '_')
			*p = '-';
	modfile = find_above(b, u->source, dashed);
	free(dashed);
	return modfile;
}
