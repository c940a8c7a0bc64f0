/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's functions that may fail, with a point in front (fault.h), and
 * those that take back what they gave.  The compiler puts this file before
 * each of the core's, so that these are as they are: what the headers define
 * themselves has to be read before its names mean something else.
 */
#ifndef KSPLICE_FAULT_CALLS_H
#define KSPLICE_FAULT_CALLS_H

#ifndef pr_fmt
#define pr_fmt(fmt) "ksplice: " fmt
#endif
#include <linux/ftrace.h>
#include <linux/kobject.h>
#include <linux/kprobes.h>
#include <linux/livepatch.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/tracepoint.h>
#include <linux/vmalloc.h>

#include "fault.h"

/*
 * What allocates is a macro since 6.10 (commit 7bd230a26648 "mm/slab: enable slab allocation tagging
 * for kmalloc and friends"), and a macro of ours could not lead to one of the same name.
 */
#define KS_FAULT_ALLOCATORS(X)                                                       \
	X(kmalloc, (size_t size, gfp_t flags), (size, flags))                        \
	X(kzalloc, (size_t size, gfp_t flags), (size, flags))                        \
	X(kcalloc, (size_t n, size_t size, gfp_t flags), (n, size, flags))           \
	X(kmalloc_array, (size_t n, size_t size, gfp_t flags), (n, size, flags))     \
	X(kvmalloc, (size_t size, gfp_t flags), (size, flags))                       \
	X(kvzalloc, (size_t size, gfp_t flags), (size, flags))                       \
	X(kvcalloc, (size_t n, size_t size, gfp_t flags), (n, size, flags))          \
	X(kvmalloc_array, (size_t n, size_t size, gfp_t flags), (n, size, flags))    \
	X(kstrdup, (const char *s, gfp_t flags), (s, flags))                         \
	X(kstrndup, (const char *s, size_t max, gfp_t flags), (s, max, flags))       \
	X(krealloc, (const void *p, size_t size, gfp_t flags), (p, size, flags))
#define X(name, parameters, arguments)                                               \
	static __always_inline void *ks_real_##name parameters { return name arguments; }
KS_FAULT_ALLOCATORS(X)
#undef X
#undef kmalloc
#undef kzalloc
#undef kcalloc
#undef kmalloc_array
#undef kvmalloc
#undef kvzalloc
#undef kvcalloc
#undef kvmalloc_array
#undef kstrdup
#undef kstrndup
#undef krealloc

#define ks_fault_alloc(what, call) \
	(KS_FAULT(what) ? NULL : ks_fault_took(call, __func__, what))
#define kmalloc(...) ks_fault_alloc("kmalloc", ks_real_kmalloc(__VA_ARGS__))
#define kzalloc(...) ks_fault_alloc("kzalloc", ks_real_kzalloc(__VA_ARGS__))
#define kcalloc(...) ks_fault_alloc("kcalloc", ks_real_kcalloc(__VA_ARGS__))
#define kmalloc_array(...) ks_fault_alloc("kmalloc_array", ks_real_kmalloc_array(__VA_ARGS__))
#define kvmalloc(...) ks_fault_alloc("kvmalloc", ks_real_kvmalloc(__VA_ARGS__))
#define kvzalloc(...) ks_fault_alloc("kvzalloc", ks_real_kvzalloc(__VA_ARGS__))
#define kvcalloc(...) ks_fault_alloc("kvcalloc", ks_real_kvcalloc(__VA_ARGS__))
#define kvmalloc_array(...) ks_fault_alloc("kvmalloc_array", ks_real_kvmalloc_array(__VA_ARGS__))
#define kstrdup(...) ks_fault_alloc("kstrdup", ks_real_kstrdup(__VA_ARGS__))
#define kstrndup(...) ks_fault_alloc("kstrndup", ks_real_kstrndup(__VA_ARGS__))
#define kasprintf(...) ks_fault_alloc("kasprintf", kasprintf(__VA_ARGS__))
#define krealloc(p, ...) \
	ks_fault_alloc("krealloc", ks_real_krealloc(ks_fault_gave(p, __func__), __VA_ARGS__))
#define vmap(...) ks_fault_alloc("vmap", vmap(__VA_ARGS__))
#define kfree(p) kfree(ks_fault_gave(p, __func__))
#define kvfree(p) kvfree(ks_fault_gave(p, __func__))
#define vunmap(p) vunmap(ks_fault_gave(p, __func__))

#define try_module_get(mod)                   \
	(!KS_FAULT("try_module_get") && \
	 (try_module_get(mod) ? !ks_fault_count(KS_FAULT_REFERENCE, 1, 0) : false))
#define __module_get(mod) \
	((void)ks_fault_count(KS_FAULT_REFERENCE, 1, 0), __module_get(mod))
#define module_put(mod) \
	((void)ks_fault_count(KS_FAULT_REFERENCE, -1, 0), module_put(mod))

/* Where it fails, there is an object all the same, to be put. */
#define kobject_init_and_add(kobj, type, ...)                                      \
	(KS_FAULT("kobject_init_and_add") ? (kobject_init(kobj, type), -ENOMEM) : \
					     kobject_init_and_add(kobj, type, __VA_ARGS__))
#define kobject_create_and_add(...) \
	(KS_FAULT("kobject_create_and_add") ? NULL : kobject_create_and_add(__VA_ARGS__))
#define sysfs_create_file(...) \
	(KS_FAULT("sysfs_create_file") ? -ENOMEM : sysfs_create_file(__VA_ARGS__))
#define register_kprobe(p) (KS_FAULT("register_kprobe") ? -ENOMEM : register_kprobe(p))
#define ftrace_set_filter_ip(...) \
	(KS_FAULT("ftrace_set_filter_ip") ? -ENOMEM : ftrace_set_filter_ip(__VA_ARGS__))
#define register_ftrace_function(ops)                  \
	(KS_FAULT("register_ftrace_function") ? -ENOMEM : \
		ks_fault_count(KS_FAULT_TRACER, 1, register_ftrace_function(ops)))
#define unregister_ftrace_function(ops) \
	ks_fault_count(KS_FAULT_TRACER, -1, unregister_ftrace_function(ops))
#define tracepoint_probe_register(...)                  \
	(KS_FAULT("tracepoint_probe_register") ? -ENOMEM : \
		ks_fault_count(KS_FAULT_PROBE, 1, tracepoint_probe_register(__VA_ARGS__)))
#define tracepoint_probe_unregister(...) \
	ks_fault_count(KS_FAULT_PROBE, -1, tracepoint_probe_unregister(__VA_ARGS__))

#endif
