# A machine of one's own for the test of the installation: a Debian 12 in a folder, booted with its
# own systemd by systemd-nspawn, without a network but its loopback. Sourced by run.
# shellcheck shell=bash

machine=		# the folder
machine_pid=		# of systemd-nspawn
machine_init=		# of its systemd

# Makes FOLDER, a Debian with nothing but the archives of packages besides, unless it is there.
# What it takes it takes from where this machine takes its own packages.
make_base() { # FOLDER PACKAGE...
	local base=$1 mirror
	shift
	[[ ! -e $base/complete ]] || return 0
	mirror=$(apt-cache policy 2>/dev/null | sed -n 's,^ *[0-9]* \(http[^ ]*debian\) bookworm/main amd64 Packages,\1,p' | head -n 1)
	rm -rf "$base"
	debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,ca-certificates,curl,openssl \
	    bookworm "$base" "${mirror:-http://deb.debian.org/debian}" >"$base.log" 2>&1 || return
	{
		printf 'deb %s bookworm main\n' "${mirror:-http://deb.debian.org/debian}"
		printf 'deb %s-security bookworm-security main\n' "${mirror:-http://deb.debian.org/debian}"
	} >"$base/etc/apt/sources.list"
	# Brought up to date: what is installed there later may want newer libraries than debootstrap's.
	chroot "$base" sh -c 'export DEBIAN_FRONTEND=noninteractive
	    apt-get -q update && apt-get -q -y upgrade && apt-get -q -y install --download-only "$@"' sh "$@" \
	    >>"$base.log" 2>&1 || return
	: >"$base/etc/machine-id"
	: >"$base/complete"
}

boot() { # FOLDER
	machine=$1
	setsid systemd-nspawn -q -D "$machine" -M "lastpair-$$" --boot --register=no --keep-unit \
	    --link-journal=no --private-network --console=pipe </dev/null >"$machine.console" 2>&1 &
	machine_pid=$!
	disown "$machine_pid"
	wait_until 20 machine_is_up || return
	inside systemctl is-system-running --wait >/dev/null
	return 0	# "degraded" is for the tests to notice
}

machine_is_up() {
	machine_init=$(pgrep -P "$machine_pid" -x systemd) && inside systemctl show-environment >/dev/null 2>&1
}

# Runs a command in the machine, as its root.
inside() { # COMMAND...
	nsenter -t "$machine_init" -a env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	    LC_ALL=C.UTF-8 HOME=/root DEBIAN_FRONTEND=noninteractive "$@"
}

# Runs a command of this machine in that one's network, in the background; $! is it.
beside() { # COMMAND...
	nsenter -t "$machine_init" -n "$@" &
}

halt() {
	[[ -n $machine_pid ]] || return 0
	if [[ -n $machine_init ]]; then
		kill -s SIGRTMIN+4 "$machine_init" 2>/dev/null	# poweroff
	fi
	wait_until 20 gone "$machine_pid" || kill -KILL "$machine_init" 2>/dev/null
	wait_until 5 gone "$machine_pid" || kill -KILL "$machine_pid" 2>/dev/null
	machine_pid=''
}
