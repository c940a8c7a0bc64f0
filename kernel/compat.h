/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that differs between kernels, and the kernel's own functions
 * that are not exported to modules.  No other file looks at a version;
 * helpers.c has what is too long for a header.
 */
#ifndef KSPLICE_COMPAT_H
#define KSPLICE_COMPAT_H

#include <linux/cpumask.h>
#include <linux/kprobes.h>
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/stacktrace.h>
#include <linux/spinlock.h>
#include <linux/static_call.h>
#include <linux/stop_machine.h>
#include <linux/version.h>
#include <linux/wait.h>

/*
 * 6.4 (commit 3703bd54cd37 "kallsyms: Delete an unused parameter related to
 * {module_}kallsyms_on_each_symbol()") dropped the module.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define KS_SYMBOL_CALLBACK(name) int name(void *data, const char *sym, unsigned long addr)
#define KS_SYMBOL_MODULE NULL
#else
#define KS_SYMBOL_CALLBACK(name) \
	int name(void *data, const char *sym, struct module *mod, unsigned long addr)
#define KS_SYMBOL_MODULE mod
#endif
typedef KS_SYMBOL_CALLBACK((*ks_symbol_fn));

/*
 * 6.3 ("livepatch: Improve the search performance of
 * module_kallsyms_on_each_symbol()") walks one module; before, the callback
 * has to look which module it is.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#define KS_WALK_ARGS (const char *module, ks_symbol_fn fn, void *data)
#define ks_walk_module(mod, fn, data) ks_call(module_kallsyms_on_each_symbol)((mod)->name, fn, data)
#else
#define KS_WALK_ARGS (ks_symbol_fn fn, void *data)
#define ks_walk_module(mod, fn, data) ks_call(module_kallsyms_on_each_symbol)(fn, data)
#endif

/* 6.4 (commit ac3b43283923 "module: replace module_layout with module_memory") */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define ks_module_text(mod) ((unsigned long)(mod)->mem[MOD_TEXT].base)
#define ks_module_text_size(mod) ((unsigned long)(mod)->mem[MOD_TEXT].size)
#else
#define ks_module_text(mod) ((unsigned long)(mod)->core_layout.base)
#define ks_module_text_size(mod) ((unsigned long)(mod)->core_layout.text_size)
#endif

/*
 * Handlers get their registers as struct ftrace_regs, and may change where the
 * call goes on.  6.3 (commit 0ef86097f127 "ftrace: rename
 * ftrace_instruction_pointer_set() -> ftrace_regs_set_instruction_pointer()").
 */
#ifdef CONFIG_DYNAMIC_FTRACE_WITH_ARGS
#define KS_HAVE_REDIRECT
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#define ks_set_instruction_pointer(regs, ip) ftrace_regs_set_instruction_pointer(regs, ip)
#else
#define ks_set_instruction_pointer(regs, ip) ftrace_instruction_pointer_set(regs, ip)
#endif
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define ks_module_ro_after_init(mod) ((unsigned long)(mod)->mem[MOD_RO_AFTER_INIT].base)
#define ks_module_ro_after_init_size(mod) ((unsigned long)(mod)->mem[MOD_RO_AFTER_INIT].size)
#else
#define ks_module_ro_after_init(mod) \
	((unsigned long)(mod)->core_layout.base + (mod)->core_layout.ro_size)
#define ks_module_ro_after_init_size(mod) \
	((unsigned long)(mod)->core_layout.ro_after_init_size - (mod)->core_layout.ro_size)
#endif

static inline bool ks_in_module_text(const struct module *mod, const void *addr)
{
	return (unsigned long)addr - ks_module_text(mod) < ks_module_text_size(mod);
}

/* Does it lie in what of the module stays when it has started? */
static inline bool ks_within_module(const struct module *mod, const void *start, u64 len)
{
	unsigned long addr = (unsigned long)start;

	return len && len <= MODULES_LEN && within_module_core(addr, mod) &&
	       within_module_core(addr + len - 1, mod);
}

/* And in what can always be written? */
static inline bool ks_module_writable(const struct module *mod, const void *start, u64 len)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	unsigned long from = (unsigned long)mod->mem[MOD_DATA].base;
	unsigned long size = mod->mem[MOD_DATA].size;
#else
	unsigned long from = (unsigned long)mod->core_layout.base + mod->core_layout.ro_after_init_size;
	unsigned long size = mod->core_layout.size - mod->core_layout.ro_after_init_size;
#endif
	unsigned long offset = (unsigned long)start - from;

	return offset <= size && len <= size - offset;
}

/* Data for objects of others, by object and number (klp_shadow_get() and so on). */
#ifdef CONFIG_LIVEPATCH
#define ks_have_shadows true
#define ks_shadow_free_all(id) klp_shadow_free_all(id, NULL)
#else
#define ks_have_shadows false
#define ks_shadow_free_all(id) ((void)(id))
#endif

/* What find_symbol() takes and gives: kernel/module/internal.h, since 5.12. */
struct ks_find_symbol {
	const char *name;
	bool gplok;
	bool warn;
	struct module *owner;
	const s32 *crc;
	const void *sym; /* struct kernel_symbol: see struct ksplice_export */
	int license;
};

/*
 * Functions that are looked up: X(return type, name, parameters).  They are
 * called through static calls, that is, directly: with X86_KERNEL_IBT most of
 * them are sealed against indirect calls.
 */
