// SPDX-License-Identifier: GPL-2.0-only
/*
 * ksplice-create: from a source patch to an update of a running kernel.
 *
 * The pipeline, a step a function: build pre and post objects (lib/build),
 * compare them (lib/diff), write the match table and the new code (lib/table),
 * make two kernel modules of them (lib/module), pack (lib/pack).
 */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/term.h"
#include "build/build.h"
#include "diff/diff.h"
#include "distro/info.h"
#include "elf/note.h"
#include "module/core.h"
#include "module/exports.h"
#include "module/update.h"
#include "pack/archive.h"
#include "pack/manifest.h"
#include "table/newobj.h"
#include "table/table.h"

#define EXIT_REFUSED 65
#define EXIT_NO_CHANGES 66

struct options {
	const char *patch, *diffext, *git, *config, *id, *description, *patch_opt, *source;
	bool prebuild, force_compiler, build_modules, json;
	int jobs, verbosity;
};

/* One touched unit on its way through the pipeline. */
struct work {
	struct ks_build_unit *built; /* owned by the build */
	struct ks_unit *pre, *post;
	struct ks_diff *diff;
	uint32_t target;
	size_t first_patch, first_data;
	char *unit_object; /* unitN.o_shipped */
};

struct create {
	struct options opt;
	char id[33];
	char *config_dir, *work_dir;
	struct ks_kernel_info kernel;
	struct ks_report *report;
	struct ks_build *build;
	struct ks_sysmap *map;
	struct ks_table *table;
	struct ks_build_units units;
	KS_VEC(struct work) work;
	struct ks_strv nothing; /* units whose objects do not differ */
	struct ks_strv layouts;
	size_t replaced;
	bool escapes;
	char *tarball;
	struct ks_buf json; /* --json: the manifest */
};

static const char usage[] =
	"Usage: ksplice-create --patch=FILE [OPTION]... KERNEL_SOURCE\n"
	"       ksplice-create --diffext=EXT [OPTION]... KERNEL_SOURCE\n"
	"       ksplice-create --git=COMMIT [OPTION]... KERNEL_SOURCE\n"
	"       ksplice-create --prebuild [OPTION]... KERNEL_SOURCE\n"
	"Make an update of the running kernel from a source patch.\n"
	"\n"
	"KERNEL_SOURCE is the source of the running kernel, as ksplice-prepare unpacks it,\n"
	"with the kernel's .config, System.map and headers in KERNEL_SOURCE/ksplice.\n"
	"\n"
	"  --patch=FILE         the patch, as for patch -p1\n"
	"  --diffext=EXT        files NAME.EXT in the source are what NAME becomes\n"
	"  --git=COMMIT         the change from the commit that the kernel was built from\n"
	"  --prebuild           only prepare the build cache\n"
	"  --patch-opt=OPT      option for patch(1), such as -p0\n"
	"  --config=DIR         configuration directory (default: KERNEL_SOURCE/ksplice)\n"
	"  --id=ID              name of the update, 1 to 32 characters of a-z0-9\n"
	"                       (default: 8 random ones)\n"
	"  --description=TEXT   what ksplice-view shows (default: the patch file's name)\n"
	"  --build-modules      put whole fixed modules into the update, too, for targets that\n"
	"                       are not loaded (ksplice-apply --partial)\n"
	"  --force-compiler     go on although the compiler is not the kernel's\n"
	"  -j, --jobs=N         run N compilers at once (default: CONCURRENCY_LEVEL, or the\n"
	"                       number of processors)\n"
	"  --json               print the manifest of the update on standard output, as JSON\n"
	"  -v, --verbose        say more; twice: show compiler commands\n"
	"  -q, --quiet          say nothing but errors and the result\n"
	"      --help           show this help\n"
	"      --version        show the version\n"
	"\n"
	"Exit status: 0 an update was written; 65 the update cannot be made safely; 66 the\n"
	"patch changes nothing that runs; 130 a signal; 1 anything else.\n";

