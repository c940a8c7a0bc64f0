// SPDX-License-Identifier: GPL-2.0-only
/*
 * The index of this kernel; see source.h.
 *
 * A head is asked for on condition that it has changed, so a repository with
 * nothing new costs one small request.  An index is named by its hash and never
 * changes: it is fetched once.  Between the two a mirror may be written to, so
 * what does not fit together is asked for once more.
 */
#include "uptrack/source.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "uptrack/head.h"
#include "uptrack/keys.h"

#define HEAD_MAX (KS_SIGNATURE_MAX)
#define MAX_ASKED (64u << 10)

struct ks_tarball ks_source_tarball(const struct ks_index_update *u)
{
	return (struct ks_tarball){
		.id = u->id,
		.path = ks_repo_update_path(u->sha256, u->id),
		.sha256 = u->sha256,
		.size = u->size,
	};
}

void ks_source_tarball_clear(struct ks_tarball *t)
{
	free((char *)t->path);
	t->path = NULL;
}

const char *ks_source_retired(const struct ks_client *c)
{
	return c->index ? c->index->retired : NULL;
}

bool ks_source_due(const struct ks_client *c)
{
	/* A clock that went back must not stop it for ever. */
	return !c->index || c->opt.now < c->checked ||
	       c->opt.now - c->checked >= (time_t)c->index->poll;
}

/* What is kept. */

static char *place(const struct ks_client *c, const char *name)
{
	char *kernel = ks_repo_kernel_name(&c->kernel);
	char *path = ks_asprintf("%s/kernels/%s%s%s", c->up->cache, kernel, *name ? "/" : "", name);

	free(kernel);
	return path;
}

static char *index_place(const struct ks_client *c, const char *sha256)
{
	char *name = ks_asprintf("%s.json", sha256), *path = place(c, name);

	free(name);
	return path;
}

/* When and where the head was asked for. */
struct asked {
	time_t when;
	char *url;
	struct ks_fetch_tag tag;
};

static void clear_asked(struct asked *a)
{
	free(a->url);
	ks_fetch_tag_clear(&a->tag);
}

/* One that cannot be read costs a request that is not conditional, and no more. */
static void read_asked(const struct ks_client *c, struct asked *a)
{
	char *path = place(c, "asked.json");
	struct ks_buf text = { 0 };
	const char *url, *etag = NULL, *modified = NULL;
	json_int_t when;
	json_t *root;

	memset(a, 0, sizeof(*a));
	ks_error_free(ks_file_read(path, MAX_ASKED, &text));
	root = text.len ? json_loadb(text.data, text.len, 0, NULL) : NULL;
	if (root && !json_unpack(root, "{s:I, s:s, s?s, s?s}", "when", &when, "url", &url, "etag",
				 &etag, "modified", &modified)) {
		a->when = when;
		a->url = ks_strdup(url);
		a->tag.etag = etag ? ks_strdup(etag) : NULL;
		a->tag.modified = modified ? ks_strdup(modified) : NULL;
	}
	json_decref(root);
	ks_buf_free(&text);
	free(path);
}

static struct ks_error *write_asked(const struct ks_client *c, const struct asked *a)
{
	json_t *root = json_pack("{s:I, s:s, s:s*, s:s*}", "when", (json_int_t)a->when, "url",
				 a->url, "etag", a->tag.etag, "modified", a->tag.modified);
	char *path = place(c, "asked.json"), *text = root ? json_dumps(root, 0) : NULL;
	struct ks_error *err;

	if (text)
		err = ks_file_write(path, text, strlen(text), 0644);
	else
		err = ks_error_new(KS_E_FAILED, "%s cannot be written as JSON", path);
	free(text);
	free(path);
	json_decref(root);
	return err;
}

/* Head and index as they are kept; both are empty where they are not. */
static struct ks_error *read_kept(const struct ks_client *c, struct ks_buf *head)
{
	char *path = place(c, KS_REPO_HEAD);
	struct ks_error *err = ks_file_exists(path) ? ks_file_read(path, HEAD_MAX, head) : NULL;

	free(path);
	return err;
}

