// SPDX-License-Identifier: GPL-2.0-only
/* The keys of a machine; see keys.h.  Before any index is believed. */
#include "uptrack/keys.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "uptrack/key.h"

void ks_keys_clear(struct ks_keys *keys)
{
	ks_vec_free(&keys->all);
	ks_vec_free(&keys->trusted);
}

static int find_key(const struct ks_keys *keys, const struct ks_public_key *key)
{
	ks_vec_for(&keys->all, k)
		if (ks_key_same(&k->key, key))
			return k - keys->all.v;
	return -1;
}

static void add_key(struct ks_client *c, struct ks_keys *keys, const struct ks_public_key *key,
		    int from)
{
	struct ks_known_key *k;
	char line[57];

	if (find_key(keys, key) >= 0 || keys->all.len == KS_KEYS_MAX)
		return;
	ks_public_key_line(key, line);
	k = ks_vec_push(&keys->all);
	k->key = *key;
	k->from = from;
	k->dropped = ks_strv_has(&c->state->dropped, line);
	if (!k->dropped)
		*ks_vec_push(&keys->trusted) = *key;
}

static struct ks_error *read_key(struct ks_client *c, struct ks_keys *keys, const char *path)
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
static struct ks_error *read_own_keys(struct ks_client *c, struct ks_keys *keys)
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
static struct ks_error *take_followed(struct ks_client *c, struct ks_keys *keys, const char *line)
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

struct ks_error *ks_keys_read(struct ks_client *c, struct ks_keys *keys)
{
	struct ks_error *err = read_own_keys(c, keys);

	for (size_t i = 0; !err && i < c->state->keys.len; i++)
		err = take_followed(c, keys, c->state->keys.v[i]);
	return err;
}

void ks_keys_remember(struct ks_client *c, const struct ks_public_key *key,
			 const struct ks_public_key *from)
{
	char line[57], from_line[57], both[120];

	ks_public_key_line(key, line);
	ks_public_key_line(from, from_line);
	snprintf(both, sizeof(both), "%s %s", line, from_line);
	if (!ks_strv_has(&c->state->keys, both) && c->state->keys.len < KS_KEYS_MAX)
		ks_strv_add(&c->state->keys, both);
}

void ks_keys_settle(struct ks_client *c, const struct ks_keys *keys,
		    const struct ks_public_key *key)
{
	int i = find_key(keys, key);
	size_t chain[KS_KEYS_MAX], n = 0;

	for (; i >= 0 && n < KS_KEYS_MAX; i = keys->all.v[i].from)
		chain[n++] = i;
	while (n-- > 1) {
		const struct ks_public_key *from = &keys->all.v[chain[n]].key;
		char line[57];

		ks_keys_remember(c, &keys->all.v[chain[n - 1]].key, from);
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

struct ks_error *ks_keys_follow(struct ks_client *c, struct ks_keys *keys)
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
