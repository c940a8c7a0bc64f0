// SPDX-License-Identifier: GPL-2.0-only
/* Kernel releases out of apt's records. */
#include "fuzz.h"

#include "distro/release.c"

/* Up to four strings, divided by newlines. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ks_catalogue c = { .arch = ks_strdup("amd64") };
	char *text = fuzz_string(data, size), *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct ks_packages *all = &c.packages;
		struct ks_package *p = ks_vec_push(all);
		char *version = strchr(line, '\t'), *depends;

		if (version)
			*version++ = 0;
		depends = version ? strchr(version, '\t') : NULL;
		if (depends)
			*depends++ = 0;
		p->name = ks_strdup(line);
		p->version = ks_strdup(version ? version : "1");
		p->arch = ks_strdup("amd64");
		p->depends = depends ? ks_strdup(depends) : NULL;
		p->fetchable = true;
	}
	collect(&c);
	for (size_t i = 0; i < c.len; i++)
		fuzz_check(c.v[i].release && c.v[i].version && c.v[i].flavour);
	ks_catalogue_free(&c);
	free(text);
	return 0;
}
