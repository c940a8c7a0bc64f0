// SPDX-License-Identifier: GPL-2.0-only
/*
 * From patch to package (lib/create), as far as it goes without a kernel: which
 * directories are taken and which kernel they are of, which types may change, and
 * what the manifest says of units and needs.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "build/state.h"
#include "create/create.h"
#include "create/state.h"
#include "table/newobj.h"
#include "create/tree.h"
#include "tap.h"

static char *top;

static void put(const char *name, const char *text)
{
	char *path = ks_path_join(top, name), *parent = ks_strdup(path);

	*strrchr(parent, '/') = 0;
	die(ks_dir_make(parent));
	die(ks_file_write(path, text, strlen(text), 0644));
	free(parent);
	free(path);
}

static void link_to(const char *target, const char *name)
{
	char *to = ks_path_join(top, target), *path = ks_path_join(top, name);

	if (symlink(to, path))
		die(ks_error_errno(errno, "%s", path));
	free(to);
	free(path);
}

/* @source and @config (may be NULL) are below top; the answer is in *dir. */
static struct ks_error *find(const char *source, const char *config, char **dir)
{
	char *s = ks_path_join(top, source), *c = config ? ks_path_join(top, config) : NULL;
	struct ks_error *err = ks_create_find_config(s, c, dir);

	free(s);
	free(c);
	return err;
}

static void found(const char *source, const char *config, const char *expect, const char *name)
{
	char *dir, *want = ks_path_join(top, expect);
	struct ks_error *err = find(source, config, &dir);

	if (err)
		tap_fine(err, name);
	else
		tap_ok(!strcmp(dir, want), "%s", name);
	free(dir);
	free(want);
}

static void not_found(const char *source, const char *config, const char *part, const char *name)
{
	char *dir;

	tap_error(find(source, config, &dir), KS_E_USAGE, part, name);
	free(dir);
}

static void test_config(void)
{
	put("linux/Makefile", "");
	put("linux/ksplice/config/x", "");
	put("linux/drivers/x", "");
	put("linux-config/x", "");
	put("bare/Makefile", "");
	put("linked/Makefile", "");
	link_to("linux-config", "linked/ksplice");
	link_to("linux/drivers", "outside");

	found("linux", NULL, "linux/ksplice", "config: the source's ksplice/");
	found("linux", "linux/ksplice", "linux/ksplice", "config: the same by name");
	found("linux", "linux-config", "linux-config", "config: beside the source, a longer name");
	found("linked", NULL, "linux-config", "config: a link out of the source");
	not_found("none", NULL, "/none: no such directory", "config: no source");
	not_found("linux/Makefile", NULL, "/Makefile: no such directory",
		  "config: the source is a file");
	not_found("bare", NULL, "/bare/ksplice: no such directory; it holds .config",
		  "config: a source that was not prepared");
	not_found("linux", "none", "/none: no such directory; it holds .config",
		  "config: one that is not there");
	not_found("linux", "linux", "must not be inside the source", "config: the source itself");
	not_found("linux", "linux/drivers", "must not be inside the source",
		  "config: a directory of the source");
	not_found("linux", "linux/ksplice/config", "must not be inside the source",
		  "config: below the source's ksplice/");
	not_found("linux", "outside", "must not be inside the source",
		  "config: a link into the source");
}

/* The release that @config has, or NULL and the error. */
static char *release_of(const char *config, char **version, struct ks_error **err)
{
	char *dir = ks_path_join(top, config), *release;
	struct ks_kernel_info info;

	*err = ks_create_read_kernel(dir, &info);
	release = info.release;
	*version = info.version;
	info.release = info.version = NULL;
	ks_kernel_info_free(&info);
	free(dir);
	return release;
}

static void release_is(const char *config, const char *release, const char *version,
		       const char *name)
{
	struct ks_error *err;
	char *v, *r = release_of(config, &v, &err);

	if (err)
		tap_fine(err, name);
	else
		tap_ok(!strcmp(r, release) && (version ? v && !strcmp(v, version) : !v), "%s",
		       name);
	free(r);
	free(v);
}

static void no_release(const char *config, enum ks_error_code code, const char *part,
		       const char *name)
{
	struct ks_error *err;
	char *v, *r = release_of(config, &v, &err);

	tap_error(err, code, part, name);
	tap_ok(!r && !v, "%s: nothing to free", name);
}

