// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the bootable image to vmlinux and System.map; see image.h.
 *
 * A bzImage is a boot sector and setup code ("setup_sects" + 1 sectors of 512
 * bytes), then the protected-mode kernel, which holds the compressed vmlinux
 * at payload_offset.  The setup header (Documentation/x86/boot.rst, protocol
 * 2.08 and later) tells where; the compression is told by its magic.  All but
 * gzip are followed by the uncompressed size, four bytes that payload_length
 * counts (gzip ends with it anyway).
 */
#include "distro/image.h"

#include <archive.h>
#include <archive_entry.h>
#include <ctype.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"
#include "distro/kallsyms.h"
#include "distro/view.h"

#define MAX_IMAGE (256u << 20)
#define MAX_VMLINUX (1024u << 20)
/* Boot sector and setup code have at most this size. */
#define MAX_SETUP (65u * 512)

/* Offsets in the setup header. */
#define HDR_SETUP_SECTS 0x1f1
#define HDR_MAGIC 0x202
#define HDR_VERSION 0x206
#define HDR_KERNEL_VERSION 0x20e
#define HDR_PAYLOAD_OFFSET 0x248
#define HDR_PAYLOAD_LENGTH 0x24c
#define HDR_END 0x250

static struct ks_error *check_header(const struct ks_view *v, const char *path)
{
	const unsigned char *p = ks_view_at(v, 0, HDR_END);

	if (!p || memcmp(p + HDR_MAGIC, "HdrS", 4))
		return ks_error_new(KS_E_INPUT, "%s is not a bootable x86 kernel image (bzImage)",
				    path);
	if (ks_get16(p + HDR_VERSION) < 0x208)
		return ks_error_new(KS_E_INPUT,
				    "%s has boot protocol %x.%02x, too old to find vmlinux in it",
				    path, p[HDR_VERSION + 1], p[HDR_VERSION]);
	return NULL;
}

/* The version string of the setup code: "6.1.0-56-cloud-amd64 (who@where) #1 SMP ...". */
static struct ks_error *header_banner(const struct ks_view *v, const char *path, char **text)
{
	const unsigned char *p;
	struct ks_error *err;
	uint64_t at;
	size_t n = 0;

	err = check_header(v, path);
	if (err)
		return err;
	at = ks_get16(v->data + HDR_KERNEL_VERSION);
	if (at)
		at += 0x200;
	for (p = ks_view_at(v, at, 1); at && p && n < 1024; p = ks_view_at(v, at + n, 1)) {
		if (!*p)
			break;
		if (!isprint(*p))
			n = 1024;
		n++;
	}
	if (!at || !p || !n || n >= 1024)
		return ks_error_new(KS_E_INPUT, "%s does not tell its version; the file is damaged",
				    path);
	*text = ks_strndup((const char *)v->data + at, n);
	return NULL;
}

char *ks_image_banner_version(const char *banner)
{
	const char *p = strstr(banner, " Debian "), *end, *next;

	/* The name of the compiler has the word, too: the last one counts. */
	while (p && (next = strstr(p + 1, " Debian ")))
		p = next;
	if (!p)
		return NULL;
	p += strlen(" Debian ");
	end = p + strcspn(p, " ");
	if (end == p || !isdigit((unsigned char)*p))
		return NULL;
	return ks_strndup(p, end - p);
}

struct ks_error *ks_image_identify(const char *vmlinuz, char **release, char **version)
{
	char *text = NULL, *head = ks_alloc(MAX_SETUP);
	struct ks_error *err = NULL;
	struct ks_view v = { .data = (unsigned char *)head };
	ssize_t n = 0;
	int fd;

