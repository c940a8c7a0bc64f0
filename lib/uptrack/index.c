// SPDX-License-Identifier: GPL-2.0-only
/*
 * The index: its members, and its JSON; see index.h.  All of what comes from a
 * repository is checked here, once.
 */
#include "uptrack/index.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"

bool ks_cve_valid(const char *cve)
{
	size_t year, number;

	if (!ks_str_starts(cve, "CVE-"))
		return false;
	cve += 4;
	year = strspn(cve, KS_DIGITS);
	if (year != 4 || cve[4] != '-')
		return false;
	number = strspn(cve + 5, KS_DIGITS);
	return number >= 4 && number <= 19 && !cve[5 + number];
}

static void clear_update(struct ks_index_update *u)
{
	free(u->id);
	free(u->name);
	free(u->description);
	ks_strv_free(&u->cves);
	ks_strv_free(&u->depends);
	ks_strv_free(&u->targets);
	free(u->release);
	free(u->version);
	free(u->withdrawn);
}

void ks_index_clear(struct ks_index *index)
{
	struct ks_repo_kernel kernel = ks_index_kernel(index);

	ks_repo_kernel_clear(&kernel);
	ks_vec_for(&index->updates, u)
		clear_update(u);
	ks_vec_free(&index->updates);
	ks_vec_for(&index->alerts, a)
		free(a->text);
	ks_vec_free(&index->alerts);
	free(index->retired);
	memset(index, 0, sizeof(*index));
}

struct ks_repo_kernel ks_index_kernel(const struct ks_index *index)
{
	return (struct ks_repo_kernel){ index->distribution, index->arch, index->release, index->version };
}

struct ks_index_update *ks_index_find(const struct ks_index *index, const char *id)
{
	ks_vec_for(&index->updates, u)
		if (u->id && !strcmp(u->id, id))
			return u;
	return NULL;
}

struct ks_index_update *ks_index_add(struct ks_index *index)
{
	return ks_vec_push(&index->updates);
}

struct ks_error *ks_index_check_pack(const struct ks_index *index, const struct ks_index_update *u,
				     const struct ks_manifest *m)
{
	if (strcmp(m->id, u->id))
		return ks_error_new(KS_E_INPUT, "the tarball of update %s holds the update %s", u->id, m->id);
	if (strcmp(m->release, index->release) || strcmp(m->version, index->version) ||
	    strcmp(ks_repo_arch(m->arch), index->arch))
		return ks_error_new(KS_E_INPUT,
				    "update %s is for the kernel %s (%s, %s), the index for %s (%s, %s)", u->id,
				    m->release, m->version, ks_repo_arch(m->arch), index->release,
				    index->version, index->arch);
	for (size_t i = 0; i < m->targets.len; i++)
		if (!ks_strv_has(&u->targets, m->targets.v[i]))
			return ks_error_new(KS_E_INPUT, "update %s patches %s, which the index does not say",
					    u->id, m->targets.v[i]);
	return NULL;
}

/* Writing. */

static json_t *update_to_json(const struct ks_index_update *u)
{
	json_t *json = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:I, s:s, s:{s:s, s:s}}", "id", u->id,
				 "name", u->name, "description", u->description, "cves",
				 ks_json_list(&u->cves), "depends", ks_json_list(&u->depends), "targets",
				 ks_json_list(&u->targets), "size", (json_int_t)u->size, "sha256", u->sha256,
				 "effective", "release", u->release, "version", u->version);

	if (json && u->withdrawn && json_object_set_new(json, "withdrawn", json_string(u->withdrawn))) {
		json_decref(json);
		return NULL;
	}
	return json;
}

static json_t *next_key_to_json(const struct ks_index *index)
{
	char line[57];

	if (!index->has_next_key)
		return NULL;
	ks_public_key_line(&index->next_key, line);
	return json_string(line);
}

static json_t *index_to_json(const struct ks_index *index)
{
	json_t *updates = json_array(), *alerts = json_array(), *root;

	ks_vec_for(&index->updates, u)
		ks_json_append(&updates, update_to_json(u));
	ks_vec_for(&index->alerts, a)
		ks_json_append(&alerts, json_pack("{s:I, s:s}", "date", (json_int_t)a->date, "text", a->text));
	root = json_pack("{s:i, s:I, s:{s:s, s:s, s:s, s:s}, s:I, s:I, s:I, s:I, s:o, s:o, s:o*}", "format",
			 KS_INDEX_FORMAT, "client", (json_int_t)index->client, "kernel", "distribution",
			 index->distribution, "arch", index->arch, "release", index->release, "version",
			 index->version, "serial", (json_int_t)index->serial, "created",
			 (json_int_t)index->created, "expires", (json_int_t)index->expires, "poll",
			 (json_int_t)index->poll, "updates", updates, "alerts", alerts, "next_key",
			 next_key_to_json(index));
	if (root && index->retired &&
	    json_object_set_new(root, "retired", json_pack("{s:I, s:s}", "date",
							   (json_int_t)index->retired_date, "text",
							   index->retired))) {
		json_decref(root);
		return NULL;
	}
	return root;
}

