// SPDX-License-Identifier: GPL-2.0-only
/* ksplice-undo: reverses an update of the running kernel. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/proc.h"
#include "common.h"
#include "live/apply.h"

static const char usage[] =
	"Usage: ksplice-undo [OPTION]... ID\n"
	"Reverse an update of the running kernel.\n"
	"\n"
	"      --debugfile=FILE write the update's debug log to FILE\n"
	"      --raw-errors     the first line on standard error is the abort code, or OTHER\n"
	"      --json           print the result as JSON on standard output\n"
	"  -v, --verbose        say more\n"
	"  -q, --quiet          say nothing but errors and the result\n"
	"      --help           show this help\n"
	"      --version        show the version\n"
	"\n"
	"ksplice-view lists the ids.  Exit status: 0 the update is reversed; 1 it is not.\n";

enum { OPT_DEBUGFILE = 256, OPT_RAW, OPT_JSON, OPT_HELP, OPT_VERSION };

static const struct option long_options[] = {
	{ "debugfile", required_argument, NULL, OPT_DEBUGFILE },
	{ "raw-errors", no_argument, NULL, OPT_RAW },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "verbose", no_argument, NULL, 'v' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

struct options {
	struct tool_output out;
	const char *debugfile, *id;
	int verbosity;
};

static struct ks_error *parse(int argc, char **argv, struct options *opt)
{
	int c;

	while ((c = getopt_long(argc, argv, "vq", long_options, NULL)) != -1) {
		switch (c) {
		case OPT_DEBUGFILE:
			opt->debugfile = optarg;
			break;
		case OPT_RAW:
			opt->out.raw_errors = true;
			break;
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
			puts("ksplice-undo " KS_VERSION);
			exit(0);
		default:
			return ks_error_new(KS_E_USAGE, "try ksplice-undo --help");
		}
	}
	if (optind + 1 != argc)
		return ks_error_new(KS_E_USAGE, "give the id of one update; ksplice-view lists them");
	opt->id = argv[optind];
	return NULL;
}

int main(int argc, char **argv)
{
	struct options opt = { .out.tool = "ksplice-undo" };
	struct ks_live_options how = { 0 };
	struct ks_live_result result;
	struct ks_buf log = { 0 };
	struct ks_error *err = parse(argc, argv, &opt);
	int status = 0;

	ks_signals_init();
	if (!err) {
		how.report = ks_report_terminal(opt.verbosity);
		how.log = &log;
		err = ks_live_undo(&ks_live_system, opt.id, &how, &result);
		if (opt.debugfile && log.data) {
			struct ks_error *log_err = ks_file_write(opt.debugfile, log.data, log.len, 0644);

			if (log_err)
				fprintf(stderr, "ksplice-undo: %s\n", ks_error_message(log_err));
			ks_error_free(log_err);
		}
	}
	if (err) {
		status = tool_fail(&opt.out, opt.id, err);
	} else {
		if (result.pinned && opt.verbosity >= 0)
			fprintf(stderr,
				"The update's modules stay loaded: the kernel may still hold pointers into them.\n");
		tool_done(&opt.out, opt.id, "reversed", result.tries, "Done!");
	}
	ks_buf_free(&log);
	return status;
}
