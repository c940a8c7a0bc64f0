/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The manifest of a package: what the update is, for which kernel, and what
 * files it has.  Written at the end of ksplice-create, read by everything that
 * gets a package.  docs/format.md describes the JSON.
 */
#ifndef KS_PACK_MANIFEST_H
#define KS_PACK_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include <ksplice/version.h>

#include "base/buf.h"
#include "base/error.h"

#define KS_MANIFEST_NAME "manifest.json"
/* The core keeps no more of it. */
#define KS_DESCRIPTION_MAX 1024

/* A change of the patch that is not in the update, and why that is no loss. */
struct ks_manifest_skip {
	char *name, *reason;
};

struct ks_manifest_unit {
	char *path;   /* kernel/printk/printk.c */
	char *target; /* "vmlinux" or a module */
	struct ks_strv replaced, added, removed;
	struct ks_strv changed; /* objects whose content is changed in place */
	KS_VEC(struct ks_manifest_skip) skipped;
};

/* A target as a whole, built from the patched source, for machines where it is not loaded. */
struct ks_manifest_whole {
	char *target, *file;
	char *build_id; /* of the file, hexadecimal; "" where it has none */
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
	char *created;  /* ISO 8601, UTC */
	char *compiler; /* its version line, or "" */
	bool pinned;
	bool series;  /* made for the kernel with the updates that were applied before */
	bool replace; /* to replace all others when it is applied */
	char *core_file, *old_file, *new_file; /* the kernel modules among the files */
	struct ks_strv targets;
	/* For the reader, types with what changes: laid out differently; only with more in padding. */
	struct ks_strv layouts, extended;
	struct ks_strv needs; /* modules that are no targets, but that new code calls into */
	KS_VEC(struct ks_manifest_unit) units;
	KS_VEC(struct ks_manifest_whole) whole;
	KS_VEC(struct ks_manifest_file) files;
};

/* Zero-initialised before; the strings are copied. */
void ks_manifest_init(struct ks_manifest *m, const char *id, const char *description);
void ks_manifest_set_kernel(struct ks_manifest *m, const char *release, const char *version);
void ks_manifest_set_compiler(struct ks_manifest *m, const char *version_line);
struct ks_manifest_unit *ks_manifest_add_unit(struct ks_manifest *m, const char *path,
					      const char *target);
/* @skipped: "NAME: why", as lib/diff has it. */
void ks_manifest_add_skipped(struct ks_manifest_unit *u, const char *skipped);
void ks_manifest_add_whole(struct ks_manifest *m, const char *target, const char *file,
			   const char *build_id);
void ks_manifest_clear(struct ks_manifest *m);

/* @out: the JSON text.  Refuses what ks_manifest_read() would refuse. */
struct ks_error *ks_manifest_write(const struct ks_manifest *m, struct ks_buf *out) KS_MUST_CHECK;
/*
 * Refuses unknown formats and missing or wrongly typed members, by name.  No
 * string has control characters (they end up on terminals); the release, the
 * version and the targets have only characters that are safe in a path.
 */
struct ks_error *ks_manifest_read(const char *text, size_t len,
				  struct ks_manifest *m) KS_MUST_CHECK;

const struct ks_manifest_file *ks_manifest_find_file(const struct ks_manifest *m, const char *name);

/* [a-z0-9]{1,32} */
bool ks_id_valid(const char *id);

/* Why @name ("core/ksplice.ko") cannot be a file of a package, or NULL if it can. */
const char *ks_pack_name_problem(const char *name);

#endif
