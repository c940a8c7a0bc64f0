// SPDX-License-Identifier: GPL-2.0-only
/*
 * The screening of units by their text (lib/build/screen.c and below): small
 * headers and sources, adversarial ones among them.  Each case is preprocessed
 * with the old and with the new header.  Where the answer is "unaffected" the
 * compiler is asked, too: the objects must be the same.
 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"
#include "build/decl.h"
#include "build/opaque.h"
#include "tap.h"

static char *top;

static void put(const char *name, const char *text)
{
	char *path = ks_path_join(top, name);

	die(ks_file_write(path, text, strlen(text), 0644));
	free(path);
}

static bool gcc(const char *arguments, struct ks_buf *out)
{
	char *command = ks_asprintf("exec gcc -std=gnu11 -O2 -w %s", arguments);
	const char *argv[] = { "sh", "-c", command, NULL };
	struct ks_buf noise = { 0 };
	struct ks_proc p = { .argv = argv, .cwd = top, .out = out, .err = &noise };
	int status;

	die(ks_proc_run(&p, &status));
	if (status && getenv("V"))
		printf("# %s\n", noise.data ? noise.data : "");
	ks_buf_free(&noise);
	free(command);
	return !status;
}

static void object(struct ks_buf *out)
{
	char *path = ks_path_join(top, "u.o");

	gcc("-c -o u.o u.c", NULL);
	die(ks_file_read(path, 1 << 20, out));
	free(path);
}

struct test {
	const char *name;
	const char *old, *new; /* h.h */
	const char *unit;      /* u.c, after #include "h.h" */
	bool affected;
};

