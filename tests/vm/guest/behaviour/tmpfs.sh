# SPDX-License-Identifier: GPL-2.0-only
mkdir -p /t && { grep -q " /t " /proc/mounts || mount -t tmpfs none /t; }
stat -f /t | grep -q "Namelen: $(when 255 111) "
