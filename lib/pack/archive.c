// SPDX-License-Identifier: GPL-2.0-only
/* Reading and writing packages through libarchive; see archive.h. */
#include "pack/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"

#define MANIFEST "manifest.json"
#define MAX_DEPTH 2

static void sha256(const void *data, size_t len, char hex[65])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	if (!EVP_Digest(data, len, digest, &n, EVP_sha256(), NULL))
		n = 0;
	for (unsigned int i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	hex[64] = 0;
}

/* All regular files below dir/prefix, as "a" or "core/a". */
static struct ks_error *list_files(const char *dir, const char *prefix, int depth, struct ks_strv *names)
{
	char *path = *prefix ? ks_path_join(dir, prefix) : ks_strdup(dir);
	struct ks_error *err = NULL;
	DIR *d = opendir(path);
	struct dirent *e;

	if (!d)
		err = ks_error_errno(errno, "%s", path);
	while (!err && d && (e = readdir(d))) {
		char *name, *full;
		struct stat st;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		name = *prefix ? ks_path_join(prefix, e->d_name) : ks_strdup(e->d_name);
		full = ks_path_join(dir, name);
		if (lstat(full, &st))
			err = ks_error_errno(errno, "%s", full);
		else if (S_ISDIR(st.st_mode) && depth < MAX_DEPTH)
			err = list_files(dir, name, depth + 1, names);
		else if (S_ISREG(st.st_mode))
			ks_strv_add(names, name);
		else
			err = ks_error_new(KS_E_INPUT, "%s: neither a file nor a directory of a package", full);
		free(name);
		free(full);
	}
	if (d)
		closedir(d);
	free(path);
	return err;
}

static struct ks_error *archive_failed(struct archive *a, const char *path)
{
	return ks_error_new(KS_E_SYSTEM, "%s: %s", path, archive_error_string(a));
}

static struct ks_error *add_file(struct archive *a, const char *tarball, const char *name, const struct ks_buf *data)
{
	struct archive_entry *e = archive_entry_new();
	struct ks_error *err = NULL;

	archive_entry_set_pathname(e, name);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0644);
	archive_entry_set_size(e, data->len);
	archive_entry_set_mtime(e, 0, 0);
	if (archive_write_header(a, e) != ARCHIVE_OK ||
	    archive_write_data(a, data->data, data->len) != (ssize_t)data->len)
		err = archive_failed(a, tarball);
	archive_entry_free(e);
	return err;
}

static struct ks_error *add_all(struct archive *a, struct ks_manifest *m, const char *dir,
				const struct ks_strv *names, const char *tarball)
{
	struct ks_buf text = { 0 };
	struct ks_error *err = NULL;
	char *name;

	for (size_t i = 0; !err && i < names->len; i++) {
		char *path = ks_path_join(dir, names->v[i]);
		struct ks_buf data = { 0 };

		err = ks_file_read(path, KS_PACK_MAX_FILE, &data);
		if (!err) {
			struct ks_manifest_file *f = ks_vec_push(&m->files);

			f->name = ks_strdup(names->v[i]);
			f->size = data.len;
			sha256(data.data, data.len, f->sha256);
			name = ks_asprintf("ksplice-%s/%s", m->id, names->v[i]);
			err = add_file(a, tarball, name, &data);
			free(name);
		}
		ks_buf_free(&data);
		free(path);
	}
	if (!err)
		err = ks_manifest_write(m, &text);
	if (!err) {
		name = ks_asprintf("ksplice-%s/" MANIFEST, m->id);
		err = add_file(a, tarball, name, &text);
		free(name);
	}
	ks_buf_free(&text);
	return err;
}

struct ks_error *ks_pack_write(struct ks_manifest *m, const char *dir, const char *tarball)
{
	char *temp = ks_asprintf("%s.tmp.%d", tarball, getpid());
	struct archive *a = archive_write_new();
	struct ks_strv names = { 0 };
	struct ks_error *err = list_files(dir, "", 0, &names);

	ks_strv_sort(&names);
	archive_write_set_format_ustar(a);
	archive_write_add_filter_gzip(a);
	archive_write_set_filter_option(a, "gzip", "timestamp", NULL);
	if (!err && archive_write_open_filename(a, temp) != ARCHIVE_OK)
		err = archive_failed(a, temp);
	if (!err)
		err = add_all(a, m, dir, &names, tarball);
	if (!err && archive_write_close(a) != ARCHIVE_OK)
		err = archive_failed(a, temp);
	archive_write_free(a);
	if (!err && rename(temp, tarball))
		err = ks_error_errno(errno, "cannot rename %s", temp);
	if (err)
		unlink(temp);
	ks_strv_free(&names);
	free(temp);
	return err;
}

