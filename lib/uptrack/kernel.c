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

void ks_kernel_identity_clear(struct ks_kernel_identity *k)
{
	free(k->distro);
	free(k->arch);
	free(k->release);
	free(k->version);
	memset(k, 0, sizeof(*k));
}

char *ks_kernel_name(const struct ks_kernel_identity *k)
{
	return ks_asprintf("%s/%s/%s/%s", k->distro, k->arch, k->release, k->version);
}

/* ID=debian, maybe in quotes. */
static char *read_distro(const char *path)
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

/* They become parts of a path and of a URL. */
static bool is_plain(const char *s)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+~:_-";

	return *s && *s != '.' && strlen(s) < 128 && strspn(s, allowed) == strlen(s);
}

struct ks_error *ks_kernel_identify(const struct ks_uptrack *up, struct ks_kernel_identity *k)
{
	char *path = ks_path_join(up->proc, "version");
	struct ks_buf banner = { 0 };
	struct ks_error *err = ks_file_read(path, MAX_TEXT, &banner);
	struct utsname u;

	memset(k, 0, sizeof(*k));
	free(path);
	if (!err && uname(&u))
		err = ks_error_errno(errno, "uname");
	if (err) {
		ks_buf_free(&banner);
		return err;
	}
	k->distro = read_distro(up->os_release);
	k->arch = ks_strdup(!strcmp(u.machine, "x86_64") ? "amd64" : u.machine);
	k->release = ks_strdup(up->live->release ? up->live->release : u.release);
	k->version = ks_image_banner_version(banner.data);
	ks_buf_free(&banner);
	if (!k->version)
		err = ks_error_new(KS_E_UNSERVED,
				   "the running kernel %s is not a stock Debian kernel: it names no version of a package in /proc/version",
				   k->release);
	else if (!is_plain(k->distro) || !is_plain(k->arch) || !is_plain(k->release) || !is_plain(k->version))
		err = ks_error_new(KS_E_UNSERVED, "the running kernel %s has a name that no repository can have",
				   k->release);
	if (err)
		ks_kernel_identity_clear(k);
	return err;
}
