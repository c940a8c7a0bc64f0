// SPDX-License-Identifier: GPL-2.0-only
/*
 * Verdicts of units; see verdicts.h.
 *
 * A verdict is good for the same original text, the same arguments of the
 * compiler (the cache's key), and the same content of all that the patch puts
 * in the place of files that units include.  A changed .c file is its own
 * unit's business, unless another includes it; where a header of the patch
 * might, or where files come or go, nothing is kept.
 */
#include "build/verdicts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

#define HEAD "ksplice verdicts 1"
/* The newest; a line is some 50 bytes, and a header has up to 3000 units. */
#define MAX_KEPT 50000

struct verdict {
	uint64_t change[2], unit;
	bool affected;
};

struct ks_verdicts {
	char *path, *key;
	uint64_t change[2];
	bool usable, added;
	KS_VEC(struct verdict) list;
};

static void hash(uint64_t h[2], const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		h[0] = (h[0] ^ (unsigned char)data[i]) * 0x100000001b3;
		h[1] = (h[1] ^ (unsigned char)data[i]) * 0x9e3779b97f4a7c15;
		h[1] ^= h[1] >> 29;
	}
}

static uint64_t unit_hash(const char *target, uint64_t stamp)
{
	uint64_t h[2] = { stamp, 0 };

	hash(h, target, strlen(target));
	return h[0];
}

/* What units may see of the changes. */
static struct ks_error *hash_changes(struct ks_build *b, struct ks_verdicts *v)
{
	struct ks_error *err = NULL;

	v->usable = true;
	v->change[0] = 0xcbf29ce484222325;
	v->change[1] = 0x2545f4914f6cdd1d;
	ks_vec_for(&b->changes, c) {
		struct ks_buf text = { 0 };
		char *path;

		if (!c->compiled || (ks_str_ends(c->path, ".c") && c->kind == KS_CHANGE_MODIFIED))
			continue;
		if (c->kind != KS_CHANGE_MODIFIED) {
			v->usable = false;
			break;
		}
		path = ks_asprintf("%s/patched/%s", b->cache, c->path);
		err = ks_file_read(path, KS_BUILD_MAX_FILE, &text);
		free(path);
		if (err)
			break;
		hash(v->change, c->path, strlen(c->path) + 1);
		hash(v->change, text.data ? text.data : "", text.len);
		if (text.data && strstr(text.data, ".c\""))
			v->usable = false;
		ks_buf_free(&text);
	}
	return err;
}

static void parse(struct ks_verdicts *v, char *text)
{
	char *save = NULL, *line = strtok_r(text, "\n", &save);

	if (!line || strcmp(line, HEAD))
		return;
	line = strtok_r(NULL, "\n", &save);
	if (!line || strcmp(line, v->key))
		return;
	while ((line = strtok_r(NULL, "\n", &save))) {
		struct verdict x;
		int affected;

		if (sscanf(line, "%" SCNx64 " %" SCNx64 " %" SCNx64 " %d", &x.change[0], &x.change[1], &x.unit,
			   &affected) != 4) {
			v->list.len = 0;
			return;
		}
		x.affected = affected;
		*ks_vec_push(&v->list) = x;
	}
}

struct ks_error *ks_verdicts_open(struct ks_build *b, struct ks_verdicts **verdicts)
{
	struct ks_verdicts *v = ks_alloc(sizeof(*v));
	struct ks_error *err = hash_changes(b, v);
	struct ks_buf text = { 0 };

	v->path = ks_path_join(b->cache, "verdicts");
	v->key = ks_strdup(b->key);
	if (!err && ks_file_exists(v->path))
		err = ks_file_read(v->path, KS_BUILD_MAX_FILE, &text);
	if (!err && text.len)
		parse(v, text.data);
	ks_buf_free(&text);
	if (err) {
		v->added = false;
		ks_error_free(ks_verdicts_close(v));
		return err;
	}
	*verdicts = v;
	return NULL;
}

static bool same_change(const struct ks_verdicts *v, const struct verdict *x)
{
	return x->change[0] == v->change[0] && x->change[1] == v->change[1];
}

bool ks_verdicts_find(const struct ks_verdicts *v, const char *target, uint64_t stamp, bool *affected)
{
	uint64_t unit = unit_hash(target, stamp);

	ks_vec_for(&v->list, x) {
		if (!v->usable || x->unit != unit || !same_change(v, x))
			continue;
		*affected = x->affected;
		return true;
	}
	return false;
}

void ks_verdicts_add(struct ks_verdicts *v, const char *target, uint64_t stamp, bool affected)
{
	if (!v->usable)
		return;
	*ks_vec_push(&v->list) = (struct verdict){
		.change = { v->change[0], v->change[1] },
		.unit = unit_hash(target, stamp),
		.affected = affected,
	};
	v->added = true;
}

struct ks_error *ks_verdicts_close(struct ks_verdicts *v)
{
	size_t first = v->list.len > MAX_KEPT ? v->list.len - MAX_KEPT : 0;
	struct ks_error *err = NULL;
	struct ks_buf text = { 0 };

	if (v->added) {
		ks_buf_addf(&text, HEAD "\n%s\n", v->key);
		for (size_t i = first; i < v->list.len; i++) {
			const struct verdict *x = &v->list.v[i];

			ks_buf_addf(&text, "%" PRIx64 " %" PRIx64 " %" PRIx64 " %d\n", x->change[0], x->change[1],
				    x->unit, x->affected);
		}
		err = ks_file_write(v->path, text.data, text.len, 0644);
	}
	ks_buf_free(&text);
	ks_vec_free(&v->list);
	free(v->path);
	free(v->key);
	free(v);
	return err;
}
