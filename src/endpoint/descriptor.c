/* SPDX-License-Identifier: MIT
 *
 * Reading and writing one or two handles as a stream, without ever blocking and without touching a
 * description that others share. It knows nothing of names: who opens what is its callers' part.
 */
#include "endpoint/descriptor.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#ifndef PIPE_BUF
#define PIPE_BUF 512 /* what POSIX promises */
#endif

enum { PORT_TRIES = 16 }; /* bounded writes on a blocking description per call */

/* ---- taking handles ---- */

static void port_empty(struct plug__port *p)
{
    *p = (struct plug__port){.io = {.handle = PLUG_NO_HANDLE}};
}

void plug__duplex_init(struct plug__duplex *d, const struct plug_step *step)
{
    d->step = step;
    port_empty(&d->in);
    port_empty(&d->out);
}

int plug__port_own(struct plug__port *p, plug_handle h, int *reterr_os)
{
    struct plug__stat st;
    int r = plug__os_fstat(h, &st, reterr_os);
    if (r >= 0 && st.kind == PLUG__KIND_DIR)
        r = PLUG_EISDIR;
    if (r < 0) {
        plug__os_close(h);
        return r;
    }
    p->io.handle = h;
    p->kind = (uint8_t)st.kind;
    return 0;
}

/* Linux opens the object behind /dev/fd/N anew, so that O_NONBLOCK is ours alone. Elsewhere the
 * name gives a duplicate, which the flags of the description betray. */
static int port_reopen(plug_handle *ret, int n, unsigned dirs, const struct plug__stat *was)
{
    char path[32];
    struct plug__stat st;
    unsigned how = PLUG__O_NONBLOCK | PLUG__O_NOCTTY;
    if (was->kind != PLUG__KIND_PIPE && was->kind != PLUG__KIND_TTY)
        return PLUG_ENOTSUP;
    how |= (dirs & PLUG_IN ? PLUG__O_READ : 0u) | (dirs & PLUG_OUT ? PLUG__O_WRITE : 0u);
    snprintf(path, sizeof(path), "/dev/fd/%d", n);
    if (plug__os_open(ret, path, how, 0, NULL) < 0)
        return PLUG_ENOTSUP;
    if (plug__os_fstat(*ret, &st, NULL) >= 0 && st.nonblock && st.kind == was->kind &&
        st.inode == was->inode)
        return 0;
    plug__os_close(*ret);
    return PLUG_ENOTSUP;
}

/* A FIFO opened anew after its last writer has left does not report the hang-up that the old
 * description does (Linux, fifo_open), and would never be read. */
static int port_waits(plug_handle h, const struct plug__stat *was, unsigned dirs)
{
    struct plug__pollfd fd = {.handle = h, .want = PLUG_IN};
    return was->kind == PLUG__KIND_PIPE && (dirs & PLUG_IN) && plug__os_poll(&fd, 1, 0, NULL) > 0;
}

int plug__port_take(struct plug__port *p, int n, unsigned dirs, int keep, int *reterr_os)
{
    struct plug__stat was;
    plug_handle h = n;
    int r = n <= 2 ? plug__os_stdio(n, &h, reterr_os) : 0;
    if (r >= 0)
        r = plug__os_fstat(h, &was, reterr_os);
    if (r >= 0 && was.kind == PLUG__KIND_DIR)
        r = PLUG_EISDIR;
    if (r >= 0 && port_reopen(&p->io.handle, n, dirs, &was) >= 0)
        was.nonblock = 1;
    else if (r >= 0)
        r = plug__os_dup(h, &p->io.handle, reterr_os);
    if (r < 0) {
        port_empty(p);
        return r;
    }
    p->kind = (uint8_t)was.kind;
    if (port_waits(h, &was, dirs))
        p->flags |= PLUG__PORT_NOW;
    p->origin = n;
    p->flags |= PLUG__PORT_GIVEN;
    if (keep)
        p->flags |= PLUG__PORT_KEEP;
    if (!was.nonblock && was.kind != PLUG__KIND_SOCKET)
        p->flags |= PLUG__PORT_BLOCKS;
    return 0;
}

/* ---- readiness ---- */

/* A child may shut down its output alone (epoll: RDHUP, a hang-up as well) and go on reading; only
 * with both directions shut does a socket hang up without being asked for RDHUP. */
