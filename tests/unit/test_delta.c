// SPDX-License-Identifier: GPL-2.0-only
/* Which changes of headers can be carried over from unit to unit, and how (lib/build/delta.c). */
#include <stdlib.h>
#include <string.h>

#include "build/delta.h"
#include "tap.h"

#define GUARD "#ifndef H\n#define H\n"

static void simple(bool want, const char *old, const char *new, const char *name)
{
	struct ks_buf a = { 0 }, b = { 0 };
	struct ks_strv words = { 0 };

	ks_buf_adds(&a, old);
	ks_buf_adds(&b, new);
	tap_ok(ks_delta_is_simple(&a, &b, &words) == want, "%s: %s", name, want ? "simple" : "not simple");
	ks_buf_free(&a);
	ks_buf_free(&b);
	ks_strv_free(&words);
}

static void test_simple(void)
{
	simple(true, GUARD "int a;\n#endif\n", GUARD "int a;\nint b;\n#endif\n", "a declaration");
	simple(true, "/* x */\n" GUARD "int a;\n#endif\n", "/* y */\n" GUARD "int a;\n#endif\n", "a comment");
	simple(false, "int a;\n", "int a;\nint b;\n", "without a guard");
	simple(false, "#pragma once\nint a;\n", "#pragma once\nint a;\nint b;\n", "another kind of guard");
	simple(false, "#ifndef H\n#define G\nint a;\n#endif\n", "#ifndef H\n#define G\nint b;\n#endif\n", "a guard that is none");
	simple(false, GUARD "#endif\n", GUARD "#define X 1\n#endif\n", "a macro");
	simple(false, GUARD "#define X 1\n#endif\n", GUARD "#endif\n", "a macro goes");
	simple(false, GUARD "#define X \\\n 1\n#endif\n", GUARD "#define X \\\n 2\n#endif\n", "the second line of one");
	simple(false, GUARD "#define X 1 /*\n a */ + 2\n#endif\n", GUARD "#define X 1 /*\n a */ + 3\n#endif\n",
	       "a line that a directive goes on in by a comment");
	simple(false, GUARD "int a;\n#endif\n", GUARD "int a;\\\n#define X\n#endif\n", "a line that is continued");
	simple(false, GUARD "#include <a.h>\n#endif\n", GUARD "#include <a.h>\n#include <b.h>\n#endif\n", "an include");
	simple(true, GUARD "#ifdef CONFIG_A\nint a;\n#endif\n#endif\n", GUARD "#ifdef CONFIG_A\nint b;\n#endif\n#endif\n", "an option");
	simple(true, GUARD "#if defined(CONFIG_A) && !IS_ENABLED(CONFIG_B) /* x */\nint a;\n#endif\n#endif\n",
	       GUARD "#if defined(CONFIG_A) && !IS_ENABLED(CONFIG_B) /* x */\nint b;\n#endif\n#endif\n", "two options");
	simple(false, GUARD "#ifdef MODULE\nint a;\n#endif\n#endif\n", GUARD "#ifdef MODULE\nint b;\n#endif\n#endif\n", "for modules only");
	simple(false, GUARD "#ifdef MODULE\n#else\nint a;\n#endif\n#endif\n", GUARD "#ifdef MODULE\n#else\nint b;\n#endif\n#endif\n", "for others only");
	simple(false, GUARD "#ifdef CONFIG_A\n#elif X\nint a;\n#endif\n#endif\n", GUARD "#ifdef CONFIG_A\n#elif X\nint b;\n#endif\n#endif\n", "after another condition");
	simple(false, GUARD "#if IS_REACHABLE(CONFIG_A)\nint a;\n#endif\n#endif\n", GUARD "#if IS_REACHABLE(CONFIG_A)\nint b;\n#endif\n#endif\n", "an option that modules see otherwise");
	simple(true, GUARD "#ifdef MODULE\nint a;\n#endif\nint b;\n#endif\n", GUARD "#ifdef MODULE\nint a;\n#endif\nint c;\n#endif\n", "after a condition");
	simple(false, GUARD "#if !defined(X) || defined(CONFIG_A)\nint a;\n#endif\n#endif\n", GUARD "#if !defined(X) || defined(CONFIG_A)\nint b;\n#endif\n#endif\n", "a macro among options");
	simple(false, GUARD "int a;\n#define X\nint b; /* */\n#endif\n", GUARD "int a; /*\n#define X\nint b; /* */\n#endif\n", "a comment that takes in a directive");
	simple(false, GUARD "/*\n#define X\n*/\n#endif\n", GUARD "/* */\n#define X\n/* */\n#endif\n", "a comment that gives one free");
	simple(true, GUARD "char a[] = \"/*\";\n#define X\n#endif\n", GUARD "char b[] = \"/*\";\n#define X\n#endif\n", "a string like a comment");
}

static void test_defines(void)
{
	struct ks_strv words = { 0 };
	struct ks_buf text = { 0 };

	ks_strv_add(&words, "foo");
	ks_strv_add(&words, "bar");
	ks_buf_adds(&text, "int foo;\n/* #x */ #if 1\n # define foobar\n");
	tap_ok(!ks_delta_defines(&text, &words), "no macro of that name");
	ks_buf_adds(&text, "#\tdefine bar(x) x\n");
	tap_ok(ks_delta_defines(&text, &words), "a macro");
	ks_buf_free(&text);
	ks_buf_adds(&text, "#undef foo");
	tap_ok(ks_delta_defines(&text, &words), "one that is undefined");
	ks_buf_free(&text);
	ks_strv_free(&words);
}

static void set(struct ks_text *t, const char *numbers)
{
	t->decls.len = 0;
	for (; *numbers; numbers++)
		*ks_vec_push(&t->decls) = *numbers - '0';
}

static void test_apply(void)
{
	struct ks_text pre = { 0 }, post = { 0 }, other = { 0 }, got = { 0 }, want = { 0 };
	struct ks_delta d = { 0 };

	set(&pre, "1232");
	set(&post, "1425");
	ks_delta_make(&pre, &post, &d);
	tap_ok(d.minus.len == 2 && d.minus.v[0] == 2 && d.minus.v[1] == 3 && d.plus.len == 2 &&
		       d.plus.v[0] == 4 && d.plus.v[1] == 5,
	       "what differs, as often as it does");
	set(&other, "92328");
	set(&want, "92845");
	tap_ok(ks_delta_apply(&d, &other, &got), "in another text");
	/* Which of two equal ones goes does not matter. */
	tap_ok(got.decls.len == want.decls.len, "it takes away and adds");
	got.decls.len = 0;
	set(&other, "928");
	tap_ok(!ks_delta_apply(&d, &other, &got), "not where something is missing");
	ks_delta_free(&d);
	ks_text_free(&pre);
	ks_text_free(&post);
	ks_text_free(&other);
	ks_text_free(&got);
	ks_text_free(&want);
}

int main(void)
{
	test_simple();
	test_defines();
	test_apply();
	return tap_done();
}
