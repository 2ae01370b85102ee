#!/bin/sh
# SPDX-License-Identifier: MIT
# Line coverage of src/core and src/relay from every test; fails below 90 %.
set -eu
cd "$(dirname "$0")/.."
if [ -e build-coverage/build.ninja ]; then
    cmake --preset coverage >/dev/null
else
    cmake --preset coverage -G Ninja >/dev/null
fi
ninja -C build-coverage | tail -n 1
find build-coverage -name '*.gcda' -delete
(cd build-coverage && ctest -j "$(nproc)" -LE 'budget|interop|install' >ctest.log 2>&1) || {
    tail -n 20 build-coverage/ctest.log
    exit 1
}
scripts/coverage.py build-coverage core=90 relay=90
