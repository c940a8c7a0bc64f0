// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packages: what is written can be read; the bytes depend on the contents
 * only; and no package, however malicious, gets a file anywhere but into a
 * temporary directory, of which nothing is left.
 */
#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "pack/archive.h"
#include "pack/digest.h"
#include "tap.h"

static char *work, *files, *tarball;

static const struct {
	const char *name, *data;
} contents[] = {
	{ "core/ksplice.ko", "the core" },
	{ "ksplice_abc_new.ko", "the new code" },
	{ "ksplice_abc_old.ko", "the old code" },
	{ "patch", "--- a/x\n+++ b/x\n" },
};
#define NR_CONTENTS (sizeof(contents) / sizeof(*contents))

/* Nothing an assertion could be made about: the test cannot go on without it. */
static void setup(void)
{
	char *tmp;

	die(ks_dir_temp("ksplice-test-pack", &work));
	tmp = ks_path_join(work, "tmp");
	files = ks_path_join(work, "files");
	tarball = ks_path_join(work, "ksplice-abc.tar.gz");
	die(ks_dir_make(tmp));
	setenv("TMPDIR", tmp, 1);
	free(tmp);
	for (size_t i = 0; i < NR_CONTENTS; i++) {
		char *path = ks_path_join(files, contents[i].name);

		*strrchr(path, '/') = 0;
		die(ks_dir_make(path));
		free(path);
		path = ks_path_join(files, contents[i].name);
		die(ks_file_write(path, contents[i].data, strlen(contents[i].data), 0644));
		free(path);
	}
}

static void teardown(void)
{
	die(ks_dir_remove(work));
	free(work);
	free(files);
	free(tarball);
}

static bool nothing_left(void)
{
	DIR *d = opendir(getenv("TMPDIR"));
	struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d)))
		n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
	if (d)
		closedir(d);
	return d && !n;
}

/* Of all that is beside the temporary directory, the tests make these two only. */
static bool nothing_outside(void)
{
	struct ks_strv names = { 0 };
	DIR *d = opendir(work);
	struct dirent *e;
	bool good = true;

	while (d && (e = readdir(d)))
		if (*e->d_name != '.')
			ks_strv_add(&names, e->d_name);
	if (d)
		closedir(d);
	for (size_t i = 0; i < names.len; i++)
		good &= !strcmp(names.v[i], "tmp") || !strcmp(names.v[i], "files") ||
			!strcmp(names.v[i], "ksplice-abc.tar.gz");
	ks_strv_free(&names);
	return good;
}

static void fill(struct ks_manifest *m)
{
	struct ks_manifest_unit *u;

	ks_manifest_init(m, "abc", "Mends the thing \xc3\xa9");
	ks_manifest_set_kernel(m, "6.1.0-56-cloud-amd64", "6.1.192-2");
	ks_manifest_set_compiler(m, "gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0");
	ks_strv_add(&m->targets, "vmlinux");
	m->pinned = true;
	u = ks_manifest_add_unit(m, "kernel/printk/printk.c", "vmlinux");
	ks_strv_add(&u->replaced, "_printk");
	ks_strv_add(&u->added, "quoth");
	ks_strv_add(&u->removed, "silence");
	ks_manifest_add_skipped(u, "setup_log_buf: only the boot uses it");
}

/* The manifest of the usual files, as text. */
static char *manifest_text(void)
{
	struct ks_manifest m = { 0 };
	struct ks_buf text = { 0 };

	fill(&m);
	for (size_t i = 0; i < NR_CONTENTS; i++) {
		struct ks_manifest_file *f = ks_vec_push(&m.files);
		struct ks_buf data = { 0 };

		ks_buf_adds(&data, contents[i].data);
		f->name = ks_strdup(contents[i].name);
		f->size = data.len;
		die(ks_digest(&data, f->sha256));
		ks_buf_free(&data);
	}
	die(ks_manifest_write(&m, &text));
	ks_manifest_clear(&m);
	return ks_buf_steal(&text);
}

