# SPDX-License-Identifier: GPL-2.0-only
# A variable and a function that are new, in the kernel and in a module.
if ! grep -q " /o/m " /proc/mounts; then
	mkdir -p /o && mount -t tmpfs none /o && mkdir /o/l /o/u /o/w /o/m
	mount -t overlay -o lowerdir=/o/l,upperdir=/o/u,workdir=/o/w none /o/m
fi
asked() { sed -n 's/^Asked \([0-9]*\) .*/\1/p' /proc/version; }
before=$(asked)
stat -f /o/m >/dev/null
[ "$(asked)" = "$(when '' $((before + 11)))" ]
if rmmod overlay 2>/dev/null; then exit 1; fi
