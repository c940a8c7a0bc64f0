// SPDX-License-Identifier: GPL-2.0-only
/*
 * From changed files to units: which objects may the patch affect?
 *
 * Each changed file is one of: a .c or .S file, which leads to its own object;
 * a header, which leads to what includes it; a file that compiles into nothing,
 * which is left out with a note; or one whose effect cannot be followed, and
 * then the whole patch is refused.  Sources may be included, too.
 *
 * The include graph (graph.c) says which sources include a changed file, the
 * roster which of these the kernel is built from.  What is found is then examined
 * by its preprocessed text (examine.c), except where that does not tell: sources
 * that the build generates, and those in a directory whose makefile generates
 * something from a changed header.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "build/graph.h"
#include "build/state.h"

enum effect {
	COMPILED, /* a source or header like most */
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
	{ "tools/lib/bpf/relo_core", REFUSED, "kernel/bpf is made from it in a way that is not known" },
	{ "tools/", NOTHING, "a user-space tool" },
	{ "usr/", NOTHING, "only for the initial file system" },
	{ "arch/x86/boot/", NOTHING, "it runs before the kernel does" },
	{ "arch/x86/tools/", NOTHING, "a tool of the build" },
	{ "arch/x86/um/", NOTHING, "for another architecture" },
	{ "drivers/firmware/efi/libstub/", NOTHING, "it runs before the kernel does" },
	{ "arch/x86/realmode/rm", REFUSED, "its code is linked apart and copied to low memory" },
	{ "arch/x86/purgatory/", REFUSED, "its code is linked apart, for kexec" },
	{ "arch/x86/entry/vdso/vma.c", COMPILED, NULL },
	{ "arch/x86/entry/vdso/extable.c", COMPILED, NULL },
	{ "arch/x86/entry/vdso/", REFUSED, "its code is linked apart and runs in user space" },
	{ "lib/vdso/", REFUSED, "its code is linked apart and runs in user space" },
	{ "arch/x86/kernel/asm-offsets", REFUSED, "a header is generated from it" },
	{ "kernel/bounds.c", REFUSED, "a header is generated from it" },
	{ "scripts/", REFUSED,
	  "it is part of the build system, which must stay as it was when the kernel was built" },
	{ "rust/", REFUSED, "Rust is not supported" },
};

/* Assembly that is not, or not simply, called from C where it stands. */
static const struct {
	const char *prefix, *why;
} assembly[] = {
	{ "arch/x86/entry/", "the code by which the kernel is entered cannot be replaced" },
	{ "arch/x86/kernel/head", "it runs before the kernel does" },
	{ "arch/x86/kernel/vmlinux.lds", "it says how the kernel is linked" },
	{ "arch/x86/kernel/verify_cpu", "it runs before the kernel does" },
	{ "arch/x86/kernel/sev_verify_cbit", "it runs while a processor starts" },
	{ "arch/x86/kernel/relocate_kernel", "kexec runs a copy of it elsewhere" },
	{ "arch/x86/kernel/acpi/wakeup", "it runs while the machine wakes up" },
	{ "arch/x86/kernel/ftrace", "the function tracer copies it, and changes it while it runs" },
	{ "arch/x86/lib/retpoline", "calls and returns of all code go through it, and the kernel rewrites them" },
	{ "arch/x86/mm/mem_encrypt_boot", "it runs before the kernel does" },
	{ "arch/x86/platform/pvh/head", "it runs before the kernel does" },
	{ "arch/x86/power/hibernate_asm", "it runs while another kernel takes over, and a copy of it elsewhere" },
	{ "arch/x86/xen/xen-asm", "the code by which the kernel is entered cannot be replaced" },
	{ "arch/x86/xen/xen-head", "it runs before the kernel does" },
};

static bool is_source(const char *path)
{
	return ks_str_ends(path, ".c") || ks_str_ends(path, ".S");
}

static const char *why_not_assembly(const char *path)
{
	for (size_t i = 0; i < sizeof(assembly) / sizeof(*assembly); i++)
		if (ks_str_ends(path, ".S") && ks_str_starts(path, assembly[i].prefix))
			return assembly[i].why;
	if (ks_str_ends(path, ".lds.S"))
		return "it says how something is linked";
	return NULL;
}

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
	*why = why_not_assembly(path);
	if (*why)
		return REFUSED;
	if (is_source(base) || ks_str_ends(base, ".h"))
		return COMPILED;
	*why = "documentation";
	if (ks_str_starts(base, "Makefile") || ks_str_starts(base, "Kbuild") ||
	    ks_str_starts(base, "Kconfig"))
		*why = "it is part of the build system, which must stay as it was when the kernel was built";
	else if (is_documentation(path))
		return NOTHING;
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

