/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The proof of updates in a guest: each is applied, undone, applied and undone
 * again, one after another in one boot.  Here are the steps of such a run, and
 * what its result says of each update.
 *
 * A failed apply leaves the kernel as it was, so the next update has its turn;
 * a failed undo, a kernel that complained or a machine that is gone end the
 * run.  A kernel module that is patched is loaded first.  If it does not load
 * because the machine lacks what it drives, that is no fault of the update.
 */
#ifndef KS_VM_PROOF_H
#define KS_VM_PROOF_H

#include "vm/vm.h"

/* In the guest, update N (counted from 1) is this file. */
#define KS_PROOF_TARBALL "/ksplice/update-%zu.tar.gz"
#define KS_PROOF_SCRIPT "/ksplice/run.sh"

struct ks_proof_update {
	const char *id;
	bool pinned;
	const struct ks_strv *targets; /* "vmlinux" and modules */
};

struct ks_proof {
	KS_VEC(struct ks_proof_update) updates;
	struct ks_strv modules; /* to be loaded before all */
	bool script;            /* KS_PROOF_SCRIPT is run in every stage */
	bool shell;             /* no update: just run it */
};

/* Appends the steps of the guest. */
void ks_proof_plan(const struct ks_proof *proof, struct ks_buf *steps);

enum ks_verdict_kind {
	KS_V_VERIFIED,
	KS_V_FAILED,
	KS_V_UNLOADABLE, /* a target does not load in this machine */
	KS_V_NOT_TRIED,
	/* Verified, but with a target that was loaded without being started, for want of hardware. */
	KS_V_UNSTARTED,
};

struct ks_verdict {
	enum ks_verdict_kind kind;
	char *why;      /* in words; NULL where it was verified */
	double seconds; /* of its turn */
	unsigned long long match_ns, pause_ns, stop_ns; /* the larger of two; 0: not known */
};

/* On update N, counted from 1; with 0, on a run of a script alone. */
void ks_proof_judge(const struct ks_vm_result *result, int timeout, int update,
		    struct ks_verdict *verdict);
void ks_verdict_clear(struct ks_verdict *verdict);
/* "verified", "failed", "unloadable", "not_tried", "unstarted" */
const char *ks_verdict_name(enum ks_verdict_kind kind);

#endif
