/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the commands of the client (uptrack-upgrade, -install, -remove and -show)
 * have in common: options, exit statuses, the dialogue about a plan, results.
 */
#ifndef KS_TOOLS_UPTRACK_H
#define KS_TOOLS_UPTRACK_H

#include "common.h"
#include "uptrack/act.h"
#include "uptrack/client.h"

/* Scripts know these. */
enum {
	UPTRACK_DONE = 0,
	UPTRACK_FAILED = 1,
	UPTRACK_NETWORK = 10,
	UPTRACK_INTERNAL = 11,
	UPTRACK_DECLINED = 12,
	UPTRACK_UNSERVED = 13,
	UPTRACK_DENIED = 14,
	UPTRACK_OUTDATED = 15,
};

#define UPTRACK_EXIT_TEXT \
	"\n" \
	"Exit status: 0 done; 1 failed; 10 the repository cannot be reached; 11 an internal\n" \
	"error; 12 declined; 13 the repository does not serve this kernel, or no longer; 14\n" \
	"the access key is not accepted; 15 the repository wants a newer client; 130 a signal.\n"

struct uptrack {
	struct tool tool;
	struct ks_client_options opt;
	struct ks_client client;
	struct ks_outcome outcome;
	struct ks_plan plan;
	bool yes, no; /* -y, -n */
};

enum { OPT_REPO = TOOL_OPT_OWN, OPT_WAIT, UPTRACK_OPT_OWN };

#define UPTRACK_OPTIONS \
	{ "yes", no_argument, NULL, 'y' }, { "dry-run", no_argument, NULL, 'n' }, \
	{ "wait", required_argument, NULL, OPT_WAIT }, TOOL_OPTIONS_VERBOSITY, \
	{ "json", no_argument, NULL, TOOL_OPT_JSON }, { "help", no_argument, NULL, TOOL_OPT_HELP }, \
	{ "version", no_argument, NULL, 'V' }, { NULL, 0, NULL, 0 }

#define UPTRACK_OPTIONS_TEXT \
	"  -y, --yes        don't ask, do it\n" \
	"  -n, --dry-run    show what would be done, and do nothing\n" \
	"      --wait=N     while tasks are in the way, try again for N seconds\n" \
	"      --json       print the result as JSON on standard output\n" \
	"  -v, --verbose    say more\n" \
	"  -q, --quiet      say nothing but errors\n" \
	"  -V, --version    show the version\n" \
	"      --help       show this help\n"

/* Takes an option that they have in common, or returns false. */
bool uptrack_option(struct uptrack *u, int c, struct ks_error **err);

/* The arguments behind the options, added to @ids, and what options must not come together. */
struct ks_error *uptrack_arguments(const struct uptrack *u, int argc, char **argv,
				   struct ks_strv *ids) KS_MUST_CHECK;

/* Opens the client on this machine; what it writes others may read, whatever the umask. */
struct ks_error *uptrack_open(struct uptrack *u) KS_MUST_CHECK;

/* Shows the plan and has it done, where that is wanted: done, or *declined. */
struct ks_error *uptrack_do(struct uptrack *u, bool *declined) KS_MUST_CHECK;

/* What the repository has to say beside its updates. */
void uptrack_show_alerts(const struct uptrack *u);

/* A line for people, on standard output; not with -q or --json. */
void uptrack_say(const struct uptrack *u, const char *fmt, ...) KS_PRINTF(2, 3);

/*
 * The end of a run that had @err (which is freed), or NULL, and @text: prunes the
 * cache, writes the status, says what there is to say.  Returns the exit status.
 */
int uptrack_end(struct uptrack *u, struct ks_error *err, int status, const char *text);

/* The same for a run that has a plan, which is done first where there is no @err. */
int uptrack_end_plan(struct uptrack *u, struct ks_error *err);

#endif
