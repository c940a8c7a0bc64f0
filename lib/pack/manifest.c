// SPDX-License-Identifier: GPL-2.0-only
/* The manifest of a package: its members, and its JSON through jansson; see manifest.h. */
#include "pack/manifest.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"

#define MAX_DEPTH 2 /* a name has at most that many parts */
#define MAX_NAME 100

bool ks_id_valid(const char *id)
{
	size_t len = strlen(id);

	return len && len <= 32 && strspn(id, KS_LOWER KS_DIGITS) == len;
}

const char *ks_pack_name_problem(const char *name)
{
	int parts = 0;

	if (!*name)
		return "an empty name";
	if (*name == '/')
		return "an absolute path";
	if (strlen(name) > MAX_NAME)
		return "a name that is too long";
	for (const char *p = name; *p;) {
		size_t len = strcspn(p, "/");

		if (!len)
			return "a path with an empty part";
		if (len == 2 && !strncmp(p, "..", 2))
			return "a path that leads out of the package";
		if (*p == '.')
			return "a path with a part that starts with a dot";
		if (strspn(p, KS_ALNUM "._+-") < len)
			return "a name with characters other than letters, digits and ._+-";
		if (++parts > MAX_DEPTH)
			return "a path that is too deep";
		p += len;
		if (*p == '/' && !*++p)
			return "a path with an empty part";
	}
	return NULL;
}

/*
 * SOURCE_DATE_EPOCH makes packages reproducible (reproducible-builds.org);
 * NULL where it is no time.
 */
static char *creation_time(void)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	time_t now = time(NULL);
	char text[64], *end;
	struct tm tm;

	if (epoch && *epoch) {
		now = strtoll(epoch, &end, 10);
		if (*end || now < 0)
			return NULL;
	}
	/* Years of more than four digits are not what readers expect. */
	if (!gmtime_r(&now, &tm) || tm.tm_year > 9999 - 1900)
		return NULL;
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return ks_strdup(text);
}

void ks_manifest_init(struct ks_manifest *m, const char *id, const char *description)
{
	m->id = ks_strdup(id);
	m->description = ks_strdup(description);
	m->core_abi = KSPLICE_CORE_ABI;
	m->arch = ks_strdup("x86_64");
	m->created = creation_time();
	m->compiler = ks_strdup("");
	m->core_file = ks_strdup("core/ksplice.ko");
	m->old_file = ks_asprintf("ksplice_%s_old.ko", id);
	m->new_file = ks_asprintf("ksplice_%s_new.ko", id);
}

static void set(char **member, const char *value)
{
	free(*member);
	*member = ks_strdup(value ? value : "");
}

void ks_manifest_set_kernel(struct ks_manifest *m, const char *release, const char *version)
{
	set(&m->release, release);
	set(&m->version, version);
}

void ks_manifest_set_compiler(struct ks_manifest *m, const char *version_line)
{
	set(&m->compiler, version_line);
}

struct ks_manifest_unit *ks_manifest_add_unit(struct ks_manifest *m, const char *path,
					      const char *target)
{
	struct ks_manifest_unit *u = ks_vec_push(&m->units);

	u->path = ks_strdup(path);
	u->target = ks_strdup(target);
	return u;
}

void ks_manifest_add_whole(struct ks_manifest *m, const char *target, const char *file,
			   const char *build_id)
{
	struct ks_manifest_whole *w = ks_vec_push(&m->whole);

	w->target = ks_strdup(target);
	w->file = ks_strdup(file);
	w->build_id = ks_strdup(build_id);
}

void ks_manifest_add_skipped(struct ks_manifest_unit *u, const char *skipped)
{
	struct ks_manifest_skip *s = ks_vec_push(&u->skipped);
	const char *colon = strstr(skipped, ": ");

	s->name = colon ? ks_strndup(skipped, colon - skipped) : ks_strdup(skipped);
	s->reason = ks_strdup(colon ? colon + 2 : "");
}

