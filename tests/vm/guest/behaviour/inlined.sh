# SPDX-License-Identifier: GPL-2.0-only
# One function, inlined into two others.
sleep 100 &
sleeper=$!
sleep 0.2
[ "$(grep ^State /proc/$sleeper/status | cut -f 2)" = "$(when 'S (sleeping)' 'M (mended)')" ]
[ "$(cut -d ' ' -f 3 /proc/$sleeper/stat)" = "$(when S M)" ]
kill $sleeper
