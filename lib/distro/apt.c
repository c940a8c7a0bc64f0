// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asks apt and lets it download; see apt.h.  The one place that knows the
 * output of apt's commands.
 */
#include "distro/apt.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"

/* Messages are parsed: no translations. */
static const char *const c_locale[] = { "LC_ALL=C", "LANGUAGE", "COLUMNS=10000", NULL };

void ks_packages_free(struct ks_packages *p)
{
	ks_vec_for(p, it) {
		free(it->name);
		free(it->version);
		free(it->arch);
		free(it->source);
		free(it->depends);
		free(it->sha256);
	}
	ks_vec_free(p);
}

const struct ks_package *ks_packages_find(const struct ks_packages *p, const char *name,
					  const char *version)
{
	const struct ks_package *best = NULL;

	ks_vec_for(p, it) {
		if (strcmp(it->name, name))
			continue;
		if (version) {
			/* A record of an archive rather than that of the installed one. */
			if (!strcmp(it->version, version) && (!best || it->fetchable))
				best = it;
		} else if (it->fetchable &&
			   (!best || ks_version_compare(it->version, best->version) > 0)) {
			best = it;
		}
	}
	return best;
}

/* Debian policy 5.6.12: ~ before everything, even the end; letters before the rest. */
static int order(int c)
{
	if (c == '~')
		return -1;
	if (isdigit(c) || !c)
		return 0;
	return isalpha(c) ? c : c + 256;
}

static int compare_part(const char *a, size_t an, const char *b, size_t bn)
{
	size_t i = 0, j = 0;

	while (i < an || j < bn) {
		size_t za, zb;

		while ((i < an && !isdigit((unsigned char)a[i])) ||
		       (j < bn && !isdigit((unsigned char)b[j]))) {
			int x = order(i < an ? (unsigned char)a[i] : 0);
			int y = order(j < bn ? (unsigned char)b[j] : 0);

			if (x != y)
				return x - y;
			i += i < an;
			j += j < bn;
		}
		while (i < an && a[i] == '0')
			i++;
		while (j < bn && b[j] == '0')
			j++;
		za = i;
		zb = j;
		while (i < an && isdigit((unsigned char)a[i]))
			i++;
		while (j < bn && isdigit((unsigned char)b[j]))
			j++;
		if (i - za != j - zb)
			return i - za < j - zb ? -1 : 1;
		if (memcmp(a + za, b + zb, i - za))
			return memcmp(a + za, b + zb, i - za);
	}
	return 0;
}

int ks_version_compare(const char *a, const char *b)
{
	const char *ca = strchr(a, ':'), *cb = strchr(b, ':'), *ra, *rb;
	long ea = ca ? strtol(a, NULL, 10) : 0, eb = cb ? strtol(b, NULL, 10) : 0;
	int c;

	if (ea != eb)
		return ea < eb ? -1 : 1;
	a = ca ? ca + 1 : a;
	b = cb ? cb + 1 : b;
	ra = strrchr(a, '-');
	rb = strrchr(b, '-');
	c = compare_part(a, ra ? (size_t)(ra - a) : strlen(a), b,
			 rb ? (size_t)(rb - b) : strlen(b));
	if (c)
		return c;
	ra = ra ? ra + 1 : "";
	rb = rb ? rb + 1 : "";
	return compare_part(ra, strlen(ra), rb, strlen(rb));
}

/* Runs one of apt's commands; *status and both outputs are the caller's. */
static struct ks_error *run(const char *const *argv, struct ks_buf *out, struct ks_buf *err_text,
			    int *status)
{
	struct ks_proc p = { .argv = argv, .env = c_locale, .out = out, .err = err_text };

	if (!ks_proc_have(argv[0]))
		return ks_error_new(KS_E_FAILED,
				    "%s is not here: kernels and their sources come from"
				    " the packages of Debian, so this needs a Debian system",
				    argv[0]);
	return ks_proc_run(&p, status);
}

