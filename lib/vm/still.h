/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel module that loads and does nothing.
 *
 * A driver whose hardware is not there refuses to start, and then is not
 * loaded at all.  Without its start and end functions it always is: its code
 * stands in memory, linked and patched by the loader as it would be, and an
 * update can be matched with it, linked and spliced.  Only running it would
 * make no sense.
 */
#ifndef KS_VM_STILL_H
#define KS_VM_STILL_H

#include "base/error.h"

/*
 * Writes @module (a .ko file, or one compressed with gzip, xz or zstd) to @out, not compressed and
 * without the two functions.  Its signature, if any, is no longer valid.
 */
struct ks_error *ks_vm_still_module(const char *module, const char *out) KS_MUST_CHECK;

#endif
