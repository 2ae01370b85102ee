/* SPDX-License-Identifier: MIT
 *
 * The option tables of kernel sockets, and setting them at their phase. Options that steer how a
 * base opens are in its conf; this file does not look at those.
 */
#include "socket/common.h"

#include "core/resolve.h"
#include <stdlib.h>
#include <string.h>

/* A row that is one setsockopt. */
#define ROW(n, a, t, ph, lv, op, v, h)                                                       \
    {                                                                                        \
        .name = (n), .aliases = (a), .type = (t), .phase = (ph), .level = (lv), .opt = (op), \
        .value = (v), .help = (h), .flags = PLUG__LACKING(op)                                \
    }
#define FLAG(n, a, lv, op, h) ROW(n, a, PLUG_OPT_SOCKFLAG, PLUG_PHASE_SOCKET, lv, op, NULL, h)
#define NUMBER(n, a, lv, op, v, h) ROW(n, a, PLUG_OPT_SOCKINT, PLUG_PHASE_SOCKET, lv, op, v, h)
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
    ROW("setsockopt", "setsockopt-socket setsockopt-int setsockopt-bin setsockopt-string",
        PLUG_OPT_SOCKANY, PLUG_PHASE_SOCKET, SOL_SOCKET, 0, "LEVEL:NAME:VALUE",
        "any option by number; VALUE is a number, xHEX bytes or text"),
    ROW("setsockopt-listen", NULL, PLUG_OPT_SOCKANY, PLUG_PHASE_LISTEN, SOL_SOCKET, 0,
        "LEVEL:NAME:VALUE", "the same, once the socket is bound"),
    ROW("setsockopt-connected", NULL, PLUG_OPT_SOCKANY, PLUG_PHASE_CONNECTED, SOL_SOCKET, 0,
        "LEVEL:NAME:VALUE", "the same, on each connection"),
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
    {.name = "range",
     .type = PLUG_OPT_STRING,
     .offset = CONF(range),
     .flags = PLUG_OPT_LISTENER,
     .value = "ADDRESS/BITS",
     .help = "a listener hears only peers in this range"},
    {.name = "pf",
     .aliases = "protocol-family family",
     .type = PLUG_OPT_ENUM,
     .offset = CONF(family),
     .choices = PLUG__FAMILIES,
     .value = "ip4|ip6",
     .help = "use only this address family"},
    FLAG("broadcast", "so-broadcast", SOL_SOCKET, SO_BROADCAST, "allow broadcast addresses"),
    ROW("so-bindtodevice", "bindtodevice if interface", PLUG_OPT_SOCKSTRING, PLUG_PHASE_SOCKET,
        SOL_SOCKET, SO_BINDTODEVICE, "INTERFACE", "use only this network interface"),
    NUMBER("so-mark", "mark", SOL_SOCKET, SO_MARK, "N", "routing mark (privileged)"),
    NUMBER("busy-poll", "so-busy-poll", SOL_SOCKET, SO_BUSY_POLL, "MICROSECONDS",
           "poll the device while waiting"),
    NUMBER("ttl", "ip-ttl unicast-hops ipv6-unicast-hops", IPPROTO_IP, IP_TTL, "N",
           "time to live, hop limit"),
    NUMBER("tos", "ip-tos tclass ipv6-tclass", IPPROTO_IP, IP_TOS, "N",
           "type of service, traffic class"),
    NUMBER("mtu-discover", "ip-mtu-discover ipv6-mtu-discover", IPPROTO_IP, IP_MTU_DISCOVER, "N",
           "path MTU discovery: 0 never, 1 want, 2 do, 3 probe"),
    FLAG("freebind", "ip-freebind", IPPROTO_IP, IP_FREEBIND,
         "bind to an address that is not there yet"),
    FLAG("transparent", "ip-transparent", IPPROTO_IP, IP_TRANSPARENT,
         "bind to addresses of other machines (privileged)"),
    FLAG("ipv6-v6only", "v6only ipv6only", IPPROTO_IPV6, IPV6_V6ONLY,
         "an IPv6 socket takes no IPv4 peers"),
    {.name = NULL},
};

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
    NUMBER("mss", "tcp-maxseg maxseg mss-late", IPPROTO_TCP, TCP_MAXSEG, "BYTES",
           "largest segment"),
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
    {IP_TTL, IPV6_UNICAST_HOPS},          {IP_TOS, IPV6_TCLASS},
    {IP_FREEBIND, IPV6_FREEBIND},         {IP_TRANSPARENT, IPV6_TRANSPARENT},
    {IP_MTU_DISCOVER, IPV6_MTU_DISCOVER},
};

