/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the unit tests say: one "ok" or "not ok" line a check (TAP), which
 * tests/run counts, and an exit code.
 */
#ifndef KS_TEST_TAP_H
#define KS_TEST_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static int tap_count, tap_failures;

static __attribute__((unused, format(printf, 2, 3))) bool tap_ok(bool good, const char *fmt, ...)
{
	va_list ap;

	tap_count++;
	tap_failures += !good;
	printf("%s %d - ", good ? "ok" : "not ok", tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	return good;
}

/* No error; tells and frees one. */
static __attribute__((unused)) bool tap_fine(struct ks_error *err, const char *name)
{
	bool good = tap_ok(!err, "%s", name);

	if (err)
		printf("# %s\n", ks_error_message(err));
	ks_error_free(err);
	return good;
}

/* An error of that code whose message has @part; frees it. */
static __attribute__((unused)) bool tap_error(struct ks_error *err, enum ks_error_code code,
					      const char *part, const char *name)
{
	bool good = err && ks_error_code(err) == code && strstr(ks_error_message(err), part);

	tap_ok(good, "%s", name);
	if (!good)
		printf("# expected code %d with \"%s\", got %d \"%s\"\n", code, part,
		       err ? (int)ks_error_code(err) : 0, err ? ks_error_message(err) : "no error");
	ks_error_free(err);
	return good;
}

/* The test cannot go on without it. */
static __attribute__((unused)) void die(struct ks_error *err)
{
	if (!err)
		return;
	printf("Bail out! %s\n", ks_error_message(err));
	exit(1);
}

static __attribute__((unused)) int tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failures != 0;
}

#endif
