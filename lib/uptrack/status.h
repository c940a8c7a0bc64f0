/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What became of a run, for machines: /var/lib/uptrack/status.json, metrics for
 * Prometheus, and a report to a server.  docs/uptrack-format.md, "Status", has
 * the document.
 */
#ifndef KS_UPTRACK_STATUS_H
#define KS_UPTRACK_STATUS_H

#include <jansson.h>

#include "uptrack/client.h"

struct ks_run_result {
	const char *command; /* "uptrack-upgrade" */
	int code;	     /* its exit status */
	const char *message; /* the error, or what was said; never NULL */
};

/* The document; the caller has it.  @result may be NULL: no run, a look. */
json_t *ks_status_json(const struct ks_client *c, const struct ks_run_result *result);

/* The same in the text format of Prometheus, appended to @out. */
void ks_status_metrics(const struct ks_client *c, const struct ks_run_result *result,
		       struct ks_buf *out);

/* Writes both, where they are wanted, and sends the first.  The first error is returned. */
struct ks_error *ks_status_tell(const struct ks_client *c,
				const struct ks_run_result *result) KS_MUST_CHECK;

/* An update for JSON; @state is "installed", "available" or "withdrawn". */
json_t *ks_status_update(const struct ks_index_update *u, const char *state);

#endif
