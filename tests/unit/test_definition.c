// SPDX-License-Identifier: GPL-2.0-only
/*
 * What changes between two definitions of a type (lib/build/definition.c), from
 * debug information that the compiler made (lib/elf/types.c).
 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"
#include "build/definition.h"
#include "tap.h"

static char *top;

static char *compile(const char *name, const char *text, const char *debug)
{
	char *source = ks_asprintf("%s/%s.c", top, name), *object = ks_asprintf("%s/%s.o", top, name);
	const char *argv[] = { "gcc", "-O2", "-w", debug, "-gdwarf-5", "-fno-eliminate-unused-debug-types",
			       "-c", "-o", object, source, NULL };

	if (!strcmp(debug, "-g0"))
		argv[4] = "-g0";
	die(ks_file_write(source, text, strlen(text), 0644));
	die(ks_proc_output(argv, NULL));
	free(source);
	return object;
}

static struct ks_types *types_of(const char *name, const char *text)
{
	struct ks_types *types;
	char *object = compile(name, text, "-g");

	die(ks_types_open(object, &types));
	free(object);
	return types;
}

/* @want: "" for the same; else what changes, with "+ " before it where that is compatible. */
static void type_becomes(const char *type, const char *name, const char *pre, const char *post,
			 const char *want)
{
	struct ks_types *a = types_of("pre", pre), *b = types_of("post", post);
	const struct ks_type *x = ks_types_find(a, type, "pre.c"), *y = ks_types_find(b, type, "post.c");
	enum ks_layout_kind kind = KS_LAYOUT_UNKNOWN;
	struct ks_buf what = { 0 };
	char *got;

	if (x && y)
		kind = ks_definition_compare(a, x, b, y, &what);
	got = ks_asprintf("%s%s", kind == KS_LAYOUT_COMPATIBLE ? "+ " : kind == KS_LAYOUT_UNKNOWN ? "?" : "",
			  what.data ? what.data : "");
	tap_ok(!strcmp(got, want) && (kind == KS_LAYOUT_SAME) == !*want, "%s", name);
	if (strcmp(got, want))
		printf("# got: %s\n", got);
	free(got);
	ks_buf_free(&what);
	ks_types_close(a);
	ks_types_close(b);
}

static void becomes(const char *name, const char *pre, const char *post, const char *want)
{
	char *a = ks_asprintf("struct s { %s };", pre), *b = ks_asprintf("struct s { %s };", post);

	type_becomes("struct s", name, a, b, want);
	free(a);
	free(b);
}

static void test_same(void)
{
	becomes("signedness", "int a; long b;", "unsigned int a; unsigned long b;", "");
	becomes("another name of a type", "int a;", "typeof(1) a;", "");
	becomes("an enum and an integer", "int a;", "enum { X, Y } a;", "");
	becomes("pointers", "struct a *p; void (*f)(int);", "const struct b *p; long (*f)(void *);", "");
	becomes("a struct of another name that is alike", "struct { int counter; } a;",
		"struct refcount { struct { int counter; } refs; } a;", "");
	becomes("members in another order that are no others", "union { int a; int b; };",
		"union { int b; int a; };", "");
	becomes("members within a struct without a name", "int a; short b, c;",
		"struct { int a; struct { short b, c; }; };", "");
	becomes("more names of the same members", "int a; char b[4];",
		"union { struct { int a; char b[4]; }; struct { int a; char b[4]; } group; };", "");
	becomes("a marker", "int a, b;", "int a; struct {} end[0]; int b;", "");
	becomes("a flexible array of another spelling", "int n; char d[0];", "int n; char d[];", "");
}

static void test_compatible(void)
{
	becomes("a member in padding", "int a; long b;", "int a; int more; long b;", "+ more is new at 4");
	becomes("at the end", "long b; char a;", "long b; char a; char more[7];", "+ more is new at 9");
	becomes("in unused bits", "unsigned a : 3; int b;", "unsigned a : 3, more : 2; int b;",
		"+ more is new at 0, bit 3");
	becomes("in an inner struct", "struct { char a; int b; } in;", "struct { char a, more; int b; } in;",
		"+ in.more is new at 1");
	becomes("a member goes", "int a; int gone; int b;", "int a; int : 32; int b;", "+ gone at 4 goes");
}

