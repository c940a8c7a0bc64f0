// SPDX-License-Identifier: GPL-2.0-only
/* System.map. */
#include "fuzz.h"

#include "table/sysmap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "_text", "x", "", "pv_ops" };
	struct ks_sysmap *map;
	int64_t offset;

	if (!fuzz_fine(ks_sysmap_read(fuzz_file(0, data, size), &map)))
		return 0;
	fuzz_check(ks_sysmap_has(map, "_text"));
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		bool one = ks_sysmap_global(map, names[i], &offset);

		fuzz_check(!one || ks_sysmap_has(map, names[i]));
		ks_sysmap_absolute(map, names[i]);
		ks_sysmap_ro_after_init(map, names[i]);
	}
	ks_sysmap_free(map);
	return 0;
}
