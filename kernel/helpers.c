// SPDX-License-Identifier: GPL-2.0-only
/* Finding the kernel's unexported functions; see compat.h. */
#define pr_fmt(fmt) "ksplice: " fmt

#include <linux/kernel.h>

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

static unsigned long (*lookup)(const char *name);

/* kallsyms_lookup_name() is not exported (since 5.7), but a kprobe finds its address. */
static int find_lookup(void)
{
	struct kprobe kp = { .symbol_name = "kallsyms_lookup_name" };
	int ret = register_kprobe(&kp);

	if (ret) {
		pr_err("cannot find kallsyms_lookup_name (%d): does this kernel have kprobes and kallsyms?\n",
		       ret);
		return ret;
	}
	lookup = (void *)kp.addr;
	unregister_kprobe(&kp);
	return 0;
}

static unsigned long need(const char *name, int *ret)
{
	unsigned long addr = lookup(name);

	if (!addr) {
		pr_err("this kernel has no symbol %s\n", name);
		*ret = -ENOENT;
	}
	return addr;
}

static void find_return_thunks(void)
{
	static const char *const names[] = {
		"__x86_return_thunk",	   "retbleed_return_thunk", "srso_return_thunk",
		"srso_alias_return_thunk", "its_return_thunk",	    "call_depth_return_thunk",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		unsigned long addr = lookup(names[i]);

		if (addr)
			ks_kernel.return_thunks[ks_kernel.nr_return_thunks++] = addr;
	}
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
	ks_kernel.kprobe_blacklist = (void *)need("kprobe_blacklist", &ret);
	ks_kernel.text = need("_text", &ret);
	ks_kernel.static_call_return0 = need("__static_call_return0", &ret);
	/* These may be configured away. */
	ks_kernel.pv_nop = lookup("_paravirt_nop");
	ks_kernel.return_to_handler = lookup("return_to_handler");
	ks_kernel.rethook_trampoline = lookup("arch_rethook_trampoline");
	find_return_thunks();
	return ret;
}
