# SPDX-License-Identifier: GPL-2.0-only
# Applies and undoes an update of hot paths, again and again, under a load that
# checks itself, with functions traced by turns and modules that come and go.
# /ksplice/stress.conf: SECONDS_OF_STRESS, and CYCLES that are enough.
. /ksplice/stress.conf
t=/ksplice/ksplice-stress.tar.gz
mkdir -p /tmp/stress
ip link set lo up 2>/dev/null || ifconfig lo 127.0.0.1 up
/bin/stress >/tmp/load 2>&1 &
load=$!
until grep -q running /tmp/load; do sleep 0.1; done

tracing=/sys/kernel/tracing
functions='tcp_ack link_path_walk __handle_mm_fault rw_verify_area'
trace() {
	case $(($1 % 6)) in
	1) echo "$functions" >$tracing/set_ftrace_filter && echo function >$tracing/current_tracer ;;
	3) echo nop >$tracing/current_tracer ;;
	4) echo "$functions" >$tracing/set_graph_function && echo function_graph >$tracing/current_tracer ;;
	0) echo nop >$tracing/current_tracer && echo >$tracing/set_ftrace_filter ;;
	esac 2>/dev/null
	# Only what the load makes the tracer write matters: nobody reads it.
	echo >$tracing/trace
}

modules() {
	while :; do
		modprobe dummy && sleep 0.3 && rmmod dummy || { echo "WRONG module" >>/tmp/load; return; }
		sleep 0.3
	done
}
modules &
modules=$!

start=$(cut -d. -f1 /proc/uptime) n=0 busy=0 failed=0
while [ $(($(cut -d. -f1 /proc/uptime) - start)) -lt "$SECONDS_OF_STRESS" ] && [ $n -lt "$CYCLES" ]; do
	trace $n
	for command in "ksplice-apply $t" "ksplice-undo stress"; do
		tries=0
		until $command >/tmp/out 2>/tmp/err; do
			if grep -q code_busy /tmp/err && [ $tries -lt 5 ]; then
				busy=$((busy + 1)) tries=$((tries + 1))
				grep -h ' is in ' /tmp/err | head -n 2
				continue
			fi
			cat /tmp/out /tmp/err
			failed=1
			break 3
		done
		busy=$((busy + $(grep -c 'code_busy (try' /tmp/err)))
	done
	grep -q WRONG /tmp/load && break
	n=$((n + 1))
done
echo nop >$tracing/current_tracer
kill $modules
wait $modules 2>/dev/null
kill -TERM $load
wait $load
rc=$?
cat /tmp/load
echo "stress: $n cycles, $busy times busy"
# Nothing is left, but what may be in use for ever.
[ -e /run/ksplice/pinned/stress ] || ! grep ksplice /proc/modules || failed=1
grep -q WRONG /tmp/load && failed=1
[ $rc -eq 0 ] && [ $failed -eq 0 ] && [ $n -gt 0 ]
