# SPDX-License-Identifier: GPL-2.0-only
# CPUs that go and come during apply and undo; one that is not there when the code changes.
cpu=/sys/devices/system/cpu/cpu1/online
on_cpu1() { taskset 2 head -c 6 /proc/version; }
[ "$(on_cpu1)" = 'Linux ' ]
echo 0 >$cpu
[ "$(cat /sys/devices/system/cpu/online)" = 0 ] || wrong "the CPU is still there"
apply coexist
is new
echo 1 >$cpu
[ "$(on_cpu1)" = Mended ] || wrong "the CPU that came later has old code"
is new
echo 0 >$cpu
undo coexist
is old
echo 1 >$cpu
[ "$(on_cpu1)" = 'Linux ' ] || wrong "the CPU that came later has new code"
note "applied and undone with one CPU only; the other has the right code when it is back"
flip() { echo 0 >$cpu && sleep 0.1 && echo 1 >$cpu && sleep 0.1; }
cycles 10 flip