#define KSPLICE_HELPERS(X)                                                                     \
	X(int, kallsyms_on_each_symbol, (ks_symbol_fn fn, void *data))                         \
	X(int, module_kallsyms_on_each_symbol, KS_WALK_ARGS)                                   \
	X(struct module *, find_module, (const char *name))                                    \
	X(bool, find_symbol, (struct ks_find_symbol *arg))                                     \
	X(int, stop_machine_cpuslocked,                                                        \
	  (cpu_stop_fn_t fn, void *data, const struct cpumask *cpus))                          \
	X(struct kprobe *, get_kprobe, (void *addr))                                           \
	X(int, jump_label_text_reserved, (void *start, void *end))                             \
	X(int, static_call_text_reserved, (void *start, void *end))                            \
	X(int, alternatives_text_reserved, (void *start, void *end))                           \
	X(unsigned long, ftrace_location, (unsigned long ip))                                  \
	X(int, ftrace_text_reserved, (const void *start, const void *end))                     \
	X(struct ftrace_rec_iter *, ftrace_rec_iter_start, (void))                             \
	X(struct ftrace_rec_iter *, ftrace_rec_iter_next, (struct ftrace_rec_iter *iter))      \
	X(struct dyn_ftrace *, ftrace_rec_iter_record, (struct ftrace_rec_iter *iter))         \
	X(struct task_struct *, idle_task, (int cpu))                                          \
	X(int, task_call_func, (struct task_struct *task, task_call_f fn, void *arg))          \
	X(int, arch_stack_walk_reliable,                                                       \
	  (stack_trace_consume_fn consume, void *cookie, struct task_struct *task))

#define X(ret, name, args) typedef ret ks_##name##_fn args; \
	DECLARE_STATIC_CALL(ks_##name, ks_##name##_fn);
KSPLICE_HELPERS(X)
#undef X

#define ks_call(name) static_call(ks_##name)

/* Data of the kernel that is looked up. */
struct ks_kernel_data {
	struct mutex *text_mutex;
	struct mutex *kprobe_mutex;
	struct mutex *jump_label_mutex;
	struct mutex *static_call_mutex;
	struct mutex *ftrace_lock;
	struct list_head *kprobe_blacklist;
	rwlock_t *tasklist_lock;
	struct tracepoint *sched_switch; /* NULL: this kernel has no tracepoints */
	unsigned long text, end;   /* the image: [_text, _end) */
	unsigned long stext, etext; /* its code */
	unsigned long ro_after_init, ro_after_init_end;
	/* These are 0 or NULL where the kernel was configured without them. */
	unsigned long return_thunk;  /* __x86_return_thunk, which the compiler emits */
	void **return_thunk_now;     /* x86_return_thunk: what the kernel has put in its place */
	unsigned long static_return; /* __static_call_return */
	unsigned long static_return0;
	unsigned long pv_nop;        /* _paravirt_nop */
	unsigned long nop_func;      /* the same since 6.8 */
	/* Call depth tracking (CONFIG_CALL_THUNKS, since 6.2; used with retbleed=stuff). */
	const u8 *call_thunk;        /* skl_call_thunk_template, KS_CALL_THUNK_SIZE bytes */
	unsigned long depth_call_thunks, depth_jump_thunks; /* __x86_indirect_{call,jump}_thunk_array */
	/* What stands on a stack instead of a return address while it is traced. */
	unsigned long return_to_handler;
	unsigned long rethook_trampoline;
};
extern struct ks_kernel_data ks_kernel;

/* Does the CPU end an indirect call that does not find an endbr? */
static inline bool ks_ibt_is_on(void)
{
#ifdef CONFIG_X86_KERNEL_IBT
	return cpu_feature_enabled(X86_FEATURE_IBT);
#else
	return false;
#endif
}

/* From one register's thunk to the next (RETPOLINE_THUNK_SIZE). */
#define KS_THUNK_STRIDE 32
/* "sarq $5, %gs:DEPTH(%rip)"; with any other length there is taken to be no template. */
#define KS_CALL_THUNK_SIZE 9
/* Is @code, which is at @addr, the template?  ks_kernel.call_thunk is there. */
bool ks_is_call_thunk(const u8 *code, u64 addr);

/* Looks everything up; -ENOENT and a message where something is missing. */
int ks_helpers_init(void);

typedef int (*ks_symbol_visit)(void *data, const char *name, unsigned long addr);

/* Calls @visit for each symbol of vmlinux, or of the one module, until it does not return 0. */
int ks_each_kernel_symbol(ks_symbol_visit visit, void *data);
int ks_each_module_symbol(struct module *mod, ks_symbol_visit visit, void *data);

/*
 * The address that a module exports @name at, or 0.  The module is then held
 * by a reference that the caller drops.  Exports of the kernel itself are not
 * looked for.
 */
unsigned long ks_find_module_export(const char *name, struct module **owner);

/* The loaded module of that name, held; NULL with -ENOENT, or -EBUSY while it comes or goes. */
struct module *ks_hold_module(const char *name, int *ret);

/* Does [addr, addr + len) lie in what became read-only when the kernel, or @mod, had started? */
bool ks_is_ro_after_init(const struct module *mod, unsigned long addr, unsigned long len);

/*
 * Has a kretprobe replaced return addresses of the task?  (On x86 since 5.18,
 * commit f3a112c0c40d "x86,rethook,kprobes: Replace kretprobe with rethook on x86".)
 */
static inline bool ks_has_rethooks(const struct task_struct *task)
{
#ifdef CONFIG_RETHOOK
	return READ_ONCE(task->rethooks.first);
#else
	return false;
#endif
}

/* Is there a kprobe on one of the bytes?  Its address, or 0. */
unsigned long ks_find_kprobe(unsigned long addr, unsigned long len);

#endif
