# SPDX-License-Identifier: GPL-2.0-only
# Updates of code in which tasks are preempted (preempt.c). /ksplice/preempt.conf: MODEL is full, none
# or rt, and must be what this kernel has; SECONDS_OF_LOAD.
. /ksplice/preempt.conf
t=/ksplice/ksplice-preempt.tar.gz
wrong() { echo "preempt: WRONG: $*" && exit 1; }
is() { [ "$(preempt once)" = "$1" ] || wrong "kpageflags_read() is not $1"; }

mount -t debugfs d /sys/kernel/debug 2>/dev/null
case $MODEL in
rt) uname -v | grep -q PREEMPT_RT || wrong "$(uname -v) is not PREEMPT_RT" ;;
*) grep -q "($MODEL)" /sys/kernel/debug/sched/preempt || wrong "this kernel runs $(cat /sys/kernel/debug/sched/preempt)" ;;
esac
# Who waits for CPU 1 behind a task of a real-time priority gets nothing of it: no share for others
# (in 6.12 it is given by a server of the scheduler's).
echo -1 >/proc/sys/kernel/sched_rt_runtime_us || exit 1
server=/sys/kernel/debug/sched/fair_server/cpu1/runtime
[ ! -e $server ] || echo 0 >$server || exit 1

# hold: a reader, preempted in the function and kept there. let_go: until now.
hold() {
	preempt hold >/tmp/held 2>&1 &
	holder=$!
	for try in $(seq 300); do
		grep -q '^held' /tmp/held && break
		sleep 0.2
	done
	pid=$(sed -n 's/^held //p' /tmp/held)
	[ -n "$pid" ] || wrong "no reader is held: $(cat /tmp/held)"
	if grep -q 'asm_sysvec\|asm_common_interrupt' /tmp/held; then
		interrupts=$((interrupts + 1))
	fi
	sed -n 's/^\[<0>\] /	/p' /tmp/held
}
let_go() {
	kill $holder
	wait $holder || wrong "the reader: $(cat /tmp/held)"
	grep '^reader ok' /tmp/held || wrong "$(cat /tmp/held)"
}
# busy COMMAND...: cannot do its work while a reader is held.
busy() {
	hold
	! "$@" >/tmp/out 2>/tmp/err || wrong "$* with a task in the function"
	[ "$(head -n 1 /tmp/err)" = code_busy ] || { cat /tmp/err && wrong "$* failed, but not busy"; }
	grep "preempt (pid $pid) is in \(kpageflags_read\|stable_page_flags\)+0x" /tmp/err | head -n 1
	grep -q "preempt (pid $pid) is in \(kpageflags_read\|stable_page_flags\)+0x" /tmp/err ||
		{ cat /tmp/err && wrong "the task is not named"; }
	let_go
}

interrupts=0
# Three times each, for the moment is another one each time; the last by the look in the stop alone.
is old
for round in 1 2 3; do
	if [ $round = 3 ]; then
		tar -xzf $t -C /tmp && insmod /tmp/ksplice-preempt/core/ksplice.ko two_phases=0 || exit 1
	fi
	busy ksplice-apply --raw-errors $t
	is old
done
ksplice-apply -q $t || exit 1
is new
# Now they are in the code of the update's module.
for round in 1 2 3; do
	[ $round = 1 ] || echo 1 >/sys/module/ksplice/parameters/two_phases
	busy ksplice-undo --raw-errors preempt
	is new
done
ksplice-undo -q preempt || exit 1
is old
echo "preempt: busy while held, $interrupts of 6 times in an interrupt"
case $MODEL in
none) [ $interrupts -eq 0 ] || wrong "an interrupt has preempted what only offers to wait" ;;
*) [ $interrupts -gt 0 ] || wrong "no interrupt has preempted anything" ;;
esac

# Readers that come and go, preempted wherever it happens.
preempt load 3 >/tmp/load 2>&1 &
load=$!
until grep -qs running /tmp/load; do sleep 0.1; done
start=$(cut -d. -f1 /proc/uptime) n=0 busy=0
while [ $(($(cut -d. -f1 /proc/uptime) - start)) -lt "$SECONDS_OF_LOAD" ]; do
	for command in "ksplice-apply $t" "ksplice-undo preempt"; do
		until $command >/tmp/out 2>/tmp/err; do
			grep -q code_busy /tmp/err || { cat /tmp/err && wrong "$command"; }
			busy=$((busy + 5))
			[ $(($(cut -d. -f1 /proc/uptime) - start)) -lt $((4 * SECONDS_OF_LOAD)) ] || wrong "busy for ever"
		done
		busy=$((busy + $(grep -c 'code_busy (try' /tmp/err)))
		case $command in *apply*) is new ;; *) is old ;; esac
	done
	n=$((n + 1))
	! grep WRONG /tmp/load || exit 1
done
kill $load
wait $load || { cat /tmp/load && wrong "the load"; }
cat /tmp/load
[ "$(grep -c '^reader ok: [1-9][0-9]* old, [1-9]' /tmp/load)" -ge 1 ] || wrong "no reader has met both"
[ $n -ge 1 ] || wrong "never applied and undone"
echo "preempt: $n times applied and undone, $busy times busy"
! grep ksplice_preempt /proc/modules