enum {
	OPT_PATCH = 256,
	OPT_DIFFEXT,
	OPT_GIT,
	OPT_PREBUILD,
	OPT_PATCH_OPT,
	OPT_CONFIG,
	OPT_ID,
	OPT_DESCRIPTION,
	OPT_FORCE_COMPILER,
	OPT_BUILD_MODULES,
	OPT_JSON,
	OPT_HELP,
	OPT_VERSION,
};

static const struct option long_options[] = {
	{ "patch", required_argument, NULL, OPT_PATCH },
	{ "diffext", required_argument, NULL, OPT_DIFFEXT },
	{ "git", required_argument, NULL, OPT_GIT },
	{ "prebuild", no_argument, NULL, OPT_PREBUILD },
	{ "patch-opt", required_argument, NULL, OPT_PATCH_OPT },
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "id", required_argument, NULL, OPT_ID },
	{ "description", required_argument, NULL, OPT_DESCRIPTION },
	{ "force-compiler", no_argument, NULL, OPT_FORCE_COMPILER },
	{ "build-modules", no_argument, NULL, OPT_BUILD_MODULES },
	{ "jobs", required_argument, NULL, 'j' },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "verbose", no_argument, NULL, 'v' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

static struct ks_error *check_id(const char *id)
{
	size_t len = strlen(id);

	if (!len || len > 32 || strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789") != len)
		return ks_error_new(KS_E_USAGE, "--id=%s: an id is 1 to 32 characters of a-z0-9", id);
	return NULL;
}

static struct ks_error *random_id(char id[33])
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	unsigned char bytes[8];

	for (size_t i = 0; i < 8;) {
		if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
			return ks_error_errno(errno, "getrandom");
		/* 252 is the largest multiple of 36 in a byte: no letter is likelier. */
		for (size_t n = 0; n < sizeof(bytes) && i < 8; n++)
			if (bytes[n] < 252)
				id[i++] = alphabet[bytes[n] % 36];
	}
	id[8] = 0;
	return NULL;
}

static struct ks_error *parse_jobs(const char *text, int *jobs)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end || n < 1 || n > 1024)
		return ks_error_new(KS_E_USAGE, "\"%s\" is no number of jobs from 1 to 1024", text);
	*jobs = n;
	return NULL;
}

static struct ks_error *parse(int argc, char **argv, struct options *opt)
{
	const char *env = getenv("CONCURRENCY_LEVEL");
	struct ks_error *err = NULL;
	int c;

	opt->jobs = sysconf(_SC_NPROCESSORS_ONLN);
	if (env && *env)
		err = ks_error_prefix(parse_jobs(env, &opt->jobs), "CONCURRENCY_LEVEL");
	while (!err && (c = getopt_long(argc, argv, "j:vq", long_options, NULL)) != -1) {
		switch (c) {
		case OPT_PATCH:
			opt->patch = optarg;
			break;
		case OPT_DIFFEXT:
			opt->diffext = optarg;
			break;
		case OPT_GIT:
			opt->git = optarg;
			break;
		case OPT_PREBUILD:
			opt->prebuild = true;
			break;
		case OPT_PATCH_OPT:
			opt->patch_opt = optarg;
			break;
		case OPT_CONFIG:
			opt->config = optarg;
			break;
		case OPT_ID:
			opt->id = optarg;
			err = check_id(optarg);
			break;
		case OPT_DESCRIPTION:
			opt->description = optarg;
			break;
		case OPT_FORCE_COMPILER:
			opt->force_compiler = true;
			break;
		case OPT_BUILD_MODULES:
			opt->build_modules = true;
			break;
		case 'j':
			err = ks_error_prefix(parse_jobs(optarg, &opt->jobs), "-j");
			break;
		case OPT_JSON:
			opt->json = true;
			break;
		case 'v':
			opt->verbosity++;
			break;
		case 'q':
			opt->verbosity = -1;
			break;
		case OPT_HELP:
			fputs(usage, stdout);
			exit(0);
		case OPT_VERSION:
			puts("ksplice-create " KS_VERSION);
			exit(0);
		default:
			return ks_error_new(KS_E_USAGE, "try ksplice-create --help");
		}
	}
	if (err)
		return err;
	if (!!opt->patch + !!opt->diffext + !!opt->git + opt->prebuild != 1)
		return ks_error_new(
			KS_E_USAGE,
			"give exactly one of --patch=FILE, --diffext=EXT, --git=COMMIT and --prebuild");
	if (opt->patch_opt && !opt->patch)
		return ks_error_new(KS_E_USAGE, "--patch-opt goes with --patch only");
	if (optind + 1 != argc)
		return ks_error_new(KS_E_USAGE, "give the kernel's source directory, and only that");
	opt->source = argv[optind];
	return NULL;
}

