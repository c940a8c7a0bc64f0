/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A look into untrusted bytes.  Every offset that a kernel image gives us goes
 * through ks_view_at(), the one range check of this directory.
 */
#ifndef KS_DISTRO_VIEW_H
#define KS_DISTRO_VIEW_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct ks_view {
	const unsigned char *data;
	size_t len;
};

/* @len bytes at @offset, or NULL where they are not all there. */
static inline const unsigned char *ks_view_at(const struct ks_view *v, uint64_t offset,
					      uint64_t len)
{
	return offset <= v->len && len <= v->len - offset ? v->data + offset : NULL;
}

/* Little-endian numbers of a checked place; the alignment does not matter. */
static inline uint16_t ks_get16(const unsigned char *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t ks_get32(const unsigned char *p)
{
	return ks_get16(p) | (uint32_t)ks_get16(p + 2) << 16;
}

static inline uint64_t ks_get64(const unsigned char *p)
{
	return ks_get32(p) | (uint64_t)ks_get32(p + 4) << 32;
}

#endif
