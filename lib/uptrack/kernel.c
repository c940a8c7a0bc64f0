// SPDX-License-Identifier: GPL-2.0-only
/* The running kernel's name; see kernel.h. */
#include "uptrack/kernel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/file.h"
#include "distro/image.h"

#define MAX_TEXT (64u << 10)

/* ID=debian, maybe in quotes. */
static char *read_distribution(const char *path)
{
	struct ks_buf text = { 0 };
	char *id = NULL, *save = NULL;

	ks_error_free(ks_file_read(path, MAX_TEXT, &text));
	for (char *l = text.data ? strtok_r(text.data, "\n", &save) : NULL; l && !id;
	     l = strtok_r(NULL, "\n", &save)) {
		if (!ks_str_starts(l, "ID="))
			continue;
		l += 3 + strspn(l + 3, "\"'");
		id = ks_strndup(l, strcspn(l, "\"' "));
	}
	ks_buf_free(&text);
	return id ? id : ks_strdup("linux");
}

struct ks_error *ks_kernel_identify(const struct ks_uptrack *up, struct ks_repo_kernel *k)
{
	char *path = ks_path_join(up->proc, "version"), *name, *distribution, *version;
	struct ks_buf banner = { 0 };
	struct ks_error *err = ks_file_read(path, MAX_TEXT, &banner);
	const char *release;
	struct utsname u;

	memset(k, 0, sizeof(*k));
	free(path);
	if (!err && uname(&u))
		err = ks_error_errno(errno, "uname");
	if (err) {
		ks_buf_free(&banner);
		return err;
	}
	release = up->live->release ? up->live->release : u.release;
	version = ks_image_banner_version(ks_buf_text(&banner));
	ks_buf_free(&banner);
	if (!version)
		return ks_error_new(KS_E_UNSERVED,
				    "the running kernel %s is not a stock Debian kernel: it names no version of a package in /proc/version",
				    release);
	distribution = read_distribution(up->os_release);
	/* Once there and back: that its words are safe in a path is checked in one place. */
	name = ks_asprintf("%s/%s/%s/%s", distribution, ks_repo_arch(u.machine), release, version);
	err = ks_error_recode(ks_repo_kernel_parse(name, k), KS_E_UNSERVED);
	free(distribution);
	free(version);
	free(name);
	return err;
}
