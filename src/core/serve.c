/* SPDX-License-Identifier: MIT
 *
 * plug_fd: an endpoint as an ordinary descriptor. A bare one is duplicated; any other is served
 * through a socketpair by its shared loop, or by a thread that turns its private one. It ends
 * nothing by time: that is the relay's.
 */
#include "core/serve.h"

#include "util/alloc.h"

enum { SERVE_RUNS, SERVE_DONE, SERVE_CLOSED };

/* One direction: at most one piece or record is held. */
struct serve_lane {
    char *buf;
    size_t at, have;
    int held;  /* buf goes out next */
    int ended; /* the end of data was met */
    int done;  /* and handed on */
};

struct plug__served {
    struct plug_sock *sock;
    struct plug_io near, wake_io; /* our end of the pair; what plug_close calls the thread by */
    plug_handle wake[2];
    struct serve_lane in, out; /* from the sock, to the sock */
    struct plug__mutex lock;   /* of state */
    size_t room;               /* bytes in a lane's buf */
    unsigned bits;             /* near may be tried: PLUG_IN, PLUG_OUT */
    int state, threaded, records;
    int over; /* both lanes are done; the serving thread's own */
};

/* ---- the caller's side ---- */

static int serve_state(const struct plug__served *v)
{
    struct plug__mutex *lock = (struct plug__mutex *)(uintptr_t)&v->lock;
    int state;
    plug__mutex_lock(lock);
    state = v->state;
    plug__mutex_unlock(lock);
    return state;
}

int plug__served_busy(const struct plug_sock *s)
{
    return s->served && serve_state(s->served) == SERVE_RUNS;
}

int plug__sock_mine(const struct plug_sock *s)
{
    if (!s)
        return PLUG_EINVAL;
    return plug__served_busy(s) ? PLUG_EBUSY : 0;
}

static void serve_free(struct plug__served *v)
{
    if (v->wake[0] != PLUG_NO_HANDLE)
        plug__os_wake_close(v->wake);
    if (v->near.handle != PLUG_NO_HANDLE)
        plug__os_close(v->near.handle);
    plug__free(v->in.buf);
    plug__free(v->out.buf);
    plug__mutex_drop(&v->lock);
    plug__free(v);
}

/* ---- the lanes; each call is one attempt: 1 moved on, 0 waits, or what failed ---- */

static void serve_again(struct plug__served *v, unsigned bits)
{
    v->bits &= ~bits;
    plug__loop_arm(v->sock->loop, &v->near, bits);
}

/* A record comes whole or in pieces; only a whole one can be handed on. */
static int serve_take(struct plug__served *v)
{
    struct serve_lane *lane = &v->in;
    struct plug_iov iov = {lane->buf + lane->have, v->room - lane->have};
    struct plug_msg m = {.iov = &iov, .niov = 1};
    int r = plug__sock_recv(v->sock, &m, 1, 0);
    if (r == PLUG_EAGAIN)
        return 0;
    if (r == PLUG_EOF) {
        lane->ended = 1;
        lane->held = lane->have > 0;
        return 1;
    }
    if (r < 0)
        return r;
    lane->have += m.len;
    if (m.flags & PLUG_MSG_TRUNC)
        return PLUG_EMSGSIZE;
    lane->held = !v->records || (m.flags & PLUG_MSG_EOR);
    return lane->held || lane->have < v->room ? 1 : PLUG_EMSGSIZE;
}

static int serve_give(struct plug__served *v)
{
    struct serve_lane *lane = &v->in;
    struct plug_iov iov = {lane->buf + lane->at, lane->have - lane->at};
    struct plug_msg m = {.iov = &iov, .niov = 1};
    int r = v->bits & PLUG_OUT ? plug__os_send(v->near.handle, &m, 1, 0, NULL) : PLUG_EAGAIN;
    if (r == PLUG_EAGAIN) {
        serve_again(v, PLUG_OUT);
        return 0;
    }
    if (r == PLUG_EPIPE || r == PLUG_ECONNRESET) { /* nobody has the descriptor any more */
        lane->done = 1;
        return 1;
    }
    if (r < 0)
        return r;
    lane->at += m.len;
    if (lane->at >= lane->have)
        lane->at = lane->have = 0, lane->held = 0;
    return 1;
}

static int serve_in(struct plug__served *v)
{
    if (v->in.done)
        return 0;
    if (v->in.held)
        return serve_give(v);
    if (!v->in.ended)
        return serve_take(v);
    (void)plug__os_shutdown(v->near.handle, PLUG_SHUT_WR, NULL);
    v->in.done = 1;
    return 1;
}

