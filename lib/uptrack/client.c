// SPDX-License-Identifier: GPL-2.0-only
/* What a run of the client works with; see client.h. */
#include "uptrack/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "uptrack/boot.h"
#include "uptrack/cache.h"

/* Another command may be waiting for tasks to leave what it changes. */
#define LOCK_WAIT 600

static struct ks_error *read_config(struct ks_client *c)
{
	char *path = ks_path_join(c->up->etc, "uptrack.conf");
	struct ks_error *err;

	/* Who only looks needs none of it, and may not read it where it has the access key. */
	err = c->opt.look ? NULL : ks_uptrack_config_read(path, &c->config);
	free(path);
	return err;
}

static struct ks_error *read_state(struct ks_client *c)
{
	struct ks_error *err;

	if (c->opt.look)
		return ks_state_read(c->up, &c->state);
	err = ks_state_open(c->up, LOCK_WAIT, c->opt.report, &c->state);
	return err ? err : ks_boot_look_back(c->up, c->state);
}

struct ks_error *ks_client_open(const struct ks_uptrack *up, const struct ks_client_options *opt,
				struct ks_client *c)
{
	struct ks_error *err;

	memset(c, 0, sizeof(*c));
	c->up = up;
	c->opt = *opt;
	if (!c->opt.now)
		c->opt.now = time(NULL);
	err = read_config(c);
	if (!err)
		err = ks_kernel_identify(up, &c->kernel);
	if (!err)
		err = read_state(c);
	if (!err)
		err = ks_applied_read(up->live, &c->applied);
	return err;
}

void ks_client_close(struct ks_client *c)
{
	ks_fetch_close(c->fetch);
	ks_client_set_index(c, NULL);
	ks_applied_clear(&c->applied);
	ks_state_close(c->state);
	ks_repo_kernel_clear(&c->kernel);
	ks_uptrack_config_free(&c->config);
	memset(c, 0, sizeof(*c));
}

void ks_client_set_index(struct ks_client *c, struct ks_index *index)
{
	if (c->index)
		ks_index_clear(c->index);
	free(c->index);
	c->index = index;
}

struct ks_state_kernel *ks_client_kernel(const struct ks_client *c)
{
	char *name = ks_repo_kernel_name(&c->kernel);
	struct ks_state_kernel *k = ks_state_kernel(c->state, name);

	free(name);
	return k;
}

struct ks_fetch_settings ks_client_settings(const struct ks_client *c, const char *url)
{
	return (struct ks_fetch_settings){
		.url = url,
		.proxy = c->config.https_proxy,
		.ca_file = c->config.ssl_ca_cert_file,
		.ca_dir = c->config.ssl_ca_cert_dir,
		.stall = c->opt.stall,
		.limit = c->opt.limit,
	};
}

struct ks_error *ks_client_fetch(struct ks_client *c)
{
	struct ks_fetch_settings set =
		ks_client_settings(c, c->opt.repo ? c->opt.repo : c->config.update_repo_url);

	set.accesskey = c->config.accesskey;
	if (c->fetch)
		return NULL;
	if (!set.url)
		return ks_error_new(KS_E_USAGE,
				    "no repository is known: set update_repo_url in %s/uptrack.conf, or give --repo",
				    c->up->etc);
	return ks_fetch_open(&set, &c->fetch);
}

/* May the machine boot it again? */
static bool is_there(const struct ks_client *c, const char *name)
{
	struct ks_repo_kernel k;
	char *dir;
	bool there;

	ks_error_free(ks_repo_kernel_parse(name, &k));
	if (!k.release)
		return false;
	dir = ks_path_join(c->up->live->lib_modules, k.release);
	there = ks_file_is_dir(dir) || ks_repo_kernel_same(&k, &c->kernel);
	free(dir);
	ks_repo_kernel_clear(&k);
	return there;
}

/* The index of a kernel that is gone; its serial is still remembered. */
static struct ks_error *remove_index(const struct ks_client *c, const char *kernel)
{
	char *dir = ks_asprintf("%s/kernels/%s", c->up->cache, kernel);
	struct ks_error *err = ks_dir_remove(dir);

	free(dir);
	return err;
}

struct ks_error *ks_client_prune(struct ks_client *c)
{
	struct ks_strv keep = { 0 };
	struct ks_error *err = NULL;

	/* What is available is not known: nothing to throw away. */
	if (!c->index)
		return NULL;
	ks_vec_for(&c->state->kernels, k) {
		if (!is_there(c, k->kernel) && !err)
			err = remove_index(c, k->kernel);
		else if (is_there(c, k->kernel))
			ks_vec_for(&k->installed, u)
				ks_strv_add(&keep, u->sha256);
	}
	ks_vec_for(&c->index->updates, u)
		if (!u->withdrawn)
			ks_strv_add(&keep, u->sha256);
	if (!err)
		err = ks_cache_prune(c->up, &keep);
	ks_strv_free(&keep);
	return err;
}

const char *ks_client_effective(const struct ks_client *c)
{
	const struct ks_index_update *u = c->index ? ks_plan_effective(c->index, &c->applied)
						   : NULL;

	return u ? u->release : c->kernel.release;
}
