// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hunks, and the line directives that are put behind them: lines that are said
 * to be the same are, and but for directives nothing is added or lost.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "build/hunks.h"
#include "build/lines.h"

static void check_hunks(const struct ks_buf *old, const struct ks_buf *new)
{
	struct ks_lines a = { 0 }, b = { 0 };
	size_t *at, last = KS_NO_LINE;

	ks_lines_split(old, &a);
	ks_lines_split(new, &b);
	at = ks_hunks_align(&a, &b);
	for (size_t i = 0; i < b.list.len; i++) {
		if (at[i] == KS_NO_LINE)
			continue;
		fuzz_check(at[i] < a.list.len && (last == KS_NO_LINE || at[i] > last));
		fuzz_check(a.list.v[at[i]].len == b.list.v[i].len &&
			   !memcmp(a.list.v[at[i]].text, b.list.v[i].text, b.list.v[i].len));
		last = at[i];
	}
	free(at);
	ks_lines_free(&a);
	ks_lines_free(&b);
}

/* Without lines that look like directives. */
static void without(const struct ks_buf *text, struct ks_buf *out)
{
	struct ks_lines lines = { 0 };

	ks_lines_split(text, &lines);
	ks_vec_for(&lines.list, l)
		if (l->len < 6 || memcmp(l->text, "#line ", 6))
			ks_buf_add(out, l->text, l->len);
	ks_lines_free(&lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_pair in = fuzz_texts(data, size);
	struct ks_buf old = fuzz_buf(in.a, in.a_len), new = fuzz_buf(in.b, in.b_len);
	struct ks_buf out = { 0 }, x = { 0 }, y = { 0 };

	check_hunks(&old, &new);
	ks_lines_keep(&old, &new, &out);
	without(&out, &x);
	without(&new, &y);
	fuzz_check(x.len == y.len && (!x.len || !memcmp(x.data, y.data, x.len)));
	ks_buf_free(&x);
	ks_buf_free(&y);
	ks_buf_free(&out);
	ks_buf_free(&old);
	ks_buf_free(&new);
	return 0;
}
