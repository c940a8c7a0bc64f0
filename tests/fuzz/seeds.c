// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes what tests/fuzz/corpus.py cannot: match tables of pairs of objects, and
 * the small kernels of tests/unit/test_kallsyms.c.
 *
 *	seeds table PRE POST OUT
 *	seeds kernels DIR
 */
int unit_main(void);
#define main unit_main
#include "../unit/test_kallsyms.c"
#undef main

#include "table/table.h"

static struct ks_error *open_unit(const char *path, struct ks_unit **unit)
{
	struct ks_object *obj;
	struct ks_error *err = ks_object_open(path, &obj);

	return err ? err : ks_unit_build("kernel/u.c", obj, unit);
}

/* A pair that is refused, or has no change, has no table; that is no failure. */
static struct ks_error *make_table(const char *pre_path, const char *post_path, const char *out)
{
	struct ks_table *table = ks_table_new("abc", NULL);
	struct ks_unit *pre = NULL, *post = NULL;
	struct ks_diff *diff = NULL;
	struct ks_buf blob = { 0 };
	struct ks_error *err = open_unit(pre_path, &pre);

	if (!err)
		err = open_unit(post_path, &post);
	if (!err)
		err = ks_diff_units(pre, post, &diff);
	if (!err && !diff->refused.len && diff->replaced.len + diff->data.len) {
		err = ks_table_add_unit(table, 0, diff);
		if (!err)
			err = ks_table_finish(table, &blob);
		if (!err)
			err = ks_file_write(out, blob.data, blob.len, 0644);
	}
	ks_buf_free(&blob);
	ks_table_free(table);
	ks_diff_free(diff);
	ks_unit_free(pre);
	ks_unit_free(post);
	return err;
}

static struct ks_error *put(const char *dir, const char *name, const struct ks_buf *data)
{
	char *path = ks_path_join(dir, name);
	struct ks_error *err = ks_file_write(path, data->data, data->len, 0644);

	free(path);
	return err;
}

static struct ks_error *make_kernels(const char *out)
{
	struct ks_error *err = NULL;

	for (int i = 0; i < 6 && !err; i++) {
		struct ks_buf image = { 0 }, payload = { 0 };
		char *name = ks_asprintf("elf%d", i);
		struct kernel k;

		make_kernel(&k, i / 2, i % 2);
		err = put(out, name, &k.elf);
		free(name);
		name = ks_asprintf("image%d", i);
		if (i % 3)
			compress(&k.elf, i % 3 == 1 ? archive_write_add_filter_gzip :
						      archive_write_add_filter_zstd, &payload);
		else
			compress_lz4(&k.elf, &payload);
		make_image(&image, RELEASE, &payload, k.elf.len, i % 3 != 1);
		if (!err)
			err = put(out, name, &image);
		free(name);
		ks_buf_free(&image);
		free_kernel(&k);
	}
	return err;
}

int main(int argc, char **argv)
{
	struct ks_error *err = NULL;

	if (argc == 5 && !strcmp(argv[1], "table"))
		err = make_table(argv[2], argv[3], argv[4]);
	else if (argc == 3 && !strcmp(argv[1], "kernels"))
		err = make_kernels(argv[2]);
	else
		return 2;
	if (err)
		fprintf(stderr, "seeds: %s\n", ks_error_message(err));
	return err != NULL;
}
