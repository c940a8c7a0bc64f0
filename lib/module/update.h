/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The source of an update's two kernel modules: the match table and its
 * exports (old), the objects with the new code (new), and the glue that
 * registers both with the core.  Building them is lib/build's business.
 */
#ifndef KS_MODULE_UPDATE_H
#define KS_MODULE_UPDATE_H

#include "base/error.h"
#include "table/table.h"

struct ks_update_hook {
	uint32_t kind;   /* enum ksplice_hook_kind */
	uint32_t target; /* of its unit, in the table */
};

struct ks_update_source {
	const char *id;
	const char *description;
	struct ks_table *table;   /* complete, not finished */
	size_t nr_units;          /* unit0.o_shipped ... are in the directory */
	bool pinned;
	const struct ks_update_hook *hooks;
	size_t nr_hooks;
	size_t nr_shadows;
	const char *include_dir;  /* with ksplice/core.h */
	bool series;  /* on top of the updates that are applied */
	bool modules; /* some target is a module, which may not be loaded */
	const char *core_symvers; /* the Module.symvers of ksplice.ko */
};

/*
 * Writes Kbuild, table.bin, the glue and the symbol versions into @dir (an
 * absolute path).  `make -C build M=dir modules` then makes
 * ksplice_ID_old.ko and ksplice_ID_new.ko.
 */
struct ks_error *ks_update_write_source(const struct ks_update_source *src, const char *dir) KS_MUST_CHECK;

/* "ksplice_ID_old" and "ksplice_ID_new"; the caller frees. */
char *ks_update_old_name(const char *id);
char *ks_update_new_name(const char *id);

#endif
