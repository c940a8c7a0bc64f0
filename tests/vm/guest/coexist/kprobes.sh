# SPDX-License-Identifier: GPL-2.0-only
# Kprobes, through kprobe_events: at the entry, in the slot, elsewhere in the old body, of the
# return; disabled and optimized ones; in the new code.
events=$tracing/kprobe_events
list=/sys/kernel/debug/kprobes/list
probe() { echo "$1" >>$events && [ -z "${2:-}" ] || echo 1 >$tracing/events/kprobes/$2/enable; }
unprobe() { echo 0 >$tracing/events/kprobes/$1/enable && echo "-:$1" >>$events; }
hits() { awk -v name="$1" '$1 == name { print $2 }' $tracing/kprobe_profile; }
# fires NAME: a read of /proc/version is a hit.
fires() {
	before=$(hits $1)
	version >/dev/null
	[ "$(hits $1)" -eq $((before + 1)) ] || wrong "$1 has $(hits $1) hits, $before before"
}
slot=$(behind version_proc_show)
hex=$(printf %x $slot)

# At the entry, and of the return: they stay.
probe 'p:entry version_proc_show' entry
probe 'r:back version_proc_show ret=$retval' back
grep -q 'version_proc_show+0x[04].*FTRACE' $list || wrong "the probe at the entry is not ftrace's"
fires entry
fires back
apply coexist
is new
fires entry
fires back
# There are two of that name now: in 6.12 it is error_log that says so.
refused 'Cannot assign\|Invalid argument' sh -c "echo 'r:late version_proc_show' >>$events"
grep -q 'Cannot assign' /tmp/refused || grep -q 'not unique' $tracing/error_log || wrong "refused for another reason"
probe "r:late $(at version_proc_show 0)" late
fires late
note "probes at the entry and of the return stay and fire; a new one of the return, too"
undo coexist
is old
fires entry
fires back
fires late
for name in entry back late; do unprobe $name; done

# In the slot: refused; neither applied nor left behind.
probe "p:slot version_proc_show+$slot" slot
fires slot
refused "version_proc_show+0x$hex: .*(a kprobe is there; remove it first)" apply coexist
is old
fires slot
echo 0 >$tracing/events/kprobes/slot/enable
grep -q "version_proc_show+0x$hex.*DISABLED" $list || wrong "the probe is not disabled"
refused "a kprobe is at version_proc_show+0x$hex, in the place of the jump" apply coexist
note "the same with the probe disabled"
echo '-:slot' >>$events

# Elsewhere in the old body: the first place behind the slot where there may be one.
place=
for offset in $(seq $((slot + 6)) 34); do
	echo "p:body version_proc_show+$offset" >>$events 2>/dev/null && place=$offset && break
done
[ -n "$place" ] || wrong "no probe in the body"
for optimize in 0 1; do
	echo $optimize >/proc/sys/debug/kprobes-optimization
	echo 1 >$tracing/events/kprobes/body/enable
	fires body
	[ $optimize = 0 ] || wait_for $list 'version_proc_show.*OPTIMIZED'
	[ $optimize = 1 ] || ! grep -q 'version_proc_show.*OPTIMIZED' $list || wrong "optimized nevertheless"
	refused "version_proc_show+0x$(printf %x $place): .*(a kprobe is there; remove it first)" apply coexist
	fires body
	echo 0 >$tracing/events/kprobes/body/enable
done
note "the same for an optimized one"
refused "a kprobe is at version_proc_show+0x$(printf %x $place), in code that is replaced" apply coexist
echo '-:body' >>$events

# While it is replaced, no probe gets in; afterwards it does.
apply coexist
for where in $slot $place; do
	refused 'Invalid argument' sh -c "echo 'p:body $(at version_proc_show $where)' >>$events"
done
# The function that ftrace redirects: nor at its entry.
refused 'Invalid argument' sh -c "echo 'p:entry $(at __check_object_size 0)' >>$events"
# In the new code: like in any module, which may go.
probe 'p:fresh ksplice_coexist_new:version_proc_show' fresh
fires fresh
probe "p:inside ksplice_coexist_new:version_proc_show+$slot" inside
fires inside
is new
undo coexist
is old
grep -q GONE $list && note "the probes in the new code are gone with it"
version >/dev/null
unprobe inside
unprobe fresh
probe "p:body version_proc_show+$place" body
fires body
unprobe body
note "kept out of the old body while it is replaced, and allowed again"

# At the entry of the function that ftrace redirects: refused before it, too.
probe 'p:entry __check_object_size' entry
refused 'a kprobe is at __check_object_size+0x[04]' apply coexist
unprobe entry

# A task asleep in a function whose return is probed.
probe 'r:back do_nanosleep' back
sleep 1000 & one=$!
sleep 0.3
apply coexist
is new
refused "sleep (pid $one) is in do_nanosleep" apply nano
undo coexist
ended $one
[ "$(hits back)" -ge 1 ] || wrong "the return of do_nanosleep was not probed"
unprobe back
there=$(at version_proc_show 0)
flip() {
	echo "r:flip $there" >>$events && echo 1 >$tracing/events/kprobes/flip/enable &&
		echo 0 >$tracing/events/kprobes/flip/enable && echo '-:flip' >>$events
}
cycles 3 flip
