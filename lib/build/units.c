// SPDX-License-Identifier: GPL-2.0-only
/*
 * From changed files to units: which objects does the patch affect?
 *
 * Each changed file is one of: a .c file, which leads to its own object and to
 * those of the .c files that include it; a file that compiles into nothing,
 * which is left out with a note; or one whose effect cannot be followed, and
 * then the whole patch is refused.
 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "build/state.h"

enum effect {
	COMPILED, /* a .c file like most */
	NOTHING,
	REFUSED,
};

/* Directories and files whose code is not, or not simply, part of the running kernel. */
static const struct {
	const char *prefix;
	enum effect effect;
	const char *why;
} places[] = {
	{ "Documentation/", NOTHING, "documentation" },
	{ "LICENSES/", NOTHING, "documentation" },
	{ "debian/", NOTHING, "the packaging" },
	{ "samples/", NOTHING, "an example" },
	{ "tools/", NOTHING, "a user-space tool" },
	{ "usr/", NOTHING, "only for the initial file system" },
	{ "arch/x86/boot/", NOTHING, "it runs before the kernel does" },
	{ "arch/x86/tools/", NOTHING, "a tool of the build" },
	{ "arch/x86/um/", NOTHING, "for another architecture" },
	{ "drivers/firmware/efi/libstub/", NOTHING, "it runs before the kernel does" },
	{ "arch/x86/realmode/", REFUSED, "its code is linked apart and copied to low memory" },
	{ "arch/x86/purgatory/", REFUSED, "its code is linked apart, for kexec" },
	{ "arch/x86/entry/vdso/", REFUSED, "its code is linked apart and runs in user space" },
	{ "lib/vdso/", REFUSED, "its code is linked apart and runs in user space" },
	{ "arch/x86/kernel/asm-offsets", REFUSED,
	  "a header is generated from it, and changed headers are not supported yet" },
	{ "kernel/bounds.c", REFUSED,
	  "a header is generated from it, and changed headers are not supported yet" },
	{ "scripts/", REFUSED,
	  "it is part of the build system, which must stay as it was when the kernel was built" },
	{ "rust/", REFUSED, "Rust is not supported" },
};

static bool is_documentation(const char *path)
{
	static const char *const endings[] = { ".rst", ".txt", ".md", ".yaml", ".dts", ".dtsi" };
	static const char *const names[] = { "README", "TODO", "MAINTAINERS", "CREDITS",
					     "COPYING" };
	const char *base = ks_path_base(path);

	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++)
		if (ks_str_ends(base, endings[i]))
			return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(base, names[i]))
			return true;
	return *base == '.';
}

static enum effect classify(const char *path, const char **why)
{
	const char *base = ks_path_base(path);

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		if (ks_str_starts(path, places[i].prefix)) {
			*why = places[i].why;
			return places[i].effect;
		}
	}
	if (ks_str_starts(path, "arch/") && strchr(path + 5, '/') &&
	    !ks_str_starts(path, "arch/x86/")) {
		*why = "for another architecture";
		return NOTHING;
	}
	if (ks_str_ends(base, ".c"))
		return COMPILED;
	*why = "documentation";
	if (ks_str_starts(base, "Makefile") || ks_str_starts(base, "Kbuild") ||
	    ks_str_starts(base, "Kconfig"))
		*why = "it is part of the build system, which must stay as it was when the kernel was built";
	else if (is_documentation(path))
		return NOTHING;
	else if (ks_str_ends(base, ".h"))
		*why = "changed headers are not supported yet; if only some .c files need the change, make it there";
	else if (ks_str_ends(base, ".S") || ks_str_ends(base, ".s"))
		*why = "assembly code cannot be replaced safely";
	else
		*why = "what it is compiled into is not known";
	return REFUSED;
}

static struct ks_build_unit *find_unit(struct ks_build_units *units, const char *target)
{
	ks_vec_for(&units->list, u)
		if (!strcmp(u->target, target))
			return u;
	return NULL;
}

