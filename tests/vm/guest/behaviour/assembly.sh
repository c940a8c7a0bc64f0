# SPDX-License-Identifier: GPL-2.0-only
# Functions of assembly: in vmlinux, with entries for faults (a checksum that is
# wrong, so that nobody answers); and in a module, with constants and loops.
ip link set lo up
echo '0 0' >/proc/sys/net/ipv4/ping_group_range
[ "$(behave echo)" = "$(when answer nothing)" ]
[ "$(behave echo-fault)" = EFAULT ]
right=$(printf abc | sha1sum | cut -d' ' -f1)
for driver in sha1-ssse3 sha1-avx; do
	[ "$(behave digest $driver abc)" = "$right" ] && answer=right || answer=other
	[ "$answer" = "$(when right other)" ]
done
