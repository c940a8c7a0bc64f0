// SPDX-License-Identifier: GPL-2.0-only
/*
 * uptrack-show: which updates the running kernel has and could get, and which
 * CVEs it is protected against (lib/uptrack).  Changes nothing and needs neither
 * root nor a network: it goes by the index that was seen last.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/proc.h"
#include "uptrack.h"
#include "uptrack/source.h"
#include "uptrack/status.h"

static const char usage[] =
	"Usage: uptrack-show [OPTION]... [ID]...\n"
	"       uptrack-show [--json] --cve[=CVE-ID]\n"
	"List the updates of the running kernel, or show some.\n"
	"\n"
	"      --available    those that could be installed\n"
	"      --count        only how many\n"
	"      --cve          the CVEs that the running kernel is protected against\n"
	"      --cve=CVE-ID   is it protected against this one?\n"
	"      --json         as JSON; without other options, all of the status\n"
	"  -q, --quiet        say nothing but errors and the list\n"
	"  -V, --version      show the version\n"
	"      --help         show this help\n"
	"\n"
	"Exit status: 0 (of --cve=CVE-ID: protected); 1 an error; of --cve=CVE-ID also 2 (an\n"
	"update against it is available, and not installed) and 3 (no update names it).\n";

enum { OPT_AVAILABLE = UPTRACK_OPT_OWN, OPT_COUNT, OPT_CVE };

enum { CVE_PROTECTED = 0, CVE_AVAILABLE = 2, CVE_UNKNOWN = 3 };

static const struct option long_options[] = {
	{ "available", no_argument, NULL, OPT_AVAILABLE },
	{ "count", no_argument, NULL, OPT_COUNT },
	{ "cve", optional_argument, NULL, OPT_CVE },
	{ "json", no_argument, NULL, TOOL_OPT_JSON },
	{ "verbose", no_argument, NULL, 'v' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, TOOL_OPT_HELP },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

struct show {
	struct uptrack u;
	struct ks_strv ids;
	bool available, count, cves;
	const char *cve;
};

static struct ks_error *parse(int argc, char **argv, struct show *s)
{
	struct ks_error *err = NULL;
	int c;

	while ((c = tool_option(&s->u.tool, argc, argv, ":vqV", long_options, &err)) != -1) {
		s->available |= c == OPT_AVAILABLE;
		s->count |= c == OPT_COUNT;
		s->cves |= c == OPT_CVE;
		if (c == OPT_CVE)
			s->cve = optarg;
		else
			uptrack_option(&s->u, c, &err);
	}
	if (err)
		return err;
	/* "--cve CVE-2026-12345", too. */
	if (s->cves && !s->cve && optind + 1 == argc)
		s->cve = argv[optind++];
	for (int i = optind; i < argc; i++)
		ks_strv_add(&s->ids, argv[i]);
	if (s->cves && (s->ids.len || s->available || s->count))
		err = ks_error_new(KS_E_USAGE, "--cve goes with no other question; try uptrack-show --help");
	return err;
}

static const struct ks_index *index_of(const struct show *s)
{
	return s->u.client.index;
}

static bool is_applied(const struct show *s, const char *id)
{
	return ks_applied_find(&s->u.client.applied, id);
}

static const struct ks_index_update *find(const struct show *s, const char *id)
{
	return index_of(s) ? ks_index_find(index_of(s), id) : NULL;
}

/* CVEs. */

static bool names_cve(const struct ks_index_update *u, const char *cve)
{
	for (size_t i = 0; i < u->cves.len; i++)
		if (!strcasecmp(u->cves.v[i], cve))
			return true;
	return false;
}

static json_t *cve_json(const char *cve, const char *state, const char *id)
{
	return json_pack("{s:o, s:s, s:o}", "cve", ks_text_json(cve), "state", state, "update",
			 ks_text_json(id));
}

/* Several updates may be against one: it is protected when all of them are there. */
static int ask_cve(const struct show *s)
{
	const struct ks_index_update *has = NULL, *lacks = NULL;
	const char *state = "unknown", *id = NULL;
	int status = CVE_UNKNOWN;

	if (index_of(s)) {
		ks_vec_for(&index_of(s)->updates, u) {
			if (!names_cve(u, s->cve))
				continue;
			if (is_applied(s, u->id))
				has = u;
			else if (!u->withdrawn && !lacks)
				lacks = u;
		}
	}
	if (lacks) {
		status = CVE_AVAILABLE;
		state = "available";
		id = lacks->id;
	} else if (has) {
		status = CVE_PROTECTED;
		state = "protected";
		id = has->id;
	}
	if (s->u.tool.json)
		tool_print_json(cve_json(s->cve, state, id));
	else if (status == CVE_PROTECTED)
		uptrack_say(&s->u, "%s: protected by [%s] %s", s->cve, has->id, has->name);
	else if (status == CVE_AVAILABLE)
		uptrack_say(&s->u, "%s: not protected; [%s] %s is available", s->cve, lacks->id,
			    lacks->name);
	else
		uptrack_say(&s->u, "%s: no update for this kernel names it", s->cve);
	return status;
}

