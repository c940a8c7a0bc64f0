/* SPDX-License-Identifier: GPL-2.0-only */
/* Loading and unloading kernel modules, with the loader's errors explained. */
#ifndef KS_LIVE_MODULE_H
#define KS_LIVE_MODULE_H

#include "live/live.h"

/* Is a module of that name there, in whatever state? */
bool ks_module_loaded(const struct ks_live *live, const char *name);

/*
 * Is it loaded and done with its init?  Dashes are underscores, as in the
 * kernel.  A driver that is built in is not.
 */
bool ks_module_ready(const struct ks_live *live, const char *name);

/* Errors say what the loader meant, and what to do. */
struct ks_error *ks_module_load(const struct ks_live *live, const char *path,
				const char *params) KS_MUST_CHECK;

/* Tried again for a moment where the module is in use; one that is not there is no error. */
struct ks_error *ks_module_unload(const struct ks_live *live, const char *name) KS_MUST_CHECK;

#endif
