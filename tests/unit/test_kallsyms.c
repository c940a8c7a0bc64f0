// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of lib/distro/kallsyms.c and image.c on small kernels made here: every
 * layout and compression, and every way of being damaged.
 */
#include <archive.h>
#include <archive_entry.h>
#include <elf.h>
#include <lz4.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "distro/image.h"
#include "distro/kallsyms.h"
#include "tap.h"

#define RELEASE "6.1.0-99-test-amd64"
#define TAIL                                                         \
	" (who@where) (gcc-12 (Debian 12.2.0-14) 12.2.0, GNU ld 2.40)" \
	" #1 SMP Debian 6.1.99-9 (2026-01-01)"
#define BANNER "Linux version " RELEASE TAIL
#define BASE 0xffffffff81000000ull
#define N_PERCPU 20
#define N_TEXT 600
#define N_SYMS (N_PERCPU + N_TEXT)
#define HEAD 0x1000

enum layout {
	OLD,	  /* offsets, relative_base, num_syms, names, markers, tokens */
	OLD_SEQS, /* the same with seqs_of_names */
	NEW,	  /* num_syms, names, markers, tokens, offsets, relative_base, seqs_of_names */
};

struct kernel {
	struct ks_buf elf;
	struct ks_buf map; /* what must come out */
	/* Where the tables are in elf. */
	size_t offsets, base, num_syms, names, markers, tokens, index, banner;
};

static char *dir;

static void put16(struct ks_buf *b, uint16_t x)
{
	ks_buf_add(b, &x, 2);
}

static void put32(struct ks_buf *b, uint32_t x)
{
	ks_buf_add(b, &x, 4);
}

/* A few tokens stand for more than a character. */
static const char *token(int i)
{
	static char text[8];

	if (i > ' ' && i < 0x7f)
		snprintf(text, sizeof(text), "%c", i);
	else if (i == 1)
		return "func_";
	else if (i == 2)
		return "tT";
	else
		snprintf(text, sizeof(text), "q%dz", i);
	return text;
}

static void put_tokens(struct kernel *k)
{
	uint16_t at[256];
	size_t start;

	ks_buf_align(&k->elf, 8);
	start = k->tokens = k->elf.len;
	for (int i = 0; i < 256; i++) {
		at[i] = k->elf.len - start;
		ks_buf_add(&k->elf, token(i), strlen(token(i)) + 1);
	}
	ks_buf_align(&k->elf, 8);
	k->index = k->elf.len;
	for (int i = 0; i < 256; i++)
		put16(&k->elf, at[i]);
}

/* Symbol @i: its address, and its type and name. */
static uint64_t symbol(int i, char *name, size_t size)
{
	static const char *const fixed[] = { "T_text", "T_stext" };
	int t = i - N_PERCPU;

	if (i < N_PERCPU) {
		snprintf(name, size, "Apercpu_%d", i);
		return (uint64_t)i * 16;
	}
	if (t < 2)
		snprintf(name, size, "%s", fixed[t]);
	else if (t == N_TEXT - 1)
		snprintf(name, size, "T_etext");
	else if (t == N_TEXT - 2)
		snprintf(name, size, "Dlinux_banner");
	else if (t == 7)
		snprintf(name, size, "tlong_%0200d", t); /* needs a length of two bytes */
	else
		snprintf(name, size, "%cfunc_%d", t % 2 ? 't' : 'T', t / 2);
	/* _text and _stext share an address; the banner is in a segment of its own. */
	if (t < 2)
		return BASE;
	return t == N_TEXT - 2 ? BASE + 0x100000
			       : BASE + (uint64_t)t * 32 + (t == N_TEXT - 1) * 0x100000;
}

