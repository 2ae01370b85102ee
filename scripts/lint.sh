#!/bin/sh
# SPDX-License-Identifier: MIT
# Everything that reads the sources and runs none of them.
set -eu
cd "$(dirname "$0")/.."
failed=0
say() { printf '%s\n' "lint: $*"; }

scripts/check-layers.py || failed=1
scripts/check-defaults.py || failed=1

say "format"
git ls-files '*.[ch]' | xargs clang-format --dry-run --Werror 2>&1 | head -n 40 >/tmp/plug-lint.$$ || true
if [ -s /tmp/plug-lint.$$ ]; then
    cat /tmp/plug-lint.$$
    failed=1
fi
rm -f /tmp/plug-lint.$$

say "spelling"
git ls-files '*.[ch]' '*.md' '*.py' '*.sh' '*.txt' | grep -v '^fuzz/corpus' |
    xargs codespell -L 'ans,ba,fo,fro,frok,hel,inout,intervall,nin,recrods,te,twoo' || failed=1

say "public headers alone, as C11 and C++17"
[ -e build-dev/include/plug/version.h ] || cmake --preset dev -G Ninja >/dev/null
for header in include/plug/*.h; do
    gcc -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -Iinclude -Ibuild-dev/include -x c "$header" || failed=1
    g++ -std=c++17 -Wall -Wextra -Werror -fsyntax-only -Iinclude -Ibuild-dev/include -x c++ "$header" || failed=1
done

say "clang-tidy"
cmake --preset dev >/dev/null
git ls-files 'src/*.c' | grep -v '^src/os/win/' | xargs -P "$(nproc)" -n 8 \
    clang-tidy -p build-dev --quiet --warnings-as-errors='*' 2>/dev/null || failed=1

[ $failed = 0 ] && say "clean"
exit $failed
