# SPDX-License-Identifier: GPL-2.0-only
# The function tracer: of the old function and the new one; of everything; on and off.
lines() { seen 'version_proc_show <-'; }
# traced N: a read of /proc/version is N lines.
traced() {
	echo >$tracing/trace
	version >/dev/null
	found=$(lines)
	[ "$found" -eq "$1" ] || wrong "$found lines of version_proc_show in the trace, not $1"
}
echo version_proc_show >$tracing/set_ftrace_filter
echo function >$tracing/current_tracer
traced 1
apply coexist
is new
traced 1
note "traced before: the old function still is while it is replaced"
echo ':mod:ksplice_coexist_new' >>$tracing/set_ftrace_filter
grep -q 'version_proc_show \[ksplice_coexist_new\]' $tracing/set_ftrace_filter || wrong "no filter of the module"
traced 2
echo nop >$tracing/current_tracer
traced 0
echo function >$tracing/current_tracer
traced 2
is new
note "new function traced, too (filter :mod:ksplice_coexist_new)"
undo coexist
is old
traced 1
echo nop >$tracing/current_tracer
echo >$tracing/set_ftrace_filter

# Of all functions, on during both.
echo function >$tracing/current_tracer
apply coexist
is new
traced 2
undo coexist
is old
traced 1
note "all functions traced during apply and undo"
echo nop >$tracing/current_tracer
flip() {
	echo '*_proc_show __check_object_size proc_sched_show_task' >$tracing/set_ftrace_filter &&
		echo function >$tracing/current_tracer &&
		echo nop >$tracing/current_tracer
}
cycles 3 flip
echo >$tracing/set_ftrace_filter
echo >$tracing/trace

# What is redirected by ftrace keeps it from being switched off.
apply coexist
refused 'Device or resource busy\|busy' sh -c 'echo 0 >/proc/sys/kernel/ftrace_enabled'
[ "$(copies)" = 1 ] || wrong "__check_object_size() is not redirected any more"
undo coexist
echo 0 >/proc/sys/kernel/ftrace_enabled
refused ftrace_enabled apply coexist
echo 1 >/proc/sys/kernel/ftrace_enabled