static int serve_read(struct plug__served *v)
{
    struct serve_lane *lane = &v->out;
    struct plug_iov iov = {lane->buf, v->room};
    struct plug_msg m = {.iov = &iov, .niov = 1};
    int r =
        v->bits & PLUG_IN ? plug__os_recv(v->near.handle, &m, 1, !v->records, NULL) : PLUG_EAGAIN;
    if (r == PLUG_EAGAIN) {
        serve_again(v, PLUG_IN);
        return 0;
    }
    if (r == PLUG_EOF || r == PLUG_ECONNRESET) { /* reset: closed with our data unread */
        lane->ended = 1;
        return 1;
    }
    if (r < 0)
        return r;
    if (m.flags & PLUG_MSG_TRUNC)
        return PLUG_EMSGSIZE;
    lane->have = m.len;
    lane->held = 1;
    return 1;
}

static int serve_send(struct plug__served *v)
{
    struct serve_lane *lane = &v->out;
    struct plug_iov iov = {lane->buf + lane->at, lane->have - lane->at};
    struct plug_msg m = {.iov = &iov, .niov = 1, .flags = v->records ? PLUG_MSG_EOR : 0};
    int r = plug__sock_send(v->sock, &m, 1, 0);
    if (r < 0)
        return r == PLUG_EAGAIN ? 0 : r;
    lane->at += m.len;
    if (lane->at >= lane->have)
        lane->at = lane->have = 0, lane->held = 0;
    return 1;
}

static int serve_out(struct plug__served *v)
{
    if (v->out.done)
        return 0;
    if (v->out.held)
        return serve_send(v);
    if (!v->out.ended)
        return serve_read(v);
    if (plug__sock_shut(v->sock, PLUG_SHUT_WR) == PLUG_EAGAIN)
        return 0;
    v->out.done = 1; /* a kind that cannot half-close has nothing to say */
    return 1;
}

/* ---- serving, on the loop's thread ---- */

/* The descriptor meets its end; what went wrong is the sock's to tell. */
static void serve_stop(struct plug__served *v, int code)
{
    struct plug_sock *s = v->sock;
    if (code < 0 && !s->failed)
        s->failed = code;
    s->watch = NULL;
    plug__loop_del(s->loop, &v->near);
    plug__os_close(v->near.handle);
    v->near.handle = PLUG_NO_HANDLE;
    v->over = 1;
    if (v->threaded)
        return; /* serve_thread says so to the caller when it has let go of the loop */
    plug__mutex_lock(&v->lock);
    v->state = SERVE_DONE;
    plug__mutex_unlock(&v->lock);
}

static void serve_watch(struct plug_sock *s, void *arg)
{
    struct plug__served *v = arg;
    for (int i = 0; i < PLUG__SERVE_TURN; i++) {
        int in = serve_in(v), out = serve_out(v);
        if (in < 0 || out < 0 || (v->in.done && v->out.done)) {
            serve_stop(v, in < 0 ? in : out < 0 ? out : 0);
            return;
        }
        if (!in && !out)
            return;
    }
    plug__sock_again(s);
}

static void serve_near(struct plug_io *io, unsigned bits)
{
    struct plug__served *v = plug__of(io, struct plug__served, near);
    v->bits |= bits & (PLUG_ERR | PLUG_HUP) ? (unsigned)(PLUG_IN | PLUG_OUT) : bits;
    plug__loop_queue(v->sock->loop, &v->sock->task);
}

static void serve_called(struct plug_io *io, unsigned bits)
{
    struct plug__served *v = plug__of(io, struct plug__served, wake_io);
    (void)bits;
    plug__os_wake_drain(v->wake);
}

/* Turns the private loop until both ends have ended or the caller has closed the sock. */
static void serve_thread(void *arg)
{
    struct plug__served *v = arg;
    struct plug_sock *s = v->sock;
    int r = 0, closed = 0;
    while (!v->over && !closed && r >= 0) {
        r = plug__loop_poll(s->loop, PLUG_FOREVER);
        closed = serve_state(v) == SERVE_CLOSED;
    }
    if (!v->over)
        serve_stop(v, r < 0 ? r : 0);
    plug__loop_del(s->loop, &v->wake_io);
    plug__mutex_lock(&v->lock);
    closed = v->state == SERVE_CLOSED;
    v->state = closed ? SERVE_CLOSED : SERVE_DONE;
    plug__mutex_unlock(&v->lock);
    if (!closed)
        return; /* the sock is its caller's again */
    s->served = NULL;
    serve_free(v);
    plug_close(s);
}

int plug__served_leave(struct plug_sock *s)
{
    struct plug__served *v = s->served;
    if (!v)
        return 0;
    plug__mutex_lock(&v->lock);
    if (v->threaded && v->state == SERVE_RUNS) {
        v->state = SERVE_CLOSED;
        plug__os_wake_signal(v->wake);
        plug__mutex_unlock(&v->lock);
        return 1;
    }
    plug__mutex_unlock(&v->lock);
    if (!v->over)
        serve_stop(v, 0);
    s->served = NULL;
    serve_free(v);
    return 0;
}

