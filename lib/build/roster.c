// SPDX-License-Identifier: GPL-2.0-only
/*
 * The roster: which objects kbuild makes of a directory in this
 * configuration, and under which name.
 *
 * "make kernel/sched/rt.o" cannot be relied on for that.  It also compiles what
 * the configuration leaves out, with flags that mean nothing; it does not find
 * an object that another directory's makefile lists (arch/x86/kvm builds
 * "../../../virt/kvm/kvm_main.o"); and where two makefiles lead below each
 * other (the top one to arch/x86 and to arch/x86/lib) it compiles the object
 * twice at once, once with the wrong flags.  So the directory's own makefile is
 * read the way scripts/Makefile.build reads it, and its lists are printed
 * instead of built, 10 ms a directory; and those above it, for the way that
 * kbuild takes to it (kbuild.c then has it take this way only).
 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"
#include "build/state.h"

/*
 * srcroot came with Linux 6.10 ("kbuild: use $(src) instead of
 * $(srctree)/$(src) for source directory"): since then src names the source
 * directory itself.
 */
static const char list_makefile[] =
	"srctree := $(KS_FARM)\n"
	"srcroot := $(KS_FARM)\n"
	"objtree := .\n"
	"export srctree objtree\n"
	"obj := $(KS_DIR)\n"
	"ifneq ($(findstring srcroot,$(file < $(srctree)/scripts/Makefile.build)),)\n"
	"src := $(srctree)/$(KS_DIR)\n"
	"else\n"
	"src := $(KS_DIR)\n"
	"endif\n"
	"include include/config/auto.conf\n"
	"include $(srctree)/scripts/Kbuild.include\n"
	"-include $(srctree)/scripts/Makefile.compiler\n"
	"include $(firstword $(wildcard $(srctree)/$(KS_DIR)/Kbuild $(srctree)/$(KS_DIR)/Makefile))\n"
	"include $(srctree)/scripts/Makefile.lib\n"
	"$(foreach o,$(filter %.o,$(real-obj-y) $(real-obj-m) $(lib-y) $(extra-y)),$(info object $o))\n"
	"$(foreach d,$(subdir-ym),$(info directory $d))\n"
	".PHONY: ks-roster\n"
	"ks-roster: ; @:\n";

struct directory {
	char *path;
	struct ks_strv targets; /* of objects, as kbuild names them */
	struct ks_strv below;   /* directories that it descends into */
};

struct ks_roster {
	struct ks_build *b;
	bool written;
	KS_VEC(struct directory) known;
};

/*
 * Objects that neither their own directory's makefile nor one above it lists.
 * These two are all that Linux 6.1 has for x86.
 */
static const struct {
	const char *sources, *makefile;
} elsewhere[] = {
	{ "virt/kvm/", "arch/x86/kvm" },
	{ "drivers/usb/misc/", "drivers/usb/core" },
};

struct ks_roster *ks_roster_new(struct ks_build *b)
{
	struct ks_roster *r = ks_alloc(sizeof(*r));

	r->b = b;
	return r;
}

void ks_roster_free(struct ks_roster *r)
{
	if (!r)
		return;
	ks_vec_for(&r->known, d) {
		free(d->path);
		ks_strv_free(&d->targets);
		ks_strv_free(&d->below);
	}
	ks_vec_free(&r->known);
	free(r);
}

static bool has_makefile(const struct ks_build *b, const char *dir)
{
	char *makefile = ks_asprintf("%s/%s/Makefile", b->farm, dir);
	char *kbuild = ks_asprintf("%s/%s/Kbuild", b->farm, dir);
	bool found = ks_file_exists(makefile) || ks_file_exists(kbuild);

	free(makefile);
	free(kbuild);
	return found;
}

static void parse(struct directory *d, const struct ks_buf *out)
{
	const char *p = out->data;

	while (p && *p) {
		size_t len = strcspn(p, "\n");
		char *line = ks_strndup(p, len);

		if (ks_str_starts(line, "object ")) {
			ks_strv_add(&d->targets, line + 7);
		} else if (ks_str_starts(line, "directory ")) {
			char *below = ks_path_normal(line + 10);

			ks_strv_add(&d->below, below);
			free(below);
		}
		free(line);
		p += len + (p[len] == '\n');
	}
}

