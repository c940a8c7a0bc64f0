/* SPDX-License-Identifier: GPL-2.0-only */
/* The table while it is being built: shared by table.c and sites.c only. */
#ifndef KS_TABLE_BUILDER_H
#define KS_TABLE_BUILDER_H

#include "table/table.h"

struct ks_table_symbol {
	struct kst_symbol raw;
	char *key; /* name of a symbol that is known by name in its target, or NULL */
	struct ks_atom *atom;
	uint32_t export; /* index among the exports, or KST_NONE */
};

struct ks_table {
	char *id;
	const struct ks_sysmap *map;
	struct ks_buf strings;
	struct ks_strv targets;
	KS_VEC(struct ks_table_symbol) symbols;
	KS_VEC(struct kst_block) blocks;
	KS_VEC(struct kst_site) sites;
	KS_VEC(struct kst_alt) alts;
	struct ks_buf code;
	KS_VEC(struct kst_export) exports;
	struct ks_strv export_names;
	KS_VEC(struct kst_patch) patches;
	KS_VEC(struct kst_data) data;
	KS_VEC(struct ks_atom *) queue; /* data atoms that code refers to, blocks to be made */
	struct ks_diff *diff;           /* of the unit being added */
	uint32_t target;
	uint32_t unit;                  /* its name as a string */
	void *by_name;                  /* tsearch(3) tree over keys */
	void *by_atom;
};

/* The symbol for what @ref refers to. */
uint32_t ks_table_ref_symbol(struct ks_table *t, const struct ks_ref *ref);
uint32_t ks_table_name_symbol(struct ks_table *t, uint32_t target, const char *name);

/* Appends the sites of one code or data atom; sets *flags of its block. */
struct ks_error *ks_table_add_sites(struct ks_table *t, struct ks_atom *a, uint32_t *flags) KS_MUST_CHECK;

/* A block for @a with kind and symbol; its sites are appended. */
struct ks_error *ks_table_add_block(struct ks_table *t, struct ks_atom *a, uint32_t kind,
				    uint32_t size, uint32_t flags, uint32_t *index) KS_MUST_CHECK;

#endif
