// SPDX-License-Identifier: GPL-2.0-only
/* What went wrong and what was done, for people and for the tools. */
#define pr_fmt(fmt) "ksplice: " fmt

#include <linux/kernel.h>

#include "update.h"

const char *const ksplice_abort_names[KSPLICE_NR_ABORTS] = {
#define X(sym, name, text) [KSPLICE_##sym] = name,
	KSPLICE_ABORT_CODES(X)
#undef X
};

static void append(struct ksplice_update *u, const char *fmt, va_list ap)
{
	int n;

	if (!u->log || u->log_len >= KSPLICE_LOG_MAX - 1)
		return;
	n = vscnprintf(u->log + u->log_len, KSPLICE_LOG_MAX - u->log_len, fmt, ap);
	u->log_len += n;
}

void ksplice_log(struct ksplice_update *u, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	append(u, fmt, ap);
	va_end(ap);
}

int ksplice_abort(struct ksplice_update *u, enum ksplice_abort cause, int ret, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vscnprintf(u->error, sizeof(u->error), fmt, ap);
	va_end(ap);
	u->abort = cause;
	ksplice_log(u, "abort: %s: %s\n", ksplice_abort_names[cause], u->error);
	pr_info("Update %s aborted: %s: %s\n", u->id, ksplice_abort_names[cause], u->error);
	return ret;
}
