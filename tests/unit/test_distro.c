// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the rest of lib/distro without a network and without apt: an
 * archive of small packages made here, and commands called apt-cache, apt-get
 * and so on in a directory that is first in PATH.
 */
#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/proc.h"
#include "distro/apt.h"
#include "distro/deb.h"
#include "distro/headers.h"
#include "distro/info.h"
#include "distro/kernel.h"
#include "distro/needs.h"
#include "distro/release.h"
#include "distro/tree.h"
#include "tap.h"

static char *dir;

static char *in_dir(const char *name)
{
	return ks_path_join(dir, name);
}

static void put_file(const char *path, const char *text, mode_t mode)
{
	struct ks_error *err = ks_file_write(path, text, strlen(text), mode);

	if (err)
		tap_fine(err, "setup");
}

static void test_versions(void)
{
	static const struct {
		const char *a, *b;
	} rising[] = {
		{ "6.1.190-1", "6.1.192-1" },
		{ "6.1.192-1", "6.1.192-2" },
		{ "6.1.99-1", "6.1.176-1" },
		{ "6.1.176-1", "6.12.107-1~deb12u1" },
		{ "6.12.117-1~deb12u1", "6.12.117-1" },
		{ "1.0~rc1", "1.0" },
		{ "1.0", "1.0-1" },
		{ "9", "1:1" },
		{ "1.0", "1.0+deb12" },
		{ "1.0a", "1.0+" },
		{ "1.01", "1.2" },
		{ "1.0~~", "1.0~" },
		{ "1.2-9", "1.2-10" },
		{ "1.2-9-1", "1.2-10-1" },
	};
	bool good = true;

	for (size_t i = 0; i < sizeof(rising) / sizeof(*rising); i++)
		if (ks_version_compare(rising[i].a, rising[i].b) >= 0 ||
		    ks_version_compare(rising[i].b, rising[i].a) <= 0 ||
		    ks_version_compare(rising[i].a, rising[i].a)) {
			printf("# %s < %s\n", rising[i].a, rising[i].b);
			good = false;
		}
	tap_ok(good, "the order of versions");
	tap_ok(!ks_version_compare("1.0", "1.00") && !ks_version_compare("0:1", "1"), "equal ones");
	tap_ok(!strcmp(ks_release_flavour("6.1.0-56-cloud-amd64"), "cloud-amd64") &&
		       !strcmp(ks_release_flavour("6.12.117+deb12-amd64"), "amd64") &&
		       !ks_release_flavour("6.1.0"),
	       "flavours");
}

static void test_info(void)
{
	struct ks_kernel_info info = { .release = (char *)"6.1.0-56-cloud-amd64",
				       .version = (char *)"6.1.192-2",
				       .arch = (char *)"amd64" };
	struct ks_kernel_info back;
	char *path = in_dir("kernel");

	tap_fine(ks_kernel_info_read(dir, &back), "no description");
	tap_ok(!back.release, "is no kernel");
	tap_fine(ks_kernel_info_write(dir, &info), "write a description");
	if (tap_fine(ks_kernel_info_read(dir, &back), "read it"))
		tap_ok(!strcmp(back.release, info.release) && !strcmp(back.version, info.version) &&
			       !strcmp(back.arch, "amd64") && !back.flavour,
		       "it says the same");
	ks_kernel_info_free(&back);
	put_file(path, "# x\n\nformat: 1\nrelease:  r \nversion: v\nfuture: x\n", 0600);
	tap_fine(ks_kernel_info_read(dir, &back), "comments, blanks and unknown keys");
	tap_ok(back.release && !strcmp(back.release, "r"), "do not matter");
	ks_kernel_info_free(&back);
	put_file(path, "format: 2\nrelease: r\nversion: v\n", 0600);
	tap_error(ks_kernel_info_read(dir, &back), KS_E_INPUT, "format 2", "another format");
	put_file(path, "format: 1\nrelease: r\n", 0600);
	tap_error(ks_kernel_info_read(dir, &back), KS_E_INPUT, "version", "no version");
	put_file(path, "format: 1\nrelease: r\nrelease: s\n", 0600);
	tap_error(ks_kernel_info_read(dir, &back), KS_E_INPUT, ":3: a second", "a key twice");
	put_file(path, "format: 1\nrubbish\n", 0600);
	tap_error(ks_kernel_info_read(dir, &back), KS_E_INPUT, ":2:", "a line without a colon");
	unlink(path);
	free(path);
}

