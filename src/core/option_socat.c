/* SPDX-License-Identifier: MIT
 *
 * The names of options and kinds that socat knows, so that one that plug lacks is refused by name
 * instead of being called a mistake. It says nothing of what they do.
 */
#include "core/plan.h"

/* By first letter; the last row holds what begins otherwise. */
static const char *const socat_options[26 + 1] = {
    ['a' - 'a'] =
        "accept-timeout acceptconn add-membership addrconfig ai-addrconfig ai-all ai-passive "
        "ai-v4mapped allmulti allow-table append async attach-filter attachfilter authhdr "
        "automedia",
    ['b' - 'a'] =
        "b0 b1000000 b110 b115200 b1152000 b1200 b134 b150 b1500000 b1800 b19200 b200 "
        "b2000000 b230400 b2400 b2500000 b300 b3000000 b3500000 b38400 b4000000 b460800 b4800 "
        "b50 b500000 b57600 b576000 b600 b75 b921600 b9600 backlog bind bind-tempname "
        "bindtodevice brkint broadcast bs0 bs1 bsdcompat bsdly bytes",
    ['c' - 'a'] =
        "cafile capath ccid cd cert certificate cfmakeraw chdir children-shutup chroot "
        "chroot-early cipher cipherlist ciphers clocal cloexec close cn commonname compr "
        "compress connect-timeout cool-write coolwrite cork cr cr0 cr1 cr2 cr3 crdly cread "
        "creat create crlf crnl crterase crtkill crtscts cs5 cs6 cs7 cs8 csize cstopb ctlecho "
        "ctty",
    ['d' - 'a'] =
        "dash dccp-set-ccid debug defer-accept defnames delete deny-table detach-filter "
        "detachfilter dh dhparam dhparams direct directory dirsync discard dnsrch dontroute "
        "dstopts dsync",
    ['e' - 'a'] = "echo echoctl echoe echok echoke echonl echoprt egd end-close eof eol eol2 erase "
                  "error escape excl ext2-append ext2-compr ext2-dirsync ext2-immutable "
                  "ext2-journal-data ext2-noatime ext2-nodump ext2-notail ext2-secrm ext2-sync "
                  "ext2-topdir ext2-unrm ext3-append ext3-compr ext3-dirsync ext3-immutable "
                  "ext3-journal-data ext3-noatime ext3-nodump ext3-notail ext3-secrm ext3-sync "
                  "ext3-topdir ext3-unrm",
    ['f' - 'a'] =
        "f-setlk f-setlk-rd f-setlk-wr f-setlkw f-setlkw-rd f-setlkw-wr f-setpipe-sz fdin "
        "fdout ff0 ff1 ffdly fiosetown flock flock-ex flock-ex-nb flock-nb flock-sh "
        "flock-sh-nb flusho forever fork freebind fs-append fs-compr fs-dirsync fs-immutable "
        "fs-journal-data fs-noatime fs-nodump fs-notail fs-secrm fs-sync fs-topdir fs-unrm "
        "ftruncate ftruncate32 ftruncate64",
    ['g' - 'a'] = "gid gid-e gid-l group group-early group-late",
    ['h' - 'a'] =
        "hdrincl history history-file hoplimit hopopts hosts-allow hosts-deny http-version "
        "hup hupcl",
    ['i' - 'a'] =
        "icanon icrnl iexten if iff-allmulti iff-automedia iff-broadcast iff-debug "
        "iff-loopback iff-master iff-multicast iff-no-pi iff-noarp iff-notrailers "
        "iff-pointopoint iff-portsel iff-promisc iff-running iff-slave iff-up ignbrk igncr "
        "ignorecr ignoreeof ignoreof ignpar igntc imaxbel immutable info inlcr inpck "
        "interface interval intervall intr ioctl ioctl-bin ioctl-int ioctl-intp ioctl-string "
        "ioctl-void ip-add-membership ip-add-source-membership ip-bind-address-no-port "
        "ip-freebind ip-hdrincl ip-membership ip-mtu ip-mtu-discover ip-multicast-all "
        "ip-multicast-if ip-multicast-loop ip-multicast-ttl ip-options ip-pktinfo "
        "ip-pktoptions ip-recverr ip-recvopts ip-recvtos ip-recvttl ip-retopts "
        "ip-router-alert ip-tos ip-transparent ip-ttl ipfreebind iphdrincl ipmtu "
        "ipmtudiscover ipmulticastloop ipmulticastttl ipoptions ippktinfo ippktoptions "
        "iprecverr iprecvopts iprecvtos iprecvttl ipretopts iprouteralert iptos ipttl "
        "ipv6-add-membership ipv6-add-membership-source ipv6-authhdr ipv6-dstopts "
        "ipv6-hoplimit ipv6-hopopts ipv6-join-group ipv6-join-source-group ipv6-pktinfo "
        "ipv6-recvdstopts ipv6-recverr ipv6-recvhoplimit ipv6-recvhopopts ipv6-recvpathmtu "
        "ipv6-recvpktinfo ipv6-recvrthdr ipv6-recvtclass ipv6-rthdr ipv6-tclass "
        "ipv6-unicast-hops ipv6-v6only ipv6only isig ispeed istrip iuclc ixany ixoff ixon",
    ['j' - 'a'] = "join-group join-source-group journal journal-data",
    ['k' - 'a'] = "keepalive keepcnt keepidle keepintvl key kill",
    ['l' - 'a'] =
        "largefile libwrap linger linger2 link listen-timeout lnext lock lockfile lockw login "
        "loopback lowport lseek lseek32 lseek32-cur lseek32-end lseek32-set lseek64 "
        "lseek64-cur lseek64-end lseek64-set",
    ['m' - 'a'] =
        "master max-children max-version maxchildren maxfraglen maxseg maxseg-late "
        "maxsendfrag membership min min-version mode mq-flush mq-maxmsg mq-msgsize mq-prio "
        "mss mss-late mtu mtudiscover multicast multicast-if multicast-loop multicast-ttl "
        "multicastloop multicastttl",
    ['n' - 'a'] =
        "ndelay netns new nl0 nl1 nldly no-check no-pi no-sni noarp noatime nocheck noctty "
        "nodelay nodump noecho noflsh nofollow nofork nonblock noprompt nosni notrailers "
        "nsaddr",
    ['o' - 'a'] =
        "o-append o-async o-creat o-create o-direct o-directory o-dsync o-excl o-largefile "
        "o-ndelay o-noatime o-noctty o-nofollow o-nonblock o-rdonly o-rdwr o-rsync o-sync "
        "o-trunc o-wronly o_create o_direct o_directory o_dsync o_excl o_largefile o_ndelay "
        "o_noctty o_nofollow o_rdonly o_rdwr o_rsync o_sync o_wronly ocrnl ofdel ofill olcuc "
        "onlcr onlret onocr oobinline openpty openssl-cafile openssl-capath "
        "openssl-certificate openssl-cipherlist openssl-commonname openssl-compress "
        "openssl-dhparam openssl-dhparams openssl-egd openssl-key openssl-max-proto-version "
        "openssl-maxfraglen openssl-maxsendfrag openssl-min-proto-version openssl-no-sni "
        "openssl-pseudo openssl-snihost openssl-verify opost ospeed owner",
    ['p' - 'a'] =
        "parenb parmrk parodd passcred passive path peercred pendin perm perm-early perm-late "
        "pf pgid pipes pipesz pktinfo pktoptions pktopts pointopoint portsel posixmq-priority "
        "priority promisc prompt protocol protocol-family prototype proxy-auth "
        "proxy-authorization proxy-authorization-file proxy-resolve proxyauth proxyauthfile "
        "proxyport prterase pseudo ptmx pty pty-interval pty-intervall pty-wait-slave",
    ['q' - 'a'] = "quickack quit",
    ['r' - 'a'] =
        "range raw rawer rcvbuf rcvbuf-late rcvlowat rdonly rdwr readbytes recurse "
        "recvdstopts recverr recvhoplimit recvhopopts recvopts recvpktinfo recvrthdr recvtos "
        "recvttl remove reprint res-debug res-defnames res-dnsrch res-igntc res-nsaddr "
        "res-recurse res-stayopen res-usevc resolv resolve retopts retrieve-vlan retry "
        "retry-on reuseaddr reuseport routeralert rprnt rsync rthdr running",
    ['s' - 'a'] =
        "sane secrm security-authentication security-encryption-network "
        "security-encryption-transport securityauthentication securityencryptionnetwork "
        "securityencryptiontransport seek seek-cur seek-end seek-set setgid setgid-early "
        "setlk setlk-rd setlk-wr setlkw setlkw-rd setlkw-wr setpgid setsid setsockopt "
        "setsockopt-bin setsockopt-connected setsockopt-int setsockopt-listen "
        "setsockopt-socket setsockopt-string setuid setuid-early shell shut-close shut-down "
        "shut-none shut-null sid sighup sigint sigquit siocspgrp sitout-eio slave sndbuf "
        "sndbuf-late sndlowat snihost so-acceptconn so-attach-filter so-bindtodevice "
        "so-broadcast so-bsdcompat so-debug so-detach-filter so-dontroute so-error "
        "so-keepalive so-linger so-no-check so-oobinline so-passcred so-peercred so-priority "
        "so-protocol so-prototype so-rcvbuf so-rcvbuf-late so-rcvlowat so-reuseaddr "
        "so-reuseport so-security-authentication so-security-encryption-network "
        "so-security-encryption-transport so-sndbuf so-sndbuf-late so-sndlowat so-timestamp "
        "so-txtime so-type sockopt sockopt-bin sockopt-int sockopt-listen sockopt-string "
        "socks5user sockspass socksport socksuser socktype source-membership sourceport sp "
        "start stayopen stderr stop su su-d su-e substuser substuser-delayed substuser-early "
        "susp swtc swtch symbolic-link sync syncnt",
    ['t' - 'a'] =
        "tab0 tab1 tab2 tab3 tabdly tandem tcp-cork tcp-defer-accept tcp-info tcp-keepcnt "
        "tcp-keepidle tcp-keepintvl tcp-linger2 tcp-maxseg tcp-maxseg-late tcp-md5sig "
        "tcp-nodelay tcp-quickack tcp-syncnt tcp-window-clamp tcpwrap tcpwrap-dir tcpwrap-etc "
        "tcpwrap-hosts-allow-table tcpwrap-hosts-deny-table tcpwrapper tcpwrappers "
        "termios-cfmakeraw termios-rawer tightsocklen time timestamp tiocsctty topdir tos "
        "tostop transparent trunc truncate ttl tun-device tun-name tun-no-pi tun-type type",
    ['u' - 'a'] = "udplite-rcov udplite-recv-cscov udplite-scov udplite-send-cscov uid uid-e uid-l "
                  "umask unicast-hops unix-bind-tempname unix-tightsocklen unlink unlink-close "
                  "unlink-early unlink-late unrm up user user-early user-late usevc",
    ['v' - 'a'] =
        "v4mapped v6only vdiscard veof veol veol2 verase verify vintr vkill vlnext vmin vquit "
        "vreprint vstart vstop vsusp vswtc vt0 vt1 vtdly vtime vwerase",
    ['w' - 'a'] = "wait-slave waitlock waitslave werase window-clamp wrap wronly",
    ['x' - 'a'] = "xcase xtabs",
};

