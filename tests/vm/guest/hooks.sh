# SPDX-License-Identifier: GPL-2.0-only
# Hooks and shadow fields.  A hook of the update "hooks" says in the kernel's
# log that it runs, and fails where its name is the domain name.
set -e
domain=/proc/sys/kernel/domainname
# hooks COMMAND...: what the kernel's log says of hooks meanwhile, in a line.
hooks() {
	dmesg -c >/dev/null
	"$@" >/tmp/out 2>/tmp/err && status=0 || status=$?
	cat /tmp/out /tmp/err >&2
	echo $(dmesg | sed -n 's/^\[[^]]*\] hook \(.*\)/\1,/p')
	return $status
}
is() { [ "$1" = "$2" ] || { echo "is:        $1"; echo "should be: $2"; exit 1; }; }
cause() { is "$(head -n 1 /tmp/err)" "$1"; }
nothing_left() {
	[ ! -d /sys/kernel/ksplice ] && ! grep ksplice /proc/modules && [ ! -e "/run/ksplice/updates/$1" ]
}
old=$(cat /proc/version)
changed() { cat /proc/version | grep -q '^Mended '; }
unchanged() { [ "$(cat /proc/version)" = "$old" ]; }
t=/ksplice/ksplice-hooks.tar.gz
all_apply='pre_apply of uptime, pre_apply, check_apply, apply, post_apply,'
all_undo='pre_reverse, check_reverse, reverse, post_reverse, post_reverse of uptime,'

echo "--- all ten"
is "$(hooks ksplice-apply $t)" "$all_apply"
changed
is "$(hooks ksplice-undo hooks)" "$all_undo"
unchanged
nothing_left hooks

echo "--- hooks that fail before and in the stop, and the next attempt"
for hook in pre_apply check_apply; do
	echo $hook >$domain
	if said=$(hooks ksplice-apply --raw-errors $t); then exit 1; fi
	cause call_failed
	grep "version_$hook .*returned -1" /tmp/err
	unchanged
	nothing_left hooks
	is "$said" "${all_apply%"$hook,"*}$hook, fail_apply, fail_apply of uptime,"
	echo none >$domain
	is "$(hooks ksplice-apply $t)" "$all_apply"
	changed
	is "$(hooks ksplice-undo hooks)" "$all_undo"
done

echo "--- the same of an undo"
ksplice-apply -q $t
for hook in pre_reverse check_reverse; do
	echo $hook >$domain
	if said=$(hooks ksplice-undo --raw-errors hooks); then exit 1; fi
	cause call_failed
	is "$said" "${all_undo%"$hook,"*}$hook, fail_reverse,"
	changed
	is "$(cat /sys/kernel/ksplice/hooks/stage)" applied
done
echo none >$domain
is "$(hooks ksplice-undo hooks)" "$all_undo"
unchanged
nothing_left hooks

echo "--- another reason to fail: a kprobe, disabled so that the match does not see it"
mount -t tracefs t /sys/kernel/tracing 2>/dev/null || :
# In the place of the jump; in a kernel with IBT that is 4 bytes later.
echo 'p:in_the_way version_proc_show+5' >/sys/kernel/tracing/kprobe_events ||
	echo 'p:in_the_way version_proc_show+9' >/sys/kernel/tracing/kprobe_events
if said=$(hooks ksplice-apply --raw-errors $t); then exit 1; fi
cause slot_conflict
is "$said" 'pre_apply of uptime, pre_apply, fail_apply, fail_apply of uptime,'
nothing_left hooks
echo >/sys/kernel/tracing/kprobe_events

echo "--- nothing but hooks"
is "$(hooks ksplice-apply /ksplice/ksplice-hooksonly.tar.gz)" 'pre_apply,'
is "$(cat /sys/kernel/ksplice/hooksonly/stage)" applied
is "$(hooks ksplice-undo hooksonly)" 'post_reverse,'
nothing_left hooksonly

echo "--- hooks that are none"
cd /tmp
tar xf /ksplice/bad.tar
tar xzf /ksplice/ksplice-hooks.tar.gz
insmod ksplice-hooks/core/ksplice.ko
insmod ksplice-hooks/ksplice_hooks_old.ko
for bad in bad/*.ko; do
	if insmod "$bad"; then exit 1; fi
	is "$(cat /sys/kernel/ksplice/hooks/abort_cause)" bad_update
	echo "$bad: $(cat /sys/kernel/ksplice/hooks/error)"
done
insmod ksplice-hooks/ksplice_hooks_new.ko
rmmod ksplice_hooks_new
rmmod ksplice_hooks_old
echo forget >/sys/kernel/ksplice/hooks/stage
rmmod ksplice
nothing_left hooks

echo "--- a target that is left out"
rmmod xfs
is "$(hooks ksplice-apply --partial /ksplice/ksplice-hookspartial.tar.gz)" 'of version,'
ksplice-undo -q hookspartial
modprobe xfs
is "$(hooks ksplice-apply /ksplice/ksplice-hookspartial.tar.gz)" 'of version, of xfs,'
ksplice-undo -q hookspartial

echo "--- shadow fields"
# remount DIR: remounts it, and says how often that was counted, or "none"
remount() {
	dmesg -c >/dev/null
	mount -o remount,size=1m "$1"
	said=$(dmesg | sed -n 's/.*tmpfs remounted: //p')
	echo "${said:-none}"
}
mkdir -p /tmp/a /tmp/b
t=/ksplice/ksplice-shadow.tar.gz
mount -t tmpfs a /tmp/a
is "$(remount /tmp/a)" none
ksplice-apply -q $t
is "$(remount /tmp/a)" 1
is "$(remount /tmp/a)" 2
for i in $(seq 50); do
	mount -t tmpfs b /tmp/b
	is "$(remount /tmp/b)" 1
	umount /tmp/b
done
is "$(remount /tmp/a)" 3
ksplice-undo -q shadow
nothing_left shadow
is "$(remount /tmp/a)" none
ksplice-apply -q $t
is "$(remount /tmp/a)" 1

echo "--- freed by the undo, though the module that knows their number stays"
echo reversed >/sys/kernel/ksplice/shadow/stage
echo applied >/sys/kernel/ksplice/shadow/stage
is "$(remount /tmp/a)" 1

echo "--- shared by two updates, whichever goes first"
ksplice-apply -q /ksplice/ksplice-shadowshared.tar.gz
ksplice-undo -q shadow
is "$(remount /tmp/a)" none
ksplice-apply -q $t
is "$(remount /tmp/a)" 2
ksplice-undo -q shadowshared
is "$(remount /tmp/a)" 3
if ksplice-apply --raw-errors /ksplice/ksplice-shadowclash.tar.gz 2>/tmp/err; then exit 1; fi
cat /tmp/err
cause bad_update
grep 'shadow field changes of other types' /tmp/err
is "$(remount /tmp/a)" 4
ksplice-undo -q shadow
ksplice-apply -q /ksplice/ksplice-shadowclash.tar.gz
ksplice-undo -q shadowclash
ksplice-apply -q $t
is "$(remount /tmp/a)" 1
ksplice-undo -q shadow
nothing_left shadow
umount /tmp/a