/* Entries of a tar archive: "path", "path>link", "path=content", "path/". */
static void make_tar(const char *path, const char *const *entries, bool xz)
{
	struct archive *a = archive_write_new();

	if (xz)
		archive_write_add_filter_xz(a);
	archive_write_set_format_gnutar(a);
	archive_write_open_filename(a, path);
	for (; *entries; entries++) {
		struct archive_entry *e = archive_entry_new();
		size_t n = strcspn(*entries, ">=!");
		char *name = ks_strndup(*entries, n);
		const char *rest = *entries + n;

		archive_entry_set_pathname(e, name);
		archive_entry_set_filetype(e, AE_IFREG);
		archive_entry_set_perm(e, 04755);
		if (*rest == '>') {
			archive_entry_set_filetype(e, AE_IFLNK);
			archive_entry_set_symlink(e, rest + 1);
		} else if (*rest == '!') {
			if (rest[1])
				archive_entry_set_hardlink(e, rest + 1);
			else
				archive_entry_set_filetype(e, AE_IFIFO);
		} else if (*rest == '=') {
			archive_entry_set_size(e, strlen(rest + 1));
		} else if (name[n - 1] == '/') {
			archive_entry_set_filetype(e, AE_IFDIR);
		}
		archive_write_header(a, e);
		if (*rest == '=')
			archive_write_data(a, rest + 1, strlen(rest + 1));
		archive_entry_free(e);
		free(name);
	}
	archive_write_close(a);
	archive_write_free(a);
}

static void add_member(struct archive *a, const char *name, const void *data, size_t len)
{
	struct archive_entry *e = archive_entry_new();

	archive_entry_set_pathname(e, name);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_size(e, len);
	archive_write_header(a, e);
	archive_write_data(a, data, len);
	archive_entry_free(e);
}

/* A .deb around the tar archive @tar. */
static void make_deb(const char *path, const char *tar)
{
	struct archive *a = archive_write_new();
	struct ks_buf data = { 0 };

	ks_error_free(ks_file_read(tar, 1u << 20, &data));
	archive_write_set_format_ar_svr4(a);
	archive_write_open_filename(a, path);
	add_member(a, "debian-binary", "2.0\n", 4);
	add_member(a, "data.tar.xz", data.data, data.len);
	archive_write_close(a);
	archive_write_free(a);
	ks_buf_free(&data);
}

static void refused(const char *entry, const char *message, const char *name)
{
	const char *entries[] = { "a/", "a/file=x", entry, NULL };
	char *tar = in_dir("evil.tar"), *dest = in_dir("dest");
	struct ks_unpack u = { .dest = dest };

	make_tar(tar, entries, false);
	ks_error_free(ks_dir_make(dest));
	tap_error(ks_tar_unpack(tar, &u), KS_E_INPUT, message, name);
	ks_error_free(ks_dir_remove(dest));
	free(tar);
	free(dest);
}

static void test_unpack(void)
{
	static const char *const good[] = { "./top/",
					    "./top/file=content",
					    "./top/sub/",
					    "./top/sub/link>../file",
					    "./top/hard!./top/file",
					    "./other/x=y",
					    NULL };
	static const char *const through[] = { "a>.", "b>a/a/..", NULL };
	static const char *const only[] = { "top/", NULL };
	char *tar = in_dir("good.tar.xz"), *deb = in_dir("good.deb"), *dest = in_dir("out");
	char *file = in_dir("out/sub/link"), *hard = in_dir("out/hard"), *other = in_dir("out/x");
	struct ks_unpack u = { .dest = dest, .strip = 1, .only = only };
	struct ks_buf b = { 0 };
	struct stat st;

	make_tar(tar, good, true);
	make_deb(deb, tar);
	ks_error_free(ks_dir_make(dest));
	tap_fine(ks_deb_unpack(deb, &u), "unpack part of a package");
	tap_fine(ks_file_read(file, 100, &b), "a link in it");
	tap_ok(b.len == 7 && !strcmp(b.data, "content"), "leads to the file");
	tap_ok(!stat(hard, &st) && st.st_nlink == 2, "hard links too");
	tap_ok(!stat(hard, &st) && (st.st_mode & 07777) == 0755, "no set-id bits");
	tap_ok(!ks_file_exists(other), "what was not asked for is not there");
	tap_fine(ks_deb_unpack(deb, &u), "unpack it again");
	tap_error(ks_deb_unpack_tar(deb, "usr/src/none.tar.xz", &u), KS_E_INPUT, "none.tar.xz",
		  "a member that is not there");
	tap_ok(!truncate(deb, 300), "cut it short");
	tap_error(ks_deb_unpack(deb, &u), KS_E_INPUT, "damaged", "a package that is cut short");
	put_file(deb, "rubbish", 0600);
	tap_error(ks_deb_unpack(deb, &u), KS_E_INPUT, "damaged", "not a package");
	refused("../out=x", "../out", "a path that leads out");
	refused("a/../../out=x", "leaves", "a path that leads out later");
	refused("/abs=x", "/abs", "an absolute path");
	refused("a/l>/etc/passwd", "/etc/passwd", "an absolute link");
	refused("a/l>../../x", "../../x", "a link that leads out");
	refused("a/l>b/../../../x", "leaves", "a link that leads out later");
	refused("a/h!../../x", "leaves", "a hard link that leads out");
	refused("a/fifo!", "not a file", "a pipe");
	make_tar(tar, through, false);
	u = (struct ks_unpack){ .dest = dest };
	tap_error(ks_tar_unpack(tar, &u), KS_E_INPUT, "leaves", "a link through a link");
	ks_buf_free(&b);
	free(tar);
	free(deb);
	free(dest);
	free(file);
	free(hard);
	free(other);
}

