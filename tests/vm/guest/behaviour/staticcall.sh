# SPDX-License-Identifier: GPL-2.0-only
# A tracepoint's static call, in new code: switched on and off there.
tracing=/sys/kernel/tracing
[ -d $tracing/events ] || mount -t tracefs none $tracing
event=$tracing/events/sched/sched_process_exec
echo >$tracing/trace
echo 1 >$event/enable
/bin/true
echo 0 >$event/enable
count=$(grep 'filename=/bin/true .*old_pid=5[0-9]\{5\}' $tracing/trace | wc -l)
[ "$count" -ge 1 ] && answer=yes || answer=no
[ "$answer" = "$(when no yes)" ]
grep -q 'filename=/bin/true' $tracing/trace
echo >$tracing/trace
/bin/true
! grep -q 'filename=/bin/true' $tracing/trace
