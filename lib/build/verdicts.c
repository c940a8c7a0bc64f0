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

#define HEAD "ksplice verdicts 2"
/* The newest lines, of some 120 bytes; a header has up to 3000 units. */
#define MAX_KEPT 50000

/* Of the change at hand. */
struct verdict {
	char *target;
	uint64_t stamp;
	bool affected;
};

struct ks_verdicts {
	char *path, *key;
	char *change;        /* the hash of what units may see of it; NULL: nothing is kept of this one */
	struct ks_buf lines; /* of all changes: "CHANGE STAMP AFFECTED TARGET" */
	size_t nr_lines;
	bool added;
	KS_VEC(struct verdict) list; /* sorted; what is added is not in it */
};

/* What units may see of the changes. */
static struct ks_error *hash_changes(struct ks_build *b, struct ks_verdicts *v)
{
	struct ks_buf all = { 0 };
	struct ks_error *err = NULL;
	bool usable = true;

	ks_vec_for(&b->changes, c) {
		struct ks_buf text = { 0 };
		char *path;

		if (err || !c->compiled || (ks_str_ends(c->path, ".c") && c->kind == KS_CHANGE_MODIFIED))
			continue;
		usable &= c->kind == KS_CHANGE_MODIFIED;
		if (!usable)
			break;
		path = ks_asprintf("%s/patched/%s", b->cache, c->path);
		err = ks_file_read(path, KS_BUILD_MAX_FILE, &text);
		free(path);
		ks_buf_addf(&all, "%s %zu\n", c->path, text.len);
		ks_buf_add(&all, ks_buf_text(&text), text.len);
		usable &= !strstr(ks_buf_text(&text), ".c\"");
		ks_buf_free(&text);
	}
	if (!err && usable)
		v->change = ks_build_hash(ks_buf_text(&all), all.len);
	ks_buf_free(&all);
	return err;
}

static int verdict_order(const void *a, const void *b)
{
	const struct verdict *x = a, *y = b;
	int order = strcmp(x->target, y->target);

	return order ? order : x->stamp < y->stamp ? -1 : x->stamp > y->stamp;
}

/* False: it is no line of ours. */
static bool take_line(struct ks_verdicts *v, const char *line)
{
	size_t n = strcspn(line, " ");
	uint64_t stamp;
	int affected, target = 0;

	if (sscanf(line + n, " %" SCNx64 " %d %n", &stamp, &affected, &target) != 2 || !line[n + target])
		return false;
	ks_buf_addf(&v->lines, "%s\n", line);
	v->nr_lines++;
	if (v->change && strlen(v->change) == n && !strncmp(line, v->change, n))
		*ks_vec_push(&v->list) =
			(struct verdict){ ks_strdup(line + n + target), stamp, affected };
	return true;
}

static void forget(struct ks_verdicts *v)
{
	ks_vec_for(&v->list, x)
		free(x->target);
	v->list.len = 0;
	ks_buf_free(&v->lines);
	v->nr_lines = 0;
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
		if (!take_line(v, line)) {
			forget(v);
			return;
		}
	}
	if (v->list.len)
		qsort(v->list.v, v->list.len, sizeof(*v->list.v), verdict_order);
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
		ks_error_free(ks_verdicts_close(v));
		return err;
	}
	*verdicts = v;
	return NULL;
}

bool ks_verdicts_find(const struct ks_verdicts *v, const char *target, uint64_t stamp, bool *affected)
{
	struct verdict want = { .target = (char *)target, .stamp = stamp };
	const struct verdict *found = NULL;

	if (v->list.len)
		found = bsearch(&want, v->list.v, v->list.len, sizeof(want), verdict_order);
	if (found)
		*affected = found->affected;
	return found;
}

void ks_verdicts_add(struct ks_verdicts *v, const char *target, uint64_t stamp, bool affected)
{
	if (!v->change)
		return;
	ks_buf_addf(&v->lines, "%s %" PRIx64 " %d %s\n", v->change, stamp, affected, target);
	v->nr_lines++;
	v->added = true;
}

static struct ks_error *write_lines(const struct ks_verdicts *v)
{
	const char *newest = ks_buf_text(&v->lines);
	struct ks_buf text = { 0 };
	struct ks_error *err;

	for (size_t n = v->nr_lines; n > MAX_KEPT; n--)
		newest = strchr(newest, '\n') + 1;
	ks_buf_addf(&text, HEAD "\n%s\n%s", v->key, newest);
	err = ks_file_write(v->path, text.data, text.len, 0644);
	ks_buf_free(&text);
	return err;
}

struct ks_error *ks_verdicts_close(struct ks_verdicts *v)
{
	struct ks_error *err = v->added ? write_lines(v) : NULL;

	forget(v);
	ks_vec_free(&v->list);
	free(v->change);
	free(v->path);
	free(v->key);
	free(v);
	return err;
}