/* "ksplice-ID/a" or "ksplice-ID/core/a", each part harmless: returns what follows the top, or NULL. */
static const char *inner_name(const char *name, size_t *top_len)
{
	const char *slash = strchr(name, '/');
	int parts = 0;

	if (!slash || slash == name || name[0] == '.')
		return NULL;
	*top_len = slash - name;
	for (const char *p = slash + 1; *p;) {
		size_t len = strcspn(p, "/");

		if (!len || p[0] == '.' || ++parts > MAX_DEPTH)
			return NULL;
		for (size_t i = 0; i < len; i++)
			if ((unsigned char)p[i] <= ' ' || (unsigned char)p[i] >= 127 || p[i] == '\\')
				return NULL;
		p += len;
		if (*p == '/' && !*++p)
			return NULL;
	}
	return slash + 1;
}

struct unpack {
	const char *tarball, *dir;
	struct archive *a;
	char *top; /* the one top directory */
	struct ks_strv names;
	uint64_t total;
};

static struct ks_error *refuse(const struct unpack *u, const char *name, const char *why)
{
	return ks_error_new(KS_E_INPUT, "%s: %s: %s; nothing of this package was used", u->tarball, name, why);
}

static struct ks_error *read_data(struct unpack *u, const char *name, struct ks_buf *data)
{
	char block[65536];
	ssize_t n;

	while ((n = archive_read_data(u->a, block, sizeof(block))) > 0) {
		u->total += n;
		if (data->len + n > KS_PACK_MAX_FILE || u->total > KS_PACK_MAX_TOTAL)
			return refuse(u, name, "the package is larger than any update can be");
		ks_buf_add(data, block, n);
	}
	if (n < 0)
		return ks_error_new(KS_E_INPUT, "%s: %s: %s; the file is cut short or damaged", u->tarball, name,
				    archive_error_string(u->a));
	return NULL;
}

static struct ks_error *write_out(struct unpack *u, const char *inner, const struct ks_buf *data)
{
	char *path = ks_path_join(u->dir, inner), *slash = strrchr(path, '/');
	struct ks_error *err;

	*slash = 0;
	err = ks_dir_make(path);
	*slash = '/';
	if (!err)
		err = ks_file_write(path, data->data ? data->data : "", data->len, 0600);
	free(path);
	return err;
}

static struct ks_error *unpack_entry(struct unpack *u, struct archive_entry *e)
{
	const char *name = archive_entry_pathname(e), *inner;
	struct ks_buf data = { 0 };
	struct ks_error *err;
	size_t top;

	if (!name)
		return refuse(u, "?", "a name that cannot be read");
	if (archive_entry_hardlink(e) || archive_entry_symlink(e))
		return refuse(u, name, "links are not allowed in a package");
	if (archive_entry_filetype(e) == AE_IFDIR)
		return strstr(name, "..") || name[0] == '/' ? refuse(u, name, "a path outside of the package") :
							      NULL;
	if (archive_entry_filetype(e) != AE_IFREG)
		return refuse(u, name, "only files are allowed in a package");
	inner = inner_name(name, &top);
	if (!inner)
		return refuse(u, name, "a path outside of the package");
	if (!u->top)
		u->top = ks_strndup(name, top);
	else if (strncmp(u->top, name, top) || u->top[top])
		return refuse(u, name, "a package has one directory at the top");
	if (ks_strv_has(&u->names, inner))
		return refuse(u, name, "the file is there twice");
	if (u->names.len >= KS_PACK_MAX_FILES)
		return refuse(u, name, "more files than any update can have");
	ks_strv_add(&u->names, inner);
	err = read_data(u, name, &data);
	if (!err)
		err = write_out(u, inner, &data);
	ks_buf_free(&data);
	return err;
}

static struct ks_error *unpack(struct unpack *u)
{
	struct archive_entry *e;
	int r;

