/* SPDX-License-Identifier: MIT
 *
 * The option tables of kernel sockets, and setting them at their phase. Options that steer how a
 * base opens are in its conf; this file does not look at those.
 */
#include "socket/common.h"

#include "core/resolve.h"
#include "util/attr.h"
#include <string.h>

/* A row that is one setsockopt. */
#define ROW(n, a, t, ph, lv, op, v, h)                                                       \
    {                                                                                        \
        .name = (n), .aliases = (a), .type = (t), .phase = (ph), .level = (lv), .opt = (op), \
        .value = (v), .help = (h), .flags = PLUG__LACKING(op)                                \
    }
#define FLAG(n, a, lv, op, h) ROW(n, a, PLUG_OPT_SOCKFLAG, PLUG_PHASE_SOCKET, lv, op, NULL, h)
#define NUMBER(n, a, lv, op, v, h) ROW(n, a, PLUG_OPT_SOCKINT, PLUG_PHASE_SOCKET, lv, op, v, h)
/* A row that is any option by number. */
#define BY_NUMBER(n, a, ph, ck, st, v, h)                                                 \
    {                                                                                     \
        .name = (n), .aliases = (a), .type = PLUG_OPT_SOCKANY, .phase = (ph),             \
        .value = "LEVEL:NAME:" v, .help = (h),                                            \
        .form = "LEVEL:NAME:" v ", the first two as numbers", .check = plug__number_##ck, \
        .set = plug__number_##st                                                          \
    }
/* A row whose value has a form of its own. */
#define FORM(n, a, op, ck, st, v, f, h)                                                          \
    {                                                                                            \
        .name = (n), .aliases = (a), .type = PLUG_OPT_SOCKANY, .level = IPPROTO_IP, .opt = (op), \
        .value = (v), .help = (h), .form = (f), .check = (ck), .set = (st)                       \
    }
/* A row that is a list of peers. */
#define PEERS(n, a, m, h)                                                              \
    {                                                                                  \
        .name = (n), .aliases = (a), .type = PLUG_OPT_STRING, .offset = CONF(m),       \
        .value = "ADDRESS/BITS", .help = (h), .check = plug__socket_check_range,       \
        .form = "addresses and ranges, such as 192.0.2.0/24+[2001:db8::]/32+192.0.2.7" \
    }
#define CONF(m) offsetof(struct plug__socket_conf, m)

