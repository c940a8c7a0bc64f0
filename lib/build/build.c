// SPDX-License-Identifier: GPL-2.0-only
/*
 * A build: opening and closing its cache, and preparing kbuild's O= directory,
 * the stage that everything after depends on.
 *
 * Preparing takes some 20 s and is done once.  Its stamp, the file "stage",
 * is written last: the key of all that it depends on, and the state of the
 * files that headers are generated from.  Where the stamp does not say
 * exactly what it would say now, obj/ is thrown away and made again, so that
 * nothing that a killed run or another source left there is ever used.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"
#include "build/graph.h"
#include "build/state.h"

/* Part of the key: to be raised when what we do with the same input changes. */
#define KEY_VERSION "ksplice build 2"

#define LOCK_POLL_NS 100000000
#define SHOWN_OPTIONS 8

char *ks_build_hash(const void *data, size_t len)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int size = 0;
	struct ks_buf hex = { 0 };

	EVP_Digest(data, len, digest, &size, EVP_sha256(), NULL);
	for (unsigned int i = 0; i < size; i++)
		ks_buf_addf(&hex, "%02x", digest[i]);
	return ks_buf_steal(&hex);
}

/* make splits at white space, and takes ":" "#" "$" "%" for its own. */
static struct ks_error *check_cache_path(const char *path)
{
	for (const char *p = path; *p; p++)
		if (!strchr("/._-+,@=~", *p) && !(*p >= '0' && *p <= '9') &&
		    !(*p >= 'a' && *p <= 'z') && !(*p >= 'A' && *p <= 'Z'))
			return ks_error_new(KS_E_INPUT,
					    "%s: the kernel's makefiles cannot work in a path with the character \"%c\"; set KSPLICE_CACHE to another directory",
					    path, *p);
	return NULL;
}

/* CONFIG_DIR/cache, or a directory for this configuration below $KSPLICE_CACHE. */
static struct ks_error *find_cache(struct ks_build *b)
{
	const char *base = getenv("KSPLICE_CACHE");
	size_t len = strlen(b->source);
	struct ks_error *err;
	char *dir, *hash;

	if (base && *base) {
		hash = ks_build_hash(b->config_dir, strlen(b->config_dir));
		dir = ks_asprintf("%s/%s-%.8s", base, b->release, hash);
		free(hash);
	} else {
		dir = ks_path_join(b->config_dir, "cache");
	}
	err = ks_dir_make(dir);
	if (err)
		err = ks_error_prefix(
			err, "the build cache (KSPLICE_CACHE can name another directory for it)");
	else
		err = ks_path_resolve(dir, &b->cache);
	free(dir);
	if (err)
		return err;
	if (!strncmp(b->cache, b->source, len) && b->cache[len] == '/' &&
	    !ks_str_starts(b->cache + len + 1, "ksplice/"))
		return ks_error_new(
			KS_E_USAGE,
			"%s: the build cache must not be inside the source tree, except in its ksplice/",
			b->cache);
	b->farm = ks_path_join(b->cache, "farm");
	b->obj = ks_path_join(b->cache, "obj");
	b->include = ks_path_join(b->cache, "include");
	return check_cache_path(b->cache);
}

/*
 * The descriptor stays open in children on purpose: the lock then lasts until
 * the last compiler of a run that was killed has ended.
 */
static struct ks_error *take_lock(struct ks_build *b)
{
	char *path = ks_path_join(b->cache, "lock");
	struct timespec pause = { .tv_nsec = LOCK_POLL_NS };
	struct ks_error *err = NULL;
	bool told = false;

