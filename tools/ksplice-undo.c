// SPDX-License-Identifier: GPL-2.0-only
/* ksplice-undo: reverses an update of the running kernel (lib/live). */
#include <stdio.h>

#include "base/proc.h"
#include "common.h"
#include "live/apply.h"

static const char usage[] =
	"Usage: ksplice-undo [OPTION]... ID\n"
	"       ksplice-undo [OPTION]... --all\n"
	"Reverse an update of the running kernel; ksplice-view lists the ids.\n"
	"\n"
	"      --all            reverse all updates, those that build on others first\n"
	"      --debug          print the update's debug log on standard error\n"
	"      --raw-errors     the first line on standard error is the abort code, or OTHER\n"
	"      --json           print the result as JSON on standard output\n"
	"  -v, --verbose        say more\n"
	"  -q, --quiet          say nothing but errors and the result\n"
	"      --help           show this help\n"
	"      --version        show the version\n"
	"\n"
	"Exit status: 0 the update is reversed; 1 it is not, or something of it could not\n"
	"be removed; 130 it is not, after a signal.\n";

enum { OPT_DEBUG = TOOL_OPT_OWN, OPT_ALL };

static const struct option long_options[] = {
	{ "all", no_argument, NULL, OPT_ALL },
	{ "debug", no_argument, NULL, OPT_DEBUG },
	TOOL_OPTION_RAW,
	TOOL_OPTIONS_VERBOSITY,
	TOOL_OPTIONS,
};

struct undo {
	struct tool tool;
	const char *id;
	bool debug, all;
	struct ks_buf log;
	struct ks_live_result result;
};

static struct ks_error *parse(int argc, char **argv, struct undo *u)
{
	struct ks_error *err = NULL;
	int c;

	while ((c = tool_option(&u->tool, argc, argv, ":vq", long_options, &err)) != -1) {
		u->debug |= c == OPT_DEBUG;
		u->all |= c == OPT_ALL;
	}
	if (err)
		return err;
	if (u->all && optind != argc)
		return ks_error_new(KS_E_USAGE, "give the id of one update or --all, not both");
	if (u->all)
		return NULL;
	if (optind + 1 != argc)
		return ks_error_new(KS_E_USAGE, "give the id of one update; ksplice-view lists them");
	u->id = argv[optind];
	return NULL;
}

static void show_log(const struct undo *u)
{
	if (u->debug && u->log.data)
		fputs(u->log.data, stderr);
}

static void say_done(const struct undo *u)
{
	const struct ks_live_result *r = &u->result;
	struct ks_buf text = { 0 };

	ks_buf_adds(&text, r->no_change ? "The update was not applied; what was left of it is removed." : "Done!");
	if (r->pinned)
		ks_buf_adds(&text, " The update's modules stay loaded until the next boot: the kernel may still hold pointers into them.");
	if (r->from_disk)
		ks_buf_adds(&text, " Its fixed modules are off the disk.");
	for (size_t i = 0; i < r->fixed.len; i++)
		ks_buf_addf(&text, "%s%s", i ? ", " : " Still loaded, and fixed until they are unloaded: ",
			    r->fixed.v[i]);
	if (r->fixed.len)
		ks_buf_adds(&text, ".");
	tool_done(&u->tool, u->id, r->no_change ? "unchanged" : "reversed", r->tries, text.data);
	ks_buf_free(&text);
}

/* One update: says what became of it, and returns the exit status. */
static int undo_one(struct undo *u, const char *id)
{
	struct ks_live_options how = { .log = &u->log };
	struct ks_error *err;
	int status = 0;

	u->id = id;
	how.report = ks_report_terminal(u->tool.verbosity);
	err = ks_live_undo(&ks_live_system, id, &how, &u->result);
	/* The error comes last, unless its code has to come first. */
	if (!u->tool.raw_errors)
		show_log(u);
	if (err)
		status = tool_fail(&u->tool, id, u->result.tries, err);
	else
		say_done(u);
	if (u->tool.raw_errors)
		show_log(u);
	ks_live_result_clear(&u->result);
	ks_buf_free(&u->log);
	return status;
}

/* With --json an object for each update. */
static int undo_all(struct undo *u)
{
	struct ks_strv ids = { 0 };
	struct ks_error *err = ks_live_undo_order(&ks_live_system, &ids);
	int status = 0;

	if (err)
		status = tool_fail(&u->tool, NULL, 0, err);
	else if (!ids.len)
		tool_done(&u->tool, NULL, "unchanged", 0, "No update is applied.");
	for (size_t i = 0; !status && i < ids.len; i++)
		status = undo_one(u, ids.v[i]);
	ks_strv_free(&ids);
	return status;
}

int main(int argc, char **argv)
{
	struct undo u = { .tool = { .name = "ksplice-undo", .usage = usage } };
	struct ks_error *err = parse(argc, argv, &u);

	ks_signals_init();
	if (err)
		return tool_fail(&u.tool, NULL, 0, err);
	return u.all ? undo_all(&u) : undo_one(&u, u.id);
}
