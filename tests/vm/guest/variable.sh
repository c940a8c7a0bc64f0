# SPDX-License-Identifier: GPL-2.0-only
# An update of a variable's initial value, where somebody has set it before, or
# sets it while the update is applied.
set -e
value=/proc/sys/fs/lease-break-time
[ "$(cat $value)" = 45 ]
echo 5 >$value
if ksplice-apply --raw-errors /ksplice/ksplice-bvariable.tar.gz 2>/tmp/error; then
	echo "applied over somebody's value"
	exit 1
fi
[ "$(head -n 1 /tmp/error)" = no_match ]
grep -q "lease_break_time+0x0: its value is not the initial one" /tmp/error
[ "$(cat $value)" = 5 ]
echo 45 >$value
ksplice-apply -q /ksplice/ksplice-bvariable.tar.gz
[ "$(cat $value)" = 77 ]
echo 9 >$value
ksplice-undo -q bvariable
[ "$(cat $value)" = 9 ]
