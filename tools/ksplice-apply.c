// SPDX-License-Identifier: GPL-2.0-only
/* ksplice-apply: applies an update to the running kernel. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/proc.h"
#include "common.h"
#include "live/apply.h"

static const char usage[] =
	"Usage: ksplice-apply [OPTION]... TARBALL|DIRECTORY\n"
	"Apply an update to the running kernel.\n"
	"\n"
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
	"the kernel is as it was.\n";

enum { OPT_DEBUG = 256, OPT_DEBUGFILE, OPT_RAW, OPT_JSON, OPT_HELP, OPT_VERSION, OPT_PARTIAL };

static const struct option long_options[] = {
	{ "debug", no_argument, NULL, OPT_DEBUG },
	{ "debugfile", required_argument, NULL, OPT_DEBUGFILE },
	{ "raw-errors", no_argument, NULL, OPT_RAW },
	{ "partial", no_argument, NULL, OPT_PARTIAL },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "verbose", no_argument, NULL, 'v' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

struct options {
	struct tool_output out;
	bool debug;
	const char *debugfile, *path;
	int verbosity;
};

static struct ks_error *parse(int argc, char **argv, struct options *opt)
{
	int c;

	while ((c = getopt_long(argc, argv, "vq", long_options, NULL)) != -1) {
		switch (c) {
		case OPT_DEBUG:
			opt->debug = true;
			break;
		case OPT_DEBUGFILE:
			opt->debugfile = optarg;
			break;
		case OPT_RAW:
			opt->out.raw_errors = true;
			break;
		case OPT_PARTIAL:
			return ks_error_new(KS_E_USAGE,
					    "--partial is about updates of kernel modules, which this version cannot make yet");
		case OPT_JSON:
			opt->out.json = true;
			break;
		case 'v':
			opt->verbosity++;
			break;
		case 'q':
			opt->verbosity = -1;
			break;
		case OPT_HELP:
			fputs(usage, stdout);
			exit(0);
		case OPT_VERSION:
			puts("ksplice-apply " KS_VERSION);
			exit(0);
		default:
			return ks_error_new(KS_E_USAGE, "try ksplice-apply --help");
		}
	}
	if (optind + 1 != argc)
		return ks_error_new(KS_E_USAGE, "give one update: a tarball, or a directory that it was unpacked to");
	opt->path = argv[optind];
	return NULL;
}

static void show_log(const struct options *opt, const struct ks_buf *log)
{
	struct ks_error *err = NULL;

	if (opt->debug && log->data)
		fputs(log->data, stderr);
	if (opt->debugfile)
		err = ks_file_write(opt->debugfile, log->data ? log->data : "", log->len, 0644);
	if (err)
		fprintf(stderr, "ksplice-apply: %s\n", ks_error_message(err));
	ks_error_free(err);
}

int main(int argc, char **argv)
{
	struct options opt = { .out.tool = "ksplice-apply" };
	struct ks_live_options how = { 0 };
	struct ks_live_result result;
	struct ks_buf log = { 0 };
	struct ks_pack *pack = NULL;
	struct ks_error *err = parse(argc, argv, &opt);
	int status = 0;

	ks_signals_init();
	if (!err)
		err = ks_pack_open(opt.path, &pack);
	if (!err) {
		how.report = ks_report_terminal(opt.verbosity);
		how.log = &log;
		err = ks_live_apply(&ks_live_system, pack, &how, &result);
		show_log(&opt, &log);
	}
	if (err)
		status = tool_fail(&opt.out, pack ? pack->manifest.id : NULL, err);
	else if (result.no_change)
		tool_done(&opt.out, pack->manifest.id, "unchanged", 0, "The update is applied already.");
	else
		tool_done(&opt.out, pack->manifest.id, "applied", result.tries, "Done!");
	ks_buf_free(&log);
	ks_pack_close(pack);
	return status;
}
