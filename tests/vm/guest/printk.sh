# SPDX-License-Identifier: GPL-2.0-only
# Runs in the guest: STAGE is before, applied or undone.  Messages must be
# preceded by "Quoth the kernel:" while the update is applied, and only then.
mark="ksplice-demo-$STAGE-$$"
# A message that goes through _printk(): the sysrq handler's help line.
count() { dmesg | grep -c 'Quoth the kernel:'; }
old=$(count)
echo h >/proc/sysrq-trigger
new=$(count)
echo "$STAGE: 'Quoth the kernel:' $old -> $new ($mark)"
dmesg | tail -n 3
case $STAGE in
applied) [ "$new" -gt "$old" ] ;;
*) [ "$new" -eq "$old" ] ;;
esac