void ks_manifest_clear(struct ks_manifest *m)
{
	free(m->id);
	free(m->description);
	free(m->release);
	free(m->version);
	free(m->arch);
	free(m->created);
	free(m->compiler);
	free(m->core_file);
	free(m->old_file);
	free(m->new_file);
	ks_strv_free(&m->targets);
	ks_strv_free(&m->needs);
	ks_strv_free(&m->layouts);
	ks_strv_free(&m->extended);
	ks_vec_for(&m->whole, w) {
		free(w->target);
		free(w->file);
		free(w->build_id);
	}
	ks_vec_free(&m->whole);
	ks_vec_for(&m->units, u) {
		free(u->path);
		free(u->target);
		ks_strv_free(&u->replaced);
		ks_strv_free(&u->added);
		ks_strv_free(&u->removed);
		ks_strv_free(&u->changed);
		ks_vec_for(&u->skipped, s) {
			free(s->name);
			free(s->reason);
		}
		ks_vec_free(&u->skipped);
	}
	ks_vec_free(&m->units);
	ks_vec_for(&m->files, f)
		free(f->name);
	ks_vec_free(&m->files);
	memset(m, 0, sizeof(*m));
}

const struct ks_manifest_file *ks_manifest_find_file(const struct ks_manifest *m, const char *name)
{
	ks_vec_for(&m->files, f)
		if (!strcmp(f->name, name))
			return f;
	return NULL;
}

static json_t *unit_to_json(const struct ks_manifest_unit *u)
{
	json_t *skipped = json_array();

	ks_vec_for(&u->skipped, s)
		ks_json_append(&skipped, json_pack("{s:s, s:s}", "name", s->name, "reason", s->reason));
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "path", u->path, "target", u->target,
			 "replaced", ks_json_list(&u->replaced), "added",
			 ks_json_list(&u->added), "removed", ks_json_list(&u->removed),
			 "changed", ks_json_list(&u->changed), "skipped", skipped);
}

static json_t *manifest_to_json(const struct ks_manifest *m)
{
	json_t *units = json_array(), *files = json_array(), *whole = json_array();

	ks_vec_for(&m->whole, w)
		ks_json_append(&whole, json_pack("{s:s, s:s, s:s}", "target", w->target, "file", w->file, "build_id",
					 w->build_id));
	ks_vec_for(&m->units, u)
		ks_json_append(&units, unit_to_json(u));
	ks_vec_for(&m->files, f)
		ks_json_append(&files, json_pack("{s:s, s:I, s:s}", "name", f->name, "size",
					 (json_int_t)f->size, "sha256", f->sha256));
	return json_pack("{s:i, s:s, s:s, s:{s:s, s:s, s:s}, s:i, s:s, s:s, s:b, s:b, s:b, "
			 "s:{s:s, s:s, s:s}, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "format", KSPLICE_PACKAGE_FORMAT, "id", m->id, "description",
			 m->description, "kernel", "release", m->release, "version", m->version,
			 "arch", m->arch, "core_abi", m->core_abi, "created", m->created,
			 "compiler", m->compiler, "pinned", m->pinned, "series", m->series, "replace", m->replace, "modules", "core",
			 m->core_file, "old", m->old_file, "new", m->new_file, "targets",
			 ks_json_list(&m->targets), "needs", ks_json_list(&m->needs), "layouts",
			 ks_json_list(&m->layouts), "extended", ks_json_list(&m->extended),
			 "units", units, "whole", whole, "files", files);
}

struct ks_error *ks_manifest_write(const struct ks_manifest *m, struct ks_buf *out)
{
	struct ks_manifest check = { 0 };
	struct ks_error *err;
	json_t *root;
	char *text;

	if (!m->created)
		return ks_error_new(KS_E_USAGE, "SOURCE_DATE_EPOCH is no number of seconds");
	if (!m->release)
		return ks_error_new(KS_E_FAILED, "update %s: its kernel is not known", m->id);
	root = manifest_to_json(m);
	if (!root)
		return ks_error_new(KS_E_INPUT, "update %s: its description, or a name in it, is no UTF-8",
				    m->id);
	text = json_dumps(root, JSON_INDENT(2));
	json_decref(root);
	if (!text)
		return ks_error_nomem();
	err = ks_manifest_read(text, strlen(text), &check);
	if (!err) {
		ks_buf_adds(out, text);
		ks_buf_adds(out, "\n");
	}
	ks_manifest_clear(&check);
	free(text);
	return err;
}

