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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "uptrack/head.h"
#include "uptrack/key.h"

#define HEAD_MAX (KS_SIGNATURE_MAX)
#define MAX_ASKED (64u << 10)
#define MAX_KEYS 64

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
	return !c->index || c->opt.now < c->checked || c->opt.now - c->checked >= (time_t)c->index->poll;
}

/*
 * Keys.  All that are known, each behind the one that it follows; a key that was
 * followed by one that has signed an index is known, and not trusted any more.
 */

struct known_key {
	struct ks_public_key key;
	int from; /* the one that it follows; -1: the administrator put it there */
	bool dropped;
};

struct keys {
	KS_VEC(struct known_key) all;
	KS_VEC(struct ks_public_key) trusted;
};

static void clear_keys(struct keys *keys)
{
	ks_vec_free(&keys->all);
	ks_vec_free(&keys->trusted);
}

static int find_key(const struct keys *keys, const struct ks_public_key *key)
{
	ks_vec_for(&keys->all, k)
		if (ks_key_same(&k->key, key))
			return k - keys->all.v;
	return -1;
}

static void add_key(struct ks_client *c, struct keys *keys, const struct ks_public_key *key, int from)
{
	struct known_key *k;
	char line[57];

	if (find_key(keys, key) >= 0 || keys->all.len == MAX_KEYS)
		return;
	ks_public_key_line(key, line);
	k = ks_vec_push(&keys->all);
	k->key = *key;
	k->from = from;
	k->dropped = ks_strv_has(&c->state->dropped, line);
	if (!k->dropped)
		*ks_vec_push(&keys->trusted) = *key;
}

static struct ks_error *read_key(struct ks_client *c, struct keys *keys, const char *path)
{
	struct ks_buf text = { 0 };
	struct ks_public_key key;
	struct ks_error *err = ks_file_read(path, KS_KEY_MAX, &text);

	if (!err)
		err = ks_error_prefix(ks_public_key_parse(text.data, text.len, &key), "%s", path);
	if (!err)
		add_key(c, keys, &key, -1);
	ks_buf_free(&text);
	return err;
}

/* Those that the administrator put there. */
static struct ks_error *read_own_keys(struct ks_client *c, struct keys *keys)
{
	char *dir = ks_path_join(c->up->etc, "keys");
	struct ks_error *err = NULL;
	struct dirent *e;
	DIR *d = opendir(dir);

	while (d && !err && (e = readdir(d))) {
		char *path = ks_path_join(dir, e->d_name);

		if (*e->d_name != '.' && ks_str_ends(e->d_name, ".pub"))
			err = read_key(c, keys, path);
		free(path);
	}
	if (d)
		closedir(d);
	if (!err && !keys->all.len)
		err = ks_error_new(KS_E_USAGE, "no key of a repository is trusted: put its public key (NAME.pub) into %s",
				   dir);
	free(dir);
	return err;
}

/* "KEY FROM": counts only as long as the one that it follows is known. */
static struct ks_error *take_followed(struct ks_client *c, struct keys *keys, const char *line)
{
	size_t n = strcspn(line, " ");
	const char *rest = line + n + strspn(line + n, " ");
	struct ks_public_key key, from;
	struct ks_error *err = ks_public_key_parse(line, n, &key);

	if (!err)
		err = ks_public_key_parse(rest, strlen(rest), &from);
	if (!err && find_key(keys, &from) >= 0)
		add_key(c, keys, &key, find_key(keys, &from));
	return ks_error_prefix(err, "a key in state.json");
}

static struct ks_error *read_keys(struct ks_client *c, struct keys *keys)
{
	struct ks_error *err = read_own_keys(c, keys);

	for (size_t i = 0; !err && i < c->state->keys.len; i++)
		err = take_followed(c, keys, c->state->keys.v[i]);
	return err;
}

/* For the next time, and for the boot, which has no network to find it again. */
static void remember_key(struct ks_client *c, const struct ks_public_key *key,
			 const struct ks_public_key *from)
{
	char line[57], from_line[57], both[120];

	ks_public_key_line(key, line);
	ks_public_key_line(from, from_line);
	snprintf(both, sizeof(both), "%s %s", line, from_line);
	if (!ks_strv_has(&c->state->keys, both) && c->state->keys.len < MAX_KEYS)
		ks_strv_add(&c->state->keys, both);
}

