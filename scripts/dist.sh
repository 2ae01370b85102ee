#!/bin/sh
# SPDX-License-Identifier: MIT
# dist.sh: fills dist/ with the sources, Debian packages and a static command, and tries each of them.
# It publishes nothing and installs nothing on this machine.
set -eu
cd "$(dirname "$0")/.."
say() { printf '%s\n' "dist: $*"; }
quietly() { "$@" >build-dist.log 2>&1 || { cat build-dist.log; exit 1; }; }
rm -rf dist
mkdir dist
version=$(sed -n 's/^project(plug VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)

say "sources"
if git rev-parse HEAD >/dev/null 2>&1; then
    git archive --prefix="plug-$version/" -o "dist/plug-$version.tar.gz" HEAD
fi

say "Debian packages"
quietly cmake -S . -B build-dist -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
    -DCMAKE_INSTALL_PREFIX=/usr -DPLUG_TESTS=OFF
quietly ninja -C build-dist
packaging/deb.sh build-dist dist
# as root lintian only asks whether one is sure
lintian --allow-root --fail-on error,warning dist/*.deb 2>&1 | grep -v 'root privileges' || true
lintian --allow-root --fail-on error,warning dist/*.deb >/dev/null 2>&1

say "what they hold works"
root=$(mktemp -d)
trap 'rm -rf "$root" build-dist.log' EXIT
for deb in dist/*.deb; do
    dpkg-deb -x "$deb" "$root"
done
[ "$("$root/usr/bin/plug" -u text:packed -)" = packed ]
libdir=$root/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
cc examples/tcp_echo_client.c -o "$root/example" "-I$root/usr/include" "-L$libdir" -lplug
LD_LIBRARY_PATH=$libdir "$root/example" 2>&1 | grep -q usage
if command -v man >/dev/null; then
    MANPATH=$root/usr/share/man man -w plug libplug plug_send plug-options >/dev/null
fi

say "static command"
# the kernel's headers, which musl does not bring, behind its own
quietly cmake -S . -B build-static -G Ninja -DCMAKE_BUILD_TYPE=Release -DPLUG_TESTS=OFF \
    -DCMAKE_C_COMPILER=musl-gcc -DCMAKE_EXE_LINKER_FLAGS=-static \
    "-DCMAKE_C_FLAGS=-idirafter /usr/include -idirafter /usr/include/$(gcc -print-multiarch)"
quietly ninja -C build-static plug
cp build-static/plug "dist/plug-$version-$(uname -m)-static"
strip "dist/plug-$version-$(uname -m)-static"
! ldd "dist/plug-$version-$(uname -m)-static" >/dev/null 2>&1
"dist/plug-$version-$(uname -m)-static" tour | tail -n 1

ls -l dist