static void put_offsets(struct kernel *k, bool absolute_percpu)
{
	char name[300];

	ks_buf_align(&k->elf, 8);
	k->offsets = k->elf.len;
	for (int i = 0; i < N_SYMS; i++) {
		uint64_t a = symbol(i, name, sizeof(name));

		if (!absolute_percpu)
			/* Without per-CPU symbols at 0: they come first all the same. */
			put32(&k->elf,
			      i < N_PERCPU ? (uint32_t)i : (uint32_t)(a - BASE) + N_PERCPU);
		else
			put32(&k->elf, a < BASE ? a : (uint32_t)-1 - (uint32_t)(a - BASE));
	}
	ks_buf_align(&k->elf, 8);
	k->base = k->elf.len;
	put32(&k->elf, (uint32_t)(BASE - (absolute_percpu ? 0 : N_PERCPU)));
	put32(&k->elf, (BASE - (absolute_percpu ? 0 : N_PERCPU)) >> 32);
}

static void put_names(struct kernel *k)
{
	uint32_t markers[N_SYMS / 256 + 1];
	char name[300];

	ks_buf_align(&k->elf, 8);
	k->num_syms = k->elf.len;
	put32(&k->elf, N_SYMS);
	ks_buf_align(&k->elf, 8);
	k->names = k->elf.len;
	for (int i = 0; i < N_SYMS; i++) {
		struct ks_buf s = { 0 };
		char *func;

		if (!(i % 256))
			markers[i / 256] = k->elf.len - k->names;
		symbol(i, name, sizeof(name));
		func = strstr(name, "func_");
		for (char *p = name; *p;) {
			unsigned char c = p == func ? 1 : (unsigned char)*p;

			ks_buf_add(&s, &c, 1);
			p += p == func ? 5 : 1;
		}
		if (s.len > 127) {
			unsigned char len[2] = { 0x80 | (s.len & 0x7f), s.len >> 7 };

			ks_buf_add(&k->elf, len, 2);
		} else {
			unsigned char len = s.len;

			ks_buf_add(&k->elf, &len, 1);
		}
		ks_buf_add(&k->elf, s.data, s.len);
		ks_buf_free(&s);
	}
	ks_buf_align(&k->elf, 8);
	k->markers = k->elf.len;
	for (int i = 0; i < (N_SYMS + 255) / 256; i++)
		put32(&k->elf, markers[i]);
}

/* Filled to the last byte with something that is not zero. */
static void put_seqs(struct kernel *k)
{
	ks_buf_align(&k->elf, 8);
	for (int i = 0; i < N_SYMS * 3; i++)
		ks_buf_add(&k->elf, "N", 1);
}

static int compare_lines(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;
	int c = strncmp(x, y, 17);

	return c ? c : strcmp(x + 19, y + 19);
}

static void expected_map(struct kernel *k, bool absolute_percpu)
{
	struct ks_strv lines = { 0 };
	char name[300];

	for (int i = 0; i < N_SYMS; i++) {
		uint64_t a = symbol(i, name, sizeof(name));

		if (!absolute_percpu && i < N_PERCPU)
			a = BASE - N_PERCPU + i;
		ks_strv_addf(&lines, "%016llx %c %s\n", (unsigned long long)a, name[0], name + 1);
	}
	qsort(lines.v, lines.len, sizeof(*lines.v), compare_lines);
	for (size_t i = 0; i < lines.len; i++)
		ks_buf_adds(&k->map, lines.v[i]);
	ks_strv_free(&lines);
}

static void make_kernel(struct kernel *k, enum layout layout, bool absolute_percpu)
{
	Elf64_Ehdr eh = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_phoff = sizeof(eh),
		.e_phnum = 2,
		.e_phentsize = sizeof(Elf64_Phdr),
	};
	Elf64_Phdr ph[2] = { { .p_type = PT_LOAD }, { .p_type = PT_LOAD } };

	memset(k, 0, sizeof(*k));
	ks_buf_add(&k->elf, &eh, sizeof(eh));
	ks_buf_add(&k->elf, ph, sizeof(ph));
	ks_buf_align(&k->elf, HEAD);
	/* Something that looks like the digits of a token table, and is none. */
	ks_buf_add(&k->elf, "\0000\0001\0002\0003\0004\0005\0006\0007\0008\0009", 21);
	ks_buf_align(&k->elf, 64);
	k->banner = k->elf.len;
	ks_buf_add(&k->elf, BANNER "\n", strlen(BANNER) + 2);
	if (layout != NEW)
		put_offsets(k, absolute_percpu);
	put_names(k);
	if (layout == OLD_SEQS)
		put_seqs(k);
	put_tokens(k);
	if (layout == NEW) {
		put_offsets(k, absolute_percpu);
		put_seqs(k);
	}
	ks_buf_align(&k->elf, 64);
	ph[0].p_offset = HEAD;
	ph[0].p_vaddr = BASE;
	ph[0].p_filesz = ph[0].p_memsz = k->elf.len - HEAD;
	ph[1].p_offset = k->banner;
	ph[1].p_vaddr = BASE + 0x100000;
	ph[1].p_filesz = ph[1].p_memsz = 512;
	memcpy(k->elf.data + sizeof(eh), ph, sizeof(ph));
	expected_map(k, absolute_percpu);
}

