// SPDX-License-Identifier: GPL-2.0-only
/* The first step of the pipeline: what the update is built from; see tree.h. */
#include "create/tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/share.h"
#include "create/state.h"

static struct ks_error *check_place(const char *source, const char *config_dir)
{
	size_t len = strlen(source);
	const char *below = config_dir + len;

	if (!strncmp(config_dir, source, len) && (!*below || *below == '/') &&
	    strcmp(below, "/ksplice"))
		return ks_error_new(KS_E_USAGE,
				    "%s: the configuration directory must not be inside the "
				    "source, unless it is its ksplice/",
				    config_dir);
	return NULL;
}

struct ks_error *ks_create_find_config(const char *source, const char *config, char **config_dir)
{
	char *usual = NULL, *resolved = NULL, *dir = NULL;
	struct ks_error *err;

	*config_dir = NULL;
	if (!ks_file_is_dir(source))
		return ks_error_new(KS_E_USAGE, "%s: no such directory", source);
	usual = ks_path_join(source, "ksplice");
	if (!config)
		config = usual;
	if (!ks_file_is_dir(config)) {
		err = ks_error_new(KS_E_USAGE,
				   "%s: no such directory; it holds .config, System.map and build: "
				   "make it with ksplice-prepare",
				   config);
		goto out;
	}
	err = ks_path_resolve(source, &resolved);
	if (!err)
		err = ks_path_resolve(config, &dir);
	if (!err)
		err = check_place(resolved, dir);
	if (!err) {
		*config_dir = dir;
		dir = NULL;
	}
out:
	free(dir);
	free(resolved);
	free(usual);
	return err;
}

struct ks_error *ks_create_read_kernel(const char *config_dir, struct ks_kernel_info *info)
{
	struct ks_error *err = ks_kernel_info_read(config_dir, info);
	struct ks_buf text = {0};
	char *path;

	if (err || info->release)
		return err;
	path = ks_path_join(config_dir, "build/include/generated/utsrelease.h");
	err = ks_error_prefix(ks_file_read(path, 4096, &text), "the kernel's release");
	if (!err) {
		char *quote = strchr(text.data, '"'), *end = quote ? strchr(quote + 1, '"') : NULL;

		if (end)
			info->release = ks_strndup(quote + 1, end - quote - 1);
		else
			err = ks_error_new(KS_E_INPUT, "%s: it defines no UTS_RELEASE", path);
	}
	free(path);
	ks_buf_free(&text);
	return err;
}

static struct ks_error *read_map(struct ks_create *c)
{
	char *path = ks_path_join(c->config_dir, "System.map");
	struct ks_error *err = ks_sysmap_read(path, &c->map);

	free(path);
	return err;
}

static struct ks_error *open_build(struct ks_create *c)
{
	struct ks_build_options o = {
		.source = c->opt->source,
		.config_dir = c->config_dir,
		.release = c->kernel.release,
		.jobs = c->opt->jobs,
		.force_compiler = c->opt->force_compiler,
		.report = c->opt->report,
		.patch_opt = c->opt->patch_opt,
		.verbosity = c->opt->verbosity,
	};
	char *share = NULL, *include = NULL;
	struct ks_error *err;

	/* Where there is none, ksplice.ko cannot be built, and that says it better. */
	ks_error_free(ks_share_find(&share));
	if (share)
		o.include_dir = include = ks_path_join(share, "include");
	err = ks_build_open(&o, &c->build);
	free(include);
	free(share);
	return err;
}

struct ks_error *ks_create_open_tree(struct ks_create *c)
{
	struct ks_error *err;

	err = ks_create_find_config(c->opt->source, c->opt->config, &c->config_dir);
	if (!err)
		err = ks_create_read_kernel(c->config_dir, &c->kernel);
	if (!err)
		err = read_map(c);
	if (!err)
		err = open_build(c);
	if (!err)
		err = ks_build_check_kernel(c->build, c->opt->sign_key != NULL);
	if (!err)
		err = ks_build_check_compiler(c->build);
	return err;
}
