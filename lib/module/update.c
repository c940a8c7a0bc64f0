// SPDX-License-Identifier: GPL-2.0-only
/* Writing the modules' source; see update.h. */
#include "module/update.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"

char *ks_update_old_name(const char *id)
{
	return ks_asprintf("ksplice_%s_old", id);
}

char *ks_update_new_name(const char *id)
{
	return ks_asprintf("ksplice_%s_new", id);
}

static struct ks_error *write_buf(const char *dir, const char *name, struct ks_buf *buf)
{
	char *path = ks_path_join(dir, name);
	struct ks_error *err = ks_file_write(path, buf->data, buf->len, 0644);

	free(path);
	ks_buf_free(buf);
	return err;
}

/* A C string literal of any bytes. */
static void add_literal(struct ks_buf *b, const char *s)
{
	ks_buf_adds(b, "\"");
	for (; *s; s++) {
		unsigned char c = *s;

		if (c >= ' ' && c < 127 && c != '"' && c != '\\' && c != '?')
			ks_buf_add(b, s, 1);
		else
			ks_buf_addf(b, "\\%03o", c);
	}
	ks_buf_adds(b, "\"");
}

static struct ks_error *write_kbuild(const struct ks_update_source *src, const char *dir)
{
	struct ks_buf b = { 0 };

	ks_buf_addf(&b, "obj-m := ksplice_%s_old.o ksplice_%s_new.o\n", src->id, src->id);
	ks_buf_addf(&b, "ksplice_%s_old-y := old.o table.o\n", src->id);
	ks_buf_addf(&b, "ksplice_%s_new-y := new.o", src->id);
	for (size_t i = 0; i < src->nr_units; i++)
		ks_buf_addf(&b, " unit%zu.o", i);
	ks_buf_addf(&b, "\nccflags-y := -I%s\n", src->include_dir);
	/*
	 * Where objtool runs on whole modules only, the units have its tables
	 * already: each part gets them by itself (lib/build/kbuild.c).
	 */
	ks_buf_addf(&b, "ifneq ($(CONFIG_X86_KERNEL_IBT)$(CONFIG_LTO_CLANG),)\n"
			"$(obj)/ksplice_%s_new.o: private override objtool-enabled :=\n"
			"$(obj)/new.o: private override objtool-enabled := y\nendif\n", src->id);
	return write_buf(dir, "Kbuild", &b);
}

/*
 * kbuild copies unitN.o_shipped without leaving the record of how it was
 * made, which modpost insists on reading when it computes a source version.
 */
static struct ks_error *write_records(const struct ks_update_source *src, const char *dir)
{
	struct ks_error *err = NULL;

	for (size_t i = 0; !err && i < src->nr_units; i++) {
		char *name = ks_asprintf(".unit%zu.o.cmd", i);
		struct ks_buf b = { 0 };

		ks_buf_addf(&b, "cmd_unit%zu.o := ksplice-create\n", i);
		err = write_buf(dir, name, &b);
		free(name);
	}
	return err;
}

/*
 * modpost wants to know who exports what the new module imports.  A CRC of 0
 * in a module whose gpl_crcs is NULL means that no version is checked: the
 * match has already proved more than a CRC could.
 */
static struct ks_error *write_symvers(const struct ks_update_source *src, const char *dir)
{
	struct ks_buf b = { 0 };
	struct ks_error *err = ks_file_read(src->core_symvers, 1 << 20, &b);

	if (err)
		return err;
	for (size_t i = 0; i < ks_table_exports(src->table); i++)
		ks_buf_addf(&b, "0x00000000\t%s\tksplice_%s_old\tEXPORT_SYMBOL_GPL\t\n",
			    ks_table_export_name(src->table, i), src->id);
	return write_buf(dir, "imports.symvers", &b);
}

static struct ks_error *write_table(const struct ks_update_source *src, const char *dir)
{
	struct ks_buf blob = { 0 }, b = { 0 };
	size_t count = ks_table_exports(src->table);
	struct ks_error *err = ks_table_finish(src->table, &blob);

