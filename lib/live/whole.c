// SPDX-License-Identifier: GPL-2.0-only
/* Whole fixed modules on the disk; see whole.h. */
#include "live/whole.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/file.h"
#include "elf/note.h"
#include "live/module.h"

static const struct ks_manifest_whole *find(const struct ks_manifest *m, const char *target)
{
	ks_vec_for(&m->whole, w)
		if (!strcmp(w->target, target))
			return w;
	return NULL;
}

bool ks_whole_has(const struct ks_manifest *m, const struct ks_strv *targets)
{
	for (size_t i = 0; i < targets->len; i++)
		if (find(m, targets->v[i]))
			return true;
	return false;
}

static bool is_loaded(const struct ks_live *live, const char *target, const char *build_id)
{
	struct ks_buf note = { 0 };
	char *path, *id = NULL;
	bool same;

	if (!*build_id || !ks_module_ready(live, target))
		return false;
	path = ks_asprintf("%s/%s/notes/.note.gnu.build-id", live->modules, target);
	ks_error_free(ks_file_read(path, 4096, &note));
	id = ks_note_build_id(note.data, note.len);
	same = !strcmp(id, build_id);
	free(id);
	free(path);
	ks_buf_free(&note);
	return same;
}

bool ks_whole_is_loaded(const struct ks_live *live, const struct ks_manifest *m, const char *target)
{
	const struct ks_manifest_whole *w = find(m, target);

	return w && is_loaded(live, target, w->build_id);
}

static char *release_of(const struct ks_live *live)
{
	struct utsname u;

	if (live->release)
		return ks_strdup(live->release);
	return ks_strdup(uname(&u) ? "" : u.release);
}

/* .../updates/ksplice, or below it. */
static char *place(const struct ks_live *live, const char *id)
{
	char *release = release_of(live);
	char *path = ks_asprintf("%s/%s/updates/ksplice%s%s", live->lib_modules, release, *id ? "/" : "", id);

	free(release);
	return path;
}

/* Two fixed builds of one module: nothing says which has both fixes. */
static struct ks_error *check_others(const struct ks_live *live, const char *id, const char *target)
{
	char *top = place(live, "");
	DIR *dir = opendir(top);
	struct ks_error *err = NULL;
	struct dirent *e;

	while (dir && !err && (e = readdir(dir))) {
		char *path = ks_asprintf("%s/%s/%s.ko", top, e->d_name, target);

		if (*e->d_name != '.' && strcmp(e->d_name, id) && ks_file_exists(path))
			err = ks_error_new(KS_E_REFUSED,
					   "the update %s has put a fixed module %s on the disk already (%s); undo it first",
					   e->d_name, target, path);
		free(path);
	}
	if (dir)
		closedir(dir);
	free(top);
	return err;
}

static struct ks_error *update_index(const struct ks_live *live)
{
	char *release = release_of(live), *said = NULL;
	struct ks_error *err = NULL;

	if (!live->depmod(live, release, &said))
		err = ks_error_new(KS_E_FAILED, "depmod %s: %s", release, said ? said : "it failed");
	free(said);
	free(release);
	return err;
}

static struct ks_error *copy_one(const struct ks_live *live, const struct ks_pack *pack,
				 const struct ks_manifest_whole *w, const char *dir)
{
	char *from = ks_pack_file(pack, w->file), *to = ks_asprintf("%s/%s.ko", dir, w->target);
	struct ks_error *err = check_others(live, pack->manifest.id, w->target);

	if (!err)
		err = ks_dir_make(dir);
	if (!err)
		err = ks_file_copy(from, to);
	/* In the unpacked package it is for its owner alone; here it is like the modules beside it. */
	if (!err && chmod(to, 0644))
		err = ks_error_errno(errno, "cannot set the permissions of %s", to);
	free(from);
	free(to);
	return err;
}

struct ks_error *ks_whole_install(const struct ks_live *live, const struct ks_pack *pack,
				  const struct ks_strv *targets, struct ks_strv *installed)
{
	char *dir = place(live, pack->manifest.id);
	struct ks_error *err = NULL;

	for (size_t i = 0; !err && i < targets->len; i++) {
		const struct ks_manifest_whole *w = find(&pack->manifest, targets->v[i]);

		if (!w)
			continue;
		err = copy_one(live, pack, w, dir);
		ks_strv_add(installed, w->target);
	}
	if (!err && installed->len)
		err = update_index(live);
	if (err && installed->len) {
		ks_error_free(ks_whole_remove(live, pack->manifest.id, NULL, NULL));
		ks_strv_free(installed);
	}
	free(dir);
	return err;
}

/* Which of the modules in @dir are those that are loaded? */
static void find_loaded(const struct ks_live *live, const char *dir, struct ks_strv *loaded)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char *path = ks_path_join(dir, e->d_name), *id = NULL, *name;

		if (ks_str_ends(e->d_name, ".ko")) {
			name = ks_strndup(e->d_name, strlen(e->d_name) - 3);
			ks_error_free(ks_file_build_id(path, &id));
			if (id && is_loaded(live, name, id))
				ks_strv_add(loaded, name);
			free(name);
		}
		free(id);
		free(path);
	}
	if (d)
		closedir(d);
	ks_strv_sort(loaded);
}

struct ks_error *ks_whole_remove(const struct ks_live *live, const char *id, bool *had,
				 struct ks_strv *loaded)
{
	char *dir = place(live, id), *top = place(live, "");
	bool there = ks_file_is_dir(dir);
	struct ks_error *err;

	if (there && loaded)
		find_loaded(live, dir, loaded);
	err = there ? ks_dir_remove(dir) : NULL;
	if (there && !err) {
		/* The last one takes the directory along, where nothing else is in it. */
		rmdir(top);
		err = update_index(live);
	}
	if (had)
		*had = there;
	free(dir);
	free(top);
	return err;
}
