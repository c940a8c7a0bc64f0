# SPDX-License-Identifier: GPL-2.0-only
parent=$(behave getppid)
[ "$parent" -ge 100000 ] && answer=yes || answer=no
[ "$answer" = "$(when no yes)" ]
