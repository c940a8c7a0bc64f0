// SPDX-License-Identifier: GPL-2.0-only
/*
 * Building ksplice.ko; see core.h.
 *
 * The sources come from bin/share or share/ksplice (base/share.h).  The result is kept in
 * CONFIG_DIR/cache/core-HASH, where HASH covers all sources and the headers'
 * own version, so that neither an upgrade of ksplice nor of the headers can
 * leave a stale core behind.
 */
#include "module/core.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/share.h"
#include "build/build.h"

#define MAX_SOURCE (4u << 20)

static struct ks_error *list_files(const char *dir, struct ks_strv *names)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	if (!d)
		return ks_error_errno(errno, "%s", dir);
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			ks_strv_add(names, e->d_name);
	closedir(d);
	ks_strv_sort(names);
	return NULL;
}

/* Copies all files of a directory and feeds names and contents to the hash. */
static struct ks_error *copy_dir(const char *from, const char *to, EVP_MD_CTX *hash)
{
	struct ks_strv names = { 0 };
	struct ks_error *err = list_files(from, &names);

	if (!err && to)
		err = ks_dir_make(to);
	for (size_t i = 0; !err && i < names.len; i++) {
		char *source = ks_path_join(from, names.v[i]);
		struct ks_buf data = { 0 };

		err = ks_file_read(source, MAX_SOURCE, &data);
		if (!err && hash) {
			EVP_DigestUpdate(hash, names.v[i], strlen(names.v[i]) + 1);
			EVP_DigestUpdate(hash, data.data, data.len);
		}
		if (!err && to) {
			char *dest = ks_path_join(to, names.v[i]);

			err = ks_file_write(dest, data.data, data.len, 0644);
			free(dest);
		}
		ks_buf_free(&data);
		free(source);
	}
	ks_strv_free(&names);
	return err;
}

static struct ks_error *hash_sources(const char *kernel, const char *include, const char *config_dir,
				     char hex[17])
{
	static const char *const headers[] = { "build/include/generated/utsrelease.h",
					       "build/include/generated/autoconf.h",
					       "build/Module.symvers" };
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct ks_error *err;

	if (!hash || !EVP_DigestInit_ex(hash, EVP_sha256(), NULL)) {
		EVP_MD_CTX_free(hash);
		return ks_error_nomem();
	}
	err = copy_dir(kernel, NULL, hash);
	if (!err)
		err = copy_dir(include, NULL, hash);
	for (size_t i = 0; !err && i < sizeof(headers) / sizeof(*headers); i++) {
		char *path = ks_path_join(config_dir, headers[i]);
		struct ks_buf data = { 0 };

		err = ks_file_read(path, 64u << 20, &data);
		if (!err)
			EVP_DigestUpdate(hash, data.data, data.len);
		ks_buf_free(&data);
		free(path);
	}
	EVP_DigestFinal_ex(hash, digest, NULL);
	EVP_MD_CTX_free(hash);
	for (int i = 0; i < 8; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return err;
}

static struct ks_error *make_core(struct ks_build *build, const char *kernel, const char *include,
				  const char *dir)
{
	char *temp = ks_asprintf("%s.tmp", dir), *inc = ks_path_join(temp, "include");
	char *inc_ksplice = ks_path_join(inc, "ksplice"), *ko = ks_path_join(temp, "ksplice.ko");
	const char *strip[] = { "objcopy", "--strip-debug", ko, NULL };
	struct ks_error *err = ks_dir_remove(temp);

	if (!err)
		err = copy_dir(kernel, temp, NULL);
	if (!err)
		err = copy_dir(include, inc_ksplice, NULL);
	if (!err)
		err = ks_error_prefix(ks_build_module(build, temp, NULL), "ksplice.ko");
	if (!err)
		err = ks_proc_output(strip, NULL);
	if (!err && rename(temp, dir))
		err = ks_error_errno(errno, "cannot rename %s", temp);
	free(temp);
	free(inc);
	free(inc_ksplice);
	free(ko);
	return err;
}

struct ks_error *ks_core_build(struct ks_build *build, const char *config_dir, struct ks_report *report,
			       struct ks_core_build **result)
{
	char *share = NULL, *kernel, *include, *dir, hex[17];
	struct ks_error *err = ks_share_find(&share);

	if (err)
		return err;
	kernel = ks_path_join(share, "kernel");
	include = ks_path_join(share, "include/ksplice");
	err = hash_sources(kernel, include, config_dir, hex);
	dir = ks_asprintf("%s/core-%s", ks_build_cache_dir(build), hex);
	if (!err && !ks_file_is_dir(dir)) {
		ks_step(report, "Building ksplice.ko for this kernel (once)");
		err = make_core(build, kernel, include, dir);
	}
	if (!err) {
		struct ks_core_build *core = ks_alloc(sizeof(*core));

		core->module = ks_path_join(dir, "ksplice.ko");
		core->symvers = ks_path_join(dir, "Module.symvers");
		core->include_dir = ks_path_join(dir, "include");
		*result = core;
	}
	free(share);
	free(kernel);
	free(include);
	free(dir);
	return err;
}

void ks_core_build_free(struct ks_core_build *core)
{
	if (!core)
		return;
	free(core->module);
	free(core->symvers);
	free(core->include_dir);
	free(core);
}