static void test_release(void)
{
	put("noted/kernel", "format: 1\nrelease: 6.1.0-1-amd64\nversion: 6.1.1-1\n");
	put("noted/build/include/generated/utsrelease.h", "#define UTS_RELEASE \"other\"\n");
	put("hand/build/include/generated/utsrelease.h", "#define UTS_RELEASE \"6.1.7-mine\"\n");
	put("empty/build/include/generated/utsrelease.h", "");
	put("open/build/include/generated/utsrelease.h", "#define UTS_RELEASE \"6.1.7\n");
	put("unknown/x", "");
	put("later/kernel", "format: 2\nrelease: 6.1.0-1-amd64\nversion: 6.1.1-1\n");

	release_is("noted", "6.1.0-1-amd64", "6.1.1-1", "release: what ksplice-prepare noted");
	release_is("hand", "6.1.7-mine", NULL, "release: the headers' word");
	no_release("empty", KS_E_INPUT, "utsrelease.h: it defines no UTS_RELEASE",
		   "release: an empty header");
	no_release("open", KS_E_INPUT, "utsrelease.h: it defines no UTS_RELEASE",
		   "release: no end");
	no_release("unknown", KS_E_SYSTEM, "the kernel's release: cannot open", "release: unknown");
	no_release("later", KS_E_INPUT, "has format 2", "release: a note that is too new");
}

/* The whole pipeline stops at its first step, and leaves nothing. */
static void test_stop(void)
{
	char *source = ks_path_join(top, "linux"), *config = ks_path_join(top, "hand");
	struct ks_create_options opt = {
		.source = source,
		.config = config,
		.id = "test",
		.description = "",
		.patch = "/nonexistent",
		.jobs = 1,
	};
	struct ks_create_result result;

	tap_error(ks_create_update(&opt, &result), KS_E_SYSTEM, "System.map",
		  "an update without a System.map");
	tap_ok(!result.tarball && !result.manifest.id && !result.manifest.units.len,
	       "... has no result");
	ks_create_result_clear(&result);
	opt.config = NULL;
	opt.source = "/nonexistent";
	tap_error(ks_create_update(&opt, &result), KS_E_USAGE, "no such directory",
		  "an update without a source");
	ks_create_result_clear(&result);
	tap_error(ks_create_prebuild(&opt), KS_E_USAGE, "no such directory",
		  "a cache without a source");
	free(source);
	free(config);
}

static void call(struct ks_atom *from, const char *name)
{
	ks_vec_push(&from->refs)->name = name;
}

static void replace(struct ks_create_work *w, struct ks_atom *a)
{
	ks_vec_push(&w->diff->replaced)->post = a;
	*ks_vec_push(&w->diff->included) = a;
}

