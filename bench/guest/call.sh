# SPDX-License-Identifier: GPL-2.0-only
# Calls a function as it is, replaced by an update, and by a livepatch, and prints a line each time:
# call HOW CALLS TICKS SUM
insmod /bench/bench_call.ko || exit 1
measure() {
	i=0
	while [ $i -lt 20 ]; do
		echo "call $1 $(cat /sys/module/bench_call/parameters/ticks)"
		i=$((i + 1))
	done
}
measure original
ksplice-apply -q /bench/ksplice-call.tar.gz || exit 1
measure ksplice
ksplice-undo -q call || exit 1
measure undone
insmod /bench/bench_livepatch.ko || exit 1
# Its transition is over when no task is in the old code any more.
until [ "$(cat /sys/kernel/livepatch/bench_livepatch/transition)" = 0 ]; do sleep 0.2; done
measure livepatch
echo 0 >/sys/kernel/livepatch/bench_livepatch/enabled || exit 1
while [ -e /sys/kernel/livepatch/bench_livepatch ]; do sleep 0.2; done
exit 0
