// SPDX-License-Identifier: GPL-2.0-only
/* System calls that no program of busybox makes, for the behaviour tests. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "waitid"))
		return wait_for_child(0);
	if (argc == 2 && !strcmp(argv[1], "waitid-fault"))
		return wait_for_child(1);
	if (argc == 4 && !strcmp(argv[1], "copy"))
		return copy_bytes(argv[2], atoi(argv[3]));
	if (argc == 2 && !strcmp(argv[1], "getppid"))
		return printf("%ld\n", syscall(SYS_getppid)) < 0;
	return 2;
}
