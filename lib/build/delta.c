// SPDX-License-Identifier: GPL-2.0-only
/* Changes of headers, carried over from one unit to the others; see delta.h. */
#include "build/delta.h"

#include <stdlib.h>
#include <string.h>

static uint32_t *sorted(const struct ks_text *text)
{
	uint32_t *v = ks_alloc((text->decls.len + 1) * sizeof(*v));

	if (text->decls.len) {
		memcpy(v, text->decls.v, text->decls.len * sizeof(*v));
		qsort(v, text->decls.len, sizeof(*v), ks_text_number_order);
	}
	return v;
}

void ks_delta_make(const struct ks_text *pre, const struct ks_text *post, struct ks_delta *delta)
{
	uint32_t *a = sorted(pre), *b = sorted(post);
	size_t i = 0, j = 0;

	while (i < pre->decls.len || j < post->decls.len) {
		if (j == post->decls.len || (i < pre->decls.len && a[i] < b[j])) {
			*ks_vec_push(&delta->minus) = a[i++];
		} else if (i == pre->decls.len || b[j] < a[i]) {
			*ks_vec_push(&delta->plus) = b[j++];
		} else {
			i++;
			j++;
		}
	}
	free(a);
	free(b);
}

void ks_delta_free(struct ks_delta *delta)
{
	ks_vec_free(&delta->minus);
	ks_vec_free(&delta->plus);
}

#define same_list(a, b) \
	((a)->len == (b)->len && (!(a)->len || !memcmp((a)->v, (b)->v, (a)->len * sizeof(*(a)->v))))

bool ks_delta_same(const struct ks_delta *a, const struct ks_delta *b)
{
	return a->headers == b->headers && same_list(&a->minus, &b->minus) &&
	       same_list(&a->plus, &b->plus);
}

bool ks_delta_apply(const struct ks_delta *delta, const struct ks_text *pre, struct ks_text *post)
{
	bool *gone = ks_alloc(delta->minus.len + 1);
	size_t left = delta->minus.len;

	ks_vec_for(&pre->decls, d) {
		size_t i = 0;

		/* Few: it is what one header changes. */
		while (i < delta->minus.len && (gone[i] || delta->minus.v[i] != *d))
			i++;
		if (i < delta->minus.len) {
			gone[i] = true;
			left--;
		} else {
			*ks_vec_push(&post->decls) = *d;
		}
	}
	ks_vec_for(&delta->plus, d)
		*ks_vec_push(&post->decls) = *d;
	free(gone);
	return !left;
}
