// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does a module have a name at all?  Asked of the text of its original source,
 * for no list of symbols has what the objects of a module share.  Which objects
 * are one module's is not known before they are compiled, but that one makefile
 * lists them all.
 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "build/simple.h"
#include "build/state.h"
#include "build/token.h"

/* What the object is compiled from; false where the build generates that. */
static bool read_source(struct ks_build *b, const char *target, struct ks_buf *text,
			struct ks_error **err)
{
	static const char *const endings[] = { "c", "S" };
	char *object = ks_path_normal(target);
	bool found = false;

	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings) && !found; i++) {
		char *path = ks_asprintf("%s/%.*s%s", b->source, (int)strlen(object) - 1, object,
					 endings[i]);

		found = ks_file_exists(path);
		if (found)
			*err = ks_file_read(path, KS_BUILD_MAX_FILE, text);
		free(path);
	}
	free(object);
	return found;
}

/*
 * May a macro of the text paste the name together, one that has one end of it:
 * "btrfs_get_##bits" makes btrfs_get_32?
 */
static bool may_paste(const struct ks_buf *text, const char *name)
{
	const char *begin = ks_buf_text(text), *end = begin + text->len, *p = begin;
	size_t len = strlen(name);

	while ((p = memmem(p, end - p, "##", 2))) {
		const char *left = p, *right = p + 2, *q;

		while (left > begin && (left[-1] == ' ' || left[-1] == '\t'))
			left--;
		for (q = left; q > begin && ks_word_char(q[-1]); q--)
			;
		if (left - q > 1 && (size_t)(left - q) < len && !memcmp(name, q, left - q))
			return true;
		while (right < end && (*right == ' ' || *right == '\t'))
			right++;
		for (q = right; q < end && ks_word_char(*q); q++)
			;
		if (q - right > 1 && (size_t)(q - right) < len &&
		    !memcmp(name + len - (q - right), right, q - right))
			return true;
		p += 2;
	}
	return false;
}

/* Takes those out of @names that the text has. */
static void strike(struct ks_strv *names, const struct ks_buf *text)
{
	size_t kept = 0;

	for (size_t i = 0; i < names->len; i++) {
		struct ks_strv one = { .v = &names->v[i], .len = 1 };

		if (ks_text_mentions(text, &one) || may_paste(text, names->v[i]))
			free(names->v[i]);
		else
			names->v[kept++] = names->v[i];
	}
	names->len = kept;
}

static bool same_makefile(const struct ks_strv *a, const struct ks_strv *b)
{
	return a->len && b->len && !strcmp(a->v[a->len - 1], b->v[b->len - 1]);
}

struct ks_error *ks_build_unmentioned(struct ks_build *b, const struct ks_build_unit *unit,
				      struct ks_strv *names)
{
	struct ks_roster_list list = { 0 };
	struct ks_roster *roster;
	struct ks_error *err;

	if (!names->len)
		return NULL;
	err = ks_roster_open(b, &roster);
	if (err)
		return err;
	ks_roster_all(roster, &list);
	ks_vec_for(&list.entries, e) {
		struct ks_buf text = { 0 };

		if (!err && names->len && same_makefile(&e->way, &unit->way) &&
		    read_source(b, e->target, &text, &err) && !err)
			strike(names, &text);
		ks_buf_free(&text);
	}
	ks_roster_list_free(&list);
	ks_roster_free(roster);
	return err;
}
