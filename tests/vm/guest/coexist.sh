# SPDX-License-Identifier: GPL-2.0-only
# The rows of the table in docs/coexistence.md: each of /ksplice/coexist/NAME.sh is run,
# by a shell of its own, and must leave everything as it was. ROWS says which.
# A line "coexist NAME: ok" for each, or "coexist NAME: skip: REASON"; "# text" lines are
# what was seen.
tracing=/sys/kernel/tracing

# A row's helpers.
apply() { ksplice-apply -q "/ksplice/ksplice-$1.tar.gz"; }
undo() { ksplice-undo -q "$1"; }
note() { echo "# $ROW: $*"; }
skip() { echo "$*" >/tmp/skip && exit 0; }
wrong() { note "WRONG: $*" && exit 1; }
# ended PID...: they are there, and our signal ends the last.
ended() { kill "$@" && { wait "$@" || [ $? -eq 143 ]; }; }

# refused TEXT COMMAND...: it fails, and says that.
refused() {
	text=$1
	shift
	! "$@" >/tmp/refused 2>&1 || wrong "not refused: $*"
	grep -q "$text" /tmp/refused || { cat /tmp/refused && wrong "refused, but not with \"$text\""; }
	note "refused: $(grep "$text" /tmp/refused | head -n 1)"
}

# The update coexist, by what it does: a jump, a jump label in new code, a traced function.
version() { head -c 6 /proc/version; }
copies() {
	dmesg -c >/dev/null
	behave copy /tmp/file 7777
	dmesg | grep 'mended: usercopy' | wc -l
}
is() {
	[ "$(version)" = "$([ "$1" = new ] && echo Mended || echo 'Linux ')" ] || wrong "version_proc_show() is not $1"
	[ "$(grep -c '^mended$' /proc/self/sched)" = "$([ "$1" = new ] && echo 1 || echo 0)" ] ||
		wrong "proc_sched_show_task() is not $1"
	[ "$(copies)" -eq "$([ "$1" = new ] && echo 1 || echo 0)" ] || wrong "__check_object_size() is not $1"
}

# cycles N COMMAND...: applies and undoes N times while the command goes on in the background.
cycles() {
	n=$1 done=0 busy=0
	shift
	rm -f /tmp/turns /tmp/end
	( turns=0 && while [ ! -e /tmp/end ]; do
		"$@" || exit 1
		turns=$((turns + 1)) && echo $turns >/tmp/turns
	done ) &
	other=$!
	until [ -s /tmp/turns ]; do sleep 0.1; done
	while [ $done -lt "$n" ]; do
		for step in 'apply coexist' 'is new' 'undo coexist' 'is old'; do
			($step) >/tmp/step 2>&1 || { cat /tmp/step && wrong "$step, in cycle $done"; }
			busy=$((busy + $(grep 'code_busy (try' /tmp/step | wc -l)))
		done
		done=$((done + 1))
	done
	: >/tmp/end
	wait $other || wrong "failed: $*"
	[ "$(cat /tmp/turns)" -ge 2 ] || wrong "$* was done $(cat /tmp/turns) times only"
	note "$n times applied and undone, $busy times busy, $(cat /tmp/turns) times: $*"
}

# seen TEXT: in how many lines of the trace. Its reading must not be traced: it would never end.
seen() {
	echo 0 >$tracing/tracing_on
	grep -- "$1" $tracing/trace | wc -l
	echo 1 >$tracing/tracing_on
}

# at FUNCTION OFFSET: of the kernel's own. While a function is replaced, kprobe_events takes it only
# by address: there are two of that name then.
at() { printf '0x%x\n' $((0x$(awk -v name="$1" '$3 == name && NF == 3 { print $1 }' /proc/kallsyms) + $2)); }

# behind FUNCTION: the offset of what follows its entry, where the jump goes. In a kernel with IBT
# an endbr stands in front of the call of the tracer, and no probe can be in the middle of that.
behind() {
	for offset in 5 9; do
		echo "p:behind $1+$offset" >>$tracing/kprobe_events || continue
		echo '-:behind' >>$tracing/kprobe_events && echo $offset && return
	done 2>/dev/null
	wrong "no place behind the entry of $1" >&2
}

# wait_for FILE TEXT
wait_for() {
	for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
		grep -q "$2" "$1" 2>/dev/null && return
		sleep 0.1
	done
	wrong "$1 does not come to \"$2\": $(cat "$1")"
}

clean() {
	[ ! -d /sys/kernel/ksplice/coexist ] && [ ! -d /sys/kernel/ksplice/nano ] &&
		! grep ksplice_ /proc/modules && [ "$(cat /sys/devices/system/cpu/online)" = 0-1 ] || return
	# Under lockdown nobody may look there, or use it.
	grep -q '\[confidentiality\]' /sys/kernel/security/lockdown 2>/dev/null && return
	[ "$(cat $tracing/current_tracer)" = nop ] && [ -z "$(cat $tracing/kprobe_events)" ] &&
		[ "$(cat /proc/sys/kernel/ftrace_enabled)" = 1 ]
}

bad=0
for ROW in $ROWS; do
	rm -f /tmp/skip
	: >/tmp/file
	read -r begin _ </proc/uptime
	(
		set -e
		is old
		. "/ksplice/coexist/$ROW.sh"
		is old
	)
	rc=$?
	if [ $rc -ne 0 ]; then
		echo "coexist $ROW: not as it should be"
		bad=1
	elif [ -e /tmp/skip ]; then
		echo "coexist $ROW: skip: $(cat /tmp/skip)"
	elif ! clean; then
		echo "coexist $ROW: left something behind"
		bad=1
	else
		echo "coexist $ROW: ok"
	fi
	read -r end _ </proc/uptime
	echo "# $ROW: from $begin to $end s"
	[ $bad -eq 0 ] || break # what it left would be held against the next
done
exit $bad
