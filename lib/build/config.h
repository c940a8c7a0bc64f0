/* SPDX-License-Identifier: GPL-2.0-only */
/* A kernel's .config: reading it, and telling whether two mean the same kernel. */
#ifndef KS_BUILD_CONFIG_H
#define KS_BUILD_CONFIG_H

#include "base/buf.h"
#include "base/error.h"

struct ks_config;

struct ks_error *ks_config_read(const char *path, struct ks_config **config) KS_MUST_CHECK;
void ks_config_free(struct ks_config *config);

/* The file as it is. */
const struct ks_buf *ks_config_text(const struct ks_config *config);

/* The value without quotes ("y", "120200", text); NULL: not set.  @name without CONFIG_. */
const char *ks_config_get(const struct ks_config *config, const char *name);

/*
 * How @got, which kconfig made from @given, differs.  Options whose value only
 * describes the machine that builds are left out.
 */
struct ks_config_diff {
	struct ks_strv changed; /* "DEBUG_INFO_BTF: y -> n" */
	struct ks_strv added;   /* names that @given did not mention and @got sets */
};
void ks_config_compare(const struct ks_config *given, const struct ks_config *got,
		       struct ks_config_diff *diff);
void ks_config_diff_free(struct ks_config_diff *diff);

#endif
