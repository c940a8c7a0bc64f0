# SPDX-License-Identifier: GPL-2.0-only
# An existing per-CPU variable, read by new code; and a new one.
inodes=$(cut -f 1 /proc/sys/fs/inode-nr)
[ "$inodes" -ge 1000000 ] && answer=yes || answer=no
[ "$answer" = "$(when no yes)" ]
if [ "$STAGE" = applied ]; then
	a=$(taskset 1 cat /proc/version | cut -d ' ' -f 2)
	b=$(taskset 2 cat /proc/version | cut -d ' ' -f 2)
	[ "$b" -eq $((a + 1)) ]
fi
