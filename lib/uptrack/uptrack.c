// SPDX-License-Identifier: GPL-2.0-only
/* The places on a real machine; see uptrack.h. */
#include "uptrack/uptrack.h"

const struct ks_uptrack ks_uptrack_system = {
	.live = &ks_live_system,
	.etc = "/etc/uptrack",
	.state = "/var/lib/uptrack",
	.cache = "/var/cache/uptrack",
	.log = "/var/log/uptrack.log",
	.proc = "/proc",
	.os_release = "/etc/os-release",
};
