// SPDX-License-Identifier: GPL-2.0-only
/* Tests of lib/base: files, directories, child processes, signals. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/term.h"
#include "tap.h"

static char *dir;

static char *in_dir(const char *name)
{
	return ks_path_join(dir, name);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static bool mode_is(const char *path, mode_t mode)
{
	struct stat st;

	return !lstat(path, &st) && (st.st_mode & 07777) == mode;
}

static void test_read_write(void)
{
	char *path = in_dir("file"), *copy = in_dir("copy");
	struct ks_buf b = { 0 };

	tap_fine(ks_file_write(path, "hello\n", 6, 0640), "write a file");
	tap_ok(mode_is(path, 0640), "its mode");
	ks_buf_adds(&b, "x");
	tap_fine(ks_file_read(path, 6, &b), "read it, exactly as large as allowed");
	tap_ok(b.len == 7 && !strcmp(b.data, "xhello\n"), "the content is appended");
	tap_error(ks_file_read(path, 5, &b), KS_E_INPUT, "too large", "one byte too many");
	tap_ok(b.len == 7 && !strcmp(b.data, "xhello\n"), "the buffer is as before");
	tap_error(ks_file_read("/nonexistent/x", 10, &b), KS_E_SYSTEM, "/nonexistent/x",
		  "a file that is not there");
	tap_error(ks_file_read(dir, 10, &b), KS_E_SYSTEM, dir, "a directory is no file");
	ks_buf_free(&b);
	tap_fine(ks_file_read("/proc/self/stat", 65536, &b), "a file without a size");
	tap_ok(b.len > 10, "has content");
	ks_buf_free(&b);
	tap_error(ks_file_read("/dev/zero", 1000, &b), KS_E_INPUT, "too large", "an endless file");
	ks_buf_free(&b);
	chmod(path, 0755);
	tap_fine(ks_file_copy(path, copy), "copy");
	tap_ok(mode_is(copy, 0755), "with its mode");
	tap_fine(ks_file_write(path, "new", 3, 0600), "overwrite");
	tap_fine(ks_file_read(copy, 100, &b), "the copy");
	tap_ok(b.len == 6, "is not changed by it");
	tap_error(ks_file_copy(dir, copy), KS_E_INPUT, "not a regular file", "copy of a directory");
	tap_error(ks_file_write("/nonexistent/x", "", 0, 0600), KS_E_SYSTEM, "/nonexistent/x",
		  "write where nothing can be");
	ks_buf_free(&b);
	free(path);
	free(copy);
}

static void test_dirs(void)
{
	char *deep = in_dir("a/b/c"), *a = in_dir("a"), *file = in_dir("a/b/f"),
	     *link = in_dir("a/l");
	char *victim = in_dir("victim"), *kept = in_dir("victim/kept"), *p;
	int fd, fd2;

	tap_fine(ks_dir_make(deep), "make nested directories");
	tap_ok(ks_file_is_dir(deep), "they are there");
	tap_fine(ks_dir_make(deep), "make them again");
	tap_fine(ks_file_write(file, "", 0, 0400), "a read-only file in there");
	tap_error(ks_dir_make(file), KS_E_SYSTEM, file, "a file where a directory should be");
	if (ks_dir_make(victim) || ks_file_write(kept, "", 0, 0600) || symlink(victim, link))
		tap_ok(false, "setup");
	p = ks_asprintf("%s/b", a);
	chmod(p, 0500);
	free(p);
	tap_fine(ks_dir_remove(a), "remove them, with a read-only directory and a link");
	tap_ok(!ks_file_exists(a), "they are gone");
	tap_ok(ks_file_exists(kept), "what the link led to is there");
	tap_fine(ks_dir_remove(a), "remove what is not there");
	tap_fine(ks_dir_temp("ks-test", &p), "a temporary directory");
	tap_ok(mode_is(p, 0700), "is private");
	tap_fine(ks_dir_lock(p, false, &fd), "lock it");
	tap_error(ks_dir_lock(p, false, &fd2), KS_E_REFUSED, "in use", "a second time");
	close(fd);
	tap_fine(ks_dir_lock(p, true, &fd), "after it was given back");
	close(fd);
	tap_fine(ks_dir_remove(p), "remove it");
	free(p);
	p = in_dir("none/of/this");
	tap_fine(ks_dir_need_space(p, 1), "room for a byte");
	tap_error(ks_dir_need_space(p, 1ull << 60), KS_E_SYSTEM, "no space", "room for an exabyte");
	free(p);
	tap_fine(ks_dir_need_space("relative", 1), "room at a relative path");
	p = ks_path_join("a/", "b");
	tap_ok(!strcmp(p, "a/b"), "join a/ and b");
	free(p);
	p = ks_path_join("a", "/b");
	tap_ok(!strcmp(p, "/b"), "join a and /b");
	free(p);
	tap_ok(!strcmp(ks_path_base("/x/y"), "y") && !strcmp(ks_path_base("y"), "y"), "base name");
	free(deep);
	free(a);
	free(file);
	free(link);
	free(victim);
	free(kept);
}

static void count_line(void *arg, const char *line)
{
	struct ks_strv *lines = arg;

	ks_strv_add(lines, line);
}

static void test_proc(void)
{
	static const char *const both[] = { "sh", "-c", "echo out; echo err >&2; exit 3", NULL };
	static const char *const lines[] = { "sh", "-c", "printf 'one\\ntwo\\n\\nlast'", NULL };
	static const char *const none[] = { "ks-no-such-command", NULL };
	static const char *const cat[] = { "cat", NULL };
	static const char *const kill_self[] = { "sh", "-c", "kill -9 $$", NULL };
	static const char *const env[] = { "sh", "-c", "echo \"$KS_A|${KS_B-unset}\"", NULL };
	static const char *const changes[] = { "KS_A=1=2", "KS_B", NULL };
	static const char *const pwd[] = { "pwd", NULL };
	static const char *const big[] = { "sh", "-c", "head -c 3000000 /dev/zero", NULL };
	static const char *const linger[] = { "sh", "-c", "sleep 30 & echo done", NULL };
	struct ks_buf out = { 0 }, err = { 0 };
	struct ks_strv seen = { 0 };
	struct ks_proc p = { .argv = both, .out = &out, .err = &err };
	char *text;
	double start;
	int status;

	tap_fine(ks_proc_run(&p, &status), "run a command");
	tap_ok(status == 3 && !strcmp(out.data, "out\n") && !strcmp(err.data, "err\n"),
	       "its status and its two outputs");
	ks_buf_free(&out);
	ks_buf_free(&err);
	p = (struct ks_proc){ .argv = both, .out = &out, .err = &out };
	tap_fine(ks_proc_run(&p, &status), "both outputs in one buffer");
	tap_ok(!strcmp(out.data, "out\nerr\n"), "in order");
	ks_buf_free(&out);
	tap_error(ks_proc_check(&p), KS_E_FAILED, "exit status 3", "check tells the status");
	ks_buf_free(&out);
	p = (struct ks_proc){ .argv = both };
	tap_error(ks_proc_check(&p), KS_E_FAILED, "err", "and what was printed");
	p = (struct ks_proc){ .argv = lines, .line = count_line, .arg = &seen };
	tap_fine(ks_proc_run(&p, &status), "line by line");
	tap_ok(seen.len == 4 && !strcmp(seen.v[1], "two") && !*seen.v[2] &&
		       !strcmp(seen.v[3], "last"),
	       "also an empty and an unfinished one");
	p = (struct ks_proc){ .argv = none };
	tap_error(ks_proc_run(&p, &status), KS_E_FAILED, "not installed",
		  "a command that is not there");
	p = (struct ks_proc){ .argv = pwd, .cwd = "/nonexistent" };
	tap_error(ks_proc_run(&p, &status), KS_E_SYSTEM, "/nonexistent",
		  "a directory that is not there");
	text = ks_alloc(1000001);
	memset(text, 'x', 1000000);
	p = (struct ks_proc){ .argv = cat, .input = text, .out = &out };
	tap_fine(ks_proc_run(&p, &status), "a megabyte of input");
	tap_ok(out.len == 1000000 && !strcmp(out.data, text), "comes back");
	ks_buf_free(&out);
	free(text);
	p = (struct ks_proc){ .argv = cat, .out = &out };
	tap_fine(ks_proc_run(&p, &status), "no input");
	tap_ok(!out.len && !status, "is at its end");
	p = (struct ks_proc){ .argv = kill_self };
	tap_fine(ks_proc_run(&p, &status), "a command that is killed");
	tap_ok(status == 128 + SIGKILL, "its status");
	setenv("KS_B", "set", 1);
	p = (struct ks_proc){ .argv = env, .env = changes, .out = &out };
	tap_fine(ks_proc_run(&p, &status), "a changed environment");
	tap_ok(!strcmp(out.data, "1=2|unset\n"), "added and removed");
	ks_buf_free(&out);
	p = (struct ks_proc){ .argv = pwd, .cwd = "/", .out = &out };
	tap_fine(ks_proc_run(&p, &status), "another directory");
	tap_ok(!strcmp(out.data, "/\n"), "is where it runs");
	ks_buf_free(&out);
	tap_fine(ks_proc_output(big, &out), "three megabytes of output");
	tap_ok(out.len == 3000000, "are all there");
	ks_buf_free(&out);
	start = seconds();
	tap_fine(ks_proc_output(linger, &out), "a command that leaves a child with its pipe");
	tap_ok(seconds() - start < 5 && !strcmp(out.data, "done\n"), "is not waited for");
	ks_buf_free(&out);
	tap_ok(ks_proc_have("sh") && !ks_proc_have("ks-no-such-command") && !ks_proc_have("/tmp"),
	       "look for commands");
	ks_strv_free(&seen);
}

/* In a child of the test: is interrupted while a command runs; exit code 0: as it should be. */
static int interrupted_child(const char *pid_file)
{
	char *script = ks_asprintf("sleep 60 & echo $! > %s; trap 'exit 5' TERM; wait", pid_file);
	const char *argv[] = { "sh", "-c", script, NULL };
	struct ks_proc p = { .argv = argv };
	struct ks_error *err;
	int status;

	ks_signals_init();
	err = ks_proc_run(&p, &status);
	return !err || ks_error_code(err) != KS_E_INTERRUPTED || !ks_interrupted();
}