static void read_module_names(struct ks_json *r, json_t *root, const char *name, struct ks_strv *out)
{
	ks_json_names(r, root, name, out);
	for (size_t i = 0; !r->err && i < out->len; i++) {
		size_t len = strlen(out->v[i]);

		if (!len || len > 55 || strspn(out->v[i], KS_ALNUM "_-") != len || *out->v[i] == '-')
			ks_json_complain(r, "\"%s\" is no name of a module", out->v[i]);
	}
}

/* Behind the targets and the files, which it refers to. */
static void read_whole(struct ks_json *r, json_t *root, struct ks_manifest *m)
{
	json_t *list = ks_json_member(r, root, "whole", JSON_ARRAY), *item;
	size_t i;

	json_array_foreach(list, i, item) {
		struct ks_manifest_whole *w = ks_vec_push(&m->whole);

		snprintf(r->where, sizeof(r->where), "whole[%zu]: ", i);
		w->target = ks_json_string(r, item, "target");
		w->file = ks_json_string(r, item, "file");
		w->build_id = ks_json_string(r, item, "build_id");
		if (!r->err && (!ks_strv_has(&m->targets, w->target) || !strcmp(w->target, "vmlinux")))
			ks_json_complain(r, "\"%s\" is no module among the targets", w->target);
		if (!r->err && strspn(w->build_id, "0123456789abcdef") != strlen(w->build_id))
			ks_json_complain(r, "\"build_id\" is no hexadecimal number");
		if (!r->err && !ks_manifest_find_file(m, w->file))
			ks_json_complain(r, "\"%s\" is not among the files", w->file);
		if (r->err)
			return;
	}
	r->where[0] = 0;
}

static void read_skipped(struct ks_json *r, json_t *object, struct ks_manifest_unit *u)
{
	json_t *list = ks_json_member(r, object, "skipped", JSON_ARRAY), *item;
	size_t i;

	json_array_foreach(list, i, item) {
		struct ks_manifest_skip *s = ks_vec_push(&u->skipped);

		s->name = ks_json_string(r, item, "name");
		s->reason = ks_json_string(r, item, "reason");
	}
}

static void read_units(struct ks_json *r, json_t *root, struct ks_manifest *m)
{
	json_t *list = ks_json_member(r, root, "units", JSON_ARRAY), *item;
	size_t i;

	json_array_foreach(list, i, item) {
		struct ks_manifest_unit *u = ks_vec_push(&m->units);

		snprintf(r->where, sizeof(r->where), "units[%zu]: ", i);
		u->path = ks_json_string(r, item, "path");
		u->target = ks_json_string(r, item, "target");
		ks_json_names(r, item, "replaced", &u->replaced);
		ks_json_names(r, item, "added", &u->added);
		ks_json_names(r, item, "removed", &u->removed);
		ks_json_names(r, item, "changed", &u->changed);
		read_skipped(r, item, u);
		if (!r->err && !ks_strv_has(&m->targets, u->target))
			ks_json_complain(r, "\"%s\" is not among the targets", u->target);
		if (r->err)
			return;
	}
	r->where[0] = 0;
}

static void read_files(struct ks_json *r, json_t *root, struct ks_manifest *m)
{
	json_t *list = ks_json_member(r, root, "files", JSON_ARRAY), *item;
	size_t i;

	json_array_foreach(list, i, item) {
		struct ks_manifest_file f = { 0 };
		const char *problem;

		snprintf(r->where, sizeof(r->where), "files[%zu]: ", i);
		f.name = ks_json_string(r, item, "name");
		f.size = ks_json_integer(r, item, "size", LLONG_MAX);
		ks_json_sha256(r, item, "sha256", f.sha256);
		problem = f.name ? ks_pack_name_problem(f.name) : NULL;
		if (!r->err && problem)
			ks_json_complain(r, "\"%s\" is %s", f.name, problem);
		if (!r->err && !strcmp(f.name, KS_MANIFEST_NAME))
			ks_json_complain(r, "the manifest cannot list itself");
		if (!r->err && ks_manifest_find_file(m, f.name))
			ks_json_complain(r, "%s is listed twice", f.name);
		if (r->err) {
			free(f.name);
			return;
		}
		*ks_vec_push(&m->files) = f;
	}
	r->where[0] = 0;
}

/*
 * The kernel knows a module by the name inside it, which ksplice-undo derives
 * from the id: a package cannot choose others.
 */
