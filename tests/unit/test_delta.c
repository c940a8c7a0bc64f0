// SPDX-License-Identifier: GPL-2.0-only
/* What a changed header does to one text, carried over to others (lib/build/delta.c). */
#include <stdlib.h>
#include <string.h>

#include "build/delta.h"
#include "tap.h"

static void set(struct ks_text *t, const char *numbers)
{
	t->decls.len = 0;
	for (; *numbers; numbers++)
		*ks_vec_push(&t->decls) = *numbers - '0';
}

static void test_apply(void)
{
	struct ks_text pre = { 0 }, post = { 0 }, other = { 0 }, got = { 0 }, want = { 0 };
	struct ks_delta d = { 0 }, again = { 0 };

	set(&pre, "1232");
	set(&post, "1425");
	ks_delta_make(&pre, &post, &d);
	tap_ok(d.minus.len == 2 && d.minus.v[0] == 2 && d.minus.v[1] == 3 && d.plus.len == 2 &&
		       d.plus.v[0] == 4 && d.plus.v[1] == 5,
	       "what differs, as often as it does");
	set(&other, "92328");
	set(&want, "92845");
	tap_ok(ks_delta_apply(&d, &other, &got), "in another text");
	/* Which of two equal ones goes does not matter. */
	tap_ok(got.decls.len == want.decls.len, "it takes away and adds");
	got.decls.len = 0;
	set(&other, "928");
	tap_ok(!ks_delta_apply(&d, &other, &got), "not where something is missing");
	ks_delta_make(&pre, &post, &again);
	tap_ok(ks_delta_same(&d, &again), "made twice it is the same");
	again.headers = 2;
	tap_ok(!ks_delta_same(&d, &again), "not of other headers");
	again.headers = 0;
	again.plus.v[1] = 6;
	tap_ok(!ks_delta_same(&d, &again), "nor with other declarations");
	ks_delta_free(&again);
	ks_delta_free(&d);
	ks_text_free(&pre);
	ks_text_free(&post);
	ks_text_free(&other);
	ks_text_free(&got);
	ks_text_free(&want);
}

int main(void)
{
	test_apply();
	return tap_done();
}