static const struct test cases[] = {
	{ "nothing changes", "int f(void);\n", "int  f( void ) ;\n", "int g(void) { return f(); }\n", false },
	{ "an unused prototype comes", "int f(void);\n", "int f(void);\nint h(int);\n", "int g(void) { return f(); }\n", false },
	{ "a used prototype changes", "int f(int);\n", "int f(long);\n", "int g(int i) { return f(i); }\n", true },
	{ "an attribute of a used prototype", "void f(void);\n", "void f(void) __attribute__((noreturn));\n",
	  "int g(int i) { if (i) f(); return i; }\n", true },
	{ "an attribute of an unused prototype", "void f(void);\n", "void f(void) __attribute__((noreturn));\n",
	  "int g(int i) { return i; }\n", false },
	{ "a second prototype with an attribute", "int f(int);\n", "int f(int);\nint f(int) __attribute__((const));\n",
	  "int g(int i) { return f(i) + f(i); }\n", true },
	{ "an attribute for a function of the unit itself", "void f(void);\n", "void f(void) __attribute__((cold));\n",
	  "void f(void) { }\n", true },
	{ "an unused inline changes", "static inline int f(int i) { return i; }\n", "static inline int f(int i) { return i + 1; }\n",
	  "int g(int i) { return i; }\n", false },
	{ "a used inline changes", "static inline int f(int i) { return i; }\n", "static inline int f(int i) { return i + 1; }\n",
	  "int g(int i) { return f(i); }\n", true },
	{ "an inline used by an unused inline only", "static inline int f(int i) { return i; }\nstatic inline int h(int i) { return f(i); }\n",
	  "static inline int f(int i) { return i + 1; }\nstatic inline int h(int i) { return f(i); }\n",
	  "int g(int i) { return i; }\n", false },
	{ "an inline used by a used inline", "static inline int f(int i) { return i; }\nstatic inline int h(int i) { return f(i); }\n",
	  "static inline int f(int i) { return i + 1; }\nstatic inline int h(int i) { return f(i); }\n",
	  "int g(int i) { return h(i); }\n", true },
	{ "used through a macro", "static inline int f(int i) { return i; }\n#define H(x) f(x)\n",
	  "static inline int f(int i) { return i + 1; }\n#define H(x) f(x)\n", "int g(int i) { return H(i); }\n", true },
	{ "used through a pasted name", "static inline int f_a(int i) { return i; }\n#define H(x, i) f_##x(i)\n",
	  "static inline int f_a(int i) { return i + 1; }\n#define H(x, i) f_##x(i)\n", "int g(int i) { return H(a, i); }\n", true },
	{ "an unused macro", "#define A 1\n", "#define A 2\n", "int g(void) { return 1; }\n", false },
	{ "a used macro", "#define A 1\n", "#define A 2\n", "int g(void) { return A; }\n", true },
	{ "a macro that is asked for", "", "#define HAVE 1\n", "#ifdef HAVE\nint g(void) { return 1; }\n#endif\n", true },
	{ "a function whose address is taken", "static inline int f(int i) { return i; }\n", "static inline int f(int i) { return i + 1; }\n",
	  "int (*p)(int) = f;\n", true },
	{ "members of a used struct swap", "struct s { int a, b; };\n", "struct s { int b, a; };\n", "int g(struct s *p) { return p->a; }\n", true },
	{ "members of an unused struct swap", "struct s { int a, b; };\n", "struct s { int b, a; };\n", "int g(int *p) { return *p; }\n", false },
	{ "a struct used through another one", "struct s { int a; };\nstruct t { struct s s; int b; };\n",
	  "struct s { int a, c; };\nstruct t { struct s s; int b; };\n", "int g(struct t *p) { return p->b; }\n", true },
	{ "a struct used through a typedef", "struct s { int a; };\ntypedef struct s *s_t;\n", "struct s { int c, a; };\ntypedef struct s *s_t;\n",
	  "int g(s_t p) { return p->a; }\n", true },
	{ "an anonymous struct with a typedef", "typedef struct { int a; } s_t;\n", "typedef struct { int c, a; } s_t;\n",
	  "int g(s_t *p) { return p->a; }\n", true },
	{ "sizeof what a function returns", "struct s { int a; };\nstruct s *f(void);\n", "struct s { int a, b; };\nstruct s *f(void);\n",
	  "unsigned long g(void) { return sizeof(*f()); }\n", true },
	{ "typeof a variable", "struct s { int a; };\nextern struct s v;\n", "struct s { int a, b; };\nextern struct s v;\n",
	  "unsigned long g(void) { __typeof__(v) x; return sizeof(x); }\n", true },
	{ "an array's size in a struct", "struct s { int a; };\nstruct t { char (*p)[3], b[sizeof(struct s)]; };\n",
	  "struct s { int a, b; };\nstruct t { char (*p)[3], b[sizeof(struct s)]; };\n",
	  "unsigned long g(struct t *t) { return sizeof(*t); }\n", true },
	{ "a member by which nobody goes", "struct s { int a; };\nstruct t { struct s *p; int n; };\n", "struct s { int a, b; };\nstruct t { struct s *p; int n; };\n",
	  "unsigned long g(struct t *t, int (*f)(void *)) { return f(t) + sizeof(*t); }\n", false },
	{ "arithmetic on a pointer in a member", "struct s { int a; };\nstruct t { struct s *p; };\n", "struct s { int a, b; };\nstruct t { struct s *p; };\n",
	  "void g(struct t *t) { t->p++; }\n", true },
	{ "an enum value", "enum e { A, B };\n", "enum e { C, A, B };\n", "int g(void) { return B; }\n", true },
	{ "an unused enum value", "enum e { A, B };\n", "enum e { C, A, B };\n", "int g(void) { return 1; }\n", false },
	{ "an enum value in an array's size", "enum { N = 3 };\nstruct s { int a[N]; int b; };\n", "enum { N = 4 };\nstruct s { int a[N]; int b; };\n",
	  "int g(struct s *s) { return s->b; }\n", true },
	{ "an extern that is not used", "extern int v;\n", "extern long v;\n", "int g(void) { return 1; }\n", false },
	{ "an extern that is used", "extern int v;\n", "extern long v;\n", "int g(void) { return v; }\n", true },
	{ "a variable comes", "", "static int v = 3;\n", "int g(void) { return 1; }\n", true },
	{ "a tentative variable comes", "", "int v;\n", "int g(void) { return 1; }\n", true },
	{ "a pointer to a function comes", "", "int (*v)(void);\n", "int g(void) { return 1; }\n", true },
	{ "a pointer to a function with an attribute comes", "", "int (__attribute__((unused)) *v)(void);\n", "int g(void) { return 1; }\n", true },
	{ "a function comes", "", "int f(void) { return 2; }\n", "int g(void) { return 1; }\n", true },
	{ "a plain inline function comes", "", "inline int f(void) { return 2; }\nextern int f(void);\n", "int g(void) { return 1; }\n", true },
	{ "an extern inline comes", "", "extern inline int f(void) { return 2; }\n", "int g(void) { return 1; }\n", true },
	{ "an extern inline of GNU comes", "", "extern inline __attribute__((gnu_inline)) int f(void) { return 2; }\n",
	  "int g(void) { return 1; }\n", false },
	{ "a static function comes", "", "static int f(void) { return 2; }\n", "int g(void) { return 1; }\n", false },
	{ "a static function that is kept comes", "", "static int __attribute__((__used__)) f(void) { return 2; }\n",
	  "int g(void) { return 1; }\n", true },
	{ "a constructor comes", "", "static void __attribute__((constructor)) f(void) { }\n", "int g(void) { return 1; }\n", true },
	{ "an alias comes", "", "int f(void) __attribute__((alias(\"g\")));\n", "int g(void) { return 1; }\n", true },
	{ "what an alias names changes", "static int f(void) { return 1; }\n", "static int f(void) { return 2; }\n",
	  "int g(void) __attribute__((alias(\"f\")));\n", true },
	{ "top-level asm changes", "asm(\".globl a\");\n", "asm(\".globl b\");\n", "int g(void) { return 1; }\n", true },
	{ "an initcall comes", "", "static int f(void) { return 1; }\nasm(\".section .x\\n.long f - .\\n.previous\");\n", "int g(void) { return 1; }\n", true },
	{ "a pragma changes", "#pragma pack(push, 4)\nstruct s { long a; int b; };\n#pragma pack(pop)\n",
	  "#pragma pack(push, 1)\nstruct s { long a; int b; };\n#pragma pack(pop)\n", "int g(struct s *p) { return p[1].b; }\n", true },
	{ "a pragma comes", "", "#pragma GCC optimize (\"O0\")\n", "int g(int i) { return i * 3; }\n", true },
	{ "_Pragma comes", "", "_Pragma(\"GCC optimize (\\\"O0\\\")\")\n", "int g(int i) { return i * 3; }\n", true },
	{ "a static assertion changes", "_Static_assert(sizeof(int) == 4, \"\");\n", "_Static_assert(sizeof(int) > 2, \"\");\n",
	  "int g(void) { return 1; }\n", true },
	{ "memcpy, which the compiler calls", "void *memcpy(void *, const void *, unsigned long);\n",
	  "void *memcpy(void *, const void *, unsigned long) asm(\"other\");\n",
	  "struct b { char x[500]; };\nvoid g(struct b *p, struct b *q) { *p = *q; }\n", true },
	{ "- - is not --", "#define N(x) - -x\n", "#define N(x) --x\n", "int g(int i) { return N(i); }\n", true },
	{ "a line number in a used inline", "static inline int f(void) { return __LINE__; }\n", "\nstatic inline int f(void) { return __LINE__; }\n",
	  "int g(void) { return f(); }\n", true },
	{ "a line number in an unused inline", "static inline int f(void) { return __LINE__; }\n", "\nstatic inline int f(void) { return __LINE__; }\n",
	  "int g(void) { return 1; }\n", false },
	{ "a counted name in an inline that moves",
	  "#define P_(a, b) a##b\n#define P(a, b) P_(a, b)\n",
	  "#define P_(a, b) a##b\n#define P(a, b) P_(a, b)\nstatic inline void f(void) { int P(__UNIQUE_ID_x, __COUNTER__); }\n",
	  "int g(int i) { int P(__UNIQUE_ID_x, __COUNTER__) = i; return i; }\n", false },
	{ "the order of variables", "extern int a;\n#define V int x = 1; int y = 2;\n", "extern int a;\n#define V int y = 2; int x = 1;\n", "V\n", true },
	{ "a forward declaration comes", "", "struct s;\n", "int g(void) { return 1; }\n", false },
	{ "a function that returns a pointer to one", "int (*f(int))(int);\n", "int (*f(long))(int);\n", "int (*g(void))(int) { return f(1); }\n", true },
	{ "an array of the size of another", "extern char a[4];\nextern char b[sizeof(a)];\n", "extern char a[5];\nextern char b[sizeof(a)];\n",
	  "unsigned long g(void) { return sizeof(b); }\n", true },
	{ "a bit field", "struct s { int a : 3, b : 4; };\n", "struct s { int a : 4, b : 4; };\n", "int g(struct s *p) { return p->b; }\n", true },
	{ "an unused struct in an unused union", "union u { struct s { int a; } s; int b; };\n", "union u { struct s { long a; } s; int b; };\n",
	  "int g(void) { return 1; }\n", false },
	{ "a struct defined in an unused union is used", "union u { struct s { int a; } s; int b; };\n", "union u { struct s { long a; } s; int b; };\n",
	  "int g(struct s *p) { return p->a; }\n", true },
	{ "a struct defined in an extern", "extern struct s { int a; } v;\n", "extern struct s { long a; } v;\n",
	  "int g(struct s *p) { return p->a; }\n", true },
	{ "a changed inline that a variable's size comes from", "static inline int f(char (*p)[3]) { return 0; }\n",
	  "static inline long f(char (*p)[3]) { return 0; }\n", "char v[sizeof(f(0))];\n", true },
	{ "inline asm in an unused inline", "static inline void f(void) { asm volatile(\"nop\"); }\n", "static inline void f(void) { asm volatile(\"pause\"); }\n",
	  "int g(void) { return 1; }\n", false },
	{ "a local variable of the same name", "static inline int f(int i) { return i; }\n", "static inline int f(int i) { return i + 1; }\n",
	  "int g(int f) { return f; }\n", true },
	{ "a compound literal before", "struct s { int a; };\n", "struct s { int a; };\nstatic inline int f(void) { return 1; }\n",
	  "struct s v = (struct s) { 1 };\nint g(void) { return v.a; }\n", false },
	{ "what a cleanup calls", "static inline void f(int *p) { *p = 1; }\n", "static inline void f(int *p) { *p = 2; }\n",
	  "void h(int *); void g(void) { int i __attribute__((cleanup(f))) = 0; h(&i); }\n", true },
	{ "an inline that becomes a macro", "static inline int f(int i) { return i; }\n", "#define f(i) (i)\n", "int g(int i) { return f(i); }\n", true },
	{ "a struct with an attribute before its members", "struct __attribute__((packed)) s { char a; int b; };\n", "struct s { char a; int b; };\n",
	  "int g(struct s *p) { return p->b; }\n", true },
	{ "such a struct that nobody uses", "struct __attribute__((packed)) s { char a; int b; };\n", "struct s { char a; int b; };\n",
	  "int g(int *p) { return *p; }\n", false },
	{ "opaque: a pointer that is passed on",
	  "struct s { int a; };\nint f(struct s *);\n",
	  "struct s { int a, b; };\nint f(struct s *);\n",
	  "int g(struct s *p) { return f(p); }\n", false },
	{ "opaque: a pointer in a struct",
	  "struct s { int a; };\nstruct t { struct s *p; int n; };\n",
	  "struct s { int a, b; };\nstruct t { struct s *p; int n; };\n",
	  "int g(struct t *p) { return p->n; }\n", false },
	{ "opaque: a pointer that is compared",
	  "struct s { int a; };\n",
	  "struct s { int a, b; };\n",
	  "int g(struct s *p, struct s *q) { return p == q || !p; }\n", false },
	{ "opaque: a member",
	  "struct s { int a; };\n",
	  "struct s { int a, b; };\n",
	  "int g(struct s *p) { return p->a; }\n", true },
	{ "opaque: a member in an inline that is used",
	  "struct s { int a; };\nstatic inline int m(struct s *p) { return p->a; }\n",
	  "struct s { int a, b; };\nstatic inline int m(struct s *p) { return p->a; }\n",
	  "int g(struct s *p) { return m(p); }\n", true },
	{ "opaque: a member in an inline that is not used",
	  "struct s { int a; };\nstatic inline int m(struct s *p) { return p->a; }\n",
	  "struct s { int a, b; };\nstatic inline int m(struct s *p) { return p->a; }\n",
	  "struct s *g(struct s *p) { return p; }\n", false },
	{ "opaque: the size",
	  "struct s { int a; };\n",
	  "struct s { int a, b; };\n",
	  "unsigned long g(struct s *p) { return sizeof(*p); }\n", true },
	{ "opaque: the size of what a member points to",
	  "struct s { int a; };\nstruct t { struct s *p; };\n",
	  "struct s { int a, b; };\nstruct t { struct s *p; };\n",
	  "unsigned long g(struct t *t) { return sizeof(*t->p); }\n", true },
	{ "opaque: the alignment",
	  "struct s { int a; };\n",
	  "struct s { int a, b; };\n",
	  "unsigned long g(struct s *p) { return __alignof__(*p); }\n", true },
	{ "opaque: the next element",
	  "struct s { int a; };\n",
	  "struct s { int a, b; };\n",
	  "struct s *g(struct s *p) { return p + 1; }\n", true },
	{ "opaque: an element",
	  "struct s { int a; };\n",
	  "struct s { int a, b; };\n",
	  "struct s *g(struct s *p) { return &p[3]; }\n", true },
	{ "opaque: the distance",
	  "struct s { int a; };\n",
	  "struct s { int a, b; };\n",
	  "long g(struct s *p, struct s *q) { return p - q; }\n", true },
	{ "opaque: a copy",
	  "struct s { int a; };\n",
	  "struct s { int a, b; };\n",
	  "void g(struct s *p, struct s *q) { *p = *q; }\n", true },
	{ "opaque: a struct that contains it",
	  "struct s { int a; };\nstruct t { struct s s; int n; };\n",
	  "struct s { int a, b; };\nstruct t { struct s s; int n; };\n",
	  "int g(struct t *p) { return p->n; }\n", true },
	{ "opaque: a pointer to one that contains it",
	  "struct s { int a; };\nstruct t { struct s s; int n; };\nint f(struct t *);\n",
	  "struct s { int a, b; };\nstruct t { struct s s; int n; };\nint f(struct t *);\n",
	  "int g(struct t *p) { return f(p); }\n", false },
	{ "opaque: a struct that contains one that contains it",
	  "struct s { int a; };\nstruct t { struct s s; int n; };\nstruct u { struct t t[2]; int n; };\n",
	  "struct s { int a, b; };\nstruct t { struct s s; int n; };\nstruct u { struct t t[2]; int n; };\n",
	  "int g(struct u *p) { return p->n; }\n", true },
	{ "opaque: a pointer to that",
	  "struct s { int a; };\nstruct t { struct s s; int n; };\nstruct u { struct t t[2]; int n; };\nint f(struct u *);\n",
	  "struct s { int a, b; };\nstruct t { struct s s; int n; };\nstruct u { struct t t[2]; int n; };\nint f(struct u *);\n",
	  "int g(struct u *p) { return f(p); }\n", false },
	{ "opaque: an extern object of it",
	  "struct s { int a; };\nextern struct s v;\n",
	  "struct s { int a, b; };\nextern struct s v;\n",
	  "struct s *g(void) { return &v; }\n", true },
	{ "opaque: the size of an object that the compiler knows",
	  "struct s { int a; };\nextern struct s v;\n",
	  "struct s { int a, b; };\nextern struct s v;\n",
	  "unsigned long g(void) { return __builtin_object_size(&v, 0); }\n", true },
	{ "opaque: a typedef for it",
	  "struct s { int a; };\ntypedef struct s s_t;\nextern s_t v;\n",
	  "struct s { int a, b; };\ntypedef struct s s_t;\nextern s_t v;\n",
	  "s_t *g(void) { return &v; }\n", true },
	{ "opaque: a typedef for a pointer",
	  "struct s { int a; };\ntypedef struct s *s_t;\nint f(s_t);\n",
	  "struct s { int a, b; };\ntypedef struct s *s_t;\nint f(s_t);\n",
	  "int g(s_t p) { return f(p); }\n", false },
	{ "opaque: a pointer through a const",
	  "struct s { int a; };\nint f(const struct s *);\n",
	  "struct s { int a, b; };\nint f(const struct s *);\n",
	  "int g(struct s const *p) { return f(p); }\n", false },
	{ "opaque: an argument",
	  "struct s { int a; };\nint f(struct s);\n",
	  "struct s { int a, b; };\nint f(struct s);\n",
	  "int g(int (*p)(int (*)(struct s))) { return p(f); }\n", true },
	{ "opaque: a static object",
	  "struct s { int a; };\n",
	  "struct s { int a, b; };\n",
	  "static struct s v; struct s *g(void) { return &v; }\n", true },
	{ "opaque: memory of an asm",
	  "struct s { int a; };\n",
	  "struct s { int a, b; };\n",
	  "void g(struct s *p) { asm volatile(\"\" : \"+m\" (*p)); }\n", false },
	{ "opaque: an offset",
	  "struct s { int a; };\n#define offsetof(t, m) __builtin_offsetof(t, m)\n",
	  "struct s { int a, b; };\n#define offsetof(t, m) __builtin_offsetof(t, m)\n",
	  "void *g(char *p) { return p - offsetof(struct s, a); }\n", true },
	{ "opaque: a local variable with typeof",
	  "struct s { int a; };\n",
	  "struct s { int a, b; };\n",
	  "int f(void *); int g(struct s *p) { __typeof__(*p) x; return f(&x); }\n", true },
	{ "opaque: typeof for a pointer",
	  "struct s { int a; };\n",
	  "struct s { int a, b; };\n",
	  "struct s *g(struct s *p) { __typeof__(p) q = p; return q; }\n", false },
	{ "opaque: a type that it defines inside",
	  "struct s { struct in { int x; } in; };\n",
	  "struct s { struct in { long x; } in; };\n",
	  "int g(struct in *p) { return p->x; }\n", true },
};

