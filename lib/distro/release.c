// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernels of the archive; see release.h.
 *
 * Package names: linux-image-RELEASE (signed; -unsigned is the same kernel
 * without the signature), linux-headers-RELEASE, which depends on
 * linux-headers-ABI-common[-FEATURE] and linux-kbuild-SERIES (-ABI since
 * 6.12), and linux-source-SERIES, all of one version.  Meta-packages like
 * linux-image-6.12-cloud-amd64 look the same but for the "common" headers.
 */
#include "distro/release.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/proc.h"

#define IMAGE "linux-image-"
#define HEADERS "linux-headers-"
#define SOURCE "linux-source-"
#define UNSIGNED "-unsigned"

/* How many releases an error names. */
#define SHOWN 8

const char *ks_release_flavour(const char *release)
{
	/*
	 * 6.1.0-56-cloud-amd64, 6.12.117+deb12-rt-amd64: what follows the first
	 * dash that is followed by a letter.
	 */
	for (const char *p = strchr(release, '-'); p; p = strchr(p + 1, '-'))
		if (isalpha((unsigned char)p[1]))
			return p + 1;
	return NULL;
}

/* "6.1.192-2" -> "6.1" */
static char *series_of(const char *version)
{
	const char *dot = strchr(version, '.');
	size_t n = dot ? dot + 1 - version : 0;

	n += dot ? strspn(dot + 1, "0123456789") : 0;
	return ks_strndup(version, n);
}

/* The release in the name of an image package, or NULL where it is none. */
static char *image_release(const char *name, const char *arch)
{
	const char *r = name + strlen(IMAGE), *flavour;
	size_t n = strlen(r);
	char *release;

	if (!isdigit((unsigned char)*r))
		return NULL;
	if (ks_str_ends(r, UNSIGNED))
		n -= strlen(UNSIGNED);
	release = ks_strndup(r, n);
	flavour = ks_release_flavour(release);
	if (!flavour || !ks_str_ends(flavour, arch)) {
		free(release);
		return NULL;
	}
	return release;
}

/* The first alternative of @depends that begins with @prefix and contains @part. */
static char *dependency(const char *depends, const char *prefix, const char *part)
{
	char *copy = ks_strdup(depends ? depends : ""), *save = NULL, *found = NULL;

	for (char *d = strtok_r(copy, ",|", &save); d && !found; d = strtok_r(NULL, ",|", &save)) {
		d += strspn(d, " ");
		d[strcspn(d, " (:")] = 0;
		if (ks_str_starts(d, prefix) && strstr(d, part))
			found = ks_strdup(d);
	}
	free(copy);
	return found;
}

static const struct ks_package *dependency_package(const struct ks_catalogue *c,
						   const char *depends, const char *prefix,
						   const char *part, const char *version)
{
	char *name = dependency(depends, prefix, part);
	const struct ks_package *p = NULL;

	if (name && version)
		p = ks_packages_find(&c->packages, name, version);
	else if (name)
		p = ks_packages_find(&c->packages, name, NULL);
	free(name);
	return p;
}

static void fill(const struct ks_catalogue *c, struct ks_release *r)
{
	char *headers = ks_asprintf(HEADERS "%s", r->release);
	char *source = ks_asprintf(SOURCE "%s", r->series);
	struct ks_buf lacks = { 0 };

	r->headers = ks_packages_find(&c->packages, headers, r->version);
	if (r->headers) {
		r->common =
			dependency_package(c, r->headers->depends, HEADERS, "-common", r->version);
		/* Its version need not be exact, and the exact one disappears first. */
		r->kbuild =
			dependency_package(c, r->headers->depends, "linux-kbuild-", "", r->version);
		if (!r->kbuild)
			r->kbuild = dependency_package(c, r->headers->depends, "linux-kbuild-", "",
						       NULL);
	}
	r->source = ks_packages_find(&c->packages, source, r->version);
	if (!r->headers || !r->common || !r->kbuild)
		ks_buf_adds(&lacks, "its headers");
	if (!r->source)
		ks_buf_addf(&lacks, "%sits source (%s %s)", lacks.len ? " and " : "", source,
			    r->version);
	r->lacks = lacks.len ? ks_buf_steal(&lacks) : NULL;
	free(headers);
	free(source);
}

static bool is_meta(const struct ks_package *p)
{
	char *on = dependency(p->depends, IMAGE, "");
	bool meta = on != NULL;

	free(on);
	return meta;
}

static struct ks_release *lookup(struct ks_catalogue *c, const char *release, const char *version)
{
	ks_vec_for(c, it)
		if (!strcmp(it->release, release) && !strcmp(it->version, version))
			return it;
	return NULL;
}

static int compare(const void *a, const void *b)
{
	const struct ks_release *x = a, *y = b;
	int c = ks_version_compare(x->version, y->version);

	return c ? c : strcmp(x->release, y->release);
}

static void collect(struct ks_catalogue *c)
{
	ks_vec_for(&c->packages, p) {
		struct ks_release *r;
		char *release;

		if (!ks_str_starts(p->name, IMAGE) || is_meta(p))
			continue;
		release = image_release(p->name, c->arch);
		if (!release)
			continue;
		r = lookup(c, release, p->version);
		if (!r) {
			r = ks_vec_push(c);
			r->release = ks_strdup(release);
			r->version = ks_strdup(p->version);
			r->flavour = ks_strdup(ks_release_flavour(release));
			r->series = series_of(p->version);
		}
		/* The signed one if there is one, and one that can be had. */
		if (!r->image || (p->fetchable && !r->image->fetchable) ||
		    (p->fetchable == r->image->fetchable && ks_str_ends(r->image->name, UNSIGNED)))
			r->image = p;
		free(release);
	}
	ks_vec_for(c, r)
		fill(c, r);
	if (c->len)
		qsort(c->v, c->len, sizeof(*c->v), compare);
}

