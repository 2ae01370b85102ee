/* SPDX-License-Identifier: MIT
 *
 * A connected kernel socket as a base layer: messages, ends, options, movers. How it came to be
 * connected is the business of tcp, udp and unix.
 */
#include "socket/common.h"

#include "core/listener.h"

#include <limits.h>
#include <string.h>

enum { SOCKET_LOOK_FIRST = 1, SOCKET_LOOK_MOST = 100 }; /* ms between looks at what is unsent */
enum { SOCKET_PROBE_S = 5 }; /* between keepalive probes of a peer that said it sends no more */

/* ---- making ---- */

static void socket_event(struct plug_io *io, unsigned bits)
{
    struct plug__socket *s = plug__of(io, struct plug__socket, io);
    if (bits & (PLUG_ERR | PLUG__HUP))
        bits |= PLUG_IN | PLUG_OUT; /* the next call meets it */
    if ((bits & PLUG_ERR) && s->l.error[0] == PLUG_EOF && !(s->flags & PLUG__SOCKET_WR_SHUT)) {
        int os = 0, code = plug__os_sockerr(io->handle, &os); /* nobody receives any more */
        if (code < 0)
            plug_fail(&s->l, 1, code, os);
    }
    plug_ready(&s->l, bits);
}

void plug__socket_init(struct plug__socket *s, const struct plug_step *step, unsigned flags)
{
    s->step = step;
    s->flags = (uint16_t)flags;
    s->io.handle = PLUG_NO_HANDLE;
    s->io.ready = socket_event;
    s->look = PLUG_FOREVER;
}

int plug__socket_new(plug_handle *ret, const struct plug_step *step, int family, int type,
                     int *reterr_os)
{
    const struct plug__socket_conf *conf = step->conf;
    plug_handle h;
    int r = plug__os_socket(&h, family, type, (int)conf->protocol, reterr_os);
    if (r < 0)
        return r;
    r = plug__socket_apply(h, step, PLUG_PHASE_SOCKET, family, reterr_os);
    if (r < 0) {
        plug__os_close(h);
        return r;
    }
    *ret = h;
    return 0;
}

int plug__socket_watch(struct plug__socket *s, plug_handle h, unsigned bits, int *reterr_os)
{
    int r;
    s->io.handle = h;
    s->io.armed = (uint16_t)bits;
    r = plug__loop_add(s->l.sock->loop, &s->io, reterr_os);
    if (r < 0) {
        s->io.handle = PLUG_NO_HANDLE;
        plug__os_close(h);
    }
    return r;
}

int plug__socket_up(struct plug__socket *s)
{
    int os = 0;
    int r = plug__socket_apply(s->io.handle, s->step, PLUG_PHASE_CONNECTED, AF_UNSPEC, &os);
    if (r < 0)
        return plug_fail(&s->l, 2, r, os);
    s->l.state = PLUG__SOCKET_UP;
    s->l.ready |= PLUG_OUT;
    return 0;
}

int plug__socket_adopt(struct plug__socket *s)
{
    plug_handle h = s->step->adopt;
    const int listening = plug__os_listening(h);
    int os = 0, r;
    if (listening != plug_is_listener(&s->l))
        return PLUG_EINVAL;
    s->flags |= PLUG__SOCKET_ADOPTED;
    s->flags &= (uint16_t)~PLUG__SOCKET_BYPASS;
    s->io.handle = h;
    s->io.armed = listening ? PLUG_IN : 0;
    r = plug__loop_add(s->l.sock->loop, &s->io, &os);
    if (r >= 0 && listening)
        r = plug__os_nonblock(h, 1, &os);
    if (r < 0)
        return plug_fail(&s->l, 2, r, os);
    if (!listening)
        return plug__socket_up(s);
    s->l.state = PLUG__SOCKET_LISTENING;
    return 0;
}

static int socket_turned_away(plug_handle h, const struct plug_layer *listener,
                              const struct plug_step *step, const struct plug_addr *peer)
{
    const char *why = peer->family == AF_UNIX ? plug__socket_unwelcome_user(step, h)
                                              : plug__socket_unwelcome(step, peer);
    if (why)
        plug__listener_refused(listener->sock, peer, why);
    return why != NULL;
}

