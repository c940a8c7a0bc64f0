// SPDX-License-Identifier: GPL-2.0-only
/* What the administrator says (config.c), and what a machine remembers (state.c, log.c). */
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "tap.h"
#include "uptrack/config.h"
#include "uptrack/log.h"
#include "uptrack/state.h"

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char *dir;
static struct ks_uptrack up;
static struct ks_strv notes;

static void take_note(struct ks_report *r, int level, const char *text)
{
	(void)r;
	(void)level;
	ks_strv_add(&notes, text);
}

static struct ks_report report = { .note = take_note };

static struct ks_error *config(const char *text, struct ks_uptrack_config *c)
{
	char *path = ks_path_join(dir, "uptrack.conf");
	struct ks_error *err;

	die(ks_file_write(path, text, strlen(text), 0644));
	err = ks_uptrack_config_read(path, c);
	free(path);
	return err;
}

static void test_config(void)
{
	static const char *const wrong[][2] = {
		{ "x\n", "line 1: \"x\" is neither" },
		{ "[Settings]\nautoinstal = yes\n", "line 2: there is no setting autoinstal in [Settings]" },
		{ "[Setting]\nautoinstall = yes\n", "[Setting]" },
		{ "autoinstall = yes\n", "in []" },
		{ "[Settings]\n\nautoinstall = maybe\n", "line 3: autoinstall = maybe: say yes or no" },
		{ "[Auth]\naccesskey = a\033b\n", "control character" },
	};
	struct ks_uptrack_config c;

	tap_fine(ks_uptrack_config_read("/nowhere/uptrack.conf", &c), "no file");
	tap_ok(c.install_on_reboot && !c.autoinstall && !c.update_repo_url, "is as an empty one");
	ks_uptrack_config_free(&c);
	tap_fine(config("# mine\n[Auth]\naccesskey= k=1 \r\n;x\n[ Network ]\nupdate_repo_url =https://u\n"
			"https_proxy =\n[Settings]\ninstall_on_reboot = No\nautoinstall=yes\n"
			"[Status]\nmetrics_file=/m.prom\n",
			&c),
		 "settings");
	tap_ok(!strcmp(c.accesskey, "k=1") && !strcmp(c.update_repo_url, "https://u") &&
		       !c.https_proxy && !c.install_on_reboot && c.autoinstall &&
		       !strcmp(c.metrics_file, "/m.prom"),
	       "are what they say");
	ks_uptrack_config_free(&c);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		tap_error(config(wrong[i][0], &c), KS_E_INPUT, wrong[i][1], wrong[i][1]);
}

static struct ks_state *open_state(void)
{
	struct ks_state *s;

	die(ks_state_open(&up, 0, NULL, &s));
	return s;
}

static void test_state(void)
{
	struct ks_state *s, *again;
	struct ks_state_kernel *k;
	char *uuid;

	tap_fine(ks_state_read(&up, &s), "a machine that remembers nothing");
	tap_ok(!*s->uuid && !s->kernels.len && !ks_file_exists(up.state),
	       "nor begins to by being looked at");
	tap_error(ks_state_save(s), KS_E_FAILED, "lock", "who only looks writes nothing");
	ks_state_close(s);

	s = open_state();
	uuid = ks_strdup(s->uuid);
	tap_ok(strlen(uuid) == 36 && uuid[14] == '4', "it gets a name of its own: %s", uuid);
	k = ks_state_kernel(s, "debian/amd64/R/V");
	k->serial = 7;
	ks_state_add(k, "aa", "One", SHA, 100);
	ks_state_add(k, "bb", "Two \"quoted\"", SHA, 200);
	ks_state_add(k, "cc", "Three", SHA, 300);
	ks_state_add(k, "aa", "One again", SHA, 101);
	ks_state_drop(k, "bb");
	ks_state_drop(k, "never");
	ks_state_set(&s->pending, "install cc");
	ks_state_set(&s->held, "it went down");
	ks_strv_add(&s->keys, "a key");
	tap_fine(ks_state_save(s), "saved");
	ks_state_close(s);

	s = open_state();
	k = ks_state_kernel(s, "debian/amd64/R/V");
	tap_ok(k->serial == 7 && k->installed.len == 2 && !strcmp(k->installed.v[0].id, "aa") &&
		       !strcmp(k->installed.v[0].name, "One again") &&
		       k->installed.v[0].size == 101 && !strcmp(k->installed.v[1].id, "cc") &&
		       !strcmp(k->installed.v[1].sha256, SHA),
	       "read again: the order is kept");
	tap_ok(!strcmp(s->pending, "install cc") && !strcmp(s->held, "it went down") &&
		       !s->pending_boot && s->keys.len == 1,
	       "and all else");
	tap_ok(!strcmp(s->uuid, uuid), "the name stays");
	for (int i = 0; i < 40; i++) {
		char *name = ks_asprintf("debian/amd64/R/%d", i);

		ks_state_kernel(s, name)->serial = i + 1;
		free(name);
	}
	tap_ok(s->kernels.len <= 32 && ks_state_kernel(s, "debian/amd64/R/39")->serial == 40,
	       "kernels of long ago are forgotten");
	free(uuid);

	tap_error(ks_state_open(&up, 0, NULL, &again), KS_E_REFUSED, "test_state (pid ",
		  "a second one is told who is at work");
	ks_state_close(s);
}

