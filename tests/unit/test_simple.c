// SPDX-License-Identifier: GPL-2.0-only
/* Which changes of headers look the same in all units (lib/build/simple.c). */
#include <stdlib.h>
#include <string.h>

#include "build/simple.h"
#include "tap.h"

#define GUARD "#ifndef H\n#define H\n"

static void simple(bool want, const char *old, const char *new, const char *name)
{
	struct ks_buf a = {0}, b = {0};
	struct ks_change_words words = {0};

	ks_buf_adds(&a, old);
	ks_buf_adds(&b, new);
	tap_ok(ks_simple_change(&a, &b, &words) == want, "%s: %s", name,
	       want ? "simple" : "not simple");
	ks_buf_free(&a);
	ks_buf_free(&b);
	ks_change_words_free(&words);
}

static bool is_list(const struct ks_strv *v, const char *want)
{
	struct ks_buf text = {0};
	bool same;

	for (size_t i = 0; i < v->len; i++)
		ks_buf_addf(&text, "%s%s", i ? " " : "", v->v[i]);
	same = !strcmp(text.len ? text.data : "", want);
	if (!same)
		printf("# %s, not %s\n", text.len ? text.data : "", want);
	ks_buf_free(&text);
	return same;
}

static void macros(const char *old, const char *new, const char *all, const char *added,
		   const char *name)
{
	struct ks_buf a = {0}, b = {0};
	struct ks_change_words words = {0};

	ks_buf_adds(&a, old);
	ks_buf_adds(&b, new);
	tap_ok(ks_simple_change(&a, &b, &words) && is_list(&words.macros, all) &&
		       is_list(&words.added, added),
	       "%s: macros %s, new %s", name, all, *added ? added : "none");
	ks_buf_free(&a);
	ks_buf_free(&b);
	ks_change_words_free(&words);
}

static void test_macros(void)
{
	macros(GUARD "#endif\n", GUARD "#define X 1\n#endif\n", "X", "X", "one comes");
	macros(GUARD "#define X 1\n#endif\n", GUARD "#endif\n", "X", "", "one goes");
	macros(GUARD "#define X 1\n#endif\n", GUARD "#define X 2\n#endif\n", "X", "",
	       "one changes");
	macros(GUARD "#define X 1\n#endif\n", GUARD "#define X(a) 1\n#endif\n", "X", "X",
	       "one gets parameters");
	macros(GUARD "#define X \\\n 1\n#endif\n", GUARD "#define X \\\n 2\n#endif\n", "X", "",
	       "the second line of one");
	macros(GUARD "#define X \\\n 1\n#endif\n", GUARD "#define Y \\\n 1\n#endif\n", "Y X", "Y",
	       "the first line of one");
	macros(GUARD "#define X 1 /*\n a */ + 2\n#endif\n",
	       GUARD "#define X 1 /*\n a */ + 3\n#endif\n", "X", "",
	       "a line in which a comment carries one on");
	macros(GUARD "#endif\n", GUARD "#undef X\n#endif\n", "X", "X", "one is undefined");
	macros(GUARD "#define A 1\n#define B 2\n#endif\n",
	       GUARD "#define A 1\n#ifdef CONFIG_A\n#define C 2\n#endif\n#define B 2\n#endif\n",
	       "C", "C", "one for an option");
}

static void test_conditionals(void)
{
	simple(true, GUARD "int a;\n#endif\n", GUARD "#ifdef CONFIG_A\nint a;\n#endif\n#endif\n",
	       "a conditional for an option comes");
	simple(true, GUARD "#ifdef CONFIG_A\nint a;\n#endif\n#endif\n", GUARD "int a;\n#endif\n",
	       "it goes");
	simple(true, GUARD "#ifdef CONFIG_A\nint a;\n#endif\n#endif\n",
	       GUARD "#ifdef CONFIG_A\nint a;\n#else\nint b;\n#endif\n#endif\n",
	       "it gets another part");
	simple(false, GUARD "int a;\n#endif\n", GUARD "#ifdef MODULE\nint a;\n#endif\n#endif\n",
	       "one for modules");
	simple(false, GUARD "#ifdef MODULE\nint a;\n#endif\n#endif\n", GUARD "int a;\n#endif\n",
	       "one for modules goes");
	simple(false, GUARD "#if CONFIG_A || \\\n X\nint a;\n#endif\n#endif\n",
	       GUARD "#if CONFIG_A || \\\n Y\nint a;\n#endif\n#endif\n",
	       "a condition of two lines");
	simple(false, GUARD "#ifdef MODULE\nint a;\n#endif\n#endif\n",
	       GUARD "#ifdef CONFIG_A\n#ifdef MODULE\nint a;\n#endif\n#endif\n#endif\n",
	       "one around one for modules");
	simple(false, GUARD "#ifdef CONFIG_A\n#ifdef MODULE\nint a;\n#endif\n#endif\n#endif\n",
	       GUARD "#ifdef MODULE\nint a;\n#endif\n#endif\n", "which goes");
	simple(true, GUARD "#ifdef MODULE\nint a;\n#endif\n#endif\n",
	       GUARD "#ifdef MODULE\nint a;\n#endif\n#ifdef CONFIG_A\nint b;\n#endif\n#endif\n",
	       "one behind one for modules");
	simple(false, GUARD "#ifdef MODULE\n#endif\n#endif\n",
	       GUARD "#ifdef MODULE\n#define X 1\n#endif\n#endif\n", "a macro for modules");
	simple(false, GUARD "#endif\n", GUARD "#define __ARG_PLACEHOLDER_2 0,\n#endif\n",
	       "a macro that IS_ENABLED pastes");
}

