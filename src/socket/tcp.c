/* SPDX-License-Identifier: MIT
 *
 * TCP as a base layer: its names, its options and which file does what. Connecting is
 * tcp_connect.c, listening is tcp_listen.c, data is common.c.
 */
#include "socket/tcp.h"

#include "socket/socket.h"

static const struct plug_kind tcp_kinds[] = {
    {.name = "tcp",
     .aliases = "tcp-connect inet inet-connect",
     .params = PLUG_PARAM_HOST_PORT,
     .role = PLUG_CLIENT,
     .flags = PLUG_KIND_URL,
     .usage = "HOST:PORT",
     .help = "a TCP connection",
     .example = "tcp://example.org:80"},
    {.name = "tcp4",
     .aliases = "tcp4-connect inet4 inet4-connect",
     .params = PLUG_PARAM_HOST_PORT,
     .role = PLUG_CLIENT,
     .flags = PLUG_KIND_URL,
     .preset = "pf=ip4",
     .usage = "HOST:PORT",
     .help = "a TCP connection over IPv4",
     .example = "tcp4://example.org:80"},
    {.name = "tcp6",
     .aliases = "tcp6-connect inet6 inet6-connect",
     .params = PLUG_PARAM_HOST_PORT,
     .role = PLUG_CLIENT,
     .flags = PLUG_KIND_URL,
     .preset = "pf=ip6",
     .usage = "HOST:PORT",
     .help = "a TCP connection over IPv6",
     .example = "tcp6://example.org:80"},
    {.name = "tcp-listen",
     .aliases = "tcp-l inet-listen inet-l",
     .params = PLUG_PARAM_PORT,
     .role = PLUG_LISTENER,
     .flags = PLUG_KIND_URL,
     .usage = "[HOST:]PORT",
     .help = "TCP connections from others",
     .example = "tcp-listen://:8080"},
    {.name = "tcp4-listen",
     .aliases = "tcp4-l inet4-listen inet4-l",
     .params = PLUG_PARAM_PORT,
     .role = PLUG_LISTENER,
     .flags = PLUG_KIND_URL,
     .preset = "pf=ip4",
     .usage = "[HOST:]PORT",
     .help = "TCP connections over IPv4 from others",
     .example = "tcp4-listen://*:8080"},
    {.name = "tcp6-listen",
     .aliases = "tcp6-l inet6-listen inet6-l",
     .params = PLUG_PARAM_PORT,
     .role = PLUG_LISTENER,
     .flags = PLUG_KIND_URL,
     .preset = "pf=ip6",
     .usage = "[HOST:]PORT",
     .help = "TCP connections over IPv6 from others",
     .example = "tcp6-listen://[::]:8080"},
    {.name = NULL},
};

static const struct plug_option tcp_options[] = {
    {.name = "ip", .type = PLUG_OPT_GROUP, .group = plug__ip_options},
    {.name = "socket", .type = PLUG_OPT_GROUP, .group = plug__socket_options},
    {.name = "tcp", .type = PLUG_OPT_GROUP, .group = plug__tcp_options},
    {.name = "fastopen",
     .aliases = "tcp-fastopen tfo",
     .type = PLUG_OPT_FLAG,
     .offset = offsetof(struct tcp_conf, fastopen),
     .flags = PLUG__LACKING(TCP_FASTOPEN),
     .help = "data in the first segment, where both sides allow it"},
    {.name = "mptcp",
     .type = PLUG_OPT_FLAG,
     .offset = offsetof(struct tcp_conf, mptcp),
     .flags = PLUG__LACKING(IPPROTO_MPTCP),
     .help = "multipath TCP; with a peer that lacks it, plain TCP"},
    {.name = NULL},
};

static const struct tcp_conf tcp_defaults = {.socket = {.reuseaddr = 1}};

static int tcp_plan(struct plug_step *step, struct plug_err *reterr)
{
    struct tcp_conf *conf = step->conf;
    step->offers = PLUG_STREAM;
    step->limit = 0;
    if (step->adopt != PLUG_NO_HANDLE)
        return 0;
    if (conf->mptcp)
        conf->socket.protocol = IPPROTO_MPTCP;
    if (plug__socket_check_type(step, SOCK_STREAM, "datagrams are udp's: udp://HOST:PORT", reterr))
        return PLUG_EUSAGE;
    return plug__socket_check(step, "tcp", reterr);
}

static int tcp_init(struct plug_layer *l, const struct plug_step *step, struct plug_err *reterr)
{
    (void)reterr;
    plug__socket_init(plug__socket_of(l), step,
                      PLUG__SOCKET_STREAM | PLUG__SOCKET_SHORT | PLUG__SOCKET_BYPASS);
    return 0;
}

static int tcp_open(struct plug_layer *l)
{
    struct plug__tcp *t = plug__tcp_of(l);
    if (l->state == PLUG__SOCKET_UP || l->state == PLUG__SOCKET_LISTENING)
        return l->error[1]; /* of a child: what an option said */
    if (t->s.step->adopt != PLUG_NO_HANDLE)
        return plug__socket_adopt(&t->s);
    return plug_is_listener(l) ? plug__tcp_listen(t) : plug__tcp_connect(t);
}

static int tcp_accept(struct plug_layer *l, struct plug_layer *child)
{
    struct plug__tcp *t = plug__tcp_of(l);
    return t->listening ? plug__tcp_accept(t, plug__tcp_of(child))
                        : plug__socket_accept_own(l, child);
}

static int tcp_getopt(struct plug_layer *l, int level, int name, void *val, size_t *len)
{
    struct plug__tcp *t = plug__tcp_of(l);
    return t->listening ? plug__tcp_listen_getopt(t, level, name, val, len)
                        : plug__socket_getopt(l, level, name, val, len);
}

static int tcp_setopt(struct plug_layer *l, int level, int name, const void *val, size_t len)
{
    struct plug__tcp *t = plug__tcp_of(l);
    return t->listening ? plug__tcp_listen_setopt(t, level, name, val, len)
                        : plug__socket_setopt(l, level, name, val, len);
}

static plug_time tcp_tick(struct plug_layer *l, plug_time now)
{
    struct plug__tcp *t = plug__tcp_of(l);
    return t->connecting ? plug__tcp_connect_tick(t, now) : plug__socket_tick(l, now);
}

static void tcp_close(struct plug_layer *l)
{
    struct plug__tcp *t = plug__tcp_of(l);
    plug__tcp_connect_drop(t);
    plug__tcp_listen_drop(t);
    plug__socket_close(l);
}

const struct plug_ops plug__tcp_ops = {
    .name = "tcp",
    .size = sizeof(struct plug__tcp),
    .conf = sizeof(struct tcp_conf),
    .flags = PLUG_BASE | PLUG_LISTENS | PLUG_HALFCLOSE | PLUG_RELIABLE,
    .kinds = tcp_kinds,
    .options = tcp_options,
    .defaults = &tcp_defaults,
    .plan = tcp_plan,
    .init = tcp_init,
    .open = tcp_open,
    .accept = tcp_accept,
    .recv = plug__socket_recv,
    .send = plug__socket_send,
    .shut = plug__socket_shut,
    .want = plug_pass_want,
    .bypass = plug__socket_bypass,
    .getopt = tcp_getopt,
    .setopt = tcp_setopt,
    .tick = tcp_tick,
    .close = tcp_close,
};