/*
 * What the architecture's makefile adds to the directories of the top one:
 * "drivers-$(CONFIG_PCI) += arch/x86/pci/".
 */
static struct ks_error *add_arch_directories(struct ks_build *b, struct directory *d)
{
	char *path = ks_path_join(b->farm, "arch/x86/Makefile"), *save = NULL;
	struct ks_buf text = { 0 };
	struct ks_error *err = ks_file_read(path, KS_BUILD_MAX_FILE, &text);

	for (char *line = err ? NULL : strtok_r(text.data, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *dir = strstr(line, "arch/x86/"), *plus = strstr(line, "+="), *option, *end;

		if (!dir || !plus || plus > dir || *line == '#')
			continue;
		option = strstr(line, "-$(CONFIG_");
		end = option ? strchr(option, ')') : NULL;
		if (option && end && end < plus) {
			char *name = ks_strndup(option + 10, end - option - 10);
			bool set = ks_config_get(b->config, name) != NULL;

			free(name);
			if (!set)
				continue;
		} else if (!strstr(line, "-y")) {
			continue;
		}
		end = dir + strcspn(dir, " \t");
		if (end[-1] == '/')
			ks_strv_addf(&d->below, "%.*s", (int)(end - 1 - dir), dir);
	}
	ks_buf_free(&text);
	free(path);
	return err;
}

/*
 * lib is in the top Makefile, which cannot be read like this; before Linux 6.1
 * ("kbuild: list sub-directories in ./Kbuild") all top directories are.
 */
static void add_top_directories(struct ks_build *b, struct directory *d)
{
	static const struct {
		const char *dir, *option;
	} top[] = {
		{ "init", NULL }, { "usr", NULL }, { "arch/x86", NULL }, { "kernel", NULL },
		{ "certs", NULL }, { "mm", NULL }, { "fs", NULL }, { "ipc", NULL },
		{ "security", NULL }, { "crypto", NULL }, { "block", "BLOCK" },
		{ "io_uring", "IO_URING" }, { "lib", NULL }, { "drivers", NULL },
		{ "sound", NULL }, { "net", "NET" }, { "virt", NULL },
	};

	bool listed = ks_strv_has(&d->below, "kernel");

	for (size_t i = 0; i < sizeof(top) / sizeof(*top); i++) {
		if (listed && strcmp(top[i].dir, "lib"))
			continue;
		if (!top[i].option || ks_config_get(b->config, top[i].option))
			ks_strv_add(&d->below, top[i].dir);
	}
}

static struct ks_error *ask(struct ks_roster *r, const char *dir, struct directory *d)
{
	struct ks_build *b = r->b;
	char *makefile = ks_path_join(b->cache, "roster.mk");
	struct ks_strv argv = { 0 };
	struct ks_buf out = { 0 };
	struct ks_proc p = { .cwd = b->obj, .env = ks_kbuild_env(), .out = &out };
	struct ks_error *err = NULL;

	if (!r->written)
		err = ks_file_write(makefile, list_makefile, sizeof(list_makefile) - 1, 0644);
	r->written = !err;
	ks_strv_add(&argv, "make");
	ks_strv_add(&argv, "-rs");
	ks_strv_add(&argv, "--no-print-directory");
	/* As the top makefile has it: makefiles include others by their path in the source. */
	ks_strv_addf(&argv, "--include-dir=%s", b->farm);
	ks_strv_addf(&argv, "--file=%s", makefile);
	ks_strv_addf(&argv, "KS_FARM=%s", b->farm);
	ks_strv_addf(&argv, "KS_DIR=%s", dir);
	ks_strv_add(&argv, "ARCH=x86");
	ks_strv_add(&argv, "SRCARCH=x86");
	ks_strv_add(&argv, "BITS=64");
	ks_strv_addf(&argv, "CC=%s", b->cc);
	ks_strv_addf(&argv, "KERNELRELEASE=%s", b->release);
	ks_strv_add(&argv, "ks-roster");
	p.argv = (const char *const *)argv.v;
	if (!err)
		err = ks_error_prefix(ks_proc_check(&p),
				      "cannot find out what the kernel builds in %s", dir);
	if (!err)
		parse(d, &out);
	ks_strv_free(&argv);
	ks_buf_free(&out);
	free(makefile);
	return err;
}

static struct ks_error *lookup(struct ks_roster *r, const char *dir, struct directory **found)
{
	struct ks_error *err = NULL;
	struct directory *d;