static void test_manifest(void)
{
	struct ks_build_unit built[] = {
		{.source = (char *)"fs/a.c", .modname = (char *)"alpha"},
		{.source = (char *)"fs/b.c"},
		{.source = (char *)"fs/c.c", .modname = (char *)"alpha"},
		{.source = (char *)"fs/d.c", .modname = (char *)"delta"},
	};
	struct ks_create_options opt = {.id = "test", .description = "a test"};
	struct ks_build build = {0};
	struct ks_atom local = {.name = "local"}, f = {.name = "f"}, g = {.name = "g"},
		       h = {.name = "h"}, x = {.name = "x"};
	struct ks_diff diffs[4] = {0};
	struct ks_create c = {.opt = &opt, .build = &build};
	struct ks_manifest m = {0};

	put("config/build/Module.symvers", "0x00000001\tprintk\tvmlinux\tEXPORT_SYMBOL\t\n"
					   "0x00000002\talpha_get\tfs/alpha\tEXPORT_SYMBOL\t\n"
					   "0x00000003\tbeta_get\tfs/beta-fs\tEXPORT_SYMBOL_GPL\t\n"
					   "0x00000004\tbeta_put\tfs/beta-fs\tEXPORT_SYMBOL_GPL\t\n"
					   "0x00000005\tlocal\tfs/gamma\tEXPORT_SYMBOL\t\n"
					   "0x00000006\tdelta_get\tfs/delta\tEXPORT_SYMBOL\t\n");
	c.config_dir = ks_path_join(top, "config");
	c.kernel.release = (char *)"6.1.7";
	for (size_t i = 0; i < 4; i++) {
		struct ks_create_work *w = ks_vec_push(&c.work);

		w->built = &built[i];
		w->diff = &diffs[i];
	}
	replace(&c.work.v[0], &f);
	replace(&c.work.v[1], &g);
	replace(&c.work.v[2], &h);
	ks_vec_push(&diffs[2].data)->post = &x;
	ks_strv_add(&diffs[0].added, "fresh");
	ks_strv_add(&diffs[0].removed, "stale");
	ks_strv_add(&diffs[0].skipped, "init_a: gone after boot");
	*ks_vec_push(&c.layouts.list) = (struct ks_layout){KS_LAYOUT_CHANGED, ks_strdup("struct a"),
							   ks_strdup("fs/a.h"), ks_strdup("8 -> 16 bytes")};
	*ks_vec_push(&c.layouts.list) = (struct ks_layout){KS_LAYOUT_COMPATIBLE, ks_strdup("struct b"),
							   ks_strdup("fs/a.h"), ks_strdup("x is new at 4")};
	call(&f, "printk");
	call(&f, "alpha_get");
	call(&f, "beta_get");
	call(&f, "beta_put");
	call(&h, "nobody_exports");
	call(&g, "local");
	g.refs.v[0].atom = &local;

	if (!tap_fine(ks_create_fill_manifest(&c, &m), "manifest: filled in"))
		goto out;
	tap_ok(!strcmp(m.id, "test") && !strcmp(m.description, "a test") &&
		       !strcmp(m.release, "6.1.7") && !strcmp(m.version, ""),
	       "manifest: which update, which kernel");
	tap_ok(m.units.len == 3 && !strcmp(m.units.v[1].path, "fs/b.c") &&
		       !strcmp(m.units.v[1].target, "vmlinux") &&
		       !strcmp(m.units.v[2].target, "alpha"),
	       "manifest: the units that are touched, in their order");
	tap_ok(m.targets.len == 2 && !strcmp(m.targets.v[0], "alpha") &&
		       !strcmp(m.targets.v[1], "vmlinux"),
	       "manifest: each target once");
	tap_ok(ks_strv_has(&m.units.v[0].replaced, "f") &&
		       ks_strv_has(&m.units.v[0].added, "fresh") &&
		       ks_strv_has(&m.units.v[0].removed, "stale") &&
		       ks_strv_has(&m.units.v[2].changed, "x"),
	       "manifest: names by what becomes of them");
	tap_ok(m.units.v[0].skipped.len == 1 && !strcmp(m.units.v[0].skipped.v[0].name, "init_a"),
	       "manifest: what is left out");
	tap_ok(m.layouts.len == 1 && !strcmp(m.layouts.v[0], "struct a (fs/a.h): 8 -> 16 bytes") &&
		       m.extended.len == 1 && !strcmp(m.extended.v[0], "struct b (fs/a.h): x is new at 4"),
	       "manifest: layouts, and what only has more in its padding");
	tap_ok(!m.pinned, "manifest: not pinned");
	tap_ok(m.needs.len == 1 && !strcmp(m.needs.v[0], "beta_fs"),
	       "manifest: needs the one module that is no target");
	ks_manifest_clear(&m);

	free(c.config_dir);
	c.config_dir = ks_path_join(top, "none");
	tap_error(ks_create_fill_manifest(&c, &m), KS_E_SYSTEM, "Module.symvers",
		  "manifest: modules without their exports");
	ks_manifest_clear(&m);
	c.work.v[0] = c.work.v[1];
	c.work.len = 1;
	tap_fine(ks_create_fill_manifest(&c, &m), "manifest: vmlinux alone needs none");
	tap_ok(!m.needs.len, "... and has none");
out:
	ks_manifest_clear(&m);
	free(c.config_dir);
	ks_vec_free(&c.work);
	ks_build_layouts_free(&c.layouts);
	ks_vec_free(&f.refs);
	ks_vec_free(&g.refs);
	ks_vec_free(&h.refs);
	for (size_t i = 0; i < 4; i++) {
		ks_vec_free(&diffs[i].replaced);
		ks_vec_free(&diffs[i].included);
		ks_vec_free(&diffs[i].data);
		ks_strv_free(&diffs[i].added);
		ks_strv_free(&diffs[i].removed);
		ks_strv_free(&diffs[i].skipped);
	}
}

/* A function that was static and is called from another module now. */
static struct ks_strv noted;

static void on_note(struct ks_report *r, int level, const char *text)
{
	(void)r;
	if (!level)
		ks_strv_add(&noted, text);
}

/* With the types of the list accepted, separated by commas. */
static struct ks_error *check_layouts(struct ks_create *c, const char *types, enum ks_layout_kind kind)
{
	struct ks_report report = {.note = on_note};
	struct ks_strv accepted = {0};
	struct ks_create_options opt = {.accept_layouts = &accepted, .report = &report};
	char *copy = ks_strdup(types), *save = NULL;
	struct ks_error *err;

	for (char *t = strtok_r(copy, ",", &save); t; t = strtok_r(NULL, ",", &save))
		ks_strv_add(&accepted, t);
	c->opt = &opt;
	ks_strv_free(&noted);
	ks_create_note_layouts(c);
	err = ks_create_check_layouts(c, kind);
	c->opt = NULL;
	ks_strv_free(&accepted);
	free(copy);
	return err;
}

static void add_layout(struct ks_create *c, enum ks_layout_kind kind, const char *type, const char *what)
{
	*ks_vec_push(&c->layouts.list) = (struct ks_layout){kind, ks_strdup(type), ks_strdup("fs/a.h"),
							    ks_strdup(what)};
}

