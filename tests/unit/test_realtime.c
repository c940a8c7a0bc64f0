// SPDX-License-Identifier: GPL-2.0-only
/*
 * Source packages and the rt patches in them (lib/distro/debsrc.c, realtime.c),
 * with commands called apt-get and apt-cache in a directory that is first in
 * PATH: the archive they pretend to have lies in fake/.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/proc.h"
#include "distro/debsrc.h"
#include "distro/realtime.h"
#include "tap.h"

static char *dir;

static void put(const char *name, const char *text, mode_t mode)
{
	char *path = ks_path_join(dir, name), *slash = strrchr(path, '/');
	struct ks_error *err;

	*slash = 0;
	err = ks_dir_make(path);
	*slash = '/';
	if (!err)
		err = ks_file_write(path, text, strlen(text), mode);
	if (err)
		tap_fine(err, "setup");
	free(path);
}

static bool has(const char *name, const char *text)
{
	char *path = ks_path_join(dir, name);
	struct ks_buf b = {0};
	struct ks_error *err = ks_file_read(path, 1u << 20, &b);
	bool same = !err && (b.len ? strstr(b.data, text) != NULL : !*text);

	ks_error_free(err);
	ks_buf_free(&b);
	free(path);
	return same;
}

static const char apt_get[] =
	"#!/bin/sh\n"
	"for p; do last=$p; done\n"
	"case \" $* \" in\n"
	"*' indextargets '*) cat \"$KS_FAKE/targets\" ;;\n"
	"*' update '*) [ ! -s \"$KS_FAKE/down\" ] || { echo 'E: no network'; exit 100; } ;;\n"
	"*' source '*) f=$(echo $last | tr = _).debian.tar.xz\n"
	"  cp \"$KS_FAKE/pool/$f\" . 2>/dev/null || { echo \"E: Failed to fetch $f 404\"; exit "
	"100; } ;;\n"
	"esac\n";
static const char apt_cache[] = "#!/bin/sh\ncat \"$KS_FAKE/showsrc\"\n";

static void fake_apt(void)
{
	char *fake = ks_path_join(dir, "fake"), *path, *targets;

	put("fake/bin/apt-get", apt_get, 0755);
	put("fake/bin/apt-cache", apt_cache, 0755);
	put("fake/debian.sources", "Types: deb\nURIs: http://archive\nSigned-By: /key\n", 0644);
	put("fake/other.list",
	    "# text\ndeb [signed-by=/key] http://b suite main\n"
	    "deb-src http://b suite main\n",
	    0644);
	targets = ks_asprintf("%s/debian.sources:1\n%s/debian.sources:1\n%s/other.list:2\n", fake,
			      fake, fake);
	put("fake/targets", targets, 0644);
	put("fake/showsrc",
	    "Package: linux\nVersion: 6.1.9-1\n\nVersion: 6.1.87-1\n\nVersion: 6.1.190-1\n\n"
	    "Version: 6.1.180-1\n\nVersion: 6.1.181-1\n\nVersion: 6.1.182-1\n\n"
	    "Version: 6.1.192-1\n\nVersion: 6.12.1-1\n\nVersion: 6.1.87-1\n",
	    0644);
	path = ks_asprintf("%s/bin:%s", fake, getenv("PATH"));
	setenv("PATH", path, 1);
	setenv("KS_FAKE", fake, 1);
	free(path);
	free(targets);
	free(fake);
}

/* A debian.tar.xz with the series and the patch p1, or without either. */
static void put_source(const char *version, const char *series, const char *patch)
{
	char *root = ks_path_join(dir, "src");
	char *tar = ks_asprintf("%s/fake/pool/linux_%s.debian.tar.xz", dir, version);
	const char *argv[] = {"tar", "-C", root, "-cJf", tar, "debian", NULL};
	struct ks_proc p = {.argv = argv};

	ks_error_free(ks_dir_remove(root));
	put("src/debian/changelog", "linux\n", 0644);
	put("fake/pool/x", "", 0644);
	if (series)
		put("src/debian/patches-rt/series", series, 0644);
	if (patch)
		put("src/debian/patches-rt/p1.patch", patch, 0644);
	tap_fine(ks_proc_check(&p), "make a source package");
	free(root);
	free(tar);
}

static const char good_patch[] =
	"--- a/kernel/x.c\n+++ b/kernel/x.c\n@@ -1,2 +1,2 @@\n one\n-two\n+rt\n"
	"--- /dev/null\n+++ b/include/new.h\n@@ -0,0 +1 @@\n+new\n";