/* What will not come, and why. */
static const struct {
    const char *names, *why;
} socat_never[] = {
    {"acceptconn so-acceptconn error so-error peercred so-peercred tcp-info info",
     "the system tells it and takes no value for it"},
    {"bsdcompat so-bsdcompat", "the kernel has not looked at it for twenty years"},
    {"security-authentication security-encryption-network security-encryption-transport "
     "securityauthentication securityencryptionnetwork securityencryptiontransport "
     "so-security-authentication so-security-encryption-network so-security-encryption-transport",
     "no system has it"},
    {"attach-filter attachfilter so-attach-filter detach-filter detachfilter so-detach-filter",
     "a filter is a program, not a value; nft and range= keep peers out"},
    {"ip-pktoptions ippktoptions pktoptions pktopts ipv6-pktinfo",
     "what comes with a datagram is asked for by ip-pktinfo, ip-recvttl and their like"},
    {"res-debug", "the library prints nothing; dig +trace shows what name servers say"},
    {"async o-async fiosetown siocspgrp", "plug waits in one place and takes no signals for data"},
    {"direct o-direct o_direct",
     "O_DIRECT wants aligned pieces, which a stream does not have; sync waits for the disk"},
    {"compress compr openssl-compress",
     "what is compressed before it is encrypted gives itself away"},
    {"egd openssl-egd pseudo openssl-pseudo", "every system has random numbers of its own"},
    {"directory o-directory o_directory", "a directory can be neither read nor written as bytes"},
};

