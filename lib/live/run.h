/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /run/ksplice: the lock that keeps two tools apart, and what is kept of the
 * updates of the running kernel (updates/ID: manifest.json, patch and
 * description; pinned/ID for one that was undone and whose modules stay).  All
 * of it is gone with the kernel that it is about.
 */
#ifndef KS_LIVE_RUN_H
#define KS_LIVE_RUN_H

#include "base/term.h"
#include "live/live.h"
#include "pack/archive.h"

/*
 * Two tools at once would take each other's modules away: the second waits,
 * and says so.  *fd goes to ks_run_unlock().
 */
struct ks_error *ks_run_lock(const struct ks_live *live, struct ks_report *report,
			     int *fd) KS_MUST_CHECK;
void ks_run_unlock(int fd);

/* Keeps it all or, after an error, nothing. */
struct ks_error *ks_run_keep(const struct ks_live *live, const struct ks_pack *pack) KS_MUST_CHECK;
void ks_run_drop(const struct ks_live *live, const char *id);
/* The update was undone but its modules stay: moves updates/ID to pinned/ID. */
void ks_run_retire(const struct ks_live *live, const char *id);

/* Is something kept of it as of an applied update? */
bool ks_run_has(const struct ks_live *live, const char *id);
/*
 * Is what is kept of the id another update than @pack?  An id is chosen by
 * people, and they may choose the same one twice.
 */
bool ks_run_differs(const struct ks_live *live, const struct ks_pack *pack);

#endif
