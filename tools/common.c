// SPDX-License-Identifier: GPL-2.0-only
/* Options, results and errors of the tools; see common.h. */
#include "common.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/term.h"
#include "live/live.h"

/* How errors are told has to be known before the first one, which may be an option's. */
static void look_ahead(struct tool *tool, int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		tool->raw_errors |= !strcmp(argv[i], "--raw-errors");
		tool->json |= !strcmp(argv[i], "--json");
	}
}

static struct ks_error *wrong_option(const struct tool *tool, char **argv, int c)
{
	/* getopt() leaves 0 for an unknown long option, the value of a known one. */
	const char *what = c == ':' ? "needs a value" :
			   optopt > 255 ? "takes no value" :
			   optopt	? "is no option" :
					  "is no option, or not a unique part of one";

	if (optopt && optopt <= 255)
		return ks_error_new(KS_E_USAGE, "-%c %s; try %s --help", optopt, what, tool->name);
	return ks_error_new(KS_E_USAGE, "%s %s; try %s --help", argv[optind - 1], what, tool->name);
}

int tool_option(struct tool *tool, int argc, char **argv, const char *shorts,
		const struct option *longs, struct ks_error **err)
{
	int c;

	if (optind == 1)
		look_ahead(tool, argc, argv);
	opterr = 0;
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		switch (c) {
		case TOOL_OPT_HELP:
			fputs(tool->usage, stdout);
			exit(0);
		case TOOL_OPT_VERSION:
			printf("%s " KS_VERSION "\n", tool->name);
			exit(0);
		case TOOL_OPT_RAW:
			tool->raw_errors = true;
			break;
		case TOOL_OPT_JSON:
			tool->json = true;
			break;
		case 'v':
			tool->verbosity++;
			break;
		case 'q':
			tool->verbosity = -1;
			break;
		case '?':
		case ':':
			*err = wrong_option(tool, argv, c);
			return -1;
		default:
			return c;
		}
	}
	/* Nothing may come before the code on stderr. */
	if (tool->raw_errors)
		tool->verbosity = -1;
	return -1;
}

void tool_say(const char *fmt, va_list ap)
{
	ks_report_end();
	vprintf(fmt, ap);
	putchar('\n');
	fflush(stdout);
}

static void print_json(json_t *value, size_t flags)
{
	char *text = value ? json_dumps(value, flags) : NULL;

	if (text)
		puts(text);
	free(text);
	json_decref(value);
}

void tool_print_json(json_t *value)
{
	print_json(value, JSON_INDENT(2));
}

static void print_result(const char *id, const char *result, const char *code, int tries,
			 const char *message)
{
	print_json(json_pack("{s:o, s:s, s:o, s:i, s:o}", "id", ks_text_json(id), "result", result,
			     "abort_code", ks_text_json(code), "tries", tries, "message",
			     ks_text_json(message)),
		   0);
}

struct ks_error *tool_flush(void)
{
	if (fflush(stdout) || ferror(stdout))
		return ks_error_errno(errno, "cannot write to standard output");
	return NULL;
}

int tool_fail(const struct tool *tool, const char *id, int tries, struct ks_error *err)
{
	const char *code = ks_error_abort_code(err);
	const char *text = code ? ks_abort_text(code) : NULL;
	int status = ks_error_code(err) == KS_E_INTERRUPTED ? TOOL_EXIT_INTERRUPTED :
							      TOOL_EXIT_FAILED;

	ks_report_end();
	if (tool->raw_errors)
		fprintf(stderr, "%s\n", code ? code : "OTHER");
	if (code)
		fprintf(stderr, "%s: %s: %s\n", tool->name, code, ks_error_message(err));
	else
		fprintf(stderr, "%s: %s\n", tool->name, ks_error_message(err));
	if (text && !tool->raw_errors)
		fprintf(stderr, "%s\n", text);
	if (tool->json)
		print_result(id, "failed", code, tries, ks_error_message(err));
	ks_error_free(err);
	ks_error_free(tool_flush());
	return status;
}

void tool_done(const struct tool *tool, const char *id, const char *result, int tries,
	       const char *text)
{
	struct ks_error *err;

	ks_report_end();
	if (tool->json)
		print_result(id, result, NULL, tries, text);
	else
		puts(text);
	/* The kernel has changed all the same: this is no failure of the command. */
	err = tool_flush();
	if (err)
		fprintf(stderr, "%s: %s: %s\n", tool->name, text, ks_error_message(err));
	ks_error_free(err);
}
