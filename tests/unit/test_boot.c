// SPDX-License-Identifier: GPL-2.0-only
/* The guard of the boot (lib/uptrack/boot.c), over boots that end well and others. */
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "tap.h"
#include "uptrack/boot.h"

static char *dir;
static struct ks_uptrack up;

static void put(const char *path, const char *text)
{
	char *full = ks_path_join(dir, path), *parent = ks_strndup(full, ks_path_base(full) - full);

	die(ks_dir_make(parent));
	die(ks_file_write(full, text, strlen(text), 0644));
	free(parent);
	free(full);
}

static bool there(const char *path)
{
	char *full = ks_path_join(dir, path);
	bool is = ks_file_exists(full);

	free(full);
	return is;
}

static void boot(const char *id)
{
	char *line = ks_asprintf("%s\n", id);

	put("proc/sys/kernel/random/boot_id", line);
	free(line);
}

static struct ks_state *look_back(void)
{
	struct ks_state *s;

	die(ks_state_open(&up, 0, NULL, &s));
	tap_fine(ks_boot_look_back(&up, s), "look back");
	return s;
}

/* What the next command of the machine would see. */
static bool held_is(const char *part)
{
	struct ks_state *s;
	bool is;

	die(ks_state_read(&up, &s));
	is = part ? s->held && strstr(s->held, part) : !s->held;
	if (!is)
		printf("# held: %s\n", s->held ? s->held : "no");
	ks_state_close(s);
	return is;
}

static void test_mark(void)
{
	struct ks_state *s;

	boot("one");
	s = look_back();
	tap_ok(held_is(NULL), "nothing has happened yet");
	tap_fine(ks_boot_mark(&up), "a mark");
	ks_state_close(s);
	s = look_back();
	tap_ok(held_is(NULL) && there("state/booting"), "of this boot is no bad sign");
	ks_state_close(s);
	tap_fine(ks_boot_unmark(&up), "the machine is well");
	tap_ok(!there("state/booting"), "the mark is gone");
	tap_fine(ks_boot_unmark(&up), "and it is no error to say so again");

	die(ks_boot_mark(&up));
	boot("two");
	tap_fine(ks_boot_unmark(&up), "the mark of another boot");
	tap_ok(there("state/booting"), "stays, to be found");
	s = look_back();
	tap_ok(held_is("within minutes"), "a boot that did not survive: held");
	tap_ok(!there("state/booting"), "the mark has done its duty");
	ks_state_close(s);
	boot("three");
	s = look_back();
	tap_ok(held_is("within minutes"), "and stays held, until somebody decides");
	ks_state_set(&s->held, NULL);
	die(ks_state_save(s));
	ks_state_close(s);
	put("state/booting", "");
	s = look_back();
	tap_ok(held_is("within minutes"), "an empty mark, of a disk that lost it, counts");
	ks_state_set(&s->held, NULL);
	die(ks_state_save(s));
	ks_state_close(s);
}

static void test_pending(void)
{
	struct ks_state *s;

	boot("one");
	s = look_back();
	ks_state_set(&s->pending, "install [aa] Mends it");
	ks_state_set(&s->pending_boot, "one");
	die(ks_state_save(s));
	ks_state_close(s);
	s = look_back();
	tap_ok(held_is(NULL) && !s->pending, "a command that was killed: the machine is well");
	ks_state_set(&s->pending, "install [aa] Mends it");
	ks_state_set(&s->pending_boot, "one");
	die(ks_state_save(s));
	ks_state_close(s);
	boot("two");
	s = look_back();
	tap_ok(held_is("install [aa] Mends it") && !s->pending, "the machine went down meanwhile: held, and said at what");
	ks_state_close(s);
	tap_ok(there("log"), "it is in the log");
}

static void test_switches(void)
{
	put("proc/cmdline", "root=/dev/vda1 quiet\n");
	tap_ok(!ks_boot_disabled(&up), "switched on");
	put("proc/cmdline", "root=/dev/vda1 nouptrackx xnouptrack a=nouptrack\n");
	tap_ok(!ks_boot_disabled(&up), "another word of the command line");
	put("proc/cmdline", "root=/dev/vda1 nouptrack\n");
	tap_ok(ks_boot_disabled(&up) && strstr(ks_boot_disabled(&up), "nouptrack"), "nouptrack");
	put("proc/cmdline", "quiet\n");
	put("etc/disable", "");
	tap_ok(ks_boot_disabled(&up) && strstr(ks_boot_disabled(&up), "disable"), "the file");
}

int main(void)
{
	die(ks_dir_temp("ksplice-test-boot", &dir));
	up.state = ks_path_join(dir, "state");
	up.etc = ks_path_join(dir, "etc");
	up.proc = ks_path_join(dir, "proc");
	up.log = ks_path_join(dir, "log");
	test_mark();
	test_pending();
	test_switches();
	die(ks_dir_remove(dir));
	return tap_done();
}
