/* SPDX-License-Identifier: GPL-2.0-only */
/* A System.map in memory: which names a kernel has, how often, and where. */
#ifndef KS_TABLE_SYSMAP_H
#define KS_TABLE_SYSMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct ks_sysmap;

struct ks_error *ks_sysmap_read(const char *path, struct ks_sysmap **map) KS_MUST_CHECK;
void ks_sysmap_free(struct ks_sysmap *map);

bool ks_sysmap_has(const struct ks_sysmap *map, const char *name);

/*
 * The address of the one global symbol of that name, as an offset from _text;
 * false where there is none, or where it is absolute (per-CPU).
 */
bool ks_sysmap_global(const struct ks_sysmap *map, const char *name, int64_t *offset);

/* Is the only symbol of that name an absolute one (a per-CPU offset)? */
bool ks_sysmap_absolute(const struct ks_sysmap *map, const char *name);

/*
 * Is a symbol of that name in the memory that is made read-only after
 * boot (between __start_ro_after_init and __end_ro_after_init)?
 */
bool ks_sysmap_ro_after_init(const struct ks_sysmap *map, const char *name);

#endif