/* The configuration directory: readable, complete, and not in the midst of the source. */
static struct ks_error *find_config(struct create *c)
{
	struct ks_error *err;
	char *source = NULL, *usual = NULL;

	if (!ks_file_is_dir(c->opt.source))
		return ks_error_new(KS_E_USAGE, "%s: no such directory", c->opt.source);
	usual = ks_path_join(c->opt.source, "ksplice");
	if (!ks_file_is_dir(c->opt.config ? c->opt.config : usual)) {
		err = ks_error_new(KS_E_USAGE,
				   "%s: no such directory; it holds .config, System.map and build: make it with ksplice-prepare",
				   c->opt.config ? c->opt.config : usual);
		free(usual);
		return err;
	}
	err = ks_path_resolve(c->opt.source, &source);
	if (!err)
		err = ks_path_resolve(c->opt.config ? c->opt.config : usual, &c->config_dir);
	free(usual);
	if (!err) {
		size_t len = strlen(source);
		const char *below = c->config_dir + len;

		if (!strncmp(c->config_dir, source, len) && (!*below || *below == '/') &&
		    strcmp(below, "/ksplice"))
			err = ks_error_new(KS_E_USAGE,
					   "%s: the configuration directory must not be inside the source, unless it is its ksplice/",
					   c->config_dir);
	}
	free(source);
	return err;
}

/* Which kernel: ksplice-prepare has noted it; a directory made by hand has the headers' word. */
static struct ks_error *read_kernel(struct create *c)
{
	struct ks_error *err = ks_kernel_info_read(c->config_dir, &c->kernel);
	struct ks_buf text = { 0 };
	char *path;

	if (err || c->kernel.release)
		return err;
	path = ks_path_join(c->config_dir, "build/include/generated/utsrelease.h");
	err = ks_error_prefix(ks_file_read(path, 4096, &text), "the kernel's release");
	if (!err) {
		char *quote = strchr(text.data, '"'), *end = quote ? strchr(quote + 1, '"') : NULL;

		if (end)
			c->kernel.release = ks_strndup(quote + 1, end - quote - 1);
		else
			err = ks_error_new(KS_E_INPUT, "%s: it defines no UTS_RELEASE", path);
	}
	free(path);
	ks_buf_free(&text);
	return err;
}

static struct ks_error *open_tree(struct create *c)
{
	struct ks_build_options o = {
		.source = c->opt.source,
		.force_compiler = c->opt.force_compiler,
		.jobs = c->opt.jobs,
		.patch_opt = c->opt.patch_opt,
		.verbosity = c->opt.verbosity,
	};
	struct ks_error *err = find_config(c);
	char *map;

	if (err)
		return err;
	err = read_kernel(c);
	if (err)
		return err;
	map = ks_path_join(c->config_dir, "System.map");
	err = ks_sysmap_read(map, &c->map);
	free(map);
	if (err)
		return err;
	o.config_dir = c->config_dir;
	o.release = c->kernel.release;
	o.report = c->report;
	err = ks_build_open(&o, &c->build);
	if (!err)
		err = ks_build_check_compiler(c->build);
	return err;
}

static struct ks_error *apply_change(struct create *c)
{
	if (c->opt.diffext)
		return ks_build_apply_diffext(c->build, c->opt.diffext, NULL);
	if (c->opt.git)
		return ks_build_apply_git(c->build, c->opt.git, NULL);
	return ks_build_apply_patch(c->build, c->opt.patch, NULL);
}

/* Only the cache; and where the tree is in git, which commit it is that runs. */
static struct ks_error *prebuild(struct create *c)
{
	struct ks_error *err = NULL;