	b->lock = open(path, O_RDWR | O_CREAT, 0666);
	if (b->lock < 0)
		err = ks_error_errno(errno, "cannot open %s", path);
	while (!err && flock(b->lock, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			err = ks_error_errno(errno, "cannot lock %s", path);
		else if (ks_interrupted())
			err = ks_interrupted_error();
		else if (!told)
			ks_note(b->report, 0, "%s is in use by another run: waiting for it to end",
				b->cache);
		told = true;
		if (!err)
			nanosleep(&pause, NULL);
	}
	free(path);
	return err;
}

static struct ks_error *check_source(const struct ks_build *b)
{
	static const char *const files[] = { "Makefile", "Kconfig", "scripts/Makefile.build",
					     "arch/x86/Makefile" };
	struct ks_error *err = NULL;

	if (!ks_file_is_dir(b->source))
		return ks_error_new(KS_E_USAGE, "%s: not a directory", b->source);
	for (size_t i = 0; !err && i < sizeof(files) / sizeof(*files); i++) {
		char *path = ks_path_join(b->source, files[i]);

		if (!ks_file_exists(path))
			err = ks_error_new(KS_E_INPUT,
					   "%s: not the source of a Linux kernel: it has no %s",
					   b->source, files[i]);
		free(path);
	}
	return err;
}

static struct ks_error *read_config(struct ks_build *b)
{
	char *path = ks_path_join(b->config_dir, ".config");
	struct ks_error *err;

	if (!ks_file_exists(path))
		err = ks_error_new(KS_E_INPUT,
				   "%s: no such file; it is the configuration of the kernel to patch: make it with ksplice-prepare, or copy /boot/config-%s",
				   path, b->release);
	else
		err = ks_config_read(path, &b->config);
	if (!err && !ks_config_get(b->config, "X86_64"))
		err = ks_error_new(
			KS_E_REFUSED,
			"%s: not the configuration of an x86-64 kernel, and no other is supported yet",
			path);
	free(path);
	return err;
}

/* Where it is the same already its times stay, by which stamps know it. */
static struct ks_error *copy_header(const char *from, const char *to)
{
	struct ks_buf text = { 0 }, old = { 0 };
	struct ks_error *err = ks_file_read(from, KS_BUILD_MAX_FILE, &text);

	if (!err && ks_file_exists(to))
		err = ks_file_read(to, KS_BUILD_MAX_FILE, &old);
	if (!err && (old.len != text.len || memcmp(old.data, text.data, text.len)))
		err = ks_file_write(to, text.data, text.len, 0644);
	ks_buf_free(&text);
	ks_buf_free(&old);
	return err;
}

/* Copies, for the cache's path is one that make and the compiler can work with. */
static struct ks_error *copy_headers(struct ks_build *b, const char *from)
{
	static const char *const names[] = { "ksplice-patch.h", "ksplice/hooks.h" };
	char *dir = ks_path_join(b->include, "ksplice");
	struct ks_error *err = from ? ks_dir_make(dir) : NULL;

	for (size_t i = 0; from && !err && i < sizeof(names) / sizeof(*names); i++) {
		char *source = ks_path_join(from, names[i]), *dest = ks_path_join(b->include, names[i]);

		err = copy_header(source, dest);
		free(source);
		free(dest);
	}
	free(dir);
	return err;
}

struct ks_error *ks_build_open(const struct ks_build_options *o, struct ks_build **build)
{
	struct ks_build *b = ks_alloc(sizeof(*b));
	struct ks_error *err;

