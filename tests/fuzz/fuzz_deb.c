// SPDX-License-Identifier: GPL-2.0-only
/*
 * Debian packages and tar archives.  The first byte says how the rest is
 * unpacked.  Nothing may come to lie outside of the directory.
 */
#include "fuzz.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/file.h"
#include "distro/deb.h"

/* What an archive of some KB can become must not fill the disk. */
static void limit_files(void)
{
	struct rlimit limit = { 32 << 20, 32 << 20 };

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *const only[] = { "usr/", "boot/", NULL };
	char *in = ks_path_join(fuzz_dir(), "in"), *out = ks_path_join(fuzz_dir(), "out");
	struct ks_unpack u = { .dest = in, .strip = size ? *data >> 4 & 1 : 0,
			       .only = size && *data >> 5 & 1 ? only : NULL };
	struct ks_buf canary = { 0 };
	struct ks_strv names = { 0 };
	const char *path;

	if (!size)
		goto out;
	limit_files();
	fuzz_check(fuzz_fine(ks_dir_make(in)) && fuzz_fine(ks_file_write(out, "canary", 6, 0600)));
	path = fuzz_file(0, data + 1, size - 1);
	switch (*data % 3) {
	case 0:
		fuzz_fine(ks_deb_unpack(path, &u));
		break;
	case 1:
		fuzz_fine(ks_tar_unpack(path, &u));
		break;
	case 2:
		fuzz_fine(ks_deb_unpack_tar(path, "usr/src/x.tar", &u));
		break;
	}
	fuzz_dir_list(&names);
	fuzz_check(names.len == 2 && ks_strv_has(&names, "in") && ks_strv_has(&names, "out"));
	fuzz_check(fuzz_fine(ks_file_read(out, 64, &canary)) && canary.len == 6 &&
		   !memcmp(canary.data, "canary", 6));
out:
	ks_strv_free(&names);
	ks_buf_free(&canary);
	free(in);
	free(out);
	return 0;
}
