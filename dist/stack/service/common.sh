# What the run scripts of a private stack share; sh, sourced by each.
#
# runsv starts a service in its own folder, DIR/service/NAME; ./run left the stack's
# paths in DIR/run/stack.env. Each script ends in `exec`, so the process that runsv
# watches is the server itself. `setpriv --pdeathsig` ends a server whose runsv was
# killed, so that the next runsv does not meet a stray one.
# shellcheck shell=sh
set -u
# shellcheck disable=SC1091  # written by ./run
. ../../run/stack.env

# Output goes to the service's log, or to that of NAME.
log_to() { # NAME
	exec </dev/null >>"$LP_DIR/log/$1.log" 2>&1
}

# Writes the pid that the coming exec keeps; whole, or not at all.
write_pid() { # NAME
	echo $$ >"$LP_DIR/run/$1.pid.new" && mv "$LP_DIR/run/$1.pid.new" "$LP_DIR/run/$1.pid"
}

# runsvdir leads a session of its own; what the stack started is in it.
session() {
	read -r _ _ _ _ _ sid _ </proc/self/stat && echo "$sid"
}

# Ends what a killed server left behind of itself. Called before the server is there,
# so whatever bears its name in this session is an orphan. (Zombies don't count: not
# every machine's first process collects them at once.)
end_orphans() { # PROCESS-NAME
	pkill -TERM -s "$(session)" -x "$1" || return 0
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		sleep 0.05
		pgrep -r R,S,D,T -s "$(session)" -x "$1" >/dev/null || return 0
	done
	pkill -KILL -s "$(session)" -x "$1"
	sleep 0.1
}

# A variable a file in DIR/env, if that folder exists, reaches the project's programs.
# shellcheck disable=SC2034  # for the scripts that source this
with_env=
# shellcheck disable=SC2034
[ -d ../../env ] && with_env="/usr/bin/chpst -e ../../env"

# A log that has grown over so many bytes starts anew; one old copy is kept. Lastpair's programs
# begin a new file by themselves once theirs was moved away, nginx when told; what others write
# to their standard error is copied and emptied, since nobody can tell them to let go of it.
rotate_logs() { # BYTES
	for log in "$LP_DIR"/log/*.log; do
		[ "$(stat -c %s "$log" 2>/dev/null || echo 0)" -gt "$1" ] || continue
		case ${log##*/} in
		api.log | auth.log | sse.log | expire.log | webhooks.log) mv -f "$log" "$log.1" ;;
		access.log | nginx.log)
			mv -f "$log" "$log.1"
			kill -USR1 "$(cat "$LP_DIR/run/nginx.pid")" 2>/dev/null
			;;
		*) cp "$log" "$log.1" && : >"$log" ;;
		esac
	done
}

# Tests may have the workers, the daemon and the expiry run by another program, which
# LASTPAIR_WRAP names (valgrind, say).
