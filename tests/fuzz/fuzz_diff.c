// SPDX-License-Identifier: GPL-2.0-only
/*
 * From two objects to an update: the diff, the match table, the object with the
 * new code (which the reader must take again), and the core's check of the table.
 *
 * An input is the lengths of two objects, four bytes each, and three objects:
 * pre, post, and pre once more with the layout of the kernel, which is asked for
 * where a constant needs room.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "diff/hooks.h"
#include "diff/room.h"
#include "table/newobj.h"

#define OBJECTS 3
#define HEAD 8

struct input {
	size_t at[OBJECTS], len[OBJECTS];
};

static struct input divide(const uint8_t *data, size_t size)
{
	struct input in = { .at = { HEAD } };
	uint32_t len[OBJECTS] = { 0, 0, UINT32_MAX };

	memcpy(len, data, HEAD);
	size -= HEAD;
	for (int i = 0; i < OBJECTS; i++) {
		in.at[i] = i ? in.at[i - 1] + in.len[i - 1] : HEAD;
		in.len[i] = len[i] < size ? len[i] : size;
		size -= in.len[i];
	}
	return in;
}

static struct ks_unit *open_unit(const uint8_t *data, const struct input *in, int which)
{
	const char *path = fuzz_file(which, data + in->at[which], in->len[which]);
	struct ks_object *obj;
	struct ks_unit *unit;

	if (!fuzz_fine(ks_object_open(path, &obj)) || !fuzz_fine(ks_unit_build("kernel/u.c", obj, &unit)))
		return NULL;
	return unit;
}

static void make_update(struct ks_diff *diff)
{
	struct ks_table *table = ks_table_new("abc", NULL);
	struct ks_new_globals globals = { 0 };
	struct ks_new_first first = { 0 };
	char *path = ks_path_join(fuzz_dir(), "new.o");
	struct ks_buf blob = { 0 };
	struct ks_object *obj;

	if (!fuzz_fine(ks_table_add_unit(table, 0, diff)))
		goto out;
	ks_new_globals_add(&globals, 0, diff);
	if (fuzz_fine(ks_newobj_write(table, 0, diff, &globals, "abc", &first, path)) &&
	    fuzz_fine(ks_table_finish(table, &blob))) {
		fuzz_check(blob.len >= sizeof(struct kst_header));
		fuzz_check(fuzz_fine(ks_object_open(path, &obj)));
		ks_object_close(obj);
	}
out:
	ks_new_globals_free(&globals);
	ks_table_free(table);
	ks_buf_free(&blob);
	free(path);
}

static void show(const struct ks_diff *diff)
{
	if (!getenv("FUZZ_SHOW"))
		return;
	for (size_t i = 0; i < diff->refused.len; i++)
		fprintf(stderr, "refused: %s\n", diff->refused.v[i]);
	ks_vec_for(&diff->replaced, r)
		fprintf(stderr, "replaced: %s\n", r->post->name);
}

/* What a first diff says that needs room is in *growing, which is empty in the second. */
static void try_diff(const uint8_t *data, const struct input *in, struct ks_growths *growing)
{
	struct ks_unit *pre = open_unit(data, in, 0), *post = pre ? open_unit(data, in, 1) : NULL;
	struct ks_unit *plain = post && growing->list.len ? open_unit(data, in, 2) : NULL;
	struct ks_diff *diff = NULL;

	if (plain)
		ks_room_make(pre, plain, growing);
	if (pre && post && fuzz_fine(ks_diff_units(pre, post, &diff))) {
		ks_hooks_check(&diff, 1);
		show(diff);
		if (!diff->refused.len)
			make_update(diff);
		if (!growing->list.len) {
			*growing = diff->growing;
			memset(&diff->growing, 0, sizeof(diff->growing));
		}
	}
	ks_diff_free(diff);
	ks_unit_free(plain);
	ks_unit_free(pre);
	ks_unit_free(post);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ks_growths growing = { 0 };
	struct input in;

	if (size < HEAD)
		return 0;
	in = divide(data, size);
	try_diff(data, &in, &growing);
	if (growing.list.len)
		try_diff(data, &in, &growing);
	ks_vec_for(&growing.list, g)
		free(g->name);
	ks_vec_free(&growing.list);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	uint32_t which = fuzz_random(&seed, OBJECTS);
	struct input in;

	if (size < HEAD)
		return LLVMFuzzerMutate(data, size, max);
	in = divide(data, size);
	for (uint32_t n = 1 + fuzz_random(&seed, 3); n && in.len[which]; n--)
		fuzz_mutate_object(data + in.at[which], in.len[which], &seed);
	return size;
}