const struct plug_option plug__socket_options[] = {
    {.name = "reuseaddr",
     .aliases = "so-reuseaddr",
     .type = PLUG_OPT_FLAG,
     .offset = CONF(reuseaddr),
     .help = "bind to an address that old connections still hold; "
             "on by default for tcp listeners"},
    FLAG("reuseport", "so-reuseport", SOL_SOCKET, SO_REUSEPORT,
         "several sockets share the address"),
    FLAG("keepalive", "so-keepalive", SOL_SOCKET, SO_KEEPALIVE,
         "probe an idle connection; on by default for tcp"),
    ROW("linger", "so-linger", PLUG_OPT_SOCKLINGER, PLUG_PHASE_SOCKET, SOL_SOCKET, SO_LINGER,
        "SECONDS", "SO_LINGER: what the kernel does at close; 0 resets"),
    NUMBER("sndbuf", "so-sndbuf", SOL_SOCKET, SO_SNDBUF, "BYTES", "the kernel's send buffer"),
    NUMBER("rcvbuf", "so-rcvbuf", SOL_SOCKET, SO_RCVBUF, "BYTES", "the kernel's receive buffer"),
    ROW("sndbuf-late", "so-sndbuf-late", PLUG_OPT_SOCKINT, PLUG_PHASE_CONNECTED, SOL_SOCKET,
        SO_SNDBUF, "BYTES", "the same, once there is a connection"),
    ROW("rcvbuf-late", "so-rcvbuf-late", PLUG_OPT_SOCKINT, PLUG_PHASE_CONNECTED, SOL_SOCKET,
        SO_RCVBUF, "BYTES", "the same, once there is a connection"),
    NUMBER("sndbufforce", "so-sndbufforce", SOL_SOCKET, SO_SNDBUFFORCE, "BYTES",
           "send buffer above the system's limit (privileged)"),
    NUMBER("rcvbufforce", "so-rcvbufforce", SOL_SOCKET, SO_RCVBUFFORCE, "BYTES",
           "receive buffer above the system's limit (privileged)"),
    ROW("sndtimeo", "so-sndtimeo", PLUG_OPT_SOCKTIMEVAL, PLUG_PHASE_SOCKET, SOL_SOCKET, SO_SNDTIMEO,
        "SECONDS", "SO_SNDTIMEO; plug itself never blocks in a send"),
    ROW("rcvtimeo", "so-rcvtimeo", PLUG_OPT_SOCKTIMEVAL, PLUG_PHASE_SOCKET, SOL_SOCKET, SO_RCVTIMEO,
        "SECONDS", "SO_RCVTIMEO; plug itself never blocks in a recv"),
    NUMBER("rcvlowat", "so-rcvlowat", SOL_SOCKET, SO_RCVLOWAT, "BYTES",
           "report readable from so many bytes on"),
    FLAG("debug", "so-debug", SOL_SOCKET, SO_DEBUG, "the kernel's own records (privileged)"),
    NUMBER("priority", "so-priority", SOL_SOCKET, SO_PRIORITY, "N", "queueing priority"),
    FLAG("so-timestamp", "timestamp", SOL_SOCKET, SO_TIMESTAMP,
         "datagrams carry the time they came in"),
    FLAG("dontroute", "so-dontroute", SOL_SOCKET, SO_DONTROUTE, "only to hosts on the link"),
    FLAG("oobinline", "so-oobinline", SOL_SOCKET, SO_OOBINLINE,
         "urgent data stands among the other bytes"),
    NUMBER("sndlowat", "so-sndlowat", SOL_SOCKET, SO_SNDLOWAT, "BYTES",
           "report writable from so much room on (Linux refuses it)"),
    FLAG("no-check", "so-no-check nocheck", SOL_SOCKET, SO_NO_CHECK, "udp without checksums"),
    {.name = "so-type",
     .aliases = "type socktype",
     .type = PLUG_OPT_INT,
     .offset = CONF(type),
     .min = 1,
     .max = 10,
     .value = "N",
     .help = "the socket's type: 1 stream, 2 datagram, 5 seqpacket; unix takes all three"},
    {.name = "protocol",
     .aliases = "prototype so-protocol so-prototype",
     .type = PLUG_OPT_INT,
     .offset = CONF(protocol),
     .max = 65535,
     .value = "N",
     .help = "the protocol asked of socket(2); default 0: what belongs to the type"},
    BY_NUMBER(
        "setsockopt", "setsockopt-socket sockopt", PLUG_PHASE_SOCKET, check, set, "VALUE",
        "any option by number; VALUE is a number, data as x0a0b i5 l1 s2 b3 \"text\", or text"),
    BY_NUMBER("setsockopt-int", "sockopt-int", PLUG_PHASE_SOCKET, check_int, set_bin, "INTEGER",
              "the same, a whole number"),
    BY_NUMBER("setsockopt-bin", "sockopt-bin", PLUG_PHASE_SOCKET, check_bin, set_bin, "DATA",
              "the same, data as x0a0b i5 l1 s2 b3 \"text\""),
    BY_NUMBER("setsockopt-string", "sockopt-string", PLUG_PHASE_SOCKET, check, set_string, "TEXT",
              "the same, the text's bytes"),
    BY_NUMBER("setsockopt-listen", "sockopt-listen", PLUG_PHASE_LISTEN, check, set, "VALUE",
              "as setsockopt, once the socket is bound"),
    BY_NUMBER("setsockopt-connected", "sockopt-connected", PLUG_PHASE_CONNECTED, check, set,
              "VALUE", "as setsockopt, on each connection"),
    {.name = NULL},
};

