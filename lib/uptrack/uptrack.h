/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The client's machine: where everything of Uptrack is on it.  Like struct
 * ks_live, so that tests put a directory of their own in its place.
 */
#ifndef KS_UPTRACK_UPTRACK_H
#define KS_UPTRACK_UPTRACK_H

#include "live/live.h"

struct ks_uptrack {
	const struct ks_live *live;
	const char *etc;   /* "/etc/uptrack": uptrack.conf, keys, disable */
	const char *state; /* "/var/lib/uptrack"; see state.h */
	const char *cache; /* "/var/cache/uptrack"; see cache.h */
	const char *log;   /* "/var/log/uptrack.log" */
	const char *proc;  /* "/proc" */
	const char *os_release; /* "/etc/os-release" */
};

extern const struct ks_uptrack ks_uptrack_system;

#endif