static void read_text(struct ks_texts *t, const char *header, struct ks_buf *out,
		      struct ks_text *text)
{
	put("h.h", header);
	if (!gcc("-E -o - u.c", out))
		tap_ok(false, "gcc -E");
	ks_texts_add(t, out, text);
}

static bool compiles(void *arg, const char *text)
{
	(void)arg;
	put("o.i", text);
	return gcc("-Werror=implicit-function-declaration -fsyntax-only -x cpp-output o.i", NULL);
}

static void test_cases(struct ks_texts *t)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct test *c = &cases[i];
		char *unit = ks_asprintf("#include \"h.h\"\n%s", c->unit);
		struct ks_buf old = { 0 }, new = { 0 }, pre_text = { 0 }, post_text = { 0 };
		struct ks_text pre = { 0 }, post = { 0 };
		struct ks_screening s = { 0 };
		bool affected;

		put("u.c", unit);
		read_text(t, c->old, &pre_text, &pre);
		read_text(t, c->new, &post_text, &post);
		affected = ks_opaque_screen(t, &pre, &post, &post_text, compiles, NULL, &s);
		tap_ok(affected == c->affected, "%s: %s", c->name,
		       c->affected ? "affected" : "unaffected");
		if (affected != c->affected)
			printf("# %s\n", s.why ? s.why : "no reason");
		if (!affected) {
			object(&new);
			put("h.h", c->old);
			object(&old);
			tap_ok(new.len == old.len && !memcmp(new.data, old.data, new.len),
			       "%s: so says the compiler", c->name);
		}
		ks_buf_free(&old);
		ks_buf_free(&new);
		ks_text_free(&pre);
		ks_text_free(&post);
		ks_buf_free(&pre_text);
		ks_buf_free(&post_text);
		ks_screening_free(&s);
		free(unit);
	}
}

