// SPDX-License-Identifier: GPL-2.0-only
/* A package of updates, from a repository; see offline.h. */
#include "uptrack/offline.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"

#define PLACE "usr/share/uptrack"

struct deb {
	const struct ks_store *store;
	const struct ks_repo_kernel *kernel;
	struct ks_index index;
	struct ks_head head;
	char *root; /* what is packed */
	char *name, *version;
};

/* Only what the name of a package may have. */
static char *package_name(const char *release)
{
	char *name = ks_asprintf("ksplice-updates-%s", release);

	for (char *p = name; *p; p++) {
		*p = tolower((unsigned char)*p);
		if (!isalnum((unsigned char)*p) && !strchr("+-.", *p))
			*p = '-';
	}
	return name;
}

static struct ks_error *put(const struct deb *d, const char *path, const char *text, size_t len,
			    mode_t mode)
{
	char *to = ks_path_join(d->root, path), *dir = ks_strndup(to, ks_path_base(to) - to);
	struct ks_error *err = ks_dir_make(dir);

	if (!err)
		err = ks_file_write(to, text, len, mode);
	free(dir);
	free(to);
	return err;
}

/* A file of the repository to its place in the package's. */
static struct ks_error *take(const struct deb *d, const char *path)
{
	char *from = ks_store_path(d->store, path), *to;
	struct ks_buf data = { 0 };
	struct ks_error *err = ks_file_read(from, KS_INDEX_TARBALL_MAX, &data);

	to = ks_asprintf(PLACE "/%s/%s", d->kernel->release, path);
	if (!err)
		err = put(d, to, ks_buf_text(&data), data.len, 0644);
	ks_buf_free(&data);
	free(from);
	free(to);
	return err;
}

static struct ks_error *take_and_free(const struct deb *d, char *path)
{
	struct ks_error *err = take(d, path);

	free(path);
	return err;
}

static struct ks_error *take_updates(const struct deb *d)
{
	struct ks_error *err = take_and_free(d, ks_repo_head_path(d->kernel));

	if (!err)
		err = take_and_free(d, ks_repo_index_path(d->head.sha256));
	ks_vec_for(&d->index.updates, u)
		if (!err && !u->withdrawn)
			err = take_and_free(d, ks_repo_update_path(u->sha256, u->id));
	return err;
}

/* Every key and those that follow, so that a machine that knows any of them gets along. */
static struct ks_error *take_key_file(void *arg, const char *path)
{
	const struct deb *d = arg;

	if (!ks_str_starts(path, KS_REPO_TOP "/keys/") || ks_store_is_leftover(path))
		return NULL;
	return take(d, path);
}

/* That which has signed the index: who installs a package as root trusts it with more than that. */
static struct ks_error *put_trusted_key(const struct deb *d)
{
	struct ks_buf text = { 0 };
	char name[17], *path;
	struct ks_error *err;

	ks_key_name(d->head.key.id, name);
	path = ks_asprintf("etc/uptrack/keys/%s.pub", name);
	ks_public_key_write(&d->head.key, &text);
	err = put(d, path, text.data, text.len, 0644);
	if (!err) {
		char *conffiles = ks_asprintf("/%s\n", path);

		err = put(d, "DEBIAN/conffiles", conffiles, strlen(conffiles), 0644);
		free(conffiles);
	}
	ks_buf_free(&text);
	free(path);
	return err;
}

static struct ks_error *put_control(const struct deb *d)
{
	struct ks_buf text = { 0 };
	struct ks_error *err;

	ks_buf_addf(&text,
		    "Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: the publisher of this repository <root@localhost>\n"
		    "Section: admin\nPriority: optional\nDepends: ksplice-client\n"
		    "Description: updates of the running kernel %s\n"
		    " The updates of a repository of Uptrack for the kernel %s (%s),\n"
		    " for machines without a network. They are applied when this is installed.\n",
		    d->name, d->version, d->kernel->arch, d->kernel->release, d->kernel->release,
		    d->kernel->version);
	err = put(d, "DEBIAN/control", text.data, text.len, 0644);
	ks_buf_free(&text);
	return err;
}

/* A kernel's name has nothing that means something to a shell (ks_repo_word_problem()). */
static struct ks_error *put_postinst(const struct deb *d)
{
	struct ks_buf text = { 0 };
	struct ks_error *err;

	ks_buf_addf(&text,
		    "#!/bin/sh\nset -e\n"
		    "[ \"$1\" = configure ] || exit 0\n"
		    "if [ \"$(uname -r)\" != '%s' ] || ischroot; then\n"
		    "\techo 'These updates are for the kernel %s, which does not run here now. When it does:'\n"
		    "\techo '  uptrack-upgrade --repo=/" PLACE "/%s'\n"
		    "else\n"
		    "\t# 13: the kernel gets no more updates, which it says; those that there are, are in.\n"
		    "\tuptrack-upgrade -y --repo='/" PLACE "/%s' || [ $? -eq 13 ]\n"
		    "fi\n",
		    d->kernel->release, d->kernel->release, d->kernel->release, d->kernel->release);
	err = put(d, "DEBIAN/postinst", text.data, text.len, 0755);
	ks_buf_free(&text);
	return err;
}

/* Directories as dpkg-deb wants them, whatever the umask. */
static struct ks_error *build(const struct deb *d, const char *to)
{
	const char *chmod_argv[] = { "chmod", "-R", "u=rwX,go=rX", d->root, NULL };
	const char *argv[] = { "dpkg-deb", "--root-owner-group", "--build", d->root, to, NULL };
	struct ks_error *err = ks_proc_output(chmod_argv, NULL);

	return err ? err : ks_proc_output(argv, NULL);
}

static struct ks_error *fill(const struct deb *d)
{
	struct ks_error *err = take_updates(d);

	if (!err)
		err = ks_store_walk(d->store, take_key_file, (void *)d);
	if (!err)
		err = put_trusted_key(d);
	if (!err)
		err = put_control(d);
	if (!err)
		err = put_postinst(d);
	return err;
}

struct ks_error *ks_offline_deb(const struct ks_store *store, const struct ks_repo_kernel *kernel,
				const char *into, char **file)
{
	struct deb d = { .store = store, .kernel = kernel };
	char *temp = NULL, *part, *to;
	struct ks_error *err = ks_store_read(store, kernel, &d.head, &d.index);

	if (!err)
		err = ks_dir_temp("uptrack-deb", &temp);
	if (err) {
		ks_head_clear(&d.head);
		ks_index_clear(&d.index);
		return err;
	}
	d.root = ks_path_join(temp, "root");
	d.name = package_name(kernel->release);
	d.version = ks_asprintf("%s+%llu", kernel->version, (unsigned long long)d.index.serial);
	part = ks_path_join(temp, "package.deb");
	/* An epoch is not in the name of a file. */
	to = ks_asprintf("%s/%s_%s_%s.deb", into, d.name,
			 strchr(d.version, ':') ? strchr(d.version, ':') + 1 : d.version,
			 kernel->arch);
	err = fill(&d);
	if (!err)
		err = build(&d, part);
	if (!err)
		err = ks_file_copy(part, to);
	ks_error_free(ks_dir_remove(temp));
	if (err)
		free(to);
	else
		*file = to;
	free(part);
	free(d.root);
	free(d.name);
	free(d.version);
	free(temp);
	ks_head_clear(&d.head);
	ks_index_clear(&d.index);
	return err;
}
