/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that differs between kernels, and the kernel's own functions
 * that are not exported to modules.  No other file looks at a version.
 */
#ifndef KSPLICE_COMPAT_H
#define KSPLICE_COMPAT_H

#include <linux/cpumask.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/stacktrace.h>
#include <linux/static_call.h>
#include <linux/stop_machine.h>
#include <linux/version.h>

/*
 * 6.4 (commit 3703bd54cd37 "kallsyms: Delete an unused parameter related to
 * {module_}kallsyms_on_each_symbol()") dropped the module.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define KS_SYMBOL_CALLBACK(name) int name(void *data, const char *sym, unsigned long addr)
#else
#define KS_SYMBOL_CALLBACK(name) \
	int name(void *data, const char *sym, struct module *mod, unsigned long addr)
#endif
typedef KS_SYMBOL_CALLBACK((*ks_symbol_fn));

/* 6.4 (commit ac3b43283923 "module: replace module_layout with module_memory") */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define ks_module_text(mod) ((unsigned long)(mod)->mem[MOD_TEXT].base)
#define ks_module_text_size(mod) ((unsigned long)(mod)->mem[MOD_TEXT].size)
#else
#define ks_module_text(mod) ((unsigned long)(mod)->core_layout.base)
#define ks_module_text_size(mod) ((unsigned long)(mod)->core_layout.text_size)
#endif

/*
 * Functions that are looked up: X(return type, name, parameters).  They are
 * called through static calls, that is, directly: with X86_KERNEL_IBT most of
 * them are sealed against indirect calls.
 */
#define KSPLICE_HELPERS(X)                                                                     \
	X(int, kallsyms_on_each_symbol, (ks_symbol_fn fn, void *data))                         \
	X(int, stop_machine_cpuslocked,                                                        \
	  (cpu_stop_fn_t fn, void *data, const struct cpumask *cpus))                          \
	X(struct kprobe *, get_kprobe, (void *addr))                                           \
	X(int, jump_label_text_reserved, (void *start, void *end))                             \
	X(int, static_call_text_reserved, (void *start, void *end))                            \
	X(int, alternatives_text_reserved, (void *start, void *end))                           \
	X(unsigned long, ftrace_location, (unsigned long ip))                                  \
	X(struct task_struct *, idle_task, (int cpu))                                          \
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
	struct list_head *kprobe_blacklist;
	unsigned long text; /* _text */
	unsigned long return_thunks[8];
	unsigned int nr_return_thunks;
	unsigned long static_call_return0;
	unsigned long pv_nop; /* _paravirt_nop */
	/* What stands on a stack instead of a return address while it is traced. */
	unsigned long return_to_handler;
	unsigned long rethook_trampoline;
};
extern struct ks_kernel_data ks_kernel;

/* Looks everything up; -ENOENT and a message where something is missing. */
int ks_helpers_init(void);

#endif
