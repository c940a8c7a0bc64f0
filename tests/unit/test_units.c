// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a patch to pre and post objects (lib/build) with the kernel of a few
 * files in tests/mini: patched sources, headers and assembly, what is generated
 * from headers, what is linked apart; and the cache, which must never give an
 * object that is not the one of what is asked for.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"
#include "build/state.h"
#include "tap.h"

static char *top, *source, *config_dir;
static struct ks_buf said;

static void on_step(struct ks_report *r, const char *what)
{
	(void)r;
	ks_buf_addf(&said, "step %s\n", what);
}

static void on_note(struct ks_report *r, int level, const char *text)
{
	(void)r;
	ks_buf_addf(&said, "%d %s\n", level, text);
}

static struct ks_report report = { .step = on_step, .note = on_note };

static void put(const char *dir, const char *name, const char *text)
{
	char *path = ks_path_join(dir, name), *parent = ks_strdup(path);

	*strrchr(parent, '/') = 0;
	die(ks_dir_make(parent));
	die(ks_file_write(path, text, strlen(text), 0644));
	free(parent);
	free(path);
}

static char *get(const char *dir, const char *name)
{
	char *path = ks_path_join(dir, name);
	struct ks_buf text = { 0 };

	die(ks_file_read(path, 1 << 20, &text));
	free(path);
	return ks_buf_steal(&text);
}

static void copy_tree(const char *to)
{
	const char *argv[] = { "cp", "-r", "tests/mini", to, NULL };

	die(ks_proc_output(argv, NULL));
}

static struct ks_build *open_with(const char *tree, const char *config, const char *release)
{
	struct ks_build_options o = { .source = tree, .config_dir = config, .release = release,
				      .jobs = 2, .report = &report };
	struct ks_build *b;

	ks_buf_free(&said);
	die(ks_build_open(&o, &b));
	return b;
}

/* The patched files, each with the text @from of the original replaced by @to; NULL ends. */
struct edit {
	const char *path, *from, *to; /* from NULL: a new file; to NULL: it goes */
};

/* Edits copies beside the originals and lets --diffext find them. */
static struct ks_error *apply(struct ks_build *b, const struct edit *edits)
{
	struct ks_error *err;

	for (const struct edit *e = edits; e->path; e++) {
		char *name = ks_asprintf("%s.new", e->path), *text, *place;
		struct ks_buf out = { 0 };

		if (!e->from) {
			put(b->source, name, e->to);
		} else {
			text = get(b->source, e->path);
			place = strstr(text, e->from);
			if (!place) {
				printf("Bail out! %s has no \"%s\"\n", e->path, e->from);
				exit(1);
			}
			ks_buf_addf(&out, "%.*s%s%s", (int)(place - text), text, e->to,
				    place + strlen(e->from));
			put(b->source, name, out.data);
			ks_buf_free(&out);
			free(text);
		}
		free(name);
	}
	err = ks_build_apply_diffext(b, "new", NULL);
	for (const struct edit *e = edits; e->path; e++) {
		char *path = ks_asprintf("%s/%s.new", b->source, e->path);

		unlink(path);
		free(path);
	}
	return err;
}

static bool same_files(const char *x, const char *y)
{
	struct ks_buf a = { 0 }, b = { 0 };
	bool same;

	die(ks_file_read(x, 1 << 24, &a));
	die(ks_file_read(y, 1 << 24, &b));
	same = a.len == b.len && !memcmp(a.data, b.data, a.len);
	ks_buf_free(&a);
	ks_buf_free(&b);
	return same;
}

/* Units with "+" where the objects differ, in order. */
static char *describe(const struct ks_build_units *units)
{
	struct ks_buf out = { 0 };

	ks_vec_for(&units->list, u)
		ks_buf_addf(&out, "%s%s ", u->source, same_files(u->pre_path, u->post_path) ? "" : "+");
	return ks_buf_steal(&out);
}

static struct ks_error *build(struct ks_build *b, struct ks_build_units *units)
{
	struct ks_error *err = ks_build_units(b, units);

	if (!err)
		err = ks_build_examine(b, units);
	if (!err && units->list.len)
		err = ks_build_compile(b, units, KS_PRE);
	if (!err && units->list.len)
		err = ks_build_compile(b, units, KS_POST);
	return err;
}

