# SPDX-License-Identifier: GPL-2.0-only
# The update's pre code is not this kernel's: whatever it is, nothing is left behind.
set -x
ksplice-apply --raw-errors /ksplice/update.tar.gz >/tmp/out 2>/tmp/err && exit 1
cat /tmp/err
grep -q '^no_match$' /tmp/err || exit 1
grep ksplice /proc/modules && exit 1
[ -d /sys/kernel/ksplice ] && exit 1
exit 0
