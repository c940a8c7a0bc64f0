// SPDX-License-Identifier: GPL-2.0-only
/*
 * A load for a file system that knows what it has written: several processes,
 * each with files of its own, write at random places, append, truncate, punch
 * holes, rename and delete, and read back what must be there.  What a file
 * has to hold is kept in memory, so any byte that the file system loses or
 * mixes up is found at once, and again at the end.
 *
 * Usage: fsload DIR PROCESSES FILES STOP_FILE
 * Runs until STOP_FILE exists; status 1 and a line on stderr for the first
 * wrong byte or failed call.  (A full file system is no failure.)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_SIZE (256 << 10)

struct file {
	char path[200];
	int fd;
	int size;
	unsigned char *want;
};

static unsigned long long state;

static unsigned int rnd(unsigned int below)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (state >> 33) % below;
}

static void die(const struct file *f, const char *what)
{
	fprintf(stderr, "fsload: %s: %s: %s\n", f->path, what, strerror(errno));
	exit(1);
}

static void open_file(struct file *f)
{
	f->fd = open(f->path, O_RDWR | O_CREAT, 0600);
	if (f->fd < 0)
		die(f, "open");
}

static void verify(struct file *f, int from, int len)
{
	static unsigned char got[MAX_SIZE];
	ssize_t n = pread(f->fd, got, len, from);

	if (n != len)
		die(f, n < 0 ? "read" : "short read");
	for (int i = 0; i < len; i++)
		if (got[i] != f->want[from + i]) {
			fprintf(stderr, "fsload: %s: byte %d is %02x, was written as %02x\n", f->path,
				from + i, got[i], f->want[from + i]);
			exit(1);
		}
}

static void write_some(struct file *f)
{
	int from = rnd(MAX_SIZE - 1), len = 1 + rnd(rnd(4) ? 8192 : MAX_SIZE - from);
	static unsigned char bytes[MAX_SIZE];
	ssize_t n;

	if (from + len > MAX_SIZE)
		len = MAX_SIZE - from;
	for (int i = 0; i < len; i++)
		bytes[i] = rnd(256);
	n = pwrite(f->fd, bytes, len, from);
	if (n < 0 && errno != ENOSPC)
		die(f, "write");
	if (n <= 0)
		return;
	memcpy(f->want + from, bytes, n);
	if (from + n > f->size)
		f->size = from + n;
}

static void shorten(struct file *f)
{
	int size = f->size ? (int)rnd(f->size) : 0;

	if (ftruncate(f->fd, size))
		die(f, "truncate");
	memset(f->want + size, 0, MAX_SIZE - size);
	f->size = size;
}

static void punch(struct file *f)
{
	int from = f->size ? (int)rnd(f->size) : 0, len = 1 + rnd(16384);

	if (!f->size)
		return;
	if (from + len > f->size)
		len = f->size - from;
	if (fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from, len)) {
		if (errno == EOPNOTSUPP || errno == ENOSPC)
			return;
		die(f, "punch a hole");
	}
	memset(f->want + from, 0, len);
}

static void start_over(struct file *f)
{
	close(f->fd);
	if (unlink(f->path))
		die(f, "unlink");
	f->size = 0;
	memset(f->want, 0, MAX_SIZE);
	open_file(f);
}

static void move(struct file *f)
{
	char other[220];

	snprintf(other, sizeof(other), "%s.moved", f->path);
	if (rename(f->path, other) || rename(other, f->path))
		die(f, "rename");
}

static void step(struct file *f)
{
	switch (rnd(10)) {
	case 0:
		shorten(f);
		break;
	case 1:
		punch(f);
		break;
	case 2:
		if (fsync(f->fd))
			die(f, "fsync");
		break;
	case 3:
		if (rnd(4))
			move(f);
		else
			start_over(f);
		break;
	case 4:
		/* From the disk, not the page cache. */
		posix_fadvise(f->fd, 0, 0, POSIX_FADV_DONTNEED);
		verify(f, 0, f->size);
		break;
	default:
		write_some(f);
	}
}

static void work(const char *dir, int process, int files, const char *stop)
{
	struct file *all = calloc(files, sizeof(*all));
	struct stat st;
	unsigned long steps = 0;

	state = 88172645463325252ull + process;
	for (int i = 0; i < files; i++) {
		snprintf(all[i].path, sizeof(all[i].path), "%s/p%d-%d", dir, process, i);
		all[i].want = calloc(1, MAX_SIZE);
		open_file(&all[i]);
	}
	while (stat(stop, &st)) {
		for (int k = 0; k < 20; k++, steps++)
			step(&all[rnd(files)]);
	}
	for (int i = 0; i < files; i++) {
		if (fsync(all[i].fd) && errno != ENOSPC)
			die(&all[i], "fsync");
		posix_fadvise(all[i].fd, 0, 0, POSIX_FADV_DONTNEED);
		verify(&all[i], 0, all[i].size);
	}
	printf("fsload: process %d: %lu steps, all files as they should be\n", process, steps);
}

int main(int argc, char **argv)
{
	int processes, files, bad = 0, status;

	if (argc != 5) {
		fprintf(stderr, "usage: fsload DIR PROCESSES FILES STOP_FILE\n");
		return 2;
	}
	processes = atoi(argv[2]);
	files = atoi(argv[3]);
	for (int i = 0; i < processes; i++)
		if (!fork()) {
			work(argv[1], i, files, argv[4]);
			exit(0);
		}
	while (wait(&status) > 0)
		bad |= status;
	return bad != 0;
}
