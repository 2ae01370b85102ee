/* SPDX-License-Identifier: MIT
 *
 * TCP listeners: one or more listening handles that are one base, on the same port. What becomes of
 * the connections is core's.
 */
#include "socket/tcp.h"

#include "util/alloc.h"

enum { LISTEN_FASTOPEN = 256 }; /* connections that may bring data in their SYN */

struct listen_end {
    struct plug_io io;
    struct plug__tcp *tcp;
    unsigned ready;
};

struct plug__tcp_listen {
    struct plug__local local;
    unsigned n, turn; /* turn: where the next accept begins to look */
    struct listen_end v[PLUG__LOCALS];
};

/* ---- binding them ---- */

static void listen_event(struct plug_io *io, unsigned bits)
{
    struct listen_end *e = plug__of(io, struct listen_end, io);
    e->ready |= bits | PLUG_IN;
    plug_ready(&e->tcp->s.l, PLUG_IN);
}

static void listen_undo(struct plug_layer *l)
{
    struct plug__tcp *t = plug__tcp_of(l);
    struct plug__tcp_listen *ls = t->listening;
    while (ls->n) {
        struct listen_end *e = &ls->v[--ls->n];
        plug__loop_del(t->s.l.sock->loop, &e->io);
        plug__os_close(e->io.handle);
    }
}

/* On Windows SO_REUSEADDR would let another program take the port. */
static void listen_share(plug_handle h, const struct plug_step *step)
{
    const struct tcp_conf *conf = step->conf;
    int on = 1;
    if (SO_EXCLUSIVEADDRUSE != PLUG__LACKS)
        (void)plug__os_setsockopt(h, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, &on, sizeof(on), NULL);
    else if (conf->socket.reuseaddr)
        (void)plug__os_setsockopt(h, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on), NULL);
}

/* What is set here the kernel hands on to every connection. */
static int listen_socket(const struct plug__tcp *t, int family, int dual, plug_handle *ret,
                         int *reterr_os)
{
    const struct plug_step *step = t->s.step;
    const struct tcp_conf *conf = step->conf;
    int r = plug__socket_new(ret, step, family, SOCK_STREAM, reterr_os);
    if (r < 0)
        return r;
    listen_share(*ret, step);
    if (family == AF_INET6 && dual)
        plug__socket_default(*ret, step, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    plug__socket_default(*ret, step, SOL_SOCKET, SO_KEEPALIVE, 1);
    plug__socket_default(*ret, step, IPPROTO_TCP, TCP_NODELAY, 1);
    if (conf->fastopen)
        plug__socket_default(*ret, step, IPPROTO_TCP, TCP_FASTOPEN, LISTEN_FASTOPEN);
    return 0;
}

static int listen_one(struct plug_layer *l, const struct plug_addr *a, int dual, int *reterr_os)
{
    struct plug__tcp *t = plug__tcp_of(l);
    struct plug__tcp_listen *ls = t->listening;
    struct listen_end *e = &ls->v[ls->n];
    plug_handle h;
    int r = listen_socket(t, a->family, dual, &h, reterr_os);
    if (r < 0)
        return r;
    *e = (struct listen_end){.tcp = t};
    e->io = (struct plug_io){.handle = h, .ready = listen_event, .armed = PLUG_IN};
    r = plug__os_bind(h, a, reterr_os);
    if (r >= 0)
        r = plug__socket_listen(h, t->s.step, a->family, reterr_os);
    if (r >= 0)
        r = plug__loop_add(t->s.l.sock->loop, &e->io, reterr_os);
    if (r < 0)
        plug__os_close(h);
    else
        ls->n++;
    return r;
}

static plug_handle listen_first(struct plug_layer *l)
{
    const struct plug__tcp_listen *ls = plug__tcp_of(l)->listening;
    return ls->n ? ls->v[0].io.handle : PLUG_NO_HANDLE;
}

int plug__tcp_listen(struct plug__tcp *t)
{
    static const struct plug__local_ops ops = {listen_one, listen_first, listen_undo};
    struct plug_layer *l = &t->s.l;
    int os = 0, r;
    if (!t->listening)
        t->listening = plug__calloc(1, sizeof(*t->listening));
    if (!t->listening)
        return PLUG_ENOMEM;
    r = plug__local_find(&t->listening->local, l, t->s.step, "tcp");
    if (r < 0)
        return r;
    r = plug__local_bind(&t->listening->local, &ops, &os);
    plug__local_drop(&t->listening->local);
    if (r < 0)
        return plug_fail(l, 2, r, os);
    l->state = PLUG__SOCKET_LISTENING;
    return 0;
}

/* ---- in use ---- */

/* One connection, the ends taking turns. */
int plug__tcp_accept(struct plug__tcp *t, struct plug__tcp *child)
{
    struct plug__tcp_listen *ls = t->listening;
    for (unsigned i = 0; i < ls->n; i++) {
        struct listen_end *e = &ls->v[ls->turn % ls->n];
        int r;
        ls->turn = (ls->turn + 1) % ls->n;
        if (!(e->ready & PLUG_IN))
            continue;
        r = plug__socket_accept(e->io.handle, &t->s.l, &child->s);
        if (r != PLUG_EAGAIN)
            return r;
        e->ready = 0;
        plug__loop_arm(t->s.l.sock->loop, &e->io, PLUG_IN);
    }
    plug_unready(&t->s.l, PLUG_IN);
    return PLUG_EAGAIN;
}

int plug__tcp_listen_getopt(const struct plug__tcp *t, int level, int name, void *val, size_t *len)
{
    const struct plug__tcp_listen *ls = t->listening;
    struct plug_addr a;
    int r;
    if (level == PLUG_LEVEL_SOCK && name == PLUG__SO_CAUSE)
        return plug__socket_cause(&t->s.l, t->s.step, val, len);
    if (ls->n == 0)
        return PLUG_ENOTCONN;
    if (level < PLUG_LEVEL_SOCK)
        return plug__os_getsockopt(ls->v[0].io.handle, level, name, val, len, NULL);
    if (level != PLUG_LEVEL_SOCK || name != PLUG_SO_NAME)
        return PLUG_ENOTSUP;
    r = plug__os_sockname(ls->v[0].io.handle, &a, NULL);
    return r < 0 ? r : plug__socket_put_addr(val, len, &a);
}

int plug__tcp_listen_setopt(struct plug__tcp *t, int level, int name, const void *val, size_t len)
{
    struct plug__tcp_listen *ls = t->listening;
    int r = ls->n ? 0 : PLUG_ENOTCONN;
    if (level >= PLUG_LEVEL_SOCK)
        return PLUG_ENOTSUP;
    for (unsigned i = 0; i < ls->n && r >= 0; i++)
        r = plug__os_setsockopt(ls->v[i].io.handle, level, name, val, len, NULL);
    return r;
}

void plug__tcp_listen_drop(struct plug__tcp *t)
{
    if (!t->listening)
        return;
    listen_undo(&t->s.l);
    plug__local_drop(&t->listening->local);
    plug__free(t->listening);
    t->listening = NULL;
}
