# SPDX-License-Identifier: GPL-2.0-only
# sees WORD LEASE: what each part of the patches does; "" for the kernel as booted.
sees() {
	dmesg -c >/dev/null
	behave copy /t/file 7777
	grep -q "^${1:+$1 [0-9]* }Linux version" /proc/version &&
		[ "$(cat /dev/null)" = "$1" ] &&
		[ "$(cat /proc/sys/fs/lease-break-time)" = "$2" ] &&
		[ "$(dmesg | sed -n "s/.*mended: //p")" = "$1" ]
}
fails() { # CODE COMMAND...
	local code=$1
	shift
	"$@" --raw-errors >/tmp/out 2>/tmp/err && return 1
	cat /tmp/err
	[ "$(head -n 1 /tmp/err)" = "$code" ]
}
gone() { ! grep ksplice /proc/modules && [ ! -e /sys/kernel/ksplice ]; }
p=/ksplice/ksplice
mkdir -p /t && mount -t tmpfs none /t && : >/t/file
