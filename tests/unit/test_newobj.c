// SPDX-License-Identifier: GPL-2.0-only
/*
 * The object with the new code, made from objects that look like those of a
 * kernel with IBT, call padding and runtime constants (6.12).
 */
#include <string.h>

#include "base/file.h"
#include "base/proc.h"
#include "diff/diff.h"
#include "diff/special.h"
#include "tap.h"
#include "table/newobj.h"
#include "table/table.h"

/* objtool's tables are written out; CHANGE is 1 or 2. */
static const char source[] =
	"	.section .text.f, \"ax\"\n"
	"	.balign 16\n"
	"pad:	.skip 16, 0x90\n"
	"	.globl f\n	.type f, @function\n"
	"f:	endbr64\n"
	"entry:	call __fentry__\n"
	"	mov $CHANGE, %ecx\n"
	"ptr:	movabs $0x123456789abcdef, %r11\n"
	"	mov %edi, %edx\n	nop\n"
	"shift:	shr $12, %edx\n"
	"	.if CHANGE == 2\n	mov $g, %rdi\n	mov $callback, %rsi\n	.endif\n"
	"	call callee\n"
	"alt1:	call *slots+8(%rip)\n"
	"alt2:	.skip 3, 0x90\n"
	"alt3:	.skip 3, 0x90\n"
	"out:	jmp __x86_return_thunk\n"
	"	.size f, . - f\n"
	/* Without endbr until somebody takes its address. */
	"	.section .text.g, \"ax\"\n	.type g, @function\n"
	"g:	.if CHANGE == 2\n	endbr64\n	.endif\n	xor %eax, %eax\n	call g\n	nop\n"
	"gout:	jmp __x86_return_thunk\n	.size g, . - g\n"
	"	.section .altinstr_replacement, \"ax\"\n"
	"r1:	call BUG_func\n"
	"r2:	stac\n"
	"r3:	clac\n"
	"	.macro ALT at, repl, feature, len, rlen\n"
	"	.long \\at - ., \\repl - ., \\feature\n	.byte \\len, \\rlen\n"
	"	.endm\n"
	"	.section .altinstructions, \"a\"\n"
	"	ALT alt1, r1, 0x20075, 6, 5\n"
	"	ALT alt2, r2, 0x134, 3, 3\n"
	"	ALT alt3, r3, 0x134, 3, 3\n"
	"	.section runtime_ptr_table, \"a\"\n	.long ptr + 2 - .\n"
	"	.section runtime_shift_bits, \"a\"\n	.long shift + 2 - .\n"
	"	.section .ibt_endbr_seal, \"a\"\n	.long f - .\n"
	"	.section __mcount_loc, \"a\"\n	.quad entry\n"
	"	.section .return_sites, \"a\"\n	.long out - ., gout - .\n"
	"	.section .export_symbol, \"a\"\n	.asciz \"GPL\"\n	.balign 8\n	.quad f\n"
	"	.section .orc_header, \"a\"\n	.skip 20\n"
	"	.section .orc_unwind_ip, \"a\"\n	.long f - ., g - .\n"
	"	.section .orc_unwind, \"a\"\n	.byte 8, 0, 0, 0, 5, 2, 8, 0, 0, 0, 5, 2\n"
	"	.section __patchable_function_entries, \"awo\", @progbits, .text.f\n	.quad pad\n";

static char *directory;

static struct ks_error *open_side(const char *name, int change, struct ks_unit **unit)
{
	char *s = ks_asprintf("%s/%s.s", directory, name), *o = ks_asprintf("%s/%s.o", directory, name);
	char *text = ks_asprintf("	.set CHANGE, %d\n%s", change, source);
	const char *argv[] = { "gcc-12", "-c", "-o", o, s, NULL };
	struct ks_object *obj;
	struct ks_error *err = ks_file_write(s, text, strlen(text), 0644);

	if (!err)
		err = ks_proc_output(argv, NULL);
	if (!err)
		err = ks_object_open(o, &obj);
	if (!err)
		err = ks_unit_build("u.c", obj, unit);
	free(s);
	free(o);
	free(text);
	return err;
}

static struct ks_object *written(struct ks_diff *diff, struct ks_buf *blob)
{
	struct ks_table *table = ks_table_new("abc", NULL);
	struct ks_new_globals globals = { 0 };
	struct ks_new_first first = { 0 };
	char *path = ks_path_join(directory, "new.o");
	struct ks_object *obj = NULL;
	struct ks_error *err = ks_table_add_unit(table, 0, diff);

	ks_new_globals_add(&globals, 0, diff);
	if (!err)
		err = ks_newobj_write(table, 0, diff, &globals, "abc", &first, path);
	if (!err)
		err = ks_table_finish(table, blob);
	if (!err)
		err = ks_object_open(path, &obj);
	if (err)
		die(err);
	ks_new_globals_free(&globals);
	ks_table_free(table);
	free(path);
	return obj;
}

static const struct ks_symbol *symbol(const struct ks_object *obj, const char *name)
{
	ks_vec_for(&obj->symbols, sym)
		if (!strcmp(sym->name, name))
			return sym;
	return NULL;
}

static const struct ks_reloc *reloc_at(struct ks_section *sec, uint64_t offset)
{
	size_t count;
	const struct ks_reloc *rel = ks_section_relocs(sec, offset, offset + 1, &count);

	return count ? rel : NULL;
}

