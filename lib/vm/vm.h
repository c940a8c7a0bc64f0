/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A stock kernel in QEMU that runs a list of steps and tells how each went.
 *
 * The guest's first serial port is its console; the second carries the
 * protocol of lib/vm/guest.sh.  A run succeeded only if the guest said so in
 * as many words: a guest that dies, hangs or falls silent has failed.
 */
#ifndef KS_VM_VM_H
#define KS_VM_VM_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/term.h"
#include "distro/kernel.h"

struct ks_vm_file {
	char *host, *guest;
	bool program; /* with its shared libraries */
};

struct ks_vm_config {
	const struct ks_image *image;
	int smp;                /* CPUs */
	int memory;             /* MiB */
	bool parallel;          /* the CPUs run at the same time; see run_qemu() */
	bool count;             /* the guest's clock counts instructions: 1 ns each */
	int timeout;            /* seconds for the whole run */
	const char *cpu;        /* QEMU's -cpu */
	const char *append;     /* more kernel arguments; may be NULL */
	const struct ks_strv *qemu; /* more arguments for QEMU; may be NULL */
	const char *steps;      /* shell: "step NAME COMMAND..." lines, see guest.sh */
	KS_VEC(struct ks_vm_file) files;
	bool live;              /* console lines become notes of level 0 */
	struct ks_report *report;
	char *work_dir;         /* files made for the guest; removed by ks_vm_config_clear() */
};

struct ks_vm_step {
	char *name;
	int update;     /* in whose turn, counted from 1; 0: in none */
	int status;     /* -1: did not end */
	char *output;
	unsigned long tainted; /* the kernel's taint flags at its end */
	double begin, end;     /* uptime in seconds; @end is 0 if it did not end */
	char *trouble;  /* the first troubling line that the kernel logged meanwhile, or NULL */
};

struct ks_vm_result {
	bool success;   /* all steps, said by the guest itself */
	bool finished;  /* the guest came to its end, whatever it was */
	bool timed_out;
	KS_VEC(struct ks_vm_step) steps;
	struct ks_buf console, log; /* all of the console; dmesg at the end (empty if it never came) */
	unsigned long tainted;
	double seconds;
	char *trouble;  /* the first troubling line of the kernel's log, or NULL */
	char *boot_trouble; /* the first one before any step */
};

/* The strings are copied. */
void ks_vm_add_file(struct ks_vm_config *config, const char *host, const char *guest, bool program);
void ks_vm_config_clear(struct ks_vm_config *config);

/* An error is returned where the machine could not be run at all. */
struct ks_error *ks_vm_run(const struct ks_vm_config *config, struct ks_vm_result *result) KS_MUST_CHECK;
void ks_vm_result_clear(struct ks_vm_result *result);

#endif
