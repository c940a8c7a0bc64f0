# SPDX-License-Identifier: GPL-2.0-only
# For the VM tests: TAP, prepared kernel trees, updates.  Sourced from the
# top of the source tree; every test is a list of "check NAME COMMAND...".
set -uo pipefail
export LC_ALL=C
bin=$PWD/bin
# The series of Linux to test on: SERIES=6.12 tests/run tests/vm/printk.test
series=${SERIES:-6.1}
# A test leaves its things in build/vm/NAME, so that a failure can be looked at.
work=$PWD/build/vm/$(basename "$0" .test)
[ "$series" = 6.1 ] || work=$work-$series
mkdir -p "$work"
number=0 bad=0

ok() { number=$((number + 1)) && echo "ok $number - $*"; }
not_ok() { number=$((number + 1)) && bad=1 && echo "not ok $number - $*"; }
skip() { number=$((number + 1)) && echo "ok $number - $1 # SKIP $2"; }
finish() { exit $bad; }

# check NAME COMMAND...: the command's output is shown only when it fails.
check() {
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then
		ok "$name"
	else
		not_ok "$name"
		sed 's/^/# /' <<<"$out" | tail -n 40
	fi
}

# newest [FLAVOUR]: the release that apt has image, headers and source of.
newest() { "$bin/ksplice-prepare" --newest="$series.*-${1:-cloud-amd64}"; }
available() { "$bin/ksplice-prepare" --list 2>/dev/null | grep -qw -- "$1"; }

# tree RELEASE: a prepared source tree, made once and shared by the tests.
tree() {
	local dir=$PWD/build/vm/linux-$1
	"$bin/ksplice-prepare" -q "$1" "$dir" >&2 || return 1
	echo "$dir"
}

# create ID PATCH TREE [OPTION]...: makes ksplice-ID.tar.gz in $work.  Where the source of the series
# needs another patch, that is in tests/patches/SERIES.
create() {
	local id=$1 patch=$2 tree=$3
	local variant=${patch/tests\/patches/tests\/patches\/$series}
	shift 3
	[ ! -e "$variant" ] || patch=$variant
	(cd "$work" && "$bin/ksplice-create" -q --id="$id" --patch="$patch" "$@" "$tree")
}

# guest RELEASE SCRIPT [OPTION]...: runs a script in a VM, no update of its own.
guest() {
	local release=$1 script=$2
	shift 2
	"$bin/ksplice-verify" --release="$release" --shell="$script" --log="$work/$(basename "$script").log" "$@"
}