static void test_manifest(void)
{
	struct ks_manifest m = { 0 };
	char *text = manifest_text();
	struct ks_buf again = { 0 };
	const struct ks_manifest_unit *u;

	if (tap_fine(ks_manifest_read(text, strlen(text), &m), "a manifest is read")) {
		u = &m.units.v[0];
		tap_ok(!strcmp(m.id, "abc") && !strcmp(m.description, "Mends the thing \xc3\xa9") &&
			       !strcmp(m.release, "6.1.0-56-cloud-amd64") &&
			       !strcmp(m.version, "6.1.192-2") && !strcmp(m.arch, "x86_64") &&
			       m.core_abi == KSPLICE_CORE_ABI && m.pinned &&
			       ks_str_starts(m.compiler, "gcc-12 "),
		       "its members are what was written");
		tap_ok(m.units.len == 1 && !strcmp(u->path, "kernel/printk/printk.c") &&
			       ks_strv_has(&u->replaced, "_printk") &&
			       ks_strv_has(&u->added, "quoth") &&
			       ks_strv_has(&u->removed, "silence") && u->skipped.len == 1 &&
			       !strcmp(u->skipped.v[0].name, "setup_log_buf") &&
			       !strcmp(u->skipped.v[0].reason, "only the boot uses it"),
		       "its units are what was written");
		die(ks_manifest_write(&m, &again));
		tap_ok(!strcmp(text, again.data), "written again it is the same");
	}
	ks_manifest_clear(&m);
	ks_buf_free(&again);
	free(text);
}

/* What JSON values of each type a member is replaced by. */
static json_t *other_type(const json_t *value)
{
	return json_is_string(value) ? json_integer(7) : json_string("text");
}

static void read_changed(json_t *root, const char *part, const char *name)
{
	char *text = json_dumps(root, 0);
	struct ks_manifest m = { 0 };

	tap_error(ks_manifest_read(text, strlen(text), &m), KS_E_INPUT, part, name);
	free(text);
}

/* Each member of the object at @path once missing, once of another type. */
static void spoil_members(const char *good, json_t *(*object)(json_t *root), const char *what)
{
	json_t *root = json_loads(good, 0, NULL), *value;
	const char *key;
	void *next;

	json_object_foreach_safe(object(root), next, key, value) {
		json_t *copy = json_deep_copy(root);
		char *quoted = ks_asprintf("\"%s\"", key);
		char *name = ks_asprintf("%s without %s", what, key);

		json_object_del(object(copy), key);
		read_changed(copy, quoted, name);
		free(name);
		json_decref(copy);

		copy = json_deep_copy(root);
		name = ks_asprintf("%s with %s of another type", what, key);
		json_object_set_new(object(copy), key, other_type(value));
		read_changed(copy, quoted, name);
		free(name);
		free(quoted);
		json_decref(copy);
	}
	json_decref(root);
}

static json_t *at_root(json_t *root)
{
	return root;
}

static json_t *at_kernel(json_t *root)
{
	return json_object_get(root, "kernel");
}

static json_t *at_modules(json_t *root)
{
	return json_object_get(root, "modules");
}

static json_t *at_unit(json_t *root)
{
	return json_array_get(json_object_get(root, "units"), 0);
}

static json_t *at_skipped(json_t *root)
{
	return json_array_get(json_object_get(at_unit(root), "skipped"), 0);
}

static json_t *at_file(json_t *root)
{
	return json_array_get(json_object_get(root, "files"), 0);
}

