#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The client of the update service on a real kernel: three updates, one of them
# in a module, from a repository in a directory.
set -e
fail() { echo "uptrack.sh: $*" && exit 1; }
# says STATUS TEXT COMMAND...: the command ends so, and says that.
says() {
	want=$1 text=$2
	shift 2
	rc=0
	"$@" >/tmp/said 2>&1 </dev/null || rc=$?
	cat /tmp/said
	[ "$rc" -eq "$want" ] || fail "$* ended with $rc instead of $want"
	grep -q -e "$text" /tmp/said || fail "$* did not say \"$text\""
}
applied() { ksplice-view 2>/dev/null | cut -d: -f1 | sort | tr '\n' ' '; }
has() { [ "$(applied)" = "$1" ] || fail "the kernel has \"$(applied)\" instead of \"$1\""; }

mkdir -p /etc/uptrack/keys /var/log /var/lib /var/cache /srv
echo ID=debian >/etc/os-release
tar -x -f /ksplice/repository.tar -C /srv
cp /srv/v1/keys/*/key.pub /etc/uptrack/keys/one.pub
printf '[Network]\nupdate_repo_url = /srv\n[Status]\nmetrics_file = /tmp/uptrack.prom\n' >/etc/uptrack/uptrack.conf
running=$(uname -r)

says 0 None uptrack-show
says 0 'Install .bproc. ' uptrack-upgrade -n
says 12 'Go ahead .y/N.' uptrack-upgrade
has ''
says 0 'Your kernel is fully up to date' uptrack-upgrade -y
has 'boverlay bproc bsyscall '
says 0 'Nothing to be done' uptrack-upgrade -y
says 0 "^6.1.0-99-cloud-amd64\$" uptrack-uname -r
says 0 '^3$' uptrack-show --count
says 0 'protected by .bproc.' uptrack-show --cve=CVE-2026-1001
says 3 'no update' uptrack-show --cve=CVE-1999-0001

# One in the middle, and back.
says 0 'Remove .bsyscall.' uptrack-remove -y bsyscall
has 'boverlay bproc '
says 2 'not protected' uptrack-show --cve=CVE-2026-1002
says 0 'Install .bsyscall.' uptrack-install -y bsyscall
has 'boverlay bproc bsyscall '

# What the boot would do: the kernel has been left by all of them, the machine remembers.
cp /var/lib/uptrack/state.json /tmp/state.json
says 0 'Remove .bproc.' uptrack-remove -y --all
has ''
cp /tmp/state.json /var/lib/uptrack/state.json
touch /etc/uptrack/disable
says 0 'switched off' uptrack-upgrade --boot
has ''
rm /etc/uptrack/disable
says 0 'installed updates are applied' uptrack-upgrade --boot
has 'boverlay bproc bsyscall '
[ -e /var/lib/uptrack/booting ] || fail "the boot left no mark"
uptrack-upgrade --survived
[ ! -e /var/lib/uptrack/booting ] || fail "the mark is still there"

# As after a boot that did not survive.
ksplice-undo -q --all >/dev/null
echo another-boot >/var/lib/uptrack/booting
says 1 'went down within minutes' uptrack-upgrade --boot
has ''
says 0 'Nothing is applied unasked' uptrack-upgrade -y
has 'boverlay bproc bsyscall '

# A tarball of the cache that is not what was signed.
ksplice-undo -q --all >/dev/null
for f in /var/cache/uptrack/updates/*; do
	printf x | dd of="$f" bs=1 seek=99 conv=notrunc 2>/dev/null
done
says 1 'is not what was signed' uptrack-upgrade --boot
has ''
grep -q '^uptrack_updates_installed 0$' /tmp/uptrack.prom || fail "the metrics"
grep -q "\"release\": \"$running\"" /var/lib/uptrack/status.json || fail "the status"
grep -q 'Installed \[bproc\]' /var/log/uptrack.log || fail "the log"
echo "uptrack.sh: all is well"