struct finding {
	struct ks_build *b;
	struct ks_roster *roster;
	struct ks_graph *graph; /* the build's */
	struct ks_build_units *units;
};

/* What the object is compiled from; the caller frees. */
static char *source_of(const struct finding *f, const char *object, bool *generated)
{
	static const char *const suffixes[] = { "c", "S" };
	char *path = NULL;

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		free(path);
		path = ks_asprintf("%.*s.%s", (int)strlen(object) - 2, object, suffixes[i]);
		*generated = !ks_graph_signature(f->graph, path);
		if (!*generated)
			return path;
	}
	free(path);
	return ks_asprintf("%.*s.c", (int)strlen(object) - 2, object);
}

static struct ks_build_unit *add_unit(struct finding *f, const struct ks_roster_entry *e,
				      bool included)
{
	struct ks_build_unit *u = find_unit(f->units, e->target);
	bool generated;

	if (u) {
		u->included &= included;
		return u;
	}
	u = ks_vec_push(&f->units->list);
	u->target = ks_strdup(e->target);
	for (size_t i = 0; i < e->way.len; i++)
		ks_strv_add(&u->way, e->way.v[i]);
	u->object = ks_path_normal(e->target);
	u->source = source_of(f, u->object, &generated);
	u->pre_path = ks_asprintf("%s/pre/%s", f->b->cache, u->object);
	u->post_path = ks_asprintf("%s/post/%s", f->b->cache, u->object);
	u->included = included;
	u->whole = generated;
	u->apart = e->apart;
	return u;
}

/* Not what runs before the kernel does. */
static bool matters(const struct ks_roster_entry *e)
{
	char *object = ks_path_normal(e->target);
	const char *why;
	bool good = classify(object, &why) != NOTHING;

	free(object);
	return good;
}

/* Is it one of the places whose code is linked apart, and packed into an object of the kernel? */
static bool is_place_apart(const char *object)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (places[i].effect == REFUSED && ks_str_starts(object, places[i].prefix))
			return true;
	return false;
}

static void add_entries(struct finding *f, const struct ks_roster_list *list, bool included)
{
	ks_vec_for(&list->entries, e)
		if (matters(e))
			add_unit(f, e, included);
}

static void add_source(struct finding *f, const char *source, bool included)
{
	struct ks_roster_list list = { 0 };

	ks_roster_find(f->roster, source, &list);
	add_entries(f, &list, included);
	ks_roster_list_free(&list);
}

/* Objects whose source the build generates: nobody knows what it includes before it is compiled. */
static void add_generated(struct finding *f)
{
	struct ks_roster_list list = { 0 };

	ks_roster_all(f->roster, &list);
	ks_vec_for(&list.entries, e) {
		char *object = ks_path_normal(e->target);
		bool generated;

		free(source_of(f, object, &generated));
		if (generated && !is_place_apart(object) && matters(e))
			add_unit(f, e, true);
		free(object);
	}
	ks_roster_list_free(&list);
}

/* Directories whose makefile generates something from a changed header. */
static void add_generating(struct finding *f)
{
	struct ks_strv dirs = { 0 };

	ks_roster_directories(f->roster, &dirs);
	ks_vec_for(&f->b->changes, c) {
		if (!c->compiled || !ks_str_ends(c->path, ".h"))
			continue;
		for (size_t i = 0; i < dirs.len; i++) {
			struct ks_roster_list list = { 0 };

			if (!ks_generated_in(f->b, dirs.v[i], c->path))
				continue;
			ks_roster_in(f->roster, dirs.v[i], &list);
			/* What they include of it is not among their dependencies. */
			ks_vec_for(&list.entries, e)
				if (matters(e))
					add_unit(f, e, false)->whole = true;
			ks_roster_list_free(&list);
		}
	}
	ks_strv_free(&dirs);
}

static void note_reached(struct finding *f, struct ks_change *c, const struct ks_strv *sources,
			 bool all)
{
	struct ks_roster_list list = { 0 };

	for (size_t i = 0; i < sources->len && !all; i++)
		ks_roster_find(f->roster, sources->v[i], &list);
	if (all)
		ks_roster_all(f->roster, &list);
	if (list.entries.len && ks_str_ends(c->path, ".h")) {
		c->reaches = true;
		ks_note(f->b->report, 0, "%s: %zu object%s may include it", c->path,
			list.entries.len, list.entries.len == 1 ? "" : "s");
	}
	ks_roster_list_free(&list);
}

