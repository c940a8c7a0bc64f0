# SPDX-License-Identifier: GPL-2.0-only
# Debian's fix of ext4's block allocator, applied and undone while an ext4 file
# system is written to.  Its files are checked by who wrote them, and the file
# system by e2fsck.
set -e
dd if=/dev/zero of=/disk bs=1M count=64 2>/dev/null
losetup /dev/loop0 /disk
# Small blocks: several block groups' bitmaps share a page, which is what the fix is about.
mkfs.ext4 -q -F -b 1024 /dev/loop0
mkdir -p /mnt
mount -t ext4 /dev/loop0 /mnt
fsload /mnt 3 6 /tmp/stop >/tmp/load.log 2>&1 &
load=$!
sleep 1
id=$(echo /ksplice/ksplice-*.tar.gz | sed 's/.*ksplice-\(.*\)\.tar\.gz/\1/')
for round in 1 2 3; do
	ksplice-apply -q "/ksplice/ksplice-$id.tar.gz"
	grep -q 'ext4_mb_load_buddy_gfp' "/sys/kernel/ksplice/$id/functions"
	sleep 1
	ksplice-undo -q "$id"
	sleep 1
done
kill -0 $load
touch /tmp/stop
wait $load || { cat /tmp/load.log; exit 1; }
cat /tmp/load.log
umount /mnt
e2fsck -fn /dev/loop0
