// SPDX-License-Identifier: GPL-2.0-only
/* The verdict on a run in a VM, from results as a guest gives them; modprobe's words. */
#include <stdlib.h>

#include "tap.h"
#include "vm/log.h"
#include "vm/modules.h"
#include "vm/proof.h"

static struct ks_vm_step *step(struct ks_vm_result *r, int update, const char *name, int status)
{
	struct ks_vm_step *s = ks_vec_push(&r->steps);
	double at = r->steps.len;

	*s = (struct ks_vm_step){ .name = ks_strdup(name), .update = update, .status = status,
				  .output = ks_strdup(""), .tainted = 0x3000, .begin = at,
				  .end = status < 0 ? 0 : at + 0.5 };
	r->tainted = s->tainted;
	return s;
}

static void good(struct ks_vm_result *r, int update)
{
	struct ks_vm_step *s;

	step(r, update, "apply-1", 0);
	s = step(r, update, "listed-1", 0);
	free(s->output);
	s->output = ks_strdup("x: y\nblocks 3\nmatch_ns 40\npause_ns 7\nstop_ns 9\n");
	step(r, update, "undo-1", 0);
}

static void expect(const struct ks_vm_result *r, int update, enum ks_verdict_kind kind,
		   const char *why, const char *name)
{
	struct ks_verdict v;

	ks_proof_judge(r, 180, update, &v);
	if (!tap_ok(v.kind == kind && !why == !v.why && (!why || strstr(v.why, why)), "%s", name))
		printf("# %s: %s\n", ks_verdict_name(v.kind), v.why ? v.why : "-");
	ks_verdict_clear(&v);
}

static void test_good(void)
{
	struct ks_vm_result r = { .finished = true, .success = true };
	struct ks_verdict v;

	good(&r, 1);
	expect(&r, 1, KS_V_VERIFIED, NULL, "one update, verified");
	good(&r, 2);
	expect(&r, 1, KS_V_VERIFIED, NULL, "the first of two");
	ks_proof_judge(&r, 180, 2, &v);
	tap_ok(v.kind == KS_V_VERIFIED && v.match_ns == 40 && v.pause_ns == 7 && v.stop_ns == 9,
	       "the second, with its numbers");
	tap_ok(v.seconds == 2.5, "seconds of its turn");
	ks_verdict_clear(&v);
	expect(&r, 3, KS_V_NOT_TRIED, "not tried", "one that had no turn");
	ks_vm_result_clear(&r);
}

static void test_apart(void)
{
	struct ks_vm_result r = { .finished = true };
	struct ks_vm_step *s;

	step(&r, 1, "apply-1", 1);
	good(&r, 2);
	expect(&r, 1, KS_V_FAILED, "the step apply-1 failed (status 1)", "one that does not apply");
	expect(&r, 2, KS_V_VERIFIED, NULL, "the next is not to blame");
	s = &r.steps.v[r.steps.len - 1];
	s->trouble = ks_strdup("WARNING: CPU: 0 PID: 1 at x.c:1");
	expect(&r, 2, KS_V_FAILED, "the kernel complained: WARNING", "a warning in its turn");
	s->tainted = r.tainted = 0x3200;
	free(s->trouble);
	s->trouble = NULL;
	expect(&r, 2, KS_V_FAILED, "tainted (flags 0x200)", "tainted without a line");
	ks_vm_result_clear(&r);
}

static void test_gone(void)
{
	struct ks_vm_result r = { .finished = false };

	good(&r, 1);
	step(&r, 2, "apply-1", -1);
	expect(&r, 1, KS_V_VERIFIED, NULL, "verified before the machine went down");
	expect(&r, 2, KS_V_FAILED, "went down in the step apply-1", "the one that took it down");
	r.timed_out = true;
	expect(&r, 2, KS_V_FAILED, "still busy after 180 seconds, in the step apply-1", "a hang");
	expect(&r, 3, KS_V_NOT_TRIED, "not tried", "not tried after that");
	ks_vm_result_clear(&r);
	good(&r, 1);
	expect(&r, 1, KS_V_FAILED, "went down before it was done", "gone after the last step");
	ks_vm_result_clear(&r);
	expect(&r, 1, KS_V_FAILED, "did not come up", "no step at all");
}

static void test_load(void)
{
	struct ks_vm_result r = { .finished = true };
	struct ks_vm_step *s = step(&r, 1, "load-kvm_intel", 1);

	free(s->output);
	s->output = ks_strdup("modprobe: ERROR: could not insert 'kvm_intel': Operation not supported\n");
	step(&r, 2, "load-fine", 0)->tainted = 0x3400;
	good(&r, 2);
	for (size_t i = 2; i < r.steps.len; i++)
		r.steps.v[i].tainted = 0x3400;
	r.tainted = 0x3400;
	expect(&r, 1, KS_V_UNLOADABLE,
	       "target not loadable here: kvm_intel: Operation not supported", "no hardware");
	expect(&r, 2, KS_V_VERIFIED, NULL, "a module's own taint (staging)");
	free(s->output);
	s->output = ks_strdup("modprobe: ERROR: could not insert 'x': Exec format error\n");
	expect(&r, 1, KS_V_FAILED, "does not load: Exec format error", "a file that is wrong");
	free(s->output);
	s->output = ks_strdup("modprobe: ERROR: could not insert 'x': Unknown symbol in module, or unknown"
			      " parameter (see dmesg)\n");
	expect(&r, 1, KS_V_UNLOADABLE, "kvm_intel: Unknown symbol", "an init function's ENOENT");
	free(s->output);
	s->output = ks_strdup("modprobe: ERROR: could not insert 'x': Unknown symbol in module, or unknown"
			      " parameter (see dmesg)\n[ 1.0] x: Unknown symbol y (err -2)\n");
	expect(&r, 1, KS_V_FAILED, "does not load: Unknown symbol", "a symbol that is missing");
	ks_vm_result_clear(&r);
	step(&r, 1, "load-x", -1);
	expect(&r, 1, KS_V_UNLOADABLE, "not survive", "a module that takes the machine down");
	ks_vm_result_clear(&r);
}

static void test_plan(void)
{
	struct ks_strv targets = { 0 };
	struct ks_proof p = { 0 };
	struct ks_buf steps = { 0 };

	ks_strv_add(&targets, "vmlinux");
	ks_strv_add(&targets, "xfs");
	ks_strv_add(&p.modules, "virtio_net");
	*ks_vec_push(&p.updates) = (struct ks_proof_update){ "abc", false, &targets };
	ks_proof_plan(&p, &steps);
	tap_ok(ks_str_starts(steps.data, "step load-virtio_net load virtio_net\nloaded\n"
					 "update 1\nattempt load-xfs load xfs still\nloaded\n"
					 "attempt apply-1 "),
	       "modules first, then the update's own");
	tap_ok(strstr(steps.data, "grep ^ksplice /proc/modules"), "one update leaves nothing");
	ks_buf_free(&steps);
	ks_vec_free(&p.updates);
	ks_strv_free(&p.modules);
	ks_strv_free(&targets);
}

int main(void)
{
	test_good();
	test_apart();
	test_gone();
	test_load();
	test_plan();
	tap_ok(ks_vmlog_is_trouble("[ 1.0] WARNING: CPU: 1 PID: 3 at mm/x.c:4") &&
		       !ks_vmlog_is_trouble("[ 1.0] RETBleed: WARNING: Spectre v2 mitigation"),
	       "warnings, and words like warnings");
	return tap_done();
}
