// SPDX-License-Identifier: GPL-2.0-only
/* The index of a repository: what can be read is written, and read again, as the same text. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "uptrack/index.h"

/* What the rest of the client relies on. */
static void check(const struct ks_index *index)
{
	const struct ks_repo_kernel kernel = ks_index_kernel(index);
	char *name = ks_repo_kernel_name(&kernel);
	struct ks_repo_kernel again;

	fuzz_check(fuzz_fine(ks_repo_kernel_parse(name, &again)));
	fuzz_check(ks_repo_kernel_same(&kernel, &again));
	ks_repo_kernel_clear(&again);
	free(name);
	fuzz_check(index->serial && index->expires > index->created);
	fuzz_check(index->updates.len <= KS_INDEX_UPDATES);
	ks_vec_for(&index->updates, u) {
		fuzz_check(ks_id_valid(u->id) && ks_index_find(index, u->id) == u);
		fuzz_check(strlen(u->sha256) == 64 && u->size && u->size <= KS_INDEX_TARBALL_MAX);
		for (size_t i = 0; i < u->depends.len; i++) {
			const struct ks_index_update *on = ks_index_find(index, u->depends.v[i]);

			fuzz_check(on && on < u && (u->withdrawn || !on->withdrawn));
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ks_buf text = { 0 }, second = { 0 };
	char *copy = fuzz_string(data, size);
	struct ks_index index, again;

	if (fuzz_fine(ks_index_parse(copy, size, &index))) {
		check(&index);
		fuzz_check(fuzz_fine(ks_index_write(&index, &text)));
		fuzz_check(fuzz_fine(ks_index_parse(text.data, text.len, &again)));
		fuzz_check(fuzz_fine(ks_index_write(&again, &second)));
		fuzz_check(text.len == second.len && !memcmp(text.data, second.data, text.len));
		ks_index_clear(&again);
	}
	ks_index_clear(&index);
	ks_buf_free(&text);
	ks_buf_free(&second);
	free(copy);
	return 0;
}