static void test_interrupt(void)
{
	char *pid_file = in_dir("pid");
	struct ks_buf b = { 0 };
	int wstatus = -1, tries;
	pid_t pid, sleeper;
	double start;

	pid = fork();
	if (!pid)
		_exit(interrupted_child(pid_file));
	for (tries = 0; tries < 100 && (!ks_file_exists(pid_file) || !b.len); tries++) {
		usleep(50000);
		ks_buf_free(&b);
		if (ks_file_exists(pid_file))
			ks_error_free(ks_file_read(pid_file, 100, &b));
	}
	sleeper = b.len ? atoi(b.data) : 0;
	start = seconds();
	kill(pid, SIGTERM);
	waitpid(pid, &wstatus, 0);
	tap_ok(WIFEXITED(wstatus) && !WEXITSTATUS(wstatus),
	       "a signal interrupts a running command");
	tap_ok(seconds() - start < 5, "at once");
	/* A zombie that its new parent has not reaped yet counts as ended. */
	usleep(100000);
	b.len = 0;
	if (sleeper > 1 && !kill(sleeper, 0)) {
		char *stat = ks_asprintf("/proc/%d/stat", sleeper);

		ks_error_free(ks_file_read(stat, 4096, &b));
		free(stat);
	}
	tap_ok(sleeper > 1 && (!b.len || strstr(b.data, ") Z ")),
	       "and what the command had started");
	ks_buf_free(&b);
	free(pid_file);
}

