# SPDX-License-Identifier: GPL-2.0-only
if ! grep -q " /o/m " /proc/mounts; then
	mkdir -p /o && mount -t tmpfs none /o && mkdir /o/l /o/u /o/w /o/m
	mount -t overlay -o lowerdir=/o/l,upperdir=/o/u,workdir=/o/w none /o/m
fi
stat -f /o/m | grep -q "Namelen: $(when 255 222) "
