#!/bin/bash
# Replays the seeds of every fuzz target on a build that has them (make fuzz-targets). Speaks
# TAP: what goes wrong ends its target, and is told behind the seed's name.
#
#     tests/fuzz/replay.sh BUILD_DIR
set -u
export LC_ALL=C.UTF-8
export LSAN_OPTIONS=print_suppressions=0
tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P) || exit 1
build=$(cd "${1:-build}" && pwd -P) || exit 1
failures=0

for source in "$tree"/tests/fuzz/fuzz_*.c; do
	name=${source##*/fuzz_}
	name=${name%.c}
	if ! "$build/tests/fuzz/fuzz_$name" "$tree/tests/fuzz/seeds/$name" 2>&1; then
		printf 'not ok - the target %s takes all of its seeds\n' "$name"
		failures=$((failures + 1))
	fi
done
for seeds in "$tree"/tests/fuzz/seeds/*/; do
	name=$(basename "$seeds")
	if [[ ! -f $tree/tests/fuzz/fuzz_$name.c ]]; then
		printf 'not ok - the seeds %s have a target\n' "$name"
		failures=$((failures + 1))
	fi
done
((failures == 0))
