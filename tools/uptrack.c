// SPDX-License-Identifier: GPL-2.0-only
/* The commands of the client; see uptrack.h. */
#include "uptrack.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/proc.h"
#include "base/term.h"
#include "uptrack/log.h"
#include "uptrack/source.h"
#include "uptrack/status.h"

static struct ks_error *take_seconds(const char *text, unsigned int *seconds)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (!*text || *text == '-' || *end || errno || n > 24 * 3600)
		return ks_error_new(KS_E_USAGE, "--wait=%s: give seconds, at most a day's", text);
	*seconds = n;
	return NULL;
}

bool uptrack_option(struct uptrack *u, int c, struct ks_error **err)
{
	switch (c) {
	case 'y':
		u->yes = true;
		return true;
	case 'n':
		u->no = true;
		return true;
	case 'V':
		printf("%s " KS_VERSION "\n", u->tool.name);
		exit(0);
	case OPT_REPO:
		u->opt.repo = optarg;
		return true;
	case OPT_WAIT:
		*err = take_seconds(optarg, &u->opt.wait);
		return true;
	}
	return false;
}

struct ks_error *uptrack_arguments(const struct uptrack *u, int argc, char **argv,
				   struct ks_strv *ids)
{
	for (int i = optind; i < argc; i++)
		ks_strv_add(ids, argv[i]);
	if (u->yes && u->no)
		return ks_error_new(KS_E_USAGE, "give -y or -n, not both");
	return NULL;
}

void uptrack_say(const struct uptrack *u, const char *fmt, ...)
{
	va_list ap;

	if (u->tool.json || u->tool.verbosity < 0)
		return;
	va_start(ap, fmt);
	tool_say(fmt, ap);
	va_end(ap);
}

void uptrack_show_alerts(const struct uptrack *u)
{
	const char *retired = ks_source_retired(&u->client);

	if (u->client.index)
		ks_vec_for(&u->client.index->alerts, a)
			uptrack_say(u, "Alert: %s", a->text);
	if (retired)
		uptrack_say(u, "This kernel is no longer served: %s", retired);
	if (u->client.state->held)
		uptrack_say(u, "Nothing is applied unasked any more: %s.", u->client.state->held);
}

struct ks_error *uptrack_open(struct uptrack *u)
{
	umask(022);
	u->opt.report = ks_report_terminal(u->tool.verbosity);
	return ks_client_open(&ks_uptrack_system, &u->opt, &u->client);
}

/* Who is asked sees it, and who wants only to see it: also with -q and --json. */
static void show_plan(const struct uptrack *u)
{
	bool asks = !u->yes && !u->no && u->plan.steps.len;
	FILE *to = u->tool.json ? stderr : stdout;

	if (u->tool.json ? !asks : u->tool.verbosity < 0 && !asks && !u->no)
		return;
	ks_report_end();
	for (size_t i = 0; i < u->plan.notes.len; i++)
		fprintf(to, "%s\n", u->plan.notes.v[i]);
	if (u->plan.steps.len)
		fprintf(to, "The following steps will be taken:\n");
	ks_vec_for(&u->plan.steps, s) {
		fprintf(to, "%s [%s] %s", s->kind == KS_STEP_INSTALL ? "Install" : "Remove", s->id,
			s->name);
		if (s->because)
			fprintf(to, " (%s)", s->because);
		putc('\n', to);
	}
	fflush(to);
}

/* Whoever cannot be asked has not agreed. */
static bool agreed(const struct uptrack *u)
{
	char line[64];

	if (u->yes)
		return true;
	ks_report_end();
	fputs("Go ahead [y/N]? ", u->tool.json ? stderr : stdout);
	fflush(NULL);
	if (!fgets(line, sizeof(line), stdin)) {
		putc('\n', u->tool.json ? stderr : stdout);
		return false;
	}
	line[strcspn(line, "\n")] = 0;
	return !strcasecmp(line, "y") || !strcasecmp(line, "yes");
}

struct ks_error *uptrack_do(struct uptrack *u, bool *declined)
{
	show_plan(u);
	*declined = false;
	if (u->no)
		return NULL;
	if (u->plan.steps.len && !agreed(u)) {
		*declined = true;
		return NULL;
	}
	return ks_act(&u->client, &u->plan, &u->outcome);
}

static int exit_status(const struct ks_error *err)
{
	switch (ks_error_code(err)) {
	case KS_E_NETWORK:
		return UPTRACK_NETWORK;
	case KS_E_NOMEM:
		return UPTRACK_INTERNAL;
	case KS_E_UNSERVED:
		return UPTRACK_UNSERVED;
	case KS_E_DENIED:
		return UPTRACK_DENIED;
	case KS_E_OUTDATED:
		return UPTRACK_OUTDATED;
	case KS_E_INTERRUPTED:
		return TOOL_EXIT_INTERRUPTED;
	default:
		return UPTRACK_FAILED;
	}
}

