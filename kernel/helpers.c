// SPDX-License-Identifier: GPL-2.0-only
/* Finding and calling the kernel's unexported functions; see compat.h. */
#define pr_fmt(fmt) "ksplice: " fmt

#include <linux/kernel.h>
#include <linux/preempt.h>
#include <linux/tracepoint.h>
#include <ksplice/core.h>

#include "compat.h"

struct ks_kernel_data ks_kernel;

/* Until a helper is found: nothing calls it before ks_helpers_init() has succeeded. */
#define X(ret, name, args)                                                                     \
	static ret ks_missing_##name args                                                      \
	{                                                                                      \
		return (ret)0;                                                                 \
	}                                                                                      \
	DEFINE_STATIC_CALL(ks_##name, ks_missing_##name);
KSPLICE_HELPERS(X)
#undef X

static unsigned long no_lookup(const char *name)
{
	return 0;
}
DEFINE_STATIC_CALL(ks_lookup, no_lookup);

/* kallsyms_lookup_name() is not exported (since 5.7), but a kprobe finds its address. */
static int find_lookup(void)
{
	struct kprobe kp = { .symbol_name = "kallsyms_lookup_name" };
	int ret = register_kprobe(&kp);
	unsigned long addr;

	if (ret) {
		pr_err("cannot find kallsyms_lookup_name (%d): does this kernel have kprobes and "
		       "kallsyms?\n",
		       ret);
		return ret;
	}
	addr = (unsigned long)kp.addr;
	unregister_kprobe(&kp);
#ifdef CONFIG_X86_KERNEL_IBT
	/* The probe sits behind the endbr (or what a sealed one became) of an aligned function. */
	if (addr % 16 == 4)
		addr -= 4;
#endif
	static_call_update(ks_lookup, (typeof(&no_lookup))addr);
	return 0;
}

static unsigned long may(const char *name)
{
	return static_call(ks_lookup)(name);
}

static unsigned long need(const char *name, int *ret)
{
	unsigned long addr = may(name);

	if (!addr) {
		pr_err("this kernel has no symbol %s\n", name);
		*ret = -ENOENT;
	}
	return addr;
}

static void see_tracepoint(struct tracepoint *tp, void *unused)
{
	if (!strcmp(tp->name, "sched_switch"))
		ks_kernel.sched_switch = tp;
}

static void find_thunks(void)
{
	unsigned long start = may("skl_call_thunk_template");

	if (start && may("skl_call_thunk_tail") == start + KS_CALL_THUNK_SIZE)
		ks_kernel.call_thunk = (const u8 *)start;
	ks_kernel.depth_call_thunks = may("__x86_indirect_call_thunk_array");
	ks_kernel.depth_jump_thunks = may("__x86_indirect_jump_thunk_array");
}

bool ks_is_call_thunk(const u8 *code, u64 addr)
{
	const u8 *want = ks_kernel.call_thunk;
	s32 found, template;

	/* The operand at RIP has its displacement in bytes 4 to 7. */
	if (memcmp(code, want, 4) || code[8] != want[8])
		return false;
	memcpy(&found, code + 4, 4);
	memcpy(&template, want + 4, 4);
	return addr + found == (u64)want + template;
}

int ks_helpers_init(void)
{
	int ret = find_lookup();

	if (ret)
		return ret;
#define X(rtype, name, args)                                                                   \
	do {                                                                                   \
		ks_##name##_fn *fn = (void *)need(#name, &ret);                                \
									                       \
		if (fn)                                                                        \
			static_call_update(ks_##name, fn);                                     \
	} while (0);
	KSPLICE_HELPERS(X)
#undef X
	ks_kernel.text_mutex = (void *)need("text_mutex", &ret);
	ks_kernel.kprobe_mutex = (void *)need("kprobe_mutex", &ret);
	ks_kernel.jump_label_mutex = (void *)need("jump_label_mutex", &ret);
	ks_kernel.static_call_mutex = (void *)need("static_call_mutex", &ret);
	ks_kernel.ftrace_lock = (void *)need("ftrace_lock", &ret);
	ks_kernel.kprobe_blacklist = (void *)need("kprobe_blacklist", &ret);
	ks_kernel.tasklist_lock = (void *)need("tasklist_lock", &ret);
	for_each_kernel_tracepoint(see_tracepoint, NULL);
	ks_kernel.text = need("_text", &ret);
	ks_kernel.end = need("_end", &ret);
	ks_kernel.stext = need("_stext", &ret);
	ks_kernel.etext = need("_etext", &ret);
	ks_kernel.ro_after_init = need("__start_ro_after_init", &ret);
	ks_kernel.ro_after_init_end = need("__end_ro_after_init", &ret);
	ks_kernel.static_return0 = need("__static_call_return0", &ret);
	ks_kernel.static_return = may("__static_call_return");
	ks_kernel.return_thunk = may("__x86_return_thunk");
	ks_kernel.return_thunk_now = (void *)may("x86_return_thunk");
	ks_kernel.pv_nop = may("_paravirt_nop");
	ks_kernel.nop_func = may("nop_func");
	find_thunks();
	ks_kernel.return_to_handler = may("return_to_handler");
	ks_kernel.rethook_trampoline = may("arch_rethook_trampoline");
	return ret;
}

struct walk {
	ks_symbol_visit visit;
	void *data;
	struct module *mod;
};

static KS_SYMBOL_CALLBACK(see_symbol)
{
	struct walk *w = data;

	if (KS_SYMBOL_MODULE && KS_SYMBOL_MODULE != w->mod)
		return 0;
	return w->visit(w->data, sym, addr);
}

int ks_each_kernel_symbol(ks_symbol_visit visit, void *data)
{
	struct walk w = { .visit = visit, .data = data };

	return ks_call(kallsyms_on_each_symbol)(see_symbol, &w);
}

int ks_each_module_symbol(struct module *mod, ks_symbol_visit visit, void *data)
{
	struct walk w = { .visit = visit, .data = data, .mod = mod };

	return ks_walk_module(mod, see_symbol, &w);
}

unsigned long ks_find_module_export(const char *name, struct module **owner)
{
	struct ks_find_symbol arg = { .name = name, .gplok = true };
	const struct ksplice_export *export;
	unsigned long addr = 0;

	preempt_disable();
	if (ks_call(find_symbol)(&arg) && arg.owner && arg.owner->state == MODULE_STATE_LIVE &&
	    try_module_get(arg.owner)) {
		export = arg.sym;
		addr = (unsigned long)&export->value + export->value;
		*owner = arg.owner;
	}
	preempt_enable();
	return addr;
}

struct module *ks_hold_module(const char *name, int *ret)
{
	struct module *mod;

	preempt_disable();
	mod = ks_call(find_module)(name);
	if (!mod) {
		*ret = -ENOENT;
	} else if (mod->state != MODULE_STATE_LIVE || !try_module_get(mod)) {
		*ret = -EBUSY;
		mod = NULL;
	}
	preempt_enable();
	return mod;
}

static bool within(unsigned long addr, unsigned long len, unsigned long start, unsigned long size)
{
	return addr >= start && len <= size && addr - start <= size - len;
}

bool ks_is_ro_after_init(const struct module *mod, unsigned long addr, unsigned long len)
{
	if (within(addr, len, ks_kernel.ro_after_init,
		   ks_kernel.ro_after_init_end - ks_kernel.ro_after_init))
		return true;
	return mod && within(addr, len, ks_module_ro_after_init(mod), ks_module_ro_after_init_size(mod));
}

unsigned long ks_find_kprobe(unsigned long addr, unsigned long len)
{
	unsigned long end = addr + len;
	bool found = false;

	/* The table of kprobes may be read under kprobe_mutex or, as here, with preemption off. */
	for (; addr < end && !found; addr++) {
		preempt_disable();
		found = ks_call(get_kprobe)((void *)addr);
		preempt_enable();
	}
	return found ? addr - 1 : 0;
}
