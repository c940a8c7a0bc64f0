// SPDX-License-Identifier: GPL-2.0-only
/* Finds or fetches the stock image of a release; see kernel.h. */
#include "distro/kernel.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"
#include "distro/deb.h"
#include "distro/image.h"
#include "distro/release.h"

/* Unfinished directories in the cache begin so; whoever has the lock removes them. */
#define UNFINISHED ".new-"

void ks_image_free(struct ks_image *image)
{
	if (!image)
		return;
	free(image->release);
	free(image->version);
	free(image->vmlinuz);
	free(image->modules_dir);
	free(image->config);
	free(image);
}

char *ks_distro_running_release(void)
{
	struct utsname u;

	return ks_strdup(uname(&u) ? "unknown" : u.release);
}

char *ks_distro_running_version(void)
{
	struct utsname u;

	return uname(&u) ? NULL : ks_image_banner_version(u.version);
}

struct ks_error *ks_distro_cache_dir(char **path)
{
	const char *own = getenv("KSPLICE_CACHE"), *xdg = getenv("XDG_CACHE_HOME"),
		   *home = getenv("HOME");
	struct ks_error *err;
	char *p;

	if (own && *own)
		p = ks_strdup(own);
	else if (!geteuid())
		p = ks_strdup("/var/cache/ksplice");
	else if (xdg && *xdg == '/')
		p = ks_path_join(xdg, "ksplice");
	else if (home && *home)
		p = ks_path_join(home, ".cache/ksplice");
	else
		return ks_error_new(KS_E_USAGE, "no place for downloads: HOME is not set; set"
						" KSPLICE_CACHE to a directory");
	err = ks_dir_make(p);
	if (!err)
		err = ks_path_resolve(p, path);
	free(p);
	return ks_error_prefix(err, "cache (KSPLICE_CACHE chooses another place)");
}

/*
 * The image below @root, if it is there, whole, and of that version (NULL:
 * any); else NULL.
 */
static struct ks_image *image_in(const char *root, const char *release, const char *version)
{
	struct ks_image *image = ks_alloc(sizeof(*image));
	char *says = NULL, *deps;
	struct ks_error *err;
	bool good;

	image->vmlinuz = ks_asprintf("%s/boot/vmlinuz-%s", root, release);
	image->config = ks_asprintf("%s/boot/config-%s", root, release);
	image->modules_dir = ks_asprintf("%s/lib/modules/%s", root, release);
	deps = ks_path_join(image->modules_dir, "modules.dep");
	good = !access(image->vmlinuz, R_OK) && !access(image->config, R_OK) && !access(deps, R_OK);
	free(deps);
	if (good) {
		err = ks_image_identify(image->vmlinuz, &says, &image->version);
		good = !err && !strcmp(says, release) && image->version &&
		       (!version || !strcmp(version, image->version));
		ks_error_free(err);
		free(says);
	}
	if (!good) {
		ks_image_free(image);
		return NULL;
	}
	image->release = ks_strdup(release);
	return image;
}

static struct ks_error *remove_unfinished(const char *kernels)
{
	struct ks_error *err = NULL;
	struct dirent *e;
	DIR *d;

	d = opendir(kernels);
	if (!d)
		return ks_error_errno(errno, "cannot list %s", kernels);
	while (!err && (e = readdir(d))) {
		char *path;

		if (!ks_str_starts(e->d_name, UNFINISHED))
			continue;
		path = ks_path_join(kernels, e->d_name);
		err = ks_dir_remove(path);
		free(path);
	}
	closedir(d);
	return err;
}

/* The package has no modules.dep: its installation script makes it. */
static struct ks_error *run_depmod(const char *root, const char *release)
{
	static const char *const places[] = { "depmod", "/sbin/depmod", "/usr/sbin/depmod" };
	const char *argv[] = { NULL, "-b", root, release, NULL };
	struct ks_proc p = { .argv = argv };

	for (size_t i = 0; i < sizeof(places) / sizeof(*places) && !argv[0]; i++)
		if (ks_proc_have(places[i]))
			argv[0] = places[i];
	if (!argv[0])
		return ks_error_new(KS_E_FAILED,
				    "depmod is missing; run as root: apt-get install kmod");
	return ks_proc_check(&p);
}

/* From Debian 13 on, packages name the directory below /usr. */
static struct ks_error *merge_usr(const char *root)
{
	char *usr = ks_path_join(root, "usr/lib/modules"), *lib = ks_path_join(root, "lib");
	struct ks_error *err = NULL;

	if (ks_file_is_dir(usr) && !ks_file_exists(lib) && symlink("usr/lib", lib))
		err = ks_error_errno(errno, "cannot create the link %s", lib);
	free(usr);
	free(lib);
	return err;
}

static struct ks_error *fetch_into(const char *dir, const struct ks_release *rel,
				   struct ks_report *r)
{
	static const char *const only[] = { "boot/", "lib/modules/", "usr/lib/modules/", NULL };
	struct ks_unpack u = { .dest = dir, .only = only, .report = r, .what = rel->image->name };
	char *deb = NULL;
	struct ks_error *err;

