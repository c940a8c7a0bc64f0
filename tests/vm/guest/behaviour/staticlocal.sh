# SPDX-License-Identifier: GPL-2.0-only
# The counter of iunique() goes on where it was, applied or not.
if ! grep -q " /v " /proc/mounts; then
	dd if=/dev/zero of=/fat bs=1M count=4 2>/dev/null
	mkdosfs /fat >/dev/null && mkdir -p /v && losetup /dev/loop0 /fat && mount -t vfat /dev/loop0 /v
	for i in $(seq 1 300); do : >/v/first$i; done
	ls -i /v/first300 | awk '{ print $1 }' >/tmp/last
fi
[ "$(cat /tmp/last)" -ge 300 ]
: >"/v/$(cat /tmp/last)"
now=$(ls -i "/v/$(cat /tmp/last)" | awk '{ print $1 }')
step=$((now - $(cat /tmp/last)))
echo "$now" >/tmp/last
[ "$step" -gt 0 ] && [ "$step" -le "$(when 20 1020)" ] && [ "$step" -ge "$(when 1 1000)" ]
