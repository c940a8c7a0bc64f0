// SPDX-License-Identifier: GPL-2.0-only
/* Include lines of source files, and the cache that keeps them. */
#include "fuzz.h"

#include "build/graph.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "fs/open.c", "arch/x86/entry/entry_64.S" };
	struct fuzz_pair in = fuzz_texts(data, size);
	struct ks_graph *g = ks_alloc(sizeof(*g));
	struct ks_buf text = fuzz_buf(in.a, in.a_len);
	struct old old = { 0 };

	g->source = (char *)"/source";
	for (size_t i = 0; i < 2; i++) {
		struct file f = { .path = (char *)names[i] };

		scan_text(g, &f, &text);
	}
	ks_vec_for(&g->includes, inc)
		fuzz_check(!strchr(inc->name, '\n'));
	ks_buf_add(&g->text, in.b, in.b_len);
	parse_cache(g, &old);
	ks_vec_for(&old.files, f) {
		struct file into = { 0 };

		fuzz_check(f->path && f->signature);
		take_over(g, &into, f->lines);
	}
	ks_vec_free(&old.files);
	ks_buf_free(&text);
	ks_graph_free(g);
	return 0;
}
