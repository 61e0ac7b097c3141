# Shell helpers of ./run (and of whoever else starts a stack): messages, the Debian
# packages, the build, processes and ports. Sourced by bash with $LP_TREE set to the
# top of the source tree.
# shellcheck shell=bash

say() { printf 'lastpair: %s\n' "$*"; }
warn() { printf 'lastpair: %s\n' "$*" >&2; }
die() { warn "$*"; exit 1; }

# --- the programs -----------------------------------------------------------------

# Installs what of the sections of dist/packages is missing.
need_packages() { # SECTION...
	"$LP_TREE/dist/install-packages" "$@" || exit 1
}

# The release, from the one place that states it.
tree_version() {
	sed -n 's/^AC_INIT(\[lastpair\], *\[\([^]]*\)\].*/\1/p' "$LP_TREE/configure.ac"
}

# Builds the tree in FOLDER (out of tree), quietly; the log is shown when it fails.
# Two at once take turns. Options after FOLDER go to configure the first time. While it
# builds, $build_group is the process group to end when the caller must leave early.
build_tree() { # FOLDER [CONFIGURE-OPTION...]
	local folder=$1 log=$1/build.log lock
	shift
	(umask 022 && mkdir -p "$folder") 2>/dev/null || die "cannot make $folder"
	if [[ ! -w $folder || ! -w $LP_TREE ]]; then
		build_is_complete "$folder" ||
		    die "cannot build: $folder or $LP_TREE belongs to another user"
		return 0
	fi
	exec {lock}<"$LP_TREE" && flock "$lock"
	build_is_complete "$folder" || say "building in $folder (log: $log)"
	set -m
	(build_steps "$folder" "$@") >"$log" 2>&1 </dev/null {lock}<&- &
	build_group=$!
	set +m
	if ! wait "$build_group"; then
		tail -n 30 "$log" >&2
		die "the build failed; all of it is in $log"
	fi
	build_group=''
	exec {lock}<&-
}

build_is_complete() { # FOLDER
	local program
	for program in lastpair-api lastpair-sse lastpair-expire lastpair-webhooks lastpairctl; do
		[[ -x $1/$program ]] || return 1
	done
}

build_steps() { # FOLDER [CONFIGURE-OPTION...]
	local folder=$1
	shift
	configure_and_make "$folder" all "$@"
}

# Brings one of make's targets up to date; for a subshell of its own, since it leaves at what
# fails. umask 022: a stack started by root runs the programs as another user.
configure_and_make() { # FOLDER TARGET [CONFIGURE-OPTION...]
	local folder=$1 target=$2
	shift 2
	umask 022
	set -e
	cd "$LP_TREE"
	if [[ ! -f configure || ! -f Makefile.in || configure.ac -nt configure ]]; then
		autoreconf -i
	fi
	mkdir -p "$folder"
	cd "$folder"
	if [[ ! -f Makefile || "$LP_TREE/configure" -nt config.status ]]; then
		"$LP_TREE/configure" "$@"
	fi
	make -j "$(nproc)" "$target"
}

# --- files ------------------------------------------------------------------------

# Prints TEMPLATE with each @NAME@ replaced by the value of NAME in the associative
# array named by MAP; a name that is not in it is a mistake.
fill() { # TEMPLATE MAP
	local -n values=$2
	local text name
	text=$(cat "$1") || return 1
	for name in "${!values[@]}"; do
		text=${text//"@$name@"/"${values[$name]}"}
	done
	if [[ $text =~ @[A-Z_]+@ ]]; then
		warn "$1: nothing to put in the place of ${BASH_REMATCH[0]}"
		return 1
	fi
	printf '%s\n' "$text"
}

# --- processes and ports ------------------------------------------------------------

alive() { # PID: and not merely a zombie that nobody has waited for yet
	local stat
	[[ -n ${1-} && -r /proc/$1/stat ]] && read -r stat 2>/dev/null <"/proc/$1/stat" &&
	    [[ ${stat##*) } != Z* ]]
}

# Waits until a command succeeds.
wait_until() { # SECONDS COMMAND...
	local deadline=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))
	shift
	until "$@"; do
		((${EPOCHREALTIME/[.,]/} < deadline)) || return 1
		sleep 0.05
	done
}

gone() { ! alive "$1"; }

# Every process of a session, whatever became of its parents.
session_of() { # SESSION-ID
	ps -e -o pid=,sid=,stat= | awk -v s="$1" '$2 == s && $3 !~ /^Z/ { print $1 }'
}

session_empty() { [[ -z $(session_of "$1") ]]; }

port_taken() { # PORT: somebody listens there
	(exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# The process, rather than some other on the machine, listens on the port.
port_is_of() { # PORT PID
	local inode link
	inode=$(awk -v port=":$(printf '%04X' "$1")" \
	    '$4 == "0A" && substr($2, length($2) - 4) == port { print $10; exit }' /proc/net/tcp)
	[[ -n $inode ]] || return 1
	for link in "/proc/$2/fd"/*; do
		[[ $(readlink "$link") == "socket:[$inode]" ]] && return
	done
	return 1
}