static void add_unit(struct ks_build *b, struct ks_build_units *units,
		     const struct ks_roster_entry *e, bool included)
{
	struct ks_build_unit *u = find_unit(units, e->target);

	if (u) {
		u->included &= included;
		return;
	}
	u = ks_vec_push(&units->list);
	u->target = ks_strdup(e->target);
	for (size_t i = 0; i < e->way.len; i++)
		ks_strv_add(&u->way, e->way.v[i]);
	u->object = ks_path_normal(e->target);
	u->source = ks_asprintf("%.*s.c", (int)strlen(u->object) - 2, u->object);
	u->pre_path = ks_asprintf("%s/pre/%s", b->cache, u->object);
	u->post_path = ks_asprintf("%s/post/%s", b->cache, u->object);
	u->included = included;
}

static struct ks_error *add_source(struct ks_build *b, struct ks_roster *roster, const char *source,
				   bool included, struct ks_build_units *units)
{
	struct ks_roster_list list = { 0 };
	struct ks_error *err = ks_roster_find(roster, source, &list);

	if (!err)
		ks_vec_for(&list.entries, e)
			add_unit(b, units, e, included);
	ks_roster_list_free(&list);
	return err;
}

/* The objects of one changed .c file. */
static struct ks_error *add_change(struct ks_build *b, struct ks_roster *roster,
				   const struct ks_change *c, struct ks_build_units *units)
{
	struct ks_strv includers = { 0 };
	struct ks_error *err = NULL;

	/*
	 * A file that comes or goes is in no makefile on one of the sides
	 * (changed makefiles are refused): it matters only to its includers.
	 */
	if (c->kind == KS_CHANGE_MODIFIED)
		err = add_source(b, roster, c->path, false, units);
	if (!err && c->kind != KS_CHANGE_ADDED)
		err = ks_includes_find(b, c->path, &includers);
	for (size_t i = 0; !err && i < includers.len; i++)
		err = add_source(b, roster, includers.v[i], true, units);
	ks_strv_free(&includers);
	return err;
}

static int compare_units(const void *a, const void *b)
{
	return strcmp(((const struct ks_build_unit *)a)->object,
		      ((const struct ks_build_unit *)b)->object);
}

struct ks_error *ks_build_units(struct ks_build *b, struct ks_build_units *units)
{
	struct ks_roster *roster = NULL;
	struct ks_buf refused = { 0 };
	struct ks_error *err = NULL;
	const char *why;
	size_t compiled = 0;

	ks_vec_for(&b->changes, c) {
		enum effect effect = classify(c->path, &why);

		if (effect == REFUSED)
			ks_buf_addf(&refused, "\n  %s: %s", c->path, why);
		else if (effect == NOTHING)
			ks_note(b->report, 0, "%s: %s: nothing to do for it", c->path, why);
		c->compiled = effect == COMPILED;
		compiled += c->compiled;
	}
	if (refused.len)
		err = ks_error_new(KS_E_REFUSED,
				   "the patch changes files that cannot be handled:%s",
				   refused.data);
	if (!err && compiled)
		err = ks_build_prepare(b);
	if (!err && compiled)
		roster = ks_roster_new(b);
	ks_vec_for(&b->changes, c)
		if (!err && c->compiled)
			err = add_change(b, roster, c, units);
	if (!err && units->list.len)
		qsort(units->list.v, units->list.len, sizeof(*units->list.v), compare_units);
	/* With no unit left to ask the compiler about, nobody else would say it. */
	if (!err && compiled && !units->list.len)
		ks_vec_for(&b->changes, c)
			if (c->compiled)
				ks_note(b->report, 0,
					"%s: not built in this configuration: nothing to do for it",
					c->path);
	ks_roster_free(roster);
	ks_buf_free(&refused);
	return err;
}

static void unit_clear(struct ks_build_unit *u)
{
	free(u->source);
	free(u->object);
	free(u->modname);
	free(u->pre_path);
	free(u->post_path);
	free(u->target);
	ks_strv_free(&u->way);
}

void ks_build_units_free(struct ks_build_units *units)
{
	ks_vec_for(&units->list, u)
		unit_clear(u);
	ks_vec_free(&units->list);
}