struct ks_error *ks_index_write(const struct ks_index *index, struct ks_buf *out)
{
	struct ks_index check = { 0 };
	json_t *root = index_to_json(index);
	struct ks_error *err;
	char *text;

	if (!root)
		return ks_error_new(KS_E_INPUT, "index of %s: a text in it is no UTF-8", index->release);
	text = json_dumps(root, JSON_INDENT(1));
	json_decref(root);
	if (!text)
		return ks_error_nomem();
	err = ks_index_parse(text, strlen(text), &check);
	/* Who writes an index may be older than who reads it. */
	if (err && ks_error_code(err) == KS_E_OUTDATED) {
		ks_error_free(err);
		err = NULL;
	}
	if (!err)
		ks_buf_addf(out, "%s\n", text);
	ks_index_clear(&check);
	free(text);
	return err;
}

/* Reading. */

static void check_names(struct ks_json *r, const struct ks_strv *names, const char *what,
			bool (*valid)(const char *name))
{
	if (names->len > KS_INDEX_NAMES)
		ks_json_complain(r, "\"%s\" has more than %d members", what, KS_INDEX_NAMES);
	for (size_t i = 0; !r->err && i < names->len; i++) {
		if (!valid(names->v[i]))
			ks_json_complain(r, "\"%s\" is not valid in \"%s\"", names->v[i], what);
		for (size_t k = 0; k < i && !r->err; k++)
			if (!strcmp(names->v[i], names->v[k]))
				ks_json_complain(r, "%s is twice in \"%s\"", names->v[i], what);
	}
}

/* vmlinux and names of modules, as in a manifest */
static bool target_valid(const char *name)
{
	size_t len = strlen(name);

	return len && len <= 55 && strspn(name, KS_ALNUM "_-") == len && *name != '-';
}

static void read_effective(struct ks_json *r, json_t *item, struct ks_index_update *u)
{
	json_t *effective = ks_json_member(r, item, "effective", JSON_OBJECT);

	u->release = ks_json_word(r, effective, "release", KS_ALNUM "._+~-", KS_REPO_RELEASE_MAX, false);
	u->version = ks_json_word(r, effective, "version", KS_ALNUM "._+~:-", KS_REPO_VERSION_MAX, false);
}

/* Of the updates before it in the list, that is. */
static void check_place(struct ks_json *r, const struct ks_index *index, const struct ks_index_update *u)
{
	for (const struct ks_index_update *v = index->updates.v; !r->err && v != u; v++) {
		if (!strcmp(v->id, u->id))
			ks_json_complain(r, "the update %s is listed twice", u->id);
		else if (!strcmp(v->sha256, u->sha256))
			ks_json_complain(r, "the tarball of %s is that of %s", u->id, v->id);
	}
	for (size_t i = 0; !r->err && i < u->depends.len; i++) {
		const struct ks_index_update *on = ks_index_find(index, u->depends.v[i]);

		if (!on || on >= u)
			ks_json_complain(r, "%s depends on %s, which is not before it", u->id, u->depends.v[i]);
		else if (on->withdrawn && !u->withdrawn)
			ks_json_complain(r, "%s depends on %s, which is withdrawn", u->id, u->depends.v[i]);
	}
}

static void read_update(struct ks_json *r, json_t *item, struct ks_index *index)
{
	struct ks_index_update *u = ks_index_add(index);

	u->id = ks_json_string(r, item, "id");
	if (u->id && !ks_id_valid(u->id))
		ks_json_complain(r, "the id \"%s\" is not 1 to 32 characters of a-z0-9", u->id);
	u->name = ks_json_text(r, item, "name", KS_INDEX_NAME_MAX);
	if (u->name && !*u->name)
		ks_json_complain(r, "the name is empty");
	u->description = ks_json_text(r, item, "description", KS_INDEX_TEXT_MAX);
	ks_json_names(r, item, "cves", &u->cves);
	check_names(r, &u->cves, "cves", ks_cve_valid);
	ks_json_names(r, item, "depends", &u->depends);
	check_names(r, &u->depends, "depends", ks_id_valid);
	ks_json_names(r, item, "targets", &u->targets);
	check_names(r, &u->targets, "targets", target_valid);
	u->size = ks_json_integer(r, item, "size", KS_INDEX_TARBALL_MAX);
	if (!r->err && !u->size)
		ks_json_complain(r, "\"size\" is 0");
	ks_json_sha256(r, item, "sha256", u->sha256);
	read_effective(r, item, u);
	if (ks_json_optional(r, item, "withdrawn", JSON_STRING))
		u->withdrawn = ks_json_text(r, item, "withdrawn", KS_INDEX_TEXT_MAX);
	if (!r->err)
		check_place(r, index, u);
}

static void read_updates(struct ks_json *r, json_t *root, struct ks_index *index)
{
	json_t *list = ks_json_member(r, root, "updates", JSON_ARRAY), *item;
	size_t i;

	if (json_array_size(list) > KS_INDEX_UPDATES)
		ks_json_complain(r, "there are more than %d updates", KS_INDEX_UPDATES);
	json_array_foreach(list, i, item) {
		if (r->err)
			return;
		snprintf(r->where, sizeof(r->where), "updates[%zu]: ", i);
		read_update(r, item, index);
	}
	r->where[0] = 0;
}

