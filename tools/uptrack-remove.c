// SPDX-License-Identifier: GPL-2.0-only
/* uptrack-remove: takes updates, and what depends on them, out of the running kernel. */
#include <stdlib.h>

#include "base/proc.h"
#include "base/term.h"
#include "uptrack.h"

static const char usage[] =
	"Usage: uptrack-remove [OPTION]... ID...\n"
	"       uptrack-remove [OPTION]... --all\n"
	"Remove updates from the running kernel, and those that depend on them; they are not\n"
	"applied at the next boot, either.  No network is needed.\n"
	"\n"
	"      --all        all updates that are applied\n" UPTRACK_OPTIONS_TEXT UPTRACK_EXIT_TEXT;

enum { OPT_ALL = UPTRACK_OPT_OWN };

static const struct option long_options[] = {
	{ "all", no_argument, NULL, OPT_ALL },
	UPTRACK_OPTIONS,
};

static struct ks_error *parse(int argc, char **argv, struct uptrack *u, bool *all,
			      struct ks_strv *ids)
{
	struct ks_error *err = NULL;
	int c;

	while ((c = tool_option(&u->tool, argc, argv, ":vqynV", long_options, &err)) != -1) {
		if (!uptrack_option(u, c, &err))
			*all = true;
		if (err)
			return err;
	}
	if (!err)
		err = uptrack_arguments(u, argc, argv, ids);
	if (!err && *all != !ids->len)
		err = ks_error_new(KS_E_USAGE, "give the ids of updates, or --all; uptrack-show lists them");
	return err;
}

/* Without the index, only the kernel knows what depends on what: enough to remove updates. */
static void load(struct uptrack *u)
{
	struct ks_error *err = ks_client_load(&u->client);

	if (err)
		ks_note(u->opt.report, 0, "%s; going by what the kernel says.",
			ks_error_message(err));
	ks_error_free(err);
}

int main(int argc, char **argv)
{
	struct uptrack u = { .tool = { .name = "uptrack-remove", .usage = usage } };
	struct ks_strv ids = { 0 };
	bool all = false;
	struct ks_error *err = parse(argc, argv, &u, &all, &ids);
	int status;

	ks_signals_init();
	if (!err)
		err = uptrack_open(&u);
	if (!err)
		load(&u);
	if (!err)
		err = ks_plan_remove(u.client.index, &u.client.applied, all ? NULL : &ids, &u.plan);
	status = uptrack_end_plan(&u, err);
	ks_strv_free(&ids);
	return status;
}
