/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An update as the core knows it, from the match to the day it is forgotten.
 *
 * Locking: ksplice_mutex protects the list of updates and everything in them.
 * It is taken inside sysfs files, so a directory of sysfs is never removed
 * under it: that would wait for those files.  ksplice_registry_mutex, outside
 * it, serialises whoever adds and removes directories.  The whole order:
 *
 *	ksplice_registry_mutex -> ksplice_mutex -> kprobe_mutex -> cpus_read_lock
 *		-> jump_label_mutex or static_call_mutex -> text_mutex
 *
 * ftrace_lock is taken under ksplice_mutex only, for ftrace takes text_mutex in it.
 */
#ifndef KSPLICE_KERNEL_UPDATE_H
#define KSPLICE_KERNEL_UPDATE_H

#include <linux/kobject.h>
#include <linux/kprobes.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>

#include <ksplice/abort.h>
#include <ksplice/core.h>

#include "fault.h"

#define KSPLICE_ID_MAX 32
#define KSPLICE_JUMP_SIZE 5
#define KSPLICE_CONFLICTS 16
#define KSPLICE_PLACE_LEN 160
#define KSPLICE_PLACE_NAME 128
#define KSPLICE_LOG_MAX (64u << 10)

enum ksplice_stage {
	KSPLICE_PREPARING,
	KSPLICE_APPLIED,
	KSPLICE_REVERSED,
};

/* Where code lives that the update looks at; the first one is vmlinux. */
struct ksplice_target {
	char *name;
	struct module *mod; /* NULL: vmlinux, or left out */
	bool left_out;      /* not loaded, and the update is applied without it */
};

struct ksplice_shadow_record;
struct ksplice_traced;
struct ksplice_watch;

/* A function that is replaced. */
struct ksplice_patch {
	char *name;
	u32 target;            /* index among the update's targets */
	u32 index;             /* in the match table's array */
	unsigned long old_addr, new_addr;
	u32 old_size;
	u32 slot;              /* of the jump, from old_addr */
	bool by_tracer;        /* no jump: the function tracer's site leads to the new code */
	struct ksplice_traced *traced; /* by_tracer, while an operation runs or the update is applied */
	u8 original[KSPLICE_JUMP_SIZE];
	u8 jump[KSPLICE_JUMP_SIZE];
	u8 *alias;             /* writable mapping of the slot, while an operation runs */
	void *mapping;         /* what to vunmap() */
	/* While an operation runs that reverses one update and applies another. */
	struct ksplice_patch *before; /* of the other one: its jump is where this one goes */
	bool passed_on;               /* the other one's jump goes where this one is */
	struct kprobe_blacklist_entry blacklist; /* in the kernel's list while applied */
	bool listed;
};

/* An object whose content is replaced in place. */
struct ksplice_data {
	char *name;
	u32 index; /* in the match table's array */
	unsigned long addr;
	u32 size;
	bool writable;
	u8 *original;      /* its content before */
	u8 *expected;      /* while an operation runs: what is there now, where that is not @original */
	const u8 *content; /* in the new module */
	bool left_alone;   /* its value was another one when the update was reversed */
	u8 *alias;         /* writable mapping, while an operation runs */
	void *mapping;
};

/* Code in which no task may be: [start, end). */
struct ksplice_range {
	unsigned long start, end;
	const char *name; /* NULL: new code, whose symbols the kernel knows */
};

struct ksplice_conflict {
	char comm[TASK_COMM_LEN];
	pid_t pid;
	unsigned long addr;   /* 0: the stack could not be read reliably */
	unsigned long offset; /* in the function that @name is of, if any */
	char name[KSPLICE_PLACE_NAME];
};

