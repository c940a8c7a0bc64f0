/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The distribution's kernel modules in a guest: which files a module needs,
 * and what modprobe(8) said when one would not load there.
 */
#ifndef KS_VM_MODULES_H
#define KS_VM_MODULES_H

#include "vm/vm.h"

/*
 * Puts the modules @names of config->image into the guest, with what they
 * depend on (soft dependencies, too), the indices, and kmod's modprobe as
 * /sbin/modprobe, so that the guest's kernel can ask for them itself.  A module
 * that is built into the kernel needs nothing.  An unknown one is
 * KS_E_INPUT.  Without names nothing is added.
 */
struct ks_error *ks_vm_add_modules(struct ks_vm_config *config,
				   const struct ks_strv *names) KS_MUST_CHECK;

/*
 * From the output of guest.sh's load that failed: was it the module that found
 * nothing to work with (kvm_intel without VMX: "Operation not supported"), and
 * not something wrong with the file or with our guest?  *why, if it is not
 * NULL, is the error in words; the caller frees it.
 */
bool ks_vm_module_lacks_hardware(const char *output, char **why);

#endif