static void free_kernel(struct kernel *k)
{
	ks_buf_free(&k->elf);
	ks_buf_free(&k->map);
}

static void test_layouts(void)
{
	static const char *const names[] = { "6.1", "6.1 with seqs_of_names", "6.4" };

	for (int i = 0; i < 6; i++) {
		struct ks_buf out = { 0 };
		char *banner = NULL, *name;
		struct kernel k;

		make_kernel(&k, i / 2, i % 2);
		name = ks_asprintf("layout of %s%s", names[i / 2],
				   i % 2 ? ", absolute per-CPU" : "");
		if (tap_fine(ks_kallsyms_read(k.elf.data, k.elf.len, &out, &banner), name)) {
			tap_ok(out.len == k.map.len && !memcmp(out.data, k.map.data, out.len),
			       "its symbols");
			tap_ok(!strcmp(banner, BANNER), "its banner");
		}
		free(name);
		free(banner);
		ks_buf_free(&out);
		free_kernel(&k);
	}
}

/* Reads a damaged copy that ends at the end of its memory, for the sanitizer. */
static struct ks_error *read_copy(const struct kernel *k, size_t len, struct ks_buf *out)
{
	char *copy = malloc(len ? len : 1), *banner = NULL;
	struct ks_error *err;

	memcpy(copy, k->elf.data, len);
	err = ks_kallsyms_read(copy, len, out, &banner);
	free(banner);
	free(copy);
	return err;
}

static void damage(struct kernel *k, size_t at, const void *bytes, size_t n, const char *message,
		   const char *name)
{
	struct ks_buf out = { 0 };
	char saved[64];

	memcpy(saved, k->elf.data + at, n);
	memcpy(k->elf.data + at, bytes, n);
	tap_error(read_copy(k, k->elf.len, &out), KS_E_INPUT, message, name);
	tap_ok(!out.len, "nothing came out");
	memcpy(k->elf.data + at, saved, n);
	ks_buf_free(&out);
}

static void test_damaged(void)
{
	static const char huge[8] = { -1, -1, -1, -1, -1, -1, -1, 127 };
	struct ks_buf out = { 0 };
	bool all = true;
	struct kernel k;
	size_t n;

	make_kernel(&k, OLD_SEQS, true);
	for (n = 0; n < k.elf.len && all; n += n < 8192 ? 7 : 61) {
		struct ks_error *err = read_copy(&k, n, &out);

		/* What is behind token_index is padding only. */
		all = err || n >= k.index + 512;
		ks_error_free(err);
	}
	tap_ok(all, "cut short anywhere");
	ks_buf_free(&out);
	damage(&k, 0, "\177ELG", 4, "ELF", "not an ELF file");
	damage(&k, k.index + 20, "\377\377", 2, "tokens", "a token index that does not agree");
	damage(&k, k.tokens + 1, "\0", 1, "tokens", "a token that ends early");
	damage(&k, k.num_syms, "\377\377\377\377", 4, "names", "billions of symbols");
	damage(&k, k.num_syms, "\1\0\0\0", 4, "names", "one symbol");
	damage(&k, k.markers + 4, "\1", 1, "names", "a marker that does not agree");
	damage(&k, k.names, "\0", 1, "names", "a symbol without a name");
	damage(&k, k.names, "\377\377", 2, "names", "a symbol that is too long");
	damage(&k, k.offsets + 4 * 30, "\0\0\0\1", 4, "addresses", "addresses that are not sorted");
	damage(&k, k.base, huge, 8, "addresses", "a base somewhere else");
	damage(&k, k.banner, "Minux", 5, "addresses", "no banner where it should be");
	damage(&k, k.banner + 20, "\1", 1, "addresses", "a banner that is not text");
	damage(&k, 32, huge, 8, "addresses", "program headers outside of the file");
	damage(&k, 64 + 8, huge, 8, "addresses", "a segment outside of the file");
	free_kernel(&k);
}

