/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a machine remembers, /var/lib/uptrack:
 *
 *	uuid         its name towards a server, random
 *	state.json   for each kernel: the serial of the last index, and what is installed
 *	booting      the updates are being applied at boot; see boot.h
 *	status.json  for others to read; see status.h
 *	lock         who is at work
 *
 * Each file is replaced in one step and has reached the disk when a call
 * returns, so a power cut at any point leaves the old or the new.  What is
 * applied, only the kernel knows (lib/live): "installed" is what is to be
 * applied again after the next boot.
 */
#ifndef KS_UPTRACK_STATE_H
#define KS_UPTRACK_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/term.h"
#include "uptrack/uptrack.h"

/* An update that is installed. */
struct ks_state_update {
	char *id, *name;
	char sha256[65]; /* of the tarball */
	uint64_t size;
};

struct ks_state_kernel {
	char *kernel; /* as the repository calls it: "debian/amd64/RELEASE/VERSION" */
	uint64_t serial; /* of the newest index that was seen; 0: none */
	char sha256[65]; /* of that index; "": none */
	KS_VEC(struct ks_state_update) installed; /* in the order of application */
};

struct ks_state {
	char *dir;
	int lock; /* -1: not held, and nothing may be saved */
	char *uuid;
	KS_VEC(struct ks_state_kernel) kernels;
	/*
	 * Public keys, as lines of minisign's form: those that others have led to
	 * ("KEY FROM"), and those that are not trusted any more, for a later one is.
	 */
	struct ks_strv keys, dropped;
	/*
	 * Written before the kernel is changed and removed after it: what was being
	 * done, and in which boot.  NULL: nothing.
	 */
	char *pending, *pending_boot;
	char *held; /* why nothing is applied unasked any more, or NULL */
};

/*
 * Takes the lock and reads the state; an empty one is made where there is none.
 * Another command that is at work is named, and waited for up to @wait seconds
 * (then: KS_E_REFUSED).
 */
struct ks_error *ks_state_open(const struct ks_uptrack *up, unsigned int wait, struct ks_report *r,
			       struct ks_state **state) KS_MUST_CHECK;
/* Without the lock, for those who only look.  No state: an empty one. */
struct ks_error *ks_state_read(const struct ks_uptrack *up, struct ks_state **state) KS_MUST_CHECK;
struct ks_error *ks_state_save(const struct ks_state *state) KS_MUST_CHECK;
void ks_state_close(struct ks_state *state); /* accepts NULL */

/* What is known of a kernel, made where there is nothing; valid until the next call. */
struct ks_state_kernel *ks_state_kernel(struct ks_state *state, const char *kernel);

const struct ks_state_update *ks_state_installed(const struct ks_state_kernel *k, const char *id);
/* Puts it at the end, or replaces what is there of the id. */
void ks_state_add(struct ks_state_kernel *k, const char *id, const char *name, const char *sha256,
		  uint64_t size);
void ks_state_drop(struct ks_state_kernel *k, const char *id);

/* Sets or, with NULL, removes one of the texts above. */
void ks_state_set(char **text, const char *to);

/* The id of this boot of the machine; "" where it cannot be read.  The caller frees. */
char *ks_boot_id(const struct ks_uptrack *up);

#endif
