# SPDX-License-Identifier: GPL-2.0-only
# The update was made from another source than this kernel's.
set -x
ksplice-apply --raw-errors /ksplice/ksplice-wrong.tar.gz >/tmp/out 2>/tmp/err && exit 1
cat /tmp/err
grep -q '^no_match$' /tmp/err || exit 1
# unit, function, offset, bytes expected and found
grep -qE 'net/ipv4/udp\.c: [a-z_0-9.]+\+0x[0-9a-f]+: .*expected ([0-9a-f]{2} ?)+, found ([0-9a-f]{2} ?)+' /tmp/err || exit 1
dmesg | grep 'ksplice: Update wrong aborted: no_match' || exit 1
grep ksplice /proc/modules && exit 1
[ -d /sys/kernel/ksplice ] && exit 1
exit 0
