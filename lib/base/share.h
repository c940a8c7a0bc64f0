/* SPDX-License-Identifier: GPL-2.0-only */
/* What is built or included from source, per kernel: bin/share (in place), or share/ksplice. */
#ifndef KS_BASE_SHARE_H
#define KS_BASE_SHARE_H

#include "base/error.h"

/* Found from where the running program is; the caller frees *share. */
struct ks_error *ks_share_find(char **share) KS_MUST_CHECK;

#endif