static void gives(struct ks_build *b, const struct edit *edits, const char *want, const char *name)
{
	struct ks_build_units units = { 0 };
	char *got = NULL;

	ks_buf_free(&said);
	die(apply(b, edits));
	if (tap_fine(build(b, &units), name)) {
		got = describe(&units);
		if (!tap_ok(!strcmp(got, want), "%s: %s", name, want))
			printf("# %s\n# %s\n", got, said.data ? said.data : "");
	}
	ks_build_units_free(&units);
	free(got);
}

static void refuses(struct ks_build *b, const struct edit *edits, const char *part, const char *name)
{
	struct ks_build_units units = { 0 };

	die(apply(b, edits));
	tap_error(build(b, &units), KS_E_REFUSED, part, name);
	ks_build_units_free(&units);
}

static bool told(const char *text)
{
	return said.data && strstr(said.data, text);
}

#define EDITS(...) (const struct edit[]){ __VA_ARGS__, { 0 } }
#define LIB "include/linux/lib.h"
#define INLINE { LIB, "i + 1", "i + 3" }

static void test_headers(struct ks_build *b)
{
	gives(b, EDITS(INLINE), "drivers/m/part.c+ kernel/a.c+ ", "an inline function");
	tap_ok(told("0 include/linux/lib.h: 4 objects may include it") &&
		       told("3 objects include a changed file; by their text, 2 of them"),
	       "the numbers are told");
	tap_ok(told("1 kernel/a.c: may be affected (used_by_a)"), "with -v the reason, too");
	gives(b, EDITS(INLINE), "drivers/m/part.c+ kernel/a.c+ ", "once more");
	tap_ok(told("step Original objects: all in the cache") && !told("original text"),
	       "all that is original is in the cache");
	tap_ok(!told("step Examining") && told("by their text, 2 of them"), "and so is what examining came to");
	gives(b, EDITS(INLINE, { "kernel/a.c", "\n", "\n/* moved */\n" }), "drivers/m/part.c+ kernel/a.c+ ",
	      "with a change of a source");
	tap_ok(!told("step Examining"), "the others are not examined again for that");
	gives(b, EDITS({ LIB, "+ 2", "+ 4" }), "drivers/m/part.c+ ", "one that is used in a module only");
	gives(b, EDITS({ LIB, "static inline int line", "static inline int unused(void)\n{\n\treturn 1;\n}\n\nstatic inline int line" }),
	      "", "one that nobody uses");
	tap_ok(told("by their text, 0 of them") && told("step Compiling 1 patched object"),
	       "then only what is linked apart is compiled");
	gives(b, EDITS({ LIB, "#include", "/* moves\n * the lines */\n#include" }), "",
	      "lines that move");
	refuses(b, EDITS({ LIB, "int first, second;", "int first, second, third;" }),
		"arch/x86/entry/vdso/note.c", "a struct that code which is linked apart depends on");
	gives(b, EDITS({ LIB, "int first, second;", "int second, first;" }), "kernel/b.c+ ",
	      "a change of it on which that does not depend");
	gives(b, EDITS({ LIB, "int first, second;", "unsigned int first, second;" }), "kernel/b.c ", 
	      "a struct, where it does not");
	gives(b, EDITS({ "drivers/m/m.h", "UNUSED 6", "UNUSED 7" }), "", "a macro that nobody uses");
	gives(b, EDITS({ "drivers/m/m.h", "M 5", "M 7" }), "drivers/m/main.c+ ", "one that somebody does");
	gives(b, EDITS(INLINE, { "kernel/b.c", "t->a", "2 * t->a" }),
	      "drivers/m/part.c+ kernel/a.c+ kernel/b.c+ ", "together with a source");
	gives(b, EDITS({ "include/linux/new.h", NULL, "#define NEW 5\n" }, { "kernel/a.c", "#include", "#include <linux/new.h>\n#include" },
		       { "kernel/a.c", "#include <linux/lib.h>\n\nint a(int i)\n{\n#if EARLY\n\ti++;\n#endif\n\treturn", "#include <linux/new.h>\n#include <linux/lib.h>\n\nint a(int i)\n{\n#if EARLY\n\ti++;\n#endif\n\treturn NEW +" }),
	      "kernel/a.c+ ", "a new header");
	gives(b, EDITS({ "drivers/m/new.h", NULL, "#define M 9\n" }, { "drivers/m/m.h", "#define M 5", "#include \"new.h\"" }),
	      "drivers/m/main.c+ ", "a new header that a header includes");
	gives(b, EDITS({ "kernel/linux/lib.h", NULL, "int no;\n" }), "", "a new header that nobody finds");
	gives(b, EDITS({ "include/linux/none.h", NULL, "int no;\n" }), "", "one that nobody includes");
	gives(b, EDITS({ "arch/x86/include/asm/own.h", "OWN 3", "OWN 4" }), "kernel/asm.S+ ",
	      "a header of assembly");
	gives(b, EDITS({ "kernel/asm.S", "ret", "nop\n\tret" }), "kernel/asm.S+ ", "assembly itself");
	gives(b, EDITS({ "kernel/extra.c", "(i)", "(2)" }), "", "a source that is not built");
	tap_ok(told("not built in this configuration"), "is a note");
	gives(b, EDITS({ "include/linux/kconfig.h", "#define KCONFIG", "#define KCONFIG\n#define MORE 1" }),
	      "drivers/gen/gen.c ",
	      "a header that every compiler is given");
	tap_ok(told("include/linux/kconfig.h: ") && told("objects include a changed file"), "is examined everywhere");
}