	err = ks_dir_need_space(dir, rel->image->size + rel->image->installed_size);
	if (!err)
		err = ks_apt_fetch(&rel->image, 1, dir, r, &deb);
	if (err)
		return err;
	ks_step(r, "Unpacking %s %s", rel->image->name, rel->version);
	err = ks_deb_unpack(deb, &u);
	if (!err)
		err = merge_usr(dir);
	if (!err)
		err = run_depmod(dir, rel->release);
	/* One that apt keeps in its own cache stays there. */
	if (!strncmp(deb, dir, strlen(dir)))
		unlink(deb);
	free(deb);
	return err;
}

/* Fetches the image to a new directory and puts that in the place of what is there. */
static struct ks_error *fetch(const char *kernels, const struct ks_release *rel,
			      struct ks_report *r)
{
	char *temp = ks_asprintf("%s/" UNFINISHED "XXXXXX", kernels);
	char *old = ks_asprintf("%s/" UNFINISHED "old", kernels);
	char *dest = ks_path_join(kernels, rel->release);
	struct ks_image *image = NULL;
	struct ks_error *err;

	if (!mkdtemp(temp)) {
		err = ks_error_errno(errno, "cannot create a directory in %s", kernels);
		goto out;
	}
	err = fetch_into(temp, rel, r);
	if (!err) {
		image = image_in(temp, rel->release, rel->version);
		if (!image)
			err = ks_error_new(KS_E_INPUT,
					   "%s %s does not hold the kernel %s of that"
					   " version",
					   rel->image->name, rel->version, rel->release);
		ks_image_free(image);
	}
	/* mkdtemp() is private; others may read a cache of root's. */
	if (!err && chmod(temp, 0755))
		err = ks_error_errno(errno, "cannot set the permissions of %s", temp);
	if (!err && rename(dest, old) && errno != ENOENT)
		err = ks_error_errno(errno, "cannot replace %s", dest);
	if (!err && rename(temp, dest))
		err = ks_error_errno(errno, "cannot rename %s to %s", temp, dest);
	ks_error_free(ks_dir_remove(old));
	ks_error_free(ks_dir_remove(temp));
out:
	free(temp);
	free(old);
	free(dest);
	return err;
}

static struct ks_error *from_cache(const char *release, const char *version, struct ks_report *r,
				   struct ks_image **image)
{
	char *cache, *kernels, *dir;
	struct ks_catalogue c = { 0 };
	const struct ks_release *rel;
	struct ks_error *err;
	int lock = -1;

	err = ks_distro_cache_dir(&cache);
	if (err)
		return err;
	kernels = ks_path_join(cache, "kernels");
	dir = ks_path_join(kernels, release);
	*image = image_in(dir, release, version);
	if (*image)
		goto out;
	err = ks_dir_make(kernels);
	if (!err)
		err = ks_dir_lock(kernels, true, &lock);
	if (err)
		goto out;
	/* Somebody else may have fetched it while we waited. */
	*image = image_in(dir, release, version);
	if (*image)
		goto out;
	err = remove_unfinished(kernels);
	if (!err)
		err = ks_catalogue_read(&c);
	if (!err)
		err = ks_catalogue_find(&c, release, version, &rel);
	if (!err && !rel->image->fetchable)
		err = ks_error_new(
			KS_E_NETWORK,
			"the kernel %s %s is installed, but not all of it is"
			" readable here, and apt has no package of it; run as root: apt-get"
			" update",
			release, rel->version);
	if (!err)
		err = fetch(kernels, rel, r);
	if (!err) {
		*image = image_in(dir, release, rel->version);
		if (!*image)
			err = ks_error_new(KS_E_FAILED, "%s disappeared while it was looked at",
					   dir);
	}
	ks_catalogue_free(&c);
out:
	if (lock >= 0)
		close(lock);
	free(cache);
	free(kernels);
	free(dir);
	return err;
}

struct ks_error *ks_distro_image_version(const char *release, const char *version,
					 struct ks_report *r, struct ks_image **image)
{
	char *running = ks_distro_running_release(), *running_version = NULL;
	struct ks_error *err = NULL;

	if (!release)
		release = running;
	/* The running kernel may not be the one that is installed by now. */
	if (!version && !strcmp(release, running))
		version = running_version = ks_distro_running_version();
	/* It becomes part of paths. */
	if (!*release || strchr(release, '/') || *release == '.') {
		err = ks_error_new(KS_E_USAGE, "\"%s\" is not the name of a kernel release",
				   release);
		goto out;
	}
	*image = image_in("", release, version);
	if (!*image)
		err = from_cache(release, version, r, image);
	if (!err)
		ks_note(r, 1, "Kernel image: %s (%s)", (*image)->vmlinuz, (*image)->version);
out:
	free(running);
	free(running_version);
	return err;
}

struct ks_error *ks_distro_image(const char *release, struct ks_report *r, struct ks_image **image)
{
	return ks_distro_image_version(release, NULL, r, image);
}
