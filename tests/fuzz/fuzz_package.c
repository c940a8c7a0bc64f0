// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packages.  The first byte says what follows: 0 the file as it is, else a tar
 * archive, which is given the form of gzip here (without compressing it, and
 * without a checksum, which the reader does not look at): a fuzzer would not get
 * through the compression.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "pack/archive.h"

static void wrap(const uint8_t *data, size_t size, struct ks_buf *out)
{
	ks_buf_add(out, "\x1f\x8b\x08\0\0\0\0\0\0\x03", 10);
	do {
		uint16_t n = size < 0xffff ? size : 0xffff, not = ~n;

		ks_buf_add(out, n == size ? "\1" : "\0", 1);
		ks_buf_add(out, &n, 2);
		ks_buf_add(out, &not, 2);
		ks_buf_add(out, data, n);
		data += n;
		size -= n;
	} while (size);
	ks_buf_add_zeros(out, 8);
}

static void check_files(const struct ks_pack *pack)
{
	ks_vec_for(&pack->manifest.files, f) {
		char *path = ks_pack_file(pack, f->name);
		struct ks_buf text = { 0 };

		fuzz_check(fuzz_fine(ks_file_read(path, KS_PACK_MAX_FILE, &text)));
		fuzz_check(text.len == f->size);
		ks_buf_free(&text);
		free(path);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ks_buf file = { 0 };
	struct ks_strv left = { 0 };
	struct ks_pack *pack;

	if (!size)
		return 0;
	fuzz_dir();
	if (*data)
		wrap(data + 1, size - 1, &file);
	else
		ks_buf_add(&file, data + 1, size - 1);
	if (fuzz_fine(ks_pack_open(fuzz_file(0, file.data, file.len), &pack))) {
		check_files(pack);
		ks_pack_close(pack);
	}
	fuzz_dir_list(&left);
	fuzz_check(!left.len);
	ks_strv_free(&left);
	ks_buf_free(&file);
	return 0;
}
