# SPDX-License-Identifier: GPL-2.0-only
. /ksplice/common.sh
set -ex
sees "" 45
# On nothing there is no match, and nothing is left.
fails no_match ksplice-apply $p-second.tar.gz
gone
ksplice-apply $p-first.tar.gz
sees first 77
ksplice-apply $p-second.tar.gz
sees second 99
# The count goes on: it is the first update's variable.
[ "$(sed 's/second \([0-9]*\).*/\1/' /proc/version)" -ge 3 ]
[ "$(cat /sys/kernel/ksplice/second/builds_on)" = first ]
fails needed ksplice-undo first
grep -q 'update second builds on update first' /tmp/err
sees second 99
# One that knows of neither.
ksplice-apply $p-apart.tar.gz
[ -z "$(cat /sys/kernel/ksplice/apart/builds_on)" ]
ksplice-undo second
sees first 77
ksplice-apply $p-second.tar.gz
sees second 99
ksplice-undo --all >/tmp/out
cat /tmp/out
[ "$(grep -c Done /tmp/out)" -eq 3 ]
sees "" 45
# The first keeps its modules: the address of what it added was in a table.
grep -c ksplice_ /proc/modules
ksplice-undo --all | grep 'No update is applied'