static int port_hung_up(const struct plug__port *p)
{
    struct plug__pollfd fd = {.handle = p->io.handle, .want = PLUG_OUT};
    return plug__os_poll(&fd, 1, 0, NULL) > 0 && (fd.got & PLUG__HUP);
}

int plug__duplex_hung_up(const struct plug__duplex *d)
{
    return port_hung_up(&d->in);
}

/* Why a child's input pipe takes no more; 0 while it has a reader. What the reader left behind
 * stays in the pipe and can be counted. */
static int port_pipe_broken(const struct plug__port *p)
{
    struct plug__pollfd fd = {.handle = p->io.handle, .want = PLUG_OUT};
    if (plug__os_poll(&fd, 1, 0, NULL) <= 0 || !(fd.got & (PLUG_ERR | PLUG__HUP)))
        return 0;
    return plug__os_unread(p->io.handle) > 0 ? PLUG_ECONNRESET : PLUG_EPIPE;
}

void plug__duplex_look(struct plug__duplex *d)
{
    const struct plug__port *p = &d->out;
    if (!d->broken && p->kind == PLUG__KIND_PIPE && p->io.handle != PLUG_NO_HANDLE &&
        (p->flags & PLUG__PORT_CHILD))
        d->broken = (int16_t)port_pipe_broken(p);
}

/* A pipe whose reader is gone says so while nothing is written; so does a child's socketpair. */
static void port_broken(struct plug__duplex *d, const struct plug__port *p, unsigned bits)
{
    if (d->ended & PLUG_OUT)
        return;
    if (p->kind == PLUG__KIND_PIPE) {
        if ((bits & PLUG_ERR) && (p->flags & PLUG__PORT_CHILD))
            plug__duplex_look(d);
        else if (bits & PLUG_ERR)
            plug_fail(&d->l, 1, PLUG_EPIPE, 0);
    } else if (p->flags & PLUG__PORT_CHILD) {
        /* ECONNRESET: it ended with bytes unread. Asked for here, a recv would meet it instead. */
        int hung = (bits & PLUG__HUP) && port_hung_up(p);
        int ask = p->kind == PLUG__KIND_SOCKET && (hung || (bits & PLUG_ERR));
        int reset = ask ? plug__os_sockerr(p->io.handle, NULL) : 0;
        if (reset || (hung && !d->broken))
            d->broken = (int16_t)(reset ? reset : PLUG_EPIPE);
    }
}

void plug__duplex_in_ready(struct plug_io *io, unsigned bits)
{
    struct plug__duplex *d = plug__of(io, struct plug__duplex, in.io);
    unsigned ready = 0;
    d->in.flags &= (uint8_t)~PLUG__PORT_LATE;
    if (bits & (PLUG_IN | PLUG_ERR | PLUG__HUP | PLUG__PRI))
        ready |= PLUG_IN;
    if (d->same && (bits & (PLUG_OUT | PLUG_ERR | PLUG__HUP)))
        ready |= PLUG_OUT;
    if (d->same && (bits & (PLUG_ERR | PLUG__HUP)))
        port_broken(d, &d->in, bits);
    if (ready)
        plug_ready(&d->l, ready);
}

void plug__duplex_out_ready(struct plug_io *io, unsigned bits)
{
    struct plug__duplex *d = plug__of(io, struct plug__duplex, out.io);
    if (!(bits & (PLUG_OUT | PLUG_ERR | PLUG__HUP)))
        return;
    if (bits & PLUG_ERR)
        port_broken(d, &d->out, bits);
    plug_ready(&d->l, PLUG_OUT);
}

static int port_start(struct plug__duplex *d, struct plug__port *p, unsigned bits)
{
    int os = 0, r;
    if (p->io.handle == PLUG_NO_HANDLE)
        return 0;
    if (p->kind == PLUG__KIND_FILE || p->kind == PLUG__KIND_BLOCK) {
        p->flags |= PLUG__PORT_ALWAYS;
    } else {
        r = plug__loop_add(d->l.sock->loop, &p->io, &os);
        if (r == PLUG_EPERM) /* epoll: /dev/null and its like */
            p->flags |= PLUG__PORT_ALWAYS;
        else if (r < 0)
            return plug_fail(&d->l, 2, r, os);
    }
    if (!(p->flags & (PLUG__PORT_ALWAYS |
                      PLUG__PORT_NOW))) /* the poller says when; plug_select must not guess */
        bits &= ~(unsigned)PLUG_IN;
    if (!(p->flags & PLUG__PORT_LATE))
        plug_ready(&d->l, bits);
    return 0;
}

