# SPDX-License-Identifier: GPL-2.0-only
# Suspend to idle: see the reason. freezer.sh has suspend to memory, with the same freezer.
skip "QEMU's PC does not wake from suspend to idle, with or without an update"
