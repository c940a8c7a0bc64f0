// SPDX-License-Identifier: GPL-2.0-only
/* A whole repository; see audit.h. */
#include "uptrack/audit.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"
#include "pack/archive.h"
#include "pack/digest.h"

struct auditor {
	const struct ks_store *store;
	struct ks_audit *audit;
	struct ks_strv used; /* paths that something refers to */
	uint64_t now;
	bool deep;
};

void ks_audit_clear(struct ks_audit *a)
{
	ks_strv_free(&a->faults);
	ks_strv_free(&a->notes);
	ks_strv_free(&a->loose);
	memset(a, 0, sizeof(*a));
}

/* What is wrong with the repository is a result; what keeps us from looking is an error. */
static struct ks_error *note(struct auditor *r, const char *what, struct ks_error *err)
{
	if (!err || ks_error_code(err) == KS_E_NOMEM || ks_error_code(err) == KS_E_INTERRUPTED)
		return err;
	ks_strv_addf(&r->audit->faults, "%s%s%s", what, *what ? ": " : "", ks_error_message(err));
	ks_error_free(err);
	return NULL;
}

static struct ks_error *check_package(const struct ks_index *index, const struct ks_index_update *u,
				      const char *path)
{
	struct ks_pack *pack;
	struct ks_error *err = ks_pack_open(path, &pack);

	if (err)
		return err;
	err = ks_index_check_pack(index, u, &pack->manifest);
	ks_pack_close(pack);
	return err;
}

static struct ks_error *check_tarball(struct auditor *r, const struct ks_index *index,
				      const struct ks_index_update *u)
{
	char *path = ks_repo_update_path(u->sha256, u->id), *full = ks_store_path(r->store, path);
	struct ks_error *err;
	char sha256[65];
	uint64_t size;

	ks_strv_add(&r->used, path);
	r->audit->updates++;
	err = ks_digest_file(full, sha256, &size);
	if (!err && size != u->size)
		err = ks_error_new(KS_E_INPUT, "%s has %llu bytes, and should have %llu", full,
				   (unsigned long long)size, (unsigned long long)u->size);
	if (!err && strcmp(sha256, u->sha256))
		err = ks_error_new(KS_E_INPUT, "%s: its hash is not the one that was signed: it was changed", full);
	if (!err && r->deep)
		err = check_package(index, u, full);
	free(full);
	free(path);
	return note(r, index->release, err);
}

static struct ks_error *check_expiry(const struct auditor *r, const struct ks_head *head)
{
	if (!r->now || r->now < head->expires)
		return NULL;
	return ks_error_new(KS_E_INPUT, "it expired %llu hours ago; uptrack-publish resign makes it good again",
			    (unsigned long long)(r->now - head->expires) / 3600);
}

static struct ks_error *check_kernel(struct auditor *r, const char *name)
{
	struct ks_repo_kernel kernel;
	struct ks_error *err = ks_repo_kernel_parse(name, &kernel);
	struct ks_index index = { 0 };
	struct ks_head head = { 0 };
	char *path;

	if (err)
		return note(r, name, err);
	path = ks_repo_head_path(&kernel);
	ks_strv_add(&r->used, path);
	free(path);
	r->audit->kernels++;
	err = ks_store_read(r->store, &kernel, &head, &index);
	if (err) {
		ks_repo_kernel_clear(&kernel);
		return note(r, "", err);
	}
	path = ks_repo_index_path(head.sha256);
	ks_strv_add(&r->used, path);
	free(path);
	err = note(r, kernel.release, check_expiry(r, &head));
	ks_vec_for(&index.updates, u) {
		if (!err && ks_interrupted())
			err = ks_interrupted_error();
		/* What is withdrawn nobody fetches; but it may be there. */
		if (!err && !u->withdrawn)
			err = check_tarball(r, &index, u);
	}
	ks_head_clear(&head);
	ks_index_clear(&index);
	ks_repo_kernel_clear(&kernel);
	return err;
}

static void use_key(struct auditor *r, const struct ks_public_key *key)
{
	char *own = ks_repo_key_path(key->id), *next = ks_repo_next_key_path(key->id);

	ks_strv_add(&r->used, own);
	ks_strv_add(&r->used, next);
	ks_strv_addf(&r->used, "%s.minisig", next);
	free(own);
	free(next);
	r->audit->keys++;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Once it is sorted. */
static bool is_used(const struct auditor *r, const char *path)
{
	return r->used.len && bsearch(&path, r->used.v, r->used.len, sizeof(*r->used.v), compare);
}

static struct ks_error *look_at(void *arg, const char *path)
{
	struct auditor *r = arg;

	if (is_used(r, path))
		return NULL;
	if (ks_store_is_leftover(path)) {
		ks_strv_addf(&r->audit->notes, "%s was left by a publisher that was interrupted", path);
	} else if (ks_str_starts(path, KS_REPO_TOP "/indexes/") || ks_str_starts(path, KS_REPO_TOP "/updates/")) {
		ks_strv_addf(&r->audit->notes, "%s is referred to by no head any more", path);
		ks_strv_add(&r->audit->loose, path);
	} else if (ks_str_starts(path, KS_REPO_TOP "/keys/")) {
		ks_strv_addf(&r->audit->notes, "%s is of a key that is not trusted", path);
	} else {
		ks_strv_addf(&r->audit->notes, "%s is no file of a repository", path);
	}
	return NULL;
}

struct ks_error *ks_audit(const struct ks_store *store, uint64_t now, bool deep, struct ks_audit *audit)
{
	struct auditor r = { .store = store, .audit = audit, .now = now, .deep = deep };
	struct ks_strv names = { 0 };
	struct ks_error *err;

	memset(audit, 0, sizeof(*audit));
	ks_vec_for(&store->keys, key)
		use_key(&r, key);
	err = note(&r, "", ks_store_kernels(store, &names));
	for (size_t i = 0; !err && i < names.len; i++)
		err = check_kernel(&r, names.v[i]);
	ks_strv_sort(&r.used);
	if (!err)
		err = ks_store_walk(store, look_at, &r);
	ks_strv_free(&names);
	ks_strv_free(&r.used);
	if (err)
		ks_audit_clear(audit);
	return err;
}
