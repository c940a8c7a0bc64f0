// SPDX-License-Identifier: GPL-2.0-only
/* Plans (lib/uptrack/plan.c): what is done, in which order, and why. */
#include <stdlib.h>

#include "tap.h"
#include "uptrack/plan.h"

static struct ks_index index_now;
static struct ks_applied applied;

/* "a b:a c! d:a,b@R2": updates, with what they depend on; ! is withdrawn, @ a release. */
static void set_index(const char *text)
{
	char *copy = ks_strdup(text), *save = NULL, *more;

	ks_vec_for(&index_now.updates, u) {
		free(u->id);
		free(u->name);
		free(u->release);
		ks_strv_free(&u->depends);
	}
	ks_vec_free(&index_now.updates);
	index_now.release = (char *)"R0";
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		struct ks_index_update *u = ks_vec_push(&index_now.updates);
		char *release = strchr(w, '@'), *depends;

		if (release)
			*release++ = 0;
		u->withdrawn = strchr(w, '!') ? (char *)"bad" : NULL;
		w[strcspn(w, "!")] = 0;
		depends = strchr(w, ':');
		if (depends)
			*depends++ = 0;
		u->id = ks_strdup(w);
		u->name = ks_asprintf("name of %s", w);
		u->release = ks_strdup(release ? release : "R1");
		more = NULL;
		for (char *d = depends ? strtok_r(depends, ",", &more) : NULL; d;
		     d = strtok_r(NULL, ",", &more))
			ks_strv_add(&u->depends, d);
	}
	free(copy);
}

/* The same form: what is applied, and what it builds on. */
static void set_applied(const char *text)
{
	char *copy = ks_strdup(text), *save = NULL, *more;

	ks_applied_clear(&applied);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		struct ks_applied_update *u = ks_vec_push(&applied);
		char *on = strchr(w, ':');

		if (on)
			*on++ = 0;
		u->id = ks_strdup(w);
		u->description = ks_strdup("by hand");
		more = NULL;
		for (char *d = on ? strtok_r(on, ",", &more) : NULL; d;
		     d = strtok_r(NULL, ",", &more))
			ks_strv_add(&u->builds_on, d);
	}
	free(copy);
}

/* "-c +a +b": the steps. */
static bool plan_is(struct ks_plan *plan, const char *want)
{
	struct ks_buf got = { 0 };
	bool is;

	ks_vec_for(&plan->steps, s)
		ks_buf_addf(&got, "%s%c%s", got.len ? " " : "", s->kind == KS_STEP_INSTALL ? '+' : '-', s->id);
	is = !strcmp(ks_buf_text(&got), want);
	if (!is)
		printf("# the plan: %s\n", ks_buf_text(&got));
	ks_buf_free(&got);
	return is;
}

static void upgrade(const char *index, const char *there, const char *limit, const char *want,
		    const char *name)
{
	struct ks_plan plan = { 0 };

	set_index(index);
	set_applied(there);
	die(ks_plan_upgrade(&index_now, &applied, limit, &plan));
	tap_ok(plan_is(&plan, want), "upgrade: %s", name);
	ks_plan_clear(&plan);
}

static void ids(struct ks_strv *list, const char *text)
{
	char *copy = ks_strdup(text), *save = NULL;

	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		ks_strv_add(list, w);
	free(copy);
}

static void install(const char *what, const char *want, const char *name)
{
	struct ks_strv list = { 0 };
	struct ks_plan plan = { 0 };

	ids(&list, what);
	die(ks_plan_install(&index_now, &applied, &list, &plan));
	tap_ok(plan_is(&plan, want), "install: %s", name);
	ks_plan_clear(&plan);
	ks_strv_free(&list);
}

static void remove_them(const char *what, const char *want, const char *name)
{
	struct ks_strv list = { 0 };
	struct ks_plan plan = { 0 };

	ids(&list, what);
	die(ks_plan_remove(&index_now, &applied, *what ? &list : NULL, &plan));
	tap_ok(plan_is(&plan, want), "remove: %s", name);
	ks_plan_clear(&plan);
	ks_strv_free(&list);
}

