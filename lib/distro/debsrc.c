// SPDX-License-Identifier: GPL-2.0-only
/*
 * Source packages from the same archives as the binary ones; see debsrc.h.
 *
 * Few machines have "deb-src" among their sources of packages.  So apt is run
 * with lists of its own in the given directory, from copies of the files that
 * describe Debian's archives, in which "deb" became "deb-src".  The keys named
 * there are used, so what comes is as trusted as the binary packages.
 */
#include "distro/debsrc.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/proc.h"
#include "distro/apt.h"

#define MAX_SOURCES (1u << 20)
#define MAX_FILES 64
/*
 * Versions that are tried before it is taken that the archive has none.  An archive
 * may have lost the newest ones: of linux-6.12 once four, from 6.12.111-1~deb12u1 on.
 */
#define TRIES 12

static const char *const c_locale[] = {"LC_ALL=C", "LANGUAGE", NULL};

/* Runs @argv in @dir; *text is all it printed, the caller's. */
static struct ks_error *run(const char *const *argv, const char *dir, struct ks_buf *text,
			    int *status)
{
	struct ks_proc p = {.argv = argv, .env = c_locale, .cwd = dir, .out = text, .err = text};

	if (!ks_proc_have(argv[0]))
		return ks_error_new(KS_E_FAILED, "%s is not here: this needs a Debian system",
				    argv[0]);
	return ks_proc_run(&p, status);
}

/* What apt is told in every command: only the lists and sources in @dir. */
static void add_options(struct ks_strv *argv, const char *command, const char *dir)
{
	ks_strv_add(argv, command);
	ks_strv_addf(argv, "-oDir::Etc::sourceparts=%s/parts", dir);
	ks_strv_add(argv, "-oDir::Etc::sourcelist=/dev/null");
	ks_strv_addf(argv, "-oDir::State::Lists=%s/lists", dir);
	ks_strv_addf(argv, "-oDir::Cache=%s/cache", dir);
	ks_strv_add(argv, "-oAcquire::Retries=2");
	/* As root, apt would drop to a user who cannot write here. */
	if (!geteuid())
		ks_strv_add(argv, "-oAPT::Sandbox::User=root");
}

/*
 * "Types: deb" of a .sources file and the first word of a line of a .list file.
 * Lines that ask for sources already go: the others now say the same.
 */
