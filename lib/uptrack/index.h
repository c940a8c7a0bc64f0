/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The index of one kernel: its updates in the order of application, and what
 * else the publisher has to say.  Read from JSON and written as JSON; whether
 * an index is to be believed is the matter of head.h.
 */
#ifndef KS_UPTRACK_INDEX_H
#define KS_UPTRACK_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "pack/manifest.h"
#include "uptrack/repo.h"
#include "uptrack/sign.h"

#define KS_INDEX_FORMAT 1
/*
 * What a client of this source can do.  An index may ask for more; it goes up
 * when an index may hold something that a client must not ignore.
 */
#define KS_UPTRACK_CLIENT 1

#define KS_INDEX_MAX (4u << 20) /* bytes of the JSON */
#define KS_INDEX_UPDATES 1024
#define KS_INDEX_NAMES 256 /* CVEs, dependencies, targets of an update */
#define KS_INDEX_ALERTS 16
#define KS_INDEX_NAME_MAX 128 /* bytes of an update's name, */
#define KS_INDEX_TEXT_MAX 4096 /* and of other texts */
#define KS_INDEX_TARBALL_MAX (256u << 20)
#define KS_INDEX_SERIAL_MAX ((1ll << 53) - 1) /* what every reader of JSON has */
#define KS_INDEX_TIME_MAX 253402300799ll /* the end of the year 9999 */
#define KS_INDEX_POLL_MIN 300 /* seconds */
#define KS_INDEX_POLL_MAX (30 * 24 * 3600)

struct ks_index_update {
	char *id, *name, *description;
	struct ks_strv cves; /* "CVE-2026-12345" */
	struct ks_strv depends; /* ids of updates before it, none of them withdrawn unless it is */
	struct ks_strv targets; /* "vmlinux" and modules */
	uint64_t size; /* of the tarball, bytes */
	char sha256[65];
	/* The kernel whose fixes are in, once this and all before it are: uname -r, package. */
	char *release, *version;
	char *withdrawn; /* why it is to be removed, and not to be installed; NULL: it is not */
};

struct ks_index_alert {
	uint64_t date; /* seconds since 1970, UTC; as all times here */
	char *text;
};

/* Zero-initialised before; strings are owned. */
struct ks_index {
	char *distribution, *arch, *release, *version; /* the kernel */
	uint64_t serial; /* 1 and up; higher than that of any index of this kernel before */
	uint64_t created, expires;
	unsigned int client; /* the least KS_UPTRACK_CLIENT that gets along with it */
	unsigned int poll; /* seconds that a client should wait between two looks */
	KS_VEC(struct ks_index_update) updates;
	KS_VEC(struct ks_index_alert) alerts;
	char *retired; /* no longer served: what the admin should do; or NULL */
	uint64_t retired_date;
	bool has_next_key;
	struct ks_public_key next_key; /* will sign later indexes */
};

/*
 * Refuses unknown formats, what is missing or of a wrong type, unsafe
 * characters, duplicates, dependencies that are not there or come later, and
 * more than the limits above, by name.  Members that are not known are ignored.
 * KS_E_OUTDATED: the index wants a newer client; nothing else of it was looked at.
 * *index is empty after an error.
 */
struct ks_error *ks_index_parse(const char *text, size_t len, struct ks_index *index) KS_MUST_CHECK;
/* The JSON text, always the same for the same content.  Refuses what could not be parsed. */
struct ks_error *ks_index_write(const struct ks_index *index, struct ks_buf *out) KS_MUST_CHECK;
void ks_index_clear(struct ks_index *index);

/* The kernel, with strings that belong to the index. */
struct ks_repo_kernel ks_index_kernel(const struct ks_index *index);
struct ks_index_update *ks_index_find(const struct ks_index *index, const char *id);

/* Adds one at the end; the strings are for the caller to set. */
struct ks_index_update *ks_index_add(struct ks_index *index);

/*
 * Whether the package of this update is what the index says of it: id, kernel
 * and targets.  The size and the hash of its tarball were compared before.
 */
struct ks_error *ks_index_check_pack(const struct ks_index *index, const struct ks_index_update *update,
				     const struct ks_manifest *manifest) KS_MUST_CHECK;

/* "CVE-2026-12345" */
bool ks_cve_valid(const char *cve);

#endif
