// SPDX-License-Identifier: GPL-2.0-only
/* ksplice-view: what updates the running kernel has, or what a package holds. */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/proc.h"
#include "common.h"
#include "live/live.h"
#include "pack/archive.h"

static const char usage[] =
	"Usage: ksplice-view [--json]\n"
	"       ksplice-view [--json] --id=ID\n"
	"       ksplice-view [--json] --file=TARBALL\n"
	"List the updates of the running kernel, show one, or look into a package.\n"
	"\n"
	"      --id=ID          show one update: its state, functions and last error\n"
	"      --file=TARBALL   show what is in a package\n"
	"      --json           as JSON\n"
	"      --help           show this help\n"
	"      --version        show the version\n"
	"\n"
	"Exit status: 0 (also if there is no update); 1 an error.\n";

enum { OPT_ID = 256, OPT_FILE, OPT_JSON, OPT_HELP, OPT_VERSION };

static const struct option long_options[] = {
	{ "id", required_argument, NULL, OPT_ID },     { "file", required_argument, NULL, OPT_FILE },
	{ "json", no_argument, NULL, OPT_JSON },       { "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION }, { NULL, 0, NULL, 0 },
};

struct options {
	struct tool_output out;
	const char *id, *file;
};

static struct ks_error *parse(int argc, char **argv, struct options *opt)
{
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (c) {
		case OPT_ID:
			opt->id = optarg;
			break;
		case OPT_FILE:
			opt->file = optarg;
			break;
		case OPT_JSON:
			opt->out.json = true;
			break;
		case OPT_HELP:
			fputs(usage, stdout);
			exit(0);
		case OPT_VERSION:
			puts("ksplice-view " KS_VERSION);
			exit(0);
		default:
			return ks_error_new(KS_E_USAGE, "try ksplice-view --help");
		}
	}
	if (optind != argc || (opt->id && opt->file))
		return ks_error_new(KS_E_USAGE, "give --id=ID or --file=TARBALL or nothing");
	return NULL;
}

static void dump(json_t *value)
{
	char *text = value ? json_dumps(value, JSON_INDENT(2)) : NULL;

	if (text)
		puts(text);
	free(text);
	json_decref(value);
}

static json_t *lines(const struct ks_strv *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->len; i++)
		json_array_append_new(list, json_string(s->v[i]));
	return list;
}

static json_t *update_json(const struct ks_live_update *u)
{
	return json_pack("{s:s, s:s?, s:s?, s:s?, s:s?, s:b, s:o, s:o}", "id", u->id, "description", u->description,
			 "stage", u->stage, "abort_cause", u->abort_cause, "error", u->error, "pinned", u->pinned,
			 "conflicts", lines(&u->conflicts), "functions", lines(&u->functions));
}

/* Applied, or of unknown state where the stage is not ours to read. */
static bool counts(const struct ks_live_update *u)
{
	return !u->stage || !strcmp(u->stage, "applied");
}

static struct ks_error *list_updates(const struct options *opt)
{
	struct ks_strv ids = { 0 };
	struct ks_error *err = ks_live_list(&ks_live_system, &ids);
	json_t *all = json_array();

	for (size_t i = 0; !err && i < ids.len; i++) {
		struct ks_live_update *u;

		err = ks_live_read(&ks_live_system, ids.v[i], &u);
		if (err)
			break;
		if (counts(u) && opt->out.json)
			json_array_append_new(all, update_json(u));
		else if (counts(u))
			printf("%s: %s\n", u->id, u->description ? u->description : "");
		ks_live_update_free(u);
	}
	if (opt->out.json && !err)
		dump(json_incref(all));
	else if (!err && !ids.len)
		fprintf(stderr, "No updates are applied.\n");
	json_decref(all);
	ks_strv_free(&ids);
	return err;
}

static void show_lines(const char *title, const struct ks_strv *s)
{
	for (size_t i = 0; i < s->len; i++)
		printf("%s %s\n", i ? "            " : title, s->v[i]);
}

static struct ks_error *show_update(const struct options *opt)
{
	struct ks_live_update *u;
	struct ks_error *err = ks_live_read(&ks_live_system, opt->id, &u);

	if (err)
		return err;
	if (opt->out.json) {
		dump(update_json(u));
	} else {
		printf("Id:          %s\n", u->id);
		printf("Description: %s\n", u->description ? u->description : "");
		printf("Stage:       %s\n", u->stage ? u->stage : "(only root may read it)");
		if (u->abort_cause && strcmp(u->abort_cause, "ok"))
			printf("Last error:  %s: %s\n", u->abort_cause, u->error ? u->error : "");
		if (u->pinned)
			printf("Pinned:      its modules stay loaded after an undo\n");
		show_lines("Conflicts:  ", &u->conflicts);
		show_lines("Functions:  ", &u->functions);
	}
	ks_live_update_free(u);
	return NULL;
}

static void show_names(const char *what, const struct ks_strv *names)
{
	for (size_t i = 0; i < names->len; i++)
		printf("%s%s", i ? " " : what, names->v[i]);
	if (names->len)
		printf("\n");
}

static struct ks_error *show_file(const struct options *opt)
{
	struct ks_pack *pack;
	struct ks_error *err = ks_pack_open(opt->file, &pack);
	struct ks_buf text = { 0 };

	if (err)
		return err;
	if (opt->out.json) {
		err = ks_manifest_write(&pack->manifest, &text);
		if (!err)
			fputs(text.data, stdout);
	} else {
		const struct ks_manifest *m = &pack->manifest;

		printf("Id:          %s\nDescription: %s\nKernel:      %s%s%s%s\nCreated:     %s\n", m->id,
		       m->description, m->release, *m->version ? " (" : "", m->version, *m->version ? ")" : "",
		       m->created);
		if (m->pinned)
			printf("Pinned:      its modules stay loaded after an undo\n");
		ks_vec_for(&m->units, u) {
			printf("Unit:        %s (%s)\n", u->path, u->target);
			show_names("  replaced:  ", &u->replaced);
			show_names("  added:     ", &u->added);
			show_names("  removed:   ", &u->removed);
		}
	}
	ks_buf_free(&text);
	ks_pack_close(pack);
	return err;
}

int main(int argc, char **argv)
{
	struct options opt = { .out.tool = "ksplice-view" };
	struct ks_error *err = parse(argc, argv, &opt);

	ks_signals_init();
	if (!err)
		err = opt.file ? show_file(&opt) : opt.id ? show_update(&opt) : list_updates(&opt);
	if (!err)
		return 0;
	opt.out.json = false; /* what it shows is JSON; an error is for stderr */
	return tool_fail(&opt.out, opt.id, err);
}
