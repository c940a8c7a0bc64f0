/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tools show a person while they work.  The libraries report
 * progress through a struct ks_report that the tool passes in; they never
 * write to a terminal themselves.
 */
#ifndef KS_BASE_TERM_H
#define KS_BASE_TERM_H

#include <stddef.h>

struct ks_report {
	/* A step begins ("Building pre objects"). */
	void (*step)(struct ks_report *r, const char *what);
	/* n of total of the current step is done; total 0: not known. */
	void (*progress)(struct ks_report *r, size_t n, size_t total, const char *what);
	/* Something the user should know (level 0), detail (1), debugging (2). */
	void (*note)(struct ks_report *r, int level, const char *text);
};

/* All accept a NULL @r. */
void ks_step(struct ks_report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void ks_progress(struct ks_report *r, size_t n, size_t total, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void ks_note(struct ks_report *r, int level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * The terminal's report: steps and notes on stderr, progress as one line that
 * is redrawn where stderr is a terminal and left out where it is not.
 * verbosity: -1 quiet (nothing), 0 normal, 1 -v, 2 -vv.
 */
struct ks_report *ks_report_terminal(int verbosity);

/* Takes the progress line off the terminal: before a tool prints its error. */
void ks_report_end(void);

#endif
