// SPDX-License-Identifier: GPL-2.0-only
/*
 * Child processes; see proc.h.  Used by everything that drives make, apt,
 * gcc, QEMU.
 *
 * Theory of operation: every child leads a process group of its own, so that
 * a signal to us (Ctrl-C reaches the foreground group only) does not reach it
 * by accident and we can stop it with everything it started.  While it runs
 * we poll its pipes and a pidfd; a short timeout notices ks_interrupted()
 * whichever thread took the signal.  Input goes through a memory file: no
 * writer, no deadlock, no SIGPIPE.
 */
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

#define POLL_MS 100
/* How long a stopped child gets to clean up before it is killed. */
#define TERM_MS 10000
/* How long an exited child's own children may keep its pipes open, silent. */
#define LINGER_MS 1000
#define TAIL_LINES 20
#define MAX_LINE (1u << 20)

extern char **environ;

static volatile sig_atomic_t interrupted_by;
static volatile sig_atomic_t interrupts;

static void on_signal(int sig)
{
	interrupted_by = sig;
	/* Whoever insists is let go, cleaned up or not. */
	if (sig == SIGINT && ++interrupts > 3)
		_exit(128 + SIGINT);
}

void ks_signals_init(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	struct sigaction old;

	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		/* nohup(1) and background shells ignore some on purpose. */
		if (!sigaction(signals[i], NULL, &old) && old.sa_handler == SIG_IGN)
			continue;
		sigaction(signals[i], &sa, NULL);
	}
}

bool ks_interrupted(void)
{
	return interrupted_by != 0;
}

struct ks_error *ks_interrupted_error(void)
{
	int sig = interrupted_by;

	return ks_error_new(KS_E_INTERRUPTED, "interrupted%s%s", sig ? " by " : "",
			    sig ? strsignal(sig) : "");
}

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (long long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* One of the child's output streams. */
struct stream {
	int fd;			/* our end, -1: inherited or at its end */
	struct ks_buf *collect; /* may be NULL */
	struct ks_buf partial;	/* a line that has not ended */
	struct ks_strv tail;	/* the last lines, for an error message */
	bool keep_tail;
};

static void stream_line(struct stream *s, const struct ks_proc *p, const char *line)
{
	if (s->keep_tail) {
		if (s->tail.len == TAIL_LINES) {
			free(s->tail.v[0]);
			memmove(s->tail.v, s->tail.v + 1, s->tail.len * sizeof(*s->tail.v));
			s->tail.len--;
		}
		ks_strv_add(&s->tail, line);
	}
	if (p->line)
		p->line(p->arg, line);
}

static void stream_feed(struct stream *s, const struct ks_proc *p, const char *data, size_t len)
{
	if (s->collect)
		ks_buf_add(s->collect, data, len);
	if (!p->line && !s->keep_tail)
		return;
	while (len) {
		const char *nl = memchr(data, '\n', len);
		size_t n = nl ? (size_t)(nl - data) : len;

		ks_buf_add(&s->partial, data, n);
		if (nl || s->partial.len > MAX_LINE) {
			stream_line(s, p, s->partial.data);
			s->partial.len = 0;
		}
		n += nl != NULL;
		data += n;
		len -= n;
	}
}

/* Reads what is there; closes the stream at its end. */
static void stream_read(struct stream *s, const struct ks_proc *p)
{
	char chunk[65536];
	ssize_t n = read(s->fd, chunk, sizeof(chunk));

	if (n > 0) {
		stream_feed(s, p, chunk, n);
		return;
	}
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	close(s->fd);
	s->fd = -1;
}

static void stream_end(struct stream *s, const struct ks_proc *p)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	if (s->partial.len)
		stream_line(s, p, s->partial.data);
	ks_buf_free(&s->partial);
}

/* The environment of the child: ours, without the names in @changes, plus those with a value. */
static char **make_env(const char *const *changes)
{
	size_t n = 0, m = 0, len = 0;
	char **env;

	while (environ && environ[n])
		n++;
	while (changes && changes[m])
		m++;
	env = ks_alloc((n + m + 1) * sizeof(*env));
	for (size_t i = 0; i < n; i++) {
		bool drop = false;

		for (size_t j = 0; j < m && !drop; j++) {
			size_t name = strcspn(changes[j], "=");

			drop = !strncmp(environ[i], changes[j], name) && environ[i][name] == '=';
		}
		if (!drop)
			env[len++] = environ[i];
	}
	for (size_t j = 0; j < m; j++)
		if (strchr(changes[j], '='))
			env[len++] = (char *)changes[j];
	return env;
}

static struct ks_error *open_input(const char *input, int *fd)
{
	size_t done = 0, len;

	if (!input) {
		*fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		return *fd < 0 ? ks_error_errno(errno, "cannot open /dev/null") : NULL;
	}
	*fd = memfd_create("input", MFD_CLOEXEC);
	if (*fd < 0)
		return ks_error_errno(errno, "cannot create a memory file");
	len = strlen(input);
	while (done < len) {
		ssize_t n = write(*fd, input + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			struct ks_error *err = ks_error_errno(errno, "cannot write a memory file");

			close(*fd);
			return err;
		}
		done += n;
	}
	lseek(*fd, 0, SEEK_SET);
	return NULL;
}

