/* SPDX-License-Identifier: GPL-2.0-only */
/* /var/log/uptrack.log: a line for each thing that was done or failed. */
#ifndef KS_UPTRACK_LOG_H
#define KS_UPTRACK_LOG_H

#include "uptrack/uptrack.h"

/*
 * Appends "TIME COMMAND[PID]: TEXT".  A log that cannot be written keeps nobody
 * from being protected: false, and no more.
 */
bool ks_uptrack_log(const struct ks_uptrack *up, const char *fmt, ...) KS_PRINTF(2, 3);

#endif
