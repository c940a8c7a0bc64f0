#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The guest's init.  Speaks to the host on the second serial port, so that
# messages of the kernel on the first cannot get between: lines that start
# with the run's token are the protocol, all else is output of the step.
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
stty -F /dev/ttyS1 raw 2>/dev/null
exec 3>/dev/ttyS1
cd /ksplice

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

# step NAME COMMAND...: a command whose failure ends the run.
step() {
	name=$1
	shift
	echo "$token begin $name" >&3
	"$@" >&3 2>&3 </dev/null
	rc=$?
	echo "$token end $name $rc" >&3
	[ "$rc" -eq 0 ] || finish 1
}

. /ksplice/steps.sh
finish 0
