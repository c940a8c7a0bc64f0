# SPDX-License-Identifier: GPL-2.0-only
# Booted with lockdown=integrity or lockdown=confidentiality, as Secure Boot does it: an update is
# refused, unsigned and signed with a key that the kernel does not know, and it is said what to do.
mount -t securityfs none /sys/kernel/security
grep -q '\[integrity\]\|\[confidentiality\]' /sys/kernel/security/lockdown || wrong "not locked down"
for update in coexist signed; do
	refused "it is locked down .*, make the update with a signature that it trusts" apply $update
	[ ! -d /sys/kernel/ksplice ] || wrong "the core is there"
	[ -z "$(ls /run/ksplice/updates 2>/dev/null)" ] || wrong "left in /run/ksplice/updates"
	is old
done
[ "$(($(cat /proc/sys/kernel/tainted) & 0x3000))" -eq 0 ] || wrong "tainted nevertheless"
