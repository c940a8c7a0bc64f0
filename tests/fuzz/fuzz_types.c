// SPDX-License-Identifier: GPL-2.0-only
/*
 * Types from the debug information of two objects, and what their definitions
 * have different.  A definition does not differ from itself.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "build/definition.h"

static void compare(const struct ks_types *pre, const struct ks_type *a,
		    const struct ks_types *post, const struct ks_type *b, bool same)
{
	struct ks_buf what = { 0 };
	enum ks_layout_kind kind = ks_definition_compare(pre, a, post, b, &what);

	fuzz_check(!same || kind == KS_LAYOUT_SAME);
	fuzz_check((kind == KS_LAYOUT_SAME) == !what.len);
	ks_buf_free(&what);
}

static void look_at(const struct ks_types *types, const struct ks_types *post)
{
	ks_vec_for(&types->list, t) {
		const struct ks_type *other = ks_types_find(post, t->name, t->file);

		fuzz_check(t->name && t->file);
		ks_vec_for(&t->members, m) {
			fuzz_check(m->path);
			free(ks_types_shape(types, m, true));
			free(ks_types_shape(types, m, false));
		}
		compare(types, t, types, t, true);
		if (other)
			compare(types, t, post, other, false);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ks_types *pre = NULL, *post = NULL;
	uint32_t len;

	if (size < sizeof(len))
		return 0;
	memcpy(&len, data, sizeof(len));
	data += sizeof(len);
	size -= sizeof(len);
	len = len < size ? len : size;
	if (fuzz_fine(ks_types_open(fuzz_file(0, data, len), &pre)) &&
	    fuzz_fine(ks_types_open(fuzz_file(1, data + len, size - len), &post)))
		look_at(pre, post);
	ks_types_close(pre);
	ks_types_close(post);
	return 0;
}