/* Any byte may have any value: no crash (the sanitizers watch), and never half a result. */
static void test_flips(void)
{
	unsigned int seed = 1;
	bool good = true;
	struct kernel k;

	make_kernel(&k, NEW, true);
	for (int i = 0; i < 400 && good; i++) {
		struct ks_buf out = { 0 };
		size_t at = (size_t)rand_r(&seed) % k.elf.len;
		char saved = k.elf.data[at];
		struct ks_error *err;

		k.elf.data[at] ^= 1 << rand_r(&seed) % 8;
		err = read_copy(&k, k.elf.len, &out);
		good = err ? !out.len : out.len > 0;
		ks_error_free(err);
		ks_buf_free(&out);
		k.elf.data[at] = saved;
	}
	tap_ok(good, "400 flipped bits");
	free_kernel(&k);
}

typedef int (*filter_fn)(struct archive *);

static void compress(const struct ks_buf *in, filter_fn filter, struct ks_buf *out)
{
	struct archive *a = archive_write_new();
	struct archive_entry *e = archive_entry_new();
	size_t used = 0, room = in->len * 2 + 65536;
	char *buf = ks_alloc(room);

	filter(a);
	archive_write_set_format_raw(a);
	archive_write_set_bytes_per_block(a, 0);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_pathname(e, "x");
	archive_write_open_memory(a, buf, room, &used);
	archive_write_header(a, e);
	archive_write_data(a, in->data, in->len);
	archive_write_close(a);
	archive_write_free(a);
	archive_entry_free(e);
	ks_buf_add(out, buf, used);
	free(buf);
}

/* The kernel uses the old framing: magic, then blocks with their sizes. */
static void compress_lz4(const struct ks_buf *in, struct ks_buf *out)
{
	int room = LZ4_compressBound((int)in->len), n;
	char *buf = ks_alloc(room);

	n = LZ4_compress_default(in->data, buf, (int)in->len, room);
	put32(out, 0x184c2102);
	put32(out, n);
	ks_buf_add(out, buf, n);
	free(buf);
}

/* A bzImage of two setup sectors around the payload, which it consumes. */
static void make_image(struct ks_buf *image, const char *release, struct ks_buf *payload,
		       size_t size, bool size_follows)
{
	char *head = ks_alloc(1024);
	uint32_t len;

	if (size_follows)
		put32(payload, size);
	len = payload->len;
	head[0x1f1] = 1;
	memcpy(head + 0x202, "HdrS\x0f\x02", 6);
	memcpy(head + 0x20e, "\x80\x01", 2); /* + 0x200 = 0x380 */
	memcpy(head + 0x24c, &len, 4);
	memcpy(head + 0x248, "\x10\0\0\0", 4);
	snprintf(head + 0x380, 120, "%s%s", release, TAIL);
	image->len = 0;
	ks_buf_add(image, head, 1024);
	ks_buf_add(image, "0123456789abcdef", 16);
	ks_buf_add(image, payload->data, payload->len);
	free(head);
	ks_buf_free(payload);
}

static struct ks_error *system_map(const struct ks_buf *image, size_t len, struct ks_buf *out,
				   char **banner)
{
	char *path = ks_path_join(dir, "vmlinuz");
	struct ks_error *err;

	err = ks_file_write(path, image->data, len, 0600);
	if (!err)
		err = ks_image_system_map(path, out, banner);
	free(path);
	return err;
}

