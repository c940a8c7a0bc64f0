/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A prepared source tree: the exact source of a kernel, and beside it, in
 * DIR/ksplice, what ksplice-create needs to know of its binary:
 *
 *	.config      the configuration it was built with
 *	System.map   its symbols
 *	build        a link to its headers
 *	headers/     them, where they are not installed
 *	kernel       which kernel it is (info.h); written last
 *	preparing    instead of "kernel" while the tree is not complete
 */
#ifndef KS_DISTRO_TREE_H
#define KS_DISTRO_TREE_H

#include <stdbool.h>

#include "base/error.h"
#include "base/term.h"
#include "distro/info.h"

/*
 * Fills @dir with the tree of @release (NULL: of the running kernel).  @dir
 * must not exist, be empty, or be an unfinished tree of the same release,
 * which is done again.  A finished one is left alone: *already is set.  *info
 * says what it is; the caller frees its members.  After an error or a signal
 * the directory is as it was, but for an unfinished tree, which is gone.
 */
struct ks_error *ks_tree_prepare(const char *release, const char *dir, struct ks_report *r,
				 struct ks_kernel_info *info, bool *already) KS_MUST_CHECK;

#endif