/*
 * The archive that the commands below pretend to have: records/NAME for
 * apt-cache show, pool/ for apt-get download.
 */
static const char apt_cache[] =
	"#!/bin/sh\n"
	"cd \"$KS_FAKE\"\n"
	"case $1 in\n"
	"pkgnames) ls records | grep \"^$2\" | sed 's/=.*//' | sort -u ;;\n"
	"show) shift; for p; do for f in records/$p=*; do [ -f $f ] && cat $f && echo; done; done ;;\n"
	"esac\n"
	"exit 0\n";
static const char apt_get[] =
	"#!/bin/sh\n"
	"[ \"$1\" = download ] || exit 1\n"
	"echo \"$@\" >> \"$KS_FAKE/downloads\"\n"
	"if [ -f \"$KS_FAKE/fail\" ]; then cat \"$KS_FAKE/fail\" >&2; exit 100; fi\n"
	"for p; do case $p in *=*) case $p in -*) continue;; esac\n"
	"f=$(echo $p | tr = _); cp \"$KS_FAKE\"/pool/$f*.deb . || exit 100\n"
	"echo \"dlstatus:1:50.0:Retrieving\";; esac; done\n";
static const char apt_config[] = "#!/bin/sh\necho \"D='$KS_FAKE/archives/'\"\n";
static const char dpkg[] = "#!/bin/sh\necho amd64\n";
static const char dpkg_query[] = "#!/bin/sh\nexit 1\n";

static void put_record(const char *name, const char *version, const char *depends,
		       const char *extra)
{
	char *file = ks_asprintf("%s/fake/records/%s=%s", dir, name, version);
	char *text =
		ks_asprintf("Package: %s\nVersion: %s\nArchitecture: amd64\nInstalled-Size: 10\n"
			    "%s%s%sFilename: pool/x.deb\n%s",
			    name, version, depends ? "Depends: " : "", depends ? depends : "",
			    depends ? "\n" : "", extra);

	put_file(file, text, 0600);
	free(file);
	free(text);
}

static void fake_apt(void)
{
	static const struct {
		const char *name, *text;
	} commands[] = {
		{ "apt-cache", apt_cache },   { "apt-get", apt_get },
		{ "apt-config", apt_config }, { "dpkg", dpkg },
		{ "dpkg-query", dpkg_query },
	};
	static const char *const dirs[] = { "fake/records", "fake/pool", "fake/archives",
					    "fake/bin" };
	char *fake = in_dir("fake"), *path;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		path = in_dir(dirs[i]);
		ks_error_free(ks_dir_make(path));
		free(path);
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		path = ks_asprintf("%s/bin/%s", fake, commands[i].name);
		put_file(path, commands[i].text, 0755);
		free(path);
	}
	path = ks_asprintf("%s/bin:%s", fake, getenv("PATH"));
	setenv("PATH", path, 1);
	setenv("KS_FAKE", fake, 1);
	free(path);
	free(fake);
}

