// SPDX-License-Identifier: GPL-2.0-only
/*
 * The roster: which objects kbuild makes in this configuration, under which
 * name, and through which directories it gets to them.
 *
 * "make kernel/sched/rt.o" cannot be relied on for that.  It also compiles what
 * the configuration leaves out, with flags that mean nothing; it does not find
 * an object that another directory's makefile lists (arch/x86/kvm builds
 * "../../../virt/kvm/kvm_main.o", amdgpu includes the makefiles of half the
 * directories beside it); and where two makefiles lead below each other (the
 * top one to arch/x86 and to arch/x86/lib) it compiles the object twice at
 * once, once with the wrong flags.
 *
 * So one make starts at the top and enters exactly the directories that kbuild
 * would.  Each makefile is read the way scripts/Makefile.build reads it, with
 * the same variables, and its lists are written down instead of built: 600
 * directories in some seconds.  The result, the file "roster", is kept as
 * long as the key of the build holds: it covers every makefile and the
 * configuration.  What is not in it is not built.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"
#include "build/state.h"

/*
 * A line a makefile: "dir PATH; object NAME; ... below DIR; ...".  Every make
 * writes a file of its own, for lines in one pipe could mix.
 *
 * srcroot came with Linux 6.10 ("kbuild: use $(src) instead of
 * $(srctree)/$(src) for source directory"): since then src names the source
 * directory itself.  "apart" are objects that a makefile makes for a link of
 * its own: the vdso, the real mode code, purgatory.
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
	"ks-file := $(firstword $(wildcard $(srctree)/$(KS_DIR)/Kbuild $(srctree)/$(KS_DIR)/Makefile))\n"
	"ifneq ($(ks-file),)\n"
	"include $(ks-file)\n"
	"endif\n"
	"include $(srctree)/scripts/Makefile.lib\n"
	"ks-built := $(filter %.o,$(real-obj-y) $(real-obj-m) $(lib-y) $(extra-y))\n"
	/* The real mode code has a directory that only "make clean" knows of. */
	"ks-below := $(sort $(subdir-ym) $(KS_MORE) $(filter arch/x86/realmode/rm,$(addprefix $(obj)/,$(subdir-))))\n"
	"$(file > $(KS_OUT)/$(subst /,+,$(KS_DIR)).dir,dir $(KS_DIR);$(foreach o,$(ks-built),object $o;)"
	"$(foreach o,$(filter-out $(ks-built),$(filter %.o,$(targets))),apart $o;)"
	"$(foreach d,$(ks-below),below $d;))\n"
	"ks-subs := $(addprefix ks-dir-,$(ks-below))\n"
	".PHONY: ks-roster $(ks-subs)\n"
	"ks-roster: $(ks-subs) ; @:\n"
	"$(ks-subs): ks-dir-%: ; @$(MAKE) -rs --file=$(KS_FILE) KS_DIR=$* KS_MORE= ks-roster\n";

#define ROSTER_HEAD "ksplice roster 1"

struct directory {
	char *path;
	long above; /* the directory whose makefile leads here; -1: none */
};

struct object {
	char *target; /* as kbuild names it: may go through "../" */
	char *path;   /* the same, normalised */
	size_t dir;
	bool apart;
};

struct ks_roster {
	KS_VEC(struct directory) dirs;
	KS_VEC(struct object) objects; /* sorted by path */
};

void ks_roster_free(struct ks_roster *r)
{
	if (!r)
		return;
	ks_vec_for(&r->dirs, d)
		free(d->path);
	ks_vec_for(&r->objects, o) {
		free(o->target);
		free(o->path);
	}
	ks_vec_free(&r->dirs);
	ks_vec_free(&r->objects);
	free(r);
}

/*
 * What the architecture's makefile adds to the directories of the top one:
 * "drivers-$(CONFIG_PCI) += arch/x86/pci/".
 */
static struct ks_error *add_arch_directories(struct ks_build *b, struct ks_buf *more)
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
			ks_buf_addf(more, " %.*s", (int)(end - 1 - dir), dir);
	}
	ks_buf_free(&text);
	free(path);
	return err;
}

/*
 * lib is in the top Makefile, which cannot be read like this; before Linux 6.1
 * ("kbuild: list sub-directories in ./Kbuild") all top directories are.
 */
static void add_top_directories(struct ks_build *b, struct ks_buf *more)
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

	for (size_t i = 0; i < sizeof(top) / sizeof(*top); i++)
		if (!top[i].option || ks_config_get(b->config, top[i].option))
			ks_buf_addf(more, " %s", top[i].dir);
}

