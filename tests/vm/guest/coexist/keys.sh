# SPDX-License-Identifier: GPL-2.0-only
# Static keys and static calls that old and new code have: toggled while applied, and in a loop
# during apply and undo.
event=$tracing/events/sched/sched_process_exec
key=/proc/sys/kernel/sched_schedstats
execs() {
	echo >$tracing/trace
	echo $1 >$event/enable
	/bin/true
	grep "filename=/bin/true .*old_pid=$2" $tracing/trace | wc -l
}
toggled() {
	for on in 1 0 1 0; do
		echo $on >$key
		[ "$(grep -c '^mended_stats$' /proc/self/sched)" = $(($on * $1)) ] || wrong "the key, $on"
		[ "$(grep -c '^sum_block_runtime\|^se.*sum_block_runtime' /proc/self/sched)" = $on ] || wrong "the key, $on"
	done
	for on in 1 0 1 0; do
		pids='5[0-9]\{5\}$' && [ $1 = 1 ] || pids='[0-9]\{1,5\}$'
		[ "$(execs $on "$pids")" = $on ] || wrong "the tracepoint, $on: $(cat $tracing/trace)"
	done
}
toggled 0
apply coexist
is new
toggled 1
undo coexist
is old
toggled 0
flip() {
	echo 1 >$key && echo 1 >$event/enable && echo 0 >$key && echo 0 >$event/enable
}
cycles 4 flip
# On when it comes, off when it goes, and the other way.
for on in 1 0; do
	echo $on >$key && echo $on >$event/enable
	apply coexist
	[ "$(grep -c '^mended_stats$' /proc/self/sched)" = $on ] || wrong "the key was $on"
	echo $((1 - on)) >$key && echo $((1 - on)) >$event/enable
	[ "$(grep -c '^mended_stats$' /proc/self/sched)" = $((1 - on)) ] || wrong "the key is $((1 - on))"
	undo coexist
done
toggled 0
echo >$tracing/trace
