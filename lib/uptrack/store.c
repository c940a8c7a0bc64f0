// SPDX-License-Identifier: GPL-2.0-only
/* A repository on the disk of its publisher; see store.h. */
#include "uptrack/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "pack/digest.h"
#include "uptrack/key.h"

#define DEPTH 6 /* directories below v1 */

char *ks_store_path(const struct ks_store *s, const char *path)
{
	return ks_path_join(s->dir, path);
}

/* Writing: directories have to reach the disk, too. */

/* Makes the directories that the file @path of the repository is in. */
static struct ks_error *make_dirs(const struct ks_store *s, const char *path)
{
	struct ks_error *err = NULL;

	for (const char *p = path; !err && (p = strchr(p, '/')); p++) {
		char *part = ks_strndup(path, p - path), *dir = ks_store_path(s, part);
		char *parent = ks_strndup(dir, ks_path_base(dir) - dir);

		if (!mkdir(dir, 0755))
			err = ks_dir_sync(parent);
		else if (errno != EEXIST || !ks_file_is_dir(dir))
			err = ks_error_errno(errno, "cannot create the directory %s", dir);
		free(parent);
		free(dir);
		free(part);
	}
	return err;
}

static struct ks_error *put(const struct ks_store *s, const char *path, const struct ks_buf *data)
{
	struct ks_error *err = make_dirs(s, path);
	char *full = ks_store_path(s, path);

	if (!err)
		err = ks_file_write_durable(full, ks_buf_text(data), data->len, 0644);
	free(full);
	return err;
}

static struct ks_error *get(const struct ks_store *s, const char *path, size_t max, struct ks_buf *out)
{
	char *full = ks_store_path(s, path);
	struct ks_error *err = ks_file_read(full, max, out);

	free(full);
	return err;
}

static bool has(const struct ks_store *s, const char *path)
{
	char *full = ks_store_path(s, path);
	bool is = ks_file_exists(full);

	free(full);
	return is;
}

/* Walking. */

typedef struct ks_error *(*walker)(void *arg, const char *path);

/* Names of a directory, sorted. */
static struct ks_error *list(const struct ks_store *s, const char *path, struct ks_strv *names)
{
	char *full = ks_store_path(s, path);
	struct ks_error *err = NULL;
	struct dirent *e;
	DIR *d = opendir(full);