	b->lock = -1;
	b->jobs = o->jobs > 0 ? o->jobs : 1;
	b->verbosity = o->verbosity;
	b->force_compiler = o->force_compiler;
	b->report = o->report;
	b->release = ks_strdup(o->release);
	b->patch_opt = o->patch_opt ? ks_strdup(o->patch_opt) : NULL;
	err = ks_path_resolve(o->source, &b->source);
	if (!err)
		err = check_source(b);
	if (!err)
		err = ks_path_resolve(o->config_dir, &b->config_dir);
	if (!err && !strcmp(b->config_dir, b->source))
		err = ks_error_new(
			KS_E_USAGE,
			"%s: the source tree itself cannot be the configuration directory",
			b->source);
	if (!err)
		err = read_config(b);
	if (!err)
		err = find_cache(b);
	if (!err)
		err = take_lock(b);
	if (!err)
		err = ks_overlay_undo(b);
	if (!err)
		err = copy_headers(b, o->include_dir);
	if (err) {
		ks_build_close(b);
		return err;
	}
	*build = b;
	return NULL;
}

void ks_build_close(struct ks_build *b)
{
	if (!b)
		return;
	/* Closing drops the lock. */
	if (b->lock >= 0)
		close(b->lock);
	ks_patch_forget(b);
	ks_graph_free(b->graph);
	ks_config_free(b->config);
	free(b->source);
	free(b->config_dir);
	free(b->cache);
	free(b->farm);
	free(b->obj);
	free(b->include);
	free(b->release);
	free(b->patch_opt);
	free(b->cc);
	free(b->cc_text);
	free(b->as_text);
	free(b->ld_text);
	free(b->key);
	free(b);
}

const char *ks_build_cache_dir(const struct ks_build *b)
{
	return b->cache;
}

const char *ks_build_compiler(const struct ks_build *b)
{
	return b->cc_text;
}

struct ks_error *ks_build_check_compiler(struct ks_build *b)
{
	return ks_compiler_check(b);
}

/* The number in the second word of "# Linux/x86 6.1.192 Kernel Configuration"; "" where there is
 * none. */
static char *config_version(const struct ks_build *b)
{
	const char *p = strstr(ks_config_text(b->config)->data, "# Linux/");

	if (!p)
		return ks_strdup("");
	p += strcspn(p + 2, " \n") + 2;
	return *p == ' ' ? ks_strndup(p + 1, strcspn(p + 1, " \n")) : ks_strdup("");
}

/* "6.1.192" from the top makefile. */
static char *source_version(const struct ks_build *b)
{
	static const char *const names[] = { "VERSION = ", "PATCHLEVEL = ", "SUBLEVEL = " };
	char *path = ks_path_join(b->source, "Makefile");
	struct ks_buf text = { 0 }, version = { 0 };

	ks_error_free(ks_file_read(path, KS_BUILD_MAX_FILE, &text));
	for (size_t i = 0; text.len && i < 3; i++) {
		const char *p = strstr(text.data, names[i]);

		if (p) {
			p += strlen(names[i]);
			ks_buf_addf(&version, "%s%.*s", i ? "." : "", (int)strspn(p, "0123456789"),
				    p);
		}
	}
	ks_buf_free(&text);
	free(path);
	return ks_buf_steal(&version);
}

static void note_versions(struct ks_build *b)
{
	char *config = config_version(b), *source = source_version(b);

	if (*config && *source && strcmp(config, source))
		ks_note(b->report, 0,
			"the source is Linux %s, but the configuration was made for %s: if that is not what the kernel was built from, the update will not match",
			source, config);
	free(config);
	free(source);
}

static char *make_key(const struct ks_build *b, const struct ks_buf *inputs)
{
	const struct ks_buf *config = ks_config_text(b->config);
	struct ks_buf text = { 0 };
	char *key;

	ks_buf_addf(&text, KEY_VERSION "\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n" KS_KBUILD_CFLAGS "\n",
		    b->source, b->farm, b->release, b->cc, b->cc_text, b->as_text, b->ld_text);
	ks_buf_add(&text, config->data, config->len);
	ks_buf_add(&text, inputs->data, inputs->len);
	key = ks_build_hash(text.data, text.len);
	ks_buf_free(&text);
	return key;
}

static char *join_some(const struct ks_strv *s, const char *separator)
{
	struct ks_buf out = { 0 };

	for (size_t i = 0; i < s->len && i < SHOWN_OPTIONS; i++)
		ks_buf_addf(&out, "%s%s", i ? separator : "", s->v[i]);
	if (s->len > SHOWN_OPTIONS)
		ks_buf_addf(&out, "%sand %zu more", separator, s->len - SHOWN_OPTIONS);
	return ks_buf_steal(&out);
}

/* Options that fall when a program is missing, and the Debian package to install. */
static const char *missing_package(const struct ks_strv *changed)
{
	for (size_t i = 0; i < changed->len; i++) {
		if (ks_str_starts(changed->v[i], "DEBUG_INFO_BTF") ||
		    ks_str_starts(changed->v[i], "PAHOLE_"))
			return ": install pahole (on Debian: the package dwarves)";
		if (ks_str_starts(changed->v[i], "GCC_PLUGINS:"))
			return ": install the compiler's plugin headers (on Debian: gcc-VERSION-plugin-dev)";
	}
	return "; is it the configuration of this source?";
}

/* olddefconfig must not have made another kernel of it. */
static struct ks_error *check_config(struct ks_build *b)
{
	char *path = ks_path_join(b->obj, ".config");
	struct ks_config_diff diff = { 0 };
	struct ks_config *got = NULL;
	struct ks_error *err = ks_config_read(path, &got);

