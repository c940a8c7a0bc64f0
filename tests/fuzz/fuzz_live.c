// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the tools read from the core's files: the input is the files of one
 * update, divided by form feeds.  Whatever a process calls itself, no control
 * character gets to a terminal.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "elf/note.h"
#include "live/run.h"
#include "live/stage.h"

static void check_clean(const char *text)
{
	for (; text && *text; text++)
		fuzz_check((unsigned char)*text >= ' ' || *text == '\n' || *text == '\t');
}

static void check_lines(const struct ks_strv *lines)
{
	for (size_t i = 0; i < lines->len; i++)
		check_clean(lines->v[i]);
}

static void write_files(const char *dir, const uint8_t *data, size_t size)
{
	static const char *const names[] = { "description", "stage",	 "abort_cause", "error", "pinned",
					     "conflicts",   "functions", "log", "../version" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const uint8_t *end = size ? memchr(data, '\f', size) : NULL;
		size_t len = end ? (size_t)(end - data) : size;
		char *path = ks_path_join(dir, names[i]);

		fuzz_check(fuzz_fine(ks_file_write(path, data, len, 0600)));
		free(path);
		data += len + (end != NULL);
		size -= len + (end != NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ks_live live = ks_live_system;
	char *dir = ks_path_join(fuzz_dir(), "abc");
	struct ks_live_update *u = NULL;
	struct ks_buf log = { 0 };
	struct ks_error *err;

	live.sysfs = live.run = live.modules = fuzz_dir();
	fuzz_check(fuzz_fine(ks_dir_make(dir)));
	write_files(dir, data, size);
	ks_live_core_abi(&live);
	fuzz_check(fuzz_fine(ks_live_read(&live, "abc", &u)));
	check_clean(u->description);
	check_clean(u->error);
	check_lines(&u->conflicts);
	check_lines(&u->functions);
	if (u->abort_cause)
		ks_abort_text(u->abort_cause);
	ks_live_is_applied(&live, u);
	ks_live_update_free(u);
	err = ks_stage_error(&live, "abc", ks_error_new(KS_E_FAILED, "the kernel did not say"));
	check_clean(ks_error_message(err));
	fuzz_fine(err);
	if (fuzz_fine(ks_live_log(&live, "abc", &log)))
		check_clean(log.data);
	ks_buf_free(&log);
	free(ks_note_build_id(data, size));
	free(dir);
	return 0;
}
