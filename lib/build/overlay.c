// SPDX-License-Identifier: GPL-2.0-only
/*
 * The overlay: for the post objects, the farm's links to the files that the
 * patch changes are replaced by the patched files, and put back afterwards.
 *
 * A run can be killed at any point, so the order is: the files complete in
 * overlay/, then the journal overlay.list, then one rename(2) a file into the
 * farm.  Undoing goes by the journal, can be repeated, and is the first thing
 * that the next run does (ks_build_open).  The journal goes last.
 *
 * Nothing here may reach the source: a file is only ever renamed over an entry
 * of a real directory of the farm (ks_farm_open_parent).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "build/lines.h"
#include "build/state.h"

#define MAX_JOURNAL (16u << 20)

static char *journal_path(const struct ks_build *b)
{
	return ks_path_join(b->cache, "overlay.list");
}

/* The content that the post side compiles. */
static struct ks_error *write_patched(struct ks_build *b, const struct ks_change *c, size_t n,
				      bool line_directives)
{
	char *patched = ks_asprintf("%s/patched/%s", b->cache, c->path);
	char *original = ks_path_join(b->source, c->path);
	char *to = ks_asprintf("%s/overlay/%zu", b->cache, n);
	struct ks_buf old = { 0 }, new = { 0 }, out = { 0 };
	struct ks_error *err = ks_file_read(patched, KS_BUILD_MAX_FILE, &new);

	/* In assembly "#line" may be a comment, and nothing depends on the numbers. */
	if (!err && line_directives && c->kind == KS_CHANGE_MODIFIED &&
	    !ks_str_ends(c->path, ".S")) {
		err = ks_file_read(original, KS_BUILD_MAX_FILE, &old);
		if (!err)
			ks_lines_keep(&old, &new, &out);
	} else if (!err) {
		ks_buf_add(&out, new.data, new.len);
	}
	if (!err)
		err = ks_file_write(to, ks_buf_text(&out), out.len, 0644);
	ks_buf_free(&old);
	ks_buf_free(&new);
	ks_buf_free(&out);
	free(patched);
	free(original);
	free(to);
	return err;
}

static struct ks_error *put_in(struct ks_build *b, const struct ks_change *c, size_t n)
{
	char *from = ks_asprintf("%s/overlay/%zu", b->cache, n);
	struct ks_error *err;
	int parent = -1;

	err = ks_farm_open_parent(b, c->path, true, &parent);
	if (!err) {
		const char *name = ks_path_base(c->path);
		int failed = c->kind == KS_CHANGE_REMOVED
				     ? unlinkat(parent, name, 0)
				     : renameat(AT_FDCWD, from, parent, name);

		if (failed)
			err = ks_error_errno(errno, "cannot replace %s/%s", b->farm, c->path);
		close(parent);
	}
	free(from);
	return err;
}

static struct ks_error *write_journal(struct ks_build *b)
{
	char *journal = journal_path(b);
	struct ks_buf list = { 0 };
	struct ks_error *err;

	ks_vec_for(&b->changes, c)
		if (c->compiled)
			ks_buf_addf(&list, "%s\n", c->path);
	err = ks_file_write(journal, ks_buf_text(&list), list.len, 0644);
	ks_buf_free(&list);
	free(journal);
	return err;
}

struct ks_error *ks_overlay_apply(struct ks_build *b, bool line_directives)
{
	char *dir = ks_path_join(b->cache, "overlay");
	struct ks_error *err;
	size_t n = 0;

	err = ks_dir_remove(dir);
	if (!err)
		err = ks_dir_make(dir);
	ks_vec_for(&b->changes, c) {
		if (!err && c->compiled && c->kind != KS_CHANGE_REMOVED)
			err = write_patched(b, c, n, line_directives);
		n++;
	}
	if (!err)
		err = write_journal(b);
	n = 0;
	ks_vec_for(&b->changes, c) {
		if (!err && c->compiled)
			err = put_in(b, c, n);
		n++;
	}
	if (err)
		ks_error_free(ks_overlay_undo(b));
	free(dir);
	return err;
}

struct ks_error *ks_overlay_undo(struct ks_build *b)
{
	char *journal = journal_path(b), *dir = ks_path_join(b->cache, "overlay"), *line, *next;
	struct ks_buf list = { 0 };
	struct ks_error *err = NULL;
	struct stat st;

	if (!stat(journal, &st)) {
		err = ks_generated_purge(b, &st.st_mtim);
		if (!err)
			err = ks_file_read(journal, MAX_JOURNAL, &list);
		for (line = list.data; !err && line && *line; line = next) {
			next = line + strcspn(line, "\n");
			if (*next)
				*next++ = 0;
			err = ks_farm_restore(b, line);
		}
		if (!err && unlink(journal))
			err = ks_error_errno(errno, "cannot remove %s", journal);
	}
	if (!err)
		err = ks_dir_remove(dir);
	ks_buf_free(&list);
	free(journal);
	free(dir);
	return err;
}
