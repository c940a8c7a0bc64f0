/* SPDX-License-Identifier: GPL-2.0-only */
/* Child processes, run without a shell. */
#ifndef KS_BASE_PROC_H
#define KS_BASE_PROC_H

#include "base/buf.h"
#include "base/error.h"

struct ks_proc {
	const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH */
	const char *cwd; /* NULL: inherit */
	/* "NAME=value" to add or "NAME" to remove; NULL-terminated; may be NULL. */
	const char *const *env;
	struct ks_buf *out; /* NULL: stdout is inherited */
	struct ks_buf *err; /* NULL: inherited; may equal out: interleaved into one buffer */
	/*
	 * Called for each complete line of stdout and stderr as it arrives (no
	 * newline), beside what out and err collect; nothing is inherited then.
	 * May be NULL.
	 */
	void (*line)(void *arg, const char *line);
	void *arg;
	const char *input; /* fed to stdin; NULL: /dev/null */
};

/*
 * Runs the command and waits.  *status is the exit status (0..255), or 128 +
 * signal.  An error is returned only where the command could not be run at
 * all, or when a signal asked this process to stop (KS_E_INTERRUPTED: the
 * child's whole process group was sent SIGTERM and waited for).
 */
struct ks_error *ks_proc_run(const struct ks_proc *p, int *status) KS_MUST_CHECK;

/*
 * Runs and insists on exit status 0: otherwise an error with the command's
 * name and the last lines of what it printed.  Nothing is inherited: output
 * that no buffer collects is kept for the error only.
 */
struct ks_error *ks_proc_check(const struct ks_proc *p) KS_MUST_CHECK;

/* ks_proc_check() of argv with stdout to *out (may be NULL: thrown away). */
struct ks_error *ks_proc_output(const char *const *argv, struct ks_buf *out) KS_MUST_CHECK;

/* Is @name an executable in PATH? */
bool ks_proc_have(const char *name);

/*
 * SIGINT, SIGTERM and SIGHUP set a flag from now on instead of killing the
 * process, so that the tools can clean up.  ks_proc_run() looks at it; long
 * loops ask ks_interrupted().
 */
void ks_signals_init(void);
bool ks_interrupted(void);
struct ks_error *ks_interrupted_error(void);

#endif
