#!/bin/bash
# What else reads the C sources: clang with warnings as errors, cppcheck and clang-tidy. Speaks TAP.
#
#     tests/build/analyse.sh [BUILD_DIR]
set -u
export LC_ALL=C.UTF-8
tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P) || exit 1
build=$(cd "${1:-build}" && pwd -P) || exit 1
cd "$tree" || exit 1
failures=0

mapfile -t sources < <(find lib cgi-bin sse cron ctl tests/unit tests/fuzz tests/bench/load -name '*.c' | sort)
read -ra warnings < <(sed -n 's/^S\["WARN_CFLAGS"\]="\(.*\)"$/\1/p' "$build/config.status")
read -ra cflags < <(pkg-config --cflags fcgi libpq json-c libjwt hiredis libevent_core cmocka libcrypto libcrypt libcurl)
flags=(-std=gnu11 -D_GNU_SOURCE '-DLP_SQL_DIR=""' -I"$build" -Ilib -Icgi-bin -Ictl "${cflags[@]}")

judge() { # NAME COMMAND...
	local name=$1 output
	shift
	if output=$("$@" 2>&1); then
		printf 'ok - %s\n' "$name"
	else
		printf 'not ok - %s\n%s\n' "$name" "$output"
		failures=$((failures + 1))
	fi
}

# As the build has them, or this would pass with none.
some_warnings() {
	[[ " ${warnings[*]} " == *" -Wextra "* ]] && ((${#sources[@]} > 50))
}

with_clang() {
	printf '%s\0' "${sources[@]}" | xargs -0 -n 8 -P "$(nproc)" clang -fsyntax-only -Werror "${warnings[@]}" "${flags[@]}"
}

# It reads no header of the system's, but wants to know what LIST_HEAD() and the like make. Its
# exceptions, each with its reason, are in cppcheck.txt.
with_cppcheck() {
	cppcheck --quiet --error-exitcode=1 --enable=warning,portability,performance --inline-suppr --std=c11 \
	    --suppressions-list=tests/build/cppcheck.txt -j "$(nproc)" -D_GNU_SOURCE '-DLP_SQL_DIR=""' \
	    --include="/usr/include/$(gcc -print-multiarch)/sys/queue.h" -Ilib -Icgi-bin -Ictl lib cgi-bin sse cron ctl
}

# Its checks, and the reason of each that is left out, are in .clang-tidy. One file a process: what clang 14 knows
# of a va_list of one file it holds against the next.
with_clang_tidy() {
	local programs=(lib/*.c cgi-bin/*.c sse/*.c cron/*.c ctl/*.c)
	# shellcheck disable=SC2016  # for the other shell
	printf '%s\0' "${programs[@]}" | xargs -0 -n 1 -P "$(nproc)" \
	    sh -c 'for file; do :; done; exec clang-tidy --quiet "$file" -- "$@" 2>/dev/null' sh "${flags[@]}"
}

# Of what the C library has in one for all threads, nothing is used. (strerror() is safe with glibc's.)
no_shared_state() {
	! grep -nE '\b(strtok|localtime|gmtime|ctime|asctime|rand|srand|setenv|putenv|getpwnam|getpwuid|gethostbyname|inet_ntoa|ttyname|tmpnam|mktemp|system)\(' \
	    lib/*.[ch] cgi-bin/*.[ch] sse/*.[ch] cron/*.c ctl/*.[ch]
}

judge 'the sources and the warnings of the build are known' some_warnings
judge 'clang has nothing to say of any source (-Werror)' with_clang
judge 'cppcheck has nothing to say of the programs' with_cppcheck
judge 'clang-tidy has nothing to say of the programs' with_clang_tidy
judge 'the programs call nothing that threads must not share' no_shared_state
((failures == 0))
