// SPDX-License-Identifier: GPL-2.0-only
/* The manifest as JSON, through jansson; see manifest.h. */
#include "pack/manifest.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

bool ks_id_valid(const char *id)
{
	size_t len = strlen(id);

	return len && len <= 32 && strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789") == len;
}

/* SOURCE_DATE_EPOCH makes packages reproducible (reproducible-builds.org). */
static time_t creation_time(void)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");

	return epoch && *epoch ? (time_t)strtoll(epoch, NULL, 10) : time(NULL);
}

void ks_manifest_init(struct ks_manifest *m, const char *id, const char *description)
{
	time_t now = creation_time();
	struct utsname u;
	char text[32];
	struct tm tm;

	m->id = ks_strdup(id);
	m->description = ks_strdup(description);
	m->core_abi = KSPLICE_CORE_ABI;
	m->arch = ks_strdup(uname(&u) ? "" : u.machine);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	m->created = ks_strdup(text);
}

void ks_manifest_set_kernel(struct ks_manifest *m, const char *release, const char *version)
{
	m->release = ks_strdup(release);
	m->version = ks_strdup(version ? version : "");
}

struct ks_manifest_unit *ks_manifest_add_unit(struct ks_manifest *m, const char *path, const char *target)
{
	struct ks_manifest_unit *u = ks_vec_push(&m->units);

	u->path = ks_strdup(path);
	u->target = ks_strdup(target);
	return u;
}

void ks_manifest_clear(struct ks_manifest *m)
{
	free(m->id);
	free(m->description);
	free(m->release);
	free(m->version);
	free(m->arch);
	free(m->created);
	ks_strv_free(&m->targets);
	ks_vec_for(&m->units, u) {
		free(u->path);
		free(u->target);
		ks_strv_free(&u->replaced);
		ks_strv_free(&u->added);
		ks_strv_free(&u->removed);
	}
	ks_vec_free(&m->units);
	ks_vec_for(&m->files, f)
		free(f->name);
	ks_vec_free(&m->files);
	memset(m, 0, sizeof(*m));
}

static json_t *names_to_json(const struct ks_strv *names)
{
	json_t *list = json_array();

	for (size_t i = 0; i < names->len; i++)
		json_array_append_new(list, json_string(names->v[i]));
	return list;
}

struct ks_error *ks_manifest_write(const struct ks_manifest *m, struct ks_buf *out)
{
	json_t *units = json_array(), *files = json_array(), *root;
	char *text;

	ks_vec_for(&m->units, u)
		json_array_append_new(units, json_pack("{s:s, s:s, s:o, s:o, s:o}", "path", u->path,
						       "target", u->target, "replaced",
						       names_to_json(&u->replaced), "added",
						       names_to_json(&u->added), "removed",
						       names_to_json(&u->removed)));
	ks_vec_for(&m->files, f)
		json_array_append_new(files, json_pack("{s:s, s:I, s:s}", "name", f->name, "size",
						       (json_int_t)f->size, "sha256", f->sha256));
	root = json_pack("{s:i, s:s, s:s, s:{s:s, s:s, s:s}, s:i, s:s, s:b, s:o, s:o, s:o}", "format",
			 KSPLICE_PACKAGE_FORMAT, "id", m->id, "description", m->description, "kernel",
			 "release", m->release, "version", m->version, "arch", m->arch, "core_abi",
			 m->core_abi, "created", m->created, "pinned", m->pinned, "targets",
			 names_to_json(&m->targets), "units", units, "files", files);
	if (!root)
		return ks_error_new(KS_E_FAILED, "the manifest cannot be written as JSON: is all of it UTF-8?");
	text = json_dumps(root, JSON_INDENT(2));
	json_decref(root);
	if (!text)
		return ks_error_nomem();
	ks_buf_adds(out, text);
	ks_buf_adds(out, "\n");
	free(text);
	return NULL;
}

/* Readers: the first error stays, later calls do nothing. */
static json_t *member(json_t *object, const char *name, json_type type, struct ks_error **err)
{
	json_t *value = json_object_get(object, name);

	if (*err)
		return NULL;
	if (!value)
		*err = ks_error_new(KS_E_INPUT, "manifest: there is no \"%s\"", name);
	else if (json_typeof(value) != type &&
		 !(type == JSON_TRUE && json_typeof(value) == JSON_FALSE))
		*err = ks_error_new(KS_E_INPUT, "manifest: \"%s\" has the wrong type", name);
	return *err ? NULL : value;
}