int plug__socket_accept(plug_handle from, struct plug_layer *listener, struct plug__socket *child)
{
    struct plug_addr peer;
    plug_handle h;
    int os = 0;
    int r = plug__os_accept(from, &h, &peer, &os);
    if (r == PLUG_EAGAIN)
        return r;
    if (r >= 0 && plug__socket_filters(child->step) &&
        socket_turned_away(h, listener, child->step, &peer)) {
        plug__os_close(h);
        return PLUG_EPERM; /* of this one; the listener goes on */
    }
    if (r >= 0 && plug__socket_watch(child, h, 0, &os) < 0)
        r = PLUG_ENOBUFS; /* the poller is full: the listener pauses */
    if (r < 0) {
        listener->os_error = os;
        return r;
    }
    (void)plug__socket_up(child); /* an option that fails is the child's fault: its open says so */
    child->l.state = PLUG__SOCKET_UP;
    return 0;
}

int plug__socket_accept_own(struct plug_layer *l, struct plug_layer *child)
{
    struct plug__socket *s = plug__socket_of(l);
    int r;
    if (!(l->ready & PLUG_IN))
        return PLUG_EAGAIN;
    r = plug__socket_accept(s->io.handle, l, plug__socket_of(child));
    if (r == PLUG_EAGAIN)
        plug__unready(l, &s->io, PLUG_IN);
    return r;
}

int plug__socket_listen(plug_handle h, const struct plug_step *step, int family, int *reterr_os)
{
    const int64_t backlog = step->plan->common.backlog;
    int r = plug__socket_apply(h, step, PLUG_PHASE_LISTEN, family, reterr_os);
    return r < 0 ? r
                 : plug__os_listen(h, backlog > 0 && backlog < INT_MAX ? (int)backlog : INT_MAX,
                                   reterr_os);
}

/* ---- data ---- */

/* Faults of one call; the endpoint is as it was. */
static int socket_passing(int r)
{
    return r == PLUG_EAGAIN || r == PLUG_EMSGSIZE || r == PLUG_EINVAL || r == PLUG_ENOMEM ||
           r == PLUG_ENOBUFS;
}

static int socket_recv_failed(struct plug__socket *s, int r, int os)
{
    struct plug_layer *l = &s->l;
    if (r == PLUG_EAGAIN) {
        plug__unready(l, &s->io, PLUG_IN);
        return r;
    }
    l->ready &= (uint16_t)~PLUG_ERR;
    if (r == PLUG_EOF) /* the other direction took the kernel's word of the reset */
        return s->broken ? plug_fail(l, 0, s->broken, 0) : r;
    l->os_error = os;
    if ((l->ops->flags & PLUG_RELIABLE) && !socket_passing(r)) {
        s->broken = (int16_t)r;
        plug_fail(l, 2, r, os);
    }
    return r;
}

int plug__socket_recv(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    struct plug__socket *s = plug__socket_of(l);
    int stream = s->flags & PLUG__SOCKET_STREAM;
    int os = 0, r;
    (void)flags;
    if (!(l->ready & PLUG_IN))
        return PLUG_EAGAIN;
    if (n == 0)
        return 0;
    r = plug__os_recv(s->io.handle, v, stream ? 1 : n, stream, &os);
    if (r < 0)
        return socket_recv_failed(s, r, os);
    for (int i = 0; i < r; i++)
        s->stripped += (v[i].flags & PLUG_MSG_CTRUNC) != 0;
    /* A FIN or urgent data in the same edge would be lost: then only EAGAIN clears. */
    if ((s->flags & PLUG__SOCKET_SHORT) && !(l->ready & (PLUG__HUP | PLUG__PRI)) &&
        v->len < plug_msg_size(v))
        plug__unready(l, &s->io, PLUG_IN);
    return r;
}

static int socket_send_failed(struct plug__socket *s, int r, int os)
{
    struct plug_layer *l = &s->l;
    if (r == PLUG_EAGAIN) {
        plug__unready(l, &s->io, PLUG_OUT);
        return r;
    }
    l->ready &= (uint16_t)~PLUG_ERR;
    l->os_error = os;
    if (!(l->ops->flags & PLUG_RELIABLE) || socket_passing(r))
        return r;
    if (r != PLUG_EPIPE) /* with EPIPE the peer's FIN has come: what it sent is whole */
        s->broken = (int16_t)r;
    return plug_fail(l, 1, r, os);
}

