#!/bin/bash
# What the manual pages say of settings, commands and options is what the programs of a
# build say themselves with --help, no more and no less. Speaks TAP.
#
#     tests/man/agree.sh [BUILD_DIR]
set -u
export LC_ALL=C.UTF-8
tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P) || exit 1
build=$(cd "${1:-build}" && pwd -P) || exit 1
man=$tree/man
programs=(lastpair-api lastpair-sse lastpair-expire lastpair-webhooks lastpairctl)
count=0 failures=0

# --- TAP --------------------------------------------------------------------------------

result() { # 'ok' OR 'not ok', NAME
	count=$((count + 1))
	[[ $1 == ok ]] || failures=$((failures + 1))
	printf '%s %d - %s\n' "$1" "$count" "$2"
}

passes() { # NAME COMMAND...
	local name=$1 output
	shift
	if output=$("$@" 2>&1); then
		result ok "$name"
	else
		result 'not ok' "$name"
		printf '# %s\n' "${output//$'\n'/$'\n# '}"
	fi
}

same() { # NAME SAID WRITTEN
	if [[ $2 == "$3" && -n $2 ]]; then
		result ok "$1"
	else
		result 'not ok' "$1"
		printf '# --help:   %s\n# the page: %s\n' "${2:-(nothing)}" "${3:-(nothing)}"
	fi
}

# Two lists of lines `KEY<tab>VALUE`: each key of either is a test, so that what stands
# on one side alone fails too. Two empty lists agree on nothing.
agree() { # PAGE SAID WRITTEN
	local key keys
	keys=$(printf '%s\n%s\n' "$2" "$3" | cut -f 1 | sed '/^$/d' | sort -u)
	if [[ -z $2 || -z $3 ]]; then
		result 'not ok' "$1 and --help both say something"
	fi
	while IFS= read -r key; do
		[[ -z $key ]] || same "$1 and --help agree on $key" "$(value_of "$key" "$2")" "$(value_of "$key" "$3")"
	done <<<"$keys"
}

value_of() { # KEY LIST
	awk -F '\t' -v key="$1" '$1 == key { print $2 }' <<<"$2"
}

# --- reading ----------------------------------------------------------------------------

# A page as plain text, each paragraph in one line.
rendered() { # PAGE
	mandoc -T utf8 -O width=1000 "$man/$1" | sed 's/.\x08//g'
}

section() { # NAME; reads a rendered page
	awk -v name="$1" '/^[^ ]/ { inside = $0 == name; next } inside'
}

# The terms of a section's list stand alone at the depth of its text.
terms() {
	sed -n 's/^     \([^ ].*\)$/\1/p'
}

help_of() { # PROGRAM: what is its own, and the options of every program
	"$build/$1" --help | sed '/^Settings:/,$d'
}

# NAME<tab>DEFAULT (RANGE OR WORDS) [reload]. Where the SQL is depends on how the programs were built.
settings_said() {
	"$build/lastpair-api" --help | sed '1,/^Settings:/d' | awk '
		/^  [a-z]/ { sub(/^  /, ""); name = $1; sub(/^[^=]*= */, ""); value = $0; next }
		{
			reload = sub(/; a reload changes it$/, "") ? " [reload]" : ""
			range = match($0, /\(([0-9]+ to [0-9]+[^)]*|[a-z]+(, [a-z]+)* or [a-z]+)\)$/) ? substr($0, RSTART, RLENGTH) : "(any)"
			print name "\t" value " " range reload
		}' | sed 's,\t/.*/lastpair/sql ,\tDATADIR/lastpair/sql ,'
}

settings_written() {
	rendered lastpair.conf.5 | section SETTINGS | awk '
		function tell() {
			if (name != "")
				print name "\t" value " " range reload
		}
		/^     [a-z_]+ =/ {
			tell()
			name = $1
			reload = ""
			range = "(any)"
			value = $0
			sub(/^[^=]*= */, "", value)
			next
		}
		range == "(any)" && match($0, /\(([0-9]+ to [0-9]+[^)]*|[a-z]+(, [a-z]+)* or [a-z]+)\)/) {
			range = substr($0, RSTART, RLENGTH)
		}
		/A reload changes it\./ { reload = " [reload]" }
		END { tell() }'
}

# OPTION<tab>OPTION [ARGUMENT]
options_said() { # PROGRAM
	help_of "$1" | sed -n 's/^  \(-\{1,2\}[a-z-]*\)\( [A-Z]\{1,\}\)\{0,1\}  .*/\1\t\1\2/p' | sort
}

options_written() { # PROGRAM
	rendered "$1.8" | section OPTIONS | sed -n 's/^     \(-[^ ]*\)\( [A-Z]\{1,\}\)\{0,1\}\(  .*\)\{0,1\}$/\1\t\1\2/p' | sort
}

# COMMAND<tab>COMMAND [ARGUMENTS]
commands_said() {
	help_of lastpairctl | sed -n 's/^  \([a-z].*\)/\1/p' | sed 's/  .*//' | with_key
}

commands_written() {
	rendered lastpairctl.8 | section COMMANDS | terms | grep '^[a-z]' | sed 's/  .*//' | with_key
}

with_key() { # the words before the first argument
	sed 's/^\([a-z]*\( [a-z]\{1,\}\)*\)\(.*\)/\1\t\1\3/'
}

usage_said() { # PROGRAM
	"$build/$1" --help | sed -n '1s/^[Uu]sage: //p'
}

usage_written() { # PROGRAM
	rendered "$1.8" | section SYNOPSIS | sed -n 's/^ *//; /./p'
}

# --- the pages --------------------------------------------------------------------------

# Each reference to a page of ours leads to one.
references_lead() { # PAGE
	local name number missing=0
	while read -r _ name number _; do
		[[ $name != lastpair* || -f $man/$name.$number ]] && continue
		printf 'there is no %s(%s)\n' "$name" "$number"
		missing=1
	done < <(grep '^\.Xr ' "$1")
	return "$missing"
}

is_installed() { # PAGE
	grep -qE "^[[:space:]]*man/$1( \\\\)?\$" "$man/Makefile.inc"
}

if ! command -v mandoc >/dev/null; then
	echo '1..0 # SKIP mandoc is not installed'
	exit 0
fi

for page in "$man"/*.[1-9]; do
	name=${page##*/}
	passes "$name is clean mdoc" mandoc -T lint -W warning "$page"
	passes "$name refers to pages that exist" references_lead "$page"
	passes "$name is installed" is_installed "$name"
done

for program in "${programs[@]}"; do
	same "$program(8) has the usage of --help" "$(usage_said "$program")" "$(usage_written "$program")"
	agree "$program(8)" "$(options_said "$program")" "$(options_written "$program")"
done
agree "lastpairctl(8)" "$(commands_said)" "$(commands_written)"
agree "lastpair.conf(5)" "$(settings_said)" "$(settings_written)"

printf '1..%d\n' "$count"
((failures == 0))
