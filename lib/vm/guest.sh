#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The guest's init.  Speaks to the host on the second serial port, so that
# messages of the kernel on the first cannot get between: lines that start
# with the run's token are the protocol, all else is output of the step.
# The kernel's log gets a mark where each step begins: what is logged between
# two marks belongs to the step.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
read -r token </ksplice/token
mark=$(echo "$token" | cut -c1-8)
echo on >/proc/sys/kernel/printk_devkmsg
stty -F /dev/ttyS1 raw 2>/dev/null
exec 3>/dev/ttyS1
cd /ksplice

number=0 skip='' bad=0 before=0

finish() {
	echo "$token begin log" >&3
	dmesg >&3
	echo "$token end log 0" >&3
	echo "$token taint $(cat /proc/sys/kernel/tainted)" >&3
	[ "$1" -eq 0 ] && echo "$token success" >&3
	sync
	exec 3>&-
	# The port's last bytes are on their way while the machine goes down.
	sleep 0.3
	poweroff -f
}

# run NAME COMMAND...: tells the host how it went.
run() {
	name=$1
	shift
	number=$((number + 1))
	echo "<6>ksplice-verify $mark step $number" >/dev/kmsg
	read -r uptime _ </proc/uptime
	echo "$token begin $name $uptime" >&3
	"$@" >&3 2>&3 </dev/null
	rc=$?
	taint=$(cat /proc/sys/kernel/tainted)
	read -r uptime _ </proc/uptime
	echo "$token end $name $rc $taint $uptime" >&3
	return "$rc"
}

# load MODULE [still]: modprobe's words, and where it failed what the kernel said about it.
# With "still", a driver that does not find its hardware is loaded without being started.
load() {
	[ ! -e "/ksplice/still/$1.loaded" ] || { cat "/ksplice/still/$1.loaded" && return; }
	/sbin/modprobe "$1" 2>/tmp/said && return
	cat /tmp/said
	dmesg | tail -n 8 | grep -v ksplice-verify
	[ "${2:-}" = still ] && [ -f "/ksplice/still/$1.ko" ] && insmod "/ksplice/still/$1.ko" || return
	{ cat /tmp/said && echo "ksplice-verify: not started: $1"; } >"/ksplice/still/$1.loaded"
	tail -n 1 "/ksplice/still/$1.loaded"
}

# step NAME COMMAND...: a command whose failure ends the run.
step() { [ -n "$skip" ] || run "$@" || finish 1; }

# attempt NAME COMMAND...: one whose failure ends only this update's turn.
attempt() {
	[ -n "$skip" ] || run "$@" || skip=1 bad=1
}

# Memory and locks are in doubt after an oops, a bad page, a warning or a lockup.
grave() {
	echo $(($(cat /proc/sys/kernel/tainted) & 0x42a0))
}

# update N: the turn of the Nth update begins.
update() {
	[ "$(grave)" -eq "$before" ] || finish 1
	skip=
	echo "$token update $1" >&3
}

# loaded: its modules are; what they complained about is not the update's fault.
loaded() {
	before=$(grave)
	# 0x80: after an oops nothing more is worth while.
	[ $((before & 0x80)) -eq 0 ] || finish 1
}

. /ksplice/steps.sh
finish $bad