	if (!err) {
		ks_config_compare(b->config, got, &diff);
		if (diff.added.len) {
			char *names = join_some(&diff.added, ", ");

			ks_note(b->report, 0,
				"the configuration does not mention options that this source sets by default (%s): is it the configuration of this source?",
				names);
			free(names);
		}
	}
	if (!err && diff.changed.len) {
		char *options = join_some(&diff.changed, "\n  ");

		/* Another compiler has other features: that is what was forced. */
		if (b->force_compiler)
			ks_note(b->report, 0,
				"options of the configuration do not hold here:\n  %s", options);
		else
			err = ks_error_new(KS_E_INPUT,
					   "%s/.config does not hold here, so the code would not be the kernel's%s\n  %s",
					   b->config_dir, missing_package(&diff.changed), options);
		free(options);
	}
	ks_config_diff_free(&diff);
	ks_config_free(got);
	free(path);
	return err;
}

/* Whether the files that obj/'s headers were generated from are as they were. */
static char *stage_text(struct ks_build *b, const struct ks_strv *files)
{
	struct ks_buf text = { 0 };

	ks_buf_addf(&text, "%s\n", b->key);
	for (size_t i = 0; i < files->len; i++) {
		char *path = ks_path_join(b->source, files->v[i]);

		ks_buf_addf(&text, "%s ", files->v[i]);
		ks_inputs_signature(path, &text);
		ks_buf_adds(&text, "\n");
		free(path);
	}
	return ks_buf_steal(&text);
}

static bool stage_is_current(struct ks_build *b, const char *path)
{
	struct ks_buf old = { 0 };
	struct ks_strv files = { 0 };
	char *now;
	bool same;

	if (!ks_file_exists(path))
		return false;
	ks_error_free(ks_file_read(path, KS_BUILD_MAX_FILE, &old));
	for (const char *p = old.data ? strchr(old.data, '\n') : NULL; p && p[1];
	     p = strchr(p + 1, '\n'))
		ks_strv_addf(&files, "%.*s", (int)strcspn(p + 1, " \n"), p + 1);
	now = stage_text(b, &files);
	same = old.data && !strcmp(old.data, now);
	ks_strv_free(&files);
	ks_buf_free(&old);
	free(now);
	return same;
}

/* Headers are generated from these; what they include is known once they are made. */
static struct ks_error *write_stage(struct ks_build *b, const char *path)
{
	static const char *const generators[] = { "kernel/bounds.s",
						  "arch/x86/kernel/asm-offsets.s",
						  "scripts/mod/devicetable-offsets.s" };
	struct ks_strv files = { 0 };
	struct ks_error *err = NULL;
	char *text;

