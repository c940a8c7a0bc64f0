// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel headers with and without installing them; see headers.h.
 *
 * The packages expect to lie in /usr/src: their links are relative, but the
 * Makefile of linux-headers-RELEASE is one line that includes
 * /usr/src/linux-headers-ABI-common/Makefile.  The copy here says the same
 * relative to itself.  kbuild takes the source tree from the path of the file
 * that was included last, which is absolute then.
 */
#include "distro/headers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "distro/apt.h"
#include "distro/deb.h"

#define MAX_MAKEFILE (64u << 10)
#define SRC "/usr/src/"
/* The directory of the Makefile itself, links resolved, then its parent. */
#define HERE "$(dir $(realpath $(lastword $(MAKEFILE_LIST))))../"

static struct ks_error *make_link(const char *config_dir, const char *target)
{
	char *link = ks_path_join(config_dir, "build"), *temp = ks_asprintf("%s.new", link);
	struct ks_error *err = NULL;

	unlink(temp);
	if (symlink(target, temp) || rename(temp, link)) {
		err = ks_error_errno(errno, "cannot create the link %s", link);
		unlink(temp);
	}
	free(temp);
	free(link);
	return err;
}

struct ks_error *ks_headers_installed(const char *release, const char *version, bool *installed)
{
	char *build = ks_asprintf("/lib/modules/%s/build/Makefile", release);
	char *name = ks_asprintf("linux-headers-%s", release), *have = NULL;
	struct ks_error *err = NULL;

	*installed = false;
	if (ks_file_exists(build)) {
		err = ks_dpkg_installed(name, &have);
		*installed = !err && have && !strcmp(have, version);
	}
	free(have);
	free(name);
	free(build);
	return err;
}

struct ks_error *ks_headers_link_installed(const char *config_dir, const char *release)
{
	char *target = ks_asprintf("/lib/modules/%s/build", release);
	struct ks_error *err = make_link(config_dir, target);

	free(target);
	return err;
}

/* Turns "include /usr/src/X" into "include <parent of this directory>/X". */
static struct ks_error *relocate_makefile(const char *dir)
{
	char *path = ks_path_join(dir, "Makefile"), *hit;
	struct ks_buf in = { 0 }, out = { 0 };
	struct ks_error *err;
	const char *p;

	err = ks_file_read(path, MAX_MAKEFILE, &in);
	if (err)
		goto out;
	for (p = in.data; (hit = strstr(p, SRC)); p = hit + strlen(SRC)) {
		ks_buf_add(&out, p, hit - p);
		ks_buf_adds(&out, HERE);
	}
	ks_buf_adds(&out, p);
	err = ks_file_write(path, out.data, out.len, 0644);
out:
	ks_buf_free(&in);
	ks_buf_free(&out);
	free(path);
	return err;
}

struct ks_error *ks_headers_unpack(const char *config_dir, const char *release,
				   const char *const *debs, size_t n, struct ks_report *r)
{
	/* Not lib/modules: its links lead to /usr/src. */
	static const char *const only[] = { "usr/src/", "usr/lib/linux-kbuild-", NULL };
	static const char *const needed[] = { ".config", "Module.symvers", "Makefile",
					      "scripts/Makefile.build",
					      "include/generated/autoconf.h" };
	char *dest = ks_path_join(config_dir, "headers");
	char *target = ks_asprintf("headers/usr/src/linux-headers-%s", release);
	char *build = ks_path_join(config_dir, target);
	struct ks_unpack u = { .dest = dest, .only = only, .report = r };
	struct ks_error *err;

	ks_step(r, "Unpacking the headers of %s", release);
	err = ks_dir_remove(dest);
	if (!err)
		err = ks_dir_make(dest);
	for (size_t i = 0; i < n && !err; i++)
		err = ks_deb_unpack(debs[i], &u);
	if (!err)
		err = relocate_makefile(build);
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed) && !err; i++) {
		char *path = ks_path_join(build, needed[i]);

		if (!ks_file_exists(path))
			err = ks_error_new(KS_E_FAILED,
					   "the header packages of %s lack %s: this"
					   " version of ksplice does not know their layout",
					   release, needed[i]);
		free(path);
	}
	if (!err)
		err = make_link(config_dir, target);
	free(build);
	free(target);
	free(dest);
	return err;
}
