// SPDX-License-Identifier: GPL-2.0-only
/* Which types a patch lays out differently. */
#include <string.h>

#include "base/error.h"
#include "build/layout.h"
#include "tap.h"

static void differs_with(const char *name, const char *pre, const char *post, const char *others, const char *expect)
{
	struct ks_strv changed = { 0 }, words = { 0 };
	struct ks_buf text = { 0 };

	ks_layout_words(pre, post, &words);
	ks_layout_compare(pre, post, others, &words, &changed);
	ks_strv_free(&words);
	for (size_t i = 0; i < changed.len; i++)
		ks_buf_addf(&text, "%s%s", i ? ", " : "", changed.v[i]);
	tap_ok(!strcmp(text.len ? text.data : "", expect), "%s", name);
	if (strcmp(text.len ? text.data : "", expect))
		printf("# said: %s\n", text.len ? text.data : "nothing");
	ks_buf_free(&text);
	ks_strv_free(&changed);
}

static void differs(const char *name, const char *pre, const char *post, const char *expect)
{
	differs_with(name, pre, post, "", expect);
}

#define S "struct s { int a; long b; };\n"

int main(void)
{
	differs("the same", S, S, "");
	differs("comments and white space", S, "struct s\n{\n\tint a; /* one { */\n\tlong b; // two }\n};\n", "");
	differs("a new member", S, "struct s { int a; long b; int c; };\n", "struct s");
	differs("members in another order", S, "struct s { long b; int a; };\n", "struct s");
	differs("another type", S, "struct s { int a; int b; };\n", "struct s");
	differs("a new structure", S, S "struct t { int x; };\n", "");
	differs("one that goes", S "struct t { int x; };\n", S, "");
	differs("only a use of it", S "struct s f(struct s *p) { return *p; }", S "struct s f(struct s *q) { return *q; }",
		"");
	differs("nested ones belong to the outer", "struct o { struct { int a; } in; union u { int x; } v; };",
		"struct o { struct { int a, b; } in; union u { int x; } v; };", "struct o");
	differs("a typedef", "typedef struct { int a; } t;", "typedef struct { int b; } t;", "struct t");
	differs("a union", "union u { int a; };", "union u { int a; long b; };", "union u");
	differs("more values at the end of an enum", "enum e { A, B };", "enum e { A, B, C };", "");
	differs("with a comma behind the last", "enum e { A, B, };", "enum e { A, B, C, };", "");
	differs("values in the middle of an enum", "enum e { A, B };", "enum e { A, C, B };", "enum e");
	differs("a value that begins like another", "enum e { A, B };", "enum e { A, BB };", "enum e");
	differs("braces in strings and characters", "struct s { int a; }; char *x = \"{\", y = '{';",
		"struct s { int b; }; char *x = \"{\", y = '{';", "struct s");
	differs("directives are passed over", "struct s {\n#ifdef A\nint a;\n#endif\n};",
		"struct s {\n#ifdef B \\\n x\nint a;\n#endif\n};", "");
	differs("two definitions under #ifdef", "struct s { int a; };\nstruct s { int b; };",
		"struct s { int a; };\nstruct s { int c; };", "struct s");
	differs("a macro with a structure is a directive", "#define X struct s { \\\n int a; }\n",
		"#define X struct s { \\\n int b; }\n", "");
	differs("text without an end", "struct s { int a;", "struct s { int b;", "struct s");
	differs("a comment without an end", "struct s { int a; }; /*", "struct s { int b; }; /*", "struct s");
	differs("a typedef with attributes", "typedef struct { int a; } __packed __aligned(4) t;",
		"typedef struct { int b; } __packed __aligned(4) t;", "struct t");
	differs("a macro in it", "#define N 4\n#define M 1\nstruct s { int a[N]; }; struct t { int a; };",
		"#define N 8\n#define M 2\nstruct s { int a[N]; }; struct t { int a; };", "struct s");
	differs("a macro of a macro", "#define N 4\n#define M (2 * \\\n N)\nstruct s { int a[M]; };",
		"#define N 8\n#define M (2 * \\\n N)\nstruct s { int a[M]; };", "struct s");
	differs("a macro with another comment", "#define N 4 /* four\n */\nstruct s { int a[N]; };",
		"#define N  4 // 4\nstruct s { int a[N]; };", "");
	differs("the second of a macro's definitions", "#if A\n#define N 1\n#else\n#define N 2\n#endif\nstruct s { int a[N]; };",
		"#if A\n#define N 1\n#else\n# define N 3\n#endif\nstruct s { int a[N]; };", "struct s");
	differs("a macro at the end", "struct s { int a[N]; };\n#define N", "struct s { int a[N]; };\n#define N 1", "struct s");
	differs("a typedef of no struct", "typedef int t;\nstruct s { t a; };", "typedef long t;\nstruct s { t a; };", "struct s");
	differs("a typedef without an end", "struct s { t a; }; typedef int t", "struct s { t a; }; typedef long t", "");
	differs_with("a type that moves to another file", S, "", "struct s { int a; };", "struct s");
	differs_with("and is the same there", S, "", S, "");
	differs_with("one of that name in another file", S, S, "struct s { int a; };", "");
	return tap_done();
}