int plug__socket_send(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    struct plug__socket *s = plug__socket_of(l);
    int stream = s->flags & PLUG__SOCKET_STREAM;
    size_t size;
    int os = 0, r;
    if (n == 0)
        return 0;
    if (!(l->ready & PLUG_OUT))
        return PLUG_EAGAIN;
    size = stream ? plug_msg_size(v) : 0;
    if (stream && size == 0) {
        v->len = 0;
        return 1;
    }
    r = plug__os_send(s->io.handle, v, stream ? 1 : n, flags, &os);
    if (r < 0)
        return socket_send_failed(s, r, os);
    if (stream && v->len < size)
        plug__unready(l, &s->io, PLUG_OUT);
    return r;
}

/* ---- ends ---- */

static int socket_error_of(struct plug__socket *s)
{
    int os = 0, r;
    if (s->broken)
        return s->broken;
    r = plug__os_sockerr(s->io.handle, &os);
    s->l.ready &= (uint16_t)~PLUG_ERR;
    if (r < 0) {
        s->broken = (int16_t)r;
        plug_fail(&s->l, 2, r, os);
    }
    return r;
}

static int socket_fin(struct plug__socket *s)
{
    int os = 0, r;
    if (s->flags & PLUG__SOCKET_WR_SHUT)
        return 0;
    r = plug__os_shutdown(s->io.handle, PLUG_SHUT_WR, &os);
    if (r == PLUG_ENOTCONN && socket_error_of(s) < 0) /* a reset came first */
        return s->broken;
    if (r < 0)
        return plug_fail(&s->l, 1, r, os);
    s->flags |= PLUG__SOCKET_WR_SHUT;
    return 0;
}

/* 0 when the peer's kernel has acknowledged all, EAGAIN while it has not, or what went wrong. */
static int socket_settled(struct plug__socket *s)
{
    struct plug_layer *l = &s->l;
    int64_t unsent;
    if (l->error[1])
        return l->error[1];
    unsent = plug__os_unsent(s->io.handle);
    /* After it, for a reset empties the queue as well; and whatever it is, since the poll backend
     * has told its last of a socket that is shut both ways. */
    if (socket_error_of(s) < 0)
        return s->broken;
    if (unsent > 0 || (unsent < 0 && !(s->flags & PLUG__SOCKET_SHORT)))
        return PLUG_EAGAIN;
    return 0;
}

static int socket_farewell(struct plug__socket *s)
{
    int r;
    if (!(s->l.ops->flags & PLUG_RELIABLE))
        return 0;
    r = s->l.error[1] ? s->l.error[1] : socket_fin(s);
    if (r >= 0)
        r = socket_settled(s);
    if (r != PLUG_EAGAIN) {
        s->flags &= (uint16_t)~PLUG__SOCKET_LOOKING;
        return r;
    }
    if (!(s->flags & PLUG__SOCKET_LOOKING)) {
        s->flags |= PLUG__SOCKET_LOOKING;
        s->pause = SOCKET_LOOK_FIRST;
        s->look = s->l.sock->loop->now + SOCKET_LOOK_FIRST * PLUG_MS;
        plug_tick_at(&s->l, s->look);
    }
    return PLUG_EAGAIN;
}

int plug__socket_shut(struct plug_layer *l, int how)
{
    struct plug__socket *s = plug__socket_of(l);
    int os = 0, r;
    if (how == PLUG_SHUT_RESET) {
        s->flags |= PLUG__SOCKET_RESET;
        return 0;
    }
    if (l->state != PLUG__SOCKET_UP)
        return PLUG_ENOTCONN;
    if (how == PLUG_SHUT_RDWR)
        return socket_farewell(s);
    if (how == PLUG_SHUT_WR)
        return l->error[1] ? l->error[1] : socket_fin(s);
    r = plug__os_shutdown(s->io.handle, PLUG_SHUT_RD, &os);
    return r < 0 ? plug_fail(l, 0, r, os) : 0;
}

