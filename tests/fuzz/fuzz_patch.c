// SPDX-License-Identifier: GPL-2.0-only
/* The names in a patch: none may lead out of the source. */
#include "fuzz.h"

#include "build/patch.c"

static bool leads_out(const char *path)
{
	char *between = ks_asprintf("/%s/", path);
	bool out = *path == '/' || strstr(between, "/../");

	free(between);
	return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_pair in = fuzz_texts(data, size);
	struct ks_build b = { .source = (char *)"/nonexistent" };
	struct ks_buf patch = fuzz_buf(in.a, in.a_len);
	char *options = fuzz_string(in.b, in.b_len);
	struct ks_strv names = { 0 }, argv = { 0 };
	bool unified = false, context = false;
	long strip = 1;

	if (fuzz_fine(parse_options(options, &argv, &strip)) &&
	    fuzz_fine(read_names(&b, &patch, strip, &names, &unified, &context)))
		for (size_t i = 0; i < names.len; i++)
			fuzz_check(!leads_out(names.v[i]));
	ks_strv_free(&names);
	ks_strv_free(&argv);
	ks_buf_free(&patch);
	free(options);
	return 0;
}
