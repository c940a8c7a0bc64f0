# SPDX-License-Identifier: GPL-2.0-only
# Every point at which the core can fail (kernel/fault.h) fails once, while an
# update is applied, undone, and put in the place of another.  A line that
# starts with "point" is one of them: operation, name, abort code, what was
# there then.  tests/vm/faults.py makes docs/faults.md of them.
. /ksplice/common.sh

# Has the point of that number fail in the operation that COMMAND is.  $point
# is its name, or empty: there are not so many.
attempt() { # NUMBER COMMAND...
	number=$1
	shift
	dmesg -c >/dev/null
	echo $number >$param/fail_at
	status=0
	"$@" --raw-errors >/tmp/out 2>/tmp/err || status=$?
	[ ! -e $param ] || echo 0 >$param/fail_at
	point=$(dmesg | sed -n 's/.*ksplice: fault [0-9]*: //p')
	code=none
	[ $status -eq 0 ] || code=$(head -n 1 /tmp/err)
	cat /tmp/out /tmp/err >/ref/out
	rm /tmp/out /tmp/err
	[ "$point" ] || [ $status -eq 0 ] || die "it failed of itself: $(cat /ref/out)"
}
# The core writes that as it goes, or warns.
gave_back() { dmesg | grep -q 'ksplice: all is given back' || die "the core is not gone"; }

# The abort codes that are right.  "none": it goes without, or is tried again.
right() {
	case "$1 $point" in
	load*) echo 'Cannot allocate memory' ;;
	*create_watch:* | *tracepoint_probe_register | *print_functions:* | *': stack') echo none ;;
	*'check_kprobes: kprobe' | *'check_slot: reserved' | *': ftrace_location') echo slot_conflict ;;
	*'check_again: code' | *': stop_machine' | *keep_*': ksplice_text_read') echo unexpected ;;
	undo*'check_slot: bytes' | undo*'check_again: data') echo unexpected ;;
	replace*'check_slot: bytes' | replace*'check_again: data') echo 'no_match unexpected' ;;
	*'check_slot: bytes' | *'check_again: data') echo no_match ;;
	*': running') echo unexpected_running_task ;;
	*': hook') echo call_failed ;;
	*ks_hold_module:* | *ksplice_apply:*) echo module_busy ;;
	*branch_value:* | *': reach' | *': ks_solve') echo failed_to_find ;;
	undo*'forget: try_module_get') echo OTHER ;;
	replace*'forget: try_module_get') echo none ;;
	*alloc | *alloc_array | *': kstrdup' | *': kstrndup' | *': kasprintf') echo out_of_memory ;;
	*': vmap' | *': text_page' | *': ftrace_set_filter_ip') echo out_of_memory ;;
	*': register_ftrace_function' | *': kobject_init_and_add') echo out_of_memory ;;
	esac
}
wrong=
row() { # OPERATION OUTCOME
	echo "point|$1|$point|$code|$2"
	case " $(right $1) " in
	*" $code "*) ;;
	*) echo "WRONG: should be: $(right $1)" && wrong=1 ;;
	esac
}
# Is it the first of its name in this operation?  Then the next attempt has to go well; for the
# others, it is the next number's.
seen=
is_new() {
	case "$seen" in *"|$1 $point|"*) return 1 ;; esac
	seen="$seen|$1 $point|"
}

echo "--- the core"
for n in $(seq 100); do
	dmesg -c >/dev/null
	if insmod /bin/ksplice.ko fail_at=$n 2>/tmp/err; then break; fi
	# insmod tries twice.
	point=$(dmesg | sed -n 's/.*ksplice: fault [0-9]*: //p' | sort -u)
	code=$(sed 's/.*: //' /tmp/err)
	rm /tmp/err
	row load "as before"
	as_before 0
done
rm -f /tmp/err
[ $n -gt 1 ]
rmmod ksplice
as_before 0

mend() {
	insmod /bin/ksplice.ko
	ksplice-apply -q $first >/ref/out
	mended
	remember 1
}
unmend() { # ID
	ksplice-undo -q $1 >/ref/out
	gave_back
	as_before 0
	as_booted
}

echo "--- apply"
for n in $(seq 1000); do
	insmod /bin/ksplice.ko
	attempt $n ksplice-apply $first
	[ "$point" ] || break
	if [ $status -ne 0 ]; then
		gave_back
		as_before 0
		row apply "as before"
		is_new apply || continue
		mend
	else
		row apply "applied"
		mended
	fi
	unmend faults
done
mended
# The comparison sees that an update is applied.
echo 0 >$state
grep 'bytes differ' $state
remember 1

echo "--- undo"
for n in $(seq 1000); do
	attempt $n ksplice-undo faults
	[ "$point" ] || break
	if [ ! -e /sys/kernel/ksplice/faults ]; then
		row undo undone
	elif [ "$(cat /sys/kernel/ksplice/faults/stage)" = reversed ]; then
		row undo "undone; the next undo removes the record"
		unmend faults
	else
		as_before 1
		mended
		row undo "as before"
		is_new undo || continue
		unmend faults
	fi
	as_before 0
	mend
done
gave_back
as_before 0
as_booted

echo "--- in the place of another"
mend
change=
for n in $(seq 1000); do
	attempt $n ksplice-apply $second
	[ "$point" ] || break
	# Up to there, all is as in an apply.
	case $point in list_parts:*) change=1 ;; esac
	if [ $status -ne 0 ]; then
		as_before 1
		mended
		row replace "as before"
		[ "$change" ] && is_new replace || continue
		ksplice-apply -q $second >/ref/out
	elif [ -e /sys/kernel/ksplice/faults ]; then
		row replace "applied; an undo removes the other's record"
		ksplice-undo -q faults >/ref/out
	else
		row replace applied
	fi
	replaced
	[ ! -e /sys/kernel/ksplice/faults ]
	unmend next
	mend
done
replaced
unmend next

echo "--- a record that an attempt before has left"
insmod /bin/ksplice.ko
cd /ref && tar xzf $first && cd /
old=/ref/ksplice-faults/ksplice_faults_old.ko
insmod $old
rmmod ksplice_faults_old
dmesg -c >/dev/null
echo 1 >$param/fail_at
insmod $old # the second time that it tries
echo 0 >$param/fail_at
dmesg | grep 'faults aborted: out_of_memory: no memory for its description'
rmmod ksplice_faults_old
ksplice-apply -q $first >/ref/out
mended
unmend faults
[ -z "$wrong" ]
