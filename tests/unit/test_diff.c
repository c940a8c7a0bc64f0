// SPDX-License-Identifier: GPL-2.0-only
/*
 * Golden pairs: tests/golden/NAME/{pre.c,post.c} (or .S) are compiled as kernel
 * code is, compared, and what the diff says must be the lines of "expect", in any
 * order.  A line of expect may be the beginning of what is said.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"
#include "diff/diff.h"
#include "diff/hooks.h"
#include "diff/room.h"

static int number, failed;

static void verdict(bool ok, const char *name, const char *detail)
{
	printf("%s %d - golden %s\n", ok ? "ok" : "not ok", ++number, name);
	if (!ok) {
		printf("%s", detail);
		failed = 1;
	}
}

/* @plain: with the layout of the kernel, not with a section for each variable. */
static struct ks_error *compile(const char *dir, const char *source, const char *out, bool plain)
{
	/* pre.c; or pre.S, in tests of assembly */
	char *c = ks_asprintf("%s/%s.c", dir, source), *s = ks_asprintf("%s/%s.S", dir, source);
	const char *path = ks_file_exists(s) ? s : c;
	const char *argv[] = { "gcc-12", "-O2", "-c", "-o", out, path,
			       plain ? "-fno-data-sections" : "-fdata-sections",
			       "-ffunction-sections", "-fno-pic", "-fno-pie", "-mcmodel=kernel", "-pg",
			       "-mfentry", "-mrecord-mcount", "-fcf-protection=none", "-fno-common",
			       "-fno-asynchronous-unwind-tables", "-Iinclude", "-Itests/include", NULL };
	struct ks_error *err = ks_proc_output(argv, NULL);

	free(c);
	free(s);
	return err;
}

static struct ks_error *open_unit(const char *path, struct ks_unit **unit)
{
	struct ks_object *obj;
	struct ks_error *err = ks_object_open(path, &obj);

	/* Messages start with the unit's name: keep it out of the way. */
	return err ? err : ks_unit_build("u", obj, unit);
}

static void list(struct ks_strv *out, const char *what, const struct ks_strv *names)
{
	for (size_t i = 0; i < names->len; i++)
		ks_strv_addf(out, "%s %s", what, names->v[i]);
}

/* "u: NAME (section S): reason" becomes "NAME: reason". */
static void list_refused(struct ks_strv *out, const struct ks_diff *d)
{
	for (size_t i = 0; i < d->refused.len; i++) {
		char *text = ks_strdup(d->refused.v[i] + 3), *open = strstr(text, " (section ");
		char *close = open ? strstr(open, "): ") : NULL;

		if (close)
			memmove(open, close + 1, strlen(close + 1) + 1);
		ks_strv_addf(out, "refused %s", text);
		free(text);
	}
}

static const char *const hook_kinds[] = {
#define X(NAME, name, may_fail, old_code) #name,
	KSPLICE_HOOKS(X)
#undef X
};

static void describe(struct ks_diff *d, struct ks_strv *out)
{
	ks_vec_for(&d->replaced, r)
		ks_strv_addf(out, "%s %s+%u", r->traced ? "traced" : "replaced", r->post->name, r->slot);
	ks_vec_for(&d->data, c)
		ks_strv_addf(out, "%s %s", c->writable ? "set" : "changed", c->post->name);
	ks_vec_for(&d->hooks, hook)
		ks_strv_addf(out, "hook %s %s", hook_kinds[hook->kind], hook->function->name);
	ks_vec_for(&d->shadows, it)
		ks_strv_addf(out, "shadow %s", (*it)->name);
	list(out, "added", &d->added);
	list(out, "removed", &d->removed);
	list(out, "skipped", &d->skipped);
	list_refused(out, d);
	if (d->escapes)
		ks_strv_add(out, "escapes");
}

static bool matches(struct ks_strv *said, char *expect)
{
	char *save = NULL;
	size_t lines = 0;

	for (char *line = strtok_r(expect, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		bool found = false;

		lines++;
		for (size_t i = 0; i < said->len; i++) {
			/* Names may carry the compiler's numbers: "added pick.1" */
			found |= ks_str_starts(said->v[i], line);
		}
		if (!found)
			return false;
	}
	return lines == said->len;
}

/* As ksplice-create does where a constant needs room. */
static struct ks_error *diff_with_room(const char *dir, const char *temp, struct ks_unit **a, struct ks_unit **b,
				       struct ks_diff **d)
{
	char *path = ks_path_join(temp, "plain.o"), *pre = ks_path_join(temp, "pre.o");
	char *post = ks_path_join(temp, "post.o");
	struct ks_unit *plain = NULL;
	struct ks_error *err = compile(dir, "pre", path, true);

	ks_unit_free(*a);
	ks_unit_free(*b);
	*a = *b = NULL;
	if (!err)
		err = open_unit(path, &plain);
	if (!err)
		err = open_unit(pre, a);
	if (!err)
		err = open_unit(post, b);
	if (!err) {
		ks_room_make(*a, plain, &(*d)->growing);
		ks_diff_free(*d);
		*d = NULL;
		err = ks_diff_units(*a, *b, d);
	}
	ks_unit_free(plain);
	free(path);
	free(pre);
	free(post);
	return err;
}

static void run(const char *root, const char *name, const char *temp)
{
	char *dir = ks_path_join(root, name), *pre = ks_path_join(temp, "pre.o");
	char *post = ks_path_join(temp, "post.o"), *expect = ks_path_join(dir, "expect");
	struct ks_unit *a = NULL, *b = NULL;
	struct ks_diff *d = NULL;
	struct ks_strv said = { 0 };
	struct ks_buf want = { 0 }, detail = { 0 };
	struct ks_error *err = compile(dir, "pre", pre, false);

	if (!err)
		err = compile(dir, "post", post, false);
	if (!err)
		err = open_unit(pre, &a);
	if (!err)
		err = open_unit(post, &b);
	if (!err)
		err = ks_diff_units(a, b, &d);
	if (!err && d->growing.list.len)
		err = diff_with_room(dir, temp, &a, &b, &d);
	if (!err)
		err = ks_file_read(expect, 65536, &want);
	if (err) {
		ks_buf_addf(&detail, "# %s\n", ks_error_message(err));
		verdict(false, name, detail.data);
	} else {
		ks_hooks_check(&d, 1);
		describe(d, &said);
		for (size_t i = 0; i < said.len; i++)
			ks_buf_addf(&detail, "# said: %s\n", said.v[i]);
		ks_buf_adds(&detail, "");
		verdict(matches(&said, want.data), name, detail.data ? detail.data : "# said nothing\n");
	}
	ks_error_free(err);
	ks_diff_free(d);
	ks_unit_free(a);
	ks_unit_free(b);
	ks_strv_free(&said);
	ks_buf_free(&want);
	ks_buf_free(&detail);
	free(dir);
	free(pre);
	free(post);
	free(expect);
}

int main(void)
{
	const char *root = "tests/golden";
	struct ks_strv names = { 0 };
	struct dirent *e;
	DIR *d = opendir(root);
	char *temp;

	if (!d || ks_dir_temp("golden", &temp)) {
		printf("not ok - cannot open %s\n", root);
		return 1;
	}
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			ks_strv_add(&names, e->d_name);
	closedir(d);
	ks_strv_sort(&names);
	for (size_t i = 0; i < names.len; i++)
		run(root, names.v[i], temp);
	ks_strv_free(&names);
	ks_error_free(ks_dir_remove(temp));
	free(temp);
	return failed;
}