struct ksplice_update {
	struct kobject kobj;
	struct list_head list;
	char id[KSPLICE_ID_MAX + 1];
	char *description;
	enum ksplice_stage stage;
	enum ksplice_abort abort;
	char error[512];
	struct module *old, *new; /* NULL where not (or no longer) loaded */
	bool pinned;
	bool pinned_now;          /* holds a reference to new that is never dropped */
	bool series;              /* made for the kernel with the updates that are applied */
	char *replaces;           /* ids, with commas between, or "*": reversed when it is applied */
	bool leaving;             /* while another one is matched that replaces this one */
	struct ksplice_target *targets;
	u32 nr_targets;
	struct module **held;     /* what the addresses that were found belong to */
	u32 nr_held;
	u32 table_patches, table_data; /* how many the match table has, with those left out */
	struct ksplice_patch *patches;
	u32 nr_patches;
	struct ksplice_data *data;
	u32 nr_data;
	const struct ksplice_new_hook *hooks; /* in the new module, while there is one */
	u32 nr_hooks;
	struct ksplice_shadow_record **shadows;
	u32 nr_shadows;
	struct ksplice_range *ranges; /* the old functions and their .cold parts */
	char **range_names;           /* what they own */
	u32 nr_ranges;
	struct ksplice_conflict conflicts[KSPLICE_CONFLICTS];
	u32 nr_conflicts;
	struct ksplice_range *busy_ranges; /* for undo: the new module's text, and by_tracer's entries */
	u32 nr_busy_ranges;
	u32 match_blocks, match_skipped;
	u32 tasks, tasks_stopped; /* known to the last stack check; looked at in the stop */
	u64 match_bytes, match_sites, match_ns, pause_ns, stop_ns;
	char *log; /* KSPLICE_LOG_MAX bytes */
	u32 log_len;
};

extern struct mutex ksplice_registry_mutex, ksplice_mutex;
extern struct list_head ksplice_updates; /* those that are applied: in the order in which they were */

/* registry.c */
struct ksplice_update *ksplice_find(const char *id);
/*
 * The record of that id, new or what is left of an attempt before; both
 * mutexes held.  ERR_PTR(-EEXIST) where it has modules.
 */
struct ksplice_update *ksplice_update_get(const char *id, const char *description);
/* Forgets the record; only ksplice_registry_mutex held.  -EBUSY where it has modules. */
int ksplice_update_forget(struct ksplice_update *u);
/* Keeps a module that the caller has a reference to until the update is released. */
int ksplice_update_hold(struct ksplice_update *u, struct module *mod);
void ksplice_update_release(struct ksplice_update *u);
/* Is @name in @list, names with commas between?  NULL: an empty one. */
bool ksplice_is_listed(const char *list, const char *name);
/* Frees what a match has filled in. */
void ksplice_update_reset(struct ksplice_update *u);
void ksplice_registry_exit(void);

/* log.c: sets the abort cause with a line for people; returns @ret. */
__printf(4, 5) int ksplice_abort(struct ksplice_update *u, enum ksplice_abort cause, int ret,
				 const char *fmt, ...);
__printf(2, 3) void ksplice_log(struct ksplice_update *u, const char *fmt, ...);
/* "FUNCTION+0xOFFSET" of a conflict, or "unknown" where a stack could not be read. */
void ksplice_conflict_place(const struct ksplice_conflict *x, char *buf, size_t size);
extern const char *const ksplice_abort_names[KSPLICE_NR_ABORTS];

/* find.c: the match, from the old module's table to addresses */
int ksplice_find_all(struct ksplice_update *u, const struct ksplice_old *old);

/*
 * traced.c: takes the function tracer's site of a by_tracer patch, with a
 * handler that does nothing until it is switched on; -EBUSY where somebody
 * else redirects the function.  Sleeps; takes ftrace's locks and text_mutex.
 */
int ksplice_traced_take(struct ksplice_patch *p);
void ksplice_traced_give_back(struct ksplice_patch *p);
/* With the machine stopped. */
void ksplice_traced_switch(struct ksplice_patch *p, bool on);
/*
 * A function that somebody else redirects at the tracer's site, so that our jump
 * behind it would never be reached: NULL, or the first one.
 */
const struct ksplice_patch *ksplice_traced_foreign(const struct ksplice_update *u);

/* data.c */
int ksplice_data_map(struct ksplice_data *d);
void ksplice_data_unmap(struct ksplice_data *d);
bool ksplice_data_unchanged(const struct ksplice_data *d, bool apply);
void ksplice_data_write(struct ksplice_data *d, bool apply);
/* Do both change an object?  *which: the first of @u's. */
bool ksplice_data_overlaps(const struct ksplice_update *u, const struct ksplice_update *other,
			   u32 *which);