/* How many entries of a kind the table exports. */
static unsigned int exports(const struct ks_buf *blob, uint32_t kind)
{
	const struct kst_header *h = (const void *)blob->data;
	const struct kst_export *e = (const void *)(blob->data + h->exports.offset);
	unsigned int n = 0;

	for (uint32_t i = 0; i < h->exports.count; i++)
		n += e[i].kind == kind;
	return n;
}

static unsigned int sites(const struct ks_buf *blob, uint8_t kind)
{
	const struct kst_header *h = (const void *)blob->data;
	const struct kst_site *s = (const void *)(blob->data + h->sites.offset);
	unsigned int n = 0;

	for (uint32_t i = 0; i < h->sites.count; i++)
		n += s[i].kind == kind;
	return n;
}

static void check_code(struct ks_object *obj)
{
	static const uint8_t load[] = { 0x4c, 0x8b, 0x1d, 0, 0, 0, 0, 0x0f, 0x1f, 0x00 };
	const struct ks_symbol *f = symbol(obj, "f");
	struct ks_section *text = f ? f->section : NULL;
	const uint8_t *code = text ? text->data + f->value : NULL;
	const struct ks_reloc *rel;
	bool nops = text && f->value >= 16 && f->value % 16 == 0;

	for (int i = 1; nops && i <= 16; i++)
		nops = code[-i] == 0x90;
	tap_ok(nops, "a function has its padding in front of it");
	if (!code)
		return;
	/* endbr64, call: 9; mov: 5 */
	rel = reloc_at(text, f->value + 17);
	tap_ok(!memcmp(code + 14, load, sizeof(load)) && rel && rel->type == R_X86_64_PC32 && rel->addend == -4 &&
		       ks_str_starts(rel->symbol->name, "ks_abc_"),
	       "a runtime pointer is read from its variable");
	/* mov, nop: 27; shr: the count is byte 29, the field begins three before it */
	rel = reloc_at(text, f->value + 26);
	tap_ok(rel && rel->type == R_X86_64_32S && rel->addend == 0xeac190 &&
		       ks_str_starts(rel->symbol->name, "ks_abc_") && !memcmp(code + 26, "\0\0\0\0", 4),
	       "a shift count comes from the loader, with the bytes in front of it");
}

static void check_pointers(struct ks_object *obj, const struct ks_buf *blob)
{
	const struct ks_symbol *f = symbol(obj, "f"), *g = symbol(obj, "g");
	const struct ks_reloc *to_g = f ? reloc_at(f->section, f->value + 33) : NULL;

	tap_ok(g && to_g && to_g->symbol->section == g->section &&
		       to_g->symbol->value + to_g->addend == g->value,
	       "a pointer to what had no endbr leads to the new function");
	/* Of what is data only the core knows. */
	tap_ok(exports(blob, KST_E_POINTER) == 2, "callback and slots are more than called, callee is not");
}

static void check_tables(struct ks_object *obj)
{
	struct ks_section *alts = ks_object_section(obj, ".altinstructions");
	struct ks_section *ip = ks_object_section(obj, ".orc_unwind_ip");
	const struct ks_symbol *f = symbol(obj, "f");
	const struct ks_reloc *first = ip ? reloc_at(ip, 0) : NULL;

	tap_ok(alts && alts->size == 3 * 14 && alts->data[14 + 12] == 3 && alts->data[28 + 12] == 3,
	       "entries of 14 bytes stand one behind the other");
	tap_ok(alts && !(14 % alts->align), "those of another object can follow without padding");
	for (int k = 0; k < KS_NR_SPECIALS; k++) {
		const struct ks_special_layout *l = ks_special_layout(k);

		tap_ok(l->size ? !(l->size % l->align) : l->align == 1, "so they can in %s", l->section);
	}
	tap_ok(!ks_object_section(obj, ".ibt_endbr_seal"), "nothing is sealed");
	tap_ok(!ks_object_section(obj, "runtime_ptr_table") && !ks_object_section(obj, "runtime_shift_bits") &&
		       !ks_object_section(obj, ".export_symbol"),
	       "no tables that only a boot reads");
	tap_ok(f && first && first->symbol->value + first->addend == f->value - 16,
	       "the padding can be unwound");
}

int main(void)
{
	struct ks_unit *pre, *post;
	struct ks_diff *diff;
	struct ks_buf blob = { 0 };
	struct ks_object *obj;
	struct ks_error *err = ks_dir_temp("test_newobj", &directory);

	if (!err)
		err = open_side("pre", 1, &pre);
	if (!err)
		err = open_side("post", 2, &post);
	if (!err)
		err = ks_diff_units(pre, post, &diff);
	if (err)
		die(err);
	tap_ok(diff->replaced.len == 2 && !diff->refused.len && diff->replaced.v[0].slot == 9,
	       "the jump goes behind endbr and fentry");
	obj = written(diff, &blob);
	check_code(obj);
	check_tables(obj);
	check_pointers(obj, &blob);
	tap_ok(sites(&blob, KST_S_CONST) == 2 && sites(&blob, KST_S_PARAVIRT) == 1 && sites(&blob, KST_S_ALT) == 2 &&
		       sites(&blob, KST_S_ENDBR) == 1,
	       "sites of runtime constants, and a paravirt call that is an alternative");
	tap_ok(sites(&blob, KST_S_BRANCH) == 1, "a function that calls itself may do so by its padding");
	tap_ok(exports(&blob, KST_E_SHIFT) == 1, "the value of the shift count is asked for");
	ks_object_close(obj);
	ks_buf_free(&blob);
	ks_diff_free(diff);
	ks_unit_free(pre);
	ks_unit_free(post);
	ks_error_free(ks_dir_remove(directory));
	free(directory);
	return tap_done();
}