static void test_simple(void)
{
	simple(true, GUARD "int a;\n#endif\n", GUARD "int a;\nint b;\n#endif\n", "a declaration");
	simple(true, "/* x */\n" GUARD "int a;\n#endif\n", "/* y */\n" GUARD "int a;\n#endif\n",
	       "a comment");
	simple(false, "int a;\n", "int a;\nint b;\n", "without a guard");
	simple(false, "#pragma once\nint a;\n", "#pragma once\nint a;\nint b;\n",
	       "another kind of guard");
	simple(false, "#ifndef H\n#define G\nint a;\n#endif\n",
	       "#ifndef H\n#define G\nint b;\n#endif\n", "a guard that is none");
	simple(false, GUARD "int a;\n#endif\n", GUARD "int a;\\\n#define X\n#endif\n",
	       "a line that is continued");
	simple(false, GUARD "#include <a.h>\n#endif\n",
	       GUARD "#include <a.h>\n#include <b.h>\n#endif\n", "an include");
	simple(true, GUARD "#ifdef CONFIG_A\nint a;\n#endif\n#endif\n",
	       GUARD "#ifdef CONFIG_A\nint b;\n#endif\n#endif\n", "an option");
	simple(true,
	       GUARD
	       "#if defined(CONFIG_A) && !IS_ENABLED(CONFIG_B) /* x */\nint a;\n#endif\n#endif\n",
	       GUARD
	       "#if defined(CONFIG_A) && !IS_ENABLED(CONFIG_B) /* x */\nint b;\n#endif\n#endif\n",
	       "two options");
	simple(false, GUARD "#ifdef MODULE\nint a;\n#endif\n#endif\n",
	       GUARD "#ifdef MODULE\nint b;\n#endif\n#endif\n", "for modules only");
	simple(false, GUARD "#ifdef MODULE\n#else\nint a;\n#endif\n#endif\n",
	       GUARD "#ifdef MODULE\n#else\nint b;\n#endif\n#endif\n", "for others only");
	simple(false, GUARD "#ifdef CONFIG_A\n#elif X\nint a;\n#endif\n#endif\n",
	       GUARD "#ifdef CONFIG_A\n#elif X\nint b;\n#endif\n#endif\n",
	       "after another condition");
	simple(false, GUARD "#if IS_REACHABLE(CONFIG_A)\nint a;\n#endif\n#endif\n",
	       GUARD "#if IS_REACHABLE(CONFIG_A)\nint b;\n#endif\n#endif\n",
	       "an option that modules see otherwise");
	simple(true, GUARD "#ifdef MODULE\nint a;\n#endif\nint b;\n#endif\n",
	       GUARD "#ifdef MODULE\nint a;\n#endif\nint c;\n#endif\n", "after a condition");
	simple(false, GUARD "#if !defined(X) || defined(CONFIG_A)\nint a;\n#endif\n#endif\n",
	       GUARD "#if !defined(X) || defined(CONFIG_A)\nint b;\n#endif\n#endif\n",
	       "a macro among options");
	simple(false, GUARD "int a;\n#define X\nint b; /* */\n#endif\n",
	       GUARD "int a; /*\n#define X\nint b; /* */\n#endif\n",
	       "a comment that takes in a directive");
	simple(false, GUARD "/*\n#define X\n*/\n#endif\n",
	       GUARD "/* */\n#define X\n/* */\n#endif\n", "a comment that gives one free");
	simple(true, GUARD "char a[] = \"/*\";\n#define X\n#endif\n",
	       GUARD "char b[] = \"/*\";\n#define X\n#endif\n", "a string like a comment");
}

static void test_words(void)
{
	struct ks_strv words = {0};
	struct ks_buf text = {0};

	ks_strv_add(&words, "foo");
	ks_strv_add(&words, "bar");
	ks_buf_adds(&text, "int foo;\n/* #x */ #if 1\n # define foobar\n");
	tap_ok(!ks_text_defines(&text, &words), "no macro of that name");
	ks_buf_adds(&text, "#\tdefine bar(x) x\n");
	tap_ok(ks_text_defines(&text, &words), "a macro");
	ks_buf_free(&text);
	ks_buf_adds(&text, "#undef foo");
	tap_ok(ks_text_defines(&text, &words), "one that is undefined");
	ks_buf_free(&text);
	ks_buf_adds(&text, "foo1 afoo /* barn */ \"b\"");
	tap_ok(!ks_text_mentions(&text, &words), "parts of words");
	ks_buf_adds(&text, "(bar)");
	tap_ok(ks_text_mentions(&text, &words), "a word");
	ks_buf_free(&text);
	ks_strv_free(&words);
}

int main(void)
{
	test_simple();
	test_macros();
	test_conditionals();
	test_words();
	return tap_done();
}