/* This one has signed an index: it is remembered, and those before it are not trusted any more. */
static void settle_on(struct ks_client *c, const struct keys *keys, const struct ks_public_key *key)
{
	int i = find_key(keys, key);
	size_t chain[MAX_KEYS], n = 0;

	for (; i >= 0 && n < MAX_KEYS; i = keys->all.v[i].from)
		chain[n++] = i;
	while (n-- > 1) {
		const struct ks_public_key *from = &keys->all.v[chain[n]].key;
		char line[57];

		remember_key(c, &keys->all.v[chain[n - 1]].key, from);
		ks_public_key_line(from, line);
		if (!ks_strv_has(&c->state->dropped, line))
			ks_strv_add(&c->state->dropped, line);
	}
}

static struct ks_error *next_key(struct ks_client *c, const struct ks_public_key *from,
				 struct ks_public_key *next, bool *found)
{
	char *path = ks_repo_next_key_path(from->id), *sig_path = ks_asprintf("%s.minisig", path);
	struct ks_buf text = { 0 }, signature = { 0 };
	enum ks_fetched what;
	struct ks_error *err = ks_fetch_small(c->fetch, path, KS_KEY_MAX, NULL, &text, &what);

	*found = false;
	if (!err && what == KS_FETCHED)
		err = ks_fetch_small(c->fetch, sig_path, KS_SIGNATURE_MAX, NULL, &signature, &what);
	if (!err && what == KS_FETCHED) {
		err = ks_key_follow(from, &text, &signature, next);
		*found = !err;
	}
	ks_buf_free(&text);
	ks_buf_free(&signature);
	free(path);
	free(sig_path);
	return err;
}

/* From every key that is trusted along the chain of those that follow. */
static struct ks_error *follow_keys(struct ks_client *c, struct keys *keys)
{
	size_t limit = keys->all.len + KS_KEY_STEPS;
	struct ks_error *err = NULL;

	for (size_t i = 0; !err && i < keys->all.len && i < limit; i++) {
		struct ks_public_key from = keys->all.v[i].key, next;
		bool found;

		if (keys->all.v[i].dropped)
			continue;
		err = next_key(c, &from, &next, &found);
		if (!err && found)
			add_key(c, keys, &next, i);
	}
	return err;
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
	if (root && !json_unpack(root, "{s:I, s:s, s?s, s?s}", "when", &when, "url", &url, "etag", &etag,
				 "modified", &modified)) {
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
	json_t *root = json_pack("{s:I, s:s, s:s*, s:s*}", "when", (json_int_t)a->when, "url", a->url, "etag",
				 a->tag.etag, "modified", a->tag.modified);
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

static struct ks_trust trust(const struct ks_client *c, const struct keys *keys, uint64_t now)
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
	struct keys keys = { 0 };
	struct asked asked;
	enum ks_refusal why;
	struct ks_error *err = read_kept(c, &text);

	if (err || !text.len) {
		ks_buf_free(&text);
		return err;
	}
	err = read_keys(c, &keys);
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
	clear_keys(&keys);
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
static struct ks_error *check_head(struct ks_client *c, struct keys *keys, const struct ks_buf *text,
				   struct ks_head *head)
{
	struct ks_trust t = trust(c, keys, c->opt.now);
	enum ks_refusal why;
	struct ks_error *err = ks_head_check(&t, ks_buf_text(text), text->len, head, &why), *more;

	if (!err || why != KS_REFUSED_KEY)
		return err;
	more = follow_keys(c, keys);
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

static struct ks_error *believe(struct ks_client *c, const struct keys *keys, const struct ks_head *head,
				const struct asked *asked)
{
	struct ks_state_kernel *k = ks_client_kernel(c);
	bool news = k->serial != head->serial || strcmp(k->sha256, head->sha256);
	size_t nr_keys = c->state->keys.len, nr_dropped = c->state->dropped.len;

	k->serial = head->serial;
	strcpy(k->sha256, head->sha256);
	settle_on(c, keys, &head->key);
	if (c->index->has_next_key)
		remember_key(c, &c->index->next_key, &head->key);
	c->checked = asked->when;
	if (news || nr_keys != c->state->keys.len || nr_dropped != c->state->dropped.len) {
		struct ks_error *err = ks_state_save(c->state);

		if (err)
			return err;
	}
	return write_asked(c, asked);
}

/* One try.  *again: what came does not fit together, and might the next time. */
static struct ks_error *ask(struct ks_client *c, struct keys *keys, struct asked *asked,
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
	struct keys keys = { 0 };
	struct asked asked;
	bool conditional, again;
	struct ks_error *err = read_keys(c, &keys);

	if (!err)
		err = ks_client_fetch(c);
	if (err) {
		clear_keys(&keys);
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
	clear_keys(&keys);
	return err;
}
