// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preloaded into a publisher by tests/unit/publish_kit.py: counts what it does
 * to the files below $STEPS_UNDER, and ends it before the step $STEPS_KILL, or
 * has the disk full from the step $STEPS_FULL on.  A write that is hit is done
 * by half.  The number of steps is written to $STEPS_COUNT.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int steps;

static int setting(const char *name)
{
	const char *text = getenv(name);

	return text ? atoi(text) : 0;
}

static int below(const char *path)
{
	const char *under = getenv("STEPS_UNDER");

	return under && path && !strncmp(path, under, strlen(under));
}

static int fd_below(int fd)
{
	char link[64], path[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return 0;
	path[n] = 0;
	return below(path);
}

__attribute__((destructor)) static void tell(void)
{
	const char *path = getenv("STEPS_COUNT");
	FILE *f = path ? fopen(path, "w") : NULL;

	if (f) {
		fprintf(f, "%d\n", steps);
		fclose(f);
	}
}

/* 1: this step fails; does not come back from the one that kills. */
static int step(void)
{
	int full = setting("STEPS_FULL");

	steps++;
	if (steps == setting("STEPS_KILL"))
		kill(getpid(), SIGKILL);
	return full && steps >= full;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *data, size_t len)
{
	ssize_t half;

	if (!fd_below(fd))
		return REAL(write)(fd, data, len);
	if (steps + 1 == setting("STEPS_KILL") || (setting("STEPS_FULL") && steps + 1 >= setting("STEPS_FULL"))) {
		half = REAL(write)(fd, data, len / 2);
		if (half < 0)
			return half;
	}
	if (step()) {
		errno = ENOSPC;
		return -1;
	}
	return REAL(write)(fd, data, len);
}

int fsync(int fd)
{
	if (fd_below(fd) && step()) {
		errno = ENOSPC;
		return -1;
	}
	return REAL(fsync)(fd);
}

int rename(const char *from, const char *to)
{
	/* A full disk still renames. */
	if (below(from))
		step();
	return REAL(rename)(from, to);
}

int unlink(const char *path)
{
	if (below(path))
		step();
	return REAL(unlink)(path);
}

int mkdir(const char *path, mode_t mode)
{
	if (below(path) && step()) {
		errno = ENOSPC;
		return -1;
	}
	return REAL(mkdir)(path, mode);
}

int mkostemp64(char *template, int flags)
{
	if (below(template) && step()) {
		errno = ENOSPC;
		return -1;
	}
	return REAL(mkostemp64)(template, flags);
}
