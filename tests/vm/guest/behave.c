// SPDX-License-Identifier: GPL-2.0-only
/* System calls that no program of busybox makes, for the behaviour tests. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/if_alg.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static int wait_for_child(int bad_address)
{
	siginfo_t info;
	pid_t pid = fork();

	if (!pid)
		_exit(7);
	/* An address of no page: the fault is taken in the kernel. */
	if (syscall(SYS_waitid, P_PID, pid, bad_address ? (void *)64 : &info, WEXITED, NULL))
		printf("%s\n", errno == EFAULT ? "EFAULT" : strerror(errno));
	else
		printf("%d\n", info.si_status);
	return 0;
}

static int copy_bytes(const char *path, size_t size)
{
	char *value = calloc(1, size);

	return setxattr(path, "trusted.behave", value, size, 0) ? 1 : 0;
}

/* An echo request to this machine, whose checksum the kernel computes while it copies the data. */
static int echo(const void *data)
{
	struct icmphdr head = { .type = ICMP_ECHO };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct iovec parts[2] = { { &head, sizeof(head) }, { (void *)data, 64 } };
	struct msghdr msg = { .msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = parts, .msg_iovlen = 2 };
	struct timeval wait = { .tv_sec = 1 };
	int fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
	char answer[200];

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)))
		return 1;
	if (sendmsg(fd, &msg, 0) < 0)
		return printf("%s\n", errno == EFAULT ? "EFAULT" : strerror(errno)) < 0;
	return printf("%s\n", recv(fd, answer, sizeof(answer), 0) > 0 ? "answer" : "nothing") < 0;
}

/* A digest by the kernel's driver of that name. */
static int digest(const char *driver, const char *text)
{
	struct sockaddr_alg name = { .salg_family = AF_ALG, .salg_type = "hash" };
	int fd = socket(AF_ALG, SOCK_SEQPACKET, 0), file;
	unsigned char result[64];
	ssize_t n;

	snprintf((char *)name.salg_name, sizeof(name.salg_name), "%s", driver);
	if (fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof(name)))
		return 1;
	file = accept(fd, NULL, 0);
	if (file < 0 || send(file, text, strlen(text), 0) < 0)
		return 1;
	n = read(file, result, sizeof(result));
	for (ssize_t i = 0; i < n; i++)
		printf("%02x", result[i]);
	return printf("\n") < 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "waitid"))
		return wait_for_child(0);
	if (argc == 2 && !strcmp(argv[1], "waitid-fault"))
		return wait_for_child(1);
	if (argc == 4 && !strcmp(argv[1], "copy"))
		return copy_bytes(argv[2], atoi(argv[3]));
	if (argc == 2 && !strcmp(argv[1], "echo"))
		return echo("a text of sixty-four bytes, which somebody sends to this machine");
	if (argc == 2 && !strcmp(argv[1], "echo-fault"))
		return echo((void *)64);
	if (argc == 4 && !strcmp(argv[1], "digest"))
		return digest(argv[2], argv[3]);
	if (argc == 2 && !strcmp(argv[1], "getppid"))
		return printf("%ld\n", syscall(SYS_getppid)) < 0;
	return 2;
}
