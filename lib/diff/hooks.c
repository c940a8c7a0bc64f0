// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hooks and what else ksplice-patch.h leaves in an object; see hooks.h.
 *
 * A note that pre has as well is that of an earlier patch of the same source:
 * its update has called the hook, and will.
 *
 * In new code, a call to a replaced function goes straight to the replacement.
 * A hook that runs with the old code would get new code that way, in a kernel
 * that has none (yet, or any more): so the hooks' calls are followed, through
 * everything that is new, also into other units.
 */
#include "diff/hooks.h"

#include <stdlib.h>
#include <string.h>

#include "diff/special.h"

static const struct {
	const char *name;
	bool old_code;
} kinds[] = {
#define X(NAME, name, may_fail, old_code) { #name, old_code },
	KSPLICE_HOOKS(X)
#undef X
};

static void refuse(struct ks_diff *d, const struct ks_atom *a, const char *why)
{
	ks_strv_addf(&d->refused, "%s: %s (section %s): %s", d->post->name, a->name, a->section->name, why);
}

/* What a note points to; NULL: nothing of this unit. */
static struct ks_atom *subject(const struct ks_atom *note)
{
	return note->refs.len && !note->refs.v[0].addend ? note->refs.v[0].atom : NULL;
}

/* Not a per-CPU one, which has no address. */
static bool is_variable(const struct ks_atom *a)
{
	const char *s = a->section->name;

	return (ks_str_starts(s, ".data") || ks_str_starts(s, ".bss") || ks_str_starts(s, ".rodata")) &&
	       !strstr(s, "..percpu");
}

static void assume(struct ks_diff *d, struct ks_atom *note, bool rodata)
{
	struct ks_atom *a = subject(note);

	if (!a || !a->pair || !is_variable(a) || !is_variable(a->pair)) {
		refuse(d, note, "it names no variable that this file has both without and with the patch");
		return;
	}
	if (rodata)
		a->kind = a->pair->kind = KS_RODATA;
	else
		a->pair->mark |= KS_M_EARLY;
}

void ks_hooks_assume(struct ks_diff *d)
{
	ks_vec_for(&d->post->atoms, it) {
		const char *s = (*it)->section->name;

		if (!strcmp(s, KSPLICE_RODATA_SECTION))
			assume(d, *it, true);
		else if (!strcmp(s, KSPLICE_EARLY_SECTION))
			assume(d, *it, false);
	}
}

static int find_kind(const char *section)
{
	if (!ks_str_starts(section, KSPLICE_HOOK_SECTION))
		return -1;
	section += strlen(KSPLICE_HOOK_SECTION);
	for (int i = 0; i < KSPLICE_NR_HOOK_KINDS; i++)
		if (!strcmp(section, kinds[i].name))
			return i;
	return -1;
}

static void add_hook(struct ks_diff *d, struct ks_atom *note, enum ksplice_hook_kind kind)
{
	struct ks_atom *a = subject(note);
	struct ks_hook *hook;

	if (note->pair) {
		ks_strv_addf(&d->skipped, "%s: the original source has this hook, too: it is not called again",
			     note->name);
		return;
	}
	if (!a || a->kind != KS_FUNC || a->pair) {
		refuse(d, note, "a hook has to be a new function of this file; write one that calls what you mean");
		return;
	}
	if (a->discarded) {
		refuse(d, a, "it is a hook, and cannot be init or exit code");
		return;
	}
	hook = ks_vec_push(&d->hooks);
	hook->kind = kind;
	hook->function = a;
}

void ks_hooks_find(struct ks_diff *d)
{
	ks_vec_for(&d->post->atoms, it) {
		struct ks_atom *a = *it;
		int kind = find_kind(a->section->name);

		if (kind >= 0)
			add_hook(d, a, kind);
		else if (ks_str_starts(a->section->name, KSPLICE_HOOK_SECTION))
			refuse(d, a, "there is no such kind of hook");
		else if (!strcmp(a->section->name, KSPLICE_SHADOW_SECTION) && !a->pair)
			*ks_vec_push(&d->shadows) = a;
	}
}

bool ks_hooks_address_stays(const struct ks_atom *a)
{
	return !strcmp(a->section->name, KSPLICE_CALLBACK_TEXT);
}

/* A place that a hook reaches, and from where: index of another, or of itself. */
struct step {
	const struct ks_diff *diff;
	struct ks_atom *atom;
	size_t from;
};

struct walk {
	struct ks_diff *const *diffs;
	size_t n;
	KS_VEC(struct step) steps;
	bool found; /* the last step is a function that is replaced */
};

static void reach(struct walk *w, const struct ks_diff *d, struct ks_atom *to, size_t from)
{
	ks_vec_for(&w->steps, s)
		if (s->atom == to)
			return;
	*ks_vec_push(&w->steps) = (struct step){ d, to, from };
	w->found = to->mark & KS_M_REPLACED;
}

/* New globals of other units; a function that one of these replaces is called at its old place. */
static void reach_name(struct walk *w, const char *name, size_t from)
{
	for (size_t i = 0; i < w->n; i++)
		ks_vec_for(&w->diffs[i]->included, it)
			if (!w->found && (*it)->bind != STB_LOCAL && !(*it)->pair && !strcmp((*it)->name, name))
				reach(w, w->diffs[i], *it, from);
}

static void follow(struct walk *w, size_t i, const struct ks_ref *ref)
{
	struct step s = w->steps.v[i];
	struct ks_atom *run;

	if (w->found)
		return;
	if (!ref->atom)
		reach_name(w, ref->name, i);
	else if (ref->atom != s.atom && ks_diff_link(s.diff, s.atom, ref, &run) == KS_LINK_NEW)
		reach(w, s.diff, ref->atom, i);
}

static void follow_all(struct walk *w, size_t i)
{
	struct ks_atom *a = w->steps.v[i].atom;

	ks_vec_for(&a->refs, ref)
		follow(w, i, ref);
	ks_vec_for(&a->specials, sp)
		for (uint32_t n = 1; n < sp->nr_refs; n++)
			if (!ks_special_layout(sp->kind)->follows_code)
				follow(w, i, &sp->refs[n]);
}

/* "hook -> helper -> function" */
static char *path_to(const struct walk *w, size_t i)
{
	const struct step *s = &w->steps.v[i];
	char *before, *path;

	if (s->from == i)
		return ks_strdup(s->atom->name);
	before = path_to(w, s->from);
	if (!*s->atom->name)
		return before;
	path = ks_asprintf("%s -> %s", before, s->atom->name);
	free(before);
	return path;
}

static void check_hook(struct ks_diff *const *diffs, size_t n, struct ks_diff *d, const struct ks_hook *hook)
{
	struct walk w = { .diffs = diffs, .n = n };
	char *path, *why;

	reach(&w, d, hook->function, 0);
	for (size_t i = 0; i < w.steps.len && !w.found; i++)
		follow_all(&w, i);
	if (w.found) {
		path = path_to(&w, w.steps.len - 1);
		why = ks_asprintf("it is a ksplice_%s hook, which runs while the old code does, but it reaches new code: %s; call that from a hook that runs with the new code, or do without",
				  kinds[hook->kind].name, path);
		refuse(d, hook->function, why);
		free(path);
		free(why);
	}
	ks_vec_free(&w.steps);
}

void ks_hooks_check(struct ks_diff *const *diffs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ks_vec_for(&diffs[i]->hooks, hook)
			if (kinds[hook->kind].old_code)
				check_hook(diffs, n, diffs[i], hook);
}
