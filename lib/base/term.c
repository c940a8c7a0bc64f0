// SPDX-License-Identifier: GPL-2.0-only
/*
 * Progress and notes for people; see term.h.  ks_report_terminal() is the one
 * place in the libraries that writes to a terminal, and only because a tool
 * asked for it.
 */
#include "base/term.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define REDRAW_MS 100

void ks_step(struct ks_report *r, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (!r || !r->step)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->step(r, text);
}

void ks_progress(struct ks_report *r, size_t n, size_t total, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (!r || !r->progress)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->progress(r, n, total, text);
}

void ks_note(struct ks_report *r, int level, const char *fmt, ...)
{
	char *text;
	va_list ap;
	int n;

	if (!r || !r->note)
		return;
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	r->note(r, level, text);
	free(text);
}

/* One terminal per process, so one static object. */
struct terminal {
	struct ks_report report;
	int verbosity;
	bool tty;
	bool line;	/* a progress line is on the screen */
	uint64_t drawn; /* when, in ms */
};

static struct terminal terminal;

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void clear_line(struct terminal *t)
{
	if (t->line)
		fputs("\r\033[K", stderr);
	t->line = false;
}

static void terminal_step(struct ks_report *r, const char *what)
{
	struct terminal *t = (struct terminal *)r;

	if (t->verbosity < 0)
		return;
	clear_line(t);
	fprintf(stderr, "%s...\n", what);
	t->drawn = 0;
}

static void terminal_progress(struct ks_report *r, size_t n, size_t total, const char *what)
{
	struct terminal *t = (struct terminal *)r;
	struct winsize ws;
	char text[600];
	int width = 80;

	if (t->verbosity < 0 || !t->tty)
		return;
	if (total && n >= total) {
		clear_line(t);
		return;
	}
	if (t->line && now_ms() - t->drawn < REDRAW_MS)
		return;
	if (total)
		snprintf(text, sizeof(text), "  %3u%%  %s",
			 (unsigned int)((double)n * 100 / (double)total), what);
	else
		snprintf(text, sizeof(text), "  %s", what);
	if (!ioctl(STDERR_FILENO, TIOCGWINSZ, &ws) && ws.ws_col > 1)
		width = ws.ws_col;
	/* A line as wide as the screen would wrap and could not be redrawn. */
	fprintf(stderr, "\r\033[K%.*s", width - 1, text);
	fflush(stderr);
	t->line = true;
	t->drawn = now_ms();
}

static void terminal_note(struct ks_report *r, int level, const char *text)
{
	struct terminal *t = (struct terminal *)r;

	if (level > t->verbosity)
		return;
	clear_line(t);
	fprintf(stderr, "%s\n", text);
}

struct ks_report *ks_report_terminal(int verbosity)
{
	terminal = (struct terminal){
		.report = {
			.step = terminal_step,
			.progress = terminal_progress,
			.note = terminal_note,
		},
		.verbosity = verbosity,
		.tty = isatty(STDERR_FILENO),
	};
	return &terminal.report;
}

void ks_report_end(void)
{
	clear_line(&terminal);
	fflush(stderr);
}