	if (ks_build_has_git(c->build))
		err = ks_build_remember_commit(c->build);
	if (err)
		ks_note(c->report, 0, "%s (this matters for --git only)", ks_error_message(err));
	ks_error_free(err);
	return ks_build_prepare(c->build);
}

static struct ks_error *build_objects(struct create *c)
{
	struct ks_error *err = apply_change(c);

	if (!err)
		err = ks_build_units(c->build, &c->units);
	if (!err && c->units.list.len)
		err = ks_build_compile(c->build, &c->units, KS_PRE);
	if (!err && c->units.list.len)
		err = ks_build_compile(c->build, &c->units, KS_POST);
	if (!err && c->units.list.len)
		err = ks_build_layouts(c->build, &c->layouts);
	return err;
}

static struct ks_error *open_unit(const char *name, const char *path, struct ks_unit **unit)
{
	struct ks_object *obj;
	struct ks_error *err = ks_object_open(path, &obj);

	return err ? err : ks_unit_build(name, obj, unit);
}

static struct ks_error *diff_unit(struct create *c, struct ks_build_unit *built, struct ks_strv *refused)
{
	struct work *w = ks_vec_push(&c->work);
	struct ks_error *err;

	w->built = built;
	err = open_unit(built->source, built->pre_path, &w->pre);
	if (!err)
		err = open_unit(built->source, built->post_path, &w->post);
	if (!err)
		err = ks_diff_units(w->pre, w->post, &w->diff);
	if (err)
		return err;
	for (size_t i = 0; i < w->diff->refused.len; i++)
		ks_strv_add(refused, w->diff->refused.v[i]);
	for (size_t i = 0; i < w->diff->skipped.len; i++)
		ks_note(c->report, 0, "%s: not in the update: %s", built->source, w->diff->skipped.v[i]);
	c->replaced += w->diff->replaced.len + w->diff->data.len;
	c->escapes |= w->diff->escapes;
	return NULL;
}

/* Where the unit's code lives. */
static const char *target_of(const struct work *w)
{
	return w->built->modname ? w->built->modname : "vmlinux";
}

static bool touched(const struct work *w)
{
	return w->diff->included.len != 0;
}

static struct ks_error *refusal(struct ks_strv *refused)
{
	struct ks_buf text = { 0 };
	struct ks_error *err;

	ks_buf_addf(&text, "the update cannot be made safely (%zu reason%s):", refused->len,
		    refused->len == 1 ? "" : "s");
	for (size_t i = 0; i < refused->len; i++)
		ks_buf_addf(&text, "\n  %s", refused->v[i]);
	err = ks_error_new(KS_E_REFUSED, "%s", text.data);
	ks_buf_free(&text);
	return err;
}

static struct ks_error *diff_objects(struct create *c)
{
	struct ks_strv refused = { 0 };
	struct ks_error *err = NULL;

	ks_step(c->report, "Comparing objects");
	for (size_t i = 0; !err && i < c->units.list.len; i++) {
		struct ks_build_unit *u = &c->units.list.v[i];

		ks_progress(c->report, i, c->units.list.len, "%s", u->source);
		err = diff_unit(c, u, &refused);
	}
	if (!err && refused.len)
		err = refusal(&refused);
	ks_strv_free(&refused);
	if (!err && !c->replaced)
		err = ks_error_new(KS_E_NO_CHANGES, "No changes detected");
	return err;
}

static struct ks_error *write_update(struct create *c, const char *dir)
{
	struct ks_new_globals globals = { 0 };
	struct ks_error *err = NULL;
	size_t n = 0;