static const char *const socat_kinds[26 + 1] = {
    ['a' - 'a'] = "abstract abstract-client abstract-connect abstract-listen abstract-recv "
                  "abstract-recvfrom abstract-sendto accept accept-fd",
    ['c' - 'a'] = "creat create",
    ['d' - 'a'] =
        "datagram dccp dccp-connect dccp-l dccp-listen dccp4 dccp4-listen dccp6 dccp6-listen "
        "dgram dtls dtls-c dtls-client dtls-connect dtls-l dtls-listen dtls-server",
    ['e' - 'a'] = "echo exec",
    ['f' - 'a'] = "fd fifo file",
    ['g' - 'a'] = "gopen",
    ['i' - 'a'] =
        "if inet inet-l inet-listen inet4 inet4-l inet4-listen inet6 inet6-l inet6-listen "
        "interface ip ip-datagram ip-dgram ip-recv ip-recvfrom ip-send ip-sendto ip4 "
        "ip4-datagram ip4-dgram ip4-recv ip4-recvfrom ip4-send ip4-sendto ip6 ip6-datagram "
        "ip6-dgram ip6-recv ip6-recvfrom ip6-send ip6-sendto",
    ['l' - 'a'] = "local",
    ['o' - 'a'] = "open openssl openssl-connect openssl-dtls-client openssl-dtls-connect "
                  "openssl-dtls-listen openssl-dtls-server openssl-listen",
    ['p' - 'a'] = "pipe posixmq posixmq-bi posixmq-bidirectional posixmq-read posixmq-receive "
                  "posixmq-recv posixmq-send posixmq-write proxy proxy-connect pty",
    ['r' - 'a'] = "readline",
    ['s' - 'a'] =
        "sctp sctp-connect sctp-l sctp-listen sctp4 sctp4-connect sctp4-l sctp4-listen sctp6 "
        "sctp6-connect sctp6-l sctp6-listen sendto shell socket-connect socket-datagram "
        "socket-listen socket-recv socket-recvfrom socket-sendto socketpair socks socks4 "
        "socks4a socks5 socks5-bind socks5-connect socks5-listen ssl ssl-l stall stderr stdin "
        "stdio stdout system",
    ['t' - 'a'] = "tcp tcp-connect tcp-l tcp-listen tcp4 tcp4-connect tcp4-l tcp4-listen tcp6 "
                  "tcp6-connect tcp6-l tcp6-listen text tun",
    ['u' - 'a'] =
        "udp udp-connect udp-datagram udp-dgram udp-l udp-listen udp-recv udp-recvfrom "
        "udp-send udp-sendto udp4 udp4-connect udp4-datagram udp4-dgram udp4-l udp4-listen "
        "udp4-recv udp4-recvfrom udp4-send udp4-sendto udp6 udp6-connect udp6-datagram "
        "udp6-dgram udp6-l udp6-listen udp6-recv udp6-recvfrom udp6-send udp6-sendto udplite "
        "udplite-connect udplite-datagram udplite-listen udplite-recv udplite-recvfrom "
        "udplite-sendto unix unix-client unix-connect unix-l unix-listen unix-recv "
        "unix-recvfrom unix-send unix-sendto",
    ['v' - 'a'] = "vsock vsock-connect vsock-l vsock-listen",
};

static int socat_word(const char *const table[], const char *name, size_t len)
{
    char c = len ? name[0] : '\0';

    if (!len)
        return 0;
    if (c >= 'A' && c <= 'Z')
        c = (char)(c - 'A' + 'a');
    return plug__word_in(table[c >= 'a' && c <= 'z' ? c - 'a' : 26], name, len);
}

int plug__socat_option(const char *name, size_t len)
{
    return socat_word(socat_options, name, len);
}

const char *plug__socat_why_not(const char *name, size_t len)
{
    for (size_t i = 0; i < PLUG__COUNT(socat_never); i++) {
        if (plug__word_in(socat_never[i].names, name, len))
            return socat_never[i].why;
    }
    return NULL;
}

int plug__socat_kind(const char *name, size_t len)
{
    return socat_word(socat_kinds, name, len);
}
