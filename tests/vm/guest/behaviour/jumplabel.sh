# SPDX-License-Identifier: GPL-2.0-only
# The key is toggled while the code that branches on it is new, and while it is old.
for on in 1 0 1 0; do
	echo $on >/proc/sys/kernel/sched_schedstats
	[ "$(grep -c '^mended$' /proc/self/sched)" = "$(when 0 1)" ]
	[ "$(grep -c '^mended_stats$' /proc/self/sched)" = "$(when 0 $on)" ]
	[ "$(grep -c 'sum_block_runtime' /proc/self/sched)" = $on ]
done