static void to_sources(const char *text, bool deb822, struct ks_buf *out)
{
	while (*text) {
		size_t n = strcspn(text, "\n"), blank = strspn(text, " \t");
		const char *line = text + blank;

		if (deb822 && !strncasecmp(text, "Types:", 6))
			ks_buf_adds(out, "Types: deb-src\n");
		else if (!deb822 && ks_str_starts(line, "deb") && isspace((unsigned char)line[3]))
			ks_buf_addf(out, "deb-src%.*s\n", (int)(n - blank - 3), line + 3);
		else if (deb822)
			ks_buf_addf(out, "%.*s\n", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

static struct ks_error *copy_sources(const char *file, const char *dir)
{
	const char *base = ks_path_base(file);
	bool deb822 = ks_str_ends(base, ".sources");
	char *to = ks_asprintf("%s/parts/%s", dir, base);
	struct ks_buf in = {0}, out = {0};
	struct ks_error *err = ks_file_read(file, MAX_SOURCES, &in);

	if (!err) {
		to_sources(in.len ? in.data : "", deb822, &out);
		err = ks_file_write(to, out.len ? out.data : "", out.len, 0644);
	}
	ks_buf_free(&in);
	ks_buf_free(&out);
	free(to);
	return err;
}

/* The files that name Debian's archives: "/etc/apt/sources.list.d/debian.sources:1". */
static struct ks_error *sources_files(struct ks_strv *files)
{
	static const char *const argv[] = {"apt-get",
					   "indextargets",
					   "--format",
					   "$(SOURCESENTRY)",
					   "Created-By: Packages",
					   "Origin: Debian",
					   NULL};
	struct ks_buf text = {0};
	char *save = NULL;
	struct ks_error *err;
	int status = 0;

	err = run(argv, NULL, &text, &status);
	for (char *l = err || status || !text.len ? NULL : strtok_r(text.data, "\n", &save);
	     l && files->len < MAX_FILES; l = strtok_r(NULL, "\n", &save)) {
		char *colon = strrchr(l, ':');

		if (*l != '/' || !colon)
			continue;
		*colon = 0;
		if (!ks_strv_has(files, l))
			ks_strv_add(files, l);
	}
	ks_buf_free(&text);
	if (!err && !files->len)
		err = ks_apt_empty_error();
	return err;
}

static struct ks_error *make_dirs(const char *dir)
{
	static const char *const names[] = {"parts", "lists/partial", "cache/archives/partial"};
	struct ks_error *err = NULL;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && !err; i++) {
		char *path = ks_path_join(dir, names[i]);

		err = ks_dir_make(path);
		free(path);
	}
	return err;
}

static struct ks_error *update(const char *dir)
{
	struct ks_strv argv = {0};
	struct ks_buf text = {0};
	struct ks_error *err;
	int status = 0;

	add_options(&argv, "apt-get", dir);
	ks_strv_add(&argv, "update");
	err = run((const char *const *)argv.v, dir, &text, &status);
	if (!err && status)
		err = ks_error_new(
			KS_E_NETWORK,
			"cannot get the lists of source packages; apt-get update says:\n%s",
			text.len ? text.data : "nothing");
	ks_buf_free(&text);
	ks_strv_free(&argv);
	return err;
}

/* "6.1." of "6.1.187-1": how far two versions must agree. */
static size_t series_length(const char *version)
{
	size_t n = strcspn(version, ".");

	n += version[n] == '.';
	n += strspn(version + n, "0123456789");
	return n + (version[n] == '.');
}

static int newest_first(const void *a, const void *b)
{
	return ks_version_compare(*(char *const *)b, *(char *const *)a);
}

/* The versions of the source package up to @version, of its series, newest first. */
static struct ks_error *versions(const char *name, const char *version, const char *dir,
				 struct ks_strv *found)
{
	struct ks_strv argv = {0};
	struct ks_buf text = {0};
	char *save = NULL;
	struct ks_error *err;
	int status = 0;

	add_options(&argv, "apt-cache", dir);
	ks_strv_add(&argv, "showsrc");
	ks_strv_add(&argv, "--only-source");
	ks_strv_add(&argv, name);
	err = run((const char *const *)argv.v, dir, &text, &status);
	for (char *l = err || status || !text.len ? NULL : strtok_r(text.data, "\n", &save); l;
	     l = strtok_r(NULL, "\n", &save)) {
		const char *v = l + strlen("Version: ");

		if (ks_str_starts(l, "Version: ") && !strncmp(v, version, series_length(version)) &&
		    ks_version_compare(v, version) <= 0 && !ks_strv_has(found, v))
			ks_strv_add(found, v);
	}
	if (found->len)
		qsort(found->v, found->len, sizeof(*found->v), newest_first);
	ks_buf_free(&text);
	ks_strv_free(&argv);
	return err;
}

/* *path stays NULL where the archive does not have it; *why is then apt's last words. */
static struct ks_error *fetch(const char *name, const char *version, const char *dir,
			      struct ks_buf *why, char **path)
{
	char *file = ks_asprintf("%s/%s_%s.debian.tar.xz", dir, name, version);
	struct ks_strv argv = {0};
	struct ks_error *err;
	int status = 0;

	add_options(&argv, "apt-get", dir);
	ks_strv_add(&argv, "source");
	ks_strv_add(&argv, "--download-only");
	ks_strv_add(&argv, "--diff-only");
	ks_strv_add(&argv, "--only-source");
	ks_strv_addf(&argv, "%s=%s", name, version);
	err = run((const char *const *)argv.v, dir, why, &status);
	if (!err && !status && ks_file_exists(file)) {
		*path = file;
		file = NULL;
	}
	free(file);
	ks_strv_free(&argv);
	return err;
}

struct ks_error *ks_debsrc_fetch(const char *name, const char *version, const char *dir,
				 struct ks_report *r, char **path, char **used)
{
	struct ks_strv files = {0}, found = {0};
	struct ks_buf why = {0};
	struct ks_error *err;

	*path = *used = NULL;
	ks_step(r, "Looking for the source package %s %s", name, version);
	err = make_dirs(dir);
	if (!err)
		err = sources_files(&files);
	for (size_t i = 0; i < files.len && !err; i++)
		err = copy_sources(files.v[i], dir);
	if (!err)
		err = update(dir);
	if (!err)
		err = versions(name, version, dir, &found);
	for (size_t i = 0; i < found.len && i < TRIES && !err && !*path; i++) {
		err = fetch(name, found.v[i], dir, &why, path);
		if (!err && *path)
			*used = ks_strdup(found.v[i]);
	}
	if (!err && !*path)
		err = ks_error_new(
			KS_E_NETWORK,
			"the archive has no source package %s of version %s or before%s%s", name,
			version, why.len ? "; apt-get source says:\n" : "",
			why.len ? why.data : "");
	ks_buf_free(&why);
	ks_strv_free(&files);
	ks_strv_free(&found);
	return err;
}
