/* SPDX-License-Identifier: GPL-2.0-only */
/* SHA-256 as the manifest has it: 64 lower-case hexadecimal digits. */
#ifndef KS_PACK_DIGEST_H
#define KS_PACK_DIGEST_H

#include "base/buf.h"
#include "base/error.h"

struct ks_error *ks_digest(const struct ks_buf *data, char hex[65]) KS_MUST_CHECK;

/* The same of a file, of whatever size, and *size in bytes. */
struct ks_error *ks_digest_file(const char *path, char hex[65], uint64_t *size) KS_MUST_CHECK;

#endif
