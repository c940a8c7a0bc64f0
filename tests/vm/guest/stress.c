// SPDX-License-Identifier: GPL-2.0-only
/*
 * A load that checks its own results, on the paths that stress.patch changes:
 *
 *	fork	children that fork, exec and exit, each with a status that is known
 *	file	files that are written, renamed, read back and compared
 *	tcp	a stream over the loopback, with a sum at both ends
 *	fault	memory that is mapped, touched, given back, and compared
 *	thread	threads that come and go, and hand a number on
 *
 * Every part is a process; each counts its rounds.  After SIGTERM each prints
 * "PART ok N"; a result that is wrong ends all with "WRONG".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t stop;

static void on_term(int sig)
{
	(void)sig;
	stop = 1;
}

static void wrong(const char *part, const char *what)
{
	printf("WRONG %s: %s (%s)\n", part, what, strerror(errno));
	fflush(stdout);
	exit(1);
}

static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static unsigned long do_fork(const char *self)
{
	unsigned long n = 0;

	while (!stop) {
		int want = n % 200 + 1, status;
		char text[16];
		pid_t pid = fork();

		if (pid < 0)
			wrong("fork", "fork");
		if (!pid) {
			snprintf(text, sizeof(text), "%d", want);
			if (n % 2)
				execl(self, self, "exit", text, (char *)NULL);
			_exit(n % 2 ? 255 : want);
		}
		while (waitpid(pid, &status, 0) < 0)
			if (errno != EINTR)
				wrong("fork", "waitpid");
		if (!WIFEXITED(status) || WEXITSTATUS(status) != want)
			wrong("fork", "exit status");
		n++;
	}
	return n;
}

static unsigned long do_file(void)
{
	static char out[65536], in[65536];
	unsigned long n = 0;
	uint32_t seed = 1;

	while (!stop) {
		char name[32], other[64];
		size_t len = next(&seed) % sizeof(out) + 1;
		FILE *f;

		snprintf(name, sizeof(name), "/tmp/stress/%u", next(&seed) % 16);
		snprintf(other, sizeof(other), "%s.new", name);
		for (size_t i = 0; i < len; i++)
			out[i] = next(&seed);
		f = fopen(other, "w");
		if (!f || fwrite(out, 1, len, f) != len || fclose(f) || rename(other, name))
			wrong("file", "write");
		f = fopen(name, "r");
		if (!f || fread(in, 1, sizeof(in), f) != len || fclose(f) || memcmp(in, out, len))
			wrong("file", "what is read is not what was written");
		if (access(other, F_OK) == 0)
			wrong("file", "the old name is still there");
		n++;
	}
	return n;
}

static uint32_t sum(uint32_t s, const unsigned char *p, size_t n)
{
	while (n--)
		s = (s ^ *p++) * 16777619;
	return s;
}

static void whole(int fd, void *p, size_t n, int sending)
{
	while (n) {
		ssize_t k = sending ? send(fd, p, n, MSG_NOSIGNAL) : recv(fd, p, n, 0);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			wrong("tcp", sending ? "send" : "recv");
		p = (char *)p + k;
		n -= k;
	}
}

/* The other end: for each length and sum, as many bytes. */
static void answer(int fd)
{
	static unsigned char buf[32768];
	uint32_t head[2], ok = 1;

	for (;;) {
		ssize_t k = recv(fd, head, sizeof(head), MSG_WAITALL);

		if (k < 0 && errno == EINTR)
			continue;
		if (k != sizeof(head))
			_exit(0);
		whole(fd, buf, head[0], 0);
		if (sum(2166136261u, buf, head[0]) != head[1])
			wrong("tcp", "the sum of what came");
		whole(fd, &ok, sizeof(ok), 1);
	}
}

static unsigned long do_tcp(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
	static unsigned char buf[32768];
	socklen_t len = sizeof(to);
	unsigned long n = 0;
	uint32_t seed = 3;

	if (bind(listener, (void *)&to, sizeof(to)) || listen(listener, 1) ||
	    getsockname(listener, (void *)&to, &len))
		wrong("tcp", "listen");
	if (!fork()) {
		signal(SIGTERM, SIG_IGN);
		/* Its end of the stream is the one that it accepts. */
		close(fd);
		answer(accept(listener, NULL, NULL));
	}
	if (connect(fd, (void *)&to, sizeof(to)))
		wrong("tcp", "connect");
	while (!stop) {
		uint32_t head[2], ok = 0;

		head[0] = next(&seed) % sizeof(buf) + 1;
		for (size_t i = 0; i < head[0]; i++)
			buf[i] = next(&seed);
		head[1] = sum(2166136261u, buf, head[0]);
		whole(fd, head, sizeof(head), 1);
		whole(fd, buf, head[0], 1);
		whole(fd, &ok, sizeof(ok), 0);
		if (ok != 1)
			wrong("tcp", "answer");
		n++;
	}
	close(fd);
	wait(NULL);
	return n;
}

static unsigned long do_fault(void)
{
	size_t pages = 256, size = pages * 4096;
	unsigned long n = 0;

	while (!stop) {
		unsigned char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			wrong("fault", "mmap");
		for (size_t i = 0; i < pages; i++)
			p[i * 4096 + i] = (unsigned char)(i + n);
		if (madvise(p, size / 2, MADV_DONTNEED))
			wrong("fault", "madvise");
		for (size_t i = 0; i < pages; i++)
			if (p[i * 4096 + i] != (i < pages / 2 ? 0 : (unsigned char)(i + n)))
				wrong("fault", "memory");
		munmap(p, size);
		n++;
	}
	return n;
}

static void *hand_on(void *arg)
{
	return (char *)arg + 1;
}

static unsigned long do_thread(void)
{
	unsigned long n = 0;

	while (!stop) {
		pthread_t t[8];
		void *got;

		for (long i = 0; i < 8; i++)
			if (pthread_create(&t[i], NULL, hand_on, (void *)i))
				wrong("thread", "pthread_create");
		for (long i = 0; i < 8; i++)
			if (pthread_join(t[i], &got) || got != (void *)(i + 1))
				wrong("thread", "result");
		n++;
	}
	return n;
}

static void part(const char *name, const char *self)
{
	unsigned long n;

	n = !strcmp(name, "fork")  ? do_fork(self) :
	    !strcmp(name, "file")  ? do_file() :
	    !strcmp(name, "tcp")   ? do_tcp() :
	    !strcmp(name, "fault") ? do_fault() :
				     do_thread();
	printf("%s ok %lu\n", name, n);
	fflush(stdout);
	_exit(0);
}

int main(int argc, char **argv)
{
	static const char *const parts[] = { "fork", "file", "tcp", "fault", "thread" };
	struct sigaction sa = { .sa_handler = on_term };
	pid_t pids[5];
	int status, bad = 0;

	if (argc == 3 && !strcmp(argv[1], "exit"))
		return atoi(argv[2]);
	sigaction(SIGTERM, &sa, NULL);
	for (int i = 0; i < 5; i++) {
		pids[i] = fork();
		if (!pids[i])
			part(parts[i], argv[0]);
	}
	puts("running");
	fflush(stdout);
	while (!stop)
		pause();
	for (int i = 0; i < 5; i++)
		kill(pids[i], SIGTERM);
	for (int i = 0; i < 5; i++) {
		while (waitpid(pids[i], &status, 0) < 0)
			;
		bad |= !WIFEXITED(status) || WEXITSTATUS(status);
	}
	puts(bad ? "bad" : "good");
	return bad;
}
