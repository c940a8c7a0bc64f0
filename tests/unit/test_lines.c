// SPDX-License-Identifier: GPL-2.0-only
/*
 * Line directives (lib/build/lines.c): where they go, that they change nothing
 * but the numbers, and that code outside the changed construct keeps its own.
 */
#include <stdlib.h>
#include <string.h>

#include "build/hunks.h"
#include "build/lines.h"
#include "tap.h"

static struct ks_buf text(const char *s)
{
	return (struct ks_buf){ .data = (char *)s, .len = strlen(s) };
}

/* The new text with directives must be @want. */
static void keeps(const char *name, const char *old, const char *new, const char *want)
{
	struct ks_buf a = text(old), b = text(new), out = { 0 };
	bool good;

	ks_lines_keep(&a, &b, &out);
	good = out.len == strlen(want) && (!out.len || !memcmp(out.data, want, out.len));
	tap_ok(good, "%s", name);
	if (!good)
		printf("# got:\n%s# end\n", out.data ? out.data : "");
	ks_buf_free(&out);
}

static void unchanged(const char *name, const char *old, const char *new)
{
	keeps(name, old, new, new);
}

#define F "int f(void)\n{\n\treturn 1;\n}\n"
#define G "\nint g(void)\n{\n\treturn 2;\n}\n"

static void test_functions(void)
{
	unchanged("no change", F G, F G);
	unchanged("same number of lines", F G, "int f(void)\n{\n\treturn 9;\n}\n" G);
	keeps("a line added", F G, "int f(void)\n{\n\tx();\n\treturn 1;\n}\n" G,
	      "int f(void)\n{\n\tx();\n\treturn 1;\n}\n#line 5\n" G);
	keeps("a line removed", "int f(void)\n{\n\tx();\n\treturn 1;\n}\n" G, F G, F "#line 6\n" G);
	keeps("a function added", F G, F "\nint h(void)\n{\n}\n" G,
	      F "\nint h(void)\n{\n}\n\n#line 6\nint g(void)\n{\n\treturn 2;\n}\n");
	keeps("a function removed", F G "\nint h;\n", F "\nint h;\n", F "\n#line 11\nint h;\n");
	unchanged("added at the end", F, F G);
	unchanged("the last function", F G, F "\nint g(void)\n{\n\tx();\n\treturn 2;\n}\n");
	keeps("two hunks", F G "\nint h;\n",
	      "int f(void)\n{\n\tx();\n\treturn 1;\n}\n\nint g(void)\n{\n\ty();\n\treturn 2;\n}\n\nint h;\n",
	      "int f(void)\n{\n\tx();\n\treturn 1;\n}\n#line 5\n\nint g(void)\n{\n#line 9\n\ty();\n\treturn 2;\n}\n#line 10\n\nint h;\n");
	keeps("hunks that cancel out", F G "\nint h;\n",
	      "int f(void)\n{\n\tx();\n\treturn 1;\n}\n\nint g(void)\n{\n}\n\nint h;\n",
	      "int f(void)\n{\n\tx();\n\treturn 1;\n}\n#line 5\n\nint g(void)\n{\n#line 9\n}\n\nint h;\n");
	keeps("the same line twice", "int a;\nint a;\nint b;\n", "int a;\nint a;\nint a;\nint b;\n",
	      "int a;\nint a;\nint a;\n#line 3\nint b;\n");
	keeps("all of it", "int a;\n", "int b;\nint c;\n", "int b;\nint c;\n");
	keeps("from nothing", "", F, F);
	keeps("to nothing", F, "", "");
}

static void test_ends(void)
{
	unchanged("no newline at the end, changed there", "int a;\nint b;",
		  "int a;\nint c;\nint b;\nint d;");
	keeps("no newline at the end", "int a;\nint b;", "int a;\nint c;\nint b;",
	      "int a;\nint c;\n#line 2\nint b;");
	keeps("carriage returns", "int f(void)\r\n{\r\n}\r\nint b;\r\n",
	      "int f(void)\r\n{\r\n\tx();\r\n}\r\nint b;\r\n",
	      "int f(void)\r\n{\r\n\tx();\r\n}\r\n#line 4\nint b;\r\n");
	keeps("a backslash and a carriage return", "#define A 1\\\r\n2\r\nint b;\r\n",
	      "#define A 1\\\r\n3\\\r\n2\r\nint b;\r\n",
	      "#define A 1\\\r\n3\\\r\n2\r\n#line 3\nint b;\r\n");
}