	ks_step(c->report, "Writing match table and new code");
	c->table = ks_table_new(c->id, c->map);
	ks_vec_for(&c->work, w) {
		if (!touched(w))
			continue;
		w->first_patch = ks_table_patches(c->table);
		w->first_data = ks_table_data(c->table);
		w->target = ks_table_target(c->table, target_of(w));
		err = ks_table_add_unit(c->table, w->target, w->diff);
		if (err)
			goto out;
		ks_new_globals_add(&globals, w->diff);
	}
	ks_vec_for(&c->work, w) {
		char *name, *path;

		if (!touched(w))
			continue;
		name = ks_asprintf("unit%zu.o_shipped", n++);
		path = ks_path_join(dir, name);
		err = ks_newobj_write(c->table, w->target, w->diff, &globals, c->id, w->first_patch,
				      w->first_data, path);
		free(name);
		free(path);
		if (err)
			goto out;
	}
out:
	ks_strv_free(&globals.names);
	return err;
}

static size_t touched_units(const struct create *c)
{
	size_t n = 0;

	ks_vec_for(&c->work, w)
		n += touched(w);
	return n;
}

static struct ks_error *build_modules(struct create *c, const char *dir, struct ks_core_build **core)
{
	struct ks_update_source src = {
		.id = c->id,
		.description = c->opt.description,
		.table = c->table,
		.nr_units = touched_units(c),
		.pinned = c->escapes,
		.modules = ks_table_targets(c->table) > 1,
	};
	struct ks_error *err;

	err = ks_core_build(c->build, c->config_dir, c->report, core);
	if (err)
		return err;
	src.include_dir = (*core)->include_dir;
	src.core_symvers = (*core)->symvers;
	ks_step(c->report, "Building the update's modules");
	err = ks_update_write_source(&src, dir);
	if (!err)
		err = ks_build_module(c->build, dir, "imports.symvers");
	return err;
}

static void add_need(const struct create *c, const struct ks_exports *exports, const char *symbol,
		     struct ks_manifest *m)
{
	const char *owner = ks_exports_owner(exports, symbol);

	if (!owner || !strcmp(owner, "vmlinux") || ks_strv_has(&m->targets, owner) ||
	    ks_strv_has(&m->needs, owner))
		return;
	ks_note(c->report, 1, "the new code needs the module %s (%s)", owner, symbol);
	ks_strv_add(&m->needs, owner);
}

/* The modules that new code calls into, beside its targets. */
static struct ks_error *find_needs(const struct create *c, struct ks_manifest *m)
{
	char *path = ks_path_join(c->config_dir, "build/Module.symvers");
	struct ks_exports *exports = NULL;
	struct ks_error *err = m->targets.len == 1 && !strcmp(m->targets.v[0], "vmlinux") ?
				       NULL :
				       ks_exports_read(path, &exports);

	if (exports)
		ks_vec_for(&c->work, w)
			ks_vec_for(&w->diff->included, it)
				ks_vec_for(&(*it)->refs, ref)
					if (!ref->atom)
						add_need(c, exports, ref->name, m);
	ks_exports_free(exports);
	free(path);
	return err;
}

static void fill_manifest(struct create *c, struct ks_manifest *m)
{
	ks_manifest_init(m, c->id, c->opt.description);
	ks_manifest_set_kernel(m, c->kernel.release, c->kernel.version);
	ks_manifest_set_compiler(m, ks_build_compiler(c->build));
	m->pinned = c->escapes;
	ks_vec_for(&c->work, w) {
		struct ks_manifest_unit *u;

		if (!touched(w))
			continue;
		u = ks_manifest_add_unit(m, w->built->source, target_of(w));
		if (!ks_strv_has(&m->targets, target_of(w)))
			ks_strv_add(&m->targets, target_of(w));
		ks_vec_for(&w->diff->replaced, r)
			ks_strv_add(&u->replaced, r->post->name);
		for (size_t i = 0; i < w->diff->added.len; i++)
			ks_strv_add(&u->added, w->diff->added.v[i]);
		for (size_t i = 0; i < w->diff->removed.len; i++)
			ks_strv_add(&u->removed, w->diff->removed.v[i]);
		ks_vec_for(&w->diff->data, x)
			ks_strv_add(&u->changed, x->post->name);
		for (size_t i = 0; i < w->diff->skipped.len; i++)
			ks_manifest_add_skipped(u, w->diff->skipped.v[i]);
	}
}

static struct ks_error *copy_into(const char *from, const char *dir, const char *name)
{
	char *to = ks_path_join(dir, name);
	struct ks_error *err = ks_file_copy(from, to);