/*
 * hooks.c.  Those of the new module @owner, checked; they are there until it goes.
 */
int ksplice_hooks_take(struct ksplice_update *u, struct module *owner,
		       const struct ksplice_new *new);
/*
 * Around the stop: the pre hooks, and then in any case the post or the fail
 * hooks.  Sleep.  An abort is that of @whose operation it is.
 */
int ksplice_hooks_begin(struct ksplice_update *whose, struct ksplice_update *u, bool apply);
void ksplice_hooks_end(struct ksplice_update *u, bool apply, bool done);
/* All of one kind, until one fails: that is *failed, and what it returned. */
int ksplice_hooks_call(struct ksplice_update *u, enum ksplice_hook_kind kind,
		       const struct ksplice_new_hook **failed);
int ksplice_hooks_report(struct ksplice_update *u, const struct ksplice_new_hook *failed, int ret);

/* shadow.c: from the start of the new module to its end; and while its update is applied. */
int ksplice_shadows_take(struct ksplice_update *u, struct module *owner,
			 const struct ksplice_new *new);
void ksplice_shadows_drop(struct ksplice_update *u);
void ksplice_shadows_hold(struct ksplice_update *u);
void ksplice_shadows_release(struct ksplice_update *u);

/* text.c */
/* A second, writable mapping of [addr, addr + len) of the kernel or of modules; NULL: no memory. */
u8 *ksplice_text_alias(unsigned long addr, size_t len, void **mapping);
int ksplice_text_map(struct ksplice_patch *p);
void ksplice_text_unmap(struct ksplice_patch *p);
void ksplice_text_write(struct ksplice_patch *p, const u8 bytes[KSPLICE_JUMP_SIZE]);
/*
 * Reads the kernel's image and modules as if no update were applied; with
 * @now, only the jumps of updates are left out, and data is as it is.  Returns
 * how many bytes could be read, from the first on.
 */
size_t ksplice_text_read(unsigned long addr, void *buf, size_t len, bool now);

/* stack.c */
/* By their starts; of two that start together, the longer one comes first. */
void ksplice_ranges_sort(struct ksplice_range *ranges, u32 nr);
/*
 * Before the stop: 0, or -EBUSY where a task is in the code that does
 * not seem to leave it (conflicts filled in).  Sleeps.
 */
int ksplice_stack_check_early(struct ksplice_update *u, const struct ksplice_range *ranges, u32 nr,
			      struct ksplice_watch *w);
/*
 * With the machine stopped; 0, -EBUSY (conflicts filled in), -EPERM (unexpected
 * task).  @w may be NULL.
 */
int ksplice_stack_check(struct ksplice_update *u, const struct ksplice_range *ranges, u32 nr,
			struct ksplice_watch *w);

/* stacked.c: updates on top of others */
/* Where calls of the function at @addr end up, with all updates that are applied. */
unsigned long ksplice_follow(unsigned long addr);
/* Is it code (or data) of an update that is applied?  That update, or NULL. */
struct ksplice_update *ksplice_owner(unsigned long addr);
/* Does @u use addresses in @other's new code? */
bool ksplice_builds_on(const struct ksplice_update *u, const struct ksplice_update *other);
/* Is @other among those that @u replaces? */
bool ksplice_replaces(const struct ksplice_update *u, const struct ksplice_update *other);
/* Are all that it names there? 0, or the abort. */
int ksplice_check_replaced(struct ksplice_update *u);

/* splice.c: one stop of the machine, in which some updates are reversed and then one may be applied */
struct ksplice_part {
	struct ksplice_update *u;
	bool apply; /* else nobody may be in the update's busy_ranges, which are filled in */
};
/* In the order of the array.  0, or the abort, which is @u's. */
int ksplice_splice(struct ksplice_update *u, struct ksplice_part *parts, u32 nr_parts);

/* change.c */
int ksplice_apply(struct ksplice_update *u);
int ksplice_reverse(struct ksplice_update *u);

/* sysfs.c */
int ksplice_sysfs_init(void);
void ksplice_sysfs_exit(void);
int ksplice_sysfs_add(struct ksplice_update *u);

#endif
