// SPDX-License-Identifier: GPL-2.0-only
/*
 * Can an update be applied to the kernel at all?  The second look at a
 * configuration, after its architecture: what kernel/helpers.c looks for in
 * the running kernel is there or not by the configuration, so a kernel without
 * it is told here, and not by a module that does not load.
 */
#include "base/buf.h"
#include "build/state.h"

struct need {
	const char *option, *why;
};

/* Each of them is off in some kernel that builds and runs well without. */
static const struct need needed[] = {
	{ "MODULES", "an update consists of modules" },
	{ "MODULE_UNLOAD", "an update that is undone, or does not apply, is taken out again" },
	{ "SYSFS", "ksplice-apply and ksplice-undo speak with the update through /sys" },
	{ "KALLSYMS", "functions are found by their names" },
	{ "KALLSYMS_ALL", "variables are found by their names, such as the locks that guard code" },
	{ "KPROBES", "a probe tells where kallsyms_lookup_name() is" },
	{ "DYNAMIC_FTRACE", "the function tracer's places in the code must be known" },
	{ "JUMP_LABEL", "branches that the kernel rewrites are compared as they stand" },
	{ "HAVE_STATIC_CALL_INLINE", "calls that the kernel rewrites are compared as they stand" },
	{ "SMP", "all CPUs are stopped by code that a kernel for one CPU lacks" },
	{ "STACKTRACE", "the stacks of all tasks are looked at" },
	{ "HAVE_RELIABLE_STACKTRACE",
	  "they must be read reliably; CONFIG_UNWINDER_ORC is what brings it" },
};

static const struct need impossible[] = {
	/* The members of a structure in what is compiled here would lie elsewhere. */
	{ "RANDSTRUCT", "the order of members is drawn by lot when the kernel is built" },
	{ "GCC_PLUGIN_RANDSTRUCT", "the order of members is drawn by lot when the kernel is built" },
};

#define COUNT(list) (sizeof(list) / sizeof(*(list)))

struct ks_error *ks_build_check_kernel(struct ks_build *b, bool is_signed)
{
	struct ks_buf wrong = { 0 };
	struct ks_error *err = NULL;

	for (size_t i = 0; i < COUNT(needed); i++)
		if (!ks_config_get(b->config, needed[i].option))
			ks_buf_addf(&wrong, "\n  CONFIG_%s is not set: %s", needed[i].option,
				    needed[i].why);
	for (size_t i = 0; i < COUNT(impossible); i++)
		/* Before 6.1, RANDSTRUCT was the plugin; where there are both, one says it. */
		if (ks_config_get(b->config, impossible[i].option) &&
		    !(i && ks_config_get(b->config, impossible[0].option)))
			ks_buf_addf(&wrong, "\n  CONFIG_%s is set: %s", impossible[i].option,
				    impossible[i].why);
	if (wrong.len)
		err = ks_error_new(KS_E_REFUSED,
				   "no update can be applied to a kernel of this configuration:%s\nIf that is not the kernel's, take it from /boot/config-%s",
				   wrong.data, b->release);
	ks_buf_free(&wrong);
	if (!err && !is_signed && ks_config_get(b->config, "MODULE_SIG_FORCE"))
		ks_note(b->report, 0,
			"this kernel loads only modules that are signed with a key it trusts (CONFIG_MODULE_SIG_FORCE): see --sign-key");
	return err;
}
