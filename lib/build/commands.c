// SPDX-License-Identifier: GPL-2.0-only
/*
 * How kbuild compiles a unit: the compiler's arguments, for running the
 * preprocessor alone (examine.c).  kbuild is asked once for each unit
 * (make -n, some 10 ms); the answers are kept in the file "commands" as long as
 * the build's key holds, which covers all makefiles and the configuration.
 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "build/state.h"

#define HEAD "ksplice commands 1 "

struct command {
	char *target, *arguments; /* NULL: kbuild does not say */
};

struct commands {
	struct ks_buf text; /* lines "TARGET<TAB>ARGUMENTS"; the list points into it */
	KS_VEC(struct command) list;
};

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct command *)a)->target, ((const struct command *)b)->target);
}

static void parse(struct commands *c, size_t start)
{
	char *save = NULL;

	for (char *line = strtok_r(c->text.data + start, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *tab = strchr(line, '\t');

		if (!tab)
			continue;
		*tab = 0;
		*ks_vec_push(&c->list) = (struct command){ line, tab + 1 };
	}
	if (c->list.len)
		qsort(c->list.v, c->list.len, sizeof(*c->list.v), compare);
}

static struct ks_error *load(struct ks_build *b, const char *path, struct commands *c)
{
	char *head = ks_asprintf(HEAD "%s\n", b->key);
	struct ks_error *err = NULL;

	if (ks_file_exists(path))
		err = ks_file_read(path, KS_BUILD_MAX_FILE, &c->text);
	if (!err && (!c->text.data || !ks_str_starts(c->text.data, head))) {
		ks_buf_free(&c->text);
		ks_buf_adds(&c->text, head);
	}
	free(head);
	return err;
}

static const char *find(const struct commands *c, const char *target)
{
	struct command key = { .target = (char *)target }, *found;

	if (!c->list.len)
		return NULL;
	found = bsearch(&key, c->list.v, c->list.len, sizeof(*c->list.v), compare);
	return found ? found->arguments : NULL;
}

/* Asks for those that are not known, and keeps what kbuild says. */
static struct ks_error *ask(struct ks_build *b, const char *path, struct commands *c,
			    struct ks_build_unit **units, size_t n)
{
	struct ks_strv said = { 0 };
	struct ks_error *err;

	if (n > 100)
		ks_step(b->report, "Asking the kernel's makefiles how %zu objects are compiled (once)",
			n);
	err = ks_kbuild_commands(b, units, n, &said);
	for (size_t i = 0; i + 1 < said.len; i += 2)
		ks_buf_addf(&c->text, "%s\t%s\n", said.v[i], said.v[i + 1]);
	if (!err)
		err = ks_file_write(path, c->text.data, c->text.len, 0644);
	ks_strv_free(&said);
	return err;
}

struct ks_error *ks_commands_get(struct ks_build *b, struct ks_build_unit **units, size_t n,
				 char **arguments)
{
	char *path = ks_path_join(b->cache, "commands");
	struct ks_build_unit **missing = ks_alloc((n + 1) * sizeof(*missing));
	struct commands c = { 0 };
	struct ks_error *err = load(b, path, &c);
	size_t start, nr = 0;
	char *copy;

	if (err)
		goto out;
	start = strcspn(c.text.data, "\n") + 1;
	copy = ks_strdup(c.text.data);
	parse(&c, start);
	for (size_t i = 0; i < n; i++)
		if (!find(&c, units[i]->target))
			missing[nr++] = units[i];
	/* Parsing has cut the text into pieces. */
	ks_buf_free(&c.text);
	ks_buf_adds(&c.text, copy);
	free(copy);
	if (nr)
		err = ask(b, path, &c, missing, nr);
	if (!err) {
		c.list.len = 0;
		parse(&c, start);
	}
	for (size_t i = 0; i < n && !err; i++) {
		const char *found = find(&c, units[i]->target);

		arguments[i] = found ? ks_strdup(found) : NULL;
	}
out:
	ks_vec_free(&c.list);
	ks_buf_free(&c.text);
	free(missing);
	free(path);
	return err;
}
