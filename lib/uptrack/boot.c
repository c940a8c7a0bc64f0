// SPDX-License-Identifier: GPL-2.0-only
/* Did the machine survive? See boot.h. */
#include "uptrack/boot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "uptrack/log.h"

#define MAX_CMDLINE (64u << 10)

static bool has_word(char *line, const char *word)
{
	char *save = NULL;

	for (char *w = strtok_r(line, " \n", &save); w; w = strtok_r(NULL, " \n", &save))
		if (!strcmp(w, word))
			return true;
	return false;
}

const char *ks_boot_disabled(const struct ks_uptrack *up)
{
	char *disable = ks_path_join(up->etc, "disable"),
	     *cmdline = ks_path_join(up->proc, "cmdline");
	struct ks_buf text = { 0 };
	const char *why = NULL;

	ks_error_free(ks_file_read(cmdline, MAX_CMDLINE, &text));
	if (ks_file_exists(disable))
		why = "the file \"disable\" is there";
	else if (text.data && has_word(text.data, "nouptrack"))
		why = "the kernel was booted with nouptrack";
	ks_buf_free(&text);
	free(disable);
	free(cmdline);
	return why;
}

static char *mark_path(const struct ks_uptrack *up)
{
	return ks_path_join(up->state, "booting");
}

/* The boot that left the mark, or NULL. */
static char *marked_boot(const struct ks_uptrack *up)
{
	char *path = mark_path(up);
	struct ks_buf text = { 0 };

	/* One that cannot be read is there all the same, and of no boot that is known. */
	if (ks_file_exists(path)) {
		ks_buf_adds(&text, "");
		ks_error_free(ks_file_read(path, 256, &text));
		text.data[strcspn(text.data, "\n")] = 0;
	}
	free(path);
	return text.data;
}

static struct ks_error *remove_mark(const struct ks_uptrack *up)
{
	char *path = mark_path(up);
	struct ks_error *err = NULL;

	if (unlink(path) && errno != ENOENT)
		err = ks_error_errno(errno, "cannot remove %s", path);
	free(path);
	return err;
}

struct ks_error *ks_boot_look_back(const struct ks_uptrack *up, struct ks_state *state)
{
	char *now = ks_boot_id(up), *marked = marked_boot(up);
	bool lost = marked && strcmp(marked, now);
	bool pending = state->pending != NULL;
	struct ks_error *err = NULL;

	if (lost) {
		ks_state_set(&state->held,
			     "the machine went down within minutes after its updates had been applied at boot");
	} else if (pending && strcmp(state->pending_boot ? state->pending_boot : "", now)) {
		char *held = ks_asprintf("the machine went down during this: %s", state->pending);

		ks_state_set(&state->held, held);
		free(held);
		lost = true;
	}
	ks_state_set(&state->pending, NULL);
	ks_state_set(&state->pending_boot, NULL);
	if (lost)
		ks_uptrack_log(up, "Held: %s.", state->held);
	/* First the state: between the two, the mark says it once more. */
	if (lost || pending)
		err = ks_state_save(state);
	if (!err && marked && strcmp(marked, now))
		err = remove_mark(up);
	free(now);
	free(marked);
	return err;
}

struct ks_error *ks_boot_mark(const struct ks_uptrack *up)
{
	char *path = mark_path(up), *boot = ks_boot_id(up), *line = ks_asprintf("%s\n", boot);
	struct ks_error *err = ks_file_write_durable(path, line, strlen(line), 0644);

	free(path);
	free(boot);
	free(line);
	return err;
}

struct ks_error *ks_boot_unmark(const struct ks_uptrack *up)
{
	char *now = ks_boot_id(up), *marked = marked_boot(up);
	struct ks_error *err = NULL;

	if (marked && !strcmp(marked, now))
		err = remove_mark(up);
	free(now);
	free(marked);
	return err;
}