static void test_places(void)
{
	keeps("in a macro", "#define A(x) do { \\\n\tx; \\\n} while (0)\nint b;\n",
	      "#define A(x) do { \\\n\tx; \\\n\ty; \\\n} while (0)\nint b;\n",
	      "#define A(x) do { \\\n\tx; \\\n\ty; \\\n} while (0)\n#line 4\nint b;\n");
	keeps("in a comment", "/*\n * a;\n */\nint b;\n", "/*\n * a;\n * }\n */\nint b;\n",
	      "/*\n * a;\n * }\n */\n#line 4\nint b;\n");
	keeps("a comment that a directive opens", "#define A /* a\n b */ 1\nint b;\n",
	      "#define A /* a\n;\n b */ 1\nint b;\n",
	      "#define A /* a\n;\n b */ 1\n#line 3\nint b;\n");
	keeps("after a // comment that goes on", "int a; // x\\\n;\nint b;\n",
	      "int a; // x\\\n;\\\n;\nint b;\n", "int a; // x\\\n;\\\n;\n#line 3\nint b;\n");
	keeps("in data", "int a[] = {\n\t1,\n};\nint b;\n", "int a[] = {\n\t1,\n\t2,\n};\nint b;\n",
	      "int a[] = {\n\t1,\n\t2,\n};\n#line 4\nint b;\n");
	keeps("in the arguments of a macro", "M(a,\n  {\n;\n}\n, b)\n;\nint c;\n",
	      "M(a,\n  {\n;\n;\n}\n, b)\n;\nint c;\n",
	      "M(a,\n  {\n;\n;\n}\n, b)\n;\n#line 7\nint c;\n");
	keeps("a string that goes on", "char *a = \"x\\\n;\\\n\";\nint b;\n",
	      "char *a = \"x\\\n;\\\n;\\\n\";\nint b;\n",
	      "char *a = \"x\\\n;\\\n;\\\n\";\n#line 4\nint b;\n");
	keeps("a brace in a string", "char *a = \"{\";\nint b;\n",
	      "int c;\nchar *a = \"{\";\nint b;\n", "int c;\n#line 1\nchar *a = \"{\";\nint b;\n");
	keeps("quotes as characters", "char a = '\"', b = '\\'';\nint c;\n",
	      "int d;\nchar a = '\"', b = '\\'';\nint c;\n",
	      "int d;\n#line 1\nchar a = '\"', b = '\\'';\nint c;\n");
	keeps("a declaration over two lines", "int b;\nstatic int\nf(void)\n{\n}\nint c;\n",
	      "int b;\nstatic int\ng(void)\n{\n\tx;\n}\nint c;\n",
	      "int b;\nstatic int\ng(void)\n{\n\tx;\n}\n#line 6\nint c;\n");
	keeps("after a macro without a semicolon", "M(x)\nint a;\nint b;\n",
	      "M(x)\nM(y)\nint a;\nint b;\n", "M(x)\nM(y)\nint a;\n#line 3\nint b;\n");
	unchanged("nowhere before the end", "int a = F(\n1,\n2\n);", "int a = F(\n1,\n3,\n2\n);");
	keeps("before a hunk, but not in arguments",
	      "int a;\nint f(void)\n{\n\tg(1,\n\t  2);\n}\nint b;\n",
	      "int z;\nint a;\nint f(void)\n{\n\tg(1,\n\t  9,\n\t  2);\n}\nint b;\n",
	      "int z;\n#line 1\nint a;\nint f(void)\n{\n#line 5\n\tg(1,\n\t  9,\n\t  2);\n}\n#line 7\nint b;\n");
}