static const char *step_state(const struct uptrack *u, const struct ks_step *s)
{
	if (ks_strv_has(&u->outcome.done, s->id))
		return "done";
	if (u->outcome.failed && !strcmp(u->outcome.failed, s->id))
		return "failed";
	return "not done";
}

static json_t *result_json(const struct uptrack *u, int status, const struct ks_error *err,
			   const char *text)
{
	json_t *steps = json_array();

	ks_vec_for(&u->plan.steps, s)
		json_array_append_new(
			steps,
			json_pack("{s:s, s:o, s:o, s:o, s:s}", "action",
				  s->kind == KS_STEP_INSTALL ? "install" : "remove", "id",
				  ks_text_json(s->id), "name", ks_text_json(s->name), "because",
				  ks_text_json(s->because), "state", step_state(u, s)));
	return json_pack("{s:s, s:i, s:o, s:o, s:o, s:o, s:o}", "result",
			 err			      ? "failed"
			 : status == UPTRACK_DECLINED ? "declined"
						      : "done",
			 "code", status, "abort_code", ks_text_json(ks_error_abort_code(err)),
			 "message", ks_text_json(text), "steps", steps, "notes",
			 ks_text_json_list(&u->outcome.notes), "effective",
			 ks_text_json(u->client.state ? ks_client_effective(&u->client) : NULL));
}

/* What is applied and what is not, where it stopped on the way. */
static void show_outcome(const struct uptrack *u, const struct ks_error *err)
{
	const struct ks_outcome *o = &u->outcome;

	for (size_t i = 0; i < o->notes.len; i++)
		uptrack_say(u, "%s.", o->notes.v[i]);
	if (!err || !o->failed || u->tool.json)
		return;
	for (size_t i = 0; i < o->done.len; i++)
		fprintf(stderr, "%s%s", i ? ", " : "Done: ", o->done.v[i]);
	fprintf(stderr, "%sNot done: %s", o->done.len ? ". " : "", o->failed);
	for (size_t i = 0; i < o->left.len; i++)
		fprintf(stderr, ", %s", o->left.v[i]);
	fprintf(stderr, ".\n");
}

static void show_error(const struct uptrack *u, const struct ks_error *err)
{
	const char *code = ks_error_abort_code(err), *text = code ? ks_abort_text(code) : NULL;

	ks_report_end();
	fprintf(stderr, "%s: %s%s%s\n", u->tool.name, code ? code : "", code ? ": " : "",
		ks_error_message(err));
	if (text)
		fprintf(stderr, "%s\n", text);
}

/* What belongs to a run but cannot make it fail is for the log, and for who looks on. */
static void tidy_up(struct uptrack *u, int status, const char *text)
{
	struct ks_run_result result = { .command = u->tool.name, .code = status, .message = text };
	struct ks_error *err = ks_client_prune(&u->client), *more;

	if (!err)
		err = ks_status_tell(&u->client, &result);
	else if ((more = ks_status_tell(&u->client, &result)))
		ks_error_free(more);
	if (!err)
		return;
	ks_uptrack_log(u->client.up, "%s", ks_error_message(err));
	fprintf(stderr, "%s: %s\n", u->tool.name, ks_error_message(err));
	ks_error_free(err);
}

int uptrack_end(struct uptrack *u, struct ks_error *err, int status, const char *text)
{
	if (err)
		status = exit_status(err);
	if (err)
		text = ks_error_message(err);
	if (u->client.state && !u->opt.look && !u->no)
		tidy_up(u, status, text);
	show_outcome(u, err);
	if (u->tool.json)
		tool_print_json(result_json(u, status, err, text));
	else if (!err && *text)
		uptrack_say(u, "%s", text);
	if (err) {
		show_error(u, err);
		if (u->client.state && u->client.state->lock >= 0 && !u->outcome.failed)
			ks_uptrack_log(u->client.up, "%s", ks_error_message(err));
	}
	ks_error_free(err);
	err = tool_flush();
	if (err && !status) {
		fprintf(stderr, "%s: %s\n", u->tool.name, ks_error_message(err));
		status = UPTRACK_FAILED;
	}
	ks_error_free(err);
	ks_plan_clear(&u->plan);
	ks_outcome_clear(&u->outcome);
	ks_client_close(&u->client);
	return status;
}

int uptrack_end_plan(struct uptrack *u, struct ks_error *err)
{
	bool declined = false;
	char *text = NULL;
	int status;

	if (!err)
		err = uptrack_do(u, &declined);
	if (!err && !declined)
		text = ks_asprintf("%sEffective kernel version is %s",
				   u->plan.steps.len ? "" : "Nothing to be done.\n",
				   ks_client_effective(&u->client));
	status = uptrack_end(u, err, declined ? UPTRACK_DECLINED : UPTRACK_DONE, text ? text : "");
	free(text);
	return status;
}
