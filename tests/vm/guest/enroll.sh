# SPDX-License-Identifier: GPL-2.0-only
# The firmware has no keys yet (setup mode): it takes ours into db.
set -e
vars=/sys/firmware/efi/efivars
db=$vars/db-d719b2cb-3d3a-4596-a3bc-dad00e67656f
[ -d $vars ]
mount -t efivarfs none $vars
# In one write.
dd if=/ksplice/db.var of=$db bs=64k
ls -l $db