/* The units that include one changed file. */
static void add_includers(struct finding *f, struct ks_change *c)
{
	struct ks_strv path = { 0 }, sources = { 0 };
	struct ks_roster_list list = { 0 };
	bool all = false;

	ks_strv_add(&path, c->path);
	ks_graph_reach(f->graph, &path, &sources, &all);
	for (size_t i = 0; i < sources.len; i++)
		if (!ks_build_change(f->b, sources.v[i]))
			add_source(f, sources.v[i], true);
	if (all) {
		ks_roster_all(f->roster, &list);
		add_entries(f, &list, true);
		ks_roster_list_free(&list);
	}
	note_reached(f, c, &sources, all);
	ks_strv_free(&path);
	ks_strv_free(&sources);
}

static void add_all_includers(struct finding *f)
{
	bool header = false;

	/* One that is new may come before the file that was found so far. */
	ks_vec_for(&f->b->changes, c)
		if (c->compiled && c->kind == KS_CHANGE_ADDED)
			ks_graph_add(f->graph, c->path);
	ks_vec_for(&f->b->changes, c) {
		if (!c->compiled)
			continue;
		add_includers(f, c);
		header |= c->reaches;
	}
	if (header) {
		add_generated(f);
		add_generating(f);
	}
}

/*
 * What makefiles of directories have generated from the source goes when that
 * has changed: make would go by times, and these may go back.
 */
static struct ks_error *drop_generated(struct ks_build *b, const struct ks_graph *graph)
{
	char *stage = ks_path_join(b->cache, "stage");
	struct ks_error *err = NULL;
	struct stat st;

	if (ks_graph_scanned(graph) && !stat(stage, &st))
		err = ks_generated_purge(b, &st.st_mtim);
	free(stage);
	return err;
}

static struct ks_error *find_units(struct ks_build *b, struct ks_build_units *units)
{
	struct finding f = { .b = b, .units = units };
	char *cache = ks_path_join(b->cache, "includes");
	struct ks_error *err = ks_build_prepare(b);

	if (!err)
		err = ks_roster_open(b, &f.roster);
	/* Since the last time, files may have changed. */
	ks_graph_free(b->graph);
	b->graph = NULL;
	if (!err)
		err = ks_graph_open(b->source, cache, b->report, &b->graph);
	f.graph = b->graph;
	if (!err)
		err = drop_generated(b, f.graph);
	if (!err) {
		/*
		 * A file that comes or goes is in no makefile on one of the
		 * sides (changed makefiles are refused): it matters only to
		 * its includers.
		 */
		ks_vec_for(&b->changes, c)
			if (c->compiled && c->kind == KS_CHANGE_MODIFIED && is_source(c->path))
				add_source(&f, c->path, false);
		add_all_includers(&f);
		err = ks_generated_check(b);
	}
	ks_roster_free(f.roster);
	free(cache);
	return err;
}

static int compare_units(const void *a, const void *b)
{
	return strcmp(((const struct ks_build_unit *)a)->object,
		      ((const struct ks_build_unit *)b)->object);
}

struct ks_error *ks_build_units(struct ks_build *b, struct ks_build_units *units)
{
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
		err = find_units(b, units);
	ks_buf_free(&refused);
	return err;
}

struct ks_error *ks_build_examine(struct ks_build *b, struct ks_build_units *units)
{
	struct ks_error *err = ks_examine(b, b->graph, units);

	if (!err && units->list.len)
		qsort(units->list.v, units->list.len, sizeof(*units->list.v), compare_units);
	/* With no unit left to ask the compiler about, nobody else would say it. */
	if (!err && !units->list.len)
		ks_vec_for(&b->changes, c)
			if (c->compiled)
				ks_note(b->report, 0, "%s: %s: nothing to do for it", c->path,
					c->reaches ? "no object depends on the change"
						   : "not built in this configuration");
	return err;
}

static void unit_clear(struct ks_build_unit *u)
{
	free(u->source);
	free(u->object);
	free(u->modname);
	free(u->modfile);
	free(u->pre_path);
	free(u->post_path);
	free(u->target);
	ks_strv_free(&u->way);
}

void ks_units_drop(struct ks_build_units *units, size_t i)
{
	struct ks_build_unit *u = &units->list.v[i];

	unit_clear(u);
	memmove(u, u + 1, (units->list.len - i - 1) * sizeof(*u));
	units->list.len--;
}

void ks_build_units_free(struct ks_build_units *units)
{
	ks_vec_for(&units->list, u)
		unit_clear(u);
	ks_vec_free(&units->list);
}
