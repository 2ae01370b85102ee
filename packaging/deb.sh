#!/bin/sh
# SPDX-License-Identifier: MIT
# deb.sh BUILD OUT: three Debian packages (plug, libplugX.Y, libplug-dev) of a build that was configured for
# /usr. What is Debian's own about them is here; the files are those that the build installs.
set -eu
build=$1
out=$2
version=$(sed -n 's/^CMAKE_PROJECT_VERSION:STATIC=//p' "$build/CMakeCache.txt")
so=${version%.*}
arch=$(dpkg --print-architecture)
multi=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
maintainer=${DEB_MAINTAINER:-plug developers <plug-developers@users.noreply.github.com>}
: "${SOURCE_DATE_EPOCH:=$(date +%s)}"
export SOURCE_DATE_EPOCH
umask 022

rm -rf "$out/stage"
mkdir -p "$out/stage"
stage=$(cd "$out/stage" && pwd)
DESTDIR=$stage/all cmake --install "$build" >/dev/null
all=$stage/all/usr

# give PACKAGE FOLDER FILE…: moves installed files into a package
give() {
    to=$stage/$1/usr/$2
    shift 2
    mkdir -p "$to"
    mv "$@" "$to/"
}
library=libplug$so
give plug bin "$all/bin/plug"
give plug share/man/man1 "$all"/share/man/man1/plug.1
give plug share/man/man7 "$all"/share/man/man7/*
give plug share/bash-completion/completions "$all"/share/bash-completion/completions/plug
give plug share/zsh/vendor-completions "$all"/share/zsh/site-functions/_plug
give plug share/fish/vendor_completions.d "$all"/share/fish/vendor_completions.d/plug.fish
give "$library" "lib/$multi" "$all/lib/$multi"/libplug.so.*
give libplug-dev "lib/$multi" "$all/lib/$multi"/libplug.so "$all/lib/$multi/libplug.a" \
    "$all/lib/$multi/pkgconfig" "$all/lib/$multi/cmake"
give libplug-dev include "$all/include/plug"
give libplug-dev share/man/man3 "$all"/share/man/man3/*
left=$(find "$stage/all" -type f -o -type l)
[ -z "$left" ] || { echo "deb.sh: no package has: $left" >&2; exit 1; }
rm -r "$stage/all"

strip --strip-all --remove-section=.comment --remove-section=.note "$stage/plug/usr/bin/plug"
strip --strip-unneeded --remove-section=.comment --remove-section=.note \
    "$stage/$library/usr/lib/$multi/libplug.so.$version"
strip --strip-debug --remove-section=.comment --enable-deterministic-archives \
    "$stage/libplug-dev/usr/lib/$multi/libplug.a"

# what the C library must be, as dpkg-shlibdeps finds it
needs() {
    mkdir -p "$stage/debian"
    printf 'Source: plug\n\nPackage: %s\nArchitecture: any\n' "$library" >"$stage/debian/control"
    (cd "$stage" && dpkg-shlibdeps -O -e"$1" 2>/dev/null) | sed -n 's/^shlibs:Depends=//p'
    rm -r "$stage/debian"
}

# close PACKAGE SECTION DEPENDS SHORT LONG: its documents, control files and archive
close() {
    root=$stage/$1
    doc=$root/usr/share/doc/$1
    mkdir -p "$doc" "$root/DEBIAN"
    {
        printf 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n'
        printf 'Upstream-Name: plug\n\nFiles: *\nCopyright: 2026 the plug developers\nLicense: Expat\n'
        sed -n '5,$p' LICENSE | sed 's/^$/./; s/^/ /'
    } >"$doc/copyright"
    {
        printf 'plug (%s) unstable; urgency=medium\n\n  * What is new is in CHANGELOG.md of the sources.\n\n' "$version"
        printf ' -- %s  %s\n' "$maintainer" "$(date -Ru -d "@$SOURCE_DATE_EPOCH")"
    } | gzip -9n >"$doc/changelog.gz"
    find "$root/usr/share/man" -type f -exec gzip -9n {} + 2>/dev/null || true
    {
        printf 'Package: %s\nSource: plug\nVersion: %s\nArchitecture: %s\n' "$1" "$version" "$arch"
        printf 'Maintainer: %s\nSection: %s\nPriority: optional\n' "$maintainer" "$2"
        [ "$1" = plug ] || printf 'Multi-Arch: same\n'
        printf 'Installed-Size: %s\n' "$(du -sk --apparent-size "$root/usr" | cut -f1)"
        [ -z "$3" ] || printf 'Depends: %s\n' "$3"
        printf 'Description: %s\n%s\n' "$4" "$5"
    } >"$root/DEBIAN/control"
    (cd "$root" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
    find "$root" -exec touch -hd "@$SOURCE_DATE_EPOCH" {} +
    dpkg-deb --root-owner-group -Zxz --build "$root" "$out/${1}_${version}_$arch.deb" >/dev/null
    echo "$out/${1}_${version}_$arch.deb"
}

mkdir -p "$stage/$library/DEBIAN"
echo "libplug $so $library (>= $version)" >"$stage/$library/DEBIAN/shlibs"
echo "activate-noawait ldconfig" >"$stage/$library/DEBIAN/triggers"
{
    echo "libplug.so.$so $library #MINVER#"
    sed "s/.*/ &@Base $version/" packaging/libplug.symbols
} >"$stage/$library/DEBIAN/symbols"

close plug net "$(needs plug/usr/bin/plug)" "join any two of sockets, files, programs and terminals" \
" plug opens every kind of socket, and every other thing that is read and
 written through a descriptor, by an address, and joins any two: TCP, UDP and
 Unix sockets, files, pipes, terminals, programs, in socat's form or as URLs.
 One process serves every connection; records stay records."
close "$library" libs "$(needs "$library/usr/lib/$multi/libplug.so.$version")" \
    "every kind of endpoint by the calls of BSD sockets" \
" libplug opens endpoints by an address and gives them the calls of BSD
 sockets, with deadlines, on a thread of their own or on a loop.
 .
 This package holds the shared library."
close libplug-dev libdevel "$library (= $version)" \
    "every kind of endpoint by the calls of BSD sockets - development files" \
" libplug opens endpoints by an address and gives them the calls of BSD
 sockets, with deadlines, on a thread of their own or on a loop.
 .
 This package holds headers, the static library, pkg-config and CMake files
 and the manual of the calls."
rm -r "$out/stage"
