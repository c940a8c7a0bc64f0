/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the modules of an update and the core (ksplice.ko) say to each other.
 *
 * An update is two modules.  The old module (ksplice_ID_old) carries the match
 * table; its init function hands it to the core, which finds everything in
 * memory and fills in the old module's export table.  The new module
 * (ksplice_ID_new) has the new code; the kernel's own loader links it against
 * those exports, so when its init function runs, all of it is linked, and it
 * hands the core the addresses of the new functions.  Nothing in the running
 * kernel has changed until "applied" is written to /sys/kernel/ksplice/ID/stage.
 */
#ifndef KSPLICE_CORE_H
#define KSPLICE_CORE_H

#include <linux/module.h>
#include <linux/types.h>

#include <ksplice/hooks.h>
#include <ksplice/version.h>

/*
 * The layout of the kernel's struct kernel_symbol with
 * CONFIG_HAVE_ARCH_PREL32_RELOCATIONS (include/linux/export.h in 6.1,
 * kernel/module/internal.h in 6.12): each field counts from its own address.
 */
struct ksplice_export {
	s32 value;     /* filled in by the core */
	s32 name;      /* written by the assembler */
	s32 namespace; /* 0: none */
};

struct ksplice_old {
	u32 abi; /* KSPLICE_CORE_ABI */
	u32 table_size;
	const char *id;
	const char *description;
	const void *table;              /* init data; not used after init */
	struct ksplice_export *exports; /* sorted by name (strcmp) */
	u32 nr_exports;                 /* as many as the table's exports array */
	/*
	 * Names of targets, separated by commas, that are left out: they are not
	 * looked for, and nothing of theirs is replaced.  NULL or "": none.
	 * The loader still links the new code for them, which then is never run;
	 * what it refers to in them is an empty object in @nothing (nr_exports of
	 * them), which holds a static key or a tracepoint of no users.
	 */
	const char *left_out;
	struct ksplice_nothing *nothing;
	/*
	 * Made for the kernel with the updates that are applied, as opposed to
	 * the kernel as it was booted.
	 */
	bool series;
	/*
	 * Ids of updates, separated by commas, or "*" for all that are applied:
	 * reversed in the stop in which this one is applied.  NULL or "": none.
	 * Not with @series.
	 */
	const char *replaces;
};

struct ksplice_nothing {
	u64 words[16];
};

struct ksplice_new_patch {
	const void *old_function; /* imported from the old module, for a cross-check */
	const void *new_function; /* in the new module's text */
};

struct ksplice_new_data {
	const void *old;     /* the object, imported from the old module, for a cross-check */
	const void *content; /* in the new module: what is copied there */
	u32 offset;          /* of the piece in the object */
};

struct ksplice_new_hook {
	const void *function; /* in the new module's text */
	u32 kind;             /* enum ksplice_hook_kind */
	u32 target;           /* index among the table's: not called where that is left out */
};

struct ksplice_new {
	u32 abi;
	u32 nr_patches; /* as many as the table's patches array, same order */
	u32 nr_data;    /* the same, of its data array */
	const char *id;
	const struct ksplice_new_patch *patches;
	const struct ksplice_new_data *data;
	u32 nr_hooks, nr_shadows;
	const struct ksplice_new_hook *hooks;       /* not copied: in the module, and constant */
	struct ksplice_shadow *const *shadows;      /* in the module's data */
	/*
	 * Pointers to this module's code or writable data may stay in the kernel
	 * after an undo: never let the module be unloaded.
	 */
	u32 pinned;
};

/*
 * For the old module's init: 0, or a negative errno which that init returns.
 * The abort cause is then in /sys/kernel/ksplice/ID/abort_cause.
 */
int ksplice_old_init(struct module *owner, const struct ksplice_old *old);
void ksplice_old_exit(struct module *owner);

/* The same for the new module. */
int ksplice_new_init(struct module *owner, const struct ksplice_new *new);
void ksplice_new_exit(struct module *owner);

#endif
