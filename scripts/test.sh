#!/bin/sh
# SPDX-License-Identifier: MIT
# test.sh BUILD…: builds and runs the tests of the builds named, then one summary with every skip.
#   release: budgets (label budget); asan, tsan: all else; interop: label interop on the asan build
set -eu
cd "$(dirname "$0")/.."
jobs=$(nproc)
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

make_build() { # preset folder
    if [ -e "$2/build.ninja" ]; then
        cmake --preset "$1" >/dev/null
    else
        cmake --preset "$1" -G Ninja >/dev/null
    fi
    ninja -C "$2" | tail -n 1
}

failed=0
run() { # name folder ctest arguments…
    name=$1 folder=$2
    shift 2
    (cd "$folder" && ctest --output-on-failure -j "$jobs" --no-tests=ignore "$@") >"$logs/$name" 2>&1 || failed=1
    grep -vE '^ *[0-9]+/[0-9]+ Test +#|^ *Start ' "$logs/$name" || true
    grep -E 'Skipped|\*\*\*|SKIPPED' "$logs/$name" >"$logs/$name.marks" || true
}

for what; do
    case $what in
    release) make_build release build; run release build -L budget ;;
    asan) make_build asan build-asan; run asan build-asan -LE 'budget|interop' ;;
    tsan) make_build tsan build-tsan; run tsan build-tsan -L 'unit|contract' ;;
    interop) make_build asan build-asan; run interop build-asan -L interop ;;
    *) echo "test.sh: no build '$what'" >&2; exit 2 ;;
    esac
done
scripts/skips.py "$logs" || failed=1
exit $failed
