/* SPDX-License-Identifier: MIT
 *
 * Datagram bases in use: a connected client (which is common.c's), a listener, and its sessions,
 * one a peer. How handles are made is udp.c's and unix_dgram.c's.
 */
#include "socket/dgram.h"

#include "socket/dgram_base.h"
#include "socket/dgram_key.h"

enum { DGRAM_BATCH = 32 }; /* most records of one sendmmsg of a session */

static int dgram_is_session(const struct plug__dgram *d)
{
    return d->child.layer != NULL;
}

static plug_time dgram_idle(const struct plug__dgram *d)
{
    plug_time idle = d->s.step->plan->common.idle_timeout;
    return idle ? idle : PLUG__DGRAM_IDLE;
}

/* ---- accepting ---- */

int plug__dgram_accept(struct plug_layer *l, struct plug_layer *child)
{
    struct plug__dgram *d = plug__dgram_of(l), *c = plug__dgram_of(child);
    plug_time idle = dgram_idle(d);
    int r = plug__mux_accept(&d->base->mux, &c->child, child);
    if (r < 0) {
        plug_unready(l, PLUG_IN);
        return r;
    }
    c->base = d->base;
    plug__dgram_base_room(c->base);
    c->last = l->sock->loop->now;
    child->state = PLUG__SOCKET_UP;
    if (idle < PLUG_FOREVER - c->last)
        plug_tick_at(child, c->last + idle);
    return 0;
}

/* ---- a session's data ---- */

static void dgram_name(const struct plug__dgram *d, struct plug_msg *v, int n)
{
    struct plug_addr peer, local;
    int known = 0;
    for (int i = 0; i < n; i++) {
        if (!v[i].name)
            continue;
        if (!known++)
            (void)plug__dgram_unkey(d->child.key, &peer, &local);
        *v[i].name = peer;
    }
}

static int dgram_session_recv(struct plug__dgram *d, struct plug_msg *v, unsigned n)
{
    int r;
    if (d->left || d->ended)
        return n ? PLUG_EOF : 0;
    r = plug__mux_recv(&d->child, v, n);
    if (r > 0) {
        d->last = d->s.l.sock->loop->now;
        d->heard = 1;
        dgram_name(d, v, r);
    }
    if (r > 0 && d->base->each) {
        d->ended = 1;
        plug_ready(&d->s.l, PLUG_IN);
    }
    return r;
}

int plug__dgram_recv(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    struct plug__dgram *d = plug__dgram_of(l);
    if (dgram_is_session(d))
        return l->ready & PLUG_IN ? dgram_session_recv(d, v, n) : PLUG_EAGAIN;
    if (d->loose)
        return plug__dgram_loose_recv(d, v, n, flags);
    return d->base ? PLUG_EAGAIN : plug__socket_recv(l, v, n, flags);
}

/* The records again, each addressed to the peer and from the address that it asked. */
static int dgram_answer(struct plug__dgram *d, struct plug_msg *v, unsigned n, int *reterr_os)
{
    struct plug_msg out[DGRAM_BATCH];
    struct plug_addr peer, local;
    union {
        uint64_t align;
        unsigned char bytes[PLUG__PKTINFO];
    } control;
    unsigned end = plug__dgram_unkey(d->child.key, &peer, &local);
    size_t size = local.len ? plug__os_pktinfo_put(&local, control.bytes) : 0;
    int r;
    if (peer.len == 0)
        return PLUG_ENOTCONN; /* a Unix peer without a name: nobody can answer it */
    for (unsigned i = 0; i < n; i++) {
        out[i] = v[i];
        out[i].name = &peer;
        out[i].control = size ? control.bytes : NULL;
        out[i].controllen = size;
    }
    r = plug__dgram_base_send(d->base, end, out, n, reterr_os);
    for (int i = 0; i < r; i++)
        v[i].len = out[i].len;
    return r;
}

static int dgram_session_send(struct plug__dgram *d, struct plug_msg *v, unsigned n)
{
    struct plug_layer *l = &d->s.l;
    int os = 0, r = d->left ? 0 : plug__mux_take_error(&d->child);
    if (r < 0)
        return r;
    r = dgram_answer(d, v, n < DGRAM_BATCH ? n : DGRAM_BATCH, &os);
    if (r == PLUG_EAGAIN && d->left)
        return PLUG_ENOBUFS; /* out of the mux, nobody would wake it */
    if (r == PLUG_EAGAIN)
        plug__mux_wait_out(&d->child);
    else if (r < 0)
        l->os_error = os;
    else
        d->last = l->sock->loop->now;
    return r;
}

int plug__dgram_send(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    struct plug__dgram *d = plug__dgram_of(l);
    if (d->loose)
        return plug__dgram_loose_send(d, v, n, flags);
    if (!dgram_is_session(d))
        return d->base ? PLUG_EINVAL : plug__socket_send(l, v, n, flags);
    if (n == 0)
        return 0;
    return l->ready & PLUG_OUT ? dgram_session_send(d, v, n) : PLUG_EAGAIN;
}

/* ---- ends ---- */

/* Datagrams have no farewell. */
int plug__dgram_shut(struct plug_layer *l, int how)
{
    plug__dgram_of(l)->farewell = how != PLUG_SHUT_RESET && how != PLUG_SHUT_RD;
    return l->state == PLUG__SOCKET_UP || how == PLUG_SHUT_RESET ? 0 : PLUG_ENOTCONN;
}