/* The kernel tells nobody when the last byte is acknowledged, so we look, ever more rarely. */
plug_time plug__socket_tick(struct plug_layer *l, plug_time now)
{
    struct plug__socket *s = plug__socket_of(l);
    if (!(s->flags & PLUG__SOCKET_LOOKING))
        return PLUG_FOREVER;
    if (now < s->look)
        return s->look;
    s->pause = s->pause * 2 > SOCKET_LOOK_MOST ? SOCKET_LOOK_MOST : s->pause * 2;
    s->look = now + s->pause * PLUG_MS;
    plug_ready(l, 0); /* whoever waits calls shut again */
    return s->look;
}

/* close(2) would wait for what `linger` says even on a non-blocking socket (Linux); the orderly
 * end has waited already. */
static void socket_unlinger(struct plug__socket *s)
{
    if (s->flags & PLUG__SOCKET_RESET)
        (void)plug__os_reset(s->io.handle);
    else
        for (unsigned i = 0; i < s->step->nopts; i++)
            if (s->step->opts[i].option->type == PLUG_OPT_SOCKLINGER && s->step->opts[i].number)
                (void)plug__os_linger(s->io.handle, -1, NULL);
}

/* Standard input and output stay open, or the next descriptor of the process would take their
 * numbers. */
static int socket_keeps(const struct plug__socket *s)
{
    return (s->flags & PLUG__SOCKET_ADOPTED) && s->io.handle <= 2;
}

void plug__socket_close(struct plug_layer *l)
{
    struct plug__socket *s = plug__socket_of(l);
    if (s->io.handle == PLUG_NO_HANDLE)
        return;
    plug__loop_del(l->sock->loop, &s->io);
    if (l->state == PLUG__SOCKET_UP)
        socket_unlinger(s);
    if (!socket_keeps(s))
        plug__os_close(s->io.handle);
    s->io.handle = PLUG_NO_HANDLE;
}

/* ---- movers and options ---- */

int plug__socket_bypass(struct plug_layer *l, unsigned dir, struct plug_bypass *ret)
{
    struct plug__socket *s = plug__socket_of(l);
    if (l->state != PLUG__SOCKET_UP || !(s->flags & PLUG__SOCKET_BYPASS) ||
        s->io.handle == PLUG_NO_HANDLE)
        return PLUG_ENOTSUP;
    /* A splice cannot tell that descriptors came along: who sends them is told by its kernel. */
    if (dir == PLUG_IN && !(s->flags & (PLUG__SOCKET_SHORT | PLUG__SOCKET_REFUSES))) {
        (void)plug__os_refuse_rights(s->io.handle);
        s->flags |= PLUG__SOCKET_REFUSES;
    }
    *ret = (struct plug_bypass){
        .base = l,
        .io = &s->io,
        .handle = s->io.handle,
        .kind = s->flags & PLUG__SOCKET_STREAM ? PLUG_BYPASS_SOCKET : PLUG_BYPASS_DGRAM,
    };
    return 0;
}

int plug__socket_put_addr(void *val, size_t *len, const struct plug_addr *a)
{
    if (*len < sizeof(*a))
        return PLUG_EINVAL;
    memcpy(val, a, sizeof(*a));
    *len = sizeof(*a);
    return 0;
}

static int socket_get(struct plug__socket *s, int name, void *val, size_t *len)
{
    struct plug_addr a;
    int64_t unsent;
    int os = 0, r;
    switch (name) {
    case PLUG_SO_NAME:
        r = plug__os_sockname(s->io.handle, &a, &os);
        return r < 0 ? r : plug__socket_put_addr(val, len, &a);
    case PLUG_SO_PEER:
        r = plug__os_peername(s->io.handle, &a, &os);
        return r < 0 ? r : plug__socket_put_addr(val, len, &a);
    case PLUG_SO_UNSENT:
        unsent = plug__os_unsent(s->io.handle);
        if (unsent < 0 || *len < sizeof(unsent))
            return unsent < 0 ? PLUG_ENOTSUP : PLUG_EINVAL;
        if (unsent && (s->flags & PLUG__SOCKET_WR_SHUT))
            unsent--; /* the kernel counts the FIN as a byte */
        memcpy(val, &unsent, sizeof(unsent));
        *len = sizeof(unsent);
        return 0;
    case PLUG_SO_STRIPPED:
        if (*len < sizeof(unsent))
            return PLUG_EINVAL;
        unsent = s->stripped;
        memcpy(val, &unsent, sizeof(unsent));
        *len = sizeof(unsent);
        return 0;
    default:
        return PLUG_ENOTSUP;
    }
}

