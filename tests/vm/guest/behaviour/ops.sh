# SPDX-License-Identifier: GPL-2.0-only
[ "$(cat /dev/null)" = "$(when '' mended)" ]
echo something >/dev/null