static struct ks_error *ask(struct ks_build *b, const char *out_dir)
{
	char *makefile = ks_path_join(b->cache, "roster.mk");
	struct ks_strv argv = { 0 };
	struct ks_buf more = { 0 };
	struct ks_proc p = { .cwd = b->obj, .env = ks_kbuild_env() };
	struct ks_error *err = ks_file_write(makefile, list_makefile, sizeof(list_makefile) - 1, 0644);

	if (!err)
		err = add_arch_directories(b, &more);
	add_top_directories(b, &more);
	ks_strv_add(&argv, "make");
	ks_strv_add(&argv, "-rs");
	ks_strv_add(&argv, "--no-print-directory");
	ks_strv_addf(&argv, "-j%d", b->jobs);
	/* As the top makefile has it: makefiles include others by their path in the source. */
	ks_strv_addf(&argv, "--include-dir=%s", b->farm);
	ks_strv_addf(&argv, "--file=%s", makefile);
	ks_strv_addf(&argv, "KS_FILE=%s", makefile);
	ks_strv_addf(&argv, "KS_OUT=%s", out_dir);
	ks_strv_addf(&argv, "KS_FARM=%s", b->farm);
	ks_strv_addf(&argv, "KS_MORE=%s", more.len ? more.data : "");
	ks_strv_add(&argv, "KS_DIR=.");
	ks_strv_add(&argv, "ARCH=x86");
	ks_strv_add(&argv, "SRCARCH=x86");
	ks_strv_add(&argv, "BITS=64");
	ks_strv_addf(&argv, "CC=%s", b->cc);
	ks_strv_addf(&argv, "KERNELRELEASE=%s", b->release);
	ks_strv_add(&argv, "ks-roster");
	p.argv = (const char *const *)argv.v;
	if (!err)
		err = ks_error_prefix(ks_proc_check(&p), "cannot find out what the kernel builds");
	ks_strv_free(&argv);
	ks_buf_free(&more);
	free(makefile);
	return err;
}

static struct ks_error *list_dir(const char *path, struct ks_strv *names)
{
	DIR *d = opendir(path);
	struct dirent *e;

	if (!d)
		return ks_error_errno(errno, "cannot read %s", path);
	while ((e = readdir(d)))
		if (ks_str_ends(e->d_name, ".dir"))
			ks_strv_add(names, e->d_name);
	closedir(d);
	return NULL;
}

/* All the lists in one file, with the key before them. */
static struct ks_error *collect(struct ks_build *b, const char *out_dir, const char *path)
{
	struct ks_strv names = { 0 };
	struct ks_buf text = { 0 };
	struct ks_error *err = list_dir(out_dir, &names);

	ks_buf_addf(&text, ROSTER_HEAD " %s\n", b->key);
	ks_strv_sort(&names);
	for (size_t i = 0; !err && i < names.len; i++) {
		char *file = ks_path_join(out_dir, names.v[i]);

		err = ks_file_read(file, KS_BUILD_MAX_FILE, &text);
		free(file);
	}
	if (!err)
		err = ks_file_write(path, text.data, text.len, 0644);
	ks_strv_free(&names);
	ks_buf_free(&text);
	return err;
}

static struct ks_error *make_roster(struct ks_build *b, const char *path)
{
	char *out_dir = ks_path_join(b->cache, "roster.tmp");
	struct ks_error *err = ks_dir_remove(out_dir);

	ks_step(b->report, "Listing what the kernel builds (once)");
	if (!err)
		err = ks_dir_make(out_dir);
	if (!err)
		err = ask(b, out_dir);
	if (!err)
		err = collect(b, out_dir, path);
	if (!err)
		err = ks_dir_remove(out_dir);
	free(out_dir);
	return err;
}

static int compare_objects(const void *a, const void *b)
{
	const struct object *x = a, *y = b;
	int order = strcmp(x->path, y->path);

	return order ? order : strcmp(x->target, y->target);
}

static long find_dir(const struct ks_roster *r, const char *path)
{
	for (size_t i = 0; i < r->dirs.len; i++)
		if (!strcmp(r->dirs.v[i].path, path))
			return i;
	return -1;
}

static void parse_line(struct ks_roster *r, char *line, struct ks_strv *below)
{
	char *save = NULL;
	struct directory *d = NULL;

	for (char *word = strtok_r(line, ";", &save); word; word = strtok_r(NULL, ";", &save)) {
		word += strspn(word, " ");
		if (ks_str_starts(word, "dir ")) {
			d = ks_vec_push(&r->dirs);
			d->path = ks_strdup(word + 4);
			d->above = -1;
		} else if (d && (ks_str_starts(word, "object ") || ks_str_starts(word, "apart "))) {
			struct object *o = ks_vec_push(&r->objects);

			o->apart = *word == 'a';
			o->target = ks_strdup(word + (o->apart ? 6 : 7));
			o->path = ks_path_normal(o->target);
			o->dir = r->dirs.len - 1;
		} else if (d && ks_str_starts(word, "below ")) {
			char *path = ks_path_normal(word + 6);

			ks_strv_addf(below, "%s", path);
			ks_strv_addf(below, "%zu", r->dirs.len - 1);
			free(path);
		}
	}
}