const struct plug_option plug__ip_options[] = {
    {.name = "bind",
     .aliases = "ip-bind",
     .type = PLUG_OPT_STRING,
     .offset = CONF(bind),
     .value = "HOST[:PORT]",
     .help = "the local address"},
    {.name = "sourceport",
     .aliases = "sp",
     .type = PLUG_OPT_INT,
     .offset = CONF(sourceport),
     .min = 1,
     .max = 65535,
     .value = "PORT",
     .help = "a client's own port; a listener hears only peers with that port"},
    {.name = "lowport",
     .type = PLUG_OPT_FLAG,
     .offset = CONF(lowport),
     .help = "the same with any port below 1024"},
    PEERS("range", NULL, range, "hear only peers in these ranges"),
    PEERS("allow", NULL, allow, "the same; several add up"),
    PEERS("deny", NULL, deny, "do not hear peers in these ranges, whatever allows them"),
    {.name = "tcpwrap",
     .aliases = "tcpwrappers tcpwrapper libwrap wrap",
     .type = PLUG_OPT_STRING,
     .offset = CONF(wrap),
     .flags = PLUG_OPT_EMPTY,
     .value = "SERVICE",
     .help = "hear only whom the tables of hosts admit (hosts_access(5)); SERVICE: default plug"},
    {.name = "allow-table",
     .aliases = "hosts-allow tcpwrap-hosts-allow-table",
     .type = PLUG_OPT_STRING,
     .offset = CONF(wrap_allow),
     .value = "FILE",
     .help = "with tcpwrap: whom to hear; default /etc/hosts.allow"},
    {.name = "deny-table",
     .aliases = "hosts-deny tcpwrap-hosts-deny-table",
     .type = PLUG_OPT_STRING,
     .offset = CONF(wrap_deny),
     .value = "FILE",
     .help = "with tcpwrap: whom not; default /etc/hosts.deny"},
    {.name = "tcpwrap-etc",
     .aliases = "tcpwrap-dir",
     .type = PLUG_OPT_STRING,
     .offset = CONF(wrap_dir),
     .value = "DIRECTORY",
     .help = "with tcpwrap: where hosts.allow and hosts.deny are; default /etc"},
    {.name = "pf",
     .aliases = "protocol-family family",
     .type = PLUG_OPT_ENUM,
     .offset = CONF(family),
     .choices = PLUG__FAMILIES,
     .value = "ip4|ip6",
     .help = "use only this address family"},
    {.name = "lookup", .type = PLUG_OPT_GROUP, .group = plug__lookup_options},
    FLAG("broadcast", "so-broadcast", SOL_SOCKET, SO_BROADCAST, "allow broadcast addresses"),
    ROW("so-bindtodevice", "bindtodevice if interface", PLUG_OPT_SOCKSTRING, PLUG_PHASE_SOCKET,
        SOL_SOCKET, SO_BINDTODEVICE, "INTERFACE", "use only this network interface"),
    NUMBER("so-mark", "mark", SOL_SOCKET, SO_MARK, "N", "routing mark (privileged)"),
    NUMBER("busy-poll", "so-busy-poll", SOL_SOCKET, SO_BUSY_POLL, "MICROSECONDS",
           "poll the device while waiting"),
    NUMBER("ttl", "ip-ttl ipttl unicast-hops ipv6-unicast-hops hoplimit ipv6-hoplimit", IPPROTO_IP,
           IP_TTL, "N", "time to live, hop limit"),
    NUMBER("tos", "ip-tos iptos tclass ipv6-tclass", IPPROTO_IP, IP_TOS, "N",
           "type of service, traffic class"),
    NUMBER("mtu-discover", "ip-mtu-discover ipv6-mtu-discover ipmtudiscover mtudiscover",
           IPPROTO_IP, IP_MTU_DISCOVER, "N", "path MTU discovery: 0 never, 1 want, 2 do, 3 probe"),
    NUMBER("mtu", "ip-mtu ipv6-mtu ipmtu", IPPROTO_IP, IP_MTU, "BYTES",
           "the path MTU; Linux sets it for IPv6 only"),
    FLAG("freebind", "ip-freebind ipfreebind", IPPROTO_IP, IP_FREEBIND,
         "bind to an address that is not there yet"),
    FLAG("bind-address-no-port", "ip-bind-address-no-port", IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT,
         "with bind=HOST the port is chosen at connect, so that peers can share it"),
    FORM("add-membership",
         "ip-add-membership ip-membership membership ipv6-join-group join-group "
         "ipv6-add-membership",
         MCAST_JOIN_GROUP, plug__group_check, plug__group_set, "GROUP[:INTERFACE]",
         "a multicast address, then an interface's name, number or IPv4 address: "
         "224.0.0.251:eth0, [ff02::fb]:2",
         "hear a multicast group, on one interface"),
    FORM("add-source-membership",
         "ip-add-source-membership source-membership ipv6-join-source-group join-source-group "
         "ipv6-add-membership-source",
         MCAST_JOIN_SOURCE_GROUP, plug__group_check_source, plug__group_set_source,
         "GROUP:INTERFACE:SOURCE",
         "a multicast address, an interface, a sender: 232.1.1.1:eth0:192.0.2.1",
         "hear one sender of a multicast group"),
    FORM("multicast-if", "ip-multicast-if ipv6-multicast-if", IP_MULTICAST_IF, plug__group_check_if,
         plug__group_set_if, "INTERFACE", "an interface's name, number or IPv4 address",
         "the interface to send to groups by"),
    NUMBER("multicast-ttl",
           "ip-multicast-ttl ipmulticastttl multicastttl multicast-hops ipv6-multicast-hops",
           IPPROTO_IP, IP_MULTICAST_TTL, "N", "how far what is sent to groups may go; default 1"),
    FLAG("multicast-loop", "ip-multicast-loop ipmulticastloop multicastloop ipv6-multicast-loop",
         IPPROTO_IP, IP_MULTICAST_LOOP, "members on this machine hear us too; default 1"),
    FLAG("multicast-all", "ip-multicast-all ipv6-multicast-all", IPPROTO_IP, IP_MULTICAST_ALL,
         "hear the groups that other programs have joined; default 1"),
    FLAG("pktinfo", "ip-pktinfo ippktinfo ipv6-recvpktinfo recvpktinfo", IPPROTO_IP, IP_PKTINFO,
         "datagrams carry the address and interface they came to"),
    FLAG("recverr", "ip-recverr iprecverr ipv6-recverr", IPPROTO_IP, IP_RECVERR,
         "errors of the way are reported at once and in full"),
    FLAG("recvttl", "ip-recvttl iprecvttl ipv6-recvhoplimit recvhoplimit", IPPROTO_IP, IP_RECVTTL,
         "datagrams carry their time to live"),
    FLAG("recvtos", "ip-recvtos iprecvtos ipv6-recvtclass recvtclass", IPPROTO_IP, IP_RECVTOS,
         "datagrams carry their type of service"),
    FLAG("recvopts", "ip-recvopts iprecvopts", IPPROTO_IP, IP_RECVOPTS,
         "datagrams carry their IP options"),
    FLAG("retopts", "ip-retopts ipretopts", IPPROTO_IP, IP_RETOPTS,
         "the same, as they stand in an answer"),
    FLAG("recvdstopts", "ipv6-recvdstopts", IPPROTO_IPV6, IPV6_RECVDSTOPTS,
         "datagrams carry their IPv6 destination options"),
    FLAG("recvhopopts", "ipv6-recvhopopts", IPPROTO_IPV6, IPV6_RECVHOPOPTS,
         "datagrams carry their IPv6 hop-by-hop options"),
    FLAG("recvrthdr", "ipv6-recvrthdr", IPPROTO_IPV6, IPV6_RECVRTHDR,
         "datagrams carry their IPv6 routing header"),
    FLAG("recvpathmtu", "ipv6-recvpathmtu", IPPROTO_IPV6, IPV6_RECVPATHMTU,
         "a record tells of each change of the path MTU"),
    FORM("ip-options", "ipoptions", IP_OPTIONS, plug__number_check_data,
         plug__number_set_ip_options, "DATA", "bytes as x01010101", "IP options to send"),
    NUMBER("router-alert", "ip-router-alert routeralert iprouteralert", IPPROTO_IP, IP_ROUTER_ALERT,
           "N", "take packets with the router alert option (raw sockets)"),
    FLAG("transparent", "ip-transparent", IPPROTO_IP, IP_TRANSPARENT,
         "bind to addresses of other machines (privileged)"),
    FLAG("ipv6-v6only", "v6only ipv6only", IPPROTO_IPV6, IPV6_V6ONLY,
         "an IPv6 socket takes no IPv4 peers"),
    {.name = NULL},
};

