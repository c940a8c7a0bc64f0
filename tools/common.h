/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tools that talk to the running kernel (ksplice-apply, -undo and
 * -view) have in common: options, results, errors and exit statuses.
 */
#ifndef KS_TOOLS_COMMON_H
#define KS_TOOLS_COMMON_H

#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"

#define TOOL_EXIT_FAILED 1
#define TOOL_EXIT_INTERRUPTED 130 /* what a shell says of a command that SIGINT ended */

struct tool {
	const char *name;
	const char *usage;
	bool raw_errors; /* the first line on stderr is the abort code, or OTHER */
	bool json;       /* one object on stdout */
	int verbosity;   /* as for ks_report_terminal() */
};

/* Values of long options; a tool's own start at TOOL_OPT_OWN. */
enum {
	TOOL_OPT_HELP = 256,
	TOOL_OPT_VERSION,
	TOOL_OPT_RAW,
	TOOL_OPT_JSON,
	TOOL_OPT_OWN,
};

#define TOOL_OPTIONS_VERBOSITY \
	{ "verbose", no_argument, NULL, 'v' }, { "quiet", no_argument, NULL, 'q' }
#define TOOL_OPTION_RAW { "raw-errors", no_argument, NULL, TOOL_OPT_RAW }
#define TOOL_OPTIONS \
	{ "json", no_argument, NULL, TOOL_OPT_JSON }, { "help", no_argument, NULL, TOOL_OPT_HELP }, \
	{ "version", no_argument, NULL, TOOL_OPT_VERSION }, { NULL, 0, NULL, 0 }

/*
 * The next option that is the tool's own, or -1 at the end; --help and
 * --version end the process.  A wrong option is *err and -1.  @shorts as for
 * getopt_long(), and starts with a colon.
 */
int tool_option(struct tool *tool, int argc, char **argv, const char *shorts,
		const struct option *longs, struct ks_error **err);

/*
 * Explains @err (and frees it) on stderr, with --json on stdout, too; @id may
 * be NULL.  Returns the exit status.
 */
int tool_fail(const struct tool *tool, const char *id, int tries, struct ks_error *err);

/* Says that it is done; @result is "applied", "reversed" or "unchanged". */
void tool_done(const struct tool *tool, const char *id, const char *result, int tries,
	       const char *text);

/* A line for people, on standard output, behind any progress. */
void tool_say(const char *fmt, va_list ap);

/* As JSON text, indented; takes @value over. */
void tool_print_json(json_t *value);

/* Did all of the output arrive?  A full disk shows only here. */
struct ks_error *tool_flush(void) KS_MUST_CHECK;

#endif
