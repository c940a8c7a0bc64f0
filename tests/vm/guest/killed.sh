# SPDX-License-Identifier: GPL-2.0-only
# ksplice-apply and ksplice-undo killed at any moment, two at once, and a full /run.
. /ksplice/common.sh
# What a killed command unpacked stays in /tmp.
settle() { rm -rf /tmp/ksplice.*; }

echo "--- killed"
applied=0 not=0
for i in $(seq 0 24); do
	case $((i % 2)) in
	0) command="ksplice-apply $first" ;;
	1) command="ksplice-undo faults" && ksplice-apply -q $first >/ref/out ;;
	esac
	$command >/dev/null 2>&1 &
	usleep $((i * 25000))
	kill -9 $! 2>/dev/null || :
	wait $! 2>/dev/null && said=0 || said=$?
	settle
	stage=$(cat /sys/kernel/ksplice/faults/stage 2>/dev/null || echo none)
	echo "$command, after $((i * 25)) ms: status $said, stage $stage"
	if [ "$stage" = applied ]; then
		applied=$((applied + 1))
		mended
	else
		not=$((not + 1))
		as_booted
	fi
	# Whatever is left of it is in nobody's way.
	ksplice-apply -q $first >/ref/out
	mended
	ksplice-undo -q faults >/ref/out
	as_before 0
	as_booted
done
[ $applied -gt 0 ] && [ $not -gt 0 ]

echo "--- two at once"
for i in $(seq 5); do
	ksplice-apply -q $first >/ref/one 2>&1 &
	ksplice-apply -q $first >/ref/two 2>&1
	wait $!
	cat /ref/one /ref/two | sort | tr '\n' ' ' | grep 'Done! The update is applied already.'
	mended
	ksplice-undo -q faults >/ref/one 2>&1 &
	first_status=0 second_status=0
	ksplice-undo -q faults >/ref/two 2>&1 || first_status=1
	wait $! || second_status=1
	# One of them has nothing left to do, and says so.
	[ $((first_status + second_status)) -eq 1 ]
	cat /ref/one /ref/two | grep 'has no update faults'
	as_before 0
	as_booted
done

echo "--- a full /run"
full=0
for size in 4 8 12 16 20 24 28 32 48 64 128; do
	mount -t tmpfs -o size=${size}k none /run/ksplice
	if ksplice-apply -q $first >/ref/out 2>&1; then
		mended
		ksplice-undo -q faults >/ref/out
	else
		cat /ref/out
		grep 'No space left' /ref/out
		[ ! -e /run/ksplice/updates/faults ]
		full=$((full + 1))
	fi
	umount /run/ksplice
	as_before 0
	as_booted
done
[ $full -gt 0 ] && [ $full -lt 11 ]
