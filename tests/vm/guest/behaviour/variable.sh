# SPDX-License-Identifier: GPL-2.0-only
[ "$(cat /proc/sys/fs/lease-break-time)" = "$(when 45 77)" ]
