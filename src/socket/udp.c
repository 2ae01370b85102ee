/* SPDX-License-Identifier: MIT
 *
 * UDP as a base layer: connected clients and bound listeners. Sessions and data are dgram.c's.
 */
#include "socket/dgram.h"
#include "socket/socket.h"
#include "util/alloc.h"

enum { UDP_LIMIT = 65507, UDP_SLOT = 65536 }; /* 65535 less the heads of IPv4 and UDP */

struct udp_conf {
    struct plug__socket_conf socket;
};

/* While it opens. */
struct udp_opening {
    struct plug__resolve *resolve;
    struct plug__answer now;
    struct plug__local local;
};

static const struct plug_option udp_options[] = {
    {.name = "ip", .type = PLUG_OPT_GROUP, .group = plug__ip_options},
    {.name = "socket", .type = PLUG_OPT_GROUP, .group = plug__socket_options},
    {.name = NULL},
};

static int udp_plan(struct plug_step *step, struct plug_err *reterr)
{
    step->offers = PLUG_DGRAM;
    step->limit = UDP_LIMIT;
    plug__dgram_plan_form(step);
    if (step->adopt != PLUG_NO_HANDLE)
        return 0;
    if (plug__socket_check_type(step, SOCK_DGRAM, "streams are tcp's: tcp://HOST:PORT", reterr))
        return PLUG_EUSAGE;
    return plug__socket_check(step, "udp", reterr);
}

static int udp_init(struct plug_layer *l, const struct plug_step *step, struct plug_err *reterr)
{
    (void)reterr;
    plug__socket_init(plug__socket_of(l), step, PLUG__SOCKET_BYPASS);
    return 0;
}

/* ---- a client ---- */

static void udp_changed(void *arg)
{
    plug_ready(arg, 0);
}

static int udp_connect_one(struct plug__dgram *d, const struct plug_addr *to, int *reterr_os)
{
    const struct udp_conf *conf = d->s.step->conf;
    const int loose = plug__dgram_form(d->s.step) != PLUG__DGRAM_CONNECT;
    plug_handle h;
    int on = 1;
    int r = plug__socket_new(&h, d->s.step, to->family, SOCK_DGRAM, reterr_os);
    if (r < 0)
        return r;
    if (conf->socket.reuseaddr)
        (void)plug__os_setsockopt(h, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on), NULL);
    r = plug__socket_bind(h, d->s.step, to->family, SOCK_DGRAM, reterr_os);
    if (r >= 0 && !loose)
        r = plug__os_connect(h, to, reterr_os);
    if (r < 0) {
        plug__os_close(h);
        return r;
    }
    return loose ? plug__dgram_loose(d, h, to, reterr_os)
                 : plug__socket_watch(&d->s, h, 0, reterr_os);
}

/* Made by plug_socket and never connected: each record names its peer. IPv4 unless it is bound, or
 * told, to be of the other family. */
static int udp_unconnected(struct plug__dgram *d)
{
    const struct plug_step *step = d->s.step;
    int family = plug__socket_family(step) == PLUG__FAMILY_6 ? AF_INET6 : AF_INET;
    plug_handle h;
    int os = 0, r = plug__socket_new(&h, step, family, SOCK_DGRAM, &os);
    if (r < 0)
        return plug_fail(&d->s.l, 2, r, os);
    r = plug__socket_bind(h, step, family, SOCK_DGRAM, &os);
    if (r == PLUG_EAFNOSUPPORT && family == AF_INET && !plug__socket_family(step)) {
        plug__os_close(h);
        r = plug__socket_new(&h, step, AF_INET6, SOCK_DGRAM, &os);
        if (r < 0)
            return plug_fail(&d->s.l, 2, r, os);
        r = plug__socket_bind(h, step, AF_INET6, SOCK_DGRAM, &os);
    }
    if (r < 0)
        plug__os_close(h);
    else
        r = plug__socket_watch(&d->s, h, 0, &os);
    return r < 0 ? plug_fail(&d->s.l, 2, r, os) : plug__socket_up(&d->s);
}

/* The first address that connects; a datagram socket learns no more before it is used. */
static int udp_connect_any(struct plug__dgram *d, const struct plug__answer *a)
{
    int os = 0, r = a->code ? a->code : PLUG_ENOHOST;
    for (unsigned i = 0; i < a->n; i++) {
        r = udp_connect_one(d, &a->addrs[i], &os);
        if (r >= 0)
            return plug__socket_up(&d->s);
    }
    return plug_fail(&d->s.l, 2, r, os);
}

static int udp_connect(struct plug__dgram *d, struct udp_opening *o)
{
    const struct plug_step *step = d->s.step;
    const struct plug__answer *answer = &o->now;
    struct plug_layer *l = &d->s.l;
    uint16_t port;
    int r = 0;
    if (l->state == PLUG__SOCKET_NEW && !step->host && !step->port)
        return udp_unconnected(d);
    if (l->state == PLUG__SOCKET_NEW) {
        if (!step->host || !step->port || plug__parse_port(step->port, "udp", &port) < 0)
            return PLUG_EINVAL;
        l->state = PLUG__SOCKET_OPENING;
        r = plug__lookup(&o->resolve, l, step, step->host, port, &o->now, udp_changed, l);
    }
    if (r < 0)
        return r;
    if (o->resolve)
        answer = plug__resolve_answer(o->resolve);
    return answer->waiting ? PLUG_EAGAIN : udp_connect_any(d, answer);
}

/* ---- a listener ---- */