static void test_changed(void)
{
	becomes("a new member", "int a, b;", "int more, a, b;",
		"8 -> 12 bytes; more is new at 0; a moves from 0 to 4; b moves from 4 to 8");
	becomes("a new member at the end", "long a;", "long a; int more;", "8 -> 16 bytes; more is new at 8");
	becomes("many move", "int a, b, c, d;", "int more, a, b, c, d;",
		"16 -> 20 bytes; more is new at 0; a moves from 0 to 4; b moves from 4 to 8 (and 2 more)");
	becomes("another order", "int a, b;", "int b, a;", "a moves from 0 to 4; b moves from 4 to 0");
	becomes("another name in the place", "int a, b;", "int a, c;", "c is new at 4, in place of b");
	becomes("one of several in the place", "int a; long b;", "int a; short c, d, e, f;",
		"16 -> 12 bytes; c is new at 4; d is new at 6 (and 2 more)");
	becomes("the place of a union", "union { int a; };", "union { int a; float b; };",
		"b is new at 0, over a");
	becomes("a member that grows", "int a; char b;", "int a; short b;", "b at 4: 1 -> 2 bytes");
	becomes("bits that grow", "unsigned a : 3, : 5, b : 1;", "unsigned a : 4, : 4, b : 1;",
		"a at 0, bit 0: 3 -> 4 bits");
	becomes("bits that become a byte", "_Bool a : 1;", "_Bool a;", "a at 0, bit 0: 1 bit -> 1 byte");
	becomes("bits that move", "unsigned a : 3, b : 1;", "unsigned a : 3, c : 1, b : 1;",
		"c is new at 0, bit 3; b moves from 0, bit 3 to 0, bit 4");
	becomes("an integer becomes a pointer", "unsigned long a;", "void *a;",
		"a at 0 was an integer, becomes a pointer");
	becomes("an array of others", "char a[4];", "short a[2];", "what is in a at 0 changes");
	becomes("an array of structs without a name", "struct { int x, y; } a[2];",
		"struct { int y, x; } a[2];", "what is in a at 0 changes");
	becomes("an inner struct", "struct { int x, y; } a;", "struct { int y, x; } a;",
		"a.x moves from 0 to 4; a.y moves from 4 to 0");
	becomes("an array that grows", "int a; char b[8];", "int a; char b[12];",
		"12 -> 16 bytes; b at 4: 8 -> 12 bytes");
	becomes("a new flexible array", "int a;", "int a; char more[];", "more is new at 4");
	becomes("only the alignment", "int a;", "int a __attribute__((aligned(16)));", "4 -> 16 bytes");
	becomes("packed", "char a; int b;", "char a; int b; } __attribute__((packed)) x; struct {",
		"8 -> 5 bytes; b moves from 4 to 1");
	type_becomes("struct s", "a struct of another name", "struct a { int x, y; }; struct s { struct a m; };",
		     "struct b { long z; }; struct s { struct b m; };", "m at 0 was struct a, becomes struct b");
	type_becomes("struct s", "one of the same name is its own matter",
		     "struct a { int x, y; }; struct s { struct a m; };",
		     "struct a { int y, x; }; struct s { struct a m; };", "");
}

static void test_enums(void)
{
	type_becomes("enum e", "more values", "enum e { A, B };", "enum e { A, B, C, D = -4 };", "");
	type_becomes("enum e", "a value in the midst", "enum e { A, B, C };", "enum e { A, X, B, C };",
		     "B becomes 2, from 1; C becomes 3, from 2");
	type_becomes("enum e", "a value of another name", "enum e { A, B };", "enum e { A, X };", "B, 1, becomes X");
	type_becomes("enum e", "a value goes", "enum e { A, B, C };", "enum e { A, C = 2 };", "+ B, 1, goes");
	type_becomes("enum e", "one goes, others follow", "enum e { A, B, C };", "enum e { A, C };",
		     "B, 1, becomes C; C becomes 1, from 2");
	type_becomes("enum e", "the size", "enum e { A };", "enum e { A, B = 1ull << 40 };", "4 -> 8 bytes");
}

static void test_names(void)
{
	struct ks_types *t = types_of("names", "typedef struct { int a; } t; typedef t u;\n"
					       "struct nested { struct in { int a; } x; };\n"
					       "static struct { int a; } var[3]; int *use(void) { return &var[1].a; }\n"
					       "const struct { int a; } fixed = { 1 };\n"
					       "struct declared; struct declared *p;\n"
					       "int f(int i) { struct local { long x; } l = { i }; return l.x; }\n"
					       "int g(int i) { struct local { char x; } l = { i }; return l.x; }\n");
	struct ks_types *none;
	char *object = compile("none", "int i;", "-g0");
	const struct ks_type *type;

	tap_ok(ks_types_find(t, "struct t", "names.c"), "a struct without a name has that of its typedef");
	tap_ok(!ks_types_find(t, "struct u", "names.c"), "but not of a typedef of that");
	tap_ok(ks_types_find(t, "struct in", "names.c"), "one within another");
	type = ks_types_find(t, "struct var", "names.c");
	tap_ok(type && !type->constant, "or that of a variable");
	type = ks_types_find(t, "struct fixed", "names.c");
	tap_ok(type && type->constant, "which may be a constant");
	tap_ok(!ks_types_find(t, "struct declared", "names.c"), "one without a definition");
	type = ks_types_find(t, "struct local", "names.c");
	tap_ok(type && type->members.len == 1, "within a function");
	tap_ok(ks_type_is_in(type, "names.c") && !ks_type_is_in(type, "ames.c"), "the file");
	tap_ok(!ks_types_find(t, "struct local", "other.h"), "of another file, and not alone");
	tap_ok(ks_types_find(t, "struct in", "other.h"), "of another file, but alone");
	tap_error(ks_types_open(object, &none), KS_E_INPUT, "no debug information", "no debug information");
	free(object);
	ks_types_close(t);
}

int main(void)
{
	die(ks_dir_temp("test-definition", &top));
	test_same();
	test_compatible();
	test_changed();
	test_enums();
	test_names();
	die(ks_dir_remove(top));
	free(top);
	return tap_done();
}
