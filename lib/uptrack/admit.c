// SPDX-License-Identifier: GPL-2.0-only
/* Whether an update may come into an index; see admit.h. */
#include "uptrack/admit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "pack/archive.h"

/* Those that a machine would have applied before this one. */
#define for_live(index, u)          \
	ks_vec_for(&(index)->updates, u) \
		if (!(u)->withdrawn)

#define refuse(...) ks_error_new(KS_E_REFUSED, __VA_ARGS__)

static struct ks_error *check_kind(const struct ks_index *index, const struct ks_manifest *m, uint64_t size)
{
	const struct ks_index_update *same = ks_index_find(index, m->id);

	if (index->retired)
		return refuse("the kernel %s is retired; it gets no more updates", index->release);
	if (same && same->withdrawn)
		return refuse("there was an update %s, and it was withdrawn; make the new one with another id", m->id);
	if (same)
		return refuse("there is an update %s already; make the new one with another id", m->id);
	if (m->replace)
		return refuse("update %s replaces all others when it is applied, and the index would list what is gone; make it without --replace, on top of the others with --series",
			      m->id);
	if (size > KS_INDEX_TARBALL_MAX)
		return refuse("the tarball of %s has %llu bytes, more than the %u that a client takes", m->id,
			      (unsigned long long)size, KS_INDEX_TARBALL_MAX);
	return NULL;
}

/* The first thing of one source file that both replace, or NULL. */
static const char *shared(const struct ks_strv *a, const struct ks_strv *b)
{
	for (size_t i = 0; i < a->len; i++)
		if (ks_strv_has(b, a->v[i]))
			return a->v[i];
	return NULL;
}

static const char *overlap(const struct ks_manifest *a, const struct ks_manifest *b, const char **path)
{
	ks_vec_for(&a->units, x) {
		ks_vec_for(&b->units, y) {
			const char *name = NULL;

			if (!strcmp(x->path, y->path) && !strcmp(x->target, y->target))
				name = shared(&x->replaced, &y->replaced);
			if (!name && !strcmp(x->path, y->path) && !strcmp(x->target, y->target))
				name = shared(&x->changed, &y->changed);
			*path = x->path;
			if (name)
				return name;
		}
	}
	return NULL;
}

static bool depends_on(const struct ks_index *index, const struct ks_strv *depends, const char *id)
{
	for (size_t i = 0; i < depends->len; i++) {
		const struct ks_index_update *u = ks_index_find(index, depends->v[i]);

		if (!strcmp(depends->v[i], id) || (u && depends_on(index, &u->depends, id)))
			return true;
	}
	return false;
}

/* Side by side with one that is in the index: do they get along? */
static struct ks_error *check_beside(const struct ks_index *index, const struct ks_manifest *m,
				     const struct ks_strv *depends, const struct ks_manifest *other)
{
	const char *path, *name = overlap(m, other, &path);

	if (m->core_abi != other->core_abi)
		return refuse("update %s is made for version %d of the core, and %s for version %d: one kernel cannot have both; make it with the same ksplice",
			      m->id, m->core_abi, other->id, other->core_abi);
	if (name && !m->series)
		return refuse("update %s and %s both replace %s of %s; make it on top of the others, with --series",
			      m->id, other->id, name, path);
	if (name && !depends_on(index, depends, other->id))
		return refuse("update %s replaces %s of %s, which %s has replaced, and does not depend on it; add --depends=%s",
			      m->id, name, path, other->id, other->id);
	return NULL;
}

static struct ks_error *check_others(const struct ks_store *s, const struct ks_index *index,
				     const struct ks_manifest *m, const struct ks_strv *depends)
{
	struct ks_error *err = NULL;

	for_live(index, u) {
		char *path = ks_repo_update_path(u->sha256, u->id), *full = ks_store_path(s, path);
		struct ks_pack *pack = NULL;

		err = ks_pack_open(full, &pack);
		if (!err)
			err = check_beside(index, m, depends, &pack->manifest);
		ks_pack_close(pack);
		free(full);
		free(path);
		if (err)
			return err;
	}
	return NULL;
}