/* A session that nobody used for so long ends; what its peer sends later begins a new one. */
plug_time plug__dgram_tick(struct plug_layer *l, plug_time now)
{
    struct plug__dgram *d = plug__dgram_of(l);
    plug_time idle;
    if (!dgram_is_session(d) || d->left)
        return PLUG_FOREVER;
    idle = dgram_idle(d);
    if (idle >= PLUG_FOREVER - d->last)
        return PLUG_FOREVER;
    if (!plug__list_empty(&d->child.records))
        return now + idle;
    if (now < d->last + idle)
        return d->last + idle;
    d->base->mux.refs++; /* leaving the mux must not free what answers still need */
    plug__mux_leave(&d->child);
    d->left = 1;
    plug_ready(l, PLUG_IN);
    return PLUG_FOREVER;
}

/* What came for a session that ends because it was idle, or in order (-T, grace), begins a new one,
 * as if it had come a moment later. Not for one that never read: its successor would do no better.
 */
static void dgram_leave(struct plug__dgram *d)
{
    struct plug_layer *listener = d->base->listener;
    int over = d->farewell || d->s.l.sock->loop->now - d->last >= dgram_idle(d);
    if (!d->heard || !over)
        plug__mux_leave(&d->child);
    else if (plug__mux_return(&d->child) && listener)
        plug_ready(listener, PLUG_IN);
}

void plug__dgram_close(struct plug_layer *l)
{
    struct plug__dgram *d = plug__dgram_of(l);
    if (dgram_is_session(d)) {
        if (d->left)
            plug__mux_unref(&d->base->mux);
        else
            dgram_leave(d);
    } else if (d->base) {
        plug__dgram_base_leave(d->base);
    }
    d->base = NULL;
    d->child.layer = NULL;
    plug__dgram_loose_drop(d);
    plug__socket_close(l);
}

/* ---- options ---- */

static int dgram_count(int64_t n, void *val, size_t *len)
{
    if (*len < sizeof(n))
        return PLUG_EINVAL;
    memcpy(val, &n, sizeof(n));
    *len = sizeof(n);
    return 0;
}

/* Those cut short by the reader's buffer are not among them: it was told. */
static int dgram_dropped(const struct plug__dgram *d, void *val, size_t *len)
{
    const uint64_t *n = d->child.dropped;
    return dgram_count((int64_t)(n[PLUG__DROP_QUEUE] + n[PLUG__DROP_NEW] + n[PLUG__DROP_MEMORY]),
                       val, len);
}

static int dgram_session_get(const struct plug__dgram *d, int name, void *val, size_t *len)
{
    struct plug_addr peer, local, bound;
    unsigned end = plug__dgram_unkey(d->child.key, &peer, &local);
    int r;
    if (name == PLUG_SO_PEER)
        return plug__socket_put_addr(val, len, &peer);
    if (name == PLUG_SO_DROPPED)
        return dgram_dropped(d, val, len);
    if (name == PLUG_SO_STRIPPED) /* of all sessions: which one's it was is not kept */
        return dgram_count((int64_t)d->base->stripped, val, len);
    if (name != PLUG_SO_NAME)
        return PLUG_ENOTSUP;
    r = plug__os_sockname(d->base->v[end].io.handle, &bound, NULL);
    if (r < 0)
        return r;
    if (local.len == 0)
        local = bound;
    plug__os_addr_set_port(&local, plug__os_addr_port(&bound));
    return plug__socket_put_addr(val, len, &local);
}

static int dgram_listener_get(const struct plug__dgram *d, int name, void *val, size_t *len)
{
    struct plug_addr a;
    int r;
    if (name == PLUG_SO_DROPPED)
        return dgram_count((int64_t)d->base->mux.unheard, val, len);
    if (name != PLUG_SO_NAME)
        return PLUG_ENOTSUP;
    r = plug__os_sockname(plug__dgram_base_first(d), &a, NULL);
    return r < 0 ? r : plug__socket_put_addr(val, len, &a);
}

int plug__dgram_getopt(struct plug_layer *l, int level, int name, void *val, size_t *len)
{
    const struct plug__dgram *d = plug__dgram_of(l);
    if (level == PLUG_LEVEL_SOCK && name == PLUG__SO_CAUSE)
        return plug__socket_cause(l, d->s.step, val, len);
    if (d->loose && level == PLUG_LEVEL_SOCK && name == PLUG_SO_PEER)
        return d->loose->to.len ? plug__socket_put_addr(val, len, &d->loose->to) : PLUG_ENOTCONN;
    if (d->loose && level == PLUG_LEVEL_SOCK && name == PLUG_SO_DROPPED)
        return dgram_count((int64_t)d->loose->refused, val, len);
    if (!d->base)
        return plug__socket_getopt(l, level, name, val, len);
    if (level > PLUG_LEVEL_SOCK)
        return PLUG_ENOTSUP;
    if (d->base->n == 0)
        return PLUG_ENOTCONN;
    if (level < PLUG_LEVEL_SOCK)
        return plug__os_getsockopt(plug__dgram_base_first(d), level, name, val, len, NULL);
    return dgram_is_session(d) ? dgram_session_get(d, name, val, len)
                               : dgram_listener_get(d, name, val, len);
}

/* A session's socket is everybody's: only the listener sets options on it. */
int plug__dgram_setopt(struct plug_layer *l, int level, int name, const void *val, size_t len)
{
    const struct plug__dgram *d = plug__dgram_of(l);
    int r = 0;
    if (!d->base)
        return plug__socket_setopt(l, level, name, val, len);
    if (level >= PLUG_LEVEL_SOCK || dgram_is_session(d))
        return PLUG_ENOTSUP;
    for (unsigned i = 0; i < d->base->n && r >= 0; i++)
        r = plug__os_setsockopt(d->base->v[i].io.handle, level, name, val, len, NULL);
    return r;
}