static void test_wait(void)
{
	struct ks_state *s;
	int ready[2];
	pid_t pid;
	char c;

	if (pipe(ready) || (pid = fork()) < 0)
		exit(1);
	if (!pid) {
		s = open_state();
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		usleep(700 * 1000);
		_exit(0);
	}
	if (read(ready[0], &c, 1) != 1)
		exit(1);
	tap_fine(ks_state_open(&up, 20, &report, &s), "one that waits");
	tap_ok(notes.len == 1 && strstr(notes.v[0], "Waiting for test_state (pid "),
	       "says for whom");
	ks_state_close(s);
	waitpid(pid, NULL, 0);
}

static void test_damage(void)
{
	static const char *const wrong[] = {
		"",
		"{",
		"[]",
		"{\"format\": 1}",
		"{\"format\": 2, \"kernels\": [], \"keys\": [], \"dropped\": []}",
		"{\"format\": 1, \"kernels\": [7], \"keys\": [], \"dropped\": []}",
		"{\"format\": 1, \"kernels\": [{\"kernel\": \"k\", \"serial\": -1, \"sha256\": \"\", \"installed\": []}], \"keys\": [], \"dropped\": []}",
		"{\"format\": 1, \"kernels\": [{\"kernel\": \"k\", \"serial\": 1, \"sha256\": \"\", \"installed\": [{\"id\": \"a\"}]}], \"keys\": [], \"dropped\": []}",
	};
	char *path = ks_path_join(up.state, "state.json");
	struct ks_state *s;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		die(ks_file_write(path, wrong[i], strlen(wrong[i]), 0644));
		tap_error(ks_state_open(&up, 0, NULL, &s), KS_E_INPUT, "is damaged", wrong[i]);
	}
	unlink(path);
	free(path);
}

static void test_full_disk(void)
{
	struct ks_state *s = open_state();
	char *path = ks_path_join(up.state, "state.json"), *tmp;
	struct ks_error *err;
	struct stat st;

	die(ks_state_save(s));
	/* A directory in the way of the new file is as good as a disk that is full. */
	ks_state_kernel(s, "k")->serial = 9;
	tmp = s->dir;
	s->dir = ks_strdup("/dev/full/x");
	err = ks_state_save(s);
	tap_ok(err != NULL, "a state that cannot be written is an error");
	ks_error_free(err);
	tap_ok(!stat(path, &st) && st.st_size > 10, "and the old one is whole");
	free(s->dir);
	s->dir = tmp;
	ks_state_close(s);
	free(path);
}

static void test_log(void)
{
	struct ks_buf text = { 0 };

	tap_ok(ks_uptrack_log(&up, "one\ntwo %s", "\033[2J"), "a line of the log");
	tap_ok(ks_uptrack_log(&up, "three"), "and another");
	die(ks_file_read(up.log, 1000, &text));
	tap_ok(strstr(text.data, "]: one two ?[2J\n2") && strstr(text.data, "]: three\n"),
	       "each is one line, whatever is in it");
	ks_buf_free(&text);
	free((char *)up.log);
	up.log = "/nowhere/log";
	tap_ok(!ks_uptrack_log(&up, "x"), "no log: told, and no more");
}

int main(void)
{
	die(ks_dir_temp("ksplice-test-state", &dir));
	up.state = ks_path_join(dir, "lib/state");
	up.log = ks_path_join(dir, "log");
	up.proc = "/proc";
	test_config();
	test_state();
	test_wait();
	test_damage();
	test_full_disk();
	test_log();
	die(ks_dir_remove(dir));
	return tap_done();
}