/* The last "E: " line of apt's messages, or the last line of any kind. */
static const char *last_error(struct ks_buf *text)
{
	char *best = NULL, *save = NULL;

	if (!text->len)
		return "no message";
	for (char *l = strtok_r(text->data, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		if (!best || !strncmp(l, "E: ", 3) || strncmp(best, "E: ", 3))
			best = l;
	if (!best)
		return "no message";
	return strncmp(best, "E: ", 3) ? best : best + 3;
}

static struct ks_error *failed(const char *const *argv, int status, struct ks_buf *text)
{
	return ks_error_new(KS_E_FAILED, "%s %s failed with exit status %d: %s", argv[0], argv[1],
			    status, last_error(text));
}

struct ks_error *ks_apt_names(const char *prefix, struct ks_strv *names)
{
	const char *argv[] = { "apt-cache", "pkgnames", prefix, NULL };
	struct ks_buf out = { 0 }, text = { 0 };
	char *save = NULL;
	struct ks_error *err;
	int status;

	err = run(argv, &out, &text, &status);
	if (!err && status)
		err = failed(argv, status, &text);
	if (!err && out.len)
		for (char *l = strtok_r(out.data, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
			if (ks_str_starts(l, prefix))
				ks_strv_add(names, l);
	ks_strv_sort(names);
	ks_buf_free(&out);
	ks_buf_free(&text);
	return err;
}

/* One "Key: value" line of a package record; continuation lines are not ours. */
static void parse_field(struct ks_package *p, const char *line)
{
	const char *value = strchr(line, ':');
	size_t n;

	if (!value || isspace((unsigned char)*line))
		return;
	n = value - line;
	value += 1 + strspn(value + 1, " ");
#define IS(key) (n == sizeof(key) - 1 && !strncasecmp(line, key, n))
	if (IS("Package") && !p->name)
		p->name = ks_strdup(value);
	else if (IS("Version") && !p->version)
		p->version = ks_strdup(value);
	else if (IS("Architecture") && !p->arch)
		p->arch = ks_strdup(value);
	else if (IS("Source") && !p->source) /* "linux", "linux (6.1.190-1)" */
		p->source = ks_strndup(value, strcspn(value, " ("));
	else if (IS("Depends") && !p->depends)
		p->depends = ks_strdup(value);
	else if (IS("SHA256") && !p->sha256)
		p->sha256 = ks_strdup(value);
	else if (IS("Size"))
		p->size = strtoull(value, NULL, 10);
	else if (IS("Installed-Size"))
		p->installed_size = strtoull(value, NULL, 10) << 10;
	else if (IS("Filename"))
		p->fetchable = true;
#undef IS
}

static void parse_records(char *text, struct ks_packages *out)
{
	struct ks_package *p = NULL;
	char *next;

	for (char *line = text; line && *line; line = next) {
		char *nl = strchr(line, '\n');

		next = nl ? nl + 1 : NULL;
		if (nl)
			*nl = 0;
		if (!*line) {
			p = NULL;
			continue;
		}
		if (!p)
			p = ks_vec_push(out);
		parse_field(p, line);
	}
}

/* Records that lack what everybody relies on are dropped. */
static void drop_incomplete(struct ks_packages *out)
{
	size_t kept = 0;

	for (size_t i = 0; i < out->len; i++) {
		struct ks_package *p = &out->v[i];

		if (p->name && p->version && p->arch) {
			out->v[kept++] = *p;
			continue;
		}
		free(p->name);
		free(p->version);
		free(p->arch);
		free(p->source);
		free(p->depends);
		free(p->sha256);
	}
	out->len = kept;
}

struct ks_error *ks_apt_show(const struct ks_strv *names, struct ks_packages *out)
{
	struct ks_buf text = { 0 }, messages = { 0 };
	struct ks_strv argv = { 0 };
	struct ks_error *err;
	int status;

	if (!names->len)
		return NULL;
	ks_strv_add(&argv, "apt-cache");
	ks_strv_add(&argv, "show");
	for (size_t i = 0; i < names->len; i++)
		ks_strv_add(&argv, names->v[i]);
	err = run((const char *const *)argv.v, &text, &messages, &status);
	/* 100 also where some names are unknown, which is an answer. */
	if (!err && status && !text.len && messages.len &&
	    !strstr(messages.data, "No packages found") &&
	    !strstr(messages.data, "Unable to locate"))
		err = failed((const char *const *)argv.v, status, &messages);
	if (!err && text.len) {
		parse_records(text.data, out);
		drop_incomplete(out);
	}
	ks_strv_free(&argv);
	ks_buf_free(&text);
	ks_buf_free(&messages);
	return err;
}

struct ks_error *ks_apt_empty_error(void)
{
	return ks_error_new(KS_E_FAILED,
			    "apt knows no kernel packages: its lists are empty or out of"
			    " use; run as root: apt-get update");
}

static bool sha256_matches(const char *path, const char *expected)
{
	unsigned char sum[EVP_MAX_MD_SIZE], chunk[65536];
	char text[2 * EVP_MAX_MD_SIZE + 1] = "";
	unsigned int len = 0;
	EVP_MD_CTX *ctx;
	bool good;
	size_t n;
	FILE *f;

	f = fopen(path, "re");
	if (!f)
		return false;
	ctx = EVP_MD_CTX_new();
	good = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
	while (good && (n = fread(chunk, 1, sizeof(chunk), f)))
		good = EVP_DigestUpdate(ctx, chunk, n);
	good = good && !ferror(f) && EVP_DigestFinal_ex(ctx, sum, &len);
	fclose(f);
	EVP_MD_CTX_free(ctx);
	for (unsigned int i = 0; i < len; i++)
		snprintf(text + 2 * i, 3, "%02x", sum[i]);
	return good && !strcasecmp(text, expected);
}

/* Is this file the package, whole? */
static bool is_package(const char *path, const struct ks_package *p)
{
	struct stat st;

	if (stat(path, &st) || !S_ISREG(st.st_mode) || !p->size || (uint64_t)st.st_size != p->size)
		return false;
	return p->sha256 && sha256_matches(path, p->sha256);
}

/* apt writes the colon of an epoch as %3a in file names. */
static char *deb_path(const char *dir, const struct ks_package *p)
{
	struct ks_buf b = { 0 };

	ks_buf_addf(&b, "%s%s%s_", dir, ks_str_ends(dir, "/") ? "" : "/", p->name);
	for (const char *s = p->version; *s; s++)
		ks_buf_addf(&b, *s == ':' ? "%%3a" : "%c", *s);
	ks_buf_addf(&b, "_%s.deb", p->arch);
	return ks_buf_steal(&b);
}

static char *archives_dir(void)
{
	static const char *const argv[] = { "apt-config", "shell", "D", "Dir::Cache::archives/d",
					    NULL };
	struct ks_buf out = { 0 }, text = { 0 };
	char *dir = NULL;
	struct ks_error *err;
	int status;

	err = run(argv, &out, &text, &status);
	if (!err && !status && out.len > 4 && ks_str_starts(out.data, "D='"))
		dir = ks_strndup(out.data + 3, strcspn(out.data + 3, "'"));
	ks_error_free(err);
	ks_buf_free(&out);
	ks_buf_free(&text);
	return dir ? dir : ks_strdup("/var/cache/apt/archives/");
}

struct download {
	struct ks_report *report;
	uint64_t total;
	struct ks_buf messages;
};

/* "dlstatus:N:PERCENT:text" from APT::Status-Fd; everything else is kept for an error. */
static void download_line(void *arg, const char *line)
{
	struct download *d = arg;
	double percent;

	if (ks_str_starts(line, "dlstatus:")) {
		const char *p = strchr(line + strlen("dlstatus:"), ':');

		percent = p ? strtod(p + 1, NULL) : 0;
		if (percent >= 0 && percent < 100)
			ks_progress(d->report, (size_t)(percent * 10), 1000, "%.0f of %.0f MB",
				    (double)d->total * percent / 100 / 1e6, (double)d->total / 1e6);
		return;
	}
	if (ks_str_starts(line, "pmstatus:") || !*line)
		return;
	if (ks_str_starts(line, "E: ") || ks_str_starts(line, "W: ") || ks_str_starts(line, "Err:"))
		ks_buf_addf(&d->messages, "%s\n", line);
	else
		ks_note(d->report, 2, "apt-get: %s", line);
}

static bool mentions(const struct ks_buf *text, const char *const *words)
{
	for (; text->len && *words; words++)
		if (strstr(text->data, *words))
			return true;
	return false;
}

/* Why a download failed, and what the user can do about it. */
static struct ks_error *explain(struct download *d, const struct ks_strv *specs, const char *dir)
{
	static const char *const gone[] = {
		"404 ", "410 ", "Can't find a source", "Hash Sum mismatch", "was not found", NULL
	};
	static const char *const full[] = { "No space left", "enough free space", "Disk quota",
					    NULL };
	static const char *const network[] = { "resolve",     "onnect",		 "timed out",
					       "unreachable", "Failed to fetch", NULL };
	bool is_gone = mentions(&d->messages, gone), is_full = mentions(&d->messages, full),
	     is_network = mentions(&d->messages, network);
	const char *why = last_error(&d->messages);
	struct ks_buf names = { 0 };
	struct ks_error *err;

	for (size_t i = 0; i < specs->len; i++)
		ks_buf_addf(&names, "%s%s", i ? " " : "", specs->v[i]);
	if (is_full)
		err = ks_error_new(KS_E_SYSTEM,
				   "no space left in %s to download %s; free some and run"
				   " the same command again",
				   dir, names.data);
	else if (is_gone)
		err = ks_error_new(KS_E_NETWORK,
				   "the archive does not have %s (any more): %s; run as"
				   " root: apt-get update",
				   names.data, why);
	else
		err = ks_error_new(is_network ? KS_E_NETWORK : KS_E_FAILED,
				   "cannot download %s: %s; check the network, or, if only root has"
				   " access, run as root: apt-get install --download-only %s",
				   names.data, why, names.data);
	ks_buf_free(&names);
	return err;
}

static struct ks_error *download(const struct ks_strv *specs, uint64_t total, const char *dir,
				 struct ks_report *r)
{
	struct download d = { .report = r, .total = total };
	struct ks_strv argv = { 0 };
	struct ks_proc p = {
		.cwd = dir,
		.env = c_locale,
		.line = download_line,
		.arg = &d,
	};
	struct ks_error *err;
	int status;

	ks_strv_add(&argv, "apt-get");
	ks_strv_add(&argv, "download");
	ks_strv_add(&argv, "-oAPT::Status-Fd=1");
	ks_strv_add(&argv, "-oAcquire::Retries=2");
	/* As root, apt would drop to a user who cannot write here, and warn about it. */
	if (!geteuid())
		ks_strv_add(&argv, "-oAPT::Sandbox::User=root");
	for (size_t i = 0; i < specs->len; i++)
		ks_strv_add(&argv, specs->v[i]);
	p.argv = (const char *const *)argv.v;
	if (!ks_proc_have("apt-get"))
		err = ks_error_new(KS_E_FAILED, "apt-get is not here: this needs a Debian system");
	else
		err = ks_proc_run(&p, &status);
	ks_progress(r, 1, 1, "%s", "");
	if (!err && status)
		err = explain(&d, specs, dir);
	ks_strv_free(&argv);
	ks_buf_free(&d.messages);
	return err;
}

struct ks_error *ks_apt_fetch(const struct ks_package *const *packages, size_t n, const char *dir,
			      struct ks_report *r, char **paths)
{
	char *archives = archives_dir();
	struct ks_strv specs = { 0 };
	struct ks_error *err = NULL;
	uint64_t total = 0;

	memset(paths, 0, n * sizeof(*paths));
	for (size_t i = 0; i < n; i++) {
		char *own = deb_path(dir, packages[i]), *apts = deb_path(archives, packages[i]);

		if (is_package(own, packages[i])) {
			paths[i] = ks_strdup(own);
		} else if (is_package(apts, packages[i])) {
			ks_note(r, 1, "%s is used as it is", apts);
			paths[i] = ks_strdup(apts);
		} else {
			ks_strv_addf(&specs, "%s=%s", packages[i]->name, packages[i]->version);
			total += packages[i]->size;
		}
		free(own);
		free(apts);
	}
	if (specs.len) {
		ks_step(r, "Downloading %zu package%s (%.0f MB)", specs.len,
			specs.len > 1 ? "s" : "", (double)total / 1e6);
		err = ks_dir_need_space(dir, total);
		if (!err)
			err = download(&specs, total, dir, r);
	}
	for (size_t i = 0; i < n && !err; i++) {
		if (paths[i])
			continue;
		paths[i] = deb_path(dir, packages[i]);
		if (!is_package(paths[i], packages[i]))
			err = ks_error_new(KS_E_NETWORK,
					   "%s is not what apt's lists describe; run as"
					   " root: apt-get update",
					   paths[i]);
	}
	for (size_t i = 0; i < n && err; i++) {
		free(paths[i]);
		paths[i] = NULL;
	}
	ks_strv_free(&specs);
	free(archives);
	return err;
}

struct ks_error *ks_dpkg_installed(const char *name, char **version)
{
	const char *argv[] = { "dpkg-query", "-W", "-f=${db:Status-Status} ${Version}\n", name,
			       NULL };
	static const char begin[] = "installed ";
	struct ks_buf out = { 0 }, text = { 0 };
	struct ks_error *err;
	int status;

	*version = NULL;
	err = run(argv, &out, &text, &status);
	/* 1: no such package. */
	if (!err && status > 1)
		err = failed(argv, status, &text);
	if (!err && !status && out.len && ks_str_starts(out.data, begin))
		*version = ks_strndup(out.data + strlen(begin),
				      strcspn(out.data + strlen(begin), "\n"));
	ks_buf_free(&out);
	ks_buf_free(&text);
	return err;
}

struct ks_error *ks_dpkg_architecture(char **arch)
{
	static const char *const argv[] = { "dpkg", "--print-architecture", NULL };
	struct ks_buf out = { 0 }, text = { 0 };
	struct ks_error *err;
	int status;

	err = run(argv, &out, &text, &status);
	if (!err && (status || !out.len))
		err = failed(argv, status, &text);
	if (!err)
		*arch = ks_strndup(out.data, strcspn(out.data, "\n"));
	ks_buf_free(&out);
	ks_buf_free(&text);
	return err;
}
