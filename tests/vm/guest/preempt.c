// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tasks that are preempted in what preempt.patch changes, kpageflags_read() and
 * stable_page_flags(), and check what they read: each read is all old or all
 * new, and nowhere is the bit that old and new code do not agree on.
 *
 *	preempt once	one read: "old" or "new"
 *	preempt hold	a reader that is preempted in there on CPU 1 and does not come to run:
 *			"held PID", and its stack; until SIGTERM lets it finish
 *	preempt load N	N readers, a quarter of their time in there, and two tasks that only
 *			compute, on all CPUs until SIGTERM
 *
 * Readers end with "reader ok: N old, M new"; what is wrong ends all with "WRONG".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGES 32768
#define AGREED (1ull << 62)
#define NEW (1ull << 61)
#define READERS 16

static volatile sig_atomic_t stop;
static uint64_t words[PAGES];

/* What a holder, its reader and the task in the reader's way tell each other. */
static struct shared {
	volatile int spin, spinning, stop;
} *shared;

static void on_term(int sig)
{
	(void)sig;
	stop = 1;
}

static void wrong(const char *what)
{
	printf("WRONG %s (%s)\n", what, strerror(errno));
	fflush(stdout);
	shared->stop = 1;
	exit(1);
}

/* Is it the new code that has read? */
static int read_flags(int fd)
{
	ssize_t len = pread(fd, words, sizeof(words), 0);
	uint64_t first = words[0] & NEW;

	if (len < 4096)
		wrong("read of /proc/kpageflags");
	for (ssize_t i = 0; i < len / 8; i++) {
		if (words[i] & AGREED)
			wrong("old and new code in one call");
		if ((words[i] & NEW) != first)
			wrong("old and new code in one read");
	}
	return first != 0;
}

static int open_flags(void)
{
	int fd = open("/proc/kpageflags", O_RDONLY);

	if (fd < 0)
		wrong("open /proc/kpageflags");
	return fd;
}

static void stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		wrong("sched_setaffinity");
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* @rest: so much longer than a read takes it computes between two. */
static void reader(int rest)
{
	unsigned long n[2] = { 0, 0 };
	int fd = open_flags();

	while (!stop && !shared->stop) {
		double begin = cpu_seconds(), end;

		n[read_flags(fd)]++;
		end = cpu_seconds();
		while (!stop && cpu_seconds() - end < rest * (end - begin))
			;
	}
	printf("reader ok: %lu old, %lu new\n", n[0], n[1]);
	fflush(stdout);
	exit(0);
}

/* Computes on CPU 1 while it shall, before everything of an ordinary priority. */
static void in_the_way(void)
{
	struct sched_param param = { .sched_priority = 1 };

	stay_on(1);
	/* By turns, so that kernel threads of that priority come to run. */
	if (sched_setscheduler(0, SCHED_RR, &param))
		wrong("sched_setscheduler");
	while (!shared->stop) {
		if (!shared->spin) {
			shared->spinning = 0;
			usleep(500);
			continue;
		}
		shared->spinning = 1;
	}
	exit(0);
}

static pid_t child(void)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		wrong("fork");
	return pid;
}

/* Nobody lets it run now: is it in there? */
static int is_inside(pid_t pid, char *stack, size_t size)
{
	char path[64];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stack", pid);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		wrong("open the reader's stack");
	len = read(fd, stack, size - 1);
	close(fd);
	stack[len < 0 ? 0 : len] = 0;
	return strstr(stack, "kpageflags_read") != NULL;
}

/* 0 where the child ended well. */
static int ended(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status);
}

static int hold(void)
{
	static char stack[8192];
	pid_t read_pid, way_pid;

	stay_on(0);
	read_pid = child();
	if (!read_pid) {
		stay_on(1);
		reader(0);
	}
	way_pid = child();
	if (!way_pid)
		in_the_way();
	for (unsigned int tries = 0; !stop; tries++) {
		/* Into the middle of one of its reads, each time at another moment. */
		usleep(1000 + tries * 7919 % 9000);
		shared->spin = 1;
		while (!shared->spinning && !stop)
			usleep(500);
		if (is_inside(read_pid, stack, sizeof(stack)))
			break;
		shared->spin = 0;
		while (shared->spinning && !stop)
			usleep(500);
	}
	printf("%sheld %d\n", stack, read_pid);
	fflush(stdout);
	while (!stop)
		usleep(50000);
	/* It must have been there all the time. */
	if (!is_inside(read_pid, stack, sizeof(stack)))
		wrong("the reader came to run");
	shared->stop = 1;
	return ended(way_pid) | ended(read_pid);
}

static int load(int n)
{
	pid_t pids[READERS + 2];
	int bad = 0;

	for (int i = 0; i < n + 2; i++) {
		pids[i] = child();
		if (!pids[i] && i < n)
			reader(3);
		if (!pids[i]) {
			while (!shared->stop)
				;
			exit(0);
		}
	}
	printf("running\n");
	fflush(stdout);
	while (!stop)
		usleep(50000);
	shared->stop = 1;
	for (int i = 0; i < n + 2; i++)
		bad |= ended(pids[i]);
	return bad;
}

int main(int argc, char **argv)
{
	struct sigaction term = { .sa_handler = on_term };
	int n = argc > 2 ? atoi(argv[2]) : 0;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	sigaction(SIGTERM, &term, NULL);
	/* Resident, or the first reads would wait for pages in there. */
	memset(words, 1, sizeof(words));
	if (argc == 2 && !strcmp(argv[1], "once"))
		return puts(read_flags(open_flags()) ? "new" : "old") < 0;
	if (argc == 2 && !strcmp(argv[1], "hold"))
		return hold();
	if (argc == 3 && !strcmp(argv[1], "load") && n > 0 && n <= READERS)
		return load(n);
	fprintf(stderr, "usage: preempt once | hold | load N\n");
	return 2;
}