/* Macros of a header with a guard: who uses them is known without preprocessing again. */
static void test_macros(struct ks_build *b)
{
	int jobs = b->jobs;

	/* Two at once would both look for themselves. */
	b->jobs = 1;
	gives(b, EDITS({ LIB, "LIMIT 9", "LIMIT 8" }), "kernel/b.c+ ", "a macro whose name is pasted");
	tap_ok(told("1 1 of them needed no preprocessing"), "of those that do not use it one is looked at");
	gives(b, EDITS({ LIB, "#define LIMIT", "#define LATER 1\n#define LIMIT" }), "drivers/m/part.c+ ",
	      "a macro comes that a conditional asks for");
	gives(b, EDITS({ LIB, "#define LIMIT", "#define EARLY 1\n#define LIMIT" }), "kernel/a.c+ ",
	      "one that an #if takes for 0");
	gives(b, EDITS({ LIB, "#define LIMIT", "#define OTHER 1\n#define LIMIT" }), "", "one that nobody knows");
	tap_ok(told("1 2 of them needed no preprocessing"), "one object is looked at for all");
	gives(b, EDITS({ LIB, "#define LIMIT", "#define second third\n#define LIMIT" }), "kernel/b.c ",
	      "one with the name of a member");
	gives(b, EDITS({ LIB, "#define PASTED(name) LI##name", "#define PASTED(name) 4" }), "kernel/b.c+ ",
	      "one with parameters changes");
	gives(b, EDITS({ LIB, "#define LIMIT 9", "#ifndef CONFIG_X\n#define LIMIT 8\n#endif" }), "kernel/b.c+ ",
	      "one gets a condition");
	b->jobs = jobs;
}

/* What becomes of types: "struct pair (include/linux/lib.h): ...", with "+ " where it is compatible. */
static void lays_out(struct ks_build *b, const struct edit *edits, const char *want, const char *name)
{
	struct ks_build_units units = { 0 };
	struct ks_layouts layouts = { 0 };
	struct ks_buf got = { 0 };

	ks_buf_free(&said);
	die(apply(b, edits));
	die(ks_build_units(b, &units));
	if (tap_fine(ks_build_layouts(b, &units, &layouts), name)) {
		ks_vec_for(&layouts.list, l)
			ks_buf_addf(&got, "%s%s%s (%s): %s", got.len ? "\n" : "",
				    l->kind == KS_LAYOUT_COMPATIBLE ? "+ " : l->kind == KS_LAYOUT_UNKNOWN ? "? " : "",
				    l->type, l->path, l->what);
		if (!tap_ok(!strcmp(got.len ? got.data : "", want), "%s: %.40s", name, want))
			printf("# %s\n", got.len ? got.data : "nothing");
	}
	ks_buf_free(&got);
	ks_build_layouts_free(&layouts);
	ks_build_units_free(&units);
}

#define TASK "include/linux/task.h"