	if (!err)
		err = write_buf(dir, "table.bin", &blob);
	if (err) {
		ks_buf_free(&blob);
		return err;
	}
	ks_buf_addf(&b,
		    "\t.section .init.rodata, \"a\"\n\t.balign 8\n\t.globl ksplice_table\nksplice_table:\n"
		    "\t.incbin \"%s/table.bin\"\n\t.globl ksplice_table_end\nksplice_table_end:\n\n"
		    "\t.section .rodata\n",
		    dir);
	for (size_t i = 0; i < count; i++)
		ks_buf_addf(&b, ".Lname%zu:\t.asciz \"%s\"\n", i, ks_table_export_name(src->table, i));
	ks_buf_adds(&b, "\n\t.data\n\t.balign 8\n\t.globl ksplice_exports\nksplice_exports:\n");
	for (size_t i = 0; i < count; i++)
		ks_buf_addf(&b, "\t.long 0\n\t.long .Lname%zu - .\n\t.long 0\n", i);
	ks_buf_adds(&b, "\n\t.section .note.GNU-stack, \"\", @progbits\n");
	return write_buf(dir, "table.S", &b);
}

static struct ks_error *write_old(const struct ks_update_source *src, const char *dir)
{
	struct ks_buf b = { 0 };

	ks_buf_adds(&b, "// SPDX-License-Identifier: GPL-2.0-only\n"
			"#include <linux/init.h>\n#include <linux/module.h>\n#include <ksplice/core.h>\n\n"
			"extern const char ksplice_table[], ksplice_table_end[];\n"
			"extern struct ksplice_export ksplice_exports[];\n\n");
	ks_buf_adds(&b, "static char *replaces;\nmodule_param(replaces, charp, 0400);\n"
			"MODULE_PARM_DESC(replaces, \"ids of updates that this one replaces, or *\");\n\n");
	if (src->modules)
		ks_buf_addf(&b, "static struct ksplice_nothing nothing[%zu];\n\nstatic char *left_out;\n"
				"module_param(left_out, charp, 0400);\n"
				"MODULE_PARM_DESC(left_out, \"targets that are not to be patched\");\n\n",
			    ks_table_exports(src->table));
	ks_buf_adds(&b,
			"static int __init old_init(void)\n{\n\tstruct ksplice_old old = {\n"
			"\t\t.abi = KSPLICE_CORE_ABI,\n"
			"\t\t.table_size = ksplice_table_end - ksplice_table,\n\t\t.id = ");
	add_literal(&b, src->id);
	ks_buf_adds(&b, ",\n\t\t.description = ");
	add_literal(&b, src->description);
	ks_buf_addf(&b,
		    ",\n\t\t.table = ksplice_table,\n\t\t.exports = ksplice_exports,\n"
		    "\t\t.nr_exports = %zu,\n\t\t.series = %d,\n\t\t.replaces = replaces,\n%s\t};\n\n"
		    "\treturn ksplice_old_init(THIS_MODULE, &old);\n}\n\n"
		    "static void __exit old_exit(void)\n{\n\tksplice_old_exit(THIS_MODULE);\n}\n\n"
		    "module_init(old_init);\nmodule_exit(old_exit);\nMODULE_LICENSE(\"GPL\");\n"
		    "MODULE_DESCRIPTION(\"Ksplice update: what to find\");\n",
		    ks_table_exports(src->table), src->series,
		    src->modules ? "\t\t.left_out = left_out,\n\t\t.nothing = nothing,\n" : "");
	return write_buf(dir, "old.c", &b);
}

static void add_functions(struct ks_buf *b, const struct ks_update_source *src)
{
	size_t count = ks_table_patches(src->table);

	for (size_t i = 0; i < count; i++)
		ks_buf_addf(b, "extern const char %s[], ks_new_%s_%06zu[];\n",
			    ks_table_patch_import(src->table, i), src->id, i);
	ks_buf_adds(b, "\nstatic const struct ksplice_new_patch patches[] = {\n");
	for (size_t i = 0; i < count; i++)
		ks_buf_addf(b, "\t{ %s, ks_new_%s_%06zu },\n", ks_table_patch_import(src->table, i), src->id, i);
	ks_buf_adds(b, "};\n\n");
}

