// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions of an update that are called when it is applied and undone
 * (ksplice-patch.h has what they may do, include/ksplice/hooks.h the kinds).
 *
 * They are in the new module, which is held whenever they are called.  An
 * attempt that has come to its pre hooks ends with its post hooks or its fail
 * hooks, never with both or none.
 */
#include "compat.h"
#include "update.h"

static const struct {
	const char *name;
	bool may_fail;
} kinds[] = {
#define X(NAME, name, may_fail, old_code) { #name, may_fail },
	KSPLICE_HOOKS(X)
#undef X
};

/* What was done last is undone first. */
static bool runs_backward(enum ksplice_hook_kind kind)
{
	return kind == KSPLICE_HOOK_FAIL_APPLY ||
	       (kind >= KSPLICE_HOOK_PRE_REVERSE && kind != KSPLICE_HOOK_FAIL_REVERSE);
}

static bool is_active(const struct ksplice_update *u, const struct ksplice_new_hook *hook)
{
	return !u->targets[hook->target].left_out;
}

int ksplice_hooks_take(struct ksplice_update *u, struct module *owner,
		       const struct ksplice_new *new)
{
	bool active = u->nr_patches + u->nr_data;
	u32 i;

	if (new->nr_hooks && !ks_within_module(owner, new->hooks, (u64)new->nr_hooks *
								  sizeof(*new->hooks)))
		return ksplice_abort(u, KSPLICE_BAD_UPDATE, -EINVAL,
				     "its list of hooks is not in its module");
	for (i = 0; i < new->nr_hooks; i++) {
		const struct ksplice_new_hook *hook = &new->hooks[i];

		if (hook->kind >= KSPLICE_NR_HOOK_KINDS || hook->target >= u->nr_targets ||
		    !ks_in_module_text(owner, hook->function))
			return ksplice_abort(u, KSPLICE_BAD_UPDATE, -EINVAL,
					     "hook %u is of no known kind, or not in its module", i);
		active |= is_active(u, hook);
	}
	if (!active)
		return ksplice_abort(u, KSPLICE_TARGET_NOT_LOADED, -ENOENT,
				     "all of its targets are left out");
	u->hooks = new->hooks;
	u->nr_hooks = new->nr_hooks;
	return 0;
}

static int call(enum ksplice_hook_kind kind, const void *function)
{
	if (kinds[kind].may_fail)
		return ((int (*)(void))function)();
	((void (*)(void))function)();
	return 0;
}

int ksplice_hooks_call(struct ksplice_update *u, enum ksplice_hook_kind kind,
		       const struct ksplice_new_hook **failed)
{
	int ret = 0;
	u32 i;

	for (i = 0; !ret && i < u->nr_hooks; i++) {
		u32 n = runs_backward(kind) ? u->nr_hooks - 1 - i : i;

		if (u->hooks[n].kind != kind || !is_active(u, &u->hooks[n]))
			continue;
		*failed = &u->hooks[n];
		ret = kinds[kind].may_fail && KS_FAULT("hook") ?
			      -ECANCELED :
			      call(kind, u->hooks[n].function);
	}
	return ret;
}

int ksplice_hooks_report(struct ksplice_update *u, const struct ksplice_new_hook *failed, int ret)
{
	return ksplice_abort(u, KSPLICE_CALL_FAILED, ret < 0 && ret >= -MAX_ERRNO ? ret : -EINVAL,
			     "its %s hook %ps returned %d", kinds[failed->kind].name,
			     failed->function, ret);
}

int ksplice_hooks_begin(struct ksplice_update *whose, struct ksplice_update *u, bool apply)
{
	const struct ksplice_new_hook *failed;
	int ret;

	if (apply)
		ksplice_shadows_hold(u);
	ret = ksplice_hooks_call(u, apply ? KSPLICE_HOOK_PRE_APPLY : KSPLICE_HOOK_PRE_REVERSE,
				 &failed);
	return ret ? ksplice_hooks_report(whose, failed, ret) : 0;
}

void ksplice_hooks_end(struct ksplice_update *u, bool apply, bool done)
{
	const struct ksplice_new_hook *failed;

	if (apply)
		ksplice_hooks_call(u, done ? KSPLICE_HOOK_POST_APPLY : KSPLICE_HOOK_FAIL_APPLY,
				   &failed);
	else
		ksplice_hooks_call(u, done ? KSPLICE_HOOK_POST_REVERSE : KSPLICE_HOOK_FAIL_REVERSE,
				   &failed);
	/* No new code runs any more, or has come to run. */
	if (apply != done)
		ksplice_shadows_release(u);
}