static void test_layouts(struct ks_build *b)
{
	char *leftover = ks_path_join(b->cache, "types");

	lays_out(b, EDITS({ "kernel/a.c", "line()", "77" }), "", "no type changes");
	tap_ok(!told("Comparing the layout"), "then nothing is compiled for it");
	lays_out(b, EDITS({ LIB, "int first, second;", "int first, second, third;" }),
		 "struct pair (include/linux/lib.h): 8 -> 12 bytes; third is new at 8", "a member of a header's struct");
	tap_ok(told("step Comparing the layout of types (struct pair)") &&
		       told("1 kernel/a.c: compiled to compare types") && !told("kernel/b.c: compiled"),
	       "one unit is asked");
	tap_ok(!ks_file_exists(leftover), "and its objects do not stay");
	lays_out(b, EDITS({ LIB, "int first, second;", "unsigned int first; int second; /* same */" }), "",
		 "a change that is none");
	lays_out(b, EDITS({ LIB, "int first, second;", "int first, second;\n#ifdef CONFIG_NO\n\tint no;\n#endif" }), "",
		 "a member that the configuration leaves out");
	lays_out(b, EDITS({ TASK, "int a, b;", "int a, b;\n};\nstruct outer {\n\tstruct task t;\n" }), "",
		 "a new type");
	put(b->source, TASK, "#define N 4\nstruct task { int a, b; };\nstruct in { int a, b; char name[N]; };\nstruct pad { long l; char c; };\n"
			     "struct outer { struct in i; long more; };\nstruct group { struct outer o[2]; };\n");
	lays_out(b, EDITS({ TASK, "in { int a, b", "in { int b, a" }),
		 "struct in (include/linux/task.h): a moves from 0 to 4; b moves from 4 to 0; within struct outer, struct group",
		 "those that have it in them");
	lays_out(b, EDITS({ TASK, "char c;", "char c, d;" }), "+ struct pad (include/linux/task.h): d is new at 9",
		 "a member in padding");
	lays_out(b, EDITS({ TASK, "N 4\nstruct task { int a, b; };\nstruct in { int a, b; char name[N]; };\nstruct pad { long l; char c;",
			    "N 8\nstruct task { int a, b; };\nstruct in { int a, b; char name[N]; };\nstruct pad { long l; char c, d;" }),
		 "struct in (include/linux/task.h): 12 -> 16 bytes; name at 8: 4 -> 8 bytes; within struct outer, struct group\n"
		 "+ struct pad (include/linux/task.h): d is new at 9",
		 "several");
	lays_out(b, EDITS({ TASK, "N 4", "N 8" }),
		 "struct in (include/linux/task.h): 12 -> 16 bytes; name at 8: 4 -> 8 bytes; within struct outer, struct group",
		 "one with a macro that changes");
	lays_out(b, EDITS({ TASK, "N 4", "N (2 + 2)" }), "", "a macro with the same value");
	lays_out(b, EDITS({ TASK, "struct pad { long l; char c; };", "" }, { LIB, "struct pair {", "struct pad { long l; char c; long x; };\nstruct pair {" }),
		 "struct pad (include/linux/task.h): 16 -> 24 bytes; x is new at 16", "one that moves to another file");
	put(b->source, TASK, "struct task {\n\tint a, b;\n};\n#ifdef PRIVATE\nstruct hidden { int x; };\n#endif\n");
	lays_out(b, EDITS({ TASK, "int x", "int y" }),
		 "", "a type that no unit has");
	put(b->source, TASK, "/* SPDX-License-Identifier: GPL-2.0-only */\nstruct task {\n\tint a, b;\n};\n");
	put(b->source, "kernel/b.c", "#include <linux/lib.h>\n#include <linux/task.h>\n\nstruct own { int x; };\n#ifdef NO\nstruct no { int x; };\n#endif\n"
				     "int b(struct pair *p, struct task *t) { return p->second + t->a + PASTED(MIT); }\n");
	lays_out(b, EDITS({ "kernel/b.c", "own { int x;", "own { int x, y;" }),
		 "struct own (kernel/b.c): 4 -> 8 bytes; y is new at 4", "one of a source");
	put(b->source, TASK, "struct task { int a, b; };\nstruct in { char name[LIMIT]; };\n");
	lays_out(b, EDITS({ "kernel/b.c", "own { int x;", "own { int x, y;" }, { LIB, "LIMIT 9", "LIMIT 10" }),
		 "struct own (kernel/b.c): 4 -> 8 bytes; y is new at 4\n"
		 "struct in (include/linux/task.h): 9 -> 10 bytes; name at 0: 9 -> 10 bytes",
		 "one in a file that does not change, beside another");
	put(b->source, TASK, "/* SPDX-License-Identifier: GPL-2.0-only */\nstruct task {\n\tint a, b;\n};\n");
	lays_out(b, EDITS({ "kernel/b.c", "no { int x;", "no { int x, y;" }), "", "one of a source that it leaves out");
	lays_out(b, EDITS({ "kernel/b.c", "own { int x;", "own { int x, !" }),
		 "? struct own (kernel/b.c): its text changes; what becomes of it could not be determined",
		 "a source that does not compile");
	lays_out(b, EDITS({ "kernel/extra.c", "int extra", "struct x { int a; };\nint extra" }), "",
		 "a source that is not built");
	put(b->source, "kernel/b.c", "// SPDX-License-Identifier: GPL-2.0-only\n#include <linux/lib.h>\n#include <linux/task.h>\n\n"
				     "int b(struct pair *p, struct task *t)\n{\n\treturn p->second + t->a + PASTED(MIT);\n}\n");
	free(leftover);
}

