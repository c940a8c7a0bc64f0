// SPDX-License-Identifier: GPL-2.0-only
/* What went wrong and what was done, for people and for the tools. */
#define pr_fmt(fmt) "ksplice: " fmt

#include <linux/kallsyms.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "update.h"

const char *const ksplice_abort_names[KSPLICE_NR_ABORTS] = {
#define X(sym, name, text) [KSPLICE_##sym] = name,
	KSPLICE_ABORT_CODES(X)
#undef X
};

/* Detail must not take the room of what an abort has to say. */
#define DETAIL_MAX (KSPLICE_LOG_MAX - 4096)

void ksplice_log(struct ksplice_update *u, const char *fmt, ...)
{
	va_list ap;

	if (u->log_len >= DETAIL_MAX)
		return;
	va_start(ap, fmt);
	u->log_len += vscnprintf(u->log + u->log_len, DETAIL_MAX - u->log_len, fmt, ap);
	va_end(ap);
	if (u->log_len == DETAIL_MAX - 1)
		u->log[u->log_len++] = '\n';
}

int ksplice_abort(struct ksplice_update *u, enum ksplice_abort cause, int ret, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vscnprintf(u->error, sizeof(u->error), fmt, ap);
	va_end(ap);
	u->abort = cause;
	u->log_len += scnprintf(u->log + u->log_len, KSPLICE_LOG_MAX - u->log_len,
				"abort: %s: %s\n", ksplice_abort_names[cause], u->error);
	pr_info("Update %s aborted: %s: %s\n", u->id, ksplice_abort_names[cause], u->error);
	return ret;
}

void ksplice_conflict_place(const struct ksplice_conflict *x, char *buf, size_t size)
{
	char symbol[KSYM_SYMBOL_LEN];

	if (!x->addr) {
		strscpy(buf, "unknown", size);
	} else if (!x->name[0]) {
		/* The new code: the kernel knows its symbols, as "name+0x1/0x2 [module]". */
		sprint_symbol(symbol, x->addr);
		symbol[strcspn(symbol, "/ ")] = 0;
		strscpy(buf, symbol, size);
	} else {
		scnprintf(buf, size, "%s+0x%lx", x->name, x->offset);
	}
}