static void list_cves(const struct show *s)
{
	json_t *all = json_array();

	if (index_of(s)) {
		ks_vec_for(&index_of(s)->updates, u) {
			for (size_t i = 0; is_applied(s, u->id) && i < u->cves.len; i++) {
				if (s->u.tool.json)
					json_array_append_new(
						all, cve_json(u->cves.v[i], "protected", u->id));
				else
					printf("%s [%s] %s\n", u->cves.v[i], u->id, u->name);
			}
		}
	}
	if (s->u.tool.json)
		tool_print_json(json_incref(all));
	json_decref(all);
}

/* Updates. */

static void print_names(const char *title, const struct ks_strv *names)
{
	for (size_t i = 0; i < names->len; i++)
		printf("%s%s", i ? ", " : title, names->v[i]);
	if (names->len)
		printf("\n");
}

static const char *state_of(const struct show *s, const struct ks_index_update *u)
{
	return is_applied(s, u->id) ? "installed" : u->withdrawn ? "withdrawn" : "available";
}

static struct ks_error *show_ids(const struct show *s)
{
	json_t *all = json_array();
	struct ks_error *err = NULL;

	for (size_t i = 0; !err && i < s->ids.len; i++) {
		const struct ks_index_update *u = find(s, s->ids.v[i]);

		if (!u) {
			err = ks_error_new(KS_E_USAGE,
					   "no update %s is known for this kernel; uptrack-show and uptrack-show --available list those that are",
					   s->ids.v[i]);
		} else if (s->u.tool.json) {
			json_array_append_new(all, ks_status_update(u, state_of(s, u)));
		} else {
			printf("Id:          %s\nName:        %s\nState:       %s\n", u->id, u->name, state_of(s, u));
			print_names("CVEs:        ", &u->cves);
			print_names("Depends on:  ", &u->depends);
			printf("Effective:   %s\n", u->release);
			if (*u->description)
				printf("Description: %s\n", u->description);
		}
	}
	if (!err && s->u.tool.json)
		tool_print_json(json_incref(all));
	json_decref(all);
	return err;
}

static size_t list_available(const struct show *s, json_t *all)
{
	size_t n = 0;

	if (!index_of(s))
		return 0;
	ks_vec_for(&index_of(s)->updates, u) {
		if (u->withdrawn || is_applied(s, u->id))
			continue;
		n++;
		if (s->u.tool.json)
			json_array_append_new(all, ks_status_update(u, "available"));
		else if (!s->count)
			printf("[%s] %s\n", u->id, u->name);
	}
	return n;
}

/* In the order of the index; then what was applied by hand. */
static size_t list_installed(const struct show *s)
{
	if (s->count)
		return s->u.client.applied.len;
	if (index_of(s))
		ks_vec_for(&index_of(s)->updates, u)
			if (is_applied(s, u->id))
				printf("[%s] %s\n", u->id, u->name);
	ks_vec_for(&s->u.client.applied, a)
		if (!find(s, a->id))
			printf("[%s] %s\n", a->id, a->description);
	return s->u.client.applied.len;
}

static void show_age(const struct show *s)
{
	const struct ks_client *c = &s->u.client;
	char when[64];
	struct tm tm;

	if (!index_of(s))
		uptrack_say(&s->u, "What the repository has for this kernel is not known; uptrack-upgrade -n asks it.");
	else if (localtime_r(&c->checked, &tm) &&
		 strftime(when, sizeof(when), "%Y-%m-%d %H:%M", &tm))
		uptrack_say(&s->u, "The repository was last asked at %s.", when);
	if (index_of(s) && index_of(s)->expires < (uint64_t)c->opt.now)
		uptrack_say(&s->u, "What it said then has expired.");
}

static void list(const struct show *s)
{
	json_t *all = json_array();
	size_t n;

	if (s->u.tool.json && !s->available && !s->count) {
		tool_print_json(ks_status_json(&s->u.client, NULL));
		json_decref(all);
		return;
	}
	if (!s->count && !s->u.tool.json)
		uptrack_say(&s->u, s->available ? "Available updates:" : "Installed updates:");
	n = s->available ? list_available(s, all) : list_installed(s);
	if (s->count)
		printf("%zu\n", n);
	else if (s->u.tool.json)
		tool_print_json(json_incref(all));
	else if (!n)
		uptrack_say(&s->u, "None");
	json_decref(all);
	if (s->count || s->u.tool.json)
		return;
	uptrack_say(&s->u, "\nEffective kernel version is %s", ks_client_effective(&s->u.client));
	uptrack_show_alerts(&s->u);
	show_age(s);
}

static struct ks_error *show(const struct show *s, int *status)
{
	if (s->cve) {
		*status = ask_cve(s);
		return NULL;
	}
	if (s->cves)
		list_cves(s);
	else if (s->ids.len)
		return show_ids(s);
	else
		list(s);
	return NULL;
}

int main(int argc, char **argv)
{
	struct show s = { .u = { .tool = { .name = "uptrack-show", .usage = usage }, .opt.look = true } };
	struct ks_error *err = parse(argc, argv, &s);
	int status = 0;

	ks_signals_init();
	if (!err)
		err = uptrack_open(&s.u);
	if (!err)
		err = ks_client_load(&s.u.client);
	if (!err)
		err = show(&s, &status);
	s.u.tool.json = false; /* it is printed; an error is for stderr */
	status = uptrack_end(&s.u, err, status, "");
	ks_strv_free(&s.ids);
	return status;
}