static void test_module(struct ks_build *b)
{
	struct ks_build_units units = { 0 };
	struct ks_strv names = { 0 };

	die(apply(b, EDITS({ "drivers/m/m.h", "M 5", "M 7" }, { "kernel/a.c", "line()", "1" })));
	die(build(b, &units));
	tap_ok(units.list.len == 2 && units.list.v[0].modname && !strcmp(units.list.v[0].modname, "two") &&
		       units.list.v[0].modfile && !strcmp(units.list.v[0].modfile, "drivers/m/two"),
	       "the module that an object is for");
	tap_ok(units.list.len == 2 && !units.list.v[1].modname && !units.list.v[1].modfile, "none");
	ks_build_units_free(&units);
	die(apply(b, EDITS({ "drivers/m/text.S", "ret", "nop\n\tret" })));
	die(build(b, &units));
	tap_ok(units.list.len == 1 && units.list.v[0].modfile &&
		       !strcmp(units.list.v[0].modfile, "drivers/m/two"),
	       "one of assembly, too");
	ks_build_units_free(&units);
	die(apply(b, EDITS({ "drivers/m/m.h", "M 5", "M 7" }, { "kernel/a.c", "line()", "1" })));
	die(build(b, &units));
	ks_strv_add(&names, "main_one");
	ks_strv_add(&names, "part_three");
	ks_strv_add(&names, "apart");
	ks_strv_add(&names, "used_by_a");
	die(ks_build_unmentioned(b, &units.list.v[0], &names));
	tap_ok(names.len == 2 && !strcmp(names.v[0], "apart") && !strcmp(names.v[1], "used_by_a"),
	       "names that no source of a module has, nor may make");
	ks_strv_free(&names);
	ks_build_units_free(&units);
	/* And from the cache. */
	die(build(b, &units));
	tap_ok(units.list.len == 2 && units.list.v[0].modfile && !strcmp(units.list.v[0].modfile, "drivers/m/two"),
	       "also of one in the cache");
	ks_build_units_free(&units);
}

