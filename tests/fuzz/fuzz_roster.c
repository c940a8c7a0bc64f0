// SPDX-License-Identifier: GPL-2.0-only
/* The cached list of what a kernel is built from. */
#include "fuzz.h"

#include "build/roster.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ks_build b = { .key = (char *)"key" };
	char *text = fuzz_string(data, size);
	struct ks_roster *r = parse(&b, text);
	struct ks_roster_list list = { 0 };
	struct ks_strv names = { 0 };

	if (r) {
		ks_roster_all(r, &list);
		ks_roster_find(r, "fs/open.c", &list);
		ks_roster_in(r, "fs", &list);
		ks_roster_way(r, "fs/ext4", &names);
		ks_roster_directories(r, &names);
		ks_roster_list_free(&list);
		ks_strv_free(&names);
		ks_roster_free(r);
	}
	free(text);
	return 0;
}
