# SPDX-License-Identifier: GPL-2.0-only
cat /proc/version >/dev/null
