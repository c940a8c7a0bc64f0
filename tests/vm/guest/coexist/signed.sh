# SPDX-License-Identifier: GPL-2.0-only
# A signed update where signatures are not asked for; then under lockdown, which asks.
taint() { echo $(($(cat /proc/sys/kernel/tainted) & 0x3000)); }
[ "$(cat /sys/module/module/parameters/sig_enforce)" = N ]
apply signed
is new
for module in ksplice ksplice_coexist_old ksplice_coexist_new; do
	note "$module: taint $(cat /sys/module/$module/taint)"
done
undo coexist
is old
# 0x1000: out of tree; 0x2000: not signed with a key that is known.
[ "$(taint)" -eq $((0x3000)) ] || wrong "taint $(taint)"
note "signed with an unknown key: accepted, and the kernel is tainted like by an unsigned one"
mount -t securityfs none /sys/kernel/security
lockdown=/sys/kernel/security/lockdown
[ -w $lockdown ] || skip "this kernel has no lockdown"
apply coexist
for level in integrity confidentiality; do
	echo $level >$lockdown
	grep -q "\[$level\]" $lockdown || wrong "not locked down"
	is new
done
undo coexist
is old
note "what is applied stays under lockdown, and can be undone"
for update in coexist signed; do
	refused 'it is locked down' apply $update
done
is old