static int options_check_key(const char *value)
{
    size_t n = strlen(value);
    return n && n <= PLUG__TCP_MD5 ? 0 : PLUG_EUSAGE;
}

/* A dual-stack socket has its IPv4 peers as such. */
static int options_set_key(plug_handle h, const char *value, int family, int *reterr_os)
{
    if (family == AF_INET6)
        (void)plug__os_tcp_md5(h, AF_INET, value, NULL);
    return plug__os_tcp_md5(h, family, value, reterr_os);
}

const struct plug_option plug__tcp_options[] = {
    FLAG("nodelay", "tcp-nodelay", IPPROTO_TCP, TCP_NODELAY,
         "send small pieces at once; on by default in both spellings"),
    ROW("keepidle", "tcp-keepidle", PLUG_OPT_SOCKSECS, PLUG_PHASE_SOCKET, IPPROTO_TCP, TCP_KEEPIDLE,
        "SECONDS", "idle time before the first keepalive probe"),
    ROW("keepintvl", "tcp-keepintvl", PLUG_OPT_SOCKSECS, PLUG_PHASE_SOCKET, IPPROTO_TCP,
        TCP_KEEPINTVL, "SECONDS", "time between keepalive probes"),
    NUMBER("keepcnt", "tcp-keepcnt", IPPROTO_TCP, TCP_KEEPCNT, "N",
           "unanswered probes that end the connection"),
    ROW("user-timeout", "tcp-user-timeout", PLUG_OPT_SOCKMS, PLUG_PHASE_SOCKET, IPPROTO_TCP,
        TCP_USER_TIMEOUT, "SECONDS", "end the connection when data stays unacknowledged so long"),
    FLAG("cork", "tcp-cork", IPPROTO_TCP, TCP_CORK, "hold back partial segments"),
    NUMBER("mss", "tcp-maxseg maxseg", IPPROTO_TCP, TCP_MAXSEG, "BYTES", "largest segment"),
    ROW("mss-late", "tcp-maxseg-late maxseg-late", PLUG_OPT_SOCKINT, PLUG_PHASE_CONNECTED,
        IPPROTO_TCP, TCP_MAXSEG, "BYTES", "the same, once there is a connection"),
    {.name = "md5sig",
     .aliases = "tcp-md5sig",
     .type = PLUG_OPT_SOCKANY,
     .level = IPPROTO_TCP,
     .opt = TCP_MD5SIG_EXT,
     .flags = PLUG__LACKING(TCP_MD5SIG_EXT),
     .value = "KEY",
     .form = "a key of 1 to 80 bytes",
     .check = options_check_key,
     .set = options_set_key,
     .help = "sign each segment (RFC 2385); the other side needs the same key"},
    NUMBER("syncnt", "tcp-syncnt", IPPROTO_TCP, TCP_SYNCNT, "N", "SYNs sent before giving up"),
    ROW("defer-accept", "tcp-defer-accept", PLUG_OPT_SOCKSECS, PLUG_PHASE_SOCKET, IPPROTO_TCP,
        TCP_DEFER_ACCEPT, "SECONDS", "a listener wakes only when data has come"),
    ROW("linger2", "tcp-linger2", PLUG_OPT_SOCKSECS, PLUG_PHASE_SOCKET, IPPROTO_TCP, TCP_LINGER2,
        "SECONDS", "how long FIN_WAIT2 lasts"),
    NUMBER("window-clamp", "tcp-window-clamp", IPPROTO_TCP, TCP_WINDOW_CLAMP, "BYTES",
           "largest window to offer"),
    NUMBER("notsent-lowat", "tcp-notsent-lowat", IPPROTO_TCP, TCP_NOTSENT_LOWAT, "BYTES",
           "report writable only below so much unsent data"),
    ROW("quickack", "tcp-quickack", PLUG_OPT_SOCKFLAG, PLUG_PHASE_CONNECTED, IPPROTO_TCP,
        TCP_QUICKACK, NULL, "acknowledge at once (until the kernel changes its mind)"),
    ROW("congestion", "tcp-congestion", PLUG_OPT_SOCKSTRING, PLUG_PHASE_SOCKET, IPPROTO_TCP,
        TCP_CONGESTION, "NAME", "congestion control: cubic, bbr, reno"),
    {.name = NULL},
};