static void test_image(void)
{
	static const struct {
		const char *name;
		filter_fn filter;
		bool size_follows;
	} ways[] = {
		{ "gzip", archive_write_add_filter_gzip, false },
		{ "xz", archive_write_add_filter_xz, true },
		{ "zstd", archive_write_add_filter_zstd, true },
		{ "lz4", NULL, true },
	};
	struct ks_buf image = { 0 }, payload = { 0 }, out = { 0 };
	char *banner = NULL, *path = ks_path_join(dir, "vmlinuz"), *release = NULL, *version = NULL;
	bool all = true;
	struct kernel k;

	make_kernel(&k, OLD, true);
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		char *name = ks_asprintf("an image compressed with %s", ways[i].name);

		if (ways[i].filter)
			compress(&k.elf, ways[i].filter, &payload);
		else
			compress_lz4(&k.elf, &payload);
		make_image(&image, RELEASE, &payload, k.elf.len, ways[i].size_follows);
		if (tap_fine(system_map(&image, image.len, &out, &banner), name))
			tap_ok(out.len == k.map.len && !memcmp(out.data, k.map.data, out.len) &&
				       !strcmp(banner, BANNER),
			       "its symbols and banner");
		free(banner);
		banner = NULL;
		out.len = 0;
		free(name);
	}
	if (tap_fine(ks_image_identify(path, &release, &version), "an image says what it is"))
		tap_ok(!strcmp(release, RELEASE) && version && !strcmp(version, "6.1.99-9"),
		       "release and package version");
	free(release);
	free(version);
	for (size_t n = 0; n < image.len && all; n += 37) {
		struct ks_error *err = system_map(&image, n, &out, NULL);

		all = err && ks_error_code(err) == KS_E_INPUT && !out.len;
		ks_error_free(err);
	}
	tap_ok(all, "an image that is cut short anywhere");
	image.data[image.len - 1]++;
	tap_error(system_map(&image, image.len, &out, NULL), KS_E_INPUT, "its header says",
		  "a wrong size");
	image.data[image.len - 1]--;
	memcpy(image.data + 1040, "\x89LZO", 4);
	tap_error(system_map(&image, image.len, &out, NULL), KS_E_REFUSED, "lzo",
		  "a compression we lack");
	memcpy(image.data + 1040, "????", 4);
	tap_error(system_map(&image, image.len, &out, NULL), KS_E_INPUT, "not known",
		  "an unknown compression");
	compress(&k.elf, archive_write_add_filter_gzip, &payload);
	make_image(&image, "6.1.0-98-test-amd64", &payload, 0, false);
	tap_error(system_map(&image, image.len, &out, NULL), KS_E_INPUT, "6.1.0-98-test-amd64",
		  "the kernel inside is another");
	tap_fine(system_map(&k.elf, k.elf.len, &out, &banner), "a bare vmlinux");
	free(banner);
	tap_error(ks_image_system_map("/nonexistent", &out, NULL), KS_E_SYSTEM, "/nonexistent",
		  "no image");
	ks_buf_free(&out);
	ks_buf_free(&image);
	free(path);
	free_kernel(&k);
}

static void test_versions(void)
{
	char *v = ks_image_banner_version(
		"#1 SMP PREEMPT_DYNAMIC Debian 6.12.117-1~deb12u1 (2026-11-14)");

	tap_ok(v && !strcmp(v, "6.12.117-1~deb12u1"), "the version in a banner");
	free(v);
	v = ks_image_banner_version("#1 SMP Debian");
	tap_ok(!v, "a banner without one");
	free(v);
	v = ks_image_banner_version("Linux version 5 (gcc (Debian 12.2.0-14) 12.2.0) #1 SMP");
	tap_ok(!v || strcmp(v, "5"), "the compiler's version is not the kernel's");
	free(v);
}

int main(void)
{
	if (!tap_fine(ks_dir_temp("ks-test-kallsyms", &dir), "a directory for the tests"))
		return tap_done();
	test_layouts();
	test_damaged();
	test_flips();
	test_image();
	test_versions();
	ks_error_free(ks_dir_remove(dir));
	free(dir);
	return tap_done();
}
