#!/bin/bash
# Whether the programs of a build were made with everything that makes a memory error harder
# to use: read from the binaries themselves, so that a lost flag is noticed. Speaks TAP.
#
#     tests/build/hardening.sh [BUILD_DIR]
set -u
export LC_ALL=C
build=$(cd "${1:-build}" && pwd -P) || exit 1
programs=(lastpair-api lastpair-sse lastpair-expire lastpair-webhooks lastpairctl)
count=0 failures=0

result() { # 'ok' OR 'not ok', NAME
	count=$((count + 1))
	[[ $1 == ok ]] || failures=$((failures + 1))
	printf '%s %d - %s\n' "$1" "$count" "$2"
}

# What readelf prints must have a line that matches.
has() { # NAME PATTERN READELF-OPTION...
	local name=$1 pattern=$2
	shift 2
	if readelf "$@" "$build/$program" 2>/dev/null | grep -Eq -e "$pattern"; then
		result ok "$program $name"
	else
		result 'not ok' "$program $name"
	fi
}

# What a processor with control-flow enforcement (CET) goes by. That jumps are to be watched is
# for a whole program to say, with the C library's own start-up code, which Debian 12 builds
# without; so it is looked for in our code alone.
control_flow() {
	has 'agrees to a shadow stack (SHSTK)' 'x86 feature:.*\bSHSTK\b' -nW
	if objdump -d --no-show-raw-insn --disassemble=main "$build/$program" |
	    grep -A 1 '<main>:' | grep -q endbr64; then
		result ok "$program marks where jumps may go (IBT)"
	else
		result 'not ok' "$program marks where jumps may go (IBT)"
	fi
}

for program in "${programs[@]}"; do
	has 'can be loaded anywhere (PIE)' 'FLAGS_1.*\bPIE\b' -dW
	has 'has its relocations read-only (RELRO)' 'GNU_RELRO' -lW
	has 'has them all resolved at its start (BIND_NOW)' '\(FLAGS(_1)?\).*\b(BIND_)?NOW\b' -dW
	has 'has a stack that is not executable' 'GNU_STACK .* RW +0x' -lW
	has 'looks for overrun stacks' ' __stack_chk_fail@' -sW --dyn-syms
	has 'calls the checked forms of what copies (FORTIFY_SOURCE)' ' __[a-z]+_chk@' -sW --dyn-syms
	if readelf -dW "$build/$program" | grep -Eq '\((RPATH|RUNPATH|TEXTREL)\)'; then
		result 'not ok' "$program loads libraries from where the system has them"
	else
		result ok "$program loads libraries from where the system has them"
	fi
	[[ $(uname -m) != x86_64 ]] || control_flow
	if grep -qi failpoint "$build/$program"; then
		result 'not ok' "$program has no fail points in it"
	else
		result ok "$program has no fail points in it"
	fi
done

# This one leaves no mark in the file.
if grep -q '^S\["HARDEN_CFLAGS"\]=.*-fstack-clash-protection' "$build/config.status"; then
	result ok 'large stack frames touch each page (stack clash protection)'
else
	result 'not ok' 'large stack frames touch each page (stack clash protection)'
fi
printf '1..%d\n' "$count"
((failures == 0))
