// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state of files of the source: what tells that one has changed.  Size and
 * both times: the time of the last change of the inode also moves where
 * somebody has set the other one back.
 *
 * And the inputs: makefiles, Kconfig files and what the kernel's own build
 * tools are made from.  When one of these changes, obj/ is prepared again from
 * scratch (build.c).  The headers and sources of an object are in the object's
 * own stamp.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/proc.h"
#include "build/state.h"

/* Deeper than any source tree: a loop of mounts must end. */
#define MAX_DEPTH 40

void ks_inputs_signature(const char *path, struct ks_buf *out)
{
	struct stat st;

	if (stat(path, &st)) {
		ks_buf_adds(out, "-");
		return;
	}
	ks_buf_addf(out, "%lld %lld.%09ld %lld.%09ld", (long long)st.st_size,
		    (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (long long)st.st_ctim.tv_sec,
		    st.st_ctim.tv_nsec);
}

/* Neither makefiles that kbuild reads on x86 nor anything of its tools. */
static bool skipped(const char *dir)
{
	return !strcmp(dir, "Documentation") || !strcmp(dir, "ksplice") ||
	       !strcmp(dir, "tools/testing") || !strcmp(dir, "tools/perf") ||
	       ks_path_base(dir)[0] == '.' ||
	       (ks_str_starts(dir, "arch/") && !strchr(dir + 5, '/') && strcmp(dir + 5, "x86"));
}

static bool is_input(const char *path)
{
	static const char *const dirs[] = { "scripts/", "tools/", "arch/x86/tools/",
					    "arch/x86/entry/syscalls/" };
	static const char *const names[] = { "Makefile", "Kconfig", "Kbuild", "localversion" };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		if (ks_str_starts(path, dirs[i]))
			return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (ks_str_starts(ks_path_base(path), names[i]))
			return true;
	return false;
}

static struct ks_error *scan(struct ks_build *b, const char *dir, int depth, struct ks_strv *found)
{
	char *full = *dir ? ks_path_join(b->source, dir) : ks_strdup(b->source);
	struct ks_error *err = NULL;
	struct dirent *e;
	DIR *d = opendir(full);

	if (!d)
		err = ks_error_errno(errno, "cannot read %s", full);
	else if (depth > MAX_DEPTH)
		err = ks_error_new(KS_E_INPUT,
				   "%s: more than %d directories deep: not a kernel source", full,
				   MAX_DEPTH);
	while (!err && (errno = 0, e = readdir(d))) {
		unsigned char type = e->d_type;
		char *path;
		struct stat st;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		path = ks_asprintf("%s%s%s", dir, *dir ? "/" : "", e->d_name);
		/* Some file systems do not say. */
		if (type == DT_UNKNOWN && !fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW))
			type = IFTODT(st.st_mode);
		if (type == DT_DIR && !skipped(path))
			err = scan(b, path, depth + 1, found);
		else if (type == DT_REG && is_input(path))
			ks_strv_add(found, path);
		free(path);
	}
	if (!err && errno)
		err = ks_error_errno(errno, "cannot read %s", full);
	if (!err && ks_interrupted())
		err = ks_interrupted_error();
	if (d)
		closedir(d);
	free(full);
	return err;
}

struct ks_error *ks_inputs_scan(struct ks_build *b, struct ks_buf *out)
{
	struct ks_strv found = { 0 };
	struct ks_error *err = scan(b, "", 0, &found);

	/* readdir's order is the file system's own. */
	ks_strv_sort(&found);
	for (size_t i = 0; !err && i < found.len; i++) {
		char *path = ks_path_join(b->source, found.v[i]);

		ks_buf_addf(out, "%s ", found.v[i]);
		ks_inputs_signature(path, out);
		ks_buf_adds(out, "\n");
		free(path);
	}
	ks_strv_free(&found);
	return err;
}
