// SPDX-License-Identifier: GPL-2.0-only
/* Reading Module.symvers; see exports.h. */
#include "module/exports.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"

#define MAX_SYMVERS (64u << 20)

struct entry {
	const char *symbol;
	char *module;
};

struct ks_exports {
	struct ks_buf text;
	KS_VEC(struct entry) entries; /* sorted by symbol */
};

static int by_symbol(const void *x, const void *y)
{
	return strcmp(((const struct entry *)x)->symbol, ((const struct entry *)y)->symbol);
}

/* "drivers/virtio/virtio_ring" is the module virtio_ring; a "-" is shown as "_". */
static char *module_name(const char *path)
{
	char *name = ks_strdup(ks_path_base(path));

	for (char *p = name; *p; p++)
		if (*p == '-')
			*p = '_';
	return name;
}

struct ks_error *ks_exports_read(const char *path, struct ks_exports **result)
{
	struct ks_exports *x = ks_alloc(sizeof(*x));
	struct ks_error *err = ks_file_read(path, MAX_SYMVERS, &x->text);
	char *line, *save = NULL;

	for (line = err ? NULL : strtok_r(x->text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *fields = NULL, *symbol, *module;
		struct entry *e;

		strtok_r(line, "\t", &fields);
		symbol = strtok_r(NULL, "\t", &fields);
		module = strtok_r(NULL, "\t", &fields);
		if (!module) {
			err = ks_error_new(KS_E_INPUT, "%s: \"%.60s\" is not \"CRC SYMBOL MODULE KIND\"", path,
					   line);
			break;
		}
		e = ks_vec_push(&x->entries);
		e->symbol = symbol;
		e->module = module_name(module);
	}
	if (err) {
		ks_exports_free(x);
		return err;
	}
	if (x->entries.len)
		qsort(x->entries.v, x->entries.len, sizeof(*x->entries.v), by_symbol);
	*result = x;
	return NULL;
}

void ks_exports_free(struct ks_exports *x)
{
	if (!x)
		return;
	ks_vec_for(&x->entries, e)
		free(e->module);
	ks_vec_free(&x->entries);
	ks_buf_free(&x->text);
	free(x);
}

const char *ks_exports_owner(const struct ks_exports *x, const char *symbol)
{
	struct entry want = { .symbol = symbol }, *found;

	if (!x->entries.len)
		return NULL;
	found = bsearch(&want, x->entries.v, x->entries.len, sizeof(want), by_symbol);
	return found ? found->module : NULL;
}
