# SPDX-License-Identifier: GPL-2.0-only
# The client's commands: what is refused before anything is looked at.
set -uo pipefail
cd "$(dirname "$0")/../.."
number=0 bad=0

# says NAME STATUS TEXT COMMAND...
says() {
	local name=$1 status=$2 text=$3 out rc
	shift 3
	number=$((number + 1))
	out=$("$@" 2>&1 </dev/null)
	rc=$?
	if [ "$rc" -eq "$status" ] && grep -qF -e "$text" <<<"$out"; then
		echo "ok $number - $name"
	else
		bad=1
		printf 'not ok %d - %s\n# status %d: %s\n' "$number" "$name" "$rc" "$out"
	fi
}

for c in upgrade install remove show uname; do
	says "uptrack-$c --help" 0 "Usage: uptrack-$c" "bin/uptrack-$c" --help
	says "uptrack-$c --version" 0 "uptrack-$c $(cat VERSION)" "bin/uptrack-$c" --version
	says "uptrack-$c -V" 0 "uptrack-$c $(cat VERSION)" "bin/uptrack-$c" -V
	says "uptrack-$c with an option that it does not have" 1 "--nothing is no option" "bin/uptrack-$c" --nothing
done
says "an upgrade of something" 1 "takes no arguments" bin/uptrack-upgrade abc
says "an upgrade that is and is not to be done" 1 "not both" bin/uptrack-upgrade -y -n
says "two of the units' options" 1 "only one of" bin/uptrack-upgrade --boot --timer
says "a wait that is no number" 1 "give seconds" bin/uptrack-upgrade --wait=soon
says "a wait without end" 1 "give seconds" bin/uptrack-upgrade --wait=999999
says "to install nothing" 1 "give the ids" bin/uptrack-install -y
says "to remove nothing" 1 "or --all" bin/uptrack-remove -y
says "to remove all and one" 1 "or --all" bin/uptrack-remove --all abc
says "CVEs and updates" 1 "goes with no other question" bin/uptrack-show --cve --available
says "uname of something" 1 "takes no arguments" bin/uptrack-uname abc
says "an error as JSON" 1 '"result": "failed"' bin/uptrack-upgrade --json abc
exit $bad
