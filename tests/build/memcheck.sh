#!/bin/bash
# The unit tests under valgrind: an error in one, or in a process it makes, and a block that
# nothing points to any more fail it. Speaks TAP.
#
#     tests/build/memcheck.sh [BUILD_DIR]
set -u
export LC_ALL=C.UTF-8
tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P) || exit 1
build=$(cd "${1:-build}" && pwd -P) || exit 1
logs=$(mktemp -d) || exit 1
trap 'rm -rf "$logs"' EXIT
failures=0
options=(-q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite
    --show-leak-kinds=definite --num-callers=20 --suppressions="$tree/tests/build/valgrind.supp")

# What test_publish tries is that a slow Redis costs little time: ten times slower it loses messages, as it should.
# lib/publish.c is under valgrind in the workers (./check valgrind).
mapfile -t programs < <(find "$build/tests/unit" -maxdepth 1 -type f -executable -name 'test_*' ! -name test_publish | sort)
printf 'ok - valgrind has nothing to say of test_publish # SKIP it is about milliseconds; see ./check valgrind\n'
# shellcheck disable=SC2016  # for the other shell
printf '%s\0' "${programs[@]}" | (cd "$build" && xargs -0 -n 1 -P "$(nproc)" sh -c '
	logs=$1 && shift
	for program; do :; done
	name=$logs/${program##*/}
	timeout -k 5 180 valgrind --log-file="$name.valgrind" "$@" >"$name.out" 2>&1 && : >"$name.passed"' sh "$logs" "${options[@]}") 2>/dev/null

for program in "${programs[@]}"; do
	name=${program##*/}
	if [[ -e $logs/$name.passed && ! -s $logs/$name.valgrind ]]; then
		printf 'ok - valgrind has nothing to say of %s\n' "$name"
	else
		printf 'not ok - valgrind has nothing to say of %s\n' "$name"
		head -n 60 "$logs/$name.valgrind"
		[[ -e $logs/$name.passed ]] || tail -n 30 "$logs/$name.out"
		failures=$((failures + 1))
	fi
done
((${#programs[@]} > 20 && failures == 0))
