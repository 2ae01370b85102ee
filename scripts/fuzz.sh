#!/bin/sh
# SPDX-License-Identifier: MIT
# Each corpus as a test, then FUZZ_SECONDS (180) shared out over the targets.
# FUZZ_FIRST names targets that get their share first and doubled (those that a change touched).
set -eu
cd "$(dirname "$0")/.."
if [ -e build-fuzz/build.ninja ]; then
    cmake --preset fuzz >/dev/null
else
    cmake --preset fuzz -G Ninja >/dev/null
fi
ninja -C build-fuzz | tail -n 1
python3 -B fuzz/words.py build-fuzz/plug >build-fuzz/address.dict
targets=$(cd build-fuzz/fuzz && ls -d fuzz_* 2>/dev/null | grep -v '\.' || true)
[ -n "$targets" ] || { echo "fuzz: no targets" >&2; exit 1; }
shares=0
for t in $targets; do
    case " ${FUZZ_FIRST:-} " in *" $t "*) shares=$((shares + 2)) ;; *) shares=$((shares + 1)) ;; esac
done
seconds=$((${FUZZ_SECONDS:-180} / shares))
artifacts=build-fuzz/artifacts
mkdir -p $artifacts
passed=0 failed=0
fuzz_one() { # target seconds
    corpus=fuzz/corpus/${1#fuzz_} dict=build-fuzz/${1#fuzz_}.dict
    work=$(mktemp -d)
    [ -e "$dict" ] && dict=-dict=$dict || dict=-verbosity=1
    if build-fuzz/fuzz/"$1" -runs=0 "$corpus" >"$work/log" 2>&1 &&
        build-fuzz/fuzz/"$1" -max_total_time="$2" -rss_limit_mb=4096 -timeout=20 -artifact_prefix=$artifacts/ \
            "$dict" "$work" "$corpus" >>"$work/log" 2>&1; then
        echo "fuzz: $1: $(ls "$corpus" | wc -l) seeds, $2 s, $(grep -oE 'Done [0-9]+ runs' "$work/log" | tail -n 1)"
        passed=$((passed + 1))
    else
        echo "fuzz: $1 FAILED"
        tail -n 40 "$work/log"
        failed=$((failed + 1))
    fi
    rm -rf "$work"
}
for t in ${FUZZ_FIRST:-}; do fuzz_one "$t" $((seconds * 2)); done
for t in $targets; do
    case " ${FUZZ_FIRST:-} " in *" $t "*) ;; *) fuzz_one "$t" "$seconds" ;; esac
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
