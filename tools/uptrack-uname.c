// SPDX-License-Identifier: GPL-2.0-only
/* uptrack-uname: uname(1) of the kernel whose fixes the running one has (lib/uptrack). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/proc.h"
#include "uptrack.h"

static const char usage[] =
	"Usage: uptrack-uname [-a|-r]\n"
	"Print the effective kernel: the release whose fixes the running kernel has.\n"
	"\n"
	"  -r, --kernel-release  only that (the default)\n"
	"  -a, --all             the line of uname -a, with that release and its version\n"
	"      --json            running and effective release and version, as JSON\n"
	"  -V, --version         show the version\n"
	"      --help            show this help\n"
	"\n"
	"Exit status: 0; 1 an error.\n";

static const struct option long_options[] = {
	{ "kernel-release", no_argument, NULL, 'r' },
	{ "all", no_argument, NULL, 'a' },
	{ "json", no_argument, NULL, TOOL_OPT_JSON },
	{ "help", no_argument, NULL, TOOL_OPT_HELP },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static struct ks_error *parse(int argc, char **argv, struct uptrack *u, bool *all)
{
	struct ks_error *err = NULL;
	int c;

	while ((c = tool_option(&u->tool, argc, argv, ":raV", long_options, &err)) != -1) {
		if (c == 'a')
			*all = true;
		else
			uptrack_option(u, c, &err);
	}
	if (!err && optind != argc)
		err = ks_error_new(KS_E_USAGE, "%s: uptrack-uname takes no arguments",
				   argv[optind]);
	return err;
}

static struct ks_error *print_all(const struct ks_client *c)
{
	const struct ks_index_update *u = c->index ? ks_plan_effective(c->index, &c->applied)
						   : NULL;
	struct utsname n;

	if (uname(&n))
		return ks_error_errno(errno, "uname");
	if (u)
		printf("%s %s %s #1 SMP Debian %s %s GNU/Linux\n", n.sysname, n.nodename, ks_client_effective(c),
		       u->version, n.machine);
	else
		printf("%s %s %s %s %s GNU/Linux\n", n.sysname, n.nodename, n.release, n.version, n.machine);
	return NULL;
}

static struct ks_error *print(const struct uptrack *u, bool all)
{
	const struct ks_client *c = &u->client;
	const struct ks_index_update *last = c->index ? ks_plan_effective(c->index, &c->applied)
						      : NULL;

	if (u->tool.json)
		tool_print_json(json_pack(
			"{s:o, s:o, s:o, s:o}", "release", ks_text_json(c->kernel.release),
			"version", ks_text_json(c->kernel.version), "effective_release",
			ks_text_json(ks_client_effective(c)), "effective_version",
			ks_text_json(last ? last->version : c->kernel.version)));
	else if (all)
		return print_all(c);
	else
		puts(ks_client_effective(c));
	return NULL;
}

int main(int argc, char **argv)
{
	struct uptrack u = { .tool = { .name = "uptrack-uname", .usage = usage },
			     .opt.look = true };
	bool all = false;
	struct ks_error *err = parse(argc, argv, &u, &all);

	ks_signals_init();
	if (!err)
		err = uptrack_open(&u);
	if (!err)
		err = ks_client_load(&u.client);
	if (!err)
		err = print(&u, all);
	u.tool.json = false; /* it is printed */
	return uptrack_end(&u, err, UPTRACK_DONE, "");
}
