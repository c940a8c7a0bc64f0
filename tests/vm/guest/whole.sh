# SPDX-License-Identifier: GPL-2.0-only
# An update of the modules dummy and ifb that has both whole: with none of them
# loaded, with one of them, and with the fixed one.  With the fix a device of
# theirs has sent a million packets more.
set -e
# Programs find kmod first; busybox's shell only itself.
PATH=/sbin:$PATH
modprobe() { /sbin/modprobe "$@"; }
update=/ksplice/ksplice-whole.tar.gz
dir=/lib/modules/$(uname -r)/updates/ksplice
fail() {
	echo "$*"
	exit 1
}
file() { modprobe -n -v "$1" | sed -n 's/^insmod \([^ ]*\) *$/\1/p'; }
fixed() { [ "$(cat "/sys/class/net/$10/statistics/tx_packets")" -ge 1000000 ]; }
# ("! fixed" alone would not end the script.)
stock() { if fixed "$1"; then fail "$1 is fixed"; fi; }
fails() { if "$@" 2>/tmp/error; then fail "did not fail: $*"; fi; }
clean() {
	[ ! -e "$dir" ] || fail "left: $(ls -R "$dir")"
	case "$(file dummy) $(file ifb)" in
	*updates*) fail "modprobe would load $(file dummy) $(file ifb)" ;;
	esac
	fails grep updates "/lib/modules/$(uname -r)/modules.dep"
}
rmmod dummy
rmmod ifb
clean

echo "-- none is loaded"
fails ksplice-apply --raw-errors $update
[ "$(head -n 1 /tmp/error)" = target_not_loaded ]
clean
ksplice-apply --partial $update | tee /tmp/out
grep -q 'what will be loaded is fixed: dummy, ifb' /tmp/out
[ "$(ls "$dir/whole")" = "$(printf 'dummy.ko\nifb.ko')" ]
[ "$(stat -c %a "$dir/whole/dummy.ko")" = 644 ]
fails grep '^ksplice' /proc/modules
fails grep '^dummy ' /proc/modules
[ "$(file dummy)" = "$dir/whole/dummy.ko" ]
modprobe dummy
fixed dummy || fail "the module from updates/ is not fixed"
echo "-- an undo while it is loaded"
ksplice-undo whole | tee /tmp/out
grep -q 'fixed modules are off the disk' /tmp/out
grep -q 'Still loaded, and fixed until they are unloaded: dummy\.' /tmp/out
clean
fixed dummy || fail "the loaded module has changed"
rmmod dummy
modprobe dummy
stock dummy
fails ksplice-undo whole
rmmod dummy

echo "-- one of two is loaded"
modprobe ifb
stock ifb
ksplice-apply --partial $update | tee /tmp/out
grep -q 'what will be loaded is fixed: dummy\.' /tmp/out
fixed ifb || fail "ifb is not patched"
[ "$(ls "$dir/whole")" = dummy.ko ]
modprobe dummy
fixed dummy || fail "dummy is not fixed"
fails rmmod ifb
ksplice-undo whole | tee /tmp/out
grep -q 'until they are unloaded: dummy\.' /tmp/out
stock ifb
clean

echo "-- the one that is loaded is the fixed one"
ksplice-apply $update | tee /tmp/out
grep -q 'Fixed already, by the modules that are loaded: dummy' /tmp/out
fixed ifb
fixed dummy
ksplice-undo whole
clean
rmmod dummy
rmmod ifb

echo "-- both are the distribution's"
modprobe dummy
modprobe ifb
stock dummy
ksplice-apply --partial $update | tee /tmp/out
[ "$(cat /tmp/out)" = 'Done!' ]
fixed dummy
fixed ifb
[ ! -e "$dir" ]
ksplice-undo whole
stock dummy
stock ifb
rmmod dummy
rmmod ifb
clean
