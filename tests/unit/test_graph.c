// SPDX-License-Identifier: GPL-2.0-only
/* The include graph (lib/build/graph.c) over a small source tree. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "build/graph.h"
#include "tap.h"

static char *top, *cache;

static void put(const char *name, const char *text)
{
	char *path = ks_path_join(top, name), *parent = ks_strdup(path);

	*strrchr(parent, '/') = 0;
	die(ks_dir_make(parent));
	die(ks_file_write(path, text, strlen(text), 0644));
	free(parent);
	free(path);
}

static struct ks_graph *open_graph(void)
{
	struct ks_graph *g;

	die(ks_graph_open(top, cache, NULL, &g));
	return g;
}

/* The sources that @path reaches, in order, with a space behind each. */
static void reaches(struct ks_graph *g, const char *path, const char *want, bool want_all,
		    const char *name)
{
	struct ks_strv paths = { 0 }, sources = { 0 };
	struct ks_buf got = { 0 };
	bool all;

	ks_strv_add(&paths, path);
	ks_graph_reach(g, &paths, &sources, &all);
	ks_strv_sort(&sources);
	for (size_t i = 0; i < sources.len; i++)
		ks_buf_addf(&got, "%s ", sources.v[i]);
	ks_buf_adds(&got, "");
	if (!tap_ok(!strcmp(got.data ? got.data : "", want) && all == want_all, "%s", name))
		printf("# %s\n", got.data ? got.data : "");
	ks_strv_free(&paths);
	ks_strv_free(&sources);
	ks_buf_free(&got);
}

static void make_tree(void)
{
	put("include/linux/a.h", "#include <uapi/linux/a.h>\n");
	put("include/uapi/linux/a.h", "int a;\n");
	put("include/linux/b.h", "#ifndef B\n#  include\t<linux/a.h> /* a */\n#endif\n");
	put("include/asm-generic/gen.h", "int gen;\n");
	put("include/asm-generic/own.h", "int own;\n");
	put("arch/x86/include/asm/own.h", "int own;\n");
	put("include/trace/define_trace.h", "#include TRACE_INCLUDE(TRACE_INCLUDE_FILE)\n");
	put("include/trace/events/ev.h",
	    "#define TRACE_INCLUDE_FILE ev\n#include <trace/define_trace.h>\n");
	put("drivers/tr/tr_trace.h", "#define TRACE_INCLUDE_FILE tr_trace\n");
	put("include/linux/kconfig.h", "#define K\n");
	put("fs/x.c", "#include <linux/b.h>\n");
	put("fs/local.h", "int l;\n");
	put("fs/y.c", "#include \"local.h\"\n  #\tinclude \"../fs/local.h\"\nint i; // #include <linux/a.h>\n");
	put("net/local.h", "int l;\n");
	put("net/z.c", "#include \"local.h\"\n");
	put("net/deep/w.c", "#include \"local.h\"\n");
	put("kernel/g.c", "#include <asm/gen.h>\n#include <asm/own.h>\n");
	put("kernel/inc.c", "#include \"part.c\"\n");
	put("kernel/part.c", "#include <linux/a.h>\n");
	put("kernel/s.S", "#include <linux/b.h>\n");
	put("kernel/t.S", "\t.include \"local.h\"\n");
	put("drivers/tr/main.c", "#include \"tr_trace.h\"\n");
	put("drivers/macro.c", "#define HEADER <linux/b.h>\n#include HEADER\n");
	put("drivers/sub/dir/inner.h", "int n;\n");
	put("drivers/sub/user.c", "#include \"dir/inner.h\"\n");
	put("drivers/other.c", "#include <dir/inner.h>\n");
	put("arch/arm/x.c", "#include <linux/a.h>\n");
	put("tools/x.c", "#include <linux/a.h>\n");
}

static void test_reach(void)
{
	struct ks_graph *g = open_graph();

	tap_ok(ks_graph_files(g) == ks_graph_scanned(g) && ks_graph_scanned(g) > 20,
	       "the first time every file is read");
	reaches(g, "include/linux/b.h", "drivers/macro.c fs/x.c kernel/s.S ", false,
		"a header, in assembly and by a macro, too");
	reaches(g, "include/uapi/linux/a.h",
		"drivers/macro.c fs/x.c kernel/inc.c kernel/part.c kernel/s.S ", false,
		"through others; not in comments, other architectures and tools");
	reaches(g, "fs/local.h", "fs/y.c kernel/t.S net/deep/w.c ", false,
		"a quoted name is beside the file, or anywhere");
	reaches(g, "net/local.h", "kernel/t.S net/deep/w.c net/z.c ", false, "another one");
	reaches(g, "include/asm-generic/gen.h", "kernel/g.c ", false, "a generated wrapper");
	reaches(g, "include/asm-generic/own.h", "", false, "none where x86 has its own");
	reaches(g, "arch/x86/include/asm/own.h", "kernel/g.c ", false, "which is included");
	reaches(g, "drivers/tr/tr_trace.h", "drivers/tr/main.c ", false, "a trace header");
	reaches(g, "kernel/part.c", "kernel/inc.c kernel/part.c ", false, "a source in a source");
	reaches(g, "drivers/sub/dir/inner.h", "drivers/other.c drivers/sub/user.c ", false,
		"the end of a path, for -I");
	reaches(g, "include/linux/kconfig.h", "", true, "what every compiler is given");
	reaches(g, "include/linux/none.h", "", false, "a file that is not there");
	ks_graph_free(g);
}

static void test_changes(void)
{
	struct ks_graph *g = open_graph();
	char *path = ks_path_join(top, "fs/x.c");

	tap_ok(!ks_graph_scanned(g), "the second time none is");
	tap_ok(ks_graph_signature(g, "fs/x.c") && !ks_graph_signature(g, "fs/none.c"),
	       "the state of a file");
	reaches(g, "include/linux/b.h", "drivers/macro.c fs/x.c kernel/s.S ", false, "it says the same");
	ks_graph_add(g, "net/deep/local.h");
	reaches(g, "net/local.h", "kernel/t.S net/z.c ", false,
		"a new file is taken in place of another one");
	reaches(g, "net/deep/local.h", "kernel/t.S net/deep/w.c ", false, "where the compiler finds it first");
	ks_graph_free(g);
	put("fs/y.c", "#include <linux/b.h>\n");
	put("fs/new.c", "#include <linux/b.h>\n");
	die(ks_dir_remove(path));
	g = open_graph();
	tap_ok(ks_graph_scanned(g) == 2, "what is new or changed is read");
	reaches(g, "include/linux/b.h", "drivers/macro.c fs/new.c fs/y.c kernel/s.S ", false,
		"a file comes, one goes, one changes");
	ks_graph_free(g);
	die(ks_file_write(cache, "nonsense\n", 9, 0644));
	g = open_graph();
	reaches(g, "include/linux/b.h", "drivers/macro.c fs/new.c fs/y.c kernel/s.S ", false,
		"a cache that is none is made again");
	ks_graph_free(g);
	free(path);
}

int main(void)
{
	die(ks_dir_temp("test-graph", &top));
	cache = ks_asprintf("%s.cache", top);
	make_tree();
	test_reach();
	test_changes();
	die(ks_dir_remove(top));
	die(ks_dir_remove(cache));
	free(top);
	free(cache);
	return tap_done();
}
