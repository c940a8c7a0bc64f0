# SPDX-License-Identifier: GPL-2.0-only
# function_graph: on during apply and undo, with tasks asleep in what it traces.
calls() { seen "$1()"; }
echo 'version_proc_show do_nanosleep hrtimer_nanosleep __check_object_size' >$tracing/set_ftrace_filter
echo function_graph >$tracing/current_tracer
sleep 1000 & one=$!
sleep 1000 & two=$!
sleep 0.3
# They sleep in functions whose return addresses are the tracer's: not in the way of others.
apply coexist
is new
echo >$tracing/trace
version >/dev/null
[ "$(calls version_proc_show)" -ge 1 ] || wrong "version_proc_show is not in the graph"
refused "sleep (pid \($one\|$two\)) is in do_nanosleep" apply nano
echo nop >$tracing/current_tracer
# The tracer is off, and its trampoline still on the stacks.
refused "sleep (pid \($one\|$two\)) is in do_nanosleep" apply nano
echo function_graph >$tracing/current_tracer
undo coexist
is old
ended $one $two
sleep 2 &
sleep 0.2
apply nano
note "tasks that sleep in a traced function are waited for: applied when they had left"
wait
echo >$tracing/trace
sleep 3 & three=$!
sleep 0.2
undo nano
wait
[ "$(calls do_nanosleep)" -ge 1 ] || wrong "do_nanosleep is not in the graph"
echo nop >$tracing/current_tracer
echo >$tracing/set_ftrace_filter
# All functions.
echo function_graph >$tracing/current_tracer
apply coexist
is new
echo version_proc_show >$tracing/set_graph_function
echo >$tracing/trace
version >/dev/null
# In 6.12, seq_puts() of a constant is seq_write().
[ "$(calls 'seq_\(puts\|write\)')" -ge 1 ] || wrong "the new code's call is not in the graph"
undo coexist
echo nop >$tracing/current_tracer
echo >$tracing/set_graph_function
flip() {
	echo '*_proc_show __check_object_size do_nanosleep' >$tracing/set_ftrace_filter &&
		echo function_graph >$tracing/current_tracer && sleep 0.05 &&
		echo nop >$tracing/current_tracer
}
cycles 3 flip
echo >$tracing/set_ftrace_filter
echo >$tracing/trace