static char *read_string(json_t *object, const char *name, struct ks_error **err)
{
	json_t *value = member(object, name, JSON_STRING, err);

	if (!value)
		return NULL;
	if (strlen(json_string_value(value)) != json_string_length(value)) {
		*err = ks_error_new(KS_E_INPUT, "manifest: \"%s\" holds a NUL", name);
		return NULL;
	}
	return ks_strdup(json_string_value(value));
}

static json_int_t read_integer(json_t *object, const char *name, struct ks_error **err)
{
	json_t *value = member(object, name, JSON_INTEGER, err);

	return value ? json_integer_value(value) : 0;
}

static void read_names(json_t *object, const char *name, struct ks_strv *out, struct ks_error **err)
{
	json_t *list = member(object, name, JSON_ARRAY, err), *item;
	size_t i;

	json_array_foreach(list, i, item) {
		if (!json_is_string(item)) {
			*err = ks_error_new(KS_E_INPUT, "manifest: \"%s\" holds something that is no text", name);
			return;
		}
		ks_strv_add(out, json_string_value(item));
	}
}

static void read_units(json_t *root, struct ks_manifest *m, struct ks_error **err)
{
	json_t *list = member(root, "units", JSON_ARRAY, err), *item;
	size_t i;

	json_array_foreach(list, i, item) {
		struct ks_manifest_unit *u;

		if (*err)
			return;
		u = ks_vec_push(&m->units);
		u->path = read_string(item, "path", err);
		u->target = read_string(item, "target", err);
		read_names(item, "replaced", &u->replaced, err);
		read_names(item, "added", &u->added, err);
		read_names(item, "removed", &u->removed, err);
	}
}

static void read_files(json_t *root, struct ks_manifest *m, struct ks_error **err)
{
	json_t *list = member(root, "files", JSON_ARRAY, err), *item;
	size_t i;

	json_array_foreach(list, i, item) {
		struct ks_manifest_file *f;
		json_int_t size;
		char *sum;

		if (*err)
			return;
		f = ks_vec_push(&m->files);
		f->name = read_string(item, "name", err);
		size = read_integer(item, "size", err);
		sum = read_string(item, "sha256", err);
		if (!*err && size < 0)
			*err = ks_error_new(KS_E_INPUT, "manifest: %s: its size is negative", f->name);
		if (!*err && (strlen(sum) != 64 || strspn(sum, "0123456789abcdef") != 64))
			*err = ks_error_new(KS_E_INPUT, "manifest: %s: its sha256 is not 64 hexadecimal digits",
					    f->name);
		f->size = size;
		if (!*err)
			memcpy(f->sha256, sum, 65);
		free(sum);
	}
}

struct ks_error *ks_manifest_read(const char *text, size_t len, struct ks_manifest *m)
{
	struct ks_error *err = NULL;
	json_error_t where;
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where), *kernel, *value;
	json_int_t format;

	if (!root || !json_is_object(root)) {
		json_decref(root);
		return ks_error_new(KS_E_INPUT, "manifest: line %d: %s", root ? 1 : where.line,
				    root ? "no JSON object" : where.text);
	}
	format = read_integer(root, "format", &err);
	if (!err && format != KSPLICE_PACKAGE_FORMAT)
		err = ks_error_new(KS_E_INPUT,
				   "the package has format %lld; this version of ksplice knows format %d",
				   (long long)format, KSPLICE_PACKAGE_FORMAT);
	m->id = read_string(root, "id", &err);
	if (!err && !ks_id_valid(m->id))
		err = ks_error_new(KS_E_INPUT, "manifest: the id is not 1 to 32 characters of a-z0-9");
	m->description = read_string(root, "description", &err);
	kernel = member(root, "kernel", JSON_OBJECT, &err);
	m->release = read_string(kernel, "release", &err);
	m->version = read_string(kernel, "version", &err);
	m->arch = read_string(kernel, "arch", &err);
	m->core_abi = read_integer(root, "core_abi", &err);
	m->created = read_string(root, "created", &err);
	value = member(root, "pinned", JSON_TRUE, &err);
	m->pinned = json_is_true(value);
	read_names(root, "targets", &m->targets, &err);
	read_units(root, m, &err);
	read_files(root, m, &err);
	json_decref(root);
	if (err)
		ks_manifest_clear(m);
	return err;
}
