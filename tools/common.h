/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tools that talk to the running kernel print alike. */
#ifndef KS_TOOLS_COMMON_H
#define KS_TOOLS_COMMON_H

#include <stdbool.h>

#include "base/error.h"

struct tool_output {
	const char *tool;
	bool raw_errors; /* the first line on stderr is the abort code, or OTHER */
	bool json;       /* one object on stdout */
};

/* Explains @err (and frees it); @id may be NULL.  Returns the exit status, 1. */
int tool_fail(const struct tool_output *out, const char *id, struct ks_error *err);

/* Says that it is done; @result is "applied", "reversed" or "unchanged". */
void tool_done(const struct tool_output *out, const char *id, const char *result, int tries, const char *text);

#endif
