# SPDX-License-Identifier: GPL-2.0-only
# No room for a jump: a jump label, of a key that is read-only, is in its place.
mkdir -p /t && { grep -q " /t " /proc/mounts || mount -t tmpfs none /t; }
: >/t/file
dmesg -c >/dev/null
behave copy /t/file 7777
behave copy /t/file 7776
count=$(dmesg | grep 'mended: usercopy' | wc -l)
checks=1
grep -q hardened_usercopy=off /proc/cmdline && checks=0
[ "$count" -eq "$(when 0 $checks)" ]
