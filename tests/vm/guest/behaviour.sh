# SPDX-License-Identifier: GPL-2.0-only
# What updates do, seen from outside: each /ksplice/behaviour/NAME.sh is run
# before, while and after the update NAME is applied, twice. "when A B" says A
# without the update and B with it. A line "behaviour NAME: ok" for each.
when() { [ "$STAGE" = applied ] && echo "$2" || echo "$1"; }
stage() {
	(
		export STAGE=$2
		set -e
		. "/ksplice/behaviour/$1.sh"
	) && return
	echo "behaviour $1: $2: not as it should be"
	return 1
}
one() {
	tarball=/ksplice/ksplice-b$1.tar.gz
	stage "$1" before || return
	for round in 1 2; do
		ksplice-apply -q $tarball && stage "$1" applied || return
		ksplice-undo -q "b$1" && stage "$1" undone || return
	done
	echo "behaviour $1: ok"
}
bad=0
for name in $BEHAVIOURS; do
	one "$name" || bad=1
done
exit $bad