	if (!d) {
		if (errno != ENOENT)
			err = ks_error_errno(errno, "cannot list %s", full);
		free(full);
		return err;
	}
	while (errno = 0, (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			ks_strv_add(names, e->d_name);
	if (errno)
		err = ks_error_errno(errno, "cannot list %s", full);
	closedir(d);
	ks_strv_sort(names);
	free(full);
	return err;
}

static struct ks_error *walk(const struct ks_store *s, const char *path, int depth, walker f, void *arg)
{
	struct ks_strv names = { 0 };
	struct ks_error *err = list(s, path, &names);

	for (size_t i = 0; !err && i < names.len; i++) {
		char *sub = ks_path_join(path, names.v[i]), *full = ks_store_path(s, sub);
		struct stat st;

		if (lstat(full, &st)) {
			/* A publisher may be at work: its temporary files come and go. */
			if (errno != ENOENT)
				err = ks_error_errno(errno, "cannot read %s", full);
		} else if (S_ISDIR(st.st_mode) && depth) {
			err = walk(s, sub, depth - 1, f, arg);
		} else {
			err = f(arg, sub);
		}
		free(full);
		free(sub);
	}
	ks_strv_free(&names);
	return err;
}

struct ks_error *ks_store_walk(const struct ks_store *s, walker f, void *arg)
{
	return walk(s, KS_REPO_TOP, DEPTH, f, arg);
}

bool ks_store_is_leftover(const char *path)
{
	static const char *const kinds[] = { ".minisig", ".json", ".tar.gz", ".pub" };
	const char *dot = strrchr(path, '.');
	bool is = false;
	char *stem;

	if (!dot || strlen(dot) != 7 || strspn(dot + 1, KS_ALNUM) != 6)
		return false;
	stem = ks_strndup(path, dot - path);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		is |= ks_str_ends(stem, kinds[i]);
	free(stem);
	return is;
}

static struct ks_error *sweep(void *arg, const char *path)
{
	struct ks_error *err = NULL;
	char *full;

	if (!ks_store_is_leftover(path))
		return NULL;
	full = ks_store_path(arg, path);
	if (unlink(full) && errno != ENOENT)
		err = ks_error_errno(errno, "cannot remove %s, which was left by a publisher that was interrupted", full);
	free(full);
	return err;
}

/* Keys. */

struct ks_error *ks_store_next_key(const struct ks_store *s, const struct ks_public_key *before,
				   struct ks_public_key *next, bool *has_next)
{
	char *path = ks_repo_next_key_path(before->id), *sig_path = ks_asprintf("%s.minisig", path);
	struct ks_buf text = { 0 }, sig = { 0 };
	struct ks_error *err = NULL;

	/* The signature is written last: without it, there is nothing yet. */
	*has_next = has(s, sig_path);
	if (*has_next) {
		err = get(s, path, KS_KEY_MAX, &text);
		if (!err)
			err = get(s, sig_path, KS_SIGNATURE_MAX, &sig);
		if (!err)
			err = ks_error_prefix(ks_key_follow(before, &text, &sig, next), "%s", path);
	}
	ks_buf_free(&text);
	ks_buf_free(&sig);
	free(sig_path);
	free(path);
	return err;
}

/* All keys of the repository by what their files say; nothing is checked yet. */
static struct ks_error *read_keys(const struct ks_store *s, struct ks_store *all)
{
	struct ks_strv names = { 0 };
	struct ks_error *err = list(s, KS_REPO_TOP "/keys", &names);

	for (size_t i = 0; !err && i < names.len; i++) {
		char *path = ks_asprintf(KS_REPO_TOP "/keys/%s/key.pub", names.v[i]);
		struct ks_public_key key;
		struct ks_buf text = { 0 };
		char id[17];

		if (has(s, path)) {
			err = get(s, path, KS_KEY_MAX, &text);
			if (!err)
				err = ks_error_prefix(ks_public_key_parse(text.data, text.len, &key), "%s", path);
			if (!err) {
				ks_key_name(key.id, id);
				if (strcmp(id, names.v[i]))
					err = ks_error_new(KS_E_INPUT, "%s: it is the key %s", path, id);
				else
					*ks_vec_push(&all->keys) = key;
			}
		}
		ks_buf_free(&text);
		free(path);
	}
	ks_strv_free(&names);
	return err;
}

static bool knows(const struct ks_store *s, const struct ks_public_key *key)
{
	ks_vec_for(&s->keys, k)
		if (ks_key_same(k, key))
			return true;
	return false;
}

/* From the first of the keys on, as far as it goes, or up to @last. */
static struct ks_error *follow(struct ks_store *s, const struct ks_public_key *last)
{
	struct ks_public_key next;
	struct ks_error *err;
	bool has_next;

	for (;;) {
		const struct ks_public_key at = s->keys.v[s->keys.len - 1];

		if (last && ks_key_same(&at, last))
			return NULL;
		err = ks_store_next_key(s, &at, &next, &has_next);
		if (err || !has_next)
			return err;
		if (knows(s, &next))
			return ks_error_new(KS_E_INPUT, "the keys of %s follow each other in a circle", s->dir);
		*ks_vec_push(&s->keys) = next;
	}
}

/* The key that no other names as its next. */
static struct ks_error *find_root(const struct ks_store *s, const struct ks_store *all,
				  struct ks_public_key *root)
{
	size_t roots = 0;

	ks_vec_for(&all->keys, key) {
		bool follows = false;

		ks_vec_for(&all->keys, before) {
			struct ks_public_key next;
			bool has_next;
			struct ks_error *err = ks_store_next_key(s, before, &next, &has_next);

			if (err)
				return err;
			follows |= has_next && ks_key_same(&next, key);
		}
		if (!follows) {
			*root = *key;
			roots++;
		}
	}
	if (roots == 1)
		return NULL;
	if (!all->keys.len)
		return ks_error_new(KS_E_USAGE, "%s is no repository: it has no keys; uptrack-publish init makes one",
				    s->dir);
	return ks_error_new(KS_E_INPUT, "%s has %zu keys that follow no other; remove those that are not its own, or say with --public-key which one is trusted",
			    s->dir, roots);
}

static struct ks_error *trust(struct ks_store *s, const struct ks_public_key *root,
			      const struct ks_public_key *last)
{
	struct ks_store all = { 0 };
	struct ks_public_key first;
	struct ks_error *err = NULL;

	if (root) {
		first = *root;
	} else {
		err = read_keys(s, &all);
		if (!err)
			err = find_root(s, &all, &first);
		ks_vec_free(&all.keys);
	}
	if (err)
		return err;
	*ks_vec_push(&s->keys) = first;
	return follow(s, last);
}

struct ks_error *ks_store_put_next_key(const struct ks_store *s, const struct ks_public_key *next)
{
	const struct ks_public_key *own = &s->keys.v[s->keys.len - 1];
	char *path = ks_repo_next_key_path(own->id), *sig_path = ks_asprintf("%s.minisig", path);
	char *own_path = ks_repo_key_path(next->id);
	struct ks_buf text = { 0 }, sig = { 0 };
	struct ks_public_key there;
	struct ks_error *err;
	bool has_next;

	err = ks_store_next_key(s, own, &there, &has_next);
	if (!err && knows(s, next))
		err = ks_error_new(KS_E_REFUSED, "the next key has been a key of this repository before; make a new one");
	if (!err && has_next && !ks_key_same(&there, next))
		err = ks_error_new(KS_E_REFUSED, "there is a next key already: %s", path);
	ks_public_key_write(next, &text);
	if (!err && !has_next) {
		err = ks_key_hand_over(&s->secret, &text, &sig);
		if (!err)
			err = put(s, path, &text);
		if (!err)
			err = put(s, sig_path, &sig);
	}
	/* Last, for a key with a file of its own that follows no other is a first one. */
	if (!err && !has(s, own_path))
		err = put(s, own_path, &text);
	ks_buf_free(&text);
	ks_buf_free(&sig);
	free(own_path);
	free(sig_path);
	free(path);
	return err;
}

/* The store as a whole. */

static struct ks_store *new_store(const char *dir)
{
	struct ks_store *s = ks_alloc(sizeof(*s));

	s->dir = ks_strdup(dir);
	s->lock = -1;
	return s;
}

void ks_store_close(struct ks_store *s)
{
	if (!s)
		return;
	if (s->lock >= 0)
		close(s->lock);
	ks_secret_key_clear(&s->secret);
	ks_vec_free(&s->keys);
	free(s->dir);
	free(s);
}

static struct ks_error *lock(struct ks_store *s)
{
	char *top = ks_store_path(s, KS_REPO_TOP);
	struct ks_error *err;

	if (!ks_file_is_dir(top))
		err = ks_error_new(KS_E_USAGE, "%s is no repository; uptrack-publish init makes one", s->dir);
	else
		err = ks_dir_lock(top, false, &s->lock);
	free(top);
	return err;
}

struct ks_error *ks_store_init(const char *dir, const struct ks_secret_key *secret)
{
	struct ks_store *s = new_store(dir), all = { 0 };
	struct ks_public_key key;
	struct ks_buf text = { 0 };
	struct ks_error *err;
	char *path;

	ks_secret_key_public(secret, &key);
	path = ks_repo_key_path(key.id);
	err = ks_dir_make(dir);
	if (!err)
		err = make_dirs(s, KS_REPO_TOP "/");
	if (!err)
		err = lock(s);
	if (!err)
		err = read_keys(s, &all);
	if (!err && all.keys.len && !knows(&all, &key))
		err = ks_error_new(KS_E_REFUSED, "%s is a repository of another key; choose another directory", dir);
	if (!err)
		err = make_dirs(s, KS_REPO_TOP "/kernels/");
	if (!err)
		err = make_dirs(s, KS_REPO_TOP "/indexes/");
	if (!err)
		err = make_dirs(s, KS_REPO_TOP "/updates/");
	if (!err && !all.keys.len) {
		ks_public_key_write(&key, &text);
		err = put(s, path, &text);
	}
	ks_vec_free(&all.keys);
	ks_buf_free(&text);
	free(path);
	ks_store_close(s);
	return err;
}

struct ks_error *ks_store_open(const char *dir, const struct ks_public_key *root, struct ks_store **store)
{
	struct ks_store *s = new_store(dir);
	struct ks_error *err = trust(s, root, NULL);

	if (err)
		ks_store_close(s);
	else
		*store = s;
	return err;
}

struct ks_error *ks_store_open_locked(const char *dir, const struct ks_secret_key *secret,
				      struct ks_store **store)
{
	struct ks_store *s = new_store(dir);
	struct ks_public_key key;
	struct ks_error *err = lock(s);

	ks_secret_key_public(secret, &key);
	if (!err)
		err = trust(s, NULL, &key);
	if (!err && !ks_key_same(&s->keys.v[s->keys.len - 1], &key))
		err = ks_error_new(KS_E_REFUSED, "%s is a repository of another key", dir);
	if (!err)
		err = ks_store_walk(s, sweep, s);
	if (err) {
		ks_store_close(s);
		return err;
	}
	s->secret = *secret;
	*store = s;
	return NULL;
}

/* Kernels. */


static struct ks_error *note_kernel(void *arg, const char *path)
{
	static const char top[] = KS_REPO_TOP "/kernels/";
	struct ks_strv *names = arg;
	struct ks_repo_kernel kernel;
	struct ks_error *err;
	char *name;

	if (!ks_str_starts(path, top) || !ks_str_ends(path, "/" KS_REPO_HEAD))
		return NULL;
	name = ks_strndup(path + strlen(top), strlen(path) - strlen(top) - strlen("/" KS_REPO_HEAD));
	err = ks_error_prefix(ks_repo_kernel_parse(name, &kernel), "%s", path);
	if (!err)
		ks_strv_add(names, name);
	ks_repo_kernel_clear(&kernel);
	free(name);
	return err;
}

struct ks_error *ks_store_kernels(const struct ks_store *s, struct ks_strv *names)
{
	return walk(s, KS_REPO_TOP "/kernels", DEPTH - 1, note_kernel, names);
}

struct ks_error *ks_store_find(const struct ks_store *s, const char *text, struct ks_repo_kernel *kernel)
{
	struct ks_strv names = { 0 };
	struct ks_error *err = ks_store_kernels(s, &names);
	const char *found = NULL;
	size_t n = 0;

	memset(kernel, 0, sizeof(*kernel));
	for (size_t i = 0; !err && i < names.len; i++) {
		struct ks_repo_kernel k;

		err = ks_repo_kernel_parse(names.v[i], &k);
		if (!err && (!strcmp(names.v[i], text) || !strcmp(k.release, text))) {
			found = names.v[i];
			n++;
		}
		ks_repo_kernel_clear(&k);
	}
	if (!err && !n)
		err = ks_error_new(KS_E_USAGE, "%s is no kernel of this repository; uptrack-publish list shows them",
				   text);
	if (!err && n > 1)
		err = ks_error_new(KS_E_USAGE, "%s stands for several kernels; give one as DISTRIBUTION/ARCH/RELEASE/VERSION",
				   text);
	if (!err)
		err = ks_repo_kernel_parse(found, kernel);
	ks_strv_free(&names);
	return err;
}

bool ks_store_serves(const struct ks_store *s, const struct ks_repo_kernel *kernel)
{
	char *path = ks_repo_head_path(kernel);
	bool is = has(s, path);

	free(path);
	return is;
}

/* Indexes. */

struct ks_error *ks_store_read(const struct ks_store *s, const struct ks_repo_kernel *kernel,
			       struct ks_head *head, struct ks_index *index)
{
	const struct ks_trust t = { .keys = s->keys.v, .nr_keys = s->keys.len, .kernel = kernel };
	char *path = ks_repo_head_path(kernel), *index_path = NULL;
	struct ks_buf text = { 0 };
	struct ks_head own = { 0 };
	struct ks_error *err;
	enum ks_refusal why;

	memset(index, 0, sizeof(*index));
	if (head)
		memset(head, 0, sizeof(*head));
	err = get(s, path, KS_SIGNATURE_MAX, &text);
	if (!err)
		err = ks_head_check(&t, text.data, text.len, &own, &why);
	text.len = 0;
	if (!err) {
		index_path = ks_repo_index_path(own.sha256);
		err = get(s, index_path, KS_INDEX_MAX, &text);
	}
	if (!err)
		err = ks_head_check_index(&own, ks_buf_text(&text), text.len, index, &why);
	if (!err && head)
		*head = own;
	else
		ks_head_clear(&own);
	ks_buf_free(&text);
	free(index_path);
	free(path);
	return ks_error_prefix(err, "%s", kernel->release);
}

void ks_store_new_index(const struct ks_repo_kernel *kernel, struct ks_index *index)
{
	*index = (struct ks_index){
		.distribution = ks_strdup(kernel->distribution),
		.arch = ks_strdup(kernel->arch),
		.release = ks_strdup(kernel->release),
		.version = ks_strdup(kernel->version),
		.client = KS_UPTRACK_CLIENT,
		.poll = 4 * 3600,
	};
}

/* After an earlier run that was interrupted, it may be there; it may also have been damaged. */
static struct ks_error *put_tarball(const struct ks_store *s, const struct ks_store_tarball *t)
{
	char *path = ks_repo_update_path(t->sha256, t->id), *full = ks_store_path(s, path), there[65] = "";
	struct ks_error *err = NULL;
	uint64_t size;

	if (ks_file_exists(full))
		err = ks_digest_file(full, there, &size);
	if (!err && strcmp(there, t->sha256))
		err = put(s, path, t->bytes);
	free(full);
	free(path);
	return err;
}

/*
 * Web servers and rsync tell versions of a file apart by its size and the second
 * of its last change, and two heads may well have the same size: so the new one
 * is always a second younger, from the moment that it is there.
 */
static struct ks_error *put_head(const struct ks_store *s, const char *path, const struct ks_buf *head)
{
	struct ks_error *err = make_dirs(s, path);
	char *full = ks_store_path(s, path);
	time_t changed = time(NULL);
	struct stat st;

	if (!stat(full, &st) && st.st_mtim.tv_sec >= changed)
		changed = st.st_mtim.tv_sec + 1;
	if (!err)
		err = ks_file_write_dated(full, head->data, head->len, 0644, changed);
	free(full);
	return err;
}

struct ks_error *ks_store_publish(const struct ks_store *s, struct ks_index *index, uint64_t now,
				  uint64_t valid, const struct ks_store_tarball *tarball)
{
	const struct ks_repo_kernel kernel = ks_index_kernel(index);
	char *head_path = ks_repo_head_path(&kernel), *index_path = NULL;
	struct ks_buf text = { 0 }, head = { 0 };
	struct ks_error *err;
	char sha256[65];

	index->serial++;
	index->created = now;
	index->expires = now + valid;
	err = ks_store_next_key(s, &s->keys.v[s->keys.len - 1], &index->next_key, &index->has_next_key);
	if (!err)
		err = ks_index_write(index, &text);
	if (!err)
		err = ks_head_make(index, &text, &s->secret, &head);
	if (!err)
		err = ks_digest(&text, sha256);
	if (!err && tarball)
		err = put_tarball(s, tarball);
	if (!err) {
		index_path = ks_repo_index_path(sha256);
		err = put(s, index_path, &text);
	}
	/* From here on, it is published. */
	if (!err)
		err = put_head(s, head_path, &head);
	ks_buf_free(&text);
	ks_buf_free(&head);
	free(index_path);
	free(head_path);
	return err;
}