static void test_conditionals(void)
{
	keeps("before #endif: again after it", "#ifdef A\nint a;\nint b;\n#endif\nint c;\n",
	      "#ifdef A\nint a;\nint x;\nint b;\n#endif\nint c;\n",
	      "#ifdef A\nint a;\nint x;\n#line 3\nint b;\n#endif\n#line 5\nint c;\n");
	keeps("in both branches", "#ifdef A\nint a;\n#else\nint b;\n#endif\nint c;\n",
	      "#ifdef A\nint x;\nint a;\n#else\nint b;\n#endif\nint c;\n",
	      "#ifdef A\nint x;\n#line 2\nint a;\n#else\n#line 4\nint b;\n#endif\n#line 6\nint c;\n");
	keeps("nested", "#if A\n#if B\nint a;\n#endif\nint b;\n#endif\nint c;\n",
	      "#if A\n#if B\nint x;\nint a;\n#endif\nint b;\n#endif\nint c;\n",
	      "#if A\n#if B\nint x;\n#line 3\nint a;\n#endif\n#line 5\nint b;\n#endif\n#line 7\nint c;\n");
	keeps("branches that open a brace each",
	      "int f(void)\n{\n#ifdef A\n\tif (a) {\n#else\n\tif (b) {\n#endif\n\t\tx;\n\t}\n}\nint c;\n",
	      "int f(void)\n{\n#ifdef A\n\tif (a) {\n#else\n\tif (b) {\n#endif\n\t\tx;\n\t\ty;\n\t}\n}\nint c;\n",
	      "int f(void)\n{\n#ifdef A\n\tif (a) {\n#else\n\tif (b) {\n#endif\n\t\tx;\n\t\ty;\n\t}\n}\n#line 11\nint c;\n");
	keeps("a brace in one branch only",
	      "int f(void)\n{\n#ifdef A\n\tif (a) {\n#endif\n\tx;\n#ifdef A\n\t}\n#endif\n}\nint c;\nint d;\n",
	      "int f(void)\n{\n#ifdef A\n\tif (a) {\n#endif\n\tx;\n\ty;\n#ifdef A\n\t}\n#endif\n}\nint c;\nint d;\n",
	      "int f(void)\n{\n#ifdef A\n\tif (a) {\n#endif\n\tx;\n\ty;\n#ifdef A\n\t}\n#endif\n}\n#line 11\nint c;\nint d;\n");
	keeps("a parenthesis in one branch only",
	      "int a = (1\n#ifdef A\n+ 2);\n#else\n);\n#endif\nint b;\n", "int a = (1 +\n3\n#ifdef A\n+ 2);\n#else\n);\n#endif\nint b;\n",
	      "int a = (1 +\n3\n#ifdef A\n+ 2);\n#else\n);\n#endif\n#line 7\nint b;\n");
	unchanged("parentheses that do not add up",
		  "int f(int a\n#ifdef A\n, int b)\n#endif\n;\nint c;\nint d;\n",
		  "int f(int a\n#ifdef A\n, int b,\nint e)\n#endif\n;\nint c;\nint d;\n");
	keeps("prose in #if 0", "#if 0\ndon't \"\n#endif\nint a;\nint b;\n",
	      "#if 0\ndon't \"\n#endif\nint a;\nint x;\nint b;\n",
	      "#if 0\ndon't \"\n#endif\nint a;\nint x;\n#line 5\nint b;\n");
	keeps("an #error with a quote", "#error can't\nint a;\nint b;\n",
	      "#error can't\nint x;\nint a;\nint b;\n",
	      "#error can't\nint x;\n#line 2\nint a;\nint b;\n");
	unchanged("#endif and #else too many", "#endif\n#else\nint a;\n",
		  "#endif\n#else\nint b;\n");
}

/* Texts of three words in every order, against their definition: common lines, increasing. */
static void test_alignment(void)
{
	static const char *const words[] = { "a\n", "b\n", "c\n" };
	bool valid = true;

	srand(1);
	for (int round = 0; round < 2000 && valid; round++) {
		struct ks_buf x = { 0 }, y = { 0 };
		struct ks_lines a = { 0 }, b = { 0 };
		size_t *map, last = KS_NO_LINE;

		for (int i = rand() % 12; i > 0; i--)
			ks_buf_adds(&x, words[rand() % 3]);
		for (int i = rand() % 12; i > 0; i--)
			ks_buf_adds(&y, words[rand() % 3]);
		ks_lines_split(&x, &a);
		ks_lines_split(&y, &b);
		map = ks_hunks_align(&a, &b);
		for (size_t i = 0; i < b.list.len; i++) {
			if (map[i] == KS_NO_LINE)
				continue;
			valid &= map[i] < a.list.len && (last == KS_NO_LINE || map[i] > last) &&
				 !memcmp(a.list.v[map[i]].text, b.list.v[i].text, 2);
			last = map[i];
		}
		free(map);
		ks_lines_free(&a);
		ks_lines_free(&b);
		ks_buf_free(&x);
		ks_buf_free(&y);
	}
	tap_ok(valid, "alignments hold common lines in order");
}

static void test_large(void)
{
	struct ks_buf a = { 0 }, b = { 0 }, out = { 0 };
	const char *end;

	for (int i = 0; i < 5000; i++) {
		ks_buf_addf(&a, "int a%d;\n", i);
		ks_buf_addf(&b, "int b%d;\nint c%d;\n", i, i);
	}
	ks_buf_adds(&a, "int z;\n");
	ks_buf_adds(&b, "int z;\n");
	ks_lines_keep(&a, &b, &out);
	end = out.data + out.len - strlen("#line 5001\nint z;\n");
	tap_ok(!strcmp(end, "#line 5001\nint z;\n"), "texts with nothing in common but the end");
	ks_buf_free(&a);
	ks_buf_free(&b);
	ks_buf_free(&out);
}

int main(void)
{
	test_functions();
	test_ends();
	test_places();
	test_conditionals();
	test_alignment();
	test_large();
	return tap_done();
}