static struct ks_error *choose_depends(const struct ks_index *index, const struct ks_manifest *m,
				       const struct ks_admission *a, struct ks_strv *depends)
{
	for (size_t i = 0; i < a->depends.len; i++) {
		const struct ks_index_update *u = ks_index_find(index, a->depends.v[i]);

		if (!u)
			return refuse("--depends=%s: there is no such update of %s", a->depends.v[i], index->release);
		if (u->withdrawn)
			return refuse("--depends=%s: that update was withdrawn", a->depends.v[i]);
		if (!ks_strv_has(depends, a->depends.v[i]))
			ks_strv_add(depends, a->depends.v[i]);
	}
	if (!m->series || depends->len)
		return NULL;
	for_live(index, u)
		ks_strv_add(depends, u->id);
	if (!depends->len)
		return refuse("update %s is made on top of others (--series), and there are none of %s here; add those first",
			      m->id, index->release);
	if (depends->len > KS_INDEX_NAMES)
		return refuse("update %s would depend on %zu others; say with --depends on which it is built", m->id,
			      depends->len);
	return NULL;
}

static struct ks_error *check_words(const struct ks_admission *a, const char *name, const char *id)
{
	const char *problem = NULL;

	for (size_t i = 0; i < a->cves.len; i++)
		if (!ks_cve_valid(a->cves.v[i]))
			return refuse("--cve=%s: give it as CVE-2026-12345", a->cves.v[i]);
	if (!*name || strlen(name) > KS_INDEX_NAME_MAX)
		return refuse("update %s: give it a name of 1 to %d bytes with --name", id, KS_INDEX_NAME_MAX);
	if (a->release)
		problem = ks_repo_word_problem(a->release, KS_REPO_RELEASE_MAX);
	if (a->version && !problem)
		problem = ks_repo_word_problem(a->version, KS_REPO_VERSION_MAX);
	if (problem)
		return refuse("--effective=%s/%s: one of them is %s", a->release, a->version, problem);
	return NULL;
}

/* The effective kernel: what is said, or that of the last update, or the kernel itself. */
static void set_effective(const struct ks_index *index, const struct ks_admission *a,
			  struct ks_index_update *u)
{
	const char *release = index->release, *version = index->version;

	for_live(index, before) {
		if (!before->release)
			continue; /* itself */
		release = before->release;
		version = before->version;
	}
	u->release = ks_strdup(a->release ? a->release : release);
	u->version = ks_strdup(a->version ? a->version : version);
}

static void copy_list(struct ks_strv *to, const struct ks_strv *from)
{
	for (size_t i = 0; i < from->len; i++)
		if (!ks_strv_has(to, from->v[i]))
			ks_strv_add(to, from->v[i]);
}

struct ks_error *ks_admit(const struct ks_store *s, struct ks_index *index, const struct ks_manifest *m,
			  uint64_t size, const char *sha256, const struct ks_admission *a)
{
	const char *name = a->name ? a->name : m->description;
	struct ks_strv depends = { 0 };
	struct ks_index_update *u;
	struct ks_error *err;

	err = check_kind(index, m, size);
	if (!err)
		err = check_words(a, name, m->id);
	if (!err)
		err = choose_depends(index, m, a, &depends);
	if (!err)
		err = check_others(s, index, m, &depends);
	if (!err) {
		u = ks_index_add(index);
		u->id = ks_strdup(m->id);
		u->name = ks_strdup(name);
		u->description = ks_strdup(a->description ? a->description : m->description);
		copy_list(&u->cves, &a->cves);
		copy_list(&u->depends, &depends);
		copy_list(&u->targets, &m->targets);
		u->size = size;
		strcpy(u->sha256, sha256);
		set_effective(index, a, u);
		err = ks_index_check_pack(index, u, m);
	}
	ks_strv_free(&depends);
	return err;
}

struct ks_error *ks_withdraw(struct ks_index *index, const char *id, const char *text, bool dependents)
{
	struct ks_index_update *u = ks_index_find(index, id);
	struct ks_strv who = { 0 };
	struct ks_error *err = NULL;

	if (!u)
		return ks_error_new(KS_E_USAGE, "there is no update %s of %s", id, index->release);
	if (u->withdrawn)
		return ks_error_new(KS_E_USAGE, "update %s was withdrawn already", id);
	for_live(index, v)
		if (depends_on(index, &v->depends, id))
			ks_strv_add(&who, v->id);
	if (who.len && !dependents)
		err = refuse("%s depends on %s; --dependents withdraws it as well", who.v[0], id);
	for (size_t i = 0; !err && i < who.len; i++)
		ks_index_find(index, who.v[i])->withdrawn = ks_asprintf("It depends on %s, which was withdrawn.", id);
	if (!err)
		u->withdrawn = ks_strdup(text);
	ks_strv_free(&who);
	return err;
}
