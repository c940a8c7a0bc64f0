// SPDX-License-Identifier: GPL-2.0-only
/*
 * N threads that sleep in different system calls, and with "load" some that do
 * not.  Says "ready" when all are there, and stays until it is killed.
 */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STACK (64 << 10)
#define BUSY 8

static atomic_int here;
static int pipe_ends[2];

static void *sleeper(void *arg)
{
	long kind = (long)arg % 3;
	char c;

	here++;
	for (;;) {
		if (kind == 0)
			pause();
		else if (kind == 1)
			poll(NULL, 0, -1);
		else if (read(pipe_ends[0], &c, 1) < 0)
			return NULL;
	}
}

/* Runs and sleeps by turns, in the kernel and out of it. */
static void *worker(void *arg)
{
	char buf[4096];
	FILE *f;

	(void)arg;
	here++;
	for (;;) {
		f = fopen("/proc/self/stat", "r");
		if (f && fread(buf, 1, sizeof(buf), f) == 0)
			return NULL;
		if (f)
			fclose(f);
		usleep(200);
	}
}

static int start(void *(*fn)(void *), long n, const pthread_attr_t *attr)
{
	pthread_t t;

	for (long i = 0; i < n; i++)
		if (pthread_create(&t, attr, fn, (void *)i)) {
			perror("pthread_create");
			return -1;
		}
	return 0;
}

int main(int argc, char **argv)
{
	long n = argc > 1 ? atol(argv[1]) : 0, busy = argc > 2 && !strcmp(argv[2], "load") ? BUSY : 0;
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	if (pipe(pipe_ends) || start(sleeper, n, &attr) || start(worker, busy, &attr))
		return 1;
	while (here < n + busy)
		usleep(1000);
	usleep(100000);
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}
