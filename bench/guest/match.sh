# SPDX-License-Identifier: GPL-2.0-only
# Applies each update as often as /bench/plan says and prints a line each time:
# match ID BYTES SITES MATCH_NS APPLY_NS MODULE_BYTES CORE_BYTES SUM_NS
# SUM_NS: the time of a checksum of as many bytes as were matched, for comparison.
. /bench/plan
insmod /bench/bench_clock.ko || exit 1
now() { cat /sys/module/bench_clock/parameters/ns; }
key() { sed -n "s/^$1 //p" "/sys/kernel/ksplice/$id/match"; }
for id in $updates; do
	i=0
	while [ $i -lt "$runs" ]; do
		start=$(now)
		ksplice-apply -q "/bench/ksplice-$id.tar.gz" || exit 1
		end=$(now)
		bytes=$(key bytes)
		modules=$(awk '/^ksplice_/ { n += $2 } END { print n }' /proc/modules)
		core=$(awk '/^ksplice / { print $2 }' /proc/modules)
		echo "$bytes" >/sys/module/bench_clock/parameters/sum
		echo "match $id $bytes $(key sites) $(key match_ns) $((end - start)) $modules $core $(cat /sys/module/bench_clock/parameters/sum)"
		ksplice-undo -q "$id" || exit 1
		i=$((i + 1))
	done
done
exit 0
