// SPDX-License-Identifier: GPL-2.0-only
/* What kbuild writes down about an object, and what make says it would run. */
#include "fuzz.h"

#include "build/kbuild.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *dir = ks_strdup(fuzz_dir()), *path = ks_path_join(dir, "fs/.open.o.cmd");
	char *text = fuzz_string(data, size), *save = NULL;
	struct ks_build b = { .obj = dir, .farm = (char *)"/farm", .source = (char *)"/source",
			      .include = (char *)"/cache/include" };
	struct ks_strv commands = { 0 };
	struct ks_deps deps = { 0 };

	*strrchr(path, '/') = 0;
	fuzz_check(fuzz_fine(ks_dir_make(path)));
	path[strlen(path)] = '/';
	fuzz_check(fuzz_fine(ks_file_write(path, data, size, 0600)));
	fuzz_fine(ks_deps_read(&b, "fs/open.o", &deps));
	for (size_t i = 0; i < deps.files.len; i++) {
		char *normal = ks_path_normal(deps.files.v[i]), *again = ks_path_normal(normal);

		fuzz_check(!strcmp(normal, again));
		free(normal);
		free(again);
	}
	ks_deps_free(&deps);
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		take_command(&commands, line);
		quiet_line(line);
		chatter(line);
	}
	fuzz_check(commands.len % 2 == 0);
	ks_strv_free(&commands);
	free(text);
	free(path);
	free(dir);
	return 0;
}
