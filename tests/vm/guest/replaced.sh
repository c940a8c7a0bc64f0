# SPDX-License-Identifier: GPL-2.0-only
. /ksplice/common.sh
set -ex
ksplice-apply $p-first.tar.gz
ksplice-apply $p-apart.tar.gz
sees first 77
# All or nothing: a task in the code of one that is to go keeps everything as it is.
sleep 1000 &
pid=$!
sleep 0.2
fails code_busy ksplice-apply $p-third.tar.gz
grep "sleep (pid $pid) is in do_nanosleep+0x" /tmp/err
sees first 77
[ "$(cat /sys/kernel/ksplice/first/stage /sys/kernel/ksplice/apart/stage)" = "applied
applied" ]
[ ! -e /sys/kernel/ksplice/third ]
kill $pid
wait $pid || [ $? -eq 143 ]
ksplice-apply $p-third.tar.gz >/tmp/out
cat /tmp/out
grep -q 'Replaced and gone: apart, first' /tmp/out
sees third 55
[ ! -e /sys/kernel/ksplice/apart ]
! grep ksplice_apart /proc/modules
[ "$(cat /sys/kernel/ksplice/first/stage)" = reversed ]
# What is applied on top of it afterwards is not touched when it goes.
ksplice-apply $p-apart.tar.gz
ksplice-undo third
sees "" 45
[ "$(cat /sys/kernel/ksplice/apart/stage)" = applied ]
fails needed ksplice-apply --replace=nosuch $p-first.tar.gz
# One update in the place of another, by name.
ksplice-apply --replace=apart $p-fourth.tar.gz
sees third 55
[ ! -e /sys/kernel/ksplice/apart ]
ksplice-undo --all
sees "" 45