static void test_fetch(const char *scratch)
{
	char *path, *used;

	put("fake/down", "x", 0644);
	tap_error(ks_debsrc_fetch("linux", "6.1.190-1", scratch, NULL, &path, &used), KS_E_NETWORK,
		  "no network", "no network");
	put("fake/down", "", 0644);
	tap_error(ks_debsrc_fetch("linux", "6.1.190-1", scratch, NULL, &path, &used), KS_E_NETWORK,
		  "404", "an archive without the file, and without an older one");
	tap_ok(!path && !used, "no file");
	tap_ok(has("scratch/parts/debian.sources",
		   "Types: deb-src\nURIs: http://archive\nSigned-By"),
	       "sources from where packages come from, with the key");
	tap_ok(has("scratch/parts/other.list", "deb-src [signed-by=/key] http://b suite main\n"),
	       "in the other form, too");
	put_source("6.12.1-1", NULL, NULL);
	put_source("6.1.192-1", NULL, NULL);
	tap_error(ks_debsrc_fetch("linux", "6.1.190-1", scratch, NULL, &path, &used), KS_E_NETWORK,
		  "404", "neither a newer one nor one of another series is taken");
	put_source("6.1.87-1", "p1.patch\n", good_patch);
	put_source("6.1.9-1", NULL, NULL);
	if (tap_fine(ks_debsrc_fetch("linux", "6.1.190-1", scratch, NULL, &path, &used),
		     "the newest that is older, though many are lost"))
		tap_ok(!strcmp(used, "6.1.87-1") && ks_file_exists(path), "is taken, and told");
	free(path);
	free(used);
	put_source("6.1.190-1", "# comment\np1.patch\n", good_patch);
	if (tap_fine(ks_debsrc_fetch("linux", "6.1.190-1", scratch, NULL, &path, &used),
		     "the version itself"))
		tap_ok(!strcmp(used, "6.1.190-1"), "is preferred");
	free(path);
	free(used);
}

static void test_patch(const char *scratch)
{
	char *tree = ks_path_join(dir, "tree"), *headers = ks_path_join(dir, "headers"), *used;

	put("tree/kernel/x.c", "one\ntwo\n", 0644);
	put("tree/include/old.h", "old\n", 0644);
	put("tree/arch/x86/include/asm.h", "asm\n", 0644);
	if (tap_fine(ks_realtime_patch(tree, "linux", "6.1.190-1", scratch, NULL, &used),
		     "patch a tree"))
		tap_ok(has("tree/kernel/x.c", "one\nrt\n") && has("tree/include/new.h", "new") &&
			       !strcmp(used, "6.1.190-1"),
		       "changed and new files");
	free(used);
	tap_error(ks_realtime_patch(tree, "linux", "6.1.190-1", scratch, NULL, &used), KS_E_FAILED,
		  "p1.patch does not apply", "a patch that does not apply");
	tap_ok(!used, "no version then");

	put("headers/include/old.h", "old\n", 0644);
	put("headers/include/new.h", "new\n", 0644);
	put("headers/include/generated.txt", "x", 0644);
	put("headers/arch/x86/include/asm.h", "asm\n", 0644);
	tap_fine(ks_realtime_check(tree, headers), "headers of this source");
	put("headers/arch/x86/include/asm.h", "asm!\n", 0644);
	tap_error(ks_realtime_check(tree, headers), KS_E_FAILED, "arch/x86/include/asm.h",
		  "a header that differs is named");
	put("headers/arch/x86/include/asm.h", "asm\n", 0644);
	put("headers/include/more.h", "more\n", 0644);
	tap_error(ks_realtime_check(tree, headers), KS_E_FAILED, "include/more.h",
		  "one that the source does not have");
	tap_error(ks_realtime_check(tree, scratch), KS_E_SYSTEM, "include", "no headers");

	put_source("6.1.190-1", "../p1.patch\n", good_patch);
	tap_error(ks_realtime_patch(tree, "linux", "6.1.190-1", scratch, NULL, &used), KS_E_INPUT,
		  "no file beside it", "a series that leaves its directory");
	put_source("6.1.190-1", "# nothing\n", NULL);
	tap_error(ks_realtime_patch(tree, "linux", "6.1.190-1", scratch, NULL, &used), KS_E_INPUT,
		  "names no patch", "an empty series");
	put_source("6.1.190-1", NULL, NULL);
	tap_error(ks_realtime_patch(tree, "linux", "6.1.190-1", scratch, NULL, &used), KS_E_FAILED,
		  "does not know its layout", "a source package of another layout");
	tap_ok(ks_is_realtime("rt-amd64") && !ks_is_realtime("amd64") && !ks_is_realtime(NULL),
	       "flavours");
	free(tree);
	free(headers);
}

int main(void)
{
	char *scratch;

	if (!tap_fine(ks_dir_temp("ks-test-realtime", &dir), "a directory for the tests"))
		return tap_done();
	scratch = ks_path_join(dir, "scratch");
	fake_apt();
	test_fetch(scratch);
	test_patch(scratch);
	ks_error_free(ks_dir_remove(dir));
	free(scratch);
	free(dir);
	return tap_done();
}
