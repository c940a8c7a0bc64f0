// SPDX-License-Identifier: GPL-2.0-only
/*
 * The compiler check, first step of a build: the same source gives the same
 * code only with the compiler and binutils that built the kernel.
 *
 * The configuration says CONFIG_CC_VERSION_TEXT="gcc-12 (Debian
 * 12.2.0-14+deb12u1) 12.2.0": the command's name, then what the first line of
 * its --version says behind the name.  Distributions install the same
 * compiler under several names (gcc, gcc-12, x86_64-linux-gnu-gcc-12), so the
 * name is only where we look first.
 */
#include <stdlib.h>
#include <string.h>

#include "base/proc.h"
#include "build/state.h"

/* The first line of what "COMMAND --version" prints; NULL where it does not run. */
static char *version_line(const char *command)
{
	const char *const env[] = { "LC_ALL=C", "LANG", "LANGUAGE", NULL };
	const char *argv[] = { command, "--version", NULL };
	struct ks_buf out = { 0 }, noise = { 0 };
	struct ks_proc p = { .argv = argv, .env = env, .out = &out, .err = &noise };
	struct ks_error *err;
	char *line = NULL;
	int status;

	err = ks_proc_run(&p, &status);
	if (!err && !status && out.len)
		line = ks_strndup(out.data, strcspn(out.data, "\n"));
	ks_error_free(err);
	ks_buf_free(&out);
	ks_buf_free(&noise);
	return line;
}

/* What follows the command's name. */
static const char *after_name(const char *text)
{
	text += strcspn(text, " ");
	return *text ? text + 1 : text;
}

/* More than any part of a version. */
#define MAX_PART 999999

/* 24000 for "GNU ld (GNU Binutils for Debian) 2.40"; 0 where there is no number at the end. */
static long binutils_number(const char *text)
{
	const char *last = strrchr(text, ' ');
	long part[3] = { 0 };
	char *end;

	if (!last)
		return 0;
	last++;
	for (int i = 0; i < 3; i++) {
		part[i] = strtol(last, &end, 10);
		if (end == last || part[i] < 0 || part[i] > MAX_PART)
			return 0;
		if (*end != '.')
			break;
		last = end + 1;
	}
	return part[0] * 10000 + part[1] * 100 + part[2];
}

static char *number_text(const char *value)
{
	long n = strtol(value, NULL, 10);

	return n % 100 ? ks_asprintf("%ld.%ld.%ld", n / 10000, n / 100 % 100, n % 100)
		       : ks_asprintf("%ld.%ld", n / 10000, n / 100 % 100);
}

/* Looks for the compiler by its name in the config, then by the usual ones. */
static struct ks_error *find_compiler(struct ks_build *b, const char *wanted)
{
	const char *gcc = ks_config_get(b->config, "GCC_VERSION");
	long major = gcc ? strtol(gcc, NULL, 10) / 10000 : 0;
	struct ks_strv names = { 0 };
	struct ks_error *err = NULL;

	if (wanted)
		ks_strv_addf(&names, "%.*s", (int)strcspn(wanted, " "), wanted);
	if (major)
		ks_strv_addf(&names, "gcc-%ld", major);
	ks_strv_add(&names, "gcc");
	for (size_t i = 0; i < names.len; i++) {
		char *text = ks_proc_have(names.v[i]) ? version_line(names.v[i]) : NULL;
		bool same = text && wanted && !strcmp(after_name(text), after_name(wanted));

		/* The first one that runs is what --force-compiler goes on with. */
		if (text && (same || !b->cc)) {
			free(b->cc);
			free(b->cc_text);
			b->cc = ks_strdup(names.v[i]);
			b->cc_text = text;
			text = NULL;
		}
		free(text);
		if (same)
			break;
	}
	if (ks_interrupted())
		err = ks_interrupted_error();
	else if (!b->cc)
		err = ks_error_new(KS_E_FAILED,
				   "no C compiler: the kernel was built with %s; install that compiler (on Debian: the package %s)",
				   wanted ? wanted : "gcc", names.v[0]);
	ks_strv_free(&names);
	return err;
}

static void mismatch(struct ks_buf *out, const char *what, const char *wanted, const char *found)
{
	ks_buf_addf(out, "%s%s is \"%s\", but the kernel was built with \"%s\"",
		    out->len ? "; " : "", what, found, wanted);
}

static struct ks_error *compare_binutils(struct ks_build *b, const char *tool, const char *option,
					 char **text, struct ks_buf *differ)
{
	const char *wanted = ks_config_get(b->config, option);
	char *number;

	free(*text);
	*text = version_line(tool);
	if (!*text)
		return ks_error_new(KS_E_FAILED, "cannot run %s: install binutils", tool);
	/* 0: clang's own assembler, or a kernel that does not record it. */
	if (!wanted || !strtol(wanted, NULL, 10) ||
	    binutils_number(*text) == strtol(wanted, NULL, 10))
		return NULL;
	number = number_text(wanted);
	mismatch(differ, tool, number, *text);
	free(number);
	return NULL;
}

struct ks_error *ks_compiler_check(struct ks_build *b)
{
	const char *wanted = ks_config_get(b->config, "CC_VERSION_TEXT");
	struct ks_buf differ = { 0 };
	struct ks_error *err;

	if (b->cc)
		return NULL;
	if (ks_config_get(b->config, "CC_IS_CLANG"))
		return ks_error_new(KS_E_REFUSED,
				    "the kernel was built with clang (\"%s\"): this version of ksplice handles kernels built with gcc only",
				    wanted ? wanted : "");
	err = find_compiler(b, wanted);
	if (err)
		return err;
	if (!wanted)
		ks_note(b->report, 0,
			"the configuration does not say which compiler built the kernel; taking %s",
			b->cc_text);
	else if (strcmp(after_name(b->cc_text), after_name(wanted)))
		mismatch(&differ, b->cc, wanted, b->cc_text);
	err = compare_binutils(b, "as", "AS_VERSION", &b->as_text, &differ);
	if (!err)
		err = compare_binutils(b, "ld", "LD_VERSION", &b->ld_text, &differ);
	if (!err && differ.len && !b->force_compiler)
		err = ks_error_new(KS_E_REFUSED,
				   "the compiler differs: %s. Install the kernel's one; or try --force-compiler: what it compiles otherwise is refused when the update is applied, not before",
				   differ.data);
	else if (!err && differ.len)
		ks_note(b->report, 0, "going on with a compiler that differs: %s", differ.data);
	ks_buf_free(&differ);
	if (err) {
		/* A caller that asks again gets the same answer. */
		free(b->cc);
		b->cc = NULL;
	}
	return err;
}