/* What a child that could not start sends back. */
struct failure {
	int errnum;
	int in_chdir;
};

/* In the child, between fork and exec: async-signal-safe calls only. */
static void __attribute__((noreturn))
child(const struct ks_proc *p, char **env, int in, int out, int err, int report)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD };
	struct failure f = { 0 };
	sigset_t none;

	setpgid(0, 0);
	/* If we are killed without a chance to clean up, it ends, too. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		signal(signals[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/*
	 * The descriptors are above 2 (see above_std()), so that no dup2 hits
	 * one that is still needed.
	 */
	dup2(in, STDIN_FILENO);
	if (out >= 0)
		dup2(out, STDOUT_FILENO);
	if (err >= 0)
		dup2(err, STDERR_FILENO);
	if (p->cwd && chdir(p->cwd)) {
		f.errnum = errno;
		f.in_chdir = 1;
	} else {
		execvpe(p->argv[0], (char *const *)p->argv, env);
		f.errnum = errno;
	}
	if (write(report, &f, sizeof(f)) < 0)
		_exit(126);
	_exit(127);
}

/* Moves a descriptor out of 0..2, where a caller without stdio may have it. */
static int above_std(int fd)
{
	int moved;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	close(fd);
	return moved;
}

static struct ks_error *open_pipe(int fds[2])
{
	if (pipe2(fds, O_CLOEXEC))
		return ks_error_errno(errno, "cannot create a pipe");
	fds[0] = above_std(fds[0]);
	fds[1] = above_std(fds[1]);
	return NULL;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

/*
 * Starts the child.  On success *pid runs and the streams hold our ends of
 * its pipes.
 */
static struct ks_error *start(const struct ks_proc *p, struct stream *out, struct stream *err_s,
			      bool pipe_out, bool pipe_err, pid_t *pid)
{
	int o[2] = { -1, -1 }, e[2] = { -1, -1 }, rep[2] = { -1, -1 }, in = -1, child_err;
	bool shared = p->out && p->out == p->err;
	struct failure f = { 0 };
	struct ks_error *err;
	char **env = NULL;
	ssize_t n;

	err = open_input(p->input, &in);
	if (err)
		return err;
	in = above_std(in);
	if (pipe_out)
		err = open_pipe(o);
	if (!err && pipe_err && !shared)
		err = open_pipe(e);
	if (!err)
		err = open_pipe(rep);
	if (err)
		goto out;
	env = make_env(p->env);
	child_err = shared ? o[1] : e[1];
	*pid = fork();
	if (*pid < 0) {
		err = ks_error_errno(errno, "cannot start %s", p->argv[0]);
		goto out;
	}
	if (!*pid)
		child(p, env, in, o[1], child_err, rep[1]);
	/* Both sides do it: whoever comes first. */
	setpgid(*pid, *pid);
	close_fd(rep[1]);
	rep[1] = -1;
	do {
		n = read(rep[0], &f, sizeof(f));
	} while (n < 0 && errno == EINTR);
	if (n == (ssize_t)sizeof(f)) {
		while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
			;
		if (f.in_chdir)
			err = ks_error_errno(f.errnum, "cannot run %s in %s", p->argv[0], p->cwd);
		else if (f.errnum == ENOENT)
			err = ks_error_new(KS_E_FAILED, "cannot run %s: it is not installed",
					   p->argv[0]);
		else
			err = ks_error_errno(f.errnum, "cannot run %s", p->argv[0]);
		goto out;
	}
	out->fd = o[0];
	err_s->fd = e[0];
	o[0] = e[0] = -1;
out:
	free(env);
	close_fd(in);
	close_fd(o[0]);
	close_fd(o[1]);
	close_fd(e[0]);
	close_fd(e[1]);
	close_fd(rep[0]);
	close_fd(rep[1]);
	return err;
}

/* Sends SIGTERM, later SIGKILL, to what is left of the group of @pid. */
struct stopping {
	pid_t group;
	long long since; /* 0: nobody asked for it */
	bool killed;
};

static void stopping_step(struct stopping *s)
{
	if (!s->since) {
		s->since = now_ms();
		kill(-s->group, SIGTERM);
		/* A stopped process would not see it. */
		kill(-s->group, SIGCONT);
	} else if (!s->killed && now_ms() - s->since > TERM_MS) {
		kill(-s->group, SIGKILL);
		s->killed = true;
	}
}

/* After the leader has ended: its own children have a moment, then are killed. */
static void stopping_finish(struct stopping *s)
{
	struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
	long long killed_at = 0;

	while (!kill(-s->group, 0)) {
		stopping_step(s);
		if (s->killed) {
			if (!killed_at)
				killed_at = now_ms();
			/* Zombies that nobody reaps still count as a group. */
			if (now_ms() - killed_at > LINGER_MS)
				break;
		}
		nanosleep(&pause, NULL);
	}
}

static bool reap(pid_t pid, int flags, int *wstatus)
{
	pid_t r;

	do {
		r = waitpid(pid, wstatus, flags);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		*wstatus = 0xff00; /* somebody else reaped it: exit status 255 */
	return r != 0;
}

/* Serves the pipes until the child has ended and its output is complete. */
static int serve(const struct ks_proc *p, pid_t pid, struct stream *out, struct stream *err,
		 struct stopping *stop)
{
	int pidfd = pidfd_open(pid, 0), wstatus = 0;
	long long heard = now_ms();
	bool ended = false;

	while (!ended || out->fd >= 0 || err->fd >= 0) {
		struct pollfd fds[] = {
			{ .fd = out->fd, .events = POLLIN },
			{ .fd = err->fd, .events = POLLIN },
			{ .fd = ended ? -1 : pidfd, .events = POLLIN },
		};

		if (poll(fds, 3, POLL_MS) < 0 && errno != EINTR)
			break;
		if (fds[0].revents)
			stream_read(out, p);
		if (fds[1].revents)
			stream_read(err, p);
		if (fds[0].revents || fds[1].revents)
			heard = now_ms();
		if (!ended && reap(pid, WNOHANG, &wstatus)) {
			ended = true;
			heard = now_ms();
		}
		if (ks_interrupted() && !ended)
			stopping_step(stop);
		/* A daemon that the child left behind may hold the pipes for ever. */
		if (ended && (ks_interrupted() || now_ms() - heard > LINGER_MS))
			break;
	}
	if (!ended)
		reap(pid, 0, &wstatus);
	close_fd(pidfd);
	return wstatus;
}

static struct ks_error *run(const struct ks_proc *p, bool pipe_all, struct stream *out,
			    struct stream *err_s, int *status)
{
	struct stopping stop = { 0 };
	struct ks_error *err;
	pid_t pid = -1;
	int wstatus;

	*status = 255;
	if (ks_interrupted())
		return ks_interrupted_error();
	err = start(p, out, err_s, pipe_all || p->out || p->line, pipe_all || p->err || p->line,
		    &pid);
	if (err)
		return err;
	stop.group = pid;
	wstatus = serve(p, pid, out, err_s, &stop);
	stream_end(out, p);
	stream_end(err_s, p);
	if (ks_interrupted()) {
		stopping_finish(&stop);
		return ks_interrupted_error();
	}
	*status = WIFSIGNALED(wstatus) ? 128 + WTERMSIG(wstatus) : WEXITSTATUS(wstatus);
	return NULL;
}

struct ks_error *ks_proc_run(const struct ks_proc *p, int *status)
{
	struct stream out = { .fd = -1, .collect = p->out };
	struct stream err = { .fd = -1, .collect = p->err == p->out ? NULL : p->err };

	return run(p, false, &out, &err, status);
}

static struct ks_error *failed(const struct ks_proc *p, int status, const struct ks_strv *tail)
{
	struct ks_buf msg = { 0 };
	struct ks_error *err;

	ks_buf_adds(&msg, p->argv[0]);
	for (size_t i = 1; p->argv[i] && msg.len < 200; i++)
		ks_buf_addf(&msg, " %s", p->argv[i]);
	if (p->cwd)
		ks_buf_addf(&msg, " (in %s)", p->cwd);
	if (status > 128)
		ks_buf_addf(&msg, " was ended by signal %d (%s)", status - 128,
			    strsignal(status - 128));
	else
		ks_buf_addf(&msg, " failed with exit status %d", status);
	for (size_t i = 0; i < tail->len; i++)
		ks_buf_addf(&msg, "%s    %s", i ? "\n" : ":\n", tail->v[i]);
	err = ks_error_new(KS_E_FAILED, "%s", msg.data);
	ks_buf_free(&msg);
	return err;
}

struct ks_error *ks_proc_check(const struct ks_proc *p)
{
	bool shared = p->err && p->err == p->out;
	struct stream out = { .fd = -1, .collect = p->out, .keep_tail = true };
	struct stream err_s = { .fd = -1, .collect = shared ? NULL : p->err, .keep_tail = true };
	struct ks_error *err;
	int status;

	err = run(p, true, &out, &err_s, &status);
	if (!err && status)
		err = failed(p, status, err_s.tail.len ? &err_s.tail : &out.tail);
	ks_strv_free(&out.tail);
	ks_strv_free(&err_s.tail);
	return err;
}

struct ks_error *ks_proc_output(const char *const *argv, struct ks_buf *out)
{
	struct ks_proc p = { .argv = argv, .out = out };

	return ks_proc_check(&p);
}

bool ks_proc_have(const char *name)
{
	const char *path = getenv("PATH");
	char *copy, *save = NULL;
	bool found = false;

	if (strchr(name, '/'))
		return !access(name, X_OK) && !ks_file_is_dir(name);
	copy = ks_strdup(path ? path : "/usr/local/bin:/usr/bin:/bin");
	for (char *dir = strtok_r(copy, ":", &save); dir && !found;
	     dir = strtok_r(NULL, ":", &save)) {
		char *full = ks_path_join(dir, name);

		found = !access(full, X_OK) && !ks_file_is_dir(full);
		free(full);
	}
	free(copy);
	return found;
}
