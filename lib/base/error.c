// SPDX-License-Identifier: GPL-2.0-only
/* Errors as values; see error.h. */
#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ks_error {
	enum ks_error_code code;
	char *message;
	char *abort_code;
};

static struct ks_error nomem = {
	.code = KS_E_NOMEM,
	.message = (char *)"out of memory",
};

struct ks_error *ks_error_nomem(void)
{
	return &nomem;
}

static struct ks_error *wrap(enum ks_error_code code, char *message)
{
	struct ks_error *err = message ? calloc(1, sizeof(*err)) : NULL;

	if (!err) {
		free(message);
		return &nomem;
	}
	err->code = code;
	err->message = message;
	return err;
}

struct ks_error *ks_error_new(enum ks_error_code code, const char *fmt, ...)
{
	char *message;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&message, fmt, ap) < 0)
		message = NULL;
	va_end(ap);
	return wrap(code, message);
}

struct ks_error *ks_error_errno(int errnum, const char *fmt, ...)
{
	char *what, *message = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&what, fmt, ap) < 0)
		what = NULL;
	va_end(ap);
	if (what && asprintf(&message, "%s: %s", what, strerror(errnum)) < 0)
		message = NULL;
	free(what);
	return wrap(errnum == ENOMEM ? KS_E_NOMEM : KS_E_SYSTEM, message);
}

struct ks_error *ks_error_prefix(struct ks_error *err, const char *fmt, ...)
{
	char *prefix, *message;
	va_list ap;

	if (!err || err == &nomem)
		return err;
	va_start(ap, fmt);
	if (vasprintf(&prefix, fmt, ap) < 0)
		prefix = NULL;
	va_end(ap);
	if (prefix && asprintf(&message, "%s: %s", prefix, err->message) >= 0) {
		free(err->message);
		err->message = message;
	}
	free(prefix);
	return err;
}

struct ks_error *ks_error_recode(struct ks_error *err, enum ks_error_code code)
{
	if (err && err != &nomem)
		err->code = code;
	return err;
}

struct ks_error *ks_error_set_abort(struct ks_error *err, const char *abort_code)
{
	if (err && err != &nomem) {
		free(err->abort_code);
		err->abort_code = abort_code ? strdup(abort_code) : NULL;
		err->code = KS_E_ABORTED;
	}
	return err;
}

const char *ks_error_abort_code(const struct ks_error *err)
{
	return err ? err->abort_code : NULL;
}

enum ks_error_code ks_error_code(const struct ks_error *err)
{
	return err->code;
}

const char *ks_error_message(const struct ks_error *err)
{
	return err->message;
}

void ks_error_free(struct ks_error *err)
{
	if (!err || err == &nomem)
		return;
	free(err->abort_code);
	free(err->message);
	free(err);
}