/* Does the way up from @d lead past @to?  A damaged file must not make a circle. */
static bool leads_past(const struct ks_roster *r, long d, long to)
{
	while (d >= 0 && d != to)
		d = r->dirs.v[d].above;
	return d >= 0;
}

/* NULL where the file is not a roster for the build's key. */
static struct ks_roster *parse(struct ks_build *b, char *text)
{
	char *head = ks_asprintf(ROSTER_HEAD " %s\n", b->key), *save = NULL;
	struct ks_strv below = { 0 };
	struct ks_roster *r = NULL;

	if (text && ks_str_starts(text, head)) {
		r = ks_alloc(sizeof(*r));
		for (char *line = strtok_r(text + strlen(head), "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save))
			parse_line(r, line, &below);
		for (size_t i = 0; i < below.len; i += 2) {
			long d = find_dir(r, below.v[i]), above = strtol(below.v[i + 1], NULL, 10);

			/* The top one adds directories that others also lead to: those know better. */
			if (d > 0 && (r->dirs.v[d].above < 0 ||
				      !strcmp(r->dirs.v[r->dirs.v[d].above].path, ".")) &&
			    !leads_past(r, above, d))
				r->dirs.v[d].above = above;
		}
		if (r->objects.len)
			qsort(r->objects.v, r->objects.len, sizeof(*r->objects.v), compare_objects);
	}
	ks_strv_free(&below);
	free(head);
	return r;
}

struct ks_error *ks_roster_open(struct ks_build *b, struct ks_roster **roster)
{
	char *path = ks_path_join(b->cache, "roster");
	struct ks_error *err = NULL;
	struct ks_buf text = { 0 };

	*roster = NULL;
	if (ks_file_exists(path))
		err = ks_file_read(path, KS_BUILD_MAX_FILE, &text);
	if (!err)
		*roster = parse(b, text.data);
	if (!err && !*roster) {
		ks_buf_free(&text);
		err = make_roster(b, path);
		if (!err)
			err = ks_file_read(path, KS_BUILD_MAX_FILE, &text);
		if (!err)
			*roster = parse(b, text.data);
		if (!err && !*roster)
			err = ks_error_new(KS_E_FAILED, "%s: changed while it was written", path);
	}
	ks_buf_free(&text);
	free(path);
	return err;
}

static void add_way(const struct ks_roster *r, long dir, struct ks_strv *way)
{
	if (dir < 0 || !strcmp(r->dirs.v[dir].path, "."))
		return;
	add_way(r, r->dirs.v[dir].above, way);
	ks_strv_add(way, r->dirs.v[dir].path);
}

void ks_roster_way(const struct ks_roster *r, const char *dir, struct ks_strv *way)
{
	add_way(r, find_dir(r, dir), way);
}

static void add_entry(const struct ks_roster *r, const struct object *o, struct ks_roster_list *list)
{
	struct ks_roster_entry *e = ks_vec_push(&list->entries);

	e->target = ks_strdup(o->target);
	e->apart = o->apart;
	add_way(r, o->dir, &e->way);
}

void ks_roster_find(const struct ks_roster *r, const char *source, struct ks_roster_list *list)
{
	const char *dot = strrchr(source, '.');
	char *path = ks_asprintf("%.*s.o", (int)(dot - source), source);
	size_t low = 0, high = r->objects.len;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (strcmp(r->objects.v[mid].path, path) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < r->objects.len && !strcmp(r->objects.v[low].path, path); low++)
		if (!list->entries.len ||
		    strcmp(list->entries.v[list->entries.len - 1].target, r->objects.v[low].target))
			add_entry(r, &r->objects.v[low], list);
	free(path);
}

void ks_roster_all(const struct ks_roster *r, struct ks_roster_list *list)
{
	ks_vec_for(&r->objects, o)
		add_entry(r, o, list);
}

void ks_roster_in(const struct ks_roster *r, const char *dir, struct ks_roster_list *list)
{
	ks_vec_for(&r->objects, o)
		if (!strcmp(r->dirs.v[o->dir].path, dir))
			add_entry(r, o, list);
}

void ks_roster_directories(const struct ks_roster *r, struct ks_strv *dirs)
{
	ks_vec_for(&r->dirs, d)
		ks_strv_add(dirs, d->path);
}

void ks_roster_list_free(struct ks_roster_list *list)
{
	ks_vec_for(&list->entries, e) {
		free(e->target);
		ks_strv_free(&e->way);
	}
	ks_vec_free(&list->entries);
}
