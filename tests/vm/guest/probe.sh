# A kprobe in the slot of _printk: the update of that function cannot apply, others can.
# (In a kernel with IBT the slot is 4 bytes later, and 6 is in the middle of an instruction.)
if [ "$STAGE" = before ]; then
	grep -q _printk /sys/kernel/tracing/kprobe_events ||
		echo 'p:slot _printk+6' >>/sys/kernel/tracing/kprobe_events ||
		echo 'p:slot _printk+10' >>/sys/kernel/tracing/kprobe_events || exit 1
	echo 1 >/sys/kernel/tracing/events/kprobes/slot/enable || exit 1
fi
exit 0