static void test_upgrade(void)
{
	struct ks_plan plan = { 0 };

	upgrade("", "", NULL, "", "no updates yet");
	upgrade("a b c", "", NULL, "+a +b +c", "all, in order");
	upgrade("a b c", "a b c", NULL, "", "nothing to do");
	upgrade("a b c", "b", NULL, "+a +c", "what is missing in the middle");
	upgrade("a b c", "x", NULL, "+a +b +c", "one that was applied by hand is left alone");
	upgrade("a b! c", "", NULL, "+a +c", "one that was withdrawn is not installed");
	upgrade("a b! c", "a b", NULL, "-b +c", "and goes where it is");
	upgrade("a! b:a c:b d", "a b c", NULL, "-c -b -a +d", "with those that depend on it, the last one first");
	upgrade("a! b", "a x:a", NULL, "-x -a +b", "also if only the kernel knows");
	upgrade("a@R1 b@R2 c@R2 d@R3", "", "R2", "+a +b +c", "up to a release");
	upgrade("a@R1 b@R2", "", "R0", "", "up to the kernel's own");
	set_index("a@R1 b@R2");
	set_applied("");
	die(ks_plan_upgrade(&index_now, &applied, "R9", &plan));
	tap_ok(!plan.steps.len && plan.notes.len == 1 && strstr(plan.notes.v[0], "R9"),
	       "upgrade: to a release that no update leads to: said");
	ks_plan_clear(&plan);
	set_index("a! b:a c:b d");
	die(ks_plan_upgrade(&index_now, &applied, NULL, &plan));
	tap_ok(plan_is(&plan, "+d") && plan.notes.len == 2 && strstr(plan.notes.v[0], "b is left out"),
	       "upgrade: one that depends on one that was withdrawn is left out: said");
	ks_plan_clear(&plan);
}

static void test_install(void)
{
	struct ks_strv list = { 0 };
	struct ks_plan plan = { 0 };

	set_index("a b:a c d:b,c e! f:e");
	set_applied("c");
	install("c", "", "one that is there");
	install("a", "+a", "one");
	install("d", "+a +b +d", "with what it depends on, in order");
	install("d a", "+a +b +d", "each once");
	ks_strv_add(&list, "d");
	die(ks_plan_install(&index_now, &applied, &list, &plan));
	tap_ok(plan.steps.len == 3 && !strcmp(plan.steps.v[0].because, "b depends on it") &&
		       !strcmp(plan.steps.v[1].because, "d depends on it") &&
		       !plan.steps.v[2].because,
	       "install: it says why");
	ks_plan_clear(&plan);
	ks_strv_add(&list, "x");
	tap_error(ks_plan_install(&index_now, &applied, &list, &plan), KS_E_USAGE, "no update x",
		  "install: one that the repository does not have");
	ks_plan_clear(&plan);
	ks_strv_free(&list);
	ks_strv_add(&list, "f");
	tap_error(ks_plan_install(&index_now, &applied, &list, &plan), KS_E_USAGE,
		  "e was withdrawn", "install: one that depends on one that was withdrawn");
	ks_plan_clear(&plan);
	set_applied("e");
	install("f", "+f", "which is there all the same");
	ks_strv_free(&list);
}

static void test_remove(void)
{
	struct ks_strv list = { 0 };
	struct ks_plan plan = { 0 };

	set_index("a b:a c d:b,c");
	set_applied("a b c d");
	remove_them("d", "-d", "the last one");
	remove_them("c", "-d -c", "one in the middle, with what depends on it");
	remove_them("a", "-d -b -a", "what depends on what depends on it");
	remove_them("", "-d -c -b -a", "all");
	set_applied("a b c");
	remove_them("c", "-c", "one that nothing depends on");
	remove_them("b", "-b", "nothing else is touched");
	set_applied("a b c x:c y:x");
	remove_them("c", "-y -x -c", "what the kernel says builds on it");
	remove_them("y", "-y", "one that was applied by hand");
	ks_strv_add(&list, "d");
	tap_error(ks_plan_remove(&index_now, &applied, &list, &plan), KS_E_USAGE,
		  "d is not installed", "remove: one that is not there");
	ks_plan_clear(&plan);
	ks_strv_free(&list);
	ks_strv_add(&list, "x");
	die(ks_plan_remove(NULL, &applied, &list, &plan));
	tap_ok(plan_is(&plan, "-y -x") && !strcmp(plan.steps.v[0].because, "it depends on x") &&
		       !strcmp(plan.steps.v[1].name, "by hand"),
	       "remove: without an index");
	ks_plan_clear(&plan);
	ks_strv_free(&list);
	set_applied("a:b b:a");
	remove_them("a", "", "a circle, which no kernel has, does not go on for ever");
}

static const char *effective(const char *index, const char *there)
{
	const struct ks_index_update *u;

	set_index(index);
	set_applied(there);
	u = ks_plan_effective(&index_now, &applied);
	return u ? u->id : "none";
}

static void test_effective(void)
{
	tap_ok(!strcmp(effective("a b c", "a b c"), "c"), "effective: all");
	tap_ok(!strcmp(effective("a b c", "a c"), "a"), "effective: one is missing");
	tap_ok(!strcmp(effective("a b c", "b c"), "none"), "effective: the first one is missing");
	tap_ok(!strcmp(effective("a b! c", "a c"), "c"), "effective: one that was withdrawn is not missed");
	tap_ok(!strcmp(effective("", "x"), "none"), "effective: no updates yet");
	set_index("a b! c");
	set_applied("a x");
	tap_ok(ks_plan_available(&index_now, &applied) == 1, "available: neither what is there nor what was withdrawn");
}

int main(void)
{
	test_upgrade();
	test_install();
	test_remove();
	test_effective();
	set_index("");
	set_applied("");
	return tap_done();
}