int plug__duplex_start(struct plug__duplex *d)
{
    int r;
    if (!d->in.io.ready)
        d->in.io.ready = plug__duplex_in_ready;
    if (!d->out.io.ready)
        d->out.io.ready = plug__duplex_out_ready;
    r = port_start(d, &d->in, d->same ? PLUG_IN | PLUG_OUT : PLUG_IN);
    return r < 0 ? r : port_start(d, &d->out, PLUG_OUT);
}

static int port_again(struct plug__duplex *d, struct plug__port *p, unsigned bit)
{
    if (p->flags & PLUG__PORT_ALWAYS)
        plug_unready(&d->l, bit);
    else
        plug__unready(&d->l, &p->io, bit);
    return PLUG_EAGAIN;
}

/* True when one read, or one write of PIPE_BUF bytes, will not block. */
static int port_polls(const struct plug__port *p, unsigned bit)
{
    struct plug__pollfd fd = {.handle = p->io.handle, .want = bit};
    if (!(p->flags & PLUG__PORT_BLOCKS) || (p->flags & PLUG__PORT_ALWAYS))
        return 1;
    return plug__os_poll(&fd, 1, 0, NULL) > 0;
}

/* ---- reading ---- */

static int port_recv(struct plug__duplex *d, struct plug_msg *v, unsigned n, int *os)
{
    struct plug__port *p = &d->in;
    int64_t got;
    if (p->kind == PLUG__KIND_SOCKET)
        return plug__os_recv(p->io.handle, v, n, d->step->offers == PLUG_STREAM, os);
    v->len = v->flags = 0;
    v->controllen = 0;
    if (v->name)
        v->name->len = 0;
    if (!port_polls(p, PLUG_IN))
        return PLUG_EAGAIN;
    got = plug__os_read(p->io.handle, v->iov, v->niov, os);
    if (got < 0)
        return (int)got;
    v->len = (size_t)got;
    return 1;
}

int plug__duplex_recv(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    struct plug__duplex *d = (struct plug__duplex *)l;
    int os = 0, r;
    (void)flags;
    if ((d->ended & PLUG_IN) || d->in.io.handle == PLUG_NO_HANDLE)
        return n ? PLUG_EOF : 0;
    if (!(l->ready & PLUG_IN))
        return PLUG_EAGAIN;
    if (n == 0)
        return 0;
    r = port_recv(d, v, n, &os);
    if (r == PLUG_EAGAIN)
        return port_again(d, &d->in, PLUG_IN);
    if (r == PLUG_ECONNRESET && (d->in.flags & PLUG__PORT_CHILD)) {
        /* The child ended with our bytes unread: its output is whole, our sending is not. */
        d->broken = (int16_t)r;
        return PLUG_EOF;
    }
    return r >= 0 || r == PLUG_EOF ? r : plug_fail(l, 0, r, os);
}

/* ---- writing ---- */

/* The next piece of a message after `done` bytes, at most PIPE_BUF long. */
static struct plug_iov port_piece(const struct plug_msg *m, size_t done)
{
    struct plug_iov piece = {0};
    for (unsigned i = 0; i < m->niov; i++) {
        if (done < m->iov[i].len) {
            piece.base = (char *)m->iov[i].base + done;
            piece.len = m->iov[i].len - done;
            break;
        }
        done -= m->iov[i].len;
    }
    if (piece.len > PIPE_BUF)
        piece.len = PIPE_BUF;
    return piece;
}

/* A write of at most PIPE_BUF bytes after POLLOUT does not block, a longer one does. */
static int64_t port_write_bounded(struct plug__port *p, const struct plug_msg *m, size_t size,
                                  int *os)
{
    size_t done = 0;
    int64_t r = 0;
    for (int i = 0; i < PORT_TRIES && done < size; i++) {
        struct plug_iov piece = port_piece(m, done);
        r = port_polls(p, PLUG_OUT) ? plug__os_write(p->io.handle, &piece, 1, os) : PLUG_EAGAIN;
        if (r < 0)
            break;
        done += (size_t)r;
    }
    return done ? (int64_t)done : r;
}

