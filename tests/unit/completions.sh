# SPDX-License-Identifier: GPL-2.0-only
# Bash completion (completions/ksplice): every command has one, and offers the
# options of its --help.
set -uo pipefail
cd "$(dirname "$0")/../.."
. /usr/share/bash-completion/bash_completion
. completions/ksplice
number=0 bad=0
PATH=$PWD/bin:$PATH

is() {
	number=$((number + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $number - $1"
	else
		bad=1
		printf 'not ok %d - %s\n# got "%s" instead of "%s"\n' "$number" "$1" "$2" "$3"
	fi
}

# offers COMMAND WORD...: what can be in the place of the last word.
offers() {
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMPREPLY=()
	COMP_POINT=${#COMP_LINE}
	_ksplice "$1" 2>/dev/null # compopt complains: no person is typing
	echo "${COMPREPLY[*]-}"
}

for c in tools/ksplice-*.c tools/uptrack-*.c; do
	[ -e "$c" ] || continue
	name=$(basename "$c" .c)
	is "$name has a completion" "$(complete -p "$name" 2>&1)" "complete -F _ksplice $name"
	is "$name offers its options" "$(offers "$name" --vers)" --version
	is "$name offers nothing for what is none" "$(offers "$name" --nothing)" ""
done
is "an option with a value" "$(offers ksplice-create --descr)" --description=
dir=$(mktemp -d)
mkdir "$dir/tree" && touch "$dir/ksplice-a.tar.gz" "$dir/other"
cd "$dir" || exit 1
is "a package to apply" "$(offers ksplice-apply ks)" ksplice-a.tar.gz
is "nothing else" "$(offers ksplice-apply ot)" ""
is "a tree to make an update of" "$(offers ksplice-create t)" tree
is "the value of an option" "$(offers ksplice-create --patch o)" other
rm -r "$dir"
exit $bad
