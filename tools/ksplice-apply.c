// SPDX-License-Identifier: GPL-2.0-only
/*
 * ksplice-apply: applies an update to the running kernel.  Opens the package
 * (lib/pack), applies it (lib/live) and says how that went.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/proc.h"
#include "common.h"
#include "live/apply.h"

static const char usage[] =
	"Usage: ksplice-apply [OPTION]... TARBALL|DIRECTORY\n"
	"Apply an update to the running kernel.\n"
	"\n"
	"      --partial        leave out kernel modules that are not loaded; what is loaded\n"
	"                       of them later is not patched, unless the update has it whole\n"
	"      --replace[=ID,..] take the place of these updates, or of all that are applied,\n"
	"                       in one step; they are gone afterwards\n"
	"      --debug          print the update's debug log on standard error\n"
	"      --debugfile=FILE write the update's debug log to FILE\n"
	"      --raw-errors     the first line on standard error is the abort code, or OTHER\n"
	"      --json           print the result as JSON on standard output\n"
	"  -v, --verbose        say more\n"
	"  -q, --quiet          say nothing but errors and the result\n"
	"      --help           show this help\n"
	"      --version        show the version\n"
	"\n"
	"Exit status: 0 the update is applied (also if it was before); 1 it is not, and\n"
	"the kernel is as it was; 130 the same, after a signal.\n";

enum { OPT_DEBUG = TOOL_OPT_OWN, OPT_DEBUGFILE, OPT_PARTIAL, OPT_REPLACE };

static const struct option long_options[] = {
	{ "partial", no_argument, NULL, OPT_PARTIAL },
	{ "replace", optional_argument, NULL, OPT_REPLACE },
	{ "debug", no_argument, NULL, OPT_DEBUG },
	{ "debugfile", required_argument, NULL, OPT_DEBUGFILE },
	TOOL_OPTION_RAW,
	TOOL_OPTIONS_VERBOSITY,
	TOOL_OPTIONS,
};

struct apply {
	struct tool tool;
	const char *path, *debugfile, *replace;
	bool debug, partial;
	int debug_fd; /* -1: none */
	struct ks_buf log;
	struct ks_pack *pack;
	struct ks_live_result result;
};

/* It goes to the kernel as a module's parameter. */
static struct ks_error *take_replace(struct apply *a, const char *list)
{
	if (list && (!*list || strspn(list, "abcdefghijklmnopqrstuvwxyz0123456789,") != strlen(list)))
		return ks_error_new(KS_E_USAGE, "--replace=%s: give the ids of updates, with commas between", list);
	a->replace = list ? list : "*";
	return NULL;
}

static struct ks_error *parse(int argc, char **argv, struct apply *a)
{
	struct ks_error *err = NULL;
	int c;

	while ((c = tool_option(&a->tool, argc, argv, ":vq", long_options, &err)) != -1) {
		if (c == OPT_DEBUG)
			a->debug = true;
		else if (c == OPT_DEBUGFILE)
			a->debugfile = optarg;
		else if (c == OPT_PARTIAL)
			a->partial = true;
		else if (c == OPT_REPLACE)
			err = take_replace(a, optarg);
		if (err)
			return err;
	}
	if (err)
		return err;
	if (optind + 1 != argc)
		return ks_error_new(KS_E_USAGE,
				    "give one update: a tarball, or a directory that one was unpacked to; try ksplice-apply --help");
	a->path = argv[optind];
	return NULL;
}

/* Before anything is applied: a log that cannot be written is found out now. */
static struct ks_error *open_debugfile(struct apply *a)
{
	if (!a->debugfile)
		return NULL;
	a->debug_fd = open(a->debugfile, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (a->debug_fd < 0)
		return ks_error_errno(errno, "--debugfile=%s: nothing was applied", a->debugfile);
	return NULL;
}

static struct ks_error *write_debugfile(struct apply *a)
{
	size_t done = 0;

	while (done < a->log.len) {
		ssize_t n = write(a->debug_fd, a->log.data + done, a->log.len - done);

		if (n < 0)
			return ks_error_errno(errno, "--debugfile=%s", a->debugfile);
		done += n;
	}
	return NULL;
}

static void show_log(struct apply *a)
{
	struct ks_error *err;

	if (a->debug && a->log.data)
		fputs(a->log.data, stderr);
	if (a->debug_fd < 0)
		return;
	err = write_debugfile(a);
	close(a->debug_fd);
	if (err)
		fprintf(stderr, "%s: %s\n", a->tool.name, ks_error_message(err));
	ks_error_free(err);
}

static struct ks_error *run(struct apply *a)
{
	struct ks_live_options how = {
		.report = ks_report_terminal(a->tool.verbosity),
		.log = &a->log,
		.partial = a->partial,
		.replace = a->replace,
	};
	struct ks_error *err = ks_pack_open(a->path, &a->pack);

	if (err && ks_error_code(err) == KS_E_INTERRUPTED)
		err = ks_error_prefix(err, "nothing was applied");
	if (!err)
		err = open_debugfile(a);
	if (err)
		return err;
	return ks_live_apply(&ks_live_system, a->pack, &how, &a->result);
}

static void add_names(struct ks_buf *text, const char *what, const struct ks_strv *names)
{
	for (size_t i = 0; i < names->len; i++)
		ks_buf_addf(text, "%s%s%s%s", i ? "" : " ", i ? "" : what, i ? ", " : ": ", names->v[i]);
	if (names->len)
		ks_buf_adds(text, ".");
}

/* "Done!", and what was not: the caller frees. */
static char *done_text(const struct apply *a)
{
	const struct ks_live_result *r = &a->result;
	struct ks_strv none = { 0 };
	struct ks_buf text = { 0 };

	ks_buf_adds(&text, "Done!");
	for (size_t i = 0; i < r->left_out.len; i++)
		if (!ks_strv_has(&r->on_disk, r->left_out.v[i]))
			ks_strv_add(&none, r->left_out.v[i]);
	add_names(&text, "Left out, for they are not loaded", &none);
	add_names(&text, "Not loaded yet; what will be loaded is fixed", &r->on_disk);
	add_names(&text, "Replaced and gone", &r->replaced);
	add_names(&text, "Fixed already, by the modules that are loaded", &r->fixed);
	ks_strv_free(&none);
	return ks_buf_steal(&text);
}

int main(int argc, char **argv)
{
	struct apply a = { .tool = { .name = "ksplice-apply", .usage = usage }, .debug_fd = -1 };
	struct ks_error *err = parse(argc, argv, &a);
	const char *id;
	char *text;
	int status = 0;

	ks_signals_init();
	if (!err)
		err = run(&a);
	text = done_text(&a);
	id = a.pack ? a.pack->manifest.id : NULL;
	/* The error comes last, unless its code has to come first. */
	if (!a.tool.raw_errors)
		show_log(&a);
	if (err)
		status = tool_fail(&a.tool, id, a.result.tries, err);
	else if (a.result.no_change)
		tool_done(&a.tool, id, "unchanged", 0, "The update is applied already.");
	else
		tool_done(&a.tool, id, "applied", a.result.tries, text);
	if (a.tool.raw_errors)
		show_log(&a);
	free(text);
	ks_live_result_clear(&a.result);
	ks_buf_free(&a.log);
	ks_pack_close(a.pack);
	return status;
}
