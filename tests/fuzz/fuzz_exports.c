// SPDX-License-Identifier: GPL-2.0-only
/* Module.symvers. */
#include "fuzz.h"

#include "module/exports.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ks_exports *x;

	if (fuzz_fine(ks_exports_read(fuzz_file(0, data, size), &x))) {
		ks_exports_owner(x, "_printk");
		ks_exports_owner(x, "");
		ks_exports_free(x);
	}
	return 0;
}
