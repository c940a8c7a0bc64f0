# SPDX-License-Identifier: GPL-2.0-only
# The kernel's own live patching: of the same function before and after, of a function that ftrace
# redirects for us, of another function.
klp() { insmod "/ksplice/klp_$1.ko" && settled "$1" 1; }
settled() {
	for try in $(seq 1 100); do
		[ "$(cat /sys/kernel/livepatch/klp_$1/enabled)" = "$2" ] &&
			[ "$(cat /sys/kernel/livepatch/klp_$1/transition)" = 0 ] && return
		sleep 0.2
	done
	wrong "the livepatch $1 does not come to $2"
}
unklp() {
	echo 0 >/sys/kernel/livepatch/klp_$1/enabled
	for try in $(seq 1 100); do
		[ -d /sys/kernel/livepatch/klp_$1 ] || break
		sleep 0.2
	done
	rmmod "klp_$1"
}
# The livepatch first: its redirection comes before our jump, which would never be reached.
klp version
[ "$(version)" = Livepa ] || wrong "the livepatch does nothing"
refused 'slot_conflict: version_proc_show.*livepatch' apply coexist
[ "$(version)" = Livepa ]
unklp version
klp usercopy
refused 'slot_conflict: __check_object_size.*livepatch' apply coexist
unklp usercopy
is old

# The update first: the livepatch wins while it is enabled.
apply coexist
is new
klp version
[ "$(version)" = Livepa ] || wrong "the livepatch does nothing"
note "a livepatch that comes later wins"
undo coexist
[ "$(version)" = Livepa ] || wrong "the undo took the livepatch away"
unklp version
is old
apply coexist
klp version
unklp version
is new
note "and when it goes, the update's code runs again"
# Where ftrace redirects for us, the kernel refuses it.
refused 'Device or resource busy\|busy' insmod /ksplice/klp_usercopy.ko
is new
undo coexist
is old

# Another function: neither minds.
klp cmdline
apply coexist
is new
[ "$(head -c 6 /proc/cmdline)" = Livepa ] || wrong "the other function is not livepatched"
undo coexist
apply coexist
unklp cmdline
is new
[ "$(head -c 6 /proc/cmdline)" != Livepa ] || wrong "the other function is still livepatched"
klp cmdline
undo coexist
unklp cmdline
note "a livepatch of another function, before and while"