	fd = open(vmlinuz, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		err = ks_error_errno(errno, "cannot open %s", vmlinuz);
		goto out;
	}
	while (v.len < MAX_SETUP) {
		n = read(fd, head + v.len, MAX_SETUP - v.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		v.len += n;
	}
	if (n < 0)
		err = ks_error_errno(errno, "cannot read %s", vmlinuz);
	close(fd);
	if (!err)
		err = header_banner(&v, vmlinuz, &text);
	if (err)
		goto out;
	if (release)
		*release = ks_strndup(text, strcspn(text, " "));
	if (version)
		*version = ks_image_banner_version(text);
out:
	free(text);
	free(head);
	return err;
}

struct format {
	const char *name;
	unsigned char magic[6];
	size_t magic_len;
	/* NULL: known, but nothing here can read it. */
	int (*support)(struct archive *a);
	bool size_follows;
};

static const struct format formats[] = {
	{ "gzip", { 0x1f, 0x8b }, 2, archive_read_support_filter_gzip, false },
	{ "xz", { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6, archive_read_support_filter_xz, true },
	{ "lz4", { 0x02, 0x21, 0x4c, 0x18 }, 4, archive_read_support_filter_lz4, true },
	{ "zstd", { 0x28, 0xb5, 0x2f, 0xfd }, 4, archive_read_support_filter_zstd, true },
	{ "bzip2", { 'B', 'Z', 'h' }, 3, archive_read_support_filter_bzip2, true },
	{ "lzma", { 0x5d, 0, 0 }, 3, archive_read_support_filter_lzma, true },
	{ "lzo", { 0x89, 'L', 'Z', 'O' }, 4, NULL, true },
};

static struct ks_error *decompress(const char *path, const struct format *f,
				   const unsigned char *data, size_t len, size_t expected,
				   struct ks_buf *out)
{
	struct archive *a = archive_read_new();
	struct ks_error *err = NULL;
	struct archive_entry *e;
	size_t start = out->len;
	char *chunk = NULL;
	la_ssize_t n;

	if (!a)
		return ks_error_nomem();
	f->support(a);
	archive_read_support_format_raw(a);
	if (archive_read_open_memory(a, data, len) || archive_read_next_header(a, &e)) {
		err = ks_error_new(KS_E_INPUT, "%s: cannot decompress (%s): %s", path, f->name,
				   archive_error_string(a));
		goto out;
	}
	chunk = ks_alloc(1u << 20);
	while ((n = archive_read_data(a, chunk, 1u << 20)) > 0) {
		if ((size_t)n > MAX_VMLINUX - (out->len - start)) {
			err = ks_error_new(KS_E_INPUT, "%s: the kernel inside is larger than %u MB",
					   path, MAX_VMLINUX >> 20);
			break;
		}
		ks_buf_add(out, chunk, n);
		if (ks_interrupted()) {
			err = ks_interrupted_error();
			break;
		}
	}
	if (!err && n < 0)
		err = ks_error_new(KS_E_INPUT, "%s: cannot decompress (%s): %s", path, f->name,
				   archive_error_string(a));
	/* A stream that was cut at a block boundary ends without an error. */
	if (!err && out->len - start != expected)
		err = ks_error_new(KS_E_INPUT,
				   "%s is damaged: the kernel inside has %zu bytes, its"
				   " header says %zu; remove or reinstall it",
				   path, out->len - start, expected);
out:
	free(chunk);
	archive_read_free(a);
	return err;
}

static struct ks_error *unpack(const struct ks_view *v, const char *path, struct ks_buf *elf)
{
	const unsigned char *payload;
	uint64_t start, len;
	struct ks_error *err;

	err = check_header(v, path);
	if (err)
		return err;
	/* Zero sectors mean four, for images older than anything we read. */
	start = ((uint64_t)(v->data[HDR_SETUP_SECTS] ? v->data[HDR_SETUP_SECTS] : 4) + 1) * 512 +
		ks_get32(v->data + HDR_PAYLOAD_OFFSET);
	len = ks_get32(v->data + HDR_PAYLOAD_LENGTH);
	payload = ks_view_at(v, start, len);
	if (!payload || len < 16)
		return ks_error_new(KS_E_INPUT,
				    "%s is cut short: the kernel inside should be at bytes"
				    " %llu to %llu of %zu; remove or reinstall it",
				    path, (unsigned long long)start,
				    (unsigned long long)(start + len), v->len);
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		const struct format *f = &formats[i];

		if (memcmp(payload, f->magic, f->magic_len))
			continue;
		if (!f->support)
			return ks_error_new(KS_E_REFUSED,
					    "%s: compressed with %s, which is not supported", path,
					    f->name);
		return decompress(path, f, payload, f->size_follows ? len - 4 : len,
				  ks_get32(payload + len - 4), elf);
	}
	return ks_error_new(KS_E_INPUT,
			    "%s: the kernel inside is compressed in a way that is not"
			    " known (first bytes %02x %02x %02x %02x)",
			    path, payload[0], payload[1], payload[2], payload[3]);
}

struct ks_error *ks_image_vmlinux(const char *vmlinuz, struct ks_buf *elf)
{
	struct ks_buf file = { 0 };
	struct ks_error *err;
	struct ks_view v;

	err = ks_file_read(vmlinuz, MAX_VMLINUX, &file);
	if (err)
		return err;
	v = (struct ks_view){ (unsigned char *)file.data, file.len };
	if (file.len >= SELFMAG && !memcmp(file.data, ELFMAG, SELFMAG))
		ks_buf_add(elf, file.data, file.len);
	else if (file.len > MAX_IMAGE)
		err = ks_error_new(KS_E_INPUT, "%s is too large for a kernel image", vmlinuz);
	else
		err = unpack(&v, vmlinuz, elf);
	ks_buf_free(&file);
	return err;
}

/* The symbols must be those of the kernel that the image says it is. */
static struct ks_error *check_release(const char *vmlinuz, const char *banner)
{
	char *release, *begin;
	struct ks_error *err;

	err = ks_image_identify(vmlinuz, &release, NULL);
	if (err)
		return err;
	begin = ks_asprintf("Linux version %s ", release);
	if (!ks_str_starts(banner, begin))
		err = ks_error_new(KS_E_INPUT,
				   "%s is damaged: its header says it is %s, the kernel"
				   " inside says \"%.80s\"",
				   vmlinuz, release, banner);
	free(begin);
	free(release);
	return err;
}

struct ks_error *ks_image_system_map(const char *vmlinuz, struct ks_buf *out, char **banner)
{
	struct ks_buf elf = { 0 }, map = { 0 };
	char *text = NULL, magic[SELFMAG] = "";
	struct ks_error *err;
	int fd;

	err = ks_image_vmlinux(vmlinuz, &elf);
	if (!err)
		err = ks_error_prefix(ks_kallsyms_read(elf.data, elf.len, &map, &text), "%s",
				      vmlinuz);
	ks_buf_free(&elf);
	if (err)
		goto out;
	/* A bare vmlinux has no header that could disagree. */
	fd = open(vmlinuz, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, magic, sizeof(magic)) != sizeof(magic))
		err = ks_error_errno(errno, "cannot read %s", vmlinuz);
	if (fd >= 0)
		close(fd);
	if (!err && memcmp(magic, ELFMAG, SELFMAG))
		err = check_release(vmlinuz, text);
	if (err)
		goto out;
	ks_buf_add(out, map.data, map.len);
	if (banner) {
		*banner = text;
		text = NULL;
	}
out:
	ks_buf_free(&map);
	free(text);
	return err;
}