static void read_modules(struct ks_json *r, json_t *root, struct ks_manifest *m)
{
	json_t *modules = ks_json_member(r, root, "modules", JSON_OBJECT);
	char *old = ks_asprintf("ksplice_%s_old.ko", m->id ? m->id : "");
	char *new = ks_asprintf("ksplice_%s_new.ko", m->id ? m->id : "");
	const char *problem;

	m->core_file = ks_json_string(r, modules, "core");
	m->old_file = ks_json_string(r, modules, "old");
	m->new_file = ks_json_string(r, modules, "new");
	problem = m->core_file ? ks_pack_name_problem(m->core_file) : NULL;
	if (!r->err && problem)
		ks_json_complain(r, "modules: \"core\" is %s", problem);
	if (!r->err && strcmp(m->old_file, old))
		ks_json_complain(r, "modules: \"old\" is not %s", old);
	if (!r->err && strcmp(m->new_file, new))
		ks_json_complain(r, "modules: \"new\" is not %s", new);
	free(old);
	free(new);
}

/* 2026-11-23T15:52:46Z */
static void check_created(struct ks_json *r, const char *created)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:ddZ";
	bool good = created && strlen(created) == sizeof(shape) - 1;

	for (size_t i = 0; good && shape[i]; i++)
		good = shape[i] == 'd' ? created[i] >= '0' && created[i] <= '9' :
					 created[i] == shape[i];
	if (!good)
		ks_json_complain(r, "\"created\" is no time like 2026-01-31T12:00:00Z");
}

static void read_members(struct ks_json *r, json_t *root, struct ks_manifest *m)
{
	json_int_t format = ks_json_integer(r, root, "format", INT_MAX);
	json_t *kernel;

	if (!r->err && format != KSPLICE_PACKAGE_FORMAT)
		ks_json_complain(r, "the package has format %lld, this version of ksplice knows format %d: take the ksplice that made it",
			 (long long)format, KSPLICE_PACKAGE_FORMAT);
	m->id = ks_json_string(r, root, "id");
	if (m->id && !ks_id_valid(m->id))
		ks_json_complain(r, "the id \"%s\" is not 1 to 32 characters of a-z0-9", m->id);
	m->description = ks_json_string(r, root, "description");
	if (m->description && strlen(m->description) > KS_DESCRIPTION_MAX)
		ks_json_complain(r, "the description is longer than %d bytes", KS_DESCRIPTION_MAX);
	kernel = ks_json_member(r, root, "kernel", JSON_OBJECT);
	m->release = ks_json_word(r, kernel, "release", KS_ALNUM "._+~-", 64, false);
	m->version = ks_json_word(r, kernel, "version", KS_ALNUM "._+~:-", 128, true);
	m->arch = ks_json_word(r, kernel, "arch", KS_ALNUM "_-", 32, false);
	m->core_abi = ks_json_integer(r, root, "core_abi", INT_MAX);
	m->created = ks_json_string(r, root, "created");
	check_created(r, m->created);
	m->compiler = ks_json_string(r, root, "compiler");
	m->pinned = json_is_true(ks_json_member(r, root, "pinned", JSON_TRUE));
	m->series = json_is_true(ks_json_member(r, root, "series", JSON_TRUE));
	m->replace = json_is_true(ks_json_member(r, root, "replace", JSON_TRUE));
	if (m->series && m->replace)
		ks_json_complain(r, "an update cannot both build on others (\"series\") and replace them");
	read_modules(r, root, m);
	read_module_names(r, root, "targets", &m->targets);
	read_module_names(r, root, "needs", &m->needs);
	ks_json_names(r, root, "layouts", &m->layouts);
	ks_json_names(r, root, "extended", &m->extended);
	read_units(r, root, m);
	read_files(r, root, m);
	read_whole(r, root, m);
}

struct ks_error *ks_manifest_read(const char *text, size_t len, struct ks_manifest *m)
{
	struct ks_json r = { .file = KS_MANIFEST_NAME };
	json_error_t where;
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);

	if (!root)
		return ks_error_new(KS_E_INPUT, KS_MANIFEST_NAME ": line %d: %s", where.line,
				    where.text);
	read_members(&r, root, m);
	json_decref(root);
	if (r.err)
		ks_manifest_clear(m);
	return r.err;
}
