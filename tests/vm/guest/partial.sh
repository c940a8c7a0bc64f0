# SPDX-License-Identifier: GPL-2.0-only
# An update of the kernel and of a module that is not loaded: refused; applied
# in part; and applied as a whole once the module is there.
set -e
say() { cat /proc/version; }
rmmod xfs
old=$(say)
if ksplice-apply --raw-errors /ksplice/ksplice-partial.tar.gz 2>/tmp/error; then
	echo "applied without its target"
	exit 1
fi
[ "$(head -n 1 /tmp/error)" = target_not_loaded ]
grep -q 'module xfs, which is not loaded' /tmp/error
[ "$(say)" = "$old" ]
ksplice-apply --partial /ksplice/ksplice-partial.tar.gz | tee /tmp/out
grep -q 'Left out, for they are not loaded: xfs' /tmp/out
[ "$(cat /sys/kernel/ksplice/partial/left_out)" = xfs ]
say | grep -q '^Mended '
if grep '^xfs ' /sys/kernel/ksplice/partial/functions; then exit 1; fi
# The module comes, and nothing of it is patched; the update keeps to what it knows.
modprobe xfs
say | grep -q '^Mended '
ksplice-undo partial
[ "$(say)" = "$old" ]
ksplice-apply /ksplice/ksplice-partial.tar.gz
grep -q '^xfs xfs_fs_statfs ' /sys/kernel/ksplice/partial/functions
grep -q '^vmlinux version_proc_show ' /sys/kernel/ksplice/partial/functions
if rmmod xfs 2>/dev/null; then exit 1; fi
ksplice-undo partial
rmmod xfs
[ "$(say)" = "$old" ]
