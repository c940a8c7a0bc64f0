# SPDX-License-Identifier: GPL-2.0-only
# Modules that come and go during apply and undo.
flip() { modprobe dummy && grep -q '^dummy ' /proc/modules && rmmod dummy; }
cycles 5 flip