/* Moves level and number to the socket's family. Returns 0 when it has no such option. */
static int options_for(int family, int *level, int *opt)
{
    if (*level == IPPROTO_IPV6 && family != AF_INET6)
        return 0;
    if (*level != IPPROTO_IP || family != AF_INET6)
        return 1;
    for (size_t i = 0; i < sizeof(options_twins) / sizeof(options_twins[0]); i++) {
        if (options_twins[i].ip4 == *opt && options_twins[i].ip6 != PLUG__LACKS) {
            *level = IPPROTO_IPV6;
            *opt = options_twins[i].ip6;
            break;
        }
    }
    return 1;
}

static int options_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum { OPTIONS_BYTES = 128 }; /* longest value of setsockopt= in bytes */

/* x0a0b0c: bytes. Returns their number, or EINVAL. */
static int options_hex(const char *text, unsigned char *buf)
{
    int n = 0;
    for (; *text; text += 2) {
        int high = options_digit(text[0]), low = high < 0 ? -1 : options_digit(text[1]);
        if (low < 0 || n == OPTIONS_BYTES)
            return PLUG_EINVAL;
        buf[n++] = (unsigned char)(high << 4 | low);
    }
    return n;
}

/* LEVEL:NAME:VALUE; that the first two are numbers was checked when the address was read. */
static int options_any(plug_handle h, const char *text, int *reterr_os)
{
    unsigned char bytes[OPTIONS_BYTES];
    char *end;
    long level = strtol(text, &end, 0), name = strtol(*end ? end + 1 : end, &end, 0);
    const char *value = *end ? end + 1 : end;
    long number = strtol(value, &end, 0);
    int n;
    if (*value && !*end) {
        n = (int)number;
        return plug__os_setsockopt(h, (int)level, (int)name, &n, sizeof(n), reterr_os);
    }
    if (*value != 'x')
        return plug__os_setsockopt(h, (int)level, (int)name, value, strlen(value), reterr_os);
    n = options_hex(value + 1, bytes);
    return n < 0 ? n : plug__os_setsockopt(h, (int)level, (int)name, bytes, (size_t)n, reterr_os);
}

static int options_set(plug_handle h, const struct plug_optval *v, int family, int *reterr_os)
{
    int level = v->option->level, opt = v->option->opt, n = (int)v->number;
    if (!options_for(family, &level, &opt))
        return 0;
    switch (v->option->type) {
    case PLUG_OPT_SOCKLINGER:
        return plug__os_linger(h, n, reterr_os);
    case PLUG_OPT_SOCKTIMEVAL:
        return plug__os_socktime(h, level, opt, v->number, reterr_os);
    case PLUG_OPT_SOCKSTRING:
        return plug__os_setsockopt(h, level, opt, v->text, strlen(v->text), reterr_os);
    case PLUG_OPT_SOCKANY:
        return options_any(h, v->text, reterr_os);
    default:
        return plug__os_setsockopt(h, level, opt, &n, sizeof(n), reterr_os);
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
        PLUG__FAMILY_4,   PLUG__FAMILY_6, PLUG__FAMILY_4, PLUG__FAMILY_4, PLUG__FAMILY_6};
    const struct plug__socket_conf *conf = step->conf;
    return families[conf->family];
}
