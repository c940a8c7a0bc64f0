# SPDX-License-Identifier: GPL-2.0-only
# BPF programs at a kprobe, at fentry and at fexit; attached before and while, of a function with
# a jump and one that ftrace redirects.
programs=''
# program HOW FUNCTION [PLACE]
program() {
	rm -f "/tmp/$1-$2"
	others "$1" "/tmp/$1-$2" "${3:-$2}" >/tmp/said 2>&1 &
	programs="$programs $!"
	for try in $(seq 1 100); do [ -s "/tmp/$1-$2" ] && return; sleep 0.1; done
	wrong "$1 $2: $(tail -n 3 /tmp/said)"
}
drop() { ended $programs && programs=''; }
# fires HOW...: a read of /proc/version is a hit.
fires() {
	for how in "$@"; do cp "/tmp/$how-version_proc_show" "/tmp/before-$how"; done
	version >/dev/null
	sleep 0.3
	for how in "$@"; do
		[ "$(cat "/tmp/$how-version_proc_show")" -eq $(($(cat "/tmp/before-$how") + 1)) ] ||
			wrong "$how: $(cat "/tmp/$how-version_proc_show") hits, $(cat "/tmp/before-$how") before"
	done
}
for how in kprobe fentry fexit; do program $how version_proc_show; done
fires kprobe fentry fexit
apply coexist
is new
fires kprobe fentry fexit
drop
is new
# One after the other: with fexit, the trampoline calls the function itself.
for how in fexit fentry; do
	program $how version_proc_show
	fires $how
done
others kprobe /tmp/no version_proc_show >/tmp/said 2>&1 && wrong "one name, two functions"
grep 'Cannot assign' /tmp/said || wrong "$(cat /tmp/said)"
program kprobe version_proc_show "$(at version_proc_show 0)"
fires kprobe
is new
undo coexist
is old
fires kprobe fentry fexit
drop
note "kprobe, fentry, fexit: from before and from while it was applied, one hit a call throughout"

# Where ftrace redirects, fentry and fexit share the site with us.
for how in fentry fexit; do
	for when in before while; do
		[ $when = while ] || program $how __check_object_size
		apply coexist
		[ $when = before ] || program $how __check_object_size
		is new
		was=$(cat /tmp/$how-__check_object_size)
		copies >/dev/null
		sleep 0.3
		[ "$(cat /tmp/$how-__check_object_size)" -gt "$was" ] || wrong "$how, attached $when, is not called"
		undo coexist
		is old
		drop
	done
done
note "fentry and fexit of a function that ftrace redirects: called, and the new code runs"
# A kprobe is refused there by the update, and while it is applied by the kernel.
apply coexist
others kprobe /tmp/no "$(at __check_object_size 0)" >/tmp/said 2>&1 && wrong "a kprobe got in"
others fentry /tmp/no ks_no_such_function >/tmp/said 2>&1 && wrong "fentry of nothing"
[ ! -e /sys/kernel/btf/ksplice_coexist_new ] || wrong "the new module has BTF: try fentry there"
undo coexist
flip() { program fexit version_proc_show && drop; }
cycles 3 flip
