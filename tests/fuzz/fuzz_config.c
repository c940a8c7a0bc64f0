// SPDX-License-Identifier: GPL-2.0-only
/* A kernel's .config, and what two have different. */
#include "fuzz.h"

#include "build/config.h"
#include "distro/needs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_pair in = fuzz_texts(data, size);
	const char *path = fuzz_file(0, in.a, in.a_len);
	struct ks_config *a = NULL, *b = NULL;
	struct ks_config_diff diff = { 0 };
	struct ks_strv packages = { 0 };

	if (fuzz_fine(ks_config_read(path, &a)) &&
	    fuzz_fine(ks_config_read(fuzz_file(1, in.b, in.b_len), &b))) {
		ks_config_compare(a, b, &diff);
		ks_config_diff_free(&diff);
		ks_config_compare(a, a, &diff);
		fuzz_check(!diff.added.len);
		ks_config_diff_free(&diff);
	}
	if (a)
		ks_config_get(a, "CC_VERSION_TEXT");
	fuzz_fine(ks_needs_missing(path, &packages));
	ks_strv_free(&packages);
	ks_config_free(a);
	ks_config_free(b);
	return 0;
}