static void put_kernel(const char *abi, const char *flavour, const char *version)
{
	char *image = ks_asprintf("linux-image-%s-%s", abi, flavour);
	char *headers = ks_asprintf("linux-headers-%s-%s", abi, flavour);
	char *common = ks_asprintf("linux-headers-%s-common", abi);
	char *depends = ks_asprintf("%s (= %s), linux-kbuild-6.1 (>= 6), linux-compiler-gcc-12-x86",
				    common, version);

	put_record(image, version, "kmod, linux-base (>= 4.3~)", "Size: 1\n");
	put_record(headers, version, depends, "");
	put_record(common, version, NULL, "");
	put_record("linux-source-6.1", version, "binutils, xz-utils", "");
	free(image);
	free(headers);
	free(common);
	free(depends);
}

static void test_catalogue(void)
{
	const struct ks_release *r = NULL;
	struct ks_catalogue c;

	if (!tap_fine(ks_catalogue_read(&c), "no packages at all"))
		return;
	tap_error(ks_distro_newest(&c, NULL, &r), KS_E_FAILED, "apt-get update",
		  "then apt has no lists");
	tap_error(ks_catalogue_find(&c, "6.1.0-1-amd64", NULL, &r), KS_E_FAILED, "apt-get update",
		  "nor any release");
	ks_catalogue_free(&c);

	put_kernel("6.1.0-9", "cloud-amd64", "6.1.99-1");
	put_kernel("6.1.0-10", "cloud-amd64", "6.1.176-1");
	put_kernel("6.1.0-10", "amd64", "6.1.176-1");
	put_record("linux-kbuild-6.1", "6.1.176-1", NULL, "");
	/* Incomplete, unsigned, other architectures, meta-packages, debug symbols. */
	put_record("linux-image-6.1.0-11-cloud-amd64", "6.1.180-1", "kmod", "");
	put_record("linux-image-6.1.0-10-cloud-amd64-unsigned", "6.1.176-1", "kmod", "");
	put_record("linux-image-6.1.0-10-cloud-amd64-dbg", "6.1.176-1", NULL, "");
	put_record("linux-image-6.1-cloud-amd64", "6.1.180-1",
		   "linux-image-6.1.0-11-cloud-amd64 (= 6.1.180-1)", "");
	put_record("linux-image-6.1.0-10-arm64", "6.1.176-1", "kmod", "");
	if (!tap_fine(ks_catalogue_read(&c), "read what apt knows"))
		return;
	tap_ok(c.len == 4, "four kernels");
	if (tap_fine(ks_distro_newest(&c, NULL, &r), "the newest"))
		tap_ok(!strcmp(r->release, "6.1.0-10-amd64"), "is complete and has the short name");
	if (tap_fine(ks_distro_newest(&c, "6.1.*-cloud-amd64", &r), "the newest of a pattern"))
		tap_ok(!strcmp(r->release, "6.1.0-10-cloud-amd64") &&
			       !strcmp(r->version, "6.1.176-1") &&
			       !strcmp(r->image->name, "linux-image-6.1.0-10-cloud-amd64") &&
			       r->kbuild && !strcmp(r->flavour, "cloud-amd64") &&
			       !strcmp(r->series, "6.1"),
		       "its packages");
	if (tap_fine(ks_catalogue_find(&c, "6.1.0-9-cloud-amd64", NULL, &r), "an old one"))
		tap_ok(r->kbuild && !strcmp(r->kbuild->version, "6.1.176-1") && !r->lacks,
		       "takes a newer kbuild");
	if (tap_fine(ks_catalogue_find(&c, "6.1.0-11-cloud-amd64", NULL, &r), "an incomplete one"))
		tap_ok(r->lacks && strstr(r->lacks, "headers") && strstr(r->lacks, "6.1.180-1"),
		       "says what is lacking");
	tap_error(ks_distro_newest(&c, "5.*", &r), KS_E_FAILED, "6.1.0-10-amd64", "no match");
	tap_error(ks_catalogue_find(&c, "6.1.0-8-cloud-amd64", NULL, &r), KS_E_USAGE,
		  "available: 6.1.0-10-cloud-amd64, 6.1.0-9-cloud-amd64, 6.1.0-10-amd64",
		  "an unknown release: what there is, the same flavour first");
	tap_error(ks_catalogue_find(&c, "6.1.0-10-amd64", "6.1.177-1", &r), KS_E_USAGE, "6.1.176-1",
		  "another version of it");
	ks_catalogue_free(&c);
}

