// SPDX-License-Identifier: GPL-2.0-only
/* The client's log; see log.h. */
#include "uptrack/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

bool ks_uptrack_log(const struct ks_uptrack *up, const char *fmt, ...)
{
	time_t now = time(NULL);
	char stamp[32], *text, *line;
	bool written = false;
	struct tm tm;
	va_list ap;
	int fd, n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0 || !gmtime_r(&now, &tm))
		return false;
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm);
	/* One line, whatever a message quotes. */
	ks_text_clean(text);
	for (char *p = text; (p = strchr(p, '\n'));)
		*p = ' ';
	line = ks_asprintf("%s %s[%d]: %s\n", stamp, program_invocation_short_name, getpid(), text);
	fd = open(up->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd >= 0) {
		written = write(fd, line, strlen(line)) == (ssize_t)strlen(line);
		close(fd);
	}
	free(line);
	free(text);
	return written;
}
