# SPDX-License-Identifier: GPL-2.0-only
set -x
t=/ksplice/ksplice-busy.tar.gz
sleep 1000 &
pid=$!
sleep 0.2
# Five tries, all in vain: the task is named, and nothing is left behind.
ksplice-apply --raw-errors $t >/tmp/out 2>/tmp/err && exit 1
cat /tmp/err
[ "$(head -n 1 /tmp/err)" = code_busy ] || exit 1
grep -q "sleep (pid $pid) is in do_nanosleep+0x" /tmp/err || exit 1
[ "$(dmesg | grep -c 'Update busy aborted: code_busy')" -eq 5 ] || exit 1
[ -d /sys/kernel/ksplice ] && exit 1
grep ksplice /proc/modules && exit 1
[ -e /run/ksplice/updates/busy ] && exit 1
kill $pid
wait $pid

# It leaves after a while: the command waits for it.
sleep 2 &
ksplice-apply $t >/tmp/out 2>/tmp/err || { cat /tmp/err; exit 1; }
cat /tmp/err
grep -q 'code_busy (try 1 of 5' /tmp/err || exit 1
grep -q '^Done!$' /tmp/out || exit 1

# Undo: now tasks sleep in the new code.
sleep 2 &
ksplice-undo busy >/tmp/out 2>/tmp/err || { cat /tmp/err; exit 1; }
cat /tmp/err
grep -q 'code_busy (try 1 of 5' /tmp/err || exit 1
grep ksplice /proc/modules && exit 1
exit 0