/* The names to ask for: images, the headers they may have, sources, kbuild. */
static struct ks_error *read_names(const char *arch, struct ks_strv *names)
{
	static const char *const prefixes[] = { "linux-kbuild-", SOURCE };
	struct ks_strv found = { 0 };
	struct ks_error *err;

	err = ks_apt_names(IMAGE, &found);
	for (size_t i = 0; i < found.len && !err; i++) {
		char *release = image_release(found.v[i], arch);

		if (release)
			ks_strv_add(names, found.v[i]);
		free(release);
	}
	ks_strv_free(&found);
	if (!err)
		err = ks_apt_names(HEADERS, &found);
	for (size_t i = 0; i < found.len && !err; i++)
		if (isdigit((unsigned char)found.v[i][strlen(HEADERS)]) &&
		    (ks_str_ends(found.v[i], arch) || strstr(found.v[i], "-common")))
			ks_strv_add(names, found.v[i]);
	ks_strv_free(&found);
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes) && !err; i++)
		err = ks_apt_names(prefixes[i], names);
	return err;
}

struct ks_error *ks_catalogue_read(struct ks_catalogue *c)
{
	struct ks_strv names = { 0 };
	struct ks_error *err;

	memset(c, 0, sizeof(*c));
	err = ks_dpkg_architecture(&c->arch);
	if (!err && strcmp(c->arch, "amd64"))
		err = ks_error_new(KS_E_REFUSED, "this is an %s system; ksplice knows amd64 only",
				   c->arch);
	if (!err)
		err = read_names(c->arch, &names);
	if (!err)
		err = ks_apt_show(&names, &c->packages);
	if (!err)
		collect(c);
	ks_strv_free(&names);
	if (err)
		ks_catalogue_free(c);
	return err;
}

void ks_catalogue_free(struct ks_catalogue *c)
{
	ks_vec_for(c, it) {
		free(it->release);
		free(it->version);
		free(it->flavour);
		free(it->series);
		free(it->lacks);
	}
	ks_vec_free(c);
	ks_packages_free(&c->packages);
	free(c->arch);
	c->arch = NULL;
}

/* "a, b, c and 12 more": complete releases, those of the flavour of @like first, newest first. */
static char *available(const struct ks_catalogue *c, const char *like)
{
	const char *flavour = like ? ks_release_flavour(like) : NULL;
	struct ks_buf b = { 0 };
	size_t n = 0, shown = 0;

	for (int pass = 0; pass < 2; pass++)
		for (size_t i = c->len; i; i--) {
			const struct ks_release *r = &c->v[i - 1];
			bool same = flavour && !strcmp(r->flavour, flavour);

			if (r->lacks || same == (pass == 1))
				continue;
			n++;
			if (shown == SHOWN)
				continue;
			ks_buf_addf(&b, "%s%s", shown++ ? ", " : "", r->release);
		}
	if (n > shown)
		ks_buf_addf(&b, " and %zu more (ksplice-prepare --list)", n - shown);
	return n ? ks_buf_steal(&b) : ks_strdup("none");
}

struct ks_error *ks_catalogue_find(const struct ks_catalogue *c, const char *release,
				   const char *version, const struct ks_release **found)
{
	const struct ks_release *best = NULL;
	const char *other = NULL;
	struct ks_error *err;
	char *list;

	ks_vec_for(c, it) {
		if (strcmp(it->release, release))
			continue;
		other = it->version;
		if (version ? !strcmp(it->version, version) : !best || best->lacks || !it->lacks)
			best = it;
	}
	if (best) {
		*found = best;
		return NULL;
	}
	if (!c->len)
		return ks_apt_empty_error();
	if (other)
		return ks_error_new(
			KS_E_USAGE,
			"apt has %s as version %s, version %s is what is needed;"
			" run as root: apt-get update; or install version %s of the kernel"
			" and run it",
			release, other, version, other);
	list = available(c, release);
	err = ks_error_new(KS_E_USAGE, "apt does not know the kernel %s; available: %s%s", release,
			   list,
			   ks_release_flavour(release) ? " (after `apt-get update` as root there"
							 " may be more)"
						       : "");
	free(list);
	return err;
}

struct ks_error *ks_distro_newest(const struct ks_catalogue *c, const char *pattern,
				  const struct ks_release **found)
{
	const struct ks_release *best = NULL;
	struct ks_error *err;
	char *list;

	ks_vec_for(c, it) {
		int order;

		if (it->lacks || (pattern && fnmatch(pattern, it->release, 0)))
			continue;
		order = best ? ks_version_compare(it->version, best->version) : 1;
		if (order > 0 || (!order && strlen(it->release) < strlen(best->release)))
			best = it;
	}
	if (best) {
		*found = best;
		return NULL;
	}
	if (!c->len)
		return ks_apt_empty_error();
	list = available(c, NULL);
	err = ks_error_new(KS_E_FAILED,
			   "apt has no kernel%s%s with image, headers and source of one"
			   " version; available: %s",
			   pattern ? " that matches " : "", pattern ? pattern : "", list);
	free(list);
	return err;
}
