/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A run of the client: what it works with, in the order in which it gets to
 * know it.  The commands (tools/uptrack-*) are made of these steps:
 *
 *	open     settings, the kernel that runs, the lock, what is remembered,
 *	         what is applied
 *	refresh  the newest index, from the repository     (source.c)
 *	load     or the one that was seen last, from the cache
 *	         a plan (plan.h)
 *	act      the plan, on the kernel                   (act.c)
 *	settle   the cache pruned, the status told         (status.h)
 */
#ifndef KS_UPTRACK_CLIENT_H
#define KS_UPTRACK_CLIENT_H

#include <time.h>

#include "uptrack/applied.h"
#include "uptrack/config.h"
#include "uptrack/fetch.h"
#include "uptrack/index.h"
#include "uptrack/kernel.h"
#include "uptrack/plan.h"
#include "uptrack/state.h"

struct ks_client_options {
	struct ks_report *report; /* may be NULL */
	const char *repo;  /* instead of update_repo_url; or NULL */
	unsigned int wait; /* seconds to try again while tasks are in the way; 0: a few times */
	bool look;	   /* only look: no lock, nothing is written, root is not needed */
	bool offline;	   /* there is no network yet */
	time_t now;	   /* 0: the clock's */
	unsigned int stall, limit; /* as in struct ks_fetch_settings; for tests */
};

struct ks_client {
	const struct ks_uptrack *up;
	struct ks_client_options opt;
	struct ks_uptrack_config config;
	struct ks_repo_kernel kernel;
	struct ks_state *state;
	struct ks_applied applied; /* as it is now: ks_act() keeps it so */
	struct ks_index *index;	   /* NULL: none is known */
	time_t checked;		   /* when the repository last vouched for the index; 0: never */
	struct ks_fetch *fetch;	   /* once something was fetched */
};

/* *c is cleared by ks_client_close(), also after an error. */
struct ks_error *ks_client_open(const struct ks_uptrack *up, const struct ks_client_options *opt,
				struct ks_client *c) KS_MUST_CHECK;
void ks_client_close(struct ks_client *c);

/*
 * Asks the repository.  An index that is older than the last one seen, has
 * expired, is another kernel's or is not signed is an error (KS_E_INPUT), and
 * what was known stays.  KS_E_UNSERVED: the repository does not have this kernel;
 * KS_E_NETWORK, KS_E_DENIED and KS_E_OUTDATED as their names say.
 */
struct ks_error *ks_client_refresh(struct ks_client *c) KS_MUST_CHECK;

/*
 * The index that was seen last, its signature checked again; it may have expired
 * since, for the clock of a machine that boots may be wrong.  None: no error, and
 * c->index is NULL.
 */
struct ks_error *ks_client_load(struct ks_client *c) KS_MUST_CHECK;

/* What is remembered of this kernel; valid until the state changes. */
struct ks_state_kernel *ks_client_kernel(const struct ks_client *c);

/* Takes @index over, in the place of the one that is there. */
void ks_client_set_index(struct ks_client *c, struct ks_index *index);

/* How to reach @url, by the configuration; no access key is for it.  Strings are the client's. */
struct ks_fetch_settings ks_client_settings(const struct ks_client *c, const char *url);

/* Opens the repository where that has not been done. */
struct ks_error *ks_client_fetch(struct ks_client *c) KS_MUST_CHECK;

/*
 * Removes tarballs that are neither installed, on this kernel or on another one
 * that the machine has, nor available; and the indexes of kernels that it has not
 * any more.
 */
struct ks_error *ks_client_prune(struct ks_client *c) KS_MUST_CHECK;

/* "6.1.0-56-cloud-amd64": the effective release. */
const char *ks_client_effective(const struct ks_client *c);

#endif
