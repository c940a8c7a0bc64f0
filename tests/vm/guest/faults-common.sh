# SPDX-License-Identifier: GPL-2.0-only
# What faults.sh and killed.sh compare, and how the updates are to be seen.
set -e
p=/ksplice/ksplice
mkdir /t && mount -t tmpfs none /t && : >/t/file
param=/sys/module/ksplice/parameters
state=/sys/module/textwatch/parameters/state
first=$p-faults.tar.gz second=$p-next.tar.gz
mount -t debugfs none /sys/kernel/debug 2>/dev/null || [ -e /sys/kernel/debug/kprobes ]

die() { echo "FAILED: $*"; dmesg | tail -n 30; exit 1; }

# What an attempt must not change, but for memory and code: references, tracers, probes, files.
around() {
	cat /sys/module/xfs/refcnt /sys/kernel/tracing/enabled_functions /sys/kernel/debug/kprobes/list
	md5sum </sys/kernel/debug/kprobes/blacklist
	cat /proc/modules | sed 's/ .*//' | sort
	find /run/ksplice /tmp | sort
	cat $param/live 2>/dev/null || echo no core
	ls /sys/kernel/ksplice 2>/dev/null || echo no updates
}
# Before an operation: "now" is what has to be there after its failure.
remember() { echo "keep $1" >$state && around >/ref/$1; }
as_before() {
	echo "$1" >$state
	[ "$(cat $state)" = same ] || die "$(cat $state)"
	around >/ref/now
	diff /ref/$1 /ref/now || die "something is left"
}

# sees WORD LEASE: what each part of the updates does; "" for the kernel as booted.
sees() {
	dmesg -c >/dev/null
	behave copy /t/file 7777
	mount -o remount,size=1m /t
	grep -q "^${1:+$1 }" /proc/version &&
		[ "$(cat /proc/sys/fs/lease-break-time)" = "$2" ] &&
		[ "$(dmesg | sed -n "s/.*mended: //p")" = "$3" ] &&
		[ "$(dmesg | grep -c 'tmpfs remounted')" = "$4" ] || die "it does not do what it should: $*"
}
as_booted() { sees Linux 45 '' 0; }
mended() { sees Mended 77 first 1; }
replaced() { sees third 55 third 0; }
# The kernel as it was booted is state 0.
mkdir /ref
insmod /bin/textwatch.ko
mkdir -p /run/ksplice/updates && : >/run/ksplice/lock
as_booted
remember 0
