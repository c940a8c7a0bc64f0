// SPDX-License-Identifier: GPL-2.0-only
/* What apt-cache prints: records of packages, their versions and dependencies. */
#include "fuzz.h"

#include "distro/apt.c"

#include "distro/release.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_string(data, size);
	struct ks_packages p = { 0 };

	parse_records(text, &p);
	drop_incomplete(&p);
	for (size_t i = 0; i < p.len && i < 16; i++) {
		ks_packages_find(&p, p.v[i].name, NULL);
		fuzz_check(ks_packages_find(&p, p.v[i].name, p.v[i].version) ||
			   !p.v[i].fetchable);
		ks_release_flavour(p.v[i].name);
		for (size_t k = 0; k < p.len && k < 16; k++) {
			int order = ks_version_compare(p.v[i].version, p.v[k].version);
			int back = ks_version_compare(p.v[k].version, p.v[i].version);

			fuzz_check((order < 0) == (back > 0) && (order > 0) == (back < 0));
		}
	}
	ks_packages_free(&p);
	free(text);
	return 0;
}