/* ---- giving it away ---- */

/* The one handle of a bare stack, or PLUG_NO_HANDLE. */
static plug_handle serve_bare(struct plug_sock *s)
{
    const unsigned flags = s->plan->steps[0].flags;
    struct plug_bypass in = {.handle = PLUG_NO_HANDLE}, out = {.handle = PLUG_NO_HANDLE};
    int r, w;
    if (s->top->below)
        return PLUG_NO_HANDLE;
    r = plug__sock_bypass(s, PLUG_IN, &in);
    if (r >= 0 && in.kind == PLUG_BYPASS_FILE)
        return in.handle;
    w = plug__sock_bypass(s, PLUG_OUT, &out);
    if (r < 0)
        return w >= 0 && (flags & PLUG_NOREAD) ? out.handle : PLUG_NO_HANDLE;
    if (w < 0)
        return flags & PLUG_NOWRITE ? in.handle : PLUG_NO_HANDLE;
    return in.handle == out.handle ? in.handle : PLUG_NO_HANDLE;
}

static int serve_new(struct plug__served **ret, struct plug_sock *s)
{
    struct plug__served *v = plug__calloc(1, sizeof *v);
    int r;
    if (!v)
        return PLUG_ENOMEM;
    r = plug__mutex_init(&v->lock);
    if (r < 0) {
        plug__free(v);
        return r;
    }
    v->sock = s;
    v->records = plug__sock_step(s)->offers != PLUG_STREAM;
    v->room = v->records ? PLUG__SERVE_RECORD : PLUG__SERVE_BYTES;
    v->threaded = s->loop->private_;
    v->near = (struct plug_io){.handle = PLUG_NO_HANDLE, .ready = serve_near};
    v->wake_io = (struct plug_io){.ready = serve_called, .armed = PLUG_IN};
    v->wake[0] = v->wake[1] = PLUG_NO_HANDLE;
    v->bits = PLUG_IN | PLUG_OUT;
    v->in.buf = plug__malloc(v->room);
    v->out.buf = plug__malloc(v->room);
    if (!v->in.buf || !v->out.buf) {
        serve_free(v);
        return PLUG_ENOMEM;
    }
    *ret = v;
    return 0;
}

/* Both descriptors of the pair; *far blocks, as programs expect of their standard input. */
static int serve_pair(struct plug__served *v, plug_handle *far)
{
    plug_handle ends[2];
    int r = plug__os_socketpair(ends, v->records ? PLUG_SEQPACKET : PLUG_STREAM, NULL);
    if (r < 0)
        return r;
    v->near.handle = ends[0];
    *far = ends[1];
    r = plug__os_nonblock(*far, 0, NULL);
    if (r >= 0)
        r = plug__loop_add(v->sock->loop, &v->near, NULL);
    if (r < 0)
        plug__os_close(*far);
    return r;
}

static int serve_hire(struct plug__served *v)
{
    struct plug_loop *loop = v->sock->loop;
    int r = plug__os_wake_open(v->wake, NULL);
    if (r < 0) {
        v->wake[0] = v->wake[1] = PLUG_NO_HANDLE;
        return r;
    }
    v->wake_io.handle = v->wake[0];
    r = plug__loop_add(loop, &v->wake_io, NULL);
    if (r >= 0)
        r = plug__thread_start(serve_thread, v, NULL);
    if (r < 0)
        plug__loop_del(loop, &v->wake_io);
    return r;
}

static int serve_start(struct plug_sock *s)
{
    struct plug__served *v;
    plug_handle far = PLUG_NO_HANDLE;
    int r = serve_new(&v, s);
    if (r < 0)
        return r;
    r = serve_pair(v, &far);
    if (r < 0) {
        serve_free(v);
        return r;
    }
    s->served = v;
    plug_watch(s, serve_watch, v);
    r = v->threaded ? serve_hire(v) : 0; /* from here on the sock is the thread's */
    if (r >= 0)
        return (int)far;
    s->served = NULL;
    s->watch = NULL;
    plug__loop_del(s->loop, &v->near);
    serve_free(v);
    plug__os_close(far);
    return r;
}

int plug_fd(struct plug_sock *s)
{
    plug_handle bare, own;
    int r;
    if (!s)
        return PLUG_EINVAL;
    if (s->served)
        return PLUG_EBUSY;
    if (s->flags & PLUG__SOCK_LISTENER)
        return PLUG_EINVAL;
    if (!(s->flags & PLUG__SOCK_UP) || s->failed)
        return s->failed ? s->failed : PLUG_ENOTCONN;
    bare = serve_bare(s);
    if (bare != PLUG_NO_HANDLE) {
        r = plug__os_dup(bare, &own, NULL);
        return r < 0 ? r : (int)own;
    }
    if (s->loop->private_ && s->loop->refs > 1)
        return PLUG_ENOTSUP;
    return serve_start(s);
}
