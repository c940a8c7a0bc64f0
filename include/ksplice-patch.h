/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For patches: what an update does beside replacing functions.
 *
 *	#include "ksplice-patch.h"
 *
 * in a .c file that the patch changes, below its other includes.  ksplice-create
 * finds it.  docs/hooks.md has an example.
 *
 * Hooks
 * -----
 * A hook is a new function without parameters:
 *
 *	static int fill_in(void) { ... return 0; }
 *	ksplice_pre_apply(fill_in);
 *
 * Of an apply:
 *	pre_apply	before the machine is stopped; may sleep, may fail
 *	check_apply	the machine is stopped, nothing is changed yet; may fail
 *	apply		the machine is stopped, the new code is in place
 *	post_apply	afterwards; may sleep
 *	fail_apply	in place of the last two, where the apply fails; may sleep
 * and of an undo, in the same way:
 *	pre_reverse, check_reverse, reverse (the old code is back), post_reverse,
 *	fail_reverse
 *
 * Those that may fail return 0 or a negative errno, the others nothing.  One
 * that fails ends the attempt with call_failed; then nothing has changed.
 *
 * An attempt calls all pre hooks first.  If it fails from then on, for whatever
 * reason, it calls all fail hooks: these have to cope with pre hooks that were
 * not called, or failed.  ksplice-apply makes up to five attempts while tasks
 * are in the way, so the pair may come several times; the check hooks come only
 * where no task is.  Hooks of one kind are called in the order in which they
 * stand in the file, and files in the order of their names; in an undo and
 * after a failed apply, the other way round.
 *
 * With the machine stopped, all other CPUs wait with interrupts off, and any
 * task may be anywhere but in code that is replaced: no sleeping, no waiting,
 * no lock that a task may hold across a sleep or with preemption on; memory
 * with GFP_ATOMIC only, and none at all with PREEMPT_RT.  Be short.
 *
 * Hooks that run while the old code does (pre_apply, check_apply, fail_apply,
 * reverse, post_reverse) must not call functions that the update replaces, not
 * even through other new functions: they would get the new code.
 * ksplice-create refuses that.  A pointer to such a function is all right: it
 * leads to whichever code is in place.
 *
 * Where the target of a hook's file is a module that is left out (--partial),
 * the hook is not called.  In a whole fixed module (--build-modules) there are
 * none.
 *
 * An update whose code may stay known to the kernel, by a pointer, keeps its
 * modules after an undo.  A pointer to a function counts as one.  Where it goes
 * only to somebody who does not keep it (an iterator), say so:
 *
 *	static ksplice_callback void fill_one(struct super_block *sb, void *unused)
 *
 * Shadow fields
 * -------------
 * New data for objects that exist, whose structure cannot grow:
 *
 *	DEFINE_SHADOW_FIELD(struct file, struct owner, GFP_KERNEL, owner, NULL);
 *
 * in one file, and in others
 *
 *	DECLARE_SHADOW_FIELD(struct file, struct owner, owner);
 *
 * give these functions:
 *
 *	struct owner *get_owner_shadow(const struct file *);
 *		the field, or NULL: the object has none (yet).
 *	struct owner *make_owner_shadow(struct file *);
 *		the same, but makes it where there is none; NULL: no memory.
 *	int init_owner_shadow(struct file *);
 *		for where objects are made: a fresh field, whatever an earlier
 *		object at this address has left; 0 or -ENOMEM.
 *	void cleanup_owner_shadow(struct file *);
 *		for where objects are freed: frees the field, if there is one.
 *
 * A field is zeroed, then given to the fifth argument, void init(struct file *,
 * struct owner *), unless that is NULL.  That is called with a spinlock held
 * and interrupts off, and by one CPU only for each field.
 *
 * All four may be called at the same time, and from any context that the gfp
 * flags permit, except NMIs (PREEMPT_RT: no other than get from where interrupts
 * are really off).  A field is freed after an RCU grace period.  The fields
 * themselves are not protected from anything: that is up to what protects the
 * object.
 *
 * An object that old code has freed after its field was made leaves it behind
 * for the next object at that address: make fields of existing objects where
 * no object can come or go (an apply hook, or under their lock), or only when
 * new code needs them.
 *
 * All fields of an update are freed when it is undone, once its last hook has
 * run.  Updates whose fields have the same name share them: they are freed with
 * the last of these updates.  The types must then be the same.
 *
 * Data
 * ----
 *	ksplice_assume_rodata(object);
 *		The object is a variable, but never written.  It is treated as a
 *		constant: all of it must have its initial value when the update is
 *		applied, and it may get another size if no pointers to code are
 *		in it.
 *	ksplice_match_data_early(object);
 *		The variable still has its initial value when the update is
 *		applied.  Where the match comes upon it, the whole value is
 *		compared, and pointers in it tell the addresses of what they point
 *		to.  Use it where "nothing tells them apart" is said of a symbol
 *		that the variable points to.
 * The object is one of the file's own that the original source has, too.
 */
