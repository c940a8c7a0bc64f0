# SPDX-License-Identifier: GPL-2.0-only
# The work that was queued with the old function's address runs the new one.
dmesg -c >/dev/null
sleep 4
dmesg | grep -q 'mended: shepherd' && answer=yes || answer=no
[ "$answer" = "$(when no yes)" ]