/* The index first: a head that is there has its index. */
static struct ks_error *keep(const struct ks_client *c, const struct ks_head *head,
			     const struct ks_buf *head_text, const struct ks_buf *index_text)
{
	char *dir = place(c, ""), *head_path = place(c, KS_REPO_HEAD), *path = index_place(c, head->sha256);
	struct ks_error *err = ks_dir_make(dir);
	struct dirent *e;
	DIR *d;

	if (!err && index_text)
		err = ks_file_write_durable(path, index_text->data, index_text->len, 0644);
	if (!err)
		err = ks_file_write_durable(head_path, head_text->data, head_text->len, 0644);
	/* Those of earlier heads. */
	d = err ? NULL : opendir(dir);
	while (d && (e = readdir(d))) {
		char *old = ks_path_join(dir, e->d_name);

		if (strlen(e->d_name) == 64 + strlen(".json") && strcmp(e->d_name, ks_path_base(path)))
			ks_error_free(ks_dir_remove(old));
		free(old);
	}
	if (d)
		closedir(d);
	free(dir);
	free(head_path);
	free(path);
	return err;
}

/* Checking. */

static struct ks_trust trust(const struct ks_client *c, const struct ks_keys *keys, uint64_t now)
{
	const struct ks_state_kernel *k = ks_client_kernel(c);

	return (struct ks_trust){
		.keys = keys->trusted.v,
		.nr_keys = keys->trusted.len,
		.kernel = &c->kernel,
		.serial = k->serial,
		.sha256 = *k->sha256 ? k->sha256 : NULL,
		.now = now,
	};
}

static struct ks_error *take_index(struct ks_client *c, const struct ks_head *head,
				   const struct ks_buf *text)
{
	struct ks_index *index = ks_alloc(sizeof(*index));
	enum ks_refusal why;
	struct ks_error *err = ks_head_check_index(head, ks_buf_text(text), text->len, index, &why);

	if (err)
		free(index);
	else
		ks_client_set_index(c, index);
	return err;
}

static struct ks_error *load_index(struct ks_client *c, const struct ks_head *head)
{
	char *path = index_place(c, head->sha256);
	struct ks_buf text = { 0 };
	struct ks_error *err = ks_file_read(path, KS_INDEX_MAX, &text);

	if (!err)
		err = take_index(c, head, &text);
	ks_buf_free(&text);
	free(path);
	return err;
}

struct ks_error *ks_client_load(struct ks_client *c)
{
	struct ks_buf text = { 0 };
	struct ks_head head = { 0 };
	struct ks_keys keys = { 0 };
	struct asked asked;
	enum ks_refusal why;
	struct ks_error *err = read_kept(c, &text);

	if (err || !text.len) {
		ks_buf_free(&text);
		return err;
	}
	err = ks_keys_read(c, &keys);
	if (!err) {
		struct ks_trust t = trust(c, &keys, 0);

		err = ks_head_check(&t, text.data, text.len, &head, &why);
	}
	if (!err)
		err = load_index(c, &head);
	if (!err) {
		read_asked(c, &asked);
		c->checked = asked.when;
		clear_asked(&asked);
	}
	ks_head_clear(&head);
	ks_buf_free(&text);
	ks_keys_clear(&keys);
	return ks_error_prefix(err, "the index in %s", c->up->cache);
}

/* Asking. */

static struct ks_error *unserved(const struct ks_client *c, const char *url)
{
	char *name = ks_repo_kernel_name(&c->kernel);
	struct ks_error *err = ks_error_new(KS_E_UNSERVED, "The repository %s does not serve this kernel (%s)", url,
					    name);

	free(name);
	return err;
}

/* With the keys that follow those that are known, where it is signed by none of them. */
static struct ks_error *check_head(struct ks_client *c, struct ks_keys *keys,
				   const struct ks_buf *text, struct ks_head *head)
{
	struct ks_trust t = trust(c, keys, c->opt.now);
	enum ks_refusal why;
	struct ks_error *err = ks_head_check(&t, ks_buf_text(text), text->len, head, &why), *more;

	if (!err || why != KS_REFUSED_KEY)
		return err;
	more = ks_keys_follow(c, keys);
	if (more) {
		ks_error_free(err);
		return more;
	}
	ks_error_free(err);
	t = trust(c, keys, c->opt.now);
	return ks_head_check(&t, ks_buf_text(text), text->len, head, &why);
}