static void test_store(struct ks_texts *t)
{
	char *path = ks_path_join(top, "texts");
	struct ks_texts *again = ks_texts_new();
	struct ks_text text = { 0 };
	const struct ks_text *found;
	struct ks_buf file = { 0 }, out = { 0 };
	uint64_t stamp = 0;

	put("u.c", "#include \"h.h\"\nint g(void) { return f(3); }\n");
	read_text(t, "static inline int f(int i) { return i; }\n", &out, &text);
	ks_buf_free(&out);
	ks_texts_keep(t, "u.o", &text, 77);
	die(ks_texts_write(t, path, "key"));
	tap_fine(ks_texts_read(again, path, "key"), "a store is read back");
	found = ks_texts_find(again, "u.o", &stamp);
	tap_ok(found && stamp == 77 && found->decls.len == text.decls.len &&
		       !memcmp(found->decls.v, text.decls.v, text.decls.len * 4),
	       "with a text in it");
	tap_ok(ks_texts_decls(again) == ks_texts_decls(t), "and all declarations");
	tap_ok(!ks_texts_find(again, "v.o", &stamp), "another one is not there");
	ks_texts_free(again);
	again = ks_texts_new();
	tap_fine(ks_texts_read(again, path, "other"), "with another key");
	tap_ok(!ks_texts_find(again, "u.o", &stamp), "it is empty");
	ks_texts_free(again);
	die(ks_file_read(path, 1 << 24, &file));
	for (size_t cut = 1; cut < file.len; cut += 1 + file.len / 37) {
		struct ks_error *err;

		again = ks_texts_new();
		die(ks_file_write(path, file.data, file.len - cut, 0644));
		err = ks_texts_read(again, path, "key");
		if (err || ks_texts_find(again, "u.o", &stamp))
			tap_ok(false, "cut short by %zu", cut);
		ks_error_free(err);
		ks_texts_free(again);
	}
	again = ks_texts_new();
	file.data[file.len / 2] ^= 1;
	die(ks_file_write(path, file.data, file.len, 0644));
	die(ks_texts_read(again, path, "key"));
	tap_ok(!ks_texts_find(again, "u.o", &stamp), "a damaged one is empty");
	ks_texts_free(again);
	ks_buf_free(&file);
	ks_text_free(&text);
	free(path);
}

