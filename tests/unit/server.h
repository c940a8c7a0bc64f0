/* SPDX-License-Identifier: GPL-2.0-only */
/* Starts tests/unit/repo_server.py, which serves a directory. */
#ifndef KS_TEST_SERVER_H
#define KS_TEST_SERVER_H

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "tap.h"

struct server {
	pid_t pid;
	int input;
	char *url;
};

/* @cert and @key: NULL for http. */
static __attribute__((unused)) struct server server_start(const char *dir, const char *cert,
							  const char *key)
{
	struct server s = { 0 };
	int in[2], out[2], port;
	FILE *f;

	if (pipe(in) || pipe(out) || (s.pid = fork()) < 0)
		exit(1);
	if (!s.pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		execlp("python3", "python3", "tests/unit/repo_server.py", dir, cert, key, NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	s.input = in[1];
	f = fdopen(out[0], "r");
	if (fscanf(f, "%d", &port) != 1) {
		printf("Bail out! the server does not start\n");
		exit(1);
	}
	fclose(f);
	s.url = ks_asprintf("%s://127.0.0.1:%d", cert ? "https" : "http", port);
	return s;
}

static __attribute__((unused)) void server_stop(struct server *s)
{
	close(s->input);
	kill(s->pid, SIGTERM);
	waitpid(s->pid, NULL, 0);
	free(s->url);
}

#endif
