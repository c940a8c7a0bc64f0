/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /etc/uptrack/uptrack.conf: what the administrator of a machine decides.
 *
 * The file is text: "[Section]", "name = value", and lines that start with #
 * or ; say nothing.  A section or a name that is not known is an error, for a
 * misspelt setting that is silently not heard could be "autoinstall".
 */
#ifndef KS_UPTRACK_CONFIG_H
#define KS_UPTRACK_CONFIG_H

#include <stdbool.h>

#include "base/error.h"

/* Strings are NULL where nothing is set. */
struct ks_uptrack_config {
	/* [Auth] */
	char *accesskey;
	/* [Network] */
	char *update_repo_url; /* http(s)://, file:// or a directory */
	char *https_proxy, *ssl_ca_cert_file, *ssl_ca_cert_dir;
	/* [Settings] */
	bool install_on_reboot; /* yes, unless set otherwise; all others: no */
	bool upgrade_on_reboot, autoinstall, no_rmmod;
	char *effective_version; /* go no further than this release */
	/* [Status] */
	char *metrics_file; /* for node_exporter's textfile collector: .../uptrack.prom */
	char *report_url;   /* where the status is POSTed to */
};

/* No file: as if it were empty.  *config needs no initialisation; after an error it is empty. */
struct ks_error *ks_uptrack_config_read(const char *path,
					struct ks_uptrack_config *config) KS_MUST_CHECK;
void ks_uptrack_config_free(struct ks_uptrack_config *config); /* the members */

#endif