/* The index of the head: that which is kept, or else fetched. */
static struct ks_error *get_index(struct ks_client *c, const struct ks_head *head,
				  const struct ks_buf *head_text)
{
	char *path = ks_repo_index_path(head->sha256);
	struct ks_buf text = { 0 };
	enum ks_fetched what = KS_FETCHED;
	struct ks_error *err = load_index(c, head);

	if (!err) {
		err = keep(c, head, head_text, NULL);
		goto out;
	}
	ks_error_free(err);
	err = ks_fetch_small(c->fetch, path, head->size, NULL, &text, &what);
	if (!err && what == KS_FETCH_MISSING)
		err = ks_error_new(KS_E_INPUT,
				   "the repository has a head and not the index that it names (%s); a mirror may be behind: try again later",
				   path);
	if (!err)
		err = take_index(c, head, &text);
	if (!err)
		err = keep(c, head, head_text, &text);
out:
	ks_buf_free(&text);
	free(path);
	return err;
}

static struct ks_error *believe(struct ks_client *c, const struct ks_keys *keys,
				const struct ks_head *head, const struct asked *asked)
{
	struct ks_state_kernel *k = ks_client_kernel(c);
	bool news = k->serial != head->serial || strcmp(k->sha256, head->sha256);
	size_t nr_keys = c->state->keys.len, nr_dropped = c->state->dropped.len;

	k->serial = head->serial;
	strcpy(k->sha256, head->sha256);
	ks_keys_settle(c, keys, &head->key);
	if (c->index->has_next_key)
		ks_keys_remember(c, &c->index->next_key, &head->key);
	c->checked = asked->when;
	if (news || nr_keys != c->state->keys.len || nr_dropped != c->state->dropped.len) {
		struct ks_error *err = ks_state_save(c->state);

		if (err)
			return err;
	}
	return write_asked(c, asked);
}

/* One try.  *again: what came does not fit together, and might the next time. */
static struct ks_error *ask(struct ks_client *c, struct ks_keys *keys, struct asked *asked,
			    const struct ks_buf *kept, bool conditional, bool *again)
{
	char *path = ks_repo_head_path(&c->kernel);
	struct ks_buf text = { 0 };
	struct ks_head head = { 0 };
	enum ks_fetched what;
	struct ks_error *err;

	*again = false;
	if (!conditional)
		ks_fetch_tag_clear(&asked->tag);
	err = ks_fetch_small(c->fetch, path, HEAD_MAX, &asked->tag, &text, &what);
	if (!err && what == KS_FETCH_MISSING)
		err = unserved(c, asked->url);
	if (!err && what == KS_FETCH_UNCHANGED)
		ks_buf_add(&text, ks_buf_text(kept), kept->len);
	if (!err) {
		err = check_head(c, keys, &text, &head);
		/* Maybe only the copy is bad. */
		*again = err && what == KS_FETCH_UNCHANGED;
	}
	if (!err) {
		err = get_index(c, &head, &text);
		*again = err && ks_error_code(err) == KS_E_INPUT;
	}
	if (!err)
		err = believe(c, keys, &head, asked);
	ks_head_clear(&head);
	ks_buf_free(&text);
	free(path);
	return err;
}

struct ks_error *ks_client_refresh(struct ks_client *c)
{
	const char *url = c->opt.repo ? c->opt.repo : c->config.update_repo_url;
	struct ks_buf kept = { 0 };
	struct ks_keys keys = { 0 };
	struct asked asked;
	bool conditional, again;
	struct ks_error *err = ks_keys_read(c, &keys);

	if (!err)
		err = ks_client_fetch(c);
	if (err) {
		ks_keys_clear(&keys);
		return err;
	}
	ks_step(c->opt.report, "Asking %s", url);
	/* One that cannot be read is as good as none. */
	ks_error_free(read_kept(c, &kept));
	read_asked(c, &asked);
	/* What another server called it says nothing. */
	conditional = kept.len && asked.url && !strcmp(asked.url, url);
	if (!asked.url || strcmp(asked.url, url)) {
		free(asked.url);
		asked.url = ks_strdup(url);
	}
	asked.when = c->opt.now;
	err = ask(c, &keys, &asked, &kept, conditional, &again);
	if (err && again) {
		ks_error_free(err);
		ks_fetch_afresh(c->fetch);
		err = ask(c, &keys, &asked, &kept, false, &again);
	}
	clear_asked(&asked);
	ks_buf_free(&kept);
	ks_keys_clear(&keys);
	return err;
}