/* ---- setting them ---- */

/* What an option of IPv4 is called on an IPv6 socket. */
static const struct {
    int ip4, ip6;
} options_twins[] = {
    {IP_TTL, IPV6_UNICAST_HOPS},
    {IP_TOS, IPV6_TCLASS},
    {IP_FREEBIND, IPV6_FREEBIND},
    {IP_TRANSPARENT, IPV6_TRANSPARENT},
    {IP_MTU_DISCOVER, IPV6_MTU_DISCOVER},
    {IP_MTU, IPV6_MTU},
    {IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS},
    {IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP},
    {IP_MULTICAST_ALL, IPV6_MULTICAST_ALL},
    {IP_PKTINFO, IPV6_RECVPKTINFO},
    {IP_RECVERR, IPV6_RECVERR},
    {IP_RECVTTL, IPV6_RECVHOPLIMIT},
    {IP_RECVTOS, IPV6_RECVTCLASS},
    {IP_ROUTER_ALERT, IPV6_ROUTER_ALERT},
};

/* What the option is on a socket of that family. Returns 0 when it has no such option. */
static int options_for(int family, int level, int opt, int *ret_level, int *ret_opt)
{
    *ret_level = level;
    *ret_opt = opt;
    if (level == IPPROTO_IPV6 && family != AF_INET6)
        return 0;
    if (level != IPPROTO_IP || family != AF_INET6)
        return 1;
    for (size_t i = 0; i < PLUG__COUNT(options_twins); i++) {
        if (options_twins[i].ip4 == opt && options_twins[i].ip6 != PLUG__LACKS) {
            *ret_level = IPPROTO_IPV6;
            *ret_opt = options_twins[i].ip6;
            break;
        }
    }
    return 1;
}

