// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hooks across units, and variables that the match takes for constants.  What
 * one unit can show is in tests/golden.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"
#include "diff/hooks.h"
#include "table/table.h"
#include "tap.h"

static char *temp;

static struct ks_unit *compile(const char *name, const char *text)
{
	char *source = ks_asprintf("%s/%s.c", temp, name), *object = ks_asprintf("%s/%s.o", temp, name);
	const char *argv[] = { "gcc-12", "-O2", "-c", "-o", object, source, "-ffunction-sections",
			       "-fdata-sections", "-fno-pic", "-fno-pie", "-mcmodel=kernel", "-pg",
			       "-mfentry", "-mrecord-mcount", "-fcf-protection=none", "-fno-common",
			       "-fno-asynchronous-unwind-tables", "-Iinclude", "-Itests/include", NULL };
	struct ks_object *obj;
	struct ks_unit *unit = NULL;
	struct ks_error *err = ks_file_write(source, text, strlen(text), 0644);

	if (!err)
		err = ks_proc_output(argv, NULL);
	if (!err)
		err = ks_object_open(object, &obj);
	if (!err)
		err = ks_unit_build(name, obj, &unit);
	if (err) {
		printf("# %s\n", ks_error_message(err));
		exit(1);
	}
	free(source);
	free(object);
	return unit;
}

static struct ks_diff *diff(const char *name, const char *pre, const char *post)
{
	struct ks_diff *d;
	struct ks_error *err = ks_diff_units(compile(name, pre), compile(name, post), &d);

	if (err)
		exit(1);
	return d;
}

static void end(struct ks_diff *d)
{
	ks_unit_free(d->pre);
	ks_unit_free(d->post);
	ks_diff_free(d);
}

#define HEADER "#include \"ksplice-patch.h\"\nint printk(const char *, ...);\n"

static void test_units(void)
{
	struct ks_diff *d[2];

	d[0] = diff("a", HEADER "int old(int x) { return x; }\n",
		    HEADER "int old(int x) { return x; }\nint helper(int), changed(int);\n"
			   "static int hook(void) { return helper(1); }\nksplice_pre_apply(hook);\n"
			   "static int good(void) { return changed(1); }\nksplice_check_apply(good);\n");
	d[1] = diff("b", HEADER "__attribute__((noinline)) int changed(int x) { return printk(\"%d\", x); }\n",
		    HEADER "__attribute__((noinline)) int changed(int x) { return printk(\"<%d>\", x); }\n"
			   "int helper(int x) { return changed(x) + 1; }\n");
	ks_hooks_check(d, 1);
	tap_ok(!d[0]->refused.len, "a hook calls a function of another unit");
	ks_hooks_check(d, 2);
	tap_ok(d[0]->refused.len == 1 && !d[1]->refused.len &&
		       strstr(d[0]->refused.v[0], "it reaches new code: hook -> helper -> changed;"),
	       "which calls one that the update replaces");
	end(d[0]);
	end(d[1]);
}

/* Blocks of constant data in the match table of a change. */
static size_t constants(const char *note)
{
	char *pre = ks_asprintf(HEADER "int f(int x) { return x; }\nint g(int x) { return x + 1; }\n"
				       "static struct { int (*a)(int); long n; } ops = { f, 7 };\n"
				       "int use(int x) { return ops.a(x) + printk(\"\") + ops.n; }\n"
				       "void *its(void) { return &ops; }\n");
	char *post = ks_asprintf("%s%s\nint extra(int x) { return printk(\"%%d\", x); }\n", pre, note);
	struct ks_diff *d = diff("c", pre, post);
	struct ks_table *t = ks_table_new("x", NULL);
	struct ks_buf blob = { 0 };
	struct ks_error *err = ks_table_add_unit(t, 0, d);
	const struct kst_header *h;
	size_t n = 0;

	if (!err)
		err = ks_table_finish(t, &blob);
	if (err || d->refused.len) {
		printf("# %s\n", err ? ks_error_message(err) : d->refused.v[0]);
		exit(1);
	}
	h = (const void *)blob.data;
	for (uint32_t i = 0; i < h->blocks.count; i++)
		n += ((const struct kst_block *)(blob.data + h->blocks.offset))[i].kind == KST_RODATA;
	ks_buf_free(&blob);
	ks_table_free(t);
	end(d);
	free(pre);
	free(post);
	return n;
}

int main(void)
{
	if (ks_dir_temp("hooks", &temp))
		return 1;
	test_units();
	tap_ok(constants("") == 0, "a variable is not compared");
	tap_ok(constants("ksplice_assume_rodata(ops);") == 1, "one that counts as a constant is");
	tap_ok(constants("ksplice_match_data_early(ops);") == 1, "one that is still what it was, too");
	ks_error_free(ks_dir_remove(temp));
	free(temp);
	return tap_done();
}
