# SPDX-License-Identifier: GPL-2.0-only
# A profiler that samples call chains of the kernel (software clock, 2000 a second and CPU), under
# load of the function, during apply and undo; and it sees the new code.
load() { while :; do cat /proc/version /proc/version /proc/version /proc/version >/dev/null; done; }
load & load=$!
apply coexist
set -- $(awk '$4 == "[ksplice_coexist_new]" && $3 == "version_proc_show" { print $1 }' /proc/kallsyms)
[ $# -eq 1 ] || wrong "$# addresses of the new function"
# All of its module's text is near, and nothing else's.
from=$1 to=$(printf %x $((0x$1 + 0x80)))
others perf /tmp/samples $from $to &
perf=$!
for try in $(seq 1 100); do
	grep -q 'within [1-9]' /tmp/samples && break
	sleep 0.2
done
grep -q 'within [1-9]' /tmp/samples || wrong "no call chain with the new function: $(cat /tmp/samples)"
undo coexist
before=$(cat /tmp/samples)
cycles 4 true
ended $perf $load
[ "$(cat /tmp/samples)" != "$before" ] || wrong "the profiler has stopped"
grep -q 'chains [1-9]' /tmp/samples || wrong "no call chains"
note "$(cat /tmp/samples)"
rm /tmp/samples
