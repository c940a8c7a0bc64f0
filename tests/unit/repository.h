/* SPDX-License-Identifier: GPL-2.0-only */
/* A repository in a directory, made with the parts that the publisher is made of. */
#ifndef KS_TEST_REPOSITORY_H
#define KS_TEST_REPOSITORY_H

#include "base/file.h"
#include "pack/archive.h"
#include "pack/digest.h"
#include "uptrack/head.h"
#include "uptrack/key.h"

#include "fake_kernel.h"

#define REPO_KERNEL "debian/amd64/" FAKE_RELEASE "/" FAKE_VERSION
#define REPO_NOW 1800000000ll

struct repo_update {
	const char *id, *depends, *cve, *release;
	const char *target; /* NULL: vmlinux */
	const char *withdrawn;
};

static struct {
	char *dir, *work;
	struct ks_secret_key key;
	uint64_t serial;
	const char *kernel; /* NULL: REPO_KERNEL */
	const char *retired;
	long long created; /* 0: REPO_NOW */
	struct ks_public_key *next;
} repo;

static char *repo_path(const char *path)
{
	return ks_path_join(repo.dir, path);
}

static void repo_put(const char *path, const struct ks_buf *data)
{
	char *full = repo_path(path), *parent = ks_strndup(full, ks_path_base(full) - full);

	die(ks_dir_make(parent));
	die(ks_file_write(full, data->data, data->len, 0644));
	free(parent);
	free(full);
}

static void repo_get(const char *path, struct ks_buf *data)
{
	char *full = repo_path(path);

	die(ks_file_read(full, 1 << 20, data));
	free(full);
}

/* The tarball of an update, always the same. */
static void repo_pack(const struct repo_update *u, struct ks_buf *tarball)
{
	struct ks_manifest m = { 0 };
	char *dir = ks_path_join(repo.work, "pack"), *path = ks_path_join(repo.work, "pack.tar.gz");
	char *names[] = { ks_strdup("core/ksplice.ko"), ks_asprintf("ksplice_%s_old.ko", u->id),
			  ks_asprintf("ksplice_%s_new.ko", u->id), ks_strdup("patch") };
	char *core = ks_path_join(dir, "core");

	setenv("SOURCE_DATE_EPOCH", "1790000000", 1);
	die(ks_dir_remove(dir));
	die(ks_dir_make(core));
	for (size_t i = 0; i < 4; i++) {
		char *file = ks_path_join(dir, names[i]);

		die(ks_file_write(file, names[i], strlen(names[i]), 0644));
		free(file);
		free(names[i]);
	}
	ks_manifest_init(&m, u->id, "Mends the thing");
	ks_manifest_set_kernel(&m, FAKE_RELEASE, FAKE_VERSION);
	ks_strv_add(&m.targets, u->target ? u->target : "vmlinux");
	die(ks_pack_write(&m, dir, path));
	die(ks_file_read(path, 1 << 20, tarball));
	ks_manifest_clear(&m);
	free(core);
	free(dir);
	free(path);
}

static void repo_fill(struct ks_index *index, const struct repo_update *u)
{
	struct ks_index_update *to = ks_index_add(index);
	struct ks_buf tarball = { 0 };
	char *path;

	repo_pack(u, &tarball);
	to->id = ks_strdup(u->id);
	to->name = ks_asprintf("Name of %s", u->id);
	to->description = ks_strdup("");
	if (u->cve)
		ks_strv_add(&to->cves, u->cve);
	if (u->depends)
		ks_strv_add(&to->depends, u->depends);
	ks_strv_add(&to->targets, u->target ? u->target : "vmlinux");
	to->release = ks_strdup(u->release ? u->release : "6.1.0-55-cloud-amd64");
	to->version = ks_strdup("6.1.191-1");
	to->withdrawn = u->withdrawn ? ks_strdup(u->withdrawn) : NULL;
	to->size = tarball.len;
	die(ks_digest(&tarball, to->sha256));
	path = ks_repo_update_path(to->sha256, u->id);
	repo_put(path, &tarball);
	free(path);
	ks_buf_free(&tarball);
}

/* Publishes these updates as the next index of the kernel. */
static void repo_publish(const struct repo_update *updates, size_t n)
{
	struct ks_index index = { 0 };
	struct ks_repo_kernel k;
	struct ks_buf text = { 0 }, head = { 0 };
	char sha256[65], *path;

	die(ks_repo_kernel_parse(repo.kernel ? repo.kernel : REPO_KERNEL, &k));
	index.distribution = k.distribution;
	index.arch = k.arch;
	index.release = k.release;
	index.version = k.version;
	index.serial = ++repo.serial;
	index.created = repo.created ? repo.created : REPO_NOW;
	index.expires = index.created + 14 * 24 * 3600;
	index.client = 1;
	index.poll = 3600;
	if (repo.retired) {
		index.retired = ks_strdup(repo.retired);
		index.retired_date = index.created;
	}
	if (repo.next) {
		index.has_next_key = true;
		index.next_key = *repo.next;
	}
	for (size_t i = 0; i < n; i++)
		repo_fill(&index, &updates[i]);
	die(ks_index_write(&index, &text));
	die(ks_digest(&text, sha256));
	die(ks_head_make(&index, &text, &repo.key, &head));
	path = ks_repo_index_path(sha256);
	repo_put(path, &text);
	free(path);
	path = ks_repo_head_path(&k);
	repo_put(path, &head);
	free(path);
	ks_index_clear(&index);
	ks_buf_free(&text);
	ks_buf_free(&head);
}

static char *repo_head_path(void)
{
	struct ks_repo_kernel k;
	char *path;

	die(ks_repo_kernel_parse(REPO_KERNEL, &k));
	path = ks_repo_head_path(&k);
	ks_repo_kernel_clear(&k);
	return path;
}

/* Into @etc/keys, as the administrator would. */
static void repo_trust(const char *etc, const struct ks_secret_key *secret, const char *name)
{
	char *dir = ks_path_join(etc, "keys"), *path = ks_path_join(dir, name);
	struct ks_public_key key;
	struct ks_buf text = { 0 };

	ks_secret_key_public(secret, &key);
	ks_public_key_write(&key, &text);
	die(ks_dir_make(dir));
	die(ks_file_write(path, text.data, text.len, 0644));
	ks_buf_free(&text);
	free(path);
	free(dir);
}

#endif