	archive_read_support_filter_gzip(u->a);
	archive_read_support_format_tar(u->a);
	if (archive_read_open_filename(u->a, u->tarball, 65536) != ARCHIVE_OK)
		return ks_error_new(KS_E_INPUT, "%s: %s; it is no ksplice update", u->tarball,
				    archive_error_string(u->a));
	while ((r = archive_read_next_header(u->a, &e)) == ARCHIVE_OK || r == ARCHIVE_WARN) {
		struct ks_error *err = unpack_entry(u, e);

		if (err)
			return err;
		if (ks_interrupted())
			return ks_interrupted_error();
	}
	if (r != ARCHIVE_EOF)
		return ks_error_new(KS_E_INPUT, "%s: %s; the file is cut short, damaged, or no ksplice update",
				    u->tarball, archive_error_string(u->a));
	if (archive_filter_code(u->a, 0) != ARCHIVE_FILTER_GZIP)
		return ks_error_new(KS_E_INPUT, "%s: not compressed with gzip; it is no ksplice update", u->tarball);
	if (!u->names.len)
		return ks_error_new(KS_E_INPUT, "%s: it is empty; it is no ksplice update", u->tarball);
	return NULL;
}

static struct ks_error *check_file(const struct ks_pack *p, const char *path, const struct ks_manifest_file *f)
{
	char *full = ks_pack_file(p, f->name), sum[65];
	struct ks_buf data = { 0 };
	struct ks_error *err = NULL;
	size_t top;
	char *as_entry = ks_asprintf("x/%s", f->name);

	if (!inner_name(as_entry, &top))
		err = ks_error_new(KS_E_INPUT, "%s: the manifest lists \"%s\", a path outside of the package", path,
				   f->name);
	else if (!ks_file_exists(full))
		err = ks_error_new(KS_E_INPUT, "%s: %s is missing", path, f->name);
	else
		err = ks_file_read(full, KS_PACK_MAX_FILE, &data);
	if (!err) {
		sha256(data.data, data.len, sum);
		if (data.len != f->size || strcmp(sum, f->sha256))
			err = ks_error_new(KS_E_INPUT,
					   "%s: %s is not the file that the manifest lists: it has been changed",
					   path, f->name);
	}
	ks_buf_free(&data);
	free(as_entry);
	free(full);
	return err;
}

static struct ks_error *check_files(const struct ks_pack *p, const char *path)
{
	struct ks_strv names = { 0 };
	struct ks_error *err = list_files(p->dir, "", 0, &names);

	for (size_t i = 0; !err && i < p->manifest.files.len; i++)
		err = check_file(p, path, &p->manifest.files.v[i]);
	for (size_t i = 0; !err && i < names.len; i++) {
		bool listed = !strcmp(names.v[i], MANIFEST);

		ks_vec_for(&p->manifest.files, f)
			listed |= !strcmp(f->name, names.v[i]);
		if (!listed)
			err = ks_error_new(KS_E_INPUT, "%s: %s is not in the manifest", path, names.v[i]);
	}
	ks_strv_free(&names);
	return err;
}

static struct ks_error *check_pack(struct ks_pack *p, const char *path, const char *top)
{
	char *file = ks_path_join(p->dir, MANIFEST);
	struct ks_buf text = { 0 };
	struct ks_error *err;

	if (!ks_file_exists(file))
		err = ks_error_new(KS_E_INPUT, "%s: there is no " MANIFEST "; it is no ksplice update", path);
	else
		err = ks_file_read(file, 4u << 20, &text);
	if (!err)
		err = ks_error_prefix(ks_manifest_read(text.data, text.len, &p->manifest), "%s", path);
	if (!err && top) {
		char *want = ks_asprintf("ksplice-%s", p->manifest.id);

		if (strcmp(want, top))
			err = ks_error_new(KS_E_INPUT, "%s: its directory is %s, but its id is %s", path, top,
					   p->manifest.id);
		free(want);
	}
	if (!err)
		err = check_files(p, path);
	free(file);
	ks_buf_free(&text);
	return err;
}

struct ks_error *ks_pack_open(const char *path, struct ks_pack **result)
{
	struct ks_pack *p = ks_alloc(sizeof(*p));
	struct unpack u = { .tarball = path };
	struct ks_error *err = NULL;
	struct stat st;

	if (stat(path, &st))
		err = ks_error_errno(errno, "%s", path);
	else if (S_ISDIR(st.st_mode))
		p->dir = ks_strdup(path);
	else if (!(err = ks_dir_temp("ksplice", &p->temp))) {
		p->dir = ks_strdup(p->temp);
		u.dir = p->dir;
		u.a = archive_read_new();
		err = unpack(&u);
		archive_read_free(u.a);
	}
	if (!err)
		err = check_pack(p, path, u.top);
	free(u.top);
	ks_strv_free(&u.names);
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
	if (p->temp)
		ks_error_free(ks_dir_remove(p->temp));
	free(p->temp);
	free(p->dir);
	free(p);
}

char *ks_pack_file(const struct ks_pack *p, const char *name)
{
	return ks_path_join(p->dir, name);
}