static void test_generated(struct ks_build *b)
{
	char *names = ks_path_join(b->obj, "drivers/gen/names.h");
	struct timespec old[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };
	char *header = ks_path_join(b->source, "include/linux/names.h");

	refuses(b, EDITS({ "include/linux/task.h", "int a, b", "int a, c, b" }),
		"\"TASK_B 4\" becomes \"TASK_B 8\"", "a value that a header is generated from");
	gives(b, EDITS({ "include/linux/task.h", "int a, b", "int a, b, c" }), "kernel/b.c ",
	      "a header that leaves it as it is");
	refuses(b, EDITS({ "include/linux/tool.h", "1", "2" }), "scripts/tool.o",
		"what a program of the build is made from");
	utimensat(AT_FDCWD, header, old, 0);
	gives(b, EDITS({ "include/linux/names.h", "NAME_ONE 1", "NAME_ONE 2" }), "drivers/gen/gen.c+ ",
	      "a header from which a directory generates another one");
	tap_ok(!ks_file_exists(names), "the patched one is not kept");
	gives(b, EDITS({ "include/linux/names.h", "NAME_ONE 1", "NAME_ONE 2" }), "drivers/gen/gen.c+ ",
	      "once more");
	/* The header itself changes, and its time goes back. */
	put(b->source, "include/linux/names.h", "#define NAME_ONE 7\n");
	utimensat(AT_FDCWD, header, old, 0);
	put(b->obj, "drivers/gen/names.h", "int name_ONE = 5;\n");
	gives(b, EDITS({ "include/linux/names.h", "NAME_ONE 7", "NAME_ONE 5" }), "drivers/gen/gen.c+ ",
	      "one that is older than what was generated");
	gives(b, EDITS({ "include/linux/names.h", "NAME_ONE 7", "NAME_ONE 1" }), "drivers/gen/gen.c+ ",
	      "the original object is the one of now");
	gives(b, EDITS({ "include/linux/names.h", "NAME_ONE 7", "NAME_ONE 007" }), "drivers/gen/gen.c ",
	      "the same value is the same object");
	put(b->source, "include/linux/names.h", "#define NAME_ONE 1\n");
	/* As if killed while the overlay was there. */
	die(apply(b, EDITS({ "include/linux/names.h", "NAME_ONE 1", "NAME_ONE 2" })));
	ks_vec_for(&b->changes, c)
		c->compiled = true;
	die(ks_object_make_real(b));
	die(ks_overlay_apply(b, true));
	put(b->obj, "drivers/gen/names.h", "int name_ONE = 2;\n");
	ks_build_close(b);
	b = open_with(source, config_dir, "6.1.2-test");
	tap_ok(!ks_file_exists(names), "nor that of a run that was killed");
	ks_build_close(b);
	free(header);
	free(names);
}

static void pre_holds(struct ks_build *b, const char *what, const char *name)
{
	struct ks_build_units units = { 0 };
	struct ks_buf text = { 0 };
	bool found = false;

	die(apply(b, EDITS({ "kernel/a.c", "line()", "77" })));
	die(build(b, &units));
	if (units.list.len == 1)
		die(ks_file_read(units.list.v[0].pre_path, 1 << 20, &text));
	for (size_t i = 0; i + strlen(what) <= text.len && !found; i++)
		found = !memcmp(text.data + i, what, strlen(what));
	tap_ok(found, "%s", name);
	ks_buf_free(&text);
	ks_build_units_free(&units);
}

/* A string in kernel/a.c by which objects are told apart. */
static void set_mark(const char *tree, const char *mark)
{
	char *text = ks_asprintf("#include <linux/lib.h>\n\nconst char mark[] = %s;\n\nint a(int i)\n{\n\treturn used_by_a(i) + line();\n}\n", mark);

	put(tree, "kernel/a.c", text);
	free(text);
}