static void fetch_fails(const struct ks_package *p, const char *text, enum ks_error_code code,
			const char *message, const char *name)
{
	char *fail = in_dir("fake/fail"), *path = NULL;

	put_file(fail, text, 0600);
	tap_error(ks_apt_fetch(&p, 1, dir, NULL, &path), code, message, name);
	tap_ok(!path, "no file");
	unlink(fail);
	free(fail);
}

static void test_fetch(void)
{
	/* sha256 of "hello\n" */
	struct ks_package p = {
		.name = (char *)"pkg",
		.version = (char *)"1:2-3",
		.arch = (char *)"amd64",
		.size = 6,
		.sha256 =
			(char *)"5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
		.fetchable = true,
	};
	const struct ks_package *ps = &p;
	char *pool = in_dir("fake/pool/pkg_1:2-3_amd64.deb"), *log = in_dir("fake/downloads");
	char *name = in_dir("pkg_1%3a2-3_amd64.deb"), *path = NULL;
	char *cached = in_dir("fake/archives/pkg_1%3a2-3_amd64.deb");

	fetch_fails(&p, "E: Failed to fetch http://x  Could not resolve 'x'\n", KS_E_NETWORK,
		    "apt-get install --download-only pkg=1:2-3", "no network: what root can do");
	fetch_fails(&p, "E: Failed to fetch http://x  404  Not Found [IP: ::1]\n", KS_E_NETWORK,
		    "apt-get update", "a package that is gone");
	fetch_fails(&p, "E: You don't have enough free space in /x.\n", KS_E_SYSTEM, "no space",
		    "no space");
	put_file(cached, "hello\n", 0600);
	unlink(log);
	if (tap_fine(ks_apt_fetch(&ps, 1, dir, NULL, &path), "a package in apt's own cache"))
		tap_ok(!strcmp(path, cached) && !ks_file_exists(log), "is used where it is");
	free(path);
	put_file(cached, "hellO\n", 0600);
	/* The name in the pool has a plain colon, so that the result is not what apt would make. */
	put_file(pool, "hello\n", 0600);
	tap_error(ks_apt_fetch(&ps, 1, dir, NULL, &path), KS_E_NETWORK, "apt-get update",
		  "one that is damaged there is not used; a download that is not there is noticed");
	put_file(name, "hello\n", 0600);
	unlink(log);
	if (tap_fine(ks_apt_fetch(&ps, 1, dir, NULL, &path), "a package of a former run"))
		tap_ok(!strcmp(path, name) && !ks_file_exists(log), "is used");
	free(path);
	free(pool);
	free(log);
	free(name);
	free(cached);
}

static void test_headers(void)
{
	static const char *const wrapper[] = {
		"./usr/src/linux-headers-R/Makefile=include /usr/src/linux-headers-common/Makefile\n",
		"./usr/src/linux-headers-R/.config=",
		"./usr/src/linux-headers-R/Module.symvers=",
		"./usr/src/linux-headers-R/include/generated/autoconf.h=",
		"./usr/src/linux-headers-R/scripts>../../lib/linux-kbuild-6.1/scripts",
		"./lib/modules/R/build>/usr/src/linux-headers-R",
		NULL
	};
	static const char *const common[] = {
		"./usr/src/linux-headers-common/Makefile=all:\n\t@echo built from here\n", NULL
	};
	static const char *const kbuild[] = { "./usr/lib/linux-kbuild-6.1/scripts/Makefile.build=",
					      NULL };
	static const char *const *const content[] = { wrapper, common, kbuild };
	char *debs[3], *tar = in_dir("h.tar"), *conf = in_dir("conf"),
		       *build = in_dir("conf/build");
	char *moved = in_dir("moved"), *moved_build = in_dir("moved/build");
	const char *argv[] = { "make", "-s", "-C", moved_build, NULL };
	struct ks_buf out = { 0 };
	char target[256] = "";

	ks_error_free(ks_dir_make(conf));
	for (int i = 0; i < 3; i++) {
		debs[i] = ks_asprintf("%s/h%d.deb", dir, i);
		make_tar(tar, content[i], false);
		make_deb(debs[i], tar);
	}
	tap_error(ks_headers_unpack(conf, "R", (const char *const *)debs, 2, NULL), KS_E_FAILED,
		  "Makefile.build", "a header package is missing");
	tap_fine(ks_headers_unpack(conf, "R", (const char *const *)debs, 3, NULL),
		 "unpack headers");
	tap_ok(readlink(build, target, sizeof(target) - 1) > 0 && *target != '/',
	       "a relative link");
	if (!rename(conf, moved) &&
	    tap_fine(ks_proc_output(argv, &out), "make works there, also moved"))
		tap_ok(!strcmp(out.data, "built from here\n"), "with the right Makefile");
	for (int i = 0; i < 3; i++)
		free(debs[i]);
	ks_buf_free(&out);
	free(tar);
	free(conf);
	free(build);
	free(moved);
	free(moved_build);
}

