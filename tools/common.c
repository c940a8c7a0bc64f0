// SPDX-License-Identifier: GPL-2.0-only
/* Results and errors of the tools; see common.h. */
#include "common.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/term.h"
#include "live/live.h"

static void print_json(json_t *object)
{
	char *text = object ? json_dumps(object, 0) : NULL;

	if (text)
		puts(text);
	free(text);
	json_decref(object);
}

int tool_fail(const struct tool_output *out, const char *id, struct ks_error *err)
{
	const char *code = ks_error_abort_code(err);
	const char *text = code ? ks_abort_text(code) : NULL;

	ks_report_end();
	if (out->raw_errors)
		fprintf(stderr, "%s\n", code ? code : "OTHER");
	if (code)
		fprintf(stderr, "%s: %s: %s\n", out->tool, code, ks_error_message(err));
	else
		fprintf(stderr, "%s: %s\n", out->tool, ks_error_message(err));
	if (text && !out->raw_errors)
		fprintf(stderr, "%s\n", text);
	if (out->json)
		print_json(json_pack("{s:s?, s:s, s:s?, s:s}", "id", id, "result", "failed", "abort_code", code,
				     "message", ks_error_message(err)));
	ks_error_free(err);
	return 1;
}

void tool_done(const struct tool_output *out, const char *id, const char *result, int tries, const char *text)
{
	if (out->json)
		print_json(json_pack("{s:s, s:s, s:s?, s:i}", "id", id, "result", result, "abort_code", NULL,
				     "tries", tries));
	else
		puts(text);
}
