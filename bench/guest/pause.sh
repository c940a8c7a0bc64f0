# SPDX-License-Identifier: GPL-2.0-only
# Applies and reverses the updates with so many threads, and prints a line each time:
# pause FUNCTIONS THREADS LOAD INSIDE_NS TOTAL_NS EMPTY_NS TASKS TASKS_STOPPED
# /bench/plan has what to do: runs, phases, threads, loads, updates.
. /bench/plan
echo 100000 >/proc/sys/kernel/threads-max
echo 100000 >/proc/sys/kernel/pid_max
echo 200000 >/proc/sys/vm/max_map_count
insmod /bench/empty_stop.ko || exit 1
key() { sed -n "s/^$1 //p" /sys/kernel/ksplice/$id/match; }
stage() {
	tries=0
	until echo "$1" >/sys/kernel/ksplice/$id/stage 2>/dev/null; do
		tries=$((tries + 1))
		[ $tries -lt 20 ] || { cat /sys/kernel/ksplice/$id/error; exit 1; }
	done
}
for update in $updates; do
	id=${update%%:*} functions=${update#*:}
	ksplice-apply -q /bench/ksplice-$id.tar.gz || exit 1
	[ -e /sys/module/ksplice/parameters/two_phases ] && echo "$phases" >/sys/module/ksplice/parameters/two_phases
	for load in $loads; do
		for n in $threads; do
			/bin/sleepers "$n" "$load" >/tmp/ready &
			pid=$!
			until grep -q ready /tmp/ready; do
				kill -0 $pid || { echo "cannot start $n threads"; exit 1; }
				sleep 0.2
			done
			i=0
			while [ $i -lt "$runs" ]; do
				stage reversed
				empty=$(cat /sys/module/empty_stop/parameters/ns)
				stage applied
				echo "pause $functions $n $load $(key pause_ns) $(key stop_ns) $empty $(key tasks) $(key tasks_stopped)"
				i=$((i + 1))
			done
			kill -9 $pid
			wait $pid 2>/dev/null
			sleep 0.5
		done
	done
	ksplice-undo -q "$id" || exit 1
done
exit 0
