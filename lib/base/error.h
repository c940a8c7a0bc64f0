/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Errors as values: every fallible function of the libraries returns a struct
 * ks_error pointer, NULL for success.  Libraries never print and never exit;
 * only the tools under tools/ do.
 *
 * A message says what failed, where, and what to do next, in that order, so
 * that the tool can print it as it is.
 */
#ifndef KS_BASE_ERROR_H
#define KS_BASE_ERROR_H

#include <stdarg.h>
#include <stddef.h>

/* What a tool's exit code and a script's decision depend on. */
enum ks_error_code {
	KS_E_FAILED = 1,   /* anything without a code of its own */
	KS_E_USAGE,        /* the caller asked for something that makes no sense */
	KS_E_NOMEM,        /* out of memory (a static error, never allocated) */
	KS_E_SYSTEM,       /* a system call failed; the message holds strerror */
	KS_E_INPUT,        /* a file that came from outside is malformed */
	KS_E_REFUSED,      /* understood, and it cannot be done safely */
	KS_E_NO_CHANGES,   /* the patch changes no object code */
	KS_E_NETWORK,      /* a package or file could not be fetched */
	KS_E_ABORTED,      /* the kernel aborted; ks_error_abort_code() is set */
	KS_E_INTERRUPTED,  /* a signal asked us to stop */
	KS_E_DENIED,       /* a server wants an access key, or another one */
	KS_E_UNSERVED,     /* the repository does not serve this kernel */
	KS_E_OUTDATED,     /* the repository wants a newer client */
};

struct ks_error;

#define KS_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define KS_MUST_CHECK __attribute__((warn_unused_result))

/* Never returns NULL: when memory is short it is the static KS_E_NOMEM error. */
struct ks_error *ks_error_new(enum ks_error_code code, const char *fmt, ...) KS_PRINTF(2, 3);

/* A KS_E_SYSTEM error: the message, then ": " and strerror(errnum). */
struct ks_error *ks_error_errno(int errnum, const char *fmt, ...) KS_PRINTF(2, 3);

struct ks_error *ks_error_nomem(void);

/*
 * Puts "<prefix>: " before the message of @err and returns it.  Passes NULL
 * through, so that it can wrap a call's result directly.
 */
struct ks_error *ks_error_prefix(struct ks_error *err, const char *fmt, ...) KS_PRINTF(2, 3);

/* Replaces the code of @err; passes NULL through. */
struct ks_error *ks_error_recode(struct ks_error *err, enum ks_error_code code);

/* The kernel's abort code by name ("no_match"), or NULL where there is none. */
struct ks_error *ks_error_set_abort(struct ks_error *err, const char *abort_code);
const char *ks_error_abort_code(const struct ks_error *err);

enum ks_error_code ks_error_code(const struct ks_error *err);
const char *ks_error_message(const struct ks_error *err);

/* Accepts NULL and the static error. */
void ks_error_free(struct ks_error *err);

#endif