static void read_alerts(struct ks_json *r, json_t *root, struct ks_index *index)
{
	json_t *list = ks_json_member(r, root, "alerts", JSON_ARRAY), *item;
	size_t i;

	if (json_array_size(list) > KS_INDEX_ALERTS)
		ks_json_complain(r, "there are more than %d alerts", KS_INDEX_ALERTS);
	json_array_foreach(list, i, item) {
		struct ks_index_alert *a;

		if (r->err)
			return;
		a = ks_vec_push(&index->alerts);
		snprintf(r->where, sizeof(r->where), "alerts[%zu]: ", i);
		a->date = ks_json_integer(r, item, "date", KS_INDEX_TIME_MAX);
		a->text = ks_json_text(r, item, "text", KS_INDEX_TEXT_MAX);
	}
	r->where[0] = 0;
}

static void read_next_key(struct ks_json *r, json_t *root, struct ks_index *index)
{
	char *line;

	if (!ks_json_optional(r, root, "next_key", JSON_STRING))
		return;
	line = ks_json_text(r, root, "next_key", KS_KEY_MAX);
	if (line && !r->err) {
		struct ks_error *err = ks_public_key_parse(line, strlen(line), &index->next_key);

		if (err)
			ks_json_complain(r, "\"next_key\": %s", ks_error_message(err));
		ks_error_free(err);
		index->has_next_key = true;
	}
	free(line);
}

static void read_kernel(struct ks_json *r, json_t *root, struct ks_index *index)
{
	json_t *kernel = ks_json_member(r, root, "kernel", JSON_OBJECT);

	index->distribution = ks_json_word(r, kernel, "distribution", KS_ALNUM "._+~:-", KS_REPO_WORD_MAX,
					   false);
	index->arch = ks_json_word(r, kernel, "arch", KS_ALNUM "._+~:-", KS_REPO_WORD_MAX, false);
	index->release = ks_json_word(r, kernel, "release", KS_ALNUM "._+~:-", KS_REPO_RELEASE_MAX, false);
	index->version = ks_json_word(r, kernel, "version", KS_ALNUM "._+~:-", KS_REPO_VERSION_MAX, false);
}

static void read_members(struct ks_json *r, json_t *root, struct ks_index *index)
{
	json_t *retired;

	read_kernel(r, root, index);
	index->serial = ks_json_integer(r, root, "serial", KS_INDEX_SERIAL_MAX);
	index->created = ks_json_integer(r, root, "created", KS_INDEX_TIME_MAX);
	index->expires = ks_json_integer(r, root, "expires", KS_INDEX_TIME_MAX);
	if (!r->err && !index->serial)
		ks_json_complain(r, "\"serial\" is 0");
	if (!r->err && index->expires <= index->created)
		ks_json_complain(r, "it expires before it was created");
	index->poll = ks_json_integer(r, root, "poll", KS_INDEX_POLL_MAX);
	if (!r->err && index->poll < KS_INDEX_POLL_MIN)
		ks_json_complain(r, "\"poll\" is less than %d seconds", KS_INDEX_POLL_MIN);
	read_updates(r, root, index);
	read_alerts(r, root, index);
	retired = ks_json_optional(r, root, "retired", JSON_OBJECT);
	if (retired) {
		index->retired_date = ks_json_integer(r, retired, "date", KS_INDEX_TIME_MAX);
		index->retired = ks_json_text(r, retired, "text", KS_INDEX_TEXT_MAX);
	}
	read_next_key(r, root, index);
}

/* Before all else: another format's members mean something else. */
static void read_format(struct ks_json *r, json_t *root, struct ks_index *index)
{
	json_int_t format = ks_json_integer(r, root, "format", INT32_MAX);

	index->client = ks_json_integer(r, root, "client", INT32_MAX);
	if (r->err)
		return;
	if (format != KS_INDEX_FORMAT || index->client > KS_UPTRACK_CLIENT)
		r->err = ks_error_new(KS_E_OUTDATED,
				      "%s: it has format %lld for clients of level %u, and this client knows format %d and level %d; install a newer one",
				      r->file, (long long)format, index->client, KS_INDEX_FORMAT,
				      KS_UPTRACK_CLIENT);
}

struct ks_error *ks_index_parse(const char *text, size_t len, struct ks_index *index)
{
	struct ks_json r = { .file = "index" };
	json_error_t where;
	json_t *root;

	memset(index, 0, sizeof(*index));
	if (len > KS_INDEX_MAX)
		return ks_error_new(KS_E_INPUT, "index: it is larger than %u bytes", KS_INDEX_MAX);
	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
	if (!root)
		return ks_error_new(KS_E_INPUT, "index: line %d: %s", where.line, where.text);
	read_format(&r, root, index);
	if (!r.err)
		read_members(&r, root, index);
	json_decref(root);
	if (r.err)
		ks_index_clear(index);
	return r.err;
}
