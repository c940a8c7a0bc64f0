// SPDX-License-Identifier: GPL-2.0-only
/* The manifest of a package: what can be read is written, and read again, as the same text. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "pack/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ks_manifest m = { 0 }, again = { 0 };
	struct ks_buf text = { 0 }, second = { 0 };
	char *copy = fuzz_string(data, size);

	if (fuzz_fine(ks_manifest_read(copy, size, &m))) {
		fuzz_check(fuzz_fine(ks_manifest_write(&m, &text)));
		fuzz_check(fuzz_fine(ks_manifest_read(text.data, text.len, &again)));
		fuzz_check(fuzz_fine(ks_manifest_write(&again, &second)));
		fuzz_check(text.len == second.len && !memcmp(text.data, second.data, text.len));
	}
	ks_manifest_clear(&m);
	ks_manifest_clear(&again);
	ks_buf_free(&text);
	ks_buf_free(&second);
	free(copy);
	return 0;
}
