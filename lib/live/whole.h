/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whole fixed modules on the disk, for targets that are not loaded.
 *
 * They are put into LIB_MODULES/RELEASE/updates/ksplice/ID, which depmod(8)
 * prefers to the distribution's modules, so that whenever such a module is
 * loaded it is the fixed one.  An undo takes them away.
 */
#ifndef KS_LIVE_WHOLE_H
#define KS_LIVE_WHOLE_H

#include "live/live.h"
#include "pack/archive.h"

/* Is the module that is loaded the package's whole one (and so has the fix already)? */
bool ks_whole_is_loaded(const struct ks_live *live, const struct ks_manifest *m, const char *target);

/* Does the package have one of @targets? */
bool ks_whole_has(const struct ks_manifest *m, const struct ks_strv *targets);

/* Puts there what the package has of @targets, and names it in @installed; all or nothing. */
struct ks_error *ks_whole_install(const struct ks_live *live, const struct ks_pack *pack,
				  const struct ks_strv *targets,
				  struct ks_strv *installed) KS_MUST_CHECK;

/*
 * *had: there was something to take away.  @loaded gets the modules that are
 * loaded from there: they stay.  Both may be NULL.
 */
struct ks_error *ks_whole_remove(const struct ks_live *live, const char *id, bool *had,
				 struct ks_strv *loaded) KS_MUST_CHECK;

#endif
