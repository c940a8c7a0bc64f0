/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files of a repository: over http and https (libcurl), or from a directory.
 * Paths are relative to its top, and plain: what is not safe in a URL is encoded.
 *
 * A server is not trusted: every answer is bounded in size and in time, also
 * that of one which sends for ever or not at all.  What arrives is checked by
 * who asked for it.
 */
#ifndef KS_UPTRACK_FETCH_H
#define KS_UPTRACK_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/term.h"

struct ks_fetch; /* one repository */

struct ks_fetch_settings {
	const char *url;     /* http(s)://, file:///, or a directory */
	const char *proxy;   /* NULL: what the environment says (https_proxy) */
	const char *ca_file, *ca_dir; /* NULL: the system's authorities */
	const char *accesskey; /* NULL: none; sent as "Authorization: Bearer KEY" */
	unsigned int stall;  /* seconds without progress, and to connect; 0: 30 */
	unsigned int limit;  /* seconds for one small file; 0: 60 */
};

enum ks_fetched {
	KS_FETCHED,
	KS_FETCH_UNCHANGED, /* as it was when the tag was given out */
	KS_FETCH_MISSING,   /* the repository answers, and does not have it */
};

/* What a server calls the state of a file; it comes from it and goes back. */
struct ks_fetch_tag {
	char *etag, *modified; /* NULL: none */
};

struct ks_error *ks_fetch_open(const struct ks_fetch_settings *settings,
			       struct ks_fetch **f) KS_MUST_CHECK;
void ks_fetch_close(struct ks_fetch *f); /* accepts NULL */

/* From now on, caches on the way are asked to look at the server's own copy. */
void ks_fetch_afresh(struct ks_fetch *f);

/*
 * Appends the file @path, of at most @max bytes, to @out.  With @tag, the server
 * is asked for it only if it has changed; *tag is the new one then.  @tag may be
 * NULL.  Errors: KS_E_NETWORK, KS_E_DENIED (the access key), KS_E_INPUT (too
 * large).
 */
struct ks_error *ks_fetch_small(struct ks_fetch *f, const char *path, size_t max,
				struct ks_fetch_tag *tag, struct ks_buf *out,
				enum ks_fetched *what) KS_MUST_CHECK;

/*
 * Writes the file @path, which has @size bytes, to @to.  What is in @to already
 * is the beginning of it, from a run that was interrupted, and is not fetched
 * again.  After an error, @to has what arrived.  @label names it in the progress.
 */
struct ks_error *ks_fetch_large(struct ks_fetch *f, const char *path, uint64_t size, const char *to,
				const char *label, struct ks_report *r,
				enum ks_fetched *what) KS_MUST_CHECK;

/* POSTs JSON to a URL, with the same settings; the answer is not looked at. */
struct ks_error *ks_fetch_post(const struct ks_fetch_settings *settings,
			       const struct ks_buf *json) KS_MUST_CHECK;

void ks_fetch_tag_clear(struct ks_fetch_tag *tag);

#endif