static int port_send_one(struct plug__port *p, struct plug_msg *m, int *os)
{
    size_t size = plug_msg_size(m);
    int64_t r = 0;
    m->len = 0;
    if (size == 0)
        return 0;
    if ((p->flags & PLUG__PORT_BLOCKS) && !(p->flags & PLUG__PORT_ALWAYS))
        r = port_write_bounded(p, m, size, os);
    else
        r = plug__os_write(p->io.handle, m->iov, m->niov, os);
    if (r < 0)
        return (int)r;
    m->len = (size_t)r;
    return m->len == size ? 0 : 1;
}

static int port_send(struct plug__port *p, struct plug_msg *v, unsigned n, unsigned flags, int *os)
{
    if (p->kind == PLUG__KIND_SOCKET)
        return plug__os_send(p->io.handle, v, n, flags, os);
    for (unsigned i = 0; i < n; i++) {
        int r = port_send_one(p, &v[i], os);
        if (r < 0)
            return i ? (int)i : r;
        if (r > 0) /* a part of it */
            return (int)i + 1;
    }
    return (int)n;
}

int plug__duplex_send(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    struct plug__duplex *d = (struct plug__duplex *)l;
    struct plug__port *p = plug__duplex_out(d);
    int os = 0, r;
    if (n == 0)
        return 0;
    if (d->denied)
        return plug_fail(l, 1, d->denied, d->denied_os);
    if ((d->ended & PLUG_OUT) || p->io.handle == PLUG_NO_HANDLE)
        return plug_fail(l, 1, PLUG_EPIPE, 0);
    if (!(l->ready & PLUG_OUT))
        return PLUG_EAGAIN;
    r = port_send(p, v, n, flags, &os);
    if (r == PLUG_EAGAIN)
        return port_again(d, p, PLUG_OUT);
    return r >= 0 ? r : plug_fail(l, 1, r, os);
}

/* ---- ending ---- */

/* The numbers of standard I/O are never left free: the next descriptor that anybody opens would
 * become it, and take what is printed there. */
static void origin_close(plug_handle h, int n)
{
    plug_handle null = PLUG_NO_HANDLE;
    plug__os_close(h);
    if (n > 2 || plug__os_open(&null, "/dev/null", PLUG__O_READ | PLUG__O_WRITE, 0, NULL) < 0)
        return;
    if (null != h)
        plug__os_close(null);
}

/* Ends the caller's number as well: only so does the other end of a pipe see it. Another sock may
 * have done that already, so it must still be the same object. */
static void port_close_origin(const struct plug__port *p)
{
    struct plug__stat ours, theirs;
    plug_handle h = p->origin;
    if (!(p->flags & PLUG__PORT_GIVEN) || (p->flags & PLUG__PORT_KEEP))
        return;
    if (p->origin <= 2 && (p->kind != PLUG__KIND_PIPE || plug__os_stdio(p->origin, &h, NULL) < 0))
        return;
    if (plug__os_fstat(p->io.handle, &ours, NULL) < 0 || plug__os_fstat(h, &theirs, NULL) < 0)
        return;
    if (ours.inode == theirs.inode && ours.device == theirs.device && ours.kind == theirs.kind)
        origin_close(h, p->origin);
}

static void port_close(struct plug__duplex *d, struct plug__port *p)
{
    if (p->io.handle == PLUG_NO_HANDLE)
        return;
    plug__loop_del(d->l.sock->loop, &p->io);
    port_close_origin(p);
    plug__os_close(p->io.handle);
    p->io.handle = PLUG_NO_HANDLE;
}

static void duplex_end(struct plug__duplex *d, unsigned dir)
{
    struct plug__port *p = dir == PLUG_IN ? &d->in : plug__duplex_out(d);
    if (d->ended & dir)
        return;
    d->ended |= (uint8_t)dir;
    if (p->io.handle == PLUG_NO_HANDLE)
        return;
    if (p->kind == PLUG__KIND_SOCKET && !(p->flags & PLUG__PORT_KEEP))
        (void)plug__os_shutdown(p->io.handle, dir == PLUG_IN ? PLUG_SHUT_RD : PLUG_SHUT_WR, NULL);
    else if (p->kind == PLUG__KIND_PIPE && !d->same)
        port_close(d, p);
}

