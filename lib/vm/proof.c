// SPDX-License-Identifier: GPL-2.0-only
/* Steps of a run and the verdict on it; see proof.h and guest.sh. */
#include "vm/proof.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm/log.h"
#include "vm/modules.h"

#define LOAD "load-"
#define TAINT_DIE (1ul << 7)

static void plan_script(const struct ks_proof *p, const char *stage, struct ks_buf *steps)
{
	if (p->script)
		ks_buf_addf(steps, "step script-%s env STAGE=%s sh " KS_PROOF_SCRIPT "\n", stage,
			    stage);
}

static void plan_update(const struct ks_proof *p, size_t n, struct ks_buf *steps)
{
	static const struct {
		const char *applied, *undone;
	} rounds[] = { { "applied", "undone" }, { NULL, NULL } };
	const struct ks_proof_update *u = &p->updates.v[n];

	ks_buf_addf(steps, "update %zu\n", n + 1);
	for (size_t i = 0; i < u->targets->len; i++)
		if (strcmp(u->targets->v[i], "vmlinux"))
			ks_buf_addf(steps, "attempt " LOAD "%s load %s still\n",
				    u->targets->v[i], u->targets->v[i]);
	ks_buf_adds(steps, "loaded\n");
	plan_script(p, "before", steps);
	for (int i = 0; i < 2; i++) {
		ks_buf_addf(steps, "attempt apply-%d ksplice-apply -q " KS_PROOF_TARBALL "\n",
			    i + 1, n + 1);
		ks_buf_addf(steps,
			    "step listed-%d sh -c 'ksplice-view | grep \"^%s: \" && cat"
			    " /sys/kernel/ksplice/%s/match'\n",
			    i + 1, u->id, u->id);
		if (rounds[i].applied)
			plan_script(p, rounds[i].applied, steps);
		ks_buf_addf(steps, "step undo-%d ksplice-undo -q %s\n", i + 1, u->id);
		if (rounds[i].undone)
			plan_script(p, rounds[i].undone, steps);
	}
	if (u->pinned)
		return;
	/* The core stays for the sake of a pinned update before. */
	ks_buf_addf(steps, "step unloaded sh -c '! grep ^ksplice%s%s /proc/modules'\n",
		    p->updates.len > 1 ? "_" : "", p->updates.len > 1 ? u->id : "");
}

void ks_proof_plan(const struct ks_proof *p, struct ks_buf *steps)
{
	for (size_t i = 0; i < p->modules.len; i++)
		ks_buf_addf(steps, "step " LOAD "%s load %s\n", p->modules.v[i],
			    p->modules.v[i]);
	ks_buf_adds(steps, "loaded\n");
	if (p->shell)
		ks_buf_adds(steps, "step shell sh " KS_PROOF_SCRIPT "\n");
	for (size_t i = 0; i < p->updates.len; i++)
		plan_update(p, i, steps);
}

static bool is_load(const struct ks_vm_step *s)
{
	return ks_str_starts(s->name, LOAD);
}

static void conclude(struct ks_verdict *v, enum ks_verdict_kind kind, char *why)
{
	/* What comes later is worse than a module that was not started. */
	if (v->why && v->kind != KS_V_UNSTARTED) {
		free(why);
		return;
	}
	free(v->why);
	v->kind = kind;
	v->why = why;
}

static char *ended_in(const struct ks_vm_result *r, int timeout, const char *step)
{
	if (r->timed_out)
		return ks_asprintf("the machine was still busy after %d seconds, in the step %s",
				   timeout, step);
	return ks_asprintf("the machine went down in the step %s", step);
}

/* A module that is patched, or one that was asked for: that one must load. */
static void judge_load(const struct ks_vm_step *s, struct ks_verdict *v)
{
	const char *module = s->name + strlen(LOAD), *said = s->output ? s->output : "";
	bool gone = s->status < 0 || (s->trouble && s->tainted & TAINT_DIE);
	bool lacks;
	char *why;

	if (!s->status && !gone) {
		if (strstr(said, "ksplice-verify: not started: ") && s->update) {
			ks_vm_module_lacks_hardware(said, &why);
			conclude(v, KS_V_UNSTARTED,
				 ks_asprintf("matched and spliced in %s, which was not started here: %s", module,
					     why ? why : "no reason was given"));
			free(why);
		}
		return;
	}
	lacks = ks_vm_module_lacks_hardware(said, &why) || gone;
	if (gone) {
		free(why);
		why = ks_strdup(s->trouble ? s->trouble : "the machine does not survive it");
	}
	if (lacks && s->update)
		conclude(v, KS_V_UNLOADABLE,
			 ks_asprintf("target not loadable here: %s: %s", module, why));
	else
		conclude(v, KS_V_FAILED, ks_asprintf("the module %s does not load: %s", module,
						     why ? why : said));
	free(why);
}