static void take_decl(void *arg, const struct ks_tokens *tokens)
{
	struct ks_decl decl = { 0 };
	struct ks_buf *out = arg;

	ks_decl_parse(tokens, &decl);
	ks_buf_addf(out, "%s", decl.inert ? "inert" : "code");
	for (size_t i = 0; i < decl.names.len; i++)
		ks_buf_addf(out, " %s", decl.names.v[i]);
	for (size_t i = 0; i + 1 < decl.conditions.len; i += 2)
		ks_buf_addf(out, " %s>%s", decl.conditions.v[i], decl.conditions.v[i + 1] + 7);
	ks_buf_adds(out, "; ");
	ks_decl_free(&decl);
}

static void declares(const char *text, const char *want)
{
	struct ks_buf in = { 0 }, out = { 0 };

	ks_buf_adds(&in, text);
	ks_tokens_split(&in, take_decl, NULL, NULL, &out);
	if (!tap_ok(out.data && !strcmp(out.data, want), "%s", text))
		printf("# %s\n", out.data ? out.data : "");
	ks_buf_free(&in);
	ks_buf_free(&out);
}

static void test_decls(void)
{
	declares("int a; int f(void);", "code a; inert f; ");
	declares("struct s { int a; struct t { int b; } c; } ; union u;", "inert struct s struct t; inert struct u; ");
	declares("struct s { struct t *a, **b; struct u *c, d; struct v *(*f)(struct w, enum x); struct { union y *z; } in; T *t; };",
		 "inert struct s a>t b>t f>w f>v z>y; ");
	declares("typedef struct { struct t (*a)[3]; const struct u *const b[sizeof(struct w)]; } T;", "inert T a>t b>u; ");
	declares("struct s { _Alignas(struct w) struct t *a; struct x *b __attribute__((aligned(sizeof(struct y)))); struct u *c, d[2]; };",
		 "inert struct s a>t b>x; ");
	declares("struct { struct t *a; } v;", "code v; ");
	declares("enum e { A = 1, B = A + 2, C } ; typedef enum { D } d_t;", "inert struct e A B C; inert D d_t; ");
	declares("static inline __attribute__((unused)) unsigned long long f(int (*g)(int), struct s *s) { if (s) { } return 0; } int x;",
		 "inert f; code x; ");
	declares("typedef int (*fn_t)(int, void *), other_t[3];", "inert fn_t other_t; ");
	declares("extern struct s a, *b, c[4]; extern int d = 3;", "inert a b c; code d; ");
	declares("static const struct s v = { .f = { 1, 2 }, .g = (struct t) { 3 } };", "code v; ");
	declares("static struct s v = (struct s) { 1 }, w; int x;", "code v w; code x; ");
	declares("void (*f(int))(long);", "inert f; ");
	declares("foo_t bar(void); extern typeof(x) y;", "inert bar; inert y; ");
	declares("asm(\"nop\"); ; #", "code; inert; code; ");
	declares("static __attribute__((section(\".x\"))) int f(void) { return 1; }", "code f; ");
	declares("int __attribute__((a(b, (c)))) *f(void) __attribute__((d)) asm(\"e\");", "inert f; ");
	declares("int a(void), b;", "code a b; ");
	declares("struct s *f(void) { return 0; } struct __attribute__((packed)) { int a; } v;", "code f; code v; ");
	declares("int f(a, b) int a; { return a; }", "code f; code; ");
	declares("} } ; int f(void);", "code; ");
	declares("int f(", "code f; ");
	declares("\"unterminated\n; int x;", "code; code x; ");
}

int main(void)
{
	struct ks_texts *t = ks_texts_new();

	die(ks_dir_temp("test-screen", &top));
	test_decls();
	test_cases(t);
	test_store(t);
	ks_texts_free(t);
	die(ks_dir_remove(top));
	free(top);
	return tap_done();
}
