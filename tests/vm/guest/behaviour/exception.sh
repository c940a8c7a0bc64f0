# SPDX-License-Identifier: GPL-2.0-only
[ "$(behave waitid)" = "$(when 7 1007)" ]
# A fault in the new function ends in its own exception table.
[ "$(behave waitid-fault)" = EFAULT ]
