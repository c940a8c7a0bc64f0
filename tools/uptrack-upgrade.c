// SPDX-License-Identifier: GPL-2.0-only
/*
 * uptrack-upgrade: has the running kernel get all updates that the repository
 * has for it (lib/uptrack).  The systemd units call it, too: early at boot, later
 * at boot, and from time to time.
 */
#include <stdio.h>

#include "base/proc.h"
#include "uptrack.h"
#include "uptrack/boot.h"
#include "uptrack/log.h"
#include "uptrack/source.h"

static const char usage[] =
	"Usage: uptrack-upgrade [OPTION]...\n"
	"Install all updates that the repository has for the running kernel.\n"
	"\n"
	"      --repo=REPO  the repository: a URL, or a directory (default: update_repo_url in\n"
	"                   /etc/uptrack/uptrack.conf)\n" UPTRACK_OPTIONS_TEXT
	"\n"
	"For the systemd units; they ask nothing, and heed the off-switches:\n"
	"      --boot       apply what is installed, without a network\n"
	"      --survived   the machine is well: the next boot may apply it again\n"
	"      --late       upgrade if upgrade_on_reboot is set\n"
	"      --timer      ask the repository, if it is time to; upgrade if autoinstall is set\n"
	UPTRACK_EXIT_TEXT;

enum { OPT_BOOT = UPTRACK_OPT_OWN, OPT_SURVIVED, OPT_LATE, OPT_TIMER };

static const struct option long_options[] = {
	{ "repo", required_argument, NULL, OPT_REPO },
	{ "boot", no_argument, NULL, OPT_BOOT },
	{ "survived", no_argument, NULL, OPT_SURVIVED },
	{ "late", no_argument, NULL, OPT_LATE },
	{ "timer", no_argument, NULL, OPT_TIMER },
	UPTRACK_OPTIONS,
};

static struct ks_error *parse(int argc, char **argv, struct uptrack *u, int *mode)
{
	struct ks_error *err = NULL;
	int c;

	while ((c = tool_option(&u->tool, argc, argv, ":vqynV", long_options, &err)) != -1) {
		if (!uptrack_option(u, c, &err)) {
			if (*mode)
				err = ks_error_new(KS_E_USAGE, "give only one of --boot, --survived, --late and --timer");
			*mode = c;
		}
		if (err)
			return err;
	}
	if (!err && optind != argc)
		err = ks_error_new(KS_E_USAGE, "%s: uptrack-upgrade takes no arguments; uptrack-install installs single updates",
				   argv[optind]);
	if (!err && u->yes && u->no)
		err = ks_error_new(KS_E_USAGE, "give -y or -n, not both");
	return err;
}

/* The last words of a run that had no error. */
static const char *last_words(const struct uptrack *u, char *text, size_t size)
{
	const struct ks_client *c = &u->client;
	size_t left = ks_plan_available(c->index, &c->applied);

	if (u->no)
		snprintf(text, size, "%s", u->plan.steps.len ? "" : "Nothing to be done.");
	else if (!c->index->updates.len)
		snprintf(text, size, "No updates yet for this kernel.\nEffective kernel version is %s",
			 ks_client_effective(c));
	else
		snprintf(text, size, "%s%sEffective kernel version is %s",
			 u->plan.steps.len || left ? "" : "Nothing to be done.\n",
			 left ? "" : "Your kernel is fully up to date.\n", ks_client_effective(c));
	return text;
}

static int upgrade(struct uptrack *u)
{
	struct ks_client *c = &u->client;
	bool declined = false;
	char text[512] = "";
	struct ks_error *err = ks_client_refresh(c);
	int status = UPTRACK_DONE;

	if (!err) {
		uptrack_show_alerts(u);
		err = ks_plan_upgrade(c->index, &c->applied, c->config.effective_version, &u->plan);
	}
	if (!err)
		err = uptrack_do(u, &declined);
	if (declined)
		return uptrack_end(u, NULL, UPTRACK_DECLINED, "");
	if (!err) {
		last_words(u, text, sizeof(text));
		/* Whoever watches the exit status has to know that no more will come. */
		if (ks_source_retired(c))
			status = UPTRACK_UNSERVED;
	}
	return uptrack_end(u, err, status, text);
}

static int boot(struct uptrack *u)
{
	struct ks_client *c = &u->client;
	struct ks_error *err = NULL;

	if (!c->config.install_on_reboot)
		return uptrack_end(u, NULL, UPTRACK_DONE, "install_on_reboot is not set: nothing is applied.");
	err = ks_client_load(c);
	if (!err)
		err = ks_act_boot(c, &u->outcome);
	return uptrack_end(u, err, UPTRACK_DONE,
			   u->outcome.done.len ? "The installed updates are applied." : "");
}

/* What a unit may do beyond looking. */
static int unattended(struct uptrack *u, bool may_install)
{
	struct ks_client *c = &u->client;
	struct ks_error *err;

	if (may_install && c->state->held) {
		uptrack_say(u, "Nothing is applied unasked any more: %s.", c->state->held);
		ks_uptrack_log(c->up, "Nothing is applied unasked any more: %s.", c->state->held);
		may_install = false;
	}
	u->yes = true;
	if (may_install)
		return upgrade(u);
	err = ks_client_refresh(c);
	return uptrack_end(u, err, err || !ks_source_retired(c) ? UPTRACK_DONE : UPTRACK_UNSERVED,
			   "");
}

static int run(struct uptrack *u, int mode)
{
	struct ks_client *c = &u->client;
	const char *off = mode ? ks_boot_disabled(c->up) : NULL;

	if (off && mode != OPT_SURVIVED) {
		ks_uptrack_log(c->up, "Nothing is done: %s.", off);
		return uptrack_end(u, NULL, UPTRACK_DONE, "Uptrack is switched off.");
	}
	switch (mode) {
	case OPT_BOOT:
		return boot(u);
	case OPT_LATE:
		if (!c->config.upgrade_on_reboot)
			return uptrack_end(u, NULL, UPTRACK_DONE, "");
		return unattended(u, true);
	case OPT_TIMER:
		/* One that cannot be read is asked for. */
		ks_error_free(ks_client_load(c));
		if (!ks_source_due(c))
			return uptrack_end(u, NULL, UPTRACK_DONE, "");
		return unattended(u, c->config.autoinstall);
	default:
		return upgrade(u);
	}
}

/* Needs no lock, and must not wait for one: the machine may be going down. */
static int survived(struct uptrack *u)
{
	return uptrack_end(u, ks_boot_unmark(&ks_uptrack_system), UPTRACK_DONE, "");
}

int main(int argc, char **argv)
{
	struct uptrack u = { .tool = { .name = "uptrack-upgrade", .usage = usage } };
	int mode = 0;
	struct ks_error *err = parse(argc, argv, &u, &mode);

	ks_signals_init();
	if (!err && mode == OPT_SURVIVED)
		return survived(&u);
	u.opt.offline = mode == OPT_BOOT;
	if (!err)
		err = uptrack_open(&u);
	return err ? uptrack_end(&u, err, 0, "") : run(&u, mode);
}
