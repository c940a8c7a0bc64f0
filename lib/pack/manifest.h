/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The manifest of a package: what the update is, for which kernel, and what
 * files it has.  docs/format.md describes the JSON.
 */
#ifndef KS_PACK_MANIFEST_H
#define KS_PACK_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include <ksplice/version.h>

#include "base/buf.h"
#include "base/error.h"

struct ks_manifest_unit {
	char *path;   /* kernel/printk/printk.c */
	char *target; /* "vmlinux" or a module */
	struct ks_strv replaced, added, removed;
};

struct ks_manifest_file {
	char *name; /* relative to the top directory */
	uint64_t size;
	char sha256[65];
};

struct ks_manifest {
	char *id;
	char *description;
	char *release; /* uname -r of the kernel */
	char *version; /* its package's version, or "" */
	char *arch;    /* uname -m: "x86_64" */
	int core_abi;
	char *created; /* ISO 8601, UTC */
	bool pinned;
	struct ks_strv targets;
	KS_VEC(struct ks_manifest_unit) units;
	KS_VEC(struct ks_manifest_file) files;
};

/* Zero-initialised before; the strings are copied. */
void ks_manifest_init(struct ks_manifest *m, const char *id, const char *description);
void ks_manifest_set_kernel(struct ks_manifest *m, const char *release, const char *version);
struct ks_manifest_unit *ks_manifest_add_unit(struct ks_manifest *m, const char *path, const char *target);
void ks_manifest_clear(struct ks_manifest *m);

/* @out: the JSON text. */
struct ks_error *ks_manifest_write(const struct ks_manifest *m, struct ks_buf *out) KS_MUST_CHECK;
/* Refuses unknown formats and missing or wrongly typed members, by name. */
struct ks_error *ks_manifest_read(const char *text, size_t len, struct ks_manifest *m) KS_MUST_CHECK;

/* [a-z0-9]{1,32} */
bool ks_id_valid(const char *id);

#endif
