// SPDX-License-Identifier: GPL-2.0-only
/* A module that loads and does nothing, made from one as it is, and as distributions compress it. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"
#include "elf/object.h"
#include "tap.h"
#include "vm/still.h"

/* As modpost writes it: the two functions, and a pointer that stays. */
static const char source[] =
	"	.globl init_module\n	.globl cleanup_module\n"
	"	.text\ninit_module:	ret\ncleanup_module:	ret\n"
	"	.section .gnu.linkonce.this_module, \"aw\"\n"
	"	.globl __this_module\n"
	"__this_module:	.quad 0\n	.quad init_module\n	.quad cleanup_module\n	.quad other\n";
static const char signature[] = "12345678~Module signature appended~\n";

static char *directory;

static char *file(const char *name)
{
	return ks_path_join(directory, name);
}

/* The tools that make the files. */
static void run(const char *const *argv)
{
	die(ks_proc_output(argv, NULL));
}

/* What becomes of the file @from, which holds @plain. */
static void expect(const char *from, const struct ks_buf *plain, const char *name)
{
	char *in = file(from), *out = file("still.ko");
	struct ks_object *obj = NULL;
	struct ks_section *sec;
	struct ks_buf got = { 0 };

	if (!tap_fine(ks_vm_still_module(in, out), name))
		goto out;
	die(ks_file_read(out, 1 << 20, &got));
	tap_ok(got.len == plain->len - strlen("~Module signature appended~\n"),
	       "... is not compressed, and as long but for the mark of its signature");
	die(ks_object_open(out, &obj));
	sec = ks_object_section(obj, ".gnu.linkonce.this_module");
	tap_ok(sec && sec->relocs.len == 3 && !sec->relocs.v[0].type && !sec->relocs.v[1].type &&
		       sec->relocs.v[2].type,
	       "... has neither start nor end, and all else");
out:
	ks_object_close(obj);
	ks_buf_free(&got);
	free(in);
	free(out);
}

static void refuse(const char *text, size_t len, const char *part, const char *name)
{
	char *in = file("bad.ko"), *out = file("none.ko");

	die(ks_file_write(in, text, len, 0644));
	tap_error(ks_vm_still_module(in, out), KS_E_INPUT, part, name);
	tap_ok(!ks_file_exists(out), "... nothing is written");
	free(in);
	free(out);
}

int main(void)
{
	char *s, *o, *ko, *packed;
	struct ks_buf plain = { 0 }, xz = { 0 };

	die(ks_dir_temp("test_still", &directory));
	s = file("m.s");
	o = file("m.o");
	ko = file("m.ko");
	packed = file("m.ko.xz");
	die(ks_file_write(s, source, strlen(source), 0644));
	run((const char *[]){ "gcc-12", "-c", "-o", o, s, NULL });
	die(ks_file_read(o, 1 << 20, &plain));
	ks_buf_add(&plain, signature, strlen(signature));
	die(ks_file_write(ko, plain.data, plain.len, 0644));
	run((const char *[]){ "xz", "-k", "--check=crc32", ko, NULL });
	run((const char *[]){ "gzip", "-k", ko, NULL });
	expect("m.ko", &plain, "a module as it is");
	expect("m.ko.xz", &plain, "one that is compressed with xz");
	expect("m.ko.gz", &plain, "one that is compressed with gzip");

	die(ks_file_read(packed, 1 << 20, &xz));
	refuse(xz.data, xz.len / 2, "cannot be decompressed", "a compressed one that is cut short");
	refuse("", 0, "is damaged", "an empty file");
	refuse("hello\n", 6, "is damaged", "a text");
	die(ks_dir_remove(directory));
	ks_buf_free(&plain);
	ks_buf_free(&xz);
	free(s);
	free(o);
	free(ko);
	free(packed);
	free(directory);
	return tap_done();
}