	free(to);
	return err;
}

static struct ks_error *stripped_module(const char *build_dir, const char *module, const char *dir)
{
	char *name = ks_asprintf("%s.ko", module);
	char *from = ks_path_join(build_dir, name), *to = ks_path_join(dir, name);
	const char *argv[] = { "objcopy", "--strip-debug", from, to, NULL };
	struct ks_error *err = ks_proc_output(argv, NULL);

	free(name);
	free(from);
	free(to);
	return err;
}

/* Each module that is patched, whole. */
static struct ks_error *add_whole_modules(struct create *c, const char *dir, struct ks_manifest *m)
{
	char *modules = ks_path_join(dir, "modules");
	struct ks_error *err = ks_dir_make(modules);

	ks_vec_for(&c->work, w) {
		const char *name = w->built->modname;
		char *file, *path, *modfile, *id = NULL;
		bool done = !name || !touched(w);

		ks_vec_for(&m->whole, x)
			done |= !strcmp(x->target, target_of(w));
		if (err || done)
			continue;
		ks_step(c->report, "Building the whole module %s", name);
		file = ks_asprintf("modules/%s.ko", name);
		path = ks_path_join(dir, file);
		modfile = ks_build_find_modfile(c->build, w->built);
		if (modfile)
			err = ks_build_whole_module(c->build, modfile, path);
		else
			err = ks_error_new(KS_E_FAILED,
					   "--build-modules: no makefile above %s lists the module %s", w->built->source,
					   name);
		free(modfile);
		if (!err)
			err = ks_file_build_id(path, &id);
		if (!err)
			ks_manifest_add_whole(m, name, file, id);
		free(id);
		free(file);
		free(path);
	}
	free(modules);
	return err;
}

static struct ks_error *pack(struct create *c, const char *build_dir, const struct ks_core_build *core)
{
	char *dir = ks_path_join(c->work_dir, "pack"), *core_dir = ks_path_join(dir, "core");
	char *table = ks_path_join(build_dir, "table.bin");
	char *old = ks_update_old_name(c->id), *new = ks_update_new_name(c->id);
	struct ks_manifest m = { 0 };
	struct ks_error *err;

	ks_step(c->report, "Packing");
	fill_manifest(c, &m);
	err = find_needs(c, &m);
	for (size_t i = 0; i < c->layouts.len; i++)
		ks_strv_add(&m.layouts, c->layouts.v[i]);
	c->tarball = ks_asprintf("ksplice-%s.tar.gz", c->id);
	if (!err)
		err = ks_dir_make(core_dir);
	if (!err)
		err = copy_into(core->module, core_dir, "ksplice.ko");
	if (!err)
		err = stripped_module(build_dir, old, dir);
	if (!err)
		err = stripped_module(build_dir, new, dir);
	if (!err)
		err = copy_into(ks_build_patch_file(c->build), dir, "patch");
	if (!err)
		err = copy_into(table, dir, "table.bin");
	if (!err && c->opt.build_modules && ks_table_targets(c->table) > 1)
		err = add_whole_modules(c, dir, &m);
	if (!err)
		err = ks_pack_write(&m, dir, c->tarball);
	if (!err && c->opt.json)
		err = ks_manifest_write(&m, &c->json);
	ks_manifest_clear(&m);
	free(dir);
	free(core_dir);
	free(table);
	free(old);
	free(new);
	return err;
}

static struct ks_error *create(struct create *c)
{
	struct ks_core_build *core = NULL;
	struct ks_error *err;
	char *dir = NULL;

	err = open_tree(c);
	if (err)
		return err;
	if (c->opt.prebuild)
		return prebuild(c);
	if (c->opt.patch && !ks_file_exists(c->opt.patch))
		return ks_error_errno(ENOENT, "%s", c->opt.patch);
	err = build_objects(c);
	if (!err)
		err = diff_objects(c);
	if (!err)
		err = ks_dir_temp("ksplice-create", &c->work_dir);
	if (!err) {
		dir = ks_path_join(c->work_dir, "modules");
		err = ks_dir_make(dir);
	}
	if (!err)
		err = write_update(c, dir);
	if (!err)
		err = build_modules(c, dir, &core);
	if (!err)
		err = pack(c, dir, core);
	ks_core_build_free(core);
	free(dir);
	return err;
}