#ifndef KSPLICE_PATCH_H
#define KSPLICE_PATCH_H

#include <linux/livepatch.h>

#include <ksplice/hooks.h>

#define ksplice_pre_apply(fn) KSPLICE_HOOK(int, pre_apply, fn)
#define ksplice_check_apply(fn) KSPLICE_HOOK(int, check_apply, fn)
#define ksplice_apply(fn) KSPLICE_HOOK(void, apply, fn)
#define ksplice_post_apply(fn) KSPLICE_HOOK(void, post_apply, fn)
#define ksplice_fail_apply(fn) KSPLICE_HOOK(void, fail_apply, fn)
#define ksplice_pre_reverse(fn) KSPLICE_HOOK(int, pre_reverse, fn)
#define ksplice_check_reverse(fn) KSPLICE_HOOK(int, check_reverse, fn)
#define ksplice_reverse(fn) KSPLICE_HOOK(void, reverse, fn)
#define ksplice_post_reverse(fn) KSPLICE_HOOK(void, post_reverse, fn)
#define ksplice_fail_reverse(fn) KSPLICE_HOOK(void, fail_reverse, fn)

/* In a whole module nobody looks at these: it is never applied. */
#ifdef KSPLICE_WHOLE_MODULE
#define KSPLICE_NOTE(section) __attribute__((__unused__))
#define KSPLICE_SHADOW_ID(shadow) ((unsigned long)&(shadow))
#else
#define KSPLICE_NOTE(section) \
	__attribute__((__used__, __no_reorder__, __section__(section)))
#define KSPLICE_SHADOW_ID(shadow) ((shadow).id)
#endif

#define ksplice_callback __attribute__((__section__(KSPLICE_CALLBACK_TEXT)))

#define KSPLICE_HOOK(type, kind, fn)                                  \
	static type (*const ksplice_hook_##kind##_##fn)(void)         \
		KSPLICE_NOTE(KSPLICE_HOOK_SECTION #kind) = fn

#define ksplice_assume_rodata(object)                                 \
	static const void *const ksplice_assume_rodata_##object       \
		KSPLICE_NOTE(KSPLICE_RODATA_SECTION) = &object
#define ksplice_match_data_early(object)                              \
	static const void *const ksplice_match_data_early_##object    \
		KSPLICE_NOTE(KSPLICE_EARLY_SECTION) = &object

#define DECLARE_SHADOW_FIELD(base_type, field_type, name)             \
	field_type *get_##name##_shadow(const base_type *base);       \
	field_type *make_##name##_shadow(base_type *base);            \
	int init_##name##_shadow(base_type *base);                    \
	void cleanup_##name##_shadow(base_type *base)

#define DEFINE_SHADOW_FIELD(base_type, field_type, gfp, name, init)   \
	DECLARE_SHADOW_FIELD(base_type, field_type, name);            \
	static struct ksplice_shadow ksplice_shadow_##name            \
		__attribute__((__section__(KSPLICE_SHADOW_SECTION))) = { \
			#name, #base_type ", " #field_type, sizeof(field_type), 0 }; \
	static ksplice_callback int                                   \
		ksplice_start_##name(void *base, void *field, void *unused) \
	{                                                             \
		void (*const start)(base_type *, field_type *) = init; \
		if (start)                                            \
			start(base, field);                           \
		return 0;                                             \
	}                                                             \
	field_type *get_##name##_shadow(const base_type *base)        \
	{                                                             \
		return klp_shadow_get((void *)base, KSPLICE_SHADOW_ID(ksplice_shadow_##name)); \
	}                                                             \
	field_type *make_##name##_shadow(base_type *base)             \
	{                                                             \
		return klp_shadow_get_or_alloc(base, KSPLICE_SHADOW_ID(ksplice_shadow_##name), \
					       sizeof(field_type), gfp, \
					       ksplice_start_##name, NULL); \
	}                                                             \
	void cleanup_##name##_shadow(base_type *base)                 \
	{                                                             \
		klp_shadow_free(base, KSPLICE_SHADOW_ID(ksplice_shadow_##name), NULL); \
	}                                                             \
	int init_##name##_shadow(base_type *base)                     \
	{                                                             \
		cleanup_##name##_shadow(base);                        \
		return make_##name##_shadow(base) ? 0 : -ENOMEM;      \
	}                                                             \
	DECLARE_SHADOW_FIELD(base_type, field_type, name)

#endif
