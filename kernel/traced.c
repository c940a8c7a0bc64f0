// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions that are redirected through the function tracer's site.
 *
 * Some functions have no room for a jump behind that site: they are too short
 * ("return 0;"), or a jump label or static call stands there, whose owner
 * would write over the jump.  For these the kernel's own ftrace calls us at
 * the entry, and we change where the call goes on.  That takes ftrace some
 * hundred instructions, so it is the exception.
 *
 * Ftrace changes its sites while the system runs, which cannot be part of the
 * stop.  So the site is taken before it, with a handler that does nothing yet,
 * and given back after it; what the stop flips is one word that the handler
 * looks at, together with all the jumps.
 *
 * IPMODIFY keeps out everybody else who would redirect the same function
 * (livepatch, kprobes that do); PERMANENT forbids to switch ftrace off
 * meanwhile (kernel.ftrace_enabled).
 */
#include <linux/ftrace.h>
#include <linux/slab.h>

#include "compat.h"
#include "update.h"

struct ksplice_traced {
	struct ftrace_ops ops;
	unsigned long to;
	bool on;
};

#ifdef KS_HAVE_REDIRECT
static void notrace redirect(unsigned long ip, unsigned long parent, struct ftrace_ops *ops,
			     struct ftrace_regs *regs)
{
	const struct ksplice_traced *t = container_of(ops, struct ksplice_traced, ops);

	if (READ_ONCE(t->on))
		ks_set_instruction_pointer(regs, READ_ONCE(t->to));
}

int ksplice_traced_take(struct ksplice_patch *p)
{
	unsigned long site = ks_call(ftrace_location)(p->old_addr);
	struct ksplice_traced *t;
	int ret;

	if (p->traced)
		return 0;
	if (!site || KS_FAULT("ftrace_location"))
		return -ENXIO;
	t = kzalloc(sizeof(*t), GFP_KERNEL);
	if (!t)
		return -ENOMEM;
	t->to = p->new_addr;
	t->ops.func = redirect;
	/* RECURSION: we see to it ourselves, by calling nothing; so no call is ever passed over. */
	t->ops.flags = FTRACE_OPS_FL_RECURSION | FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_PERMANENT;
	ret = ftrace_set_filter_ip(&t->ops, site, 0, 0);
	if (!ret)
		ret = register_ftrace_function(&t->ops);
	if (ret) {
		ftrace_free_filter(&t->ops);
		kfree(t);
		return ret;
	}
	p->traced = t;
	return 0;
}

void ksplice_traced_give_back(struct ksplice_patch *p)
{
	struct ksplice_traced *t = p->traced;

	if (!t)
		return;
	p->traced = NULL;
	/* Cannot fail for what is registered.  If it does, the handler must stay, and does nothing. */
	if (WARN_ON(unregister_ftrace_function(&t->ops)))
		return;
	/* unregister_ftrace_function() has waited until no task is in the handler. */
	ftrace_free_filter(&t->ops);
	kfree(t);
}
#else
int ksplice_traced_take(struct ksplice_patch *p)
{
	return -EOPNOTSUPP;
}

void ksplice_traced_give_back(struct ksplice_patch *p)
{
}
#endif

/*
 * Ftrace says of a site that somebody may change where it goes on (a livepatch
 * does), not who.  Such sites are few, so there is one walk for all functions.
 */
const struct ksplice_patch *ksplice_traced_foreign(const struct ksplice_update *u)
{
	const struct ksplice_patch *found = NULL;
	struct ftrace_rec_iter *iter;
	u32 i;

	mutex_lock(ks_kernel.ftrace_lock);
	for (iter = ks_call(ftrace_rec_iter_start)(); iter && !found;
	     iter = ks_call(ftrace_rec_iter_next)(iter)) {
		const struct dyn_ftrace *rec = ks_call(ftrace_rec_iter_record)(iter);

		if (!(rec->flags & FTRACE_FL_IPMODIFY))
			continue;
		for (i = 0; i < u->nr_patches && !found; i++) {
			const struct ksplice_patch *p = &u->patches[i];

			/* Ours: it fails by itself if it is not. */
			if (p->by_tracer || p->before)
				continue;
			if (rec->ip >= p->old_addr && rec->ip < p->old_addr + p->slot)
				found = p;
		}
	}
	mutex_unlock(ks_kernel.ftrace_lock);
	return found;
}

void ksplice_traced_switch(struct ksplice_patch *p, bool on)
{
	/* The site may have been another update's. */
	if (on)
		WRITE_ONCE(p->traced->to, p->new_addr);
	WRITE_ONCE(p->traced->on, on);
}
