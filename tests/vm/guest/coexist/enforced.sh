# SPDX-License-Identifier: GPL-2.0-only
# module.sig_enforce=1: an update is refused, unsigned and signed with a key that the kernel does not
# know; nothing is left of it. Nobody can give the running kernel a key.
[ "$(cat /sys/module/module/parameters/sig_enforce)" = Y ] || wrong "signatures are not enforced"
for update in coexist signed; do
	refused 'ksplice.ko: the kernel loads only modules that are signed with a key it trusts' apply $update
	[ ! -d /sys/kernel/ksplice ] || wrong "the core is there"
	[ -z "$(ls /run/ksplice/updates 2>/dev/null)" ] || wrong "left in /run/ksplice/updates"
	is old
done
for ring in .builtin_trusted_keys .secondary_trusted_keys .machine .platform; do
	grep -q "keyring *$ring:" /proc/keys || { note "this boot has no keyring $ring" && continue; }
	refused 'Permission denied\|not permitted\|Required key not available' others key $ring /ksplice/key.der
done
[ "$(($(cat /proc/sys/kernel/tainted) & 0x3000))" -eq 0 ] || wrong "tainted nevertheless"
# From here on no module at all, until the next boot.
echo 1 >/proc/sys/kernel/modules_disabled
refused 'if kernel.modules_disabled is 1, only a reboot changes that' apply coexist
is old
