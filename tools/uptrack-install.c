// SPDX-License-Identifier: GPL-2.0-only
/* uptrack-install: single updates of the repository, with what they depend on (lib/uptrack). */
#include <stdlib.h>

#include "base/proc.h"
#include "uptrack.h"

static const char usage[] =
	"Usage: uptrack-install [OPTION]... ID...\n"
	"Install updates of the running kernel, and what they depend on; uptrack-show\n"
	"--available lists the ids.\n"
	"\n"
	"      --repo=REPO  the repository: a URL, or a directory (default: update_repo_url in\n"
	"                   /etc/uptrack/uptrack.conf)\n" UPTRACK_OPTIONS_TEXT UPTRACK_EXIT_TEXT;

static const struct option long_options[] = {
	{ "repo", required_argument, NULL, OPT_REPO },
	UPTRACK_OPTIONS,
};

static struct ks_error *parse(int argc, char **argv, struct uptrack *u, struct ks_strv *ids)
{
	struct ks_error *err = NULL;
	int c;

	while ((c = tool_option(&u->tool, argc, argv, ":vqynV", long_options, &err)) != -1) {
		uptrack_option(u, c, &err);
		if (err)
			return err;
	}
	if (!err)
		err = uptrack_arguments(u, argc, argv, ids);
	if (!err && !ids->len)
		err = ks_error_new(KS_E_USAGE, "give the ids of updates; uptrack-show --available lists them");
	return err;
}

int main(int argc, char **argv)
{
	struct uptrack u = { .tool = { .name = "uptrack-install", .usage = usage } };
	struct ks_strv ids = { 0 };
	struct ks_error *err = parse(argc, argv, &u, &ids);
	int status;

	ks_signals_init();
	if (!err)
		err = uptrack_open(&u);
	if (!err)
		err = ks_client_refresh(&u.client);
	if (!err) {
		uptrack_show_alerts(&u);
		err = ks_plan_install(u.client.index, &u.client.applied, &ids, &u.plan);
	}
	status = uptrack_end_plan(&u, err);
	ks_strv_free(&ids);
	return status;
}