static void test_tree(void)
{
	struct ks_kernel_info info, made = { .release = (char *)"R1", .version = (char *)"1-1" };
	char *tree = in_dir("tree"), *config = in_dir("tree/ksplice"),
	     *mark = in_dir("tree/ksplice/preparing");
	char *file = in_dir("tree/file"), *none = in_dir("none"), *space = in_dir("a b");
	bool already;
	int fd;

	setenv("KSPLICE_CACHE", none, 1);
	tap_error(ks_tree_prepare("R9", space, NULL, &info, &already), KS_E_USAGE, "character ' '",
		  "a path that kbuild does not take");
	tap_ok(!ks_file_exists(space), "is not created");
	ks_error_free(ks_dir_make(config));
	tap_fine(ks_kernel_info_write(config, &made), "a finished tree");
	tap_fine(ks_tree_prepare("R1", tree, NULL, &info, &already), "of the same release");
	tap_ok(already && info.version && !strcmp(info.version, "1-1"), "is left alone");
	ks_kernel_info_free(&info);
	tap_error(ks_tree_prepare("R2", tree, NULL, &info, &already), KS_E_REFUSED, "R1",
		  "of another one");
	tap_ok(!ks_dir_lock(tree, false, &fd), "lock");
	tap_error(ks_tree_prepare("R1", tree, NULL, &info, &already), KS_E_REFUSED, "in use",
		  "while somebody works there");
	close(fd);
	ks_error_free(ks_dir_remove(config));
	put_file(file, "mine", 0600);
	tap_error(ks_tree_prepare("R1", tree, NULL, &info, &already), KS_E_REFUSED, "not empty",
		  "a directory with something else");
	tap_ok(ks_file_exists(file), "which is kept");
	ks_error_free(ks_dir_make(config));
	put_file(mark, "R1\n", 0600);
	tap_error(ks_tree_prepare("R2", tree, NULL, &info, &already), KS_E_REFUSED, "unfinished",
		  "an unfinished tree of another release");
	tap_ok(ks_file_exists(file), "is kept, too");
	ks_error_free(ks_dir_remove(tree));
	tap_error(ks_tree_prepare("6.1.0-8-cloud-amd64", tree, NULL, &info, &already), KS_E_USAGE,
		  "6.1.0-10-cloud-amd64", "a release that is not known");
	tap_ok(!ks_file_exists(tree), "leaves nothing behind");
	tap_error(ks_tree_prepare("../R", tree, NULL, &info, &already), KS_E_USAGE, "not the name",
		  "a release that is a path");
	free(tree);
	free(config);
	free(mark);
	free(file);
	free(none);
	free(space);
}

static void test_needs(void)
{
	char *config = in_dir("config"), *old = ks_strdup(getenv("PATH")),
	     *fake = in_dir("fake/bin");
	struct ks_strv missing = { 0 };

	put_file(config, "#\nCONFIG_CC_VERSION_TEXT=\"x86_64-linux-gnu-gcc-99 (Debian) 99\"\n",
		 0600);
	setenv("PATH", fake, 1);
	tap_fine(ks_needs_missing(config, &missing), "what is missing where nothing is installed");
	setenv("PATH", old, 1);
	tap_ok(ks_strv_has(&missing, "gcc-99") && ks_strv_has(&missing, "bison") &&
		       !ks_strv_has(&missing, "dwarves"),
	       "compiler, tools, but not pahole without BTF");
	ks_strv_free(&missing);
	free(config);
	free(old);
	free(fake);
}

int main(void)
{
	if (!tap_fine(ks_dir_temp("ks-test-distro", &dir), "a directory for the tests"))
		return tap_done();
	test_versions();
	test_info();
	test_unpack();
	fake_apt();
	test_catalogue();
	test_fetch();
	test_headers();
	test_tree();
	test_needs();
	ks_error_free(ks_dir_remove(dir));
	free(dir);
	return tap_done();
}
