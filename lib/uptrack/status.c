// SPDX-License-Identifier: GPL-2.0-only
/* Status of the machine, the end of a run; see status.h. */
#include "uptrack/status.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "uptrack/source.h"

#define FORMAT 1

json_t *ks_status_update(const struct ks_index_update *u, const char *state)
{
	return json_pack("{s:o, s:o, s:o, s:s, s:o, s:o}", "id", ks_text_json(u->id), "name",
			 ks_text_json(u->name), "description", ks_text_json(u->description), "state", state, "cves",
			 ks_text_json_list(&u->cves), "depends", ks_text_json_list(&u->depends));
}

static json_t *updates_json(const struct ks_client *c)
{
	json_t *all = json_array();

	if (c->index) {
		ks_vec_for(&c->index->updates, u) {
			bool applied = ks_applied_find(&c->applied, u->id);

			if (applied || !u->withdrawn)
				json_array_append_new(
					all,
					ks_status_update(u, applied ? "installed" : "available"));
		}
	}
	ks_vec_for(&c->applied, a) {
		/* Applied by hand, or no longer in the index. */
		if (!c->index || !ks_index_find(c->index, a->id))
			json_array_append_new(all,
					      json_pack("{s:o, s:o, s:o, s:s, s:[], s:[]}", "id",
							ks_text_json(a->id), "name", ks_text_json(a->description),
							"description", ks_text_json(a->description),
							"state", "installed", "cves", "depends"));
	}
	return all;
}

static json_t *index_json(const struct ks_client *c)
{
	if (!c->index)
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:I}", "serial", (json_int_t)c->index->serial, "created",
			 (json_int_t)c->index->created, "expires", (json_int_t)c->index->expires,
			 "checked", (json_int_t)c->checked);
}

static json_t *alerts_json(const struct ks_client *c)
{
	json_t *all = json_array();

	if (c->index)
		ks_vec_for(&c->index->alerts, a)
			json_array_append_new(all,
					      json_pack("{s:I, s:o}", "date", (json_int_t)a->date,
							"text", ks_text_json(a->text)));
	return all;
}

json_t *ks_status_json(const struct ks_client *c, const struct ks_run_result *result)
{
	json_t *run = json_null();

	if (result)
		run = json_pack("{s:s, s:I, s:i, s:o}", "command", result->command, "time",
				(json_int_t)c->opt.now, "code", result->code, "message",
				ks_text_json(result->message));
	return json_pack(
		"{s:i, s:s, s:o, s:{s:o, s:o, s:o, s:o}, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"format", FORMAT, "client", KS_VERSION, "uuid", ks_text_json(c->state->uuid), "kernel",
		"distribution", ks_text_json(c->kernel.distribution), "architecture", ks_text_json(c->kernel.arch),
		"release", ks_text_json(c->kernel.release), "version", ks_text_json(c->kernel.version), "effective",
		ks_text_json(ks_client_effective(c)), "index", index_json(c), "updates", updates_json(c),
		"alerts", alerts_json(c), "retired", ks_text_json(ks_source_retired(c)), "held",
		ks_text_json(c->state->held), "last_run", run);
}

/* A label's value: no quotes, backslashes or newlines of others. */
static void add_label(struct ks_buf *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '\\' || *s == '"')
			ks_buf_add(out, "\\", 1);
		ks_buf_add(out, *s == '\n' ? " " : s, 1);
	}
}

static void add_metric(struct ks_buf *out, const char *name, const char *help, long long value)
{
	ks_buf_addf(out, "# HELP uptrack_%s %s\n# TYPE uptrack_%s gauge\nuptrack_%s %lld\n", name, help, name,
		    name, value);
}

void ks_status_metrics(const struct ks_client *c, const struct ks_run_result *result,
		       struct ks_buf *out)
{
	add_metric(out, "updates_installed", "Updates that the running kernel has.",
		   c->applied.len);
	if (c->index) {
		add_metric(out, "updates_available", "Updates that it could get.",
			   ks_plan_available(c->index, &c->applied));
		add_metric(out, "index_created_timestamp_seconds",
			   "When the newest index was signed.", c->index->created);
		add_metric(out, "index_expires_timestamp_seconds", "Until when it may be believed.",
			   c->index->expires);
		add_metric(out, "index_age_seconds", "Its age at the last run.",
			   c->opt.now - c->index->created);
		add_metric(out, "kernel_retired", "1: no more updates will be made for this kernel.",
			   ks_source_retired(c) != NULL);
	}
	add_metric(out, "index_checked_timestamp_seconds", "When the repository was last asked; 0: never.",
		   c->checked);
	add_metric(out, "held", "1: nothing is applied unasked, for the machine went down.",
		   c->state->held != NULL);
	if (result) {
		add_metric(out, "last_run_timestamp_seconds", "When the client last ran.",
			   c->opt.now);
		add_metric(out, "last_run_code", "Its exit status; 0: all is well.", result->code);
	}
	ks_buf_adds(out, "# HELP uptrack_kernel_info The kernel that runs, and the one whose fixes it has.\n"
			 "# TYPE uptrack_kernel_info gauge\nuptrack_kernel_info{release=\"");
	add_label(out, c->kernel.release);
	ks_buf_adds(out, "\",version=\"");
	add_label(out, c->kernel.version);
	ks_buf_adds(out, "\",effective=\"");
	add_label(out, ks_client_effective(c));
	ks_buf_adds(out, "\"} 1\n");
}

static struct ks_error *write_status(const struct ks_client *c, const struct ks_buf *json)
{
	char *path = ks_path_join(c->up->state, "status.json");
	struct ks_error *err = ks_file_write(path, json->data, json->len, 0644);

	free(path);
	return err;
}

static struct ks_error *write_metrics(const struct ks_client *c, const struct ks_run_result *result)
{
	struct ks_buf out = { 0 };
	struct ks_error *err;

	if (!c->config.metrics_file)
		return NULL;
	ks_status_metrics(c, result, &out);
	err = ks_error_prefix(ks_file_write(c->config.metrics_file, out.data, out.len, 0644),
			      "metrics");
	ks_buf_free(&out);
	return err;
}

static struct ks_error *report(const struct ks_client *c, const struct ks_buf *json)
{
	struct ks_fetch_settings set = ks_client_settings(c, c->config.report_url);

	/* At boot there is no network; the next run tells. */
	return set.url && !c->opt.offline ? ks_error_prefix(ks_fetch_post(&set, json), "report")
					  : NULL;
}

struct ks_error *ks_status_tell(const struct ks_client *c, const struct ks_run_result *result)
{
	json_t *root = ks_status_json(c, result);
	char *dump = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
	struct ks_buf json = { 0 };
	struct ks_error *errors[3], *first = NULL;

	if (dump)
		ks_buf_addf(&json, "%s\n", dump);
	free(dump);
	json_decref(root);
	if (!json.len)
		return ks_error_new(KS_E_FAILED, "the status cannot be written as JSON");
	/* Each of them, whatever becomes of the others. */
	errors[0] = write_status(c, &json);
	errors[1] = write_metrics(c, result);
	errors[2] = report(c, &json);
	for (int i = 0; i < 3; i++) {
		if (!first)
			first = errors[i];
		else
			ks_error_free(errors[i]);
	}
	ks_buf_free(&json);
	return first;
}