/* The twin of IPv6 rules the socket, that of IPv4 its IPv4 peers, where it has any. */
static int options_set_int(plug_handle h, const struct plug_option *o, int n, int family,
                           int *reterr_os)
{
    int level, opt;
    if (!options_for(family, o->level, o->opt, &level, &opt))
        return 0;
    if (level != o->level)
        (void)plug__os_setsockopt(h, o->level, o->opt, &n, sizeof(n), NULL);
    return plug__os_setsockopt(h, level, opt, &n, sizeof(n), reterr_os);
}

static int options_set(plug_handle h, const struct plug_optval *v, int family, int *reterr_os)
{
    const struct plug_option *o = v->option;
    switch (o->type) {
    case PLUG_OPT_SOCKLINGER:
        return plug__os_linger(h, (int)v->number, reterr_os);
    case PLUG_OPT_SOCKTIMEVAL:
        return plug__os_socktime(h, o->level, o->opt, v->number, reterr_os);
    case PLUG_OPT_SOCKSTRING:
        return plug__os_setsockopt(h, o->level, o->opt, v->text, strlen(v->text), reterr_os);
    case PLUG_OPT_SOCKANY:
        return o->set(h, v->text, family, reterr_os);
    default:
        return options_set_int(h, o, (int)v->number, family, reterr_os);
    }
}