static void add_data(struct ks_buf *b, const struct ks_update_source *src)
{
	size_t count = ks_table_data(src->table);

	/* Several pieces may be of one object. */
	for (size_t i = 0; i < count; i++)
		ks_buf_addf(b, "extern const char %s[], ks_data_%s_%06zu[];\n",
			    ks_table_data_import(src->table, i), src->id, i);
	ks_buf_adds(b, "\nstatic const struct ksplice_new_data data[] = {\n");
	for (size_t i = 0; i < count; i++)
		ks_buf_addf(b, "\t{ %s, ks_data_%s_%06zu, %u },\n", ks_table_data_import(src->table, i),
			    src->id, i, ks_table_data_offset(src->table, i));
	ks_buf_adds(b, "};\n\n");
}

static void add_hooks(struct ks_buf *b, const struct ks_update_source *src)
{
	for (size_t i = 0; i < src->nr_hooks; i++)
		ks_buf_addf(b, "extern const char ks_hook_%s_%06zu[];\n", src->id, i);
	ks_buf_adds(b, "\nstatic const struct ksplice_new_hook hooks[] = {\n");
	for (size_t i = 0; i < src->nr_hooks; i++)
		ks_buf_addf(b, "\t{ ks_hook_%s_%06zu, %u, %u },\n", src->id, i, src->hooks[i].kind,
			    src->hooks[i].target);
	ks_buf_adds(b, "};\n\n");
	for (size_t i = 0; i < src->nr_shadows; i++)
		ks_buf_addf(b, "extern struct ksplice_shadow ks_shadow_%s_%06zu;\n", src->id, i);
	ks_buf_adds(b, "\nstatic struct ksplice_shadow *const shadows[] = {\n");
	for (size_t i = 0; i < src->nr_shadows; i++)
		ks_buf_addf(b, "\t&ks_shadow_%s_%06zu,\n", src->id, i);
	ks_buf_adds(b, "};\n\n");
}

static struct ks_error *write_new(const struct ks_update_source *src, const char *dir)
{
	struct ks_buf b = { 0 };

	ks_buf_adds(&b, "// SPDX-License-Identifier: GPL-2.0-only\n"
			"#include <linux/init.h>\n#include <linux/module.h>\n#include <ksplice/core.h>\n\n");
	add_functions(&b, src);
	add_data(&b, src);
	add_hooks(&b, src);
	ks_buf_adds(&b, "static int __init new_init(void)\n{\n\tstruct ksplice_new new = {\n"
			"\t\t.abi = KSPLICE_CORE_ABI,\n\t\t.nr_patches = ARRAY_SIZE(patches),\n"
			"\t\t.nr_data = ARRAY_SIZE(data),\n\t\t.nr_hooks = ARRAY_SIZE(hooks),\n"
			"\t\t.nr_shadows = ARRAY_SIZE(shadows),\n\t\t.id = ");
	add_literal(&b, src->id);
	ks_buf_addf(&b,
		    ",\n\t\t.patches = patches,\n\t\t.data = data,\n\t\t.hooks = hooks,\n"
		    "\t\t.shadows = shadows,\n\t\t.pinned = %d,\n\t};\n\n"
		    "\treturn ksplice_new_init(THIS_MODULE, &new);\n}\n\n"
		    "static void __exit new_exit(void)\n{\n\tksplice_new_exit(THIS_MODULE);\n}\n\n"
		    "module_init(new_init);\nmodule_exit(new_exit);\nMODULE_LICENSE(\"GPL\");\n"
		    "MODULE_DESCRIPTION(\"Ksplice update: the new code\");\n",
		    src->pinned);
	return write_buf(dir, "new.c", &b);
}

struct ks_error *ks_update_write_source(const struct ks_update_source *src, const char *dir)
{
	struct ks_error *err;

	/* The glue imports the old functions too: before the exports are counted. */
	for (size_t i = 0; i < ks_table_patches(src->table); i++)
		ks_table_patch_import(src->table, i);
	for (size_t i = 0; i < ks_table_data(src->table); i++)
		ks_table_data_import(src->table, i);
	err = write_kbuild(src, dir);
	if (!err)
		err = write_records(src, dir);
	if (!err)
		err = write_symvers(src, dir);
	if (!err)
		err = write_old(src, dir);
	if (!err)
		err = write_new(src, dir);
	if (!err)
		err = write_table(src, dir);
	return err;
}
