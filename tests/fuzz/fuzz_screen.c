// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two preprocessed texts: is a unit affected by what differs?  The same text
 * twice is not; what one change does, carried over, comes to the second text.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "build/delta.h"
#include "build/opaque.h"

static bool compiles(void *arg, const char *text)
{
	return (strlen(text) + *(size_t *)arg) % 2;
}

static void sort(struct ks_text *text)
{
	if (text->decls.len)
		qsort(text->decls.v, text->decls.len, sizeof(*text->decls.v), ks_text_number_order);
}

static void check_delta(struct ks_text *pre, struct ks_text *post)
{
	struct ks_delta delta = { 0 };
	struct ks_text got = { 0 };

	ks_delta_make(pre, post, &delta);
	fuzz_check(ks_delta_same(&delta, &delta));
	fuzz_check(ks_delta_apply(&delta, pre, &got));
	sort(&got);
	sort(post);
	fuzz_check(ks_text_same(&got, post));
	ks_delta_free(&delta);
	ks_text_free(&got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_pair in = fuzz_texts(data, size);
	struct ks_buf a = fuzz_buf(in.a, in.a_len), b = fuzz_buf(in.b, in.b_len);
	struct ks_text pre = { 0 }, post = { 0 };
	struct ks_texts *t = ks_texts_new();
	struct ks_screening s = { 0 };

	ks_texts_add(t, &a, &pre);
	ks_texts_add(t, &b, &post);
	fuzz_check(ks_screen(t, &pre, &pre, &s) == KS_UNAFFECTED);
	ks_screening_free(&s);
	s = (struct ks_screening){ 0 };
	ks_opaque_screen(t, &pre, &post, &b, compiles, &size, &s);
	ks_screening_free(&s);
	check_delta(&pre, &post);
	ks_text_free(&pre);
	ks_text_free(&post);
	ks_texts_free(t);
	ks_buf_free(&a);
	ks_buf_free(&b);
	return 0;
}