static int options_is_sock(const struct plug_option *o)
{
    return o->type >= PLUG_OPT_SOCKINT && o->type <= PLUG_OPT_SOCKANY;
}

int plug__socket_apply(plug_handle h, const struct plug_step *step, enum plug_phase phase,
                       int family, int *reterr_os)
{
    for (unsigned i = 0; i < step->nopts; i++) {
        const struct plug_optval *v = &step->opts[i];
        int r;
        if (!options_is_sock(v->option) || v->option->phase != phase)
            continue;
        r = options_set(h, v, family, reterr_os);
        if (r < 0)
            return r;
    }
    return 0;
}

/* The first option that a new socket of this family refuses with that code, or NULL. */
static const char *options_culprit(const struct plug_step *step, int family, int code)
{
    const struct plug__socket_conf *conf = step->conf;
    const char *found = NULL;
    plug_handle h;
    int r = plug__os_socket(&h, family, step->offers, (int)conf->protocol, NULL);
    if (r < 0)
        return conf->protocol && r == code ? "protocol" : NULL;
    for (unsigned i = 0; i < step->nopts && !found; i++) {
        const struct plug_optval *v = &step->opts[i];
        if (options_is_sock(v->option) && v->option->phase != PLUG_PHASE_CONNECTED &&
            options_set(h, v, family, NULL) == code)
            found = v->option->name;
    }
    plug__os_close(h);
    return found;
}

/* Asked only once something has failed, so that nobody else has to remember it. */
int plug__socket_cause(const struct plug_layer *l, const struct plug_step *step, void *val,
                       size_t *len)
{
    const int unix_family = strncmp(l->ops->name, "unix", 4) == 0;
    const int family = unix_family ? 0 : plug__socket_family(step);
    const char *name = NULL;
    if (!l->error[1] || l->state == PLUG__SOCKET_UP || step->adopt != PLUG_NO_HANDLE)
        return PLUG_ENOTSUP;
    if (unix_family)
        name = options_culprit(step, AF_UNIX, l->error[1]);
    if (!name && !unix_family && family != PLUG__FAMILY_6)
        name = options_culprit(step, AF_INET, l->error[1]);
    if (!name && !unix_family && family != PLUG__FAMILY_4)
        name = options_culprit(step, AF_INET6, l->error[1]);
    if (!name || strlen(name) >= *len)
        return PLUG_ENOTSUP;
    *len = strlen(name);
    memcpy(val, name, *len + 1);
    return 0;
}

int plug__socket_given(const struct plug_step *step, int level, int opt)
{
    for (unsigned i = 0; i < step->nopts; i++) {
        const struct plug_option *o = step->opts[i].option;
        if (options_is_sock(o) && o->type != PLUG_OPT_SOCKANY && o->level == level && o->opt == opt)
            return 1;
    }
    return 0;
}

void plug__socket_default(plug_handle h, const struct plug_step *step, int level, int opt, int on)
{
    if (!plug__socket_given(step, level, opt))
        (void)plug__os_setsockopt(h, level, opt, &on, sizeof(on), NULL);
}

int plug__socket_family(const struct plug_step *step)
{
    static const unsigned char families[] = {
        PLUG__FAMILY_ANY, PLUG__FAMILY_4, PLUG__FAMILY_6, PLUG__FAMILY_4, PLUG__FAMILY_6,
        PLUG__FAMILY_4,   PLUG__FAMILY_6, PLUG__FAMILY_4, PLUG__FAMILY_4, PLUG__FAMILY_6,
        PLUG__FAMILY_ANY, PLUG__FAMILY_4, PLUG__FAMILY_6};
    const struct plug__socket_conf *conf = step->conf;
    return families[conf->family];
}
