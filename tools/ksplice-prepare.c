// SPDX-License-Identifier: GPL-2.0-only
/*
 * ksplice-prepare: the first command of the pipeline.  Puts the exact source
 * of a stock kernel into a directory, with what ksplice-create needs beside it.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/term.h"
#include "distro/kernel.h"
#include "distro/needs.h"
#include "distro/release.h"
#include "distro/tree.h"

#ifndef KS_VERSION
#define KS_VERSION "unknown"
#endif

#define NAME "ksplice-prepare"

enum action {
	PREPARE,
	LIST,
	NEWEST,
};

struct options {
	enum action action;
	const char *pattern; /* of --newest */
	int verbosity;
};

static const char usage[] =
	"Usage: " NAME " [OPTION]... [RELEASE] DIRECTORY\n"
	"       " NAME " --list\n"
	"       " NAME " --newest[=PATTERN]\n"
	"\n"
	"Unpacks the exact source of the kernel RELEASE (default: the running kernel)\n"
	"into DIRECTORY, and its configuration, symbols and headers into\n"
	"DIRECTORY/ksplice, for ksplice-create.  Everything comes from apt; nothing is\n"
	"installed, and root is not needed.\n"
	"\n"
	"  --list              print the releases that can be prepared, with the version\n"
	"                      of their packages; with -v also the others, and why not\n"
	"  --newest[=PATTERN]  print the newest release that can be prepared and whose\n"
	"                      name matches the shell pattern (\"6.1.*-cloud-amd64\")\n"
	"  -q, --quiet         print errors only\n"
	"  -v, --verbose       print more; twice: still more\n"
	"      --help          print this text\n"
	"      --version       print the version\n"
	"\n"
	"Exit status: 0 done (or was done before), 1 wrong usage or unknown release,\n"
	"2 failed, 10 a package could not be downloaded, 130 interrupted.\n";

enum {
	OPT_HELP = 256,
	OPT_VERSION,
	OPT_LIST,
	OPT_NEWEST,
};

static const struct option long_options[] = {
	{ "list", no_argument, NULL, OPT_LIST },
	{ "newest", optional_argument, NULL, OPT_NEWEST },
	{ "quiet", no_argument, NULL, 'q' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ 0 },
};

static int exit_code(const struct ks_error *err)
{
	switch (ks_error_code(err)) {
	case KS_E_USAGE:
		return 1;
	case KS_E_NETWORK:
		return 10;
	case KS_E_INTERRUPTED:
		return 130;
	default:
		return 2;
	}
}

static int fail(struct ks_error *err)
{
	int code = exit_code(err);

	ks_report_end();
	fprintf(stderr, NAME ": %s\n", ks_error_message(err));
	ks_error_free(err);
	return code;
}

static struct ks_error *list(const struct options *o)
{
	struct ks_catalogue c;
	struct ks_error *err;
	size_t shown = 0;

	err = ks_catalogue_read(&c);
	if (err)
		return err;
	ks_vec_for(&c, r) {
		if (r->lacks && o->verbosity < 1)
			continue;
		printf("%s %s%s%s%s\n", r->release, r->version, r->lacks ? " (lacks " : "",
		       r->lacks ? r->lacks : "", r->lacks ? ")" : "");
		shown += !r->lacks;
	}
	if (!c.len)
		err = ks_apt_empty_error();
	else if (!shown)
		err = ks_error_new(KS_E_FAILED,
				   "no kernel has image, headers and source of one version"
				   " in apt's lists; run as root: apt-get update");
	ks_catalogue_free(&c);
	return err;
}

static struct ks_error *newest(const struct options *o)
{
	const struct ks_release *r;
	struct ks_catalogue c;
	struct ks_error *err;

	err = ks_catalogue_read(&c);
	if (err)
		return err;
	err = ks_distro_newest(&c, o->pattern, &r);
	if (!err)
		printf("%s\n", r->release);
	ks_catalogue_free(&c);
	return err;
}

/* Says what else ksplice-create will want: now, and not in the middle of its work. */
static struct ks_error *note_needs(const char *dir, struct ks_report *r)
{
	char *config = ks_asprintf("%s/ksplice/.config", dir);
	struct ks_strv missing = { 0 };
	struct ks_buf line = { 0 };
	struct ks_error *err;

	err = ks_needs_missing(config, &missing);
	for (size_t i = 0; i < missing.len; i++)
		ks_buf_addf(&line, " %s", missing.v[i]);
	if (!err && line.len)
		ks_note(r, 0, "To make updates here, run as root: apt-get install%s", line.data);
	ks_buf_free(&line);
	ks_strv_free(&missing);
	free(config);
	return err;
}

static struct ks_error *prepare(const char *release, const char *dir, struct ks_report *r)
{
	struct ks_kernel_info info;
	struct ks_error *err;
	bool already;

	err = ks_tree_prepare(release, dir, r, &info, &already);
	if (err)
		return err;
	if (already)
		ks_note(r, 0, "%s is already prepared for %s (%s)", dir, info.release,
			info.version);
	else
		ks_note(r, 0, "%s is ready: source, configuration, symbols and headers of %s (%s)",
			dir, info.release, info.version);
	ks_kernel_info_free(&info);
	return note_needs(dir, r);
}

static int usage_error(const char *what)
{
	fprintf(stderr, NAME ": %s; " NAME " --help tells more\n", what);
	return 1;
}

int main(int argc, char **argv)
{
	struct options o = { .action = PREPARE };
	struct ks_report *report;
	struct ks_error *err;
	int c, n;

	while ((c = getopt_long(argc, argv, "qv", long_options, NULL)) != -1) {
		switch (c) {
		case 'q':
			o.verbosity = -1;
			break;
		case 'v':
			o.verbosity = o.verbosity < 0 ? 1 : o.verbosity + 1;
			break;
		case OPT_LIST:
			o.action = LIST;
			break;
		case OPT_NEWEST:
			o.action = NEWEST;
			o.pattern = optarg;
			break;
		case OPT_HELP:
			fputs(usage, stdout);
			return 0;
		case OPT_VERSION:
			printf(NAME " %s\n", KS_VERSION);
			return 0;
		default:
			return usage_error("wrong option");
		}
	}
	n = argc - optind;
	if (o.action != PREPARE && n)
		return usage_error("--list and --newest take no arguments");
	if (o.action == PREPARE && n < 1)
		return usage_error("name the directory");
	if (n > 2)
		return usage_error("too many arguments");
	if (o.action == PREPARE && (!*argv[argc - 1] || !*argv[optind]))
		return usage_error("an argument is empty");
	ks_signals_init();
	report = ks_report_terminal(o.verbosity);
	if (o.action == LIST)
		err = list(&o);
	else if (o.action == NEWEST)
		err = newest(&o);
	else
		err = prepare(n == 2 ? argv[optind] : NULL, argv[argc - 1], report);
	ks_report_end();
	if (err)
		return fail(err);
	if (fflush(stdout) || ferror(stdout)) {
		perror(NAME ": cannot write to the standard output");
		return 2;
	}
	return 0;
}