int plug__socket_getopt(struct plug_layer *l, int level, int name, void *val, size_t *len)
{
    struct plug__socket *s = plug__socket_of(l);
    if (level == PLUG_LEVEL_SOCK && name == PLUG__SO_CAUSE)
        return plug__socket_cause(l, s->step, val, len);
    if (s->io.handle == PLUG_NO_HANDLE)
        return level < PLUG_LEVEL_SOCK || level == PLUG_LEVEL_SOCK ? PLUG_ENOTCONN : PLUG_ENOTSUP;
    if (level == PLUG_LEVEL_SOCK)
        return socket_get(s, name, val, len);
    if (level > PLUG_LEVEL_SOCK)
        return PLUG_ENOTSUP;
    return plug__os_getsockopt(s->io.handle, level, name, val, len, NULL);
}

/* From one loop's books into another's; what is ready stays so. */
static int socket_move(struct plug__socket *s, const void *val, size_t len)
{
    struct plug_loop *to;
    int r;
    if (len != sizeof(to) || s->l.state != PLUG__SOCKET_UP)
        return PLUG_EINVAL;
    memcpy(&to, val, sizeof(to));
    plug__loop_del(s->l.sock->loop, &s->io);
    r = plug__loop_add(to, &s->io, NULL);
    if (r < 0 && plug__loop_add(s->l.sock->loop, &s->io, NULL) < 0)
        plug_fail(&s->l, 2, r, 0);
    return r;
}

/* The peer of a network answers a keepalive probe: with a reset when its system has forgotten the
 * connection, which Linux does a minute after both ways were closed. */
static void socket_probe_often(struct plug__socket *s)
{
    const int wait = SOCKET_PROBE_S;
    int on = 0;
    size_t len = sizeof(on);
    if (s->flags & PLUG__SOCKET_PROBED)
        return;
    s->flags |= PLUG__SOCKET_PROBED;
    if (TCP_KEEPIDLE != PLUG__LACKS &&
        plug__os_getsockopt(s->io.handle, SOL_SOCKET, SO_KEEPALIVE, &on, &len, NULL) >= 0 && on) {
        (void)plug__os_setsockopt(s->io.handle, IPPROTO_TCP, TCP_KEEPIDLE, &wait, sizeof(wait),
                                  NULL);
        (void)plug__os_setsockopt(s->io.handle, IPPROTO_TCP, TCP_KEEPINTVL, &wait, sizeof(wait),
                                  NULL);
    }
}

/* A local peer that has closed hangs up both ways. */
static void socket_probe(struct plug__socket *s)
{
    struct plug__pollfd fd = {.handle = s->io.handle, .want = PLUG_OUT};
    if (s->flags & PLUG__SOCKET_WR_SHUT)
        return;
    if (s->flags & PLUG__SOCKET_SHORT) { /* TCP */
        socket_probe_often(s);
        return;
    }
    if (plug__os_poll(&fd, 1, 0, NULL) > 0 && (fd.got & PLUG__HUP)) {
        plug_fail(&s->l, 1, PLUG_EPIPE, 0);
        plug_ready(&s->l, PLUG_OUT);
    }
}

int plug__socket_setopt(struct plug_layer *l, int level, int name, const void *val, size_t len)
{
    struct plug__socket *s = plug__socket_of(l);
    if (level > PLUG_LEVEL_SOCK || s->io.handle == PLUG_NO_HANDLE)
        return level > PLUG_LEVEL_SOCK ? PLUG_ENOTSUP : PLUG_ENOTCONN;
    if (level == PLUG_LEVEL_SOCK && name == PLUG__SO_PROBE) {
        socket_probe(s);
        return 0;
    }
    if (level == PLUG_LEVEL_SOCK)
        return name == PLUG__SO_MOVE ? socket_move(s, val, len) : PLUG_ENOTSUP;
    return plug__os_setsockopt(s->io.handle, level, name, val, len, NULL);
}