/* Makes and binds. *ret_pktinfo: it tells the local address of each record. */
static int udp_bound(struct plug__dgram *d, const struct plug_addr *a, int dual, plug_handle *ret,
                     int *ret_pktinfo, int *reterr_os)
{
    const struct udp_conf *conf = d->s.step->conf;
    plug_handle h;
    int on = 1;
    int r = plug__socket_new(&h, d->s.step, a->family, SOCK_DGRAM, reterr_os);
    if (r < 0)
        return r;
    if (conf->socket.reuseaddr)
        (void)plug__os_setsockopt(h, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on), NULL);
    if (dual && a->family == AF_INET6)
        plug__socket_default(h, d->s.step, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    *ret_pktinfo = 0;
    if (plug_is_listener(&d->s.l) && plug__local_is_any(a)) /* else all came to the one address */
        *ret_pktinfo = plug__os_pktinfo_on(h, a->family, NULL) >= 0;
    r = plug__os_bind(h, a, reterr_os);
    if (r >= 0)
        r = plug__socket_apply(h, d->s.step, PLUG_PHASE_LISTEN, a->family, reterr_os);
    if (r < 0)
        plug__os_close(h);
    else
        *ret = h;
    return r;
}

static int udp_bind_one(struct plug_layer *l, const struct plug_addr *a, int dual, int *reterr_os)
{
    struct plug__dgram *d = plug__dgram_of(l);
    plug_handle h;
    int pktinfo, r = udp_bound(d, a, dual, &h, &pktinfo, reterr_os);
    return r < 0 ? r : plug__dgram_base_add(d, h, pktinfo, reterr_os);
}

static plug_handle udp_first(struct plug_layer *l)
{
    return plug__dgram_base_first(plug__dgram_of(l));
}

static void udp_undo(struct plug_layer *l)
{
    plug__dgram_base_clear(plug__dgram_of(l));
}

static int udp_listen(struct plug__dgram *d, struct udp_opening *o)
{
    static const struct plug__local_ops ops = {udp_bind_one, udp_first, udp_undo};
    struct plug_layer *l = &d->s.l;
    int os = 0, r = plug__dgram_base_new(d, UDP_SLOT);
    if (r >= 0)
        r = plug__local_find(&o->local, l, d->s.step, "udp");
    if (r < 0)
        return r;
    r = plug__local_bind(&o->local, &ops, &os);
    if (r < 0)
        return plug_fail(l, 2, r, os);
    l->state = PLUG__SOCKET_LISTENING;
    return 0;
}

/* ---- who only hears: one handle, on the first of the addresses that can be had ---- */

static int udp_recv_one(struct plug_layer *l, const struct plug_addr *a, int dual, int *reterr_os)
{
    struct plug__dgram *d = plug__dgram_of(l);
    plug_handle h;
    int pktinfo, r;
    if (d->loose)
        return 0;
    r = udp_bound(d, a, dual, &h, &pktinfo, reterr_os);
    return r < 0 ? r : plug__dgram_loose(d, h, NULL, reterr_os);
}

static plug_handle udp_recv_first(struct plug_layer *l)
{
    return plug__socket_of(l)->io.handle;
}

static void udp_recv_undo(struct plug_layer *l)
{
    plug__dgram_loose_drop(plug__dgram_of(l));
    plug__socket_close(l);
}

static int udp_recv_open(struct plug__dgram *d, struct udp_opening *o)
{
    static const struct plug__local_ops ops = {udp_recv_one, udp_recv_first, udp_recv_undo};
    int os = 0, r = plug__local_find(&o->local, &d->s.l, d->s.step, "udp");
    if (r < 0)
        return r;
    r = plug__local_bind(&o->local, &ops, &os);
    return r < 0 ? plug_fail(&d->s.l, 2, r, os) : plug__socket_up(&d->s);
}

/* ---- all ---- */

static void udp_opened(struct plug__dgram *d)
{
    struct udp_opening *o = d->opening;
    if (!o)
        return;
    plug__resolve_close(o->resolve);
    plug__local_drop(&o->local);
    plug__free(o);
    d->opening = NULL;
}

static int udp_open(struct plug_layer *l)
{
    struct plug__dgram *d = plug__dgram_of(l);
    int r;
    if (l->state == PLUG__SOCKET_UP || l->state == PLUG__SOCKET_LISTENING)
        return 0;
    if (d->s.step->adopt != PLUG_NO_HANDLE)
        return plug_is_listener(l) ? plug__dgram_adopt(d, UDP_SLOT) : plug__socket_adopt(&d->s);
    if (!d->opening)
        d->opening = plug__calloc(1, sizeof(struct udp_opening));
    if (!d->opening)
        return PLUG_ENOMEM;
    if (plug__dgram_form(d->s.step) == PLUG__DGRAM_RECV)
        r = udp_recv_open(d, d->opening);
    else
        r = plug_is_listener(l) ? udp_listen(d, d->opening) : udp_connect(d, d->opening);
    if (r != PLUG_EAGAIN)
        udp_opened(d);
    return r;
}

static void udp_close(struct plug_layer *l)
{
    udp_opened(plug__dgram_of(l));
    plug__dgram_close(l);
}

const struct plug_ops plug__udp_ops = {
    .name = "udp",
    .size = sizeof(struct plug__dgram),
    .conf = sizeof(struct udp_conf),
    .flags = PLUG_BASE | PLUG_LISTENS | PLUG_ATOMIC | PLUG_MUXED,
    .kinds = plug__udp_kinds,
    .options = udp_options,
    .defaults = NULL, /* zeros */
    .plan = udp_plan,
    .init = udp_init,
    .open = udp_open,
    .accept = plug__dgram_accept,
    .recv = plug__dgram_recv,
    .send = plug__dgram_send,
    .shut = plug__dgram_shut,
    .want = plug_pass_want,
    .bypass = plug__socket_bypass,
    .getopt = plug__dgram_getopt,
    .setopt = plug__dgram_setopt,
    .tick = plug__dgram_tick,
    .close = udp_close,
};
