// SPDX-License-Identifier: GPL-2.0-only
/* Opening packages: unpack, then check every file against the manifest; see archive.h. */
#include "pack/archive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "pack/digest.h"
#include "pack/unpack.h"

#define MAX_MANIFEST (4u << 20)

static struct ks_error *check_file(const struct ks_pack *p, const char *path,
				   const struct ks_manifest_file *f)
{
	char *full = ks_pack_file(p, f->name), sum[65];
	struct ks_buf data = { 0 };
	struct ks_error *err;

	if (!ks_file_exists(full))
		err = ks_error_new(KS_E_INPUT, "%s: %s is missing; the package is not complete, get it again",
				   path, f->name);
	else
		err = ks_file_read(full, KS_PACK_MAX_FILE, &data);
	if (!err && data.len != f->size)
		err = ks_error_new(KS_E_INPUT,
				   "%s: %s has %zu bytes, the manifest says %llu: it was changed after the package was made",
				   path, f->name, data.len, (unsigned long long)f->size);
	if (!err)
		err = ks_digest(&data, sum);
	if (!err && strcmp(sum, f->sha256))
		err = ks_error_new(KS_E_INPUT,
				   "%s: %s does not have the SHA-256 that the manifest lists: it was changed after the package was made",
				   path, f->name);
	ks_buf_free(&data);
	free(full);
	return err;
}

static struct ks_error *check_modules(const struct ks_manifest *m, const char *path)
{
	const char *const modules[] = { m->core_file, m->old_file, m->new_file };

	for (size_t i = 0; i < sizeof(modules) / sizeof(*modules); i++)
		if (!ks_manifest_find_file(m, modules[i]))
			return ks_error_new(KS_E_INPUT,
					    "%s: the manifest does not list %s, which every update has",
					    path, modules[i]);
	return NULL;
}

/* All that is listed is there, unchanged; and nothing else is there. */
static struct ks_error *check_files(const struct ks_pack *p, const char *path)
{
	struct ks_strv names = { 0 };
	struct ks_error *err = check_modules(&p->manifest, path);

	if (!err)
		err = ks_unpack_list(p->dir, &names);
	for (size_t i = 0; !err && i < p->manifest.files.len; i++)
		err = check_file(p, path, &p->manifest.files.v[i]);
	for (size_t i = 0; !err && i < names.len; i++)
		if (strcmp(names.v[i], KS_MANIFEST_NAME) &&
		    !ks_manifest_find_file(&p->manifest, names.v[i]))
			err = ks_error_new(KS_E_INPUT,
					   "%s: %s is not in the manifest: it was added after the package was made",
					   path, names.v[i]);
	ks_strv_free(&names);
	return err;
}

static struct ks_error *read_manifest(struct ks_pack *p, const char *path)
{
	char *file = ks_pack_file(p, KS_MANIFEST_NAME);
	struct ks_buf text = { 0 };
	struct ks_error *err = NULL;

	if (!ks_file_exists(file))
		err = ks_error_new(KS_E_INPUT, "%s: there is no " KS_MANIFEST_NAME " in it; it is no ksplice update",
				   path);
	else
		err = ks_error_prefix(ks_file_read(file, MAX_MANIFEST, &text), "%s", path);
	if (!err)
		err = ks_error_prefix(ks_manifest_read(text.data, text.len, &p->manifest), "%s",
				      path);
	ks_buf_free(&text);
	free(file);
	return err;
}

/* @top: the archive's top directory; NULL for a directory, which may be renamed. */
static struct ks_error *check_pack(struct ks_pack *p, const char *path, const char *top)
{
	struct ks_error *err = read_manifest(p, path);
	char *want;

	if (err)
		return err;
	want = ks_asprintf("ksplice-%s", p->manifest.id);
	if (top && strcmp(want, top))
		err = ks_error_new(KS_E_INPUT, "%s: its directory is %s, but its id is %s", path, top,
				   p->manifest.id);
	free(want);
	return err ? err : check_files(p, path);
}

struct ks_error *ks_pack_open(const char *path, struct ks_pack **result)
{
	struct ks_pack *p = ks_alloc(sizeof(*p));
	struct ks_error *err = NULL;
	char *top = NULL;
	struct stat st;

	if (stat(path, &st))
		err = ks_error_errno(errno, "%s", path);
	else if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		err = ks_error_new(KS_E_INPUT, "%s: neither a file nor a directory", path);
	else if (S_ISREG(st.st_mode) && !st.st_size)
		err = ks_error_new(KS_E_INPUT, "%s: the file is empty; it is no ksplice update", path);
	if (!err)
		err = ks_dir_temp("ksplice", &p->dir);
	if (!err)
		err = S_ISDIR(st.st_mode) ? ks_unpack_directory(path, p->dir) :
					    ks_unpack_tarball(path, p->dir, &top);
	if (!err)
		err = check_pack(p, path, top);
	free(top);
	if (err) {
		ks_pack_close(p);
		return err;
	}
	*result = p;
	return NULL;
}

void ks_pack_close(struct ks_pack *p)
{
	if (!p)
		return;
	ks_manifest_clear(&p->manifest);
	if (p->dir)
		ks_error_free(ks_dir_remove(p->dir));
	free(p->dir);
	free(p);
}

char *ks_pack_file(const struct ks_pack *p, const char *name)
{
	return ks_path_join(p->dir, name);
}