static void test_cache(void)
{
	char *other = ks_path_join(top, "other"), *shared = ks_path_join(top, "shared");
	char *config2 = ks_path_join(top, "config2"), *config1 = ks_path_join(top, "config1");
	char *config3 = ks_path_join(top, "config3");
	struct timespec old[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };
	char *file = ks_path_join(source, "kernel/a.c");
	struct ks_build *b;

	copy_tree(other);
	put(config1, ".config", "CONFIG_X86_64=y\n");
	put(config2, ".config", "CONFIG_X86_64=y\nCONFIG_EXTRA=y\n");
	put(config3, ".config", "CONFIG_X86_64=y\n");
	set_mark(source, "\"first tree\"");
	set_mark(other, "\"other tree\"");
	setenv("KSPLICE_CACHE", shared, 1);

	for (int round = 1; round <= 2; round++) {
		b = open_with(source, config1, "6.1.2-test");
		pre_holds(b, "first tree", "two trees and one KSPLICE_CACHE: the first");
		ks_build_close(b);
		b = open_with(other, config3, "6.1.2-test");
		pre_holds(b, "other tree", "two trees and one KSPLICE_CACHE: the second");
		ks_build_close(b);
		/* The same configuration directory, by mistake. */
		b = open_with(other, config1, "6.1.2-test");
		pre_holds(b, "other tree", "another tree with a configuration that was used before");
		ks_build_close(b);
	}

	set_mark(source, "__FILE__ "
			 "\" extra \" "
			 "EXTRA_TEXT");
	put(source, "include/linux/lib.h", "#define EXTRA_TEXT REL\n#ifndef LIB_H\n#define LIB_H\nstruct pair { int first, second; };\nstatic inline int used_by_a(int i) { return i; }\nstatic inline int line(void) { return 1; }\n#endif\n");
	put(source, "kernel/Makefile", "obj-y := a.o\nccflags-$(CONFIG_EXTRA) += -DREL='\"with extra\"'\nccflags-y += $(if $(CONFIG_EXTRA),,-DREL='\"plain\"')\n");
	for (int round = 1; round <= 2; round++) {
		b = open_with(source, config1, "6.1.2-test");
		pre_holds(b, "plain", "two kernels of one tree: the first");
		ks_build_close(b);
		b = open_with(source, config2, "6.1.2-test");
		pre_holds(b, "with extra", "two kernels of one tree: the second");
		ks_build_close(b);
	}
	/* One of them changes, and its directory does not. */
	put(config1, ".config", "CONFIG_X86_64=y\nCONFIG_EXTRA=y\n");
	b = open_with(source, config1, "6.1.2-test");
	pre_holds(b, "with extra", "a configuration that changes");
	ks_build_close(b);

	put(source, "include/linux/lib.h", "#define EXTRA_TEXT \"one\"\n#ifndef LIB_H\n#define LIB_H\nstruct pair { int first, second; };\nstatic inline int used_by_a(int i) { return i; }\nstatic inline int line(void) { return 1; }\n#endif\n");
	b = open_with(source, config1, "6.1.2-test");
	pre_holds(b, "one", "a header that changes");
	ks_build_close(b);
	/* Of the same size, and with an old time set back. */
	put(source, "include/linux/lib.h", "#define EXTRA_TEXT \"two\"\n#ifndef LIB_H\n#define LIB_H\nstruct pair { int first, second; };\nstatic inline int used_by_a(int i) { return i; }\nstatic inline int line(void) { return 1; }\n#endif\n");
	utimensat(AT_FDCWD, file, old, 0);
	b = open_with(source, config1, "6.1.2-test");
	pre_holds(b, "two", "one of the same size");
	gives(b, EDITS({ LIB, "return i;", "return i + 4;" }), "kernel/a.c+ ", "its text is the new one, too");
	put(source, "include/linux/lib.h", "#define EXTRA_TEXT \"six\"\n#ifndef LIB_H\n#define LIB_H\nstruct pair { int first, second; };\nstatic inline int line(void) { return 1; }\n#define used_by_a(i) (i)\n#endif\n");
	ks_build_close(b);
	b = open_with(source, config1, "6.1.2-test");
	gives(b, EDITS({ LIB, "(i)\n", "(2 * i)\n" }), "kernel/a.c+ ", "after another change as well");
	put(source, "kernel/Makefile", "obj-y := a.o\nccflags-y += -DEXTRA_TEXT='\"makefile\"'\n");
	put(source, "include/linux/lib.h", "struct pair { int first, second; };\n#define used_by_a(i) (i)\n#define line() 1\n");
	ks_build_close(b);
	b = open_with(source, config1, "6.1.2-test");
	pre_holds(b, "makefile", "a makefile that changes");
	ks_build_close(b);
	unsetenv("KSPLICE_CACHE");
	free(other);
	free(shared);
	free(config1);
	free(config2);
	free(config3);
	free(file);
}

int main(void)
{
	struct ks_build *b;

	die(ks_dir_temp("test-units", &top));
	source = ks_path_join(top, "linux");
	config_dir = ks_path_join(source, "ksplice");
	copy_tree(source);
	put(config_dir, ".config", "CONFIG_X86_64=y\n");
	b = open_with(source, config_dir, "6.1.2-test");
	test_headers(b);
	test_macros(b);
	test_layouts(b);
	test_module(b);
	test_generated(b);
	test_cache();
	die(ks_dir_remove(top));
	ks_buf_free(&said);
	free(top);
	free(source);
	free(config_dir);
	return tap_done();
}