	for (size_t i = 0; !err && i < sizeof(generators) / sizeof(*generators); i++) {
		struct ks_deps deps = { 0 };

		err = ks_deps_read(b, generators[i], &deps);
		for (size_t j = 0; j < deps.files.len; j++)
			if (deps.files.v[j][0] != '@')
				ks_strv_add(&files, deps.files.v[j]);
		ks_deps_free(&deps);
	}
	text = stage_text(b, &files);
	if (!err)
		err = ks_file_write(path, text, strlen(text), 0644);
	ks_strv_free(&files);
	free(text);
	return err;
}

static struct ks_error *remove_parts(struct ks_build *b)
{
	static const char *const parts[] = { "stage", "obj", "pre", "post" };
	struct ks_error *err = NULL;

	for (size_t i = 0; !err && i < sizeof(parts) / sizeof(*parts); i++) {
		char *path = ks_path_join(b->cache, parts[i]);

		err = ks_dir_remove(path);
		free(path);
	}
	return err;
}

/* What the kernel's makefiles would stumble over one by one, with messages of their own. */
static struct ks_error *check_programs(const struct ks_build *b)
{
	static const struct {
		const char *program, *package;
		const char *option; /* of the configuration that needs it; NULL: all do */
	} needed[] = {
		{ "make", "make", NULL },
		{ "flex", "flex", NULL },
		{ "bison", "bison", NULL },
		{ "bc", "bc", NULL },
		{ "pahole", "dwarves", "DEBUG_INFO_BTF" },
	};
	struct ks_buf programs = { 0 }, packages = { 0 };
	struct ks_error *err = NULL;

	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
		if ((needed[i].option && !ks_config_get(b->config, needed[i].option)) ||
		    ks_proc_have(needed[i].program))
			continue;
		ks_buf_addf(&programs, "%s%s", programs.len ? ", " : "", needed[i].program);
		ks_buf_addf(&packages, " %s", needed[i].package);
	}
	if (programs.len)
		err = ks_error_new(KS_E_FAILED,
				   "programs that building the kernel needs are missing: %s; on Debian: apt-get install%s",
				   programs.data, packages.data);
	ks_buf_free(&programs);
	ks_buf_free(&packages);
	return err;
}

static struct ks_error *prepare_obj(struct ks_build *b)
{
	const struct ks_buf *text = ks_config_text(b->config);
	char *config = ks_path_join(b->obj, ".config");
	struct ks_error *err;

	err = check_programs(b);
	if (!err)
		ks_step(b->report, "Configuring the build (once)");
	if (!err)
		err = remove_parts(b);
	if (!err)
		err = ks_dir_make(b->obj);
	if (!err)
		err = ks_file_write(config, text->data, text->len, 0644);
	if (!err)
		err = ks_kbuild_make(
			b, "olddefconfig",
			"the kernel's makefiles do not take the configuration (make olddefconfig)");
	if (!err)
		err = check_config(b);
	if (!err) {
		ks_step(b->report, "Building the kernel's build tools (once)");
		err = ks_kbuild_make(
			b, "prepare",
			"make prepare fails (a missing header? it needs libc6-dev and libelf-dev, by their names in Debian)");
	}
	free(config);
	return err;
}

struct ks_error *ks_build_prepare(struct ks_build *b)
{
	char *stage = ks_path_join(b->cache, "stage");
	struct ks_buf inputs = { 0 };
	struct ks_error *err = NULL;

	if (b->prepared)
		goto out;
	err = ks_build_check_compiler(b);
	if (err)
		goto out;
	note_versions(b);
	err = ks_farm_sync(b);
	if (!err)
		err = ks_inputs_scan(b, &inputs);
	if (err)
		goto out;
	free(b->key);
	b->key = make_key(b, &inputs);
	if (!stage_is_current(b, stage)) {
		err = prepare_obj(b);
		if (!err)
			err = write_stage(b, stage);
	}
	b->prepared = !err;
out:
	ks_buf_free(&inputs);
	free(stage);
	return err;
}