static void numbers(const struct ks_vm_step *s, struct ks_verdict *v)
{
	const struct {
		const char *name;
		unsigned long long *value;
	} wanted[] = { { "\nmatch_ns ", &v->match_ns },
		       { "\npause_ns ", &v->pause_ns },
		       { "\nstop_ns ", &v->stop_ns } };

	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		const char *at = s->output ? strstr(s->output, wanted[i].name) : NULL;
		unsigned long long n = at ? strtoull(at + strlen(wanted[i].name), NULL, 10) : 0;

		if (n > *wanted[i].value)
			*wanted[i].value = n;
	}
}

static void judge_step(const struct ks_vm_result *r, const struct ks_vm_step *s, int timeout,
		       struct ks_verdict *v)
{
	if (is_load(s)) {
		judge_load(s, v);
		return;
	}
	if (ks_str_starts(s->name, "listed-"))
		numbers(s, v);
	if (s->status > 0)
		conclude(v, KS_V_FAILED,
			 ks_asprintf("the step %s failed (status %d)", s->name, s->status));
	if (s->trouble)
		conclude(v, KS_V_FAILED, ks_asprintf("the kernel complained: %s", s->trouble));
	if (s->status < 0)
		conclude(v, KS_V_FAILED, ended_in(r, timeout, s->name));
}

/* What the kernel was tainted with before the update's own steps. */
static unsigned long taint_before(const struct ks_vm_result *r, const struct ks_vm_step *first)
{
	const struct ks_vm_step *s = first;

	while (s < r->steps.v + r->steps.len && s->update == first->update && is_load(s))
		s++;
	return s > r->steps.v ? s[-1].tainted : 0;
}

void ks_proof_judge(const struct ks_vm_result *r, int timeout, int update, struct ks_verdict *v)
{
	const struct ks_vm_step *first = NULL, *last = NULL;
	unsigned long taint;

	memset(v, 0, sizeof(*v));
	/* What went wrong before all updates is said of each. */
	if (r->boot_trouble)
		conclude(v, KS_V_FAILED, ks_asprintf("the kernel complained: %s", r->boot_trouble));
	if (!r->steps.len)
		conclude(v, KS_V_FAILED,
			 r->timed_out ? ks_asprintf("the machine was still busy after %d seconds",
						    timeout) :
					ks_strdup("the kernel did not come up"));
	ks_vec_for(&r->steps, s) {
		if (s->update != update && s->update)
			continue;
		judge_step(r, s, timeout, v);
		if (s->update == update) {
			first = first ? first : s;
			last = s;
		}
	}
	if (!last) {
		conclude(v, KS_V_NOT_TRIED,
			 ks_strdup("not tried: the run ended before its turn"));
		return;
	}
	v->seconds = last->end > first->begin ? last->end - first->begin : 0;
	if (last == &r->steps.v[r->steps.len - 1]) {
		if (!r->finished)
			conclude(v, KS_V_FAILED,
				 r->timed_out ? ended_in(r, timeout, last->name) :
				 ks_strdup("the machine went down before it was done"));
		taint = r->tainted;
	} else {
		taint = last->tainted;
	}
	taint = ks_vmlog_taint(taint & ~taint_before(r, first));
	if (taint)
		conclude(v, KS_V_FAILED, ks_asprintf("the kernel is tainted (flags 0x%lx)", taint));
}

void ks_verdict_clear(struct ks_verdict *v)
{
	free(v->why);
	v->why = NULL;
}

const char *ks_verdict_name(enum ks_verdict_kind kind)
{
	static const char *const names[] = { "verified", "failed", "unloadable", "not_tried",
					     "unstarted" };

	return names[kind];
}
