/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Building the match table of an update (include/ksplice/table.h): every
 * function of every touched unit with its sites, what they refer to, and
 * which addresses the new module needs.
 */
#ifndef KS_TABLE_TABLE_H
#define KS_TABLE_TABLE_H

#include <ksplice/table.h>

#include "diff/diff.h"
#include "table/sysmap.h"

struct ks_table;

/* @id names the exports; @map may be NULL (then nothing is known of vmlinux's names). */
struct ks_table *ks_table_new(const char *id, const struct ks_sysmap *map);
void ks_table_free(struct ks_table *t);

/* "vmlinux" is target 0; adds a module's name. */
uint32_t ks_table_target(struct ks_table *t, const char *name);

/*
 * Adds all functions of a touched unit and the constant data they refer to.
 * The diff (and its units) must outlive the table.  *replaced functions become
 * patches, in the order of diff->replaced.
 */
struct ks_error *ks_table_add_unit(struct ks_table *t, uint32_t target, struct ks_diff *diff) KS_MUST_CHECK;

/*
 * The name under which the new module can import the run-time address of an
 * atom of pre (of any unit added), or of an external symbol that a unit of
 * @target refers to.  Owned by the table.  @pointer: it is used for more than
 * calls and jumps (KST_E_POINTER), here or elsewhere.
 */
const char *ks_table_import_atom(struct ks_table *t, uint32_t target, struct ks_atom *pre,
				 bool pointer);
const char *ks_table_import_name(struct ks_table *t, uint32_t target, const char *name, bool pointer);

/*
 * The value of a branch on a static key that is read-only since boot: @on or
 * @off, whichever holds for the running kernel's key (@pre, or by name).
 */
const char *ks_table_import_branch(struct ks_table *t, uint32_t target, struct ks_atom *pre,
				   const char *name, int32_t on, int32_t off);

/* The lowest byte of the variable, shifted left by 24 (KST_E_SHIFT). */
const char *ks_table_import_shift(struct ks_table *t, uint32_t target, struct ks_atom *pre, const char *name);

/* After all units and imports: the blob. */
struct ks_error *ks_table_finish(struct ks_table *t, struct ks_buf *blob) KS_MUST_CHECK;

/* Is this symbol of vmlinux read-only once the kernel has booted, as far as the System.map tells? */
bool ks_table_ro_after_init(const struct ks_table *t, const char *name);

size_t ks_table_targets(const struct ks_table *t);
size_t ks_table_exports(const struct ks_table *t);
const char *ks_table_export_name(const struct ks_table *t, size_t i);
size_t ks_table_patches(const struct ks_table *t);
/* The import name of the old function of patch @i. */
const char *ks_table_patch_import(struct ks_table *t, size_t i);
size_t ks_table_data(const struct ks_table *t);
/* The import name of the object of data entry @i, and where the piece is in it. */
uint32_t ks_table_data_offset(const struct ks_table *t, size_t i);
const char *ks_table_data_import(struct ks_table *t, size_t i);

#endif
