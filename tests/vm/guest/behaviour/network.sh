# SPDX-License-Identifier: GPL-2.0-only
ifconfig lo 127.0.0.1 up
ping -c 1 -W 1 -s 98 127.0.0.1 >/dev/null
ping -c 1 -W 1 -s 99 127.0.0.1 >/dev/null && answer=yes || answer=no
[ "$answer" = "$(when yes no)" ]