	ks_vec_for(&r->known, k)
		if (!strcmp(k->path, dir)) {
			*found = k;
			return NULL;
		}
	d = ks_vec_push(&r->known);
	d->path = ks_strdup(dir);
	*found = d;
	if (has_makefile(r->b, dir))
		err = ask(r, dir, d);
	if (!err && !strcmp(dir, ".")) {
		err = add_arch_directories(r->b, d);
		add_top_directories(r->b, d);
	}
	return err;
}

/* The directory above, "." at the top; NULL above that.  The caller frees. */
static char *parent(const char *dir)
{
	const char *slash = strrchr(dir, '/');

	if (!strcmp(dir, "."))
		return NULL;
	return slash ? ks_strndup(dir, slash - dir) : ks_strdup(".");
}

/*
 * How kbuild gets to @dir: appends the directories on the way, @dir last, the
 * top one left out.  *found: it does.
 */
static struct ks_error *find_way(struct ks_roster *r, const char *dir, struct ks_strv *way,
				 bool *found)
{
	struct ks_error *err = NULL;
	char *above, *next;

	*found = !strcmp(dir, ".");
	if (*found)
		return NULL;
	for (above = parent(dir); above; above = next) {
		struct directory *d;

		/* Some makefiles name a directory two levels down. */
		if (!err && !*found)
			err = lookup(r, above, &d);
		if (!err && !*found && ks_strv_has(&d->below, dir))
			err = find_way(r, above, way, found);
		next = parent(above);
		free(above);
	}
	if (!err && *found)
		ks_strv_add(way, dir);
	return err;
}

/* Appends the objects of @dir's makefile that are @object. */
static struct ks_error *find_in(struct ks_roster *r, const char *dir, const char *object,
				struct ks_roster_list *list)
{
	struct ks_strv way = { 0 };
	struct directory *d = NULL;
	struct ks_error *err;
	bool built;

	err = find_way(r, dir, &way, &built);
	if (!err && built)
		err = lookup(r, dir, &d);
	for (size_t i = 0; !err && d && i < d->targets.len; i++) {
		char *normal = ks_path_normal(d->targets.v[i]);
		bool known = strcmp(normal, object) != 0;

		ks_vec_for(&list->entries, e)
			known |= !strcmp(e->target, d->targets.v[i]);
		if (!known) {
			struct ks_roster_entry *e = ks_vec_push(&list->entries);

			e->target = ks_strdup(d->targets.v[i]);
			for (size_t j = 0; j < way.len; j++)
				ks_strv_add(&e->way, way.v[j]);
		}
		free(normal);
	}
	ks_strv_free(&way);
	return err;
}

void ks_roster_list_free(struct ks_roster_list *list)
{
	ks_vec_for(&list->entries, e) {
		free(e->target);
		ks_strv_free(&e->way);
	}
	ks_vec_free(&list->entries);
}

struct ks_error *ks_roster_find(struct ks_roster *r, const char *source,
				struct ks_roster_list *list)
{
	char *object = ks_asprintf("%.*s.o", (int)strlen(source) - 2, source);
	struct ks_error *err = NULL;
	char *dir, *next;

	for (dir = parent(source); dir; dir = next) {
		if (!err)
			err = find_in(r, dir, object, list);
		next = parent(dir);
		free(dir);
	}
	for (size_t i = 0; !err && i < sizeof(elsewhere) / sizeof(*elsewhere); i++)
		if (ks_str_starts(source, elsewhere[i].sources))
			err = find_in(r, elsewhere[i].makefile, object, list);
	free(object);
	return err;
}
