#!/bin/sh
# SPDX-License-Identifier: MIT
# deps.sh GROUP…: installs what is missing of a group's programs and headers, and nothing when all is there.
# Starts no service: packages that hold daemons are installed with starting forbidden, and not enabled at boot.
# Removes nothing: where another mail server is installed postfix is left out.
set -eu

# what it is found by, and the package that brings it
build='gcc:gcc cmake:cmake ninja:ninja-build /usr/include/stdio.h:libc6-dev
 /usr/bin/python3:python3'
test='/usr/include/cmocka.h:libcmocka-dev curl:curl socat:socat ncat:ncat openssl:openssl
 /usr/bin/python3:python3 /usr/lib/python3/dist-packages/pytest:python3-pytest dig:bind9-dnsutils
 dnsmasq:dnsmasq-base nft:nftables ip:iproute2 strace:strace unshare:util-linux
 pkg-config:pkgconf mandoc:mandoc dash:dash'
interop='nginx:nginx-light vsftpd:vsftpd dovecot:dovecot-core /usr/lib/dovecot/pop3:dovecot-pop3d
 postfix:postfix curl:curl ip:iproute2 setpriv:util-linux'
bench='socat:socat haproxy:haproxy nginx:nginx-light
 /usr/lib/nginx/modules/ngx_stream_module.so:libnginx-mod-stream unshare:util-linux ip:iproute2
 /usr/bin/python3:python3'
fuzz='clang:clang llvm-symbolizer:llvm'
cov='gcov:gcc'
lint='clang-format:clang-format clang-tidy:clang-tidy codespell:codespell g++:g++
 /usr/bin/python3:python3'
dist='dpkg-shlibdeps:dpkg-dev lintian:lintian musl-gcc:musl-tools'
mingw='x86_64-w64-mingw32-gcc-posix:gcc-mingw-w64-x86-64-posix
 /usr/x86_64-w64-mingw32/include/winsock2.h:mingw-w64-x86-64-dev'

present() {
    case $1 in
    /*) [ -e "$1" ] ;;
    *) PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null 2>&1 ;;
    esac
}

missing=
for group; do
    case $group in
    build | test | interop | bench | dist | fuzz | cov | lint | mingw) eval "pairs=\$$group" ;;
    *) echo "deps.sh: no group '$group'" >&2; exit 2 ;;
    esac
    for pair in $pairs; do
        present "${pair%%:*}" && continue
        if [ "$pair" = postfix:postfix ] && present sendmail; then
            echo "plug: another mail server is installed: postfix is left out" >&2
            continue
        fi
        missing="$missing ${pair##*:}"
    done
    if [ "$group" = fuzz ] && present clang; then
        ls /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-x86_64.a >/dev/null 2>&1 ||
            missing="$missing libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
    elif [ "$group" = fuzz ]; then
        missing="$missing libclang-rt-14-dev"
    fi
done
[ -n "$missing" ] || exit 0

echo "plug: installing$missing" >&2
case " $* " in
*" interop "* | *" bench "*) # daemons: a person is asked first
    if [ -t 0 ] && [ -t 2 ] && [ -z "${CI:-}" ]; then
        printf 'These hold servers; they are installed without being started. Go on? [y/N] ' >&2
        read -r answer
        case $answer in y* | Y*) ;; *) exit 1 ;; esac
    fi
    ;;
esac
if ! command -v apt-get >/dev/null 2>&1; then
    echo "plug: this is not Debian: please install them by hand (the names are Debian's)" >&2
    exit 1
fi
sudo=
if [ "$(id -u)" != 0 ]; then
    sudo=sudo
fi
apt() { $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=400 "$@" >/dev/null; }
# no daemon of a package is started on the user's machine
policy=/usr/sbin/policy-rc.d
made=
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
    $sudo chmod 755 $policy
    made=1
fi
trap '[ -z "$made" ] || $sudo rm -f $policy' EXIT
# shellcheck disable=SC2086
apt install -y --no-install-recommends --no-remove $missing 2>/dev/null || {
    apt update
    apt install -y --no-install-recommends --no-remove $missing
}
# what was not a service of this machine before does not become one at the next boot
command -v systemctl >/dev/null 2>&1 || exit 0
for unit in nginx vsftpd dovecot postfix haproxy; do
    case "$missing " in
    *" $unit "* | *" $unit-light "* | *" $unit-core "*)
        $sudo systemctl --quiet disable "$unit.service" 2>/dev/null || true
        ;;
    esac
done