static void test_strings(void)
{
	struct ks_strv v = { 0 };
	struct ks_buf b = { 0 };

	ks_strv_add(&v, "b");
	ks_strv_addf(&v, "%d", 5);
	ks_strv_sort(&v);
	tap_ok(v.len == 2 && !strcmp(v.v[0], "5") && !v.v[2] && ks_strv_has(&v, "b"),
	       "string lists");
	ks_strv_free(&v);
	ks_buf_addf(&b, "%s-%d", "x", 3);
	ks_buf_align(&b, 8);
	tap_ok(b.len == 8 && !memcmp(b.data, "x-3\0\0\0\0\0", 8), "buffers are padded with zeros");
	ks_buf_free(&b);
	tap_ok(ks_str_starts("abc", "ab") && !ks_str_starts("a", "ab") &&
		       ks_str_ends("abc", "bc") && !ks_str_ends("c", "bc"),
	       "beginnings and ends");
	ks_step(NULL, "nobody %s", "listens");
	ks_progress(NULL, 1, 2, "nobody");
	ks_note(NULL, 0, "nobody");
	tap_ok(true, "reports without a listener");
}

int main(void)
{
	if (!tap_fine(ks_dir_temp("ks-test-base", &dir), "a directory for the tests"))
		return tap_done();
	test_strings();
	test_read_write();
	test_dirs();
	test_proc();
	test_interrupt();
	ks_error_free(ks_dir_remove(dir));
	free(dir);
	return tap_done();
}
