# SPDX-License-Identifier: GPL-2.0-only
# module.sig_enforce=1, and a key that the firmware vouches for.
set -e
[ "$(cat /sys/module/module/parameters/sig_enforce)" = Y ]
dmesg | grep "Loaded X.509 cert 'owner"
if ksplice-apply /ksplice/ksplice-plain.tar.gz >/tmp/out 2>&1; then
	echo "an unsigned update was applied"
	exit 1
fi
cat /tmp/out
grep -q 'signed with a key it trusts' /tmp/out
ksplice-apply /ksplice/ksplice-signed.tar.gz
echo h >/proc/sysrq-trigger
dmesg | grep 'Quoth the kernel:'
# 0x1000: out of tree.  0x2000 would be: not signed with a key that is known.
taint=$(cat /proc/sys/kernel/tainted)
[ $((taint & 0x3000)) -eq $((0x1000)) ] || { echo "taint $taint" && exit 1; }
ksplice-undo signed
[ -z "$(ls /sys/kernel/ksplice | grep signed)" ]
