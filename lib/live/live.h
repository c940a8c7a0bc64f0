/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The running kernel: its modules, and the core's files in sysfs
 * (docs/format.md, "Files of the core").
 *
 * Everything is reached through a struct ks_live, so that tests can put a
 * directory of their own and functions of their own in the kernel's place.
 */
#ifndef KS_LIVE_LIVE_H
#define KS_LIVE_LIVE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"

struct ks_live {
	const char *sysfs;   /* "/sys/kernel/ksplice" */
	const char *run;     /* "/run/ksplice": lock, and updates/ID */
	const char *modules; /* "/sys/module" */
	const char *release; /* NULL: uname -r */
	/* Like finit_module(2) and delete_module(2): 0 or -errno. */
	int (*load)(const struct ks_live *live, const char *path);
	int (*unload)(const struct ks_live *live, const char *name);
	/* Writes to a file of the core: 0 or -errno. */
	int (*write)(const struct ks_live *live, const char *path, const char *text);
	void (*pause)(const struct ks_live *live, unsigned int seconds);
	void *arg; /* for a test's functions */
};

extern const struct ks_live ks_live_system;

/* An update as the core shows it. */
struct ks_live_update {
	char *id, *description, *stage, *abort_cause, *error;
	bool pinned;
	struct ks_strv conflicts; /* "COMM PID FUNCTION+0xOFFSET" */
	struct ks_strv functions; /* "TARGET NAME OLD NEW"; empty where not readable */
};

bool ks_live_core_loaded(const struct ks_live *live);
/* KSPLICE_CORE_ABI of the loaded core; 0 where it cannot be read. */
int ks_live_core_abi(const struct ks_live *live);

/* Ids of all updates that the core knows, sorted. */
struct ks_error *ks_live_list(const struct ks_live *live, struct ks_strv *ids) KS_MUST_CHECK;
bool ks_live_known(const struct ks_live *live, const char *id);
struct ks_error *ks_live_read(const struct ks_live *live, const char *id, struct ks_live_update **update) KS_MUST_CHECK;
void ks_live_update_free(struct ks_live_update *u);

/* The update's debug log; root only. */
struct ks_error *ks_live_log(const struct ks_live *live, const char *id, struct ks_buf *out) KS_MUST_CHECK;

bool ks_live_module_loaded(const struct ks_live *live, const char *name);
/* Errors say what the loader meant, and what to do. */
struct ks_error *ks_live_load(const struct ks_live *live, const char *path) KS_MUST_CHECK;
struct ks_error *ks_live_unload(const struct ks_live *live, const char *name) KS_MUST_CHECK;

/* One "stage", "applied", "reversed" or "forget" to the update's stage file: 0 or -errno. */
int ks_live_set_stage(const struct ks_live *live, const char *id, const char *stage);

/*
 * Two tools at once would take each other's modules away: they wait for this
 * lock.  *fd is closed by ks_live_unlock().
 */
struct ks_error *ks_live_lock(const struct ks_live *live, int *fd) KS_MUST_CHECK;
void ks_live_unlock(int fd);

/* The paragraph for people that belongs to an abort code; NULL for an unknown one. */
const char *ks_abort_text(const char *abort_code);

#endif