static void print_names(const char *what, const struct ks_strv *names)
{
	if (!names->len)
		return;
	printf("    %s:", what);
	for (size_t i = 0; i < names->len; i++)
		printf(" %s", names->v[i]);
	printf("\n");
}

static void print_data(const struct ks_diff *d)
{
	if (!d->data.len)
		return;
	printf("    changed in place:");
	ks_vec_for(&d->data, x)
		printf(" %s", x->post->name);
	printf("\n");
}

static void warn_of_layouts(const struct create *c)
{
	if (!c->layouts.len)
		return;
	fprintf(stderr,
		"ksplice-create: warning: the patch changes the layout of\n");
	for (size_t i = 0; i < c->layouts.len; i++)
		fprintf(stderr, "  %s\n", c->layouts.v[i]);
	fprintf(stderr,
		"Objects that exist when the update is applied have the old one, and new code would take\n"
		"them for new ones. Make sure that there are none, or that it does no harm.\n");
}

static void summary(const struct create *c)
{
	ks_vec_for(&c->work, w) {
		if (!touched(w))
			continue;
		printf("  %s (%s)\n", w->built->source, target_of(w));
		if (w->diff->replaced.len)
			printf("    replaced:");
		ks_vec_for(&w->diff->replaced, r)
			printf(" %s", r->post->name);
		if (w->diff->replaced.len)
			printf("\n");
		print_names("added", &w->diff->added);
		print_names("removed", &w->diff->removed);
		print_data(w->diff);
	}
}

static void cleanup(struct create *c)
{
	ks_vec_for(&c->work, w) {
		ks_diff_free(w->diff);
		ks_unit_free(w->pre);
		ks_unit_free(w->post);
	}
	ks_vec_free(&c->work);
	ks_strv_free(&c->layouts);
	ks_table_free(c->table);
	ks_sysmap_free(c->map);
	ks_build_units_free(&c->units);
	ks_build_close(c->build);
	ks_kernel_info_free(&c->kernel);
	free(c->config_dir);
	if (c->work_dir)
		ks_error_free(ks_dir_remove(c->work_dir));
	free(c->work_dir);
	free(c->tarball);
	ks_buf_free(&c->json);
}

int main(int argc, char **argv)
{
	struct create c = { 0 };
	struct ks_error *err;
	int status = 0;

	err = parse(argc, argv, &c.opt);
	ks_signals_init();
	if (!err && c.opt.id)
		snprintf(c.id, sizeof(c.id), "%s", c.opt.id);
	else if (!err)
		err = random_id(c.id);
	if (!err) {
		if (!c.opt.description)
			c.opt.description = c.opt.patch	    ? ks_path_base(c.opt.patch)
					    : c.opt.git	    ? c.opt.git
					    : c.opt.diffext ? c.opt.diffext
							    : "";
		c.report = ks_report_terminal(c.opt.verbosity);
		err = create(&c);
	}
	ks_report_end();
	if (err && ks_error_code(err) == KS_E_NO_CHANGES) {
		printf("%s\n", ks_error_message(err));
		status = EXIT_NO_CHANGES;
	} else if (err) {
		fprintf(stderr, "ksplice-create: %s\n", ks_error_message(err));
		status = ks_error_code(err) == KS_E_INTERRUPTED ? 130 :
			 ks_error_code(err) == KS_E_REFUSED	? EXIT_REFUSED :
								  1;
	} else if (c.opt.prebuild) {
		printf("The build cache is ready.\n");
	} else if (c.opt.json) {
		warn_of_layouts(&c);
		fputs(c.json.data, stdout);
	} else {
		warn_of_layouts(&c);
		if (c.opt.verbosity >= 0)
			summary(&c);
		printf("Ksplice update tarball written to %s\n", c.tarball);
	}
	ks_error_free(err);
	cleanup(&c);
	return status;
}
