/* SPDX-License-Identifier: GPL-2.0-only */
/* What is applied to the running kernel, and what builds on what: the kernel's own word. */
#ifndef KS_UPTRACK_APPLIED_H
#define KS_UPTRACK_APPLIED_H

#include "live/live.h"

struct ks_applied_update {
	char *id, *description;
	struct ks_strv builds_on; /* ids */
};

/* Each behind those that it builds on. */
struct ks_applied {
	struct ks_applied_update *v;
	size_t len, cap;
};

struct ks_error *ks_applied_read(const struct ks_live *live,
				 struct ks_applied *applied) KS_MUST_CHECK;
void ks_applied_clear(struct ks_applied *applied);
const struct ks_applied_update *ks_applied_find(const struct ks_applied *applied, const char *id);

#endif