static void test_manifest_values(const char *good)
{
	static const struct {
		json_t *(*object)(json_t *root);
		const char *key, *json, *part;
	} bad[] = {
		{ at_root, "format", "2", "format 2" },
		{ at_root, "format", "-1", "out of range" },
		{ at_root, "id", "\"ABC\"", "a-z0-9" },
		{ at_root, "id", "\"\"", "a-z0-9" },
		{ at_root, "id", "\"../abc\"", "a-z0-9" },
		{ at_root, "id", "\"abcdefghijabcdefghijabcdefghijabc\"", "a-z0-9" },
		{ at_root, "description", "\"two\\nlines\"", "control characters" },
		{ at_root, "description", "\"\\u001b[2J\"", "control characters" },
		{ at_root, "description", "\"\\u009b2J\"", "control characters" },
		{ at_root, "core_abi", "-5", "out of range" },
		{ at_root, "core_abi", "4294967297", "out of range" },
		{ at_root, "created", "\"yesterday\"", "created" },
		{ at_root, "targets", "[\"../../etc\"]", "no name of a module" },
		{ at_root, "targets", "[3]", "not text" },
		{ at_root, "needs", "[\"--all\"]", "no name of a module" },
		{ at_root, "targets", "[]", "not among the targets" },
		{ at_root, "units", "[7]", "units[0]" },
		{ at_root, "files", "[[]]", "files[0]" },
		{ at_kernel, "release", "\"../../../etc\"", "release" },
		{ at_kernel, "release", "\"6.1/../x\"", "release" },
		{ at_kernel, "release", "\"\"", "release" },
		{ at_kernel, "version", "\"1 2\"", "version" },
		{ at_modules, "old", "\"ext4.ko\"", "ksplice_abc_old.ko" },
		{ at_modules, "new", "\"core/ksplice.ko\"", "ksplice_abc_new.ko" },
		{ at_modules, "core", "\"/lib/x.ko\"", "absolute" },
		{ at_file, "name", "\"/etc/passwd\"", "absolute" },
		{ at_file, "name", "\"../x\"", "out of the package" },
		{ at_file, "name", "\"manifest.json\"", "itself" },
		{ at_file, "name", "\"patch\"", "twice" },
		{ at_file, "size", "-1", "out of range" },
		{ at_file, "sha256", "\"abc\"", "64 hexadecimal" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		json_t *root = json_loads(good, 0, NULL);
		char *name = ks_asprintf("%s: %s is refused", bad[i].key, bad[i].json);

		json_object_set_new(bad[i].object(root), bad[i].key,
				    json_loads(bad[i].json, JSON_DECODE_ANY, NULL));
		read_changed(root, bad[i].part, name);
		json_decref(root);
		free(name);
	}
}

static void test_manifest_errors(void)
{
	static const char *const texts[][2] = {
		{ "", "no text at all" },	    { "[]", "a list" },
		{ "{", "half an object" },	    { "{\"format\": 4} x", "something behind it" },
		{ "{\"id\": \"\\u0000\"}", "a NUL" }, { "{\"a\": 1, \"a\": 2}", "a member twice" },
		{ "{\"id\": \"\xff\"}", "bad UTF-8" },
	};
	char *good = manifest_text();
	struct ks_manifest m = { 0 };
	struct ks_buf out = { 0 };

	spoil_members(good, at_root, "a manifest");
	spoil_members(good, at_kernel, "kernel");
	spoil_members(good, at_modules, "modules");
	spoil_members(good, at_unit, "a unit");
	spoil_members(good, at_skipped, "a skipped change");
	spoil_members(good, at_file, "a file");
	test_manifest_values(good);
	free(good);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		tap_error(ks_manifest_read(texts[i][0], strlen(texts[i][0]), &m), KS_E_INPUT,
			  KS_MANIFEST_NAME, texts[i][1]);

	ks_manifest_init(&m, "abc", "no \xff UTF-8");
	ks_manifest_set_kernel(&m, "6.1.0-1", NULL);
	tap_error(ks_manifest_write(&m, &out), KS_E_INPUT, "UTF-8",
		  "a description that is no UTF-8 is not written");
	ks_manifest_clear(&m);
	ks_manifest_init(&m, "abc", "d");
	ks_manifest_set_kernel(&m, "6.1.0-1", NULL);
	ks_strv_add(&m.targets, "vm\xfflinux");
	tap_error(ks_manifest_write(&m, &out), KS_E_INPUT, "UTF-8",
		  "nor is a name that is no UTF-8 left out silently");
	ks_manifest_clear(&m);
	ks_manifest_init(&m, "abc", "two\nlines");
	ks_manifest_set_kernel(&m, "6.1.0-1", NULL);
	tap_error(ks_manifest_write(&m, &out), KS_E_INPUT, "control characters",
		  "what could not be read is not written");
	ks_manifest_clear(&m);
	setenv("SOURCE_DATE_EPOCH", "soon", 1);
	ks_manifest_init(&m, "abc", "d");
	ks_manifest_set_kernel(&m, "6.1.0-1", NULL);
	tap_error(ks_manifest_write(&m, &out), KS_E_USAGE, "SOURCE_DATE_EPOCH",
		  "a SOURCE_DATE_EPOCH that is no number");
	ks_manifest_clear(&m);
	setenv("SOURCE_DATE_EPOCH", "86400", 1);
	ks_manifest_init(&m, "abc", "d");
	tap_ok(!strcmp(m.created, "1970-01-02T00:00:00Z"), "SOURCE_DATE_EPOCH is the time");
	ks_manifest_clear(&m);
	tap_ok(!out.len, "nothing was written");
	ks_buf_free(&out);
}

static void test_names(void)
{
	static const char *const bad[] = {
		"", "/a", "a//b", "a/", "..", "a/..", "../a", ".", ".a", "a/.b", "a/b/c", "a b",
		"a\nb", "a\\b", "\xc3\xa9",
	};

	tap_ok(!ks_pack_name_problem("a") && !ks_pack_name_problem("core/ksplice.ko") &&
		       !ks_pack_name_problem("a..b"),
	       "ordinary names are fine");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		tap_ok(ks_pack_name_problem(bad[i]), "a bad name (%zu)", i);
}

static void write_package(const char *path)
{
	struct ks_manifest m = { 0 };

	fill(&m);
	die(ks_pack_write(&m, files, path));
	tap_ok(m.files.len == NR_CONTENTS, "all files are recorded");
	ks_manifest_clear(&m);
}

static void test_round_trip(void)
{
	char *other = ks_path_join(work, "other.tar.gz");
	struct ks_buf a = { 0 }, b = { 0 };
	struct ks_pack *pack;
	struct stat st;

	write_package(tarball);
	write_package(other);
	die(ks_file_read(tarball, 1 << 20, &a));
	die(ks_file_read(other, 1 << 20, &b));
	tap_ok(a.len == b.len && !memcmp(a.data, b.data, a.len), "two runs write the same bytes");
	tap_ok(!stat(tarball, &st) && (st.st_mode & 07777) == 0644, "everybody may read a package");
	unlink(other);
	free(other);
	ks_buf_free(&a);
	ks_buf_free(&b);

	if (tap_fine(ks_pack_open(tarball, &pack), "the package is opened")) {
		for (size_t i = 0; i < NR_CONTENTS; i++) {
			char *path = ks_pack_file(pack, contents[i].name);

			die(ks_file_read(path, 1 << 20, &a));
			tap_ok(!strcmp(a.data, contents[i].data), "%s is in it", contents[i].name);
			ks_buf_free(&a);
			free(path);
		}
		tap_ok(!stat(pack->dir, &st) && (st.st_mode & 07777) == 0700,
		       "its files are in a private directory");
		ks_pack_close(pack);
	}
	tap_ok(nothing_left(), "closed, it leaves nothing behind");
}

/* An unpacked package, and what can be wrong with one. */
static void test_directory(void)
{
	char *dir = ks_path_join(work, "files"), *manifest = ks_path_join(dir, KS_MANIFEST_NAME);
	char *link = ks_path_join(dir, "link"), *text = manifest_text();
	struct ks_manifest m = { 0 };
	struct ks_pack *pack;

	die(ks_file_write(manifest, text, strlen(text), 0644));
	if (tap_fine(ks_pack_open(dir, &pack), "an unpacked package is opened")) {
		tap_ok(strcmp(pack->dir, dir), "what is used is a copy");
		ks_pack_close(pack);
	}
	fill(&m);
	tap_error(ks_pack_write(&m, files, tarball), KS_E_REFUSED, KS_MANIFEST_NAME,
		  "a directory with a manifest is not packed again");
	ks_manifest_clear(&m);
	die(ks_file_write(link, "", 0, 0644));
	tap_error(ks_pack_open(dir, &pack), KS_E_INPUT, "link is not in the manifest",
		  "a directory with one file too many");
	unlink(link);
	if (symlink("/etc/passwd", link))
		exit(1);
	tap_error(ks_pack_open(dir, &pack), KS_E_INPUT, "neither a regular file",
		  "a directory with a link");
	unlink(link);
	if (mkfifo(link, 0600))
		exit(1);
	tap_error(ks_pack_open(dir, &pack), KS_E_INPUT, "neither a regular file",
		  "a directory with a pipe");
	tap_error(ks_pack_open(link, &pack), KS_E_INPUT, "neither a file nor a directory",
		  "a pipe in place of a package");
	unlink(link);
	unlink(manifest);
	tap_error(ks_pack_open(dir, &pack), KS_E_INPUT, "no " KS_MANIFEST_NAME,
		  "a directory that is no package");
	tap_ok(nothing_left(), "nothing is left of any");
	free(dir);
	free(manifest);
	free(link);
	free(text);
}

static void test_write_errors(void)
{
	char *path = ks_path_join(work, "none/x.tar.gz");
	struct ks_manifest m = { 0 };

	fill(&m);
	tap_error(ks_pack_write(&m, files, path), KS_E_SYSTEM, "none/x.tar.gz",
		  "a place that is not there");
	free(path);
	path = ks_path_join(work, "none");
	tap_error(ks_pack_write(&m, path, tarball), KS_E_SYSTEM, "none", "no files to pack");
	free(path);
	free(m.release);
	m.release = NULL;
	unlink(tarball);
	tap_error(ks_pack_write(&m, files, tarball), KS_E_FAILED, "kernel", "an incomplete manifest");
	tap_ok(nothing_outside() && access(tarball, F_OK), "a failed write leaves nothing");
	ks_manifest_clear(&m);
}

/* One entry of a hostile archive. */
struct entry {
	const char *name;
	unsigned int type; /* 0: a regular file */
	const char *link, *hardlink, *data;
	uint64_t zeros; /* that many of them in place of data */
};

static void add(struct archive *a, const struct entry *x)
{
	static const char zero[65536];
	struct archive_entry *e = archive_entry_new();
	size_t len = x->data ? strlen(x->data) : 0;

	archive_entry_set_pathname(e, x->name);
	archive_entry_set_filetype(e, x->type ? x->type : AE_IFREG);
	archive_entry_set_perm(e, 0755);
	archive_entry_set_size(e, x->zeros ? x->zeros : len);
	if (x->link)
		archive_entry_set_symlink(e, x->link);
	if (x->hardlink)
		archive_entry_set_hardlink(e, x->hardlink);
	if (archive_write_header(a, e) < ARCHIVE_WARN) {
		printf("Bail out! %s: %s\n", x->name, archive_error_string(a));
		exit(1);
	}
	if (len)
		archive_write_data(a, x->data, len);
	for (uint64_t n = x->zeros; n;) {
		size_t part = n < sizeof(zero) ? n : sizeof(zero);

		archive_write_data(a, zero, part);
		n -= part;
	}
	archive_entry_free(e);
}

enum {
	NO_GZIP = 1,	  /* an uncompressed tar */
	NO_FILES = 2,	  /* only the extra entries */
	NO_MANIFEST = 4,
	LAST_MISSING = 8, /* the last of the usual files is left out */
	CHANGED = 16,	  /* a byte of the first file, length as before */
	LONGER = 32,	  /* a byte more in it */
	OTHER_TOP = 64,
	CPIO = 128,
};

static void add_usual(struct archive *a, int how)
{
	const char *top = how & OTHER_TOP ? "ksplice-xyz" : "ksplice-abc";
	size_t nr = how & LAST_MISSING ? NR_CONTENTS - 1 : NR_CONTENTS;

	for (size_t i = 0; i < nr; i++) {
		char *name = ks_asprintf("%s/%s", top, contents[i].name);
		char *data = ks_asprintf("%s%s", contents[i].data, !i && how & LONGER ? "x" : "");

		if (!i && how & CHANGED)
			data[0] ^= 1;
		add(a, &(struct entry){ .name = name, .data = data });
		free(name);
		free(data);
	}
	if (!(how & NO_MANIFEST)) {
		char *name = ks_asprintf("%s/" KS_MANIFEST_NAME, top), *text = manifest_text();

		add(a, &(struct entry){ .name = name, .data = text });
		free(name);
		free(text);
	}
}

/* The usual package with @extra in front of it. */
static void make_archive(int how, const struct entry *extra, size_t nr)
{
	struct archive *a = archive_write_new();

	if (how & CPIO)
		archive_write_set_format_cpio(a);
	else
		archive_write_set_format_pax_restricted(a);
	if (!(how & NO_GZIP))
		archive_write_add_filter_gzip(a);
	archive_write_open_filename(a, tarball);
	for (size_t i = 0; i < nr; i++)
		add(a, &extra[i]);
	if (!(how & NO_FILES))
		add_usual(a, how);
	archive_write_close(a);
	archive_write_free(a);
}

static void refused(const char *part, const char *name)
{
	struct ks_pack *pack = NULL;

	tap_error(ks_pack_open(tarball, &pack), KS_E_INPUT, part, name);
	ks_pack_close(pack);
	if (!nothing_left() || !nothing_outside())
		tap_ok(false, "%s: something is left behind", name);
	unlink(tarball);
}

static void test_hostile_entries(void)
{
	static const struct {
		struct entry entry;
		const char *part, *name;
	} bad[] = {
		{ { .name = "/tmp/ksplice-evil", .data = "x" }, "absolute", "an absolute path" },
		{ { .name = "../evil", .data = "x" }, "out of the package", "a path that starts with .." },
		{ { .name = "ksplice-abc/../../evil", .data = "x" }, "out of the package", "a path with .." },
		{ { .name = "ksplice-abc/core/..", .data = "x" }, "out of the package", "a path that ends in .." },
		{ { .name = "./ksplice-abc/evil", .data = "x" }, "dot", "a path that starts with ." },
		{ { .name = "ksplice-abc//evil", .data = "x" }, "empty part", "an empty part" },
		{ { .name = "ksplice-abc/.evil", .data = "x" }, "dot", "a hidden file" },
		{ { .name = "ksplice-abc/a/b/evil", .data = "x" }, "too deep", "a path that is too deep" },
		{ { .name = "ksplice-abc/\033[2Jevil", .data = "x" }, "?[2Jevil", "an escape sequence is not printed" },
		{ { .name = "ksplice-abc", .data = "x" }, "not a file", "a file at the top" },
		{ { .name = "other/evil", .data = "x" }, "one directory", "two directories at the top" },
		{ { .name = "ksplice-abc/evil", .type = AE_IFLNK, .link = "/etc" }, "a link", "a symlink" },
		{ { .name = "ksplice-abc/core", .type = AE_IFLNK, .link = "/tmp" }, "a link", "a symlink for a directory" },
		{ { .name = "ksplice-abc/evil", .hardlink = "/etc/passwd" }, "a link", "a hard link" },
		{ { .name = "ksplice-abc/evil", .type = AE_IFCHR }, "neither a regular", "a character device" },
		{ { .name = "ksplice-abc/evil", .type = AE_IFBLK }, "neither a regular", "a block device" },
		{ { .name = "ksplice-abc/evil", .type = AE_IFIFO }, "neither a regular", "a pipe" },
		{ { .name = "../evil", .type = AE_IFDIR }, "out of the package", "a directory outside" },
		{ { .name = "/tmp/ksplice-evil", .type = AE_IFDIR }, "absolute", "an absolute directory" },
		{ { .name = "ksplice-abc/x/../..", .type = AE_IFDIR }, "out of the package", "a directory with .." },
		{ { .name = "other", .type = AE_IFDIR }, "one directory", "a second directory at the top" },
		{ { .name = "ksplice-abc/patch", .data = "x" }, "twice", "a file that is there twice" },
		{ { .name = "ksplice-abc/evil", .data = "x" }, "not in the manifest", "a file too many" },
		{ { .name = "ksplice-abc/core", .data = "x" }, "a file and a directory", "a file where a directory should be" },
		{ { .name = "ksplice-abc/patch/x", .data = "x" }, "a file and a directory", "a directory where a file should be" },
		{ { .name = "ksplice-abc/evil", .zeros = (64ull << 20) + 1 }, "64 MiB", "a file that is too large" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		make_archive(0, &bad[i].entry, 1);
		refused(bad[i].part, bad[i].name);
	}
	tap_ok(access("/tmp/ksplice-evil", F_OK), "nothing was written to the absolute path");
}

static void test_bounds(void)
{
	static struct entry many[600];
	static char names[600][40];
	size_t i;

	for (i = 0; i < 600; i++) {
		snprintf(names[i], sizeof(names[i]), "ksplice-abc/f%zu", i);
		many[i] = (struct entry){ .name = names[i], .data = "x" };
	}
	make_archive(0, many, KS_PACK_MAX_FILES + 5);
	refused("more files", "too many files");
	for (i = 0; i < 600; i++)
		many[i].type = AE_IFDIR;
	make_archive(0, many, 600);
	refused("more entries", "too many directories");
	for (i = 0; i < 5; i++)
		many[i] = (struct entry){ .name = names[i], .zeros = 60ull << 20 };
	make_archive(NO_FILES, many, 5);
	refused("256 MiB", "too many bytes in all");
}

static void test_contents(void)
{
	struct ks_error *err;
	struct ks_pack *pack;

	make_archive(NO_MANIFEST, NULL, 0);
	refused("no " KS_MANIFEST_NAME, "no manifest");
	make_archive(LAST_MISSING, NULL, 0);
	refused("patch is missing", "a listed file is missing");
	make_archive(CHANGED, NULL, 0);
	refused("core/ksplice.ko does not have the SHA-256", "a changed byte");
	make_archive(LONGER, NULL, 0);
	refused("core/ksplice.ko has 9 bytes", "another size");
	make_archive(OTHER_TOP, NULL, 0);
	refused("ksplice-xyz", "a directory that is not the id's");
	make_archive(NO_FILES, NULL, 0);
	refused("no " KS_MANIFEST_NAME, "an archive without files");
	make_archive(NO_GZIP, NULL, 0);
	refused("gzip", "an uncompressed tar");
	make_archive(CPIO, NULL, 0);
	refused("no ksplice update", "a cpio archive");
	make_archive(0, &(struct entry){ .name = "ksplice-abc", .type = AE_IFDIR }, 1);
	err = ks_pack_open(tarball, &pack);
	if (tap_fine(err, "an entry for the top directory itself is fine"))
		ks_pack_close(pack);
	unlink(tarball);
}

/* All lengths but the whole. */
static void test_truncated(void)
{
	struct ks_buf data = { 0 };
	size_t accepted = 0, last = 0;
	bool left = false;

	make_archive(0, NULL, 0);
	die(ks_file_read(tarball, 1 << 20, &data));
	for (size_t len = 0; len < data.len; len++) {
		struct ks_pack *pack = NULL;
		struct ks_error *err;

		die(ks_file_write(tarball, data.data, len, 0600));
		err = ks_pack_open(tarball, &pack);
		if (!err) {
			accepted++;
			last = len;
		}
		ks_error_free(err);
		ks_pack_close(pack);
		left |= !nothing_left();
	}
	tap_ok(!accepted, "a package cut short at any of %zu lengths is refused", data.len);
	if (accepted)
		printf("# %zu lengths were accepted, one is %zu\n", accepted, last);
	tap_ok(!left, "nothing is left of them");
	ks_buf_free(&data);
	unlink(tarball);
}

/* Whatever a changed bit does, it never gets another file accepted. */
static void test_bits(void)
{
	struct ks_buf data = { 0 };
	size_t wrong = 0, opened = 0;

	make_archive(NO_GZIP, NULL, 0);
	die(ks_file_read(tarball, 1 << 20, &data));
	for (size_t i = 0; i < data.len; i += 7) {
		struct archive *a = archive_write_new();
		struct archive_entry *e = archive_entry_new();
		struct ks_pack *pack = NULL;

		data.data[i] ^= 1 << i % 8;
		archive_write_set_format_raw(a);
		archive_write_add_filter_gzip(a);
		archive_write_set_filter_option(a, "gzip", "compression-level", "1");
		archive_write_open_filename(a, tarball);
		archive_entry_set_filetype(e, AE_IFREG);
		archive_write_header(a, e);
		archive_write_data(a, data.data, data.len);
		archive_entry_free(e);
		archive_write_close(a);
		archive_write_free(a);
		data.data[i] ^= 1 << i % 8;
		ks_error_free(ks_pack_open(tarball, &pack));
		for (size_t n = 0; pack && n < NR_CONTENTS; n++) {
			char *path = ks_pack_file(pack, contents[n].name);
			struct ks_buf got = { 0 };

			die(ks_file_read(path, 1 << 20, &got));
			wrong += strcmp(got.data, contents[n].data) != 0;
			ks_buf_free(&got);
			free(path);
		}
		opened += pack != NULL;
		ks_pack_close(pack);
	}
	tap_ok(!wrong, "a changed bit in the archive never changes a file that is accepted");
	printf("# %zu of %zu changed archives were opened\n", opened, data.len / 7 + 1);
	tap_ok(nothing_left() && nothing_outside(), "nothing is left of them");
	ks_buf_free(&data);
	unlink(tarball);
}

static void test_no_archive(void)
{
	struct ks_pack *pack;

	die(ks_file_write(tarball, "", 0, 0600));
	refused("empty", "an empty file");
	die(ks_file_write(tarball, "just text, and no more\n", 23, 0600));
	refused("no ksplice update", "a text file");
	tap_error(ks_pack_open(tarball, &pack), KS_E_SYSTEM, "No such file", "no file at all");
}

int main(void)
{
	setup();
	test_manifest();
	test_manifest_errors();
	test_names();
	test_round_trip();
	test_directory();
	test_write_errors();
	test_hostile_entries();
	test_bounds();
	test_contents();
	test_truncated();
	test_bits();
	test_no_archive();
	teardown();
	return tap_done();
}