static void test_layouts(void)
{
	struct ks_create c = {0};
	struct ks_error *err;

	tap_fine(check_layouts(&c, "", KS_LAYOUT_CHANGED), "layouts: none changes");
	add_layout(&c, KS_LAYOUT_COMPATIBLE, "struct padded", "x is new at 4");
	tap_fine(check_layouts(&c, "", KS_LAYOUT_CHANGED), "layouts: more in the padding is not refused");
	add_layout(&c, KS_LAYOUT_CHANGED, "struct a", "8 -> 16 bytes; x is new at 8");
	add_layout(&c, KS_LAYOUT_CHANGED, "union b", "4 -> 8 bytes");
	add_layout(&c, KS_LAYOUT_UNKNOWN, "struct u", "who knows");
	err = check_layouts(&c, "", KS_LAYOUT_CHANGED);
	tap_ok(err && !strcmp(ks_error_message(err),
			      "the update cannot be made safely (2 reasons):\n"
			      "  struct a (fs/a.h): 8 -> 16 bytes; x is new at 8\n"
			      "  union b (fs/a.h): 4 -> 8 bytes\n"
			      "Objects that exist when the update is applied have the old layout, and new code would look\n"
			      "for their members at wrong places. Leave the type as it is, and keep what is new beside it\n"
			      "(in a shadow field, see docs/hooks.md). If no object of the type\n"
			      "outlives that moment, as when they are on the stacks of replaced functions only, say so:\n"
			      "ksplice-create --accept-layout='struct a' --accept-layout='union b'"),
	       "layouts: what is refused, why, and what to do");
	tap_error(err, KS_E_REFUSED, "2 reasons", "layouts: it is a refusal");
	err = check_layouts(&c, "struct a", KS_LAYOUT_CHANGED);
	tap_ok(err && !strstr(ks_error_message(err), "struct a") && !noted.len, "layouts: one that is accepted");
	tap_error(err, KS_E_REFUSED, "(1 reason)", "layouts: the other is not");
	tap_fine(check_layouts(&c, "union b,struct a", KS_LAYOUT_CHANGED), "layouts: both are");
	tap_error(check_layouts(&c, "union b,struct a", KS_LAYOUT_UNKNOWN), KS_E_REFUSED,
		  "struct u (fs/a.h): who knows", "layouts: what is not known is refused later");
	tap_fine(check_layouts(&c, "struct u", KS_LAYOUT_UNKNOWN), "layouts: unless it is accepted");
	tap_fine(check_layouts(&c, "all", KS_LAYOUT_CHANGED), "layouts: all are accepted");
	tap_ok(!noted.len, "layouts: with nothing to say about it");
	ks_error_free(check_layouts(&c, "struct other", KS_LAYOUT_CHANGED));
	tap_ok(noted.len == 1 && strstr(noted.v[0], "warning: --accept-layout='struct other'"),
	       "layouts: one that does not change");
	ks_error_free(check_layouts(&c, "struct padded", KS_LAYOUT_CHANGED));
	tap_ok(noted.len == 1, "layouts: nor does one that only has more in its padding");
	ks_strv_free(&noted);
	ks_build_layouts_free(&c.layouts);
}

static void test_opened(void)
{
	struct ks_atom pre = {.name = "opened", .bind = STB_LOCAL};
	struct ks_atom post = {.name = "opened", .bind = STB_GLOBAL, .pair = &pre};
	struct ks_atom old = {.name = "kept", .bind = STB_GLOBAL};
	struct ks_atom kept = {.name = "kept", .bind = STB_GLOBAL, .pair = &old};
	struct ks_unit unit = {0};
	struct ks_diff diff = {.post = &unit};
	struct ks_new_globals globals = {0};
	const struct ks_opened *found;

	*ks_vec_push(&unit.atoms) = &post;
	*ks_vec_push(&unit.atoms) = &kept;
	ks_new_globals_add(&globals, 2, &diff);
	found = ks_new_globals_opened(&globals, 1, "opened");
	tap_ok(found && found->target == 2 && found->pre == &pre,
	       "what becomes global is found from another target");
	tap_ok(!ks_new_globals_opened(&globals, 2, "opened"), "its own target finds it by its name");
	tap_ok(!ks_new_globals_opened(&globals, 1, "kept"), "what was global is found by its name");
	ks_new_globals_free(&globals);
	ks_vec_free(&unit.atoms);
}

int main(void)
{
	char *dir;

	die(ks_dir_temp("ks-test-create", &dir));
	die(ks_path_resolve(dir, &top));
	test_config();
	test_release();
	test_stop();
	test_manifest();
	test_layouts();
	test_opened();
	ks_error_free(ks_dir_remove(top));
	free(dir);
	free(top);
	return tap_done();
}
