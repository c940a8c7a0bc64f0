# SPDX-License-Identifier: GPL-2.0-only
cd /tmp || exit 1
tar xf /ksplice/bad.tar || exit 1
bad=0
for t in bad/*.tar.gz; do
	name=$(basename "$t" .tar.gz)
	if ksplice-apply -q "$t" >out 2>err; then
		echo "not ok - $name was applied"
		bad=1
	elif ! grep -q -- "$(cat "bad/$name.want")" err; then
		echo "not ok - $name: $(cat err)"
		bad=1
	else
		echo "ok - $name: $(head -n 1 err)"
	fi
	if [ -d /sys/kernel/ksplice ] || [ -e /run/ksplice/updates/good ] || ls -d /tmp/ksplice* 2>/dev/null; then
		echo "not ok - $name left something behind"
		bad=1
	fi
done
[ "$(wc -l </etc/passwd 2>/dev/null || echo 0)" -eq 0 ] || { echo "not ok - /etc/passwd was written"; bad=1; }

tar xzf /ksplice/ksplice-good.tar.gz
insmod ksplice-good/core/ksplice.ko || exit 1
count=0
for m in bad/table-*.ko; do
	name=$(basename "$m" .ko)
	count=$((count + 1))
	if insmod "$m" 2>err; then
		echo "not ok - $name was accepted"
		rmmod ksplice_good_old
		bad=1
		continue
	fi
	cause=$(cat /sys/kernel/ksplice/good/abort_cause)
	if [ "$cause" != bad_update ]; then
		echo "not ok - $name: $cause: $(cat /sys/kernel/ksplice/good/error)"
		bad=1
	else
		echo "ok - $name: $(cat /sys/kernel/ksplice/good/error)"
	fi
done
echo "$count tables tried"
[ "$count" -gt 100 ] || bad=1
# Forgotten by now, and the good one works.
echo forget >/sys/kernel/ksplice/good/stage || bad=1
rmmod ksplice || bad=1
ksplice-apply -q /ksplice/ksplice-good.tar.gz && ksplice-undo -q good || bad=1
exit $bad