int plug__duplex_shut(struct plug_layer *l, int how)
{
    struct plug__duplex *d = (struct plug__duplex *)l;
    if (how == PLUG_SHUT_RESET) {
        plug__duplex_close(l);
        d->ended = PLUG_IN | PLUG_OUT;
        return 0;
    }
    if (how != PLUG_SHUT_RD)
        duplex_end(d, PLUG_OUT);
    if (how != PLUG_SHUT_WR)
        duplex_end(d, PLUG_IN);
    return 0;
}

int plug__duplex_bypass(struct plug_layer *l, unsigned dir, struct plug_bypass *ret)
{
    struct plug__duplex *d = (struct plug__duplex *)l;
    struct plug__port *p = dir == PLUG_IN ? &d->in : plug__duplex_out(d);
    unsigned kind;
    if ((d->ended & dir) || p->io.handle == PLUG_NO_HANDLE || (dir == PLUG_OUT && d->denied))
        return PLUG_ENOTSUP;
    if (p->kind == PLUG__KIND_PIPE && !(p->flags & PLUG__PORT_LATE))
        kind = PLUG_BYPASS_PIPE; /* SPLICE_F_NONBLOCK covers a shared description too */
    else if ((p->flags & PLUG__PORT_CHILD) && p->kind == PLUG__KIND_SOCKET)
        kind = PLUG_BYPASS_SOCKET;
    else if (p->kind == PLUG__KIND_FILE && dir == PLUG_IN)
        kind = PLUG_BYPASS_FILE;
    else
        return PLUG_ENOTSUP; /* a shared socket would block, a terminal cannot */
    *ret = (struct plug_bypass){.base = l, .handle = p->io.handle, .kind = kind};
    if (!(p->flags & PLUG__PORT_ALWAYS))
        ret->io = &p->io;
    return 0;
}

const char *plug__socket_layer(const struct plug__stat *st)
{
    struct plug_addr a;
    int local = plug__os_addr_unix(&a, "/", 0, 0) >= 0 && a.family == st->family;
    int ip = (plug__os_addr_ip(&a, "127.0.0.1", 0) >= 0 && a.family == st->family) ||
             (plug__os_addr_ip(&a, "::1", 0) >= 0 && a.family == st->family);
    if (st->type == PLUG_STREAM)
        return local ? "unix" : ip ? "tcp" : NULL;
    if (st->type == PLUG_DGRAM)
        return local ? "unix-dgram" : ip ? "udp" : NULL;
    return st->type == PLUG_SEQPACKET && local ? "unix-seqpacket" : NULL;
}

static int64_t duplex_unsent(struct plug__duplex *d)
{
    struct plug__port *p = plug__duplex_out(d);
    if (p->io.handle == PLUG_NO_HANDLE)
        return -1;
    if (p->kind == PLUG__KIND_SOCKET)
        return plug__os_unsent(p->io.handle);
    if (p->kind == PLUG__KIND_PIPE)
        return plug__os_unread(p->io.handle);
    return -1;
}

int plug__duplex_getopt(struct plug_layer *l, int level, int name, void *val, size_t *len)
{
    int64_t unsent;
    if (level != PLUG_LEVEL_SOCK || name != PLUG_SO_UNSENT)
        return PLUG_ENOTSUP;
    if (*len < sizeof(unsent))
        return PLUG_EINVAL;
    unsent = duplex_unsent((struct plug__duplex *)l);
    if (unsent < 0)
        return PLUG_ENOTSUP;
    memcpy(val, &unsent, sizeof(unsent));
    *len = sizeof(unsent);
    return 0;
}

plug_time plug__duplex_tick(struct plug_layer *l, plug_time now)
{
    (void)now;
    if (l->sock->opening == l)
        plug_ready(l, 0);
    return PLUG_FOREVER;
}

void plug__duplex_close(struct plug_layer *l)
{
    struct plug__duplex *d = (struct plug__duplex *)l;
    port_close(d, &d->in);
    port_close(d, &d->out);
}
