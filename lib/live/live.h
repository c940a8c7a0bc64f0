/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The running kernel as the core's files in sysfs show it (docs/format.md,
 * "Files of the core"), for everything after a package was opened.
 *
 * Everything is reached through a struct ks_live, so that tests can put a
 * directory of their own and functions of their own in the kernel's place.
 * Text that comes from the kernel may hold the names of processes, which
 * anybody may choose: it is free of control characters when it gets here.
 */
#ifndef KS_LIVE_LIVE_H
#define KS_LIVE_LIVE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"

struct ks_live {
	const char *sysfs;   /* "/sys/kernel/ksplice" */
	const char *run;     /* "/run/ksplice"; see run.h */
	const char *modules; /* "/sys/module" */
	const char *lib_modules; /* "/lib/modules" */
	const char *release; /* NULL: uname -r */
	/* Like finit_module(2) and delete_module(2): 0 or -errno. */
	int (*load)(const struct ks_live *live, const char *path, const char *params);
	int (*unload)(const struct ks_live *live, const char *name);
	/* Like modprobe(8), which finds a module and what it needs; *said: its words, or NULL. */
	bool (*probe)(const struct ks_live *live, const char *name, char **said);
	/* Like depmod(8) for a release. */
	bool (*depmod)(const struct ks_live *live, const char *release, char **said);
	/* Writes to a file of the core: 0 or -errno. */
	int (*write)(const struct ks_live *live, const char *path, const char *text);
	/* May return early when a signal asks to stop. */
	void (*pause)(const struct ks_live *live, unsigned int seconds);
	void *arg; /* for a test's functions */
};

extern const struct ks_live ks_live_system;

/* An update as the core shows it.  Texts are NULL where they cannot be read. */
struct ks_live_update {
	char *id, *description;
	char *stage; /* "preparing", "applied" or "reversed"; for root only */
	char *abort_cause, *error; /* of the last attempt; "ok" and "" where it went well */
	bool pinned;
	struct ks_strv conflicts; /* "COMM PID FUNCTION+0xOFFSET" */
	struct ks_strv builds_on; /* ids of updates that it needs */
	struct ks_strv functions; /* "TARGET NAME OLD NEW"; for root only */
};

bool ks_live_core_loaded(const struct ks_live *live);
/* KSPLICE_CORE_ABI of the loaded core; 0 where it cannot be read. */
int ks_live_core_abi(const struct ks_live *live);

/* Ids of all updates that the core has a record of, sorted; no core, no ids. */
struct ks_error *ks_live_list(const struct ks_live *live, struct ks_strv *ids) KS_MUST_CHECK;
bool ks_live_known(const struct ks_live *live, const char *id);
struct ks_error *ks_live_read(const struct ks_live *live, const char *id,
			      struct ks_live_update **update) KS_MUST_CHECK;
void ks_live_update_free(struct ks_live_update *u);

/* Who may not read the stage is told by what is kept of applied updates (run.h). */
bool ks_live_is_applied(const struct ks_live *live, const struct ks_live_update *u);

/* Appends the updates that are applied, each before those that it builds on; root only. */
struct ks_error *ks_live_undo_order(const struct ks_live *live, struct ks_strv *ids) KS_MUST_CHECK;

/* The update's debug log, appended to @out; root only. */
struct ks_error *ks_live_log(const struct ks_live *live, const char *id,
			     struct ks_buf *out) KS_MUST_CHECK;

/* Writes "applied", "reversed" or "forget" to the update's stage file: 0 or -errno. */
int ks_live_set_stage(const struct ks_live *live, const char *id, const char *stage);

/* The paragraph for people that belongs to an abort code; NULL for an unknown one. */
const char *ks_abort_text(const char *abort_code);

#endif
