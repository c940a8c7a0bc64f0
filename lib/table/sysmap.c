// SPDX-License-Identifier: GPL-2.0-only
/* Reading System.map; see sysmap.h. */
#include "table/sysmap.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

#define MAX_SYSMAP (64u << 20)
/* Addresses below this are per-CPU offsets or absolute values, not kernel memory. */
#define KERNEL_SPACE 0xffffffff00000000ull

struct entry {
	uint64_t address;
	const char *name;
	char type;
};

struct ks_sysmap {
	struct ks_buf text;
	KS_VEC(struct entry) entries; /* sorted by name */
	uint64_t base;
};

static int by_name(const void *x, const void *y)
{
	return strcmp(((const struct entry *)x)->name, ((const struct entry *)y)->name);
}

static const struct entry *first(const struct ks_sysmap *map, const char *name)
{
	size_t lo = 0, hi = map->entries.len;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(map->entries.v[mid].name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == map->entries.len || strcmp(map->entries.v[lo].name, name))
		return NULL;
	return &map->entries.v[lo];
}

struct ks_error *ks_sysmap_read(const char *path, struct ks_sysmap **result)
{
	struct ks_sysmap *map = ks_alloc(sizeof(*map));
	struct ks_error *err = ks_file_read(path, MAX_SYSMAP, &map->text);
	const struct entry *text;
	char *line, *save = NULL;

	if (err)
		goto fail;
	for (line = strtok_r(map->text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *end, *tab;
		struct entry *e;
		uint64_t address = strtoull(line, &end, 16);

		if (end == line || end[0] != ' ' || !end[1] || end[2] != ' ' || !end[3]) {
			err = ks_error_new(KS_E_INPUT,
					   "%s: \"%.60s\" is not \"ADDRESS TYPE NAME\"; a stub? Make it with ksplice-prepare",
					   path, line);
			goto fail;
		}
		e = ks_vec_push(&map->entries);
		e->address = address;
		e->type = end[1];
		e->name = end + 3;
		tab = strchr(end + 3, '\t'); /* "name [module]" of /proc/kallsyms */
		if (tab)
			*tab = 0;
	}
	if (map->entries.len)
		qsort(map->entries.v, map->entries.len, sizeof(*map->entries.v), by_name);
	text = first(map, "_text");
	if (!text) {
		err = ks_error_new(KS_E_INPUT,
				   "%s: it has no symbol _text: not a kernel's System.map; make it with ksplice-prepare",
				   path);
		goto fail;
	}
	map->base = text->address;
	*result = map;
	return NULL;
fail:
	ks_sysmap_free(map);
	return err;
}

void ks_sysmap_free(struct ks_sysmap *map)
{
	if (!map)
		return;
	ks_vec_free(&map->entries);
	ks_buf_free(&map->text);
	free(map);
}

bool ks_sysmap_has(const struct ks_sysmap *map, const char *name)
{
	return first(map, name) != NULL;
}

static const struct entry *only_global(const struct ks_sysmap *map, const char *name)
{
	const struct entry *e = first(map, name), *found = NULL;

	for (; e && e < map->entries.v + map->entries.len && !strcmp(e->name, name); e++)
		if (isupper((unsigned char)e->type)) {
			if (found)
				return NULL;
			found = e;
		}
	return found;
}

bool ks_sysmap_global(const struct ks_sysmap *map, const char *name, int64_t *offset)
{
	const struct entry *e = only_global(map, name);

	if (!e || e->address < KERNEL_SPACE)
		return false;
	*offset = e->address - map->base;
	return true;
}

bool ks_sysmap_absolute(const struct ks_sysmap *map, const char *name)
{
	const struct entry *e = first(map, name);

	return e && e->address < KERNEL_SPACE;
}

bool ks_sysmap_ro_after_init(const struct ks_sysmap *map, const char *name)
{
	const struct entry *start = first(map, "__start_ro_after_init"), *e;
	const struct entry *end = first(map, "__end_ro_after_init");

	for (e = first(map, name); e && e < map->entries.v + map->entries.len && !strcmp(e->name, name); e++)
		if (start && end && e->address >= start->address && e->address < end->address)
			return true;
	return false;
}
