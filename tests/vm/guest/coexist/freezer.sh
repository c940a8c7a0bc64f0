# SPDX-License-Identifier: GPL-2.0-only
# Tasks that the freezer has stopped (cgroup), and suspend to memory, which the alarm of the clock
# ends; during apply and undo, too, whose commands are frozen with all others.
alarm=/sys/class/rtc/rtc0/wakealarm
suspended() { cat /sys/power/suspend_stats/success; }
# A task frozen while it sleeps in the old function, and with it in the new one.
mkdir -p /tmp/cgroup
mount -t cgroup2 none /tmp/cgroup
mkdir /tmp/cgroup/ice
sleep 1000 & one=$!
sleep 0.3
echo $one >/tmp/cgroup/ice/cgroup.procs
echo 1 >/tmp/cgroup/ice/cgroup.freeze
wait_for /tmp/cgroup/ice/cgroup.events 'frozen 1'
apply coexist
is new
if apply nano 2>/tmp/said; then
	grep -q do_nanosleep "/proc/$one/stack" && wrong "applied, with a frozen task in do_nanosleep"
	note "the freezer takes a task out of do_nanosleep()"
	undo nano
else
	grep -q "sleep (pid $one) is in do_nanosleep" /tmp/said || { cat /tmp/said && wrong "refused, but why"; }
	note "$(grep -m 1 'is in do_nanosleep' /tmp/said)"
fi
echo 0 >/tmp/cgroup/ice/cgroup.freeze
ended $one
for try in 1 2 3 4 5; do rmdir /tmp/cgroup/ice 2>/dev/null && break; sleep 0.2; done
umount /tmp/cgroup

[ -w $alarm ] || { undo coexist && skip "no clock with an alarm that could end a suspend"; }
# nap: to memory (ACPI S3), with the second CPU taken down; the kernel counts it.
nap() {
	was=$(suspended)
	echo 0 >$alarm
	echo +2 >$alarm
	echo mem >/sys/power/state
	[ "$(suspended)" -eq $((was + 1)) ]
}
nap || wrong "suspend to memory"
is new
undo coexist
is old
nap || wrong "suspend to memory"
note "suspended to memory while applied, and after the undo"
flip() { nap && sleep 1; }
cycles 2 flip
