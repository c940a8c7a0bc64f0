// SPDX-License-Identifier: GPL-2.0-only
/*
 * ksplice-view: what updates the running kernel has (lib/live), or what a
 * package holds (lib/pack).  Changes nothing, and needs no root for most of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/proc.h"
#include "common.h"
#include "live/live.h"
#include "live/run.h"
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

enum { OPT_ID = TOOL_OPT_OWN, OPT_FILE };

static const struct option long_options[] = {
	{ "id", required_argument, NULL, OPT_ID },
	{ "file", required_argument, NULL, OPT_FILE },
	TOOL_OPTIONS,
};

struct view {
	struct tool tool;
	const struct ks_live *live;
	const char *id, *file;
};

static struct ks_error *parse(int argc, char **argv, struct view *v)
{
	struct ks_error *err = NULL;
	int c;

	while ((c = tool_option(&v->tool, argc, argv, ":", long_options, &err)) != -1) {
		if (c == OPT_ID)
			v->id = optarg;
		else if (c == OPT_FILE)
			v->file = optarg;
	}
	if (!err && (optind != argc || (v->id && v->file)))
		err = ks_error_new(KS_E_USAGE,
				   "give --id=ID or --file=TARBALL or nothing; try ksplice-view --help");
	return err;
}

/* "TARGET NAME OLD NEW" */
static json_t *function_json(const char *line)
{
	char *copy = ks_strdup(line), *save = NULL;
	const char *target = strtok_r(copy, " ", &save), *name = strtok_r(NULL, " ", &save);
	const char *old = strtok_r(NULL, " ", &save), *new = strtok_r(NULL, " ", &save);
	json_t *f = json_pack("{s:s?, s:s?, s:s?, s:s?}", "target", target, "name", name, "old", old,
			      "new", new);

	free(copy);
	return f;
}

static json_t *update_json(const struct view *v, const struct ks_live_update *u)
{
	json_t *functions = json_array();

	for (size_t i = 0; i < u->functions.len; i++)
		json_array_append_new(functions, function_json(u->functions.v[i]));
	return json_pack("{s:s, s:s?, s:b, s:s?, s:s?, s:s?, s:b, s:o, s:o}", "id", u->id,
			 "description", u->description, "applied", ks_live_is_applied(v->live, u),
			 "stage", u->stage, "abort_cause", u->abort_cause, "error", u->error,
			 "pinned", u->pinned, "conflicts", ks_text_json_list(&u->conflicts),
			 "functions", functions);
}

static struct ks_error *list_updates(const struct view *v)
{
	struct ks_strv ids = { 0 };
	struct ks_error *err = ks_live_list(v->live, &ids);
	json_t *all = json_array();
	size_t applied = 0;

	for (size_t i = 0; !err && i < ids.len; i++) {
		struct ks_live_update *u = NULL;

		/* One that went away meanwhile is none. */
		ks_error_free(ks_live_read(v->live, ids.v[i], &u));
		if (!u)
			continue;
		if (ks_live_is_applied(v->live, u)) {
			applied++;
			if (v->tool.json)
				json_array_append_new(all, update_json(v, u));
			else
				printf("%s: %s\n", u->id, u->description ? u->description : "");
		}
		ks_live_update_free(u);
	}
	if (!err && v->tool.json)
		tool_print_json(json_incref(all));
	else if (!err && !applied)
		fprintf(stderr, "No updates are applied.\n");
	json_decref(all);
	ks_strv_free(&ids);
	return err;
}

static void show_lines(const char *title, const struct ks_strv *s)
{
	for (size_t i = 0; i < s->len; i++)
		printf("%-12s %s\n", i ? "" : title, s->v[i]);
}

static void print_update(const struct view *v, const struct ks_live_update *u)
{
	const char *stage = u->stage;

	if (!stage)
		stage = ks_live_is_applied(v->live, u) ? "applied" : "not applied";
	printf("Id:          %s\n", u->id);
	printf("Description: %s\n", u->description ? u->description : "");
	printf("Stage:       %s\n", stage);
	if (u->abort_cause && strcmp(u->abort_cause, "ok"))
		printf("Last error:  %s: %s\n", u->abort_cause, u->error ? u->error : "");
	if (u->pinned)
		printf("Pinned:      its modules stay loaded after an undo\n");
	show_lines("Conflicts:", &u->conflicts);
	if (u->stage)
		show_lines("Functions:", &u->functions);
	else
		printf("Functions:   (only root can see them)\n");
	if (ks_run_has(v->live, u->id))
		printf("Files:       %s/updates/%s\n", v->live->run, u->id);
}

static struct ks_error *show_update(const struct view *v)
{
	struct ks_live_update *u;
	struct ks_error *err = ks_live_read(v->live, v->id, &u);

	if (err)
		return err;
	if (v->tool.json)
		tool_print_json(update_json(v, u));
	else
		print_update(v, u);
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

static void show_each(const char *what, const struct ks_strv *lines)
{
	for (size_t i = 0; i < lines->len; i++)
		printf("%s%s\n", i ? "             " : what, lines->v[i]);
}

static void print_manifest(const struct ks_manifest *m)
{
	printf("Id:          %s\n", m->id);
	printf("Description: %s\n", m->description);
	printf("Kernel:      %s%s%s%s\n", m->release, *m->version ? " (" : "", m->version,
	       *m->version ? ")" : "");
	printf("Created:     %s\n", m->created);
	if (*m->compiler)
		printf("Compiler:    %s\n", m->compiler);
	show_each("Layout of:   ", &m->layouts);
	show_each("Extended:    ", &m->extended);
	if (m->pinned)
		printf("Pinned:      its modules stay loaded after an undo\n");
	ks_vec_for(&m->units, u) {
		printf("Unit:        %s (%s)\n", u->path, u->target);
		show_names("  replaced:  ", &u->replaced);
		show_names("  added:     ", &u->added);
		show_names("  removed:   ", &u->removed);
		show_names("  changed:   ", &u->changed);
		ks_vec_for(&u->skipped, s)
			printf("  left out:  %s: %s\n", s->name, s->reason);
	}
	ks_vec_for(&m->files, f)
		printf("%-12s %s (%llu bytes)\n", f == m->files.v ? "Files:" : "", f->name,
		       (unsigned long long)f->size);
}

static struct ks_error *show_file(const struct view *v)
{
	struct ks_pack *pack;
	struct ks_error *err = ks_pack_open(v->file, &pack);
	struct ks_buf text = { 0 };

	if (err)
		return err;
	if (v->tool.json) {
		err = ks_manifest_write(&pack->manifest, &text);
		if (!err)
			fputs(text.data, stdout);
	} else {
		print_manifest(&pack->manifest);
	}
	ks_buf_free(&text);
	ks_pack_close(pack);
	return err;
}

int main(int argc, char **argv)
{
	struct view v = { .tool = { .name = "ksplice-view", .usage = usage },
			  .live = &ks_live_system };
	struct ks_error *err = parse(argc, argv, &v);

	ks_signals_init();
	if (!err)
		err = v.file ? show_file(&v) : v.id ? show_update(&v) : list_updates(&v);
	if (!err)
		err = tool_flush();
	if (!err)
		return 0;
	v.tool.json = false; /* what it shows is JSON; an error is for stderr */
	return tool_fail(&v.tool, v.id, 0, err);
}
