/* SPDX-License-Identifier: GPL-2.0-only */
/* ksplice.ko for one kernel: built once, kept beside the build cache. */
#ifndef KS_MODULE_CORE_H
#define KS_MODULE_CORE_H

#include "base/error.h"
#include "base/term.h"

struct ks_build;

struct ks_core_build {
	char *module;      /* path of ksplice.ko, without debug information */
	char *symvers;     /* path of its Module.symvers */
	char *include_dir; /* with ksplice/core.h, for the update's modules */
};

/*
 * Builds the core against the headers in @config_dir, or takes what an
 * earlier run built there from the same sources for the same headers.
 */
struct ks_error *ks_core_build(struct ks_build *build, const char *config_dir, struct ks_report *report,
			       struct ks_core_build **core) KS_MUST_CHECK;
void ks_core_build_free(struct ks_core_build *core);

#endif
