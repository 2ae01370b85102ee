/* SPDX-License-Identifier: MIT
 *
 * The splice mover: bytes go from one kernel object to the other through a pipe lent by the loop,
 * or straight when one of them is a pipe. One splice in, one out, then back to the loop: looping
 * reads smaller pieces and costs more (measured, docs/defaults.md).
 */
#include "relay/pump.h"

#include "util/alloc.h"
#include "util/err.h"

enum {
    SPLICE_PIPES = 64,          /* lent out at once by one loop */
    SPLICE_KEPT = 16,           /* empty ones kept; each costs the kernel some kB */
    SPLICE_LARGE = 1024 * 1024, /* size asked for … */
    SPLICE_LARGE_PIPES = 8,     /* … while so few are out; then … */
    SPLICE_MEDIUM = 256 * 1024, /* … this, well inside an unprivileged user's share */
    SPLICE_LEAST = 16 * 1024    /* smaller ones are no gain */
};

struct mover_pool {
    struct plug__pipe *free;
    unsigned kept, out;
    unsigned char *slots; /* one batch of records */
};

/* ---- the loop's pool ---- */

static void pipe_close(struct plug__pipe *p)
{
    plug__os_close(p->h[0]);
    plug__os_close(p->h[1]);
    plug__free(p);
}

static void pool_free(struct plug_loop *loop)
{
    struct mover_pool *pool = loop->pipes;
    if (!pool)
        return;
    while (pool->free) {
        struct plug__pipe *p = pool->free;
        pool->free = p->next;
        pipe_close(p);
    }
    plug__free(pool->slots);
    plug__free(pool);
    loop->pipes = NULL;
}

static struct mover_pool *pool_of(struct plug_loop *loop)
{
    if (!loop->pipes) {
        loop->pipes = plug__calloc(1, sizeof(struct mover_pool));
        if (loop->pipes)
            loop->at_free = pool_free;
    }
    return loop->pipes;
}

void *plug__mover_slots(struct plug_loop *loop)
{
    struct mover_pool *pool = pool_of(loop);
    if (!pool)
        return NULL;
    if (!pool->slots)
        pool->slots = plug__malloc(PLUG__SLOTS);
    return pool->slots;
}

/* The kernel may give less than was asked for, silently. */
static size_t pipe_grow(const struct plug__pipe *p, unsigned out)
{
    int size = 0;
    if (out < SPLICE_LARGE_PIPES)
        size = plug__os_pipe_size(p->h[1], SPLICE_LARGE);
    if (size < SPLICE_MEDIUM)
        size = plug__os_pipe_size(p->h[1], SPLICE_MEDIUM);
    return size > 0 ? (size_t)size : 0;
}

static struct plug__pipe *pipe_make(unsigned out)
{
    struct plug__pipe *p = plug__calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    if (plug__os_pipe(p->h, 1, NULL) < 0) {
        plug__free(p);
        return NULL;
    }
    p->size = pipe_grow(p, out);
    if (p->size < SPLICE_LEAST) {
        pipe_close(p);
        return NULL;
    }
    return p;
}

static struct plug__pipe *pipe_lend(struct plug_loop *loop)
{
    struct mover_pool *pool = pool_of(loop);
    struct plug__pipe *p;
    if (!pool || pool->out >= SPLICE_PIPES)
        return NULL;
    p = pool->free;
    if (p) {
        pool->free = p->next;
        pool->kept--;
    } else if (!(p = pipe_make(pool->out))) {
        return NULL;
    }
    p->next = NULL;
    p->held = 0;
    pool->out++;
    return p;
}

/* A pipe with data stuck inside cannot be used again. */
static void pipe_return(struct plug_loop *loop, struct plug__pipe *p)
{
    struct mover_pool *pool = loop->pipes;
    pool->out--;
    if (p->held || pool->kept >= SPLICE_KEPT) {
        pipe_close(p);
        return;
    }
    p->next = pool->free;
    pool->free = p;
    pool->kept++;
}

void plug__splice_drop(struct plug__pump *p, struct plug_loop *loop)
{
    if (p->pipe)
        pipe_return(loop, p->pipe);
    p->pipe = NULL;
    p->flags &= (uint8_t)~PLUG__PUMP_SPLICING;
}

/* ---- asking ---- */

static int splice_ends(struct plug__way *w, struct plug_bypass *in, struct plug_bypass *out)
{
    if (plug__sock_bypass(w->from, PLUG_IN, in) < 0 || plug__sock_bypass(w->to, PLUG_OUT, out) < 0)
        return 0;
    return in->kind != PLUG_BYPASS_DGRAM && out->kind != PLUG_BYPASS_DGRAM;
}

int plug__splice_begin(struct plug__way *w)
{
    struct plug_bypass in, out;
    w->pump->flags &= (uint8_t)~PLUG__PUMP_SPLICING;
    if (!w->movers || (w->pump->flags & PLUG__PUMP_NO_SPLICE) ||
        (w->block && w->block < PLUG__NO_SPLICE_BELOW) || !splice_ends(w, &in, &out))
        return 0;
    w->pump->flags |= PLUG__PUMP_SPLICING;
    w->pump->small = 0;
    return 1;
}

/* Back to copying, for now or (the kernel said EINVAL) for good. */
static int splice_leave(struct plug__way *w, int for_good)
{
    w->pump->flags &= (uint8_t)~PLUG__PUMP_SPLICING;
    if (for_good)
        w->pump->flags |= PLUG__PUMP_NO_SPLICE;
    w->pump->full = 0;
    return PLUG__PUMP_MOVED;
}

static int splice_refused(int64_t r)
{
    return r == PLUG_EINVAL || r == PLUG_ENOTSUP;
}

/* ---- moving ---- */

static void splice_count(struct plug__way *w, int64_t n)
{
    w->flow->bytes += (uint64_t)n;
    w->flow->spliced += (uint64_t)n;
    w->moved += (uint64_t)n;
}

static void splice_note(struct plug__way *w, int64_t n)
{
    struct plug__pump *p = w->pump;
    w->bytes -= (size_t)n < w->bytes ? (size_t)n : w->bytes;
    p->small = n < PLUG__SMALL_SPLICE ? (uint8_t)(p->small + 1) : 0;
}

/* The sink does not take splices after all: the pipe's bytes come to user space. */
static int splice_unpipe(struct plug__way *w)
{
    struct plug__pipe *pipe = w->pump->pipe;
    while (pipe->held) {
        struct plug_iov iov = {plug__loop_scratch(w->loop), PLUG__SCRATCH};
        int64_t n = iov.base ? plug__os_read(pipe->h[0], &iov, 1, NULL) : PLUG_ENOMEM;
        int r = n > 0 ? plug__hold_bytes(w, iov.base, (size_t)n) : PLUG_EIO;
        if (r < 0) {
            w->sink_failed = 1;
            return r;
        }
        pipe->held -= (size_t)n;
    }
    plug__splice_drop(w->pump, w->loop);
    splice_leave(w, 1);
    return plug__hold_flush(w);
}

/* One splice out of the pipe. SLEEP: the sink is full. */
static int splice_out(struct plug__way *w, const struct plug_bypass *out)
{
    struct plug__pipe *pipe = w->pump->pipe;
    int os = 0;
    int64_t n = plug__os_splice(pipe->h[0], out->handle, pipe->held, 0, &os);
    w->flow->calls++;
    if (n == PLUG_EAGAIN) {
        plug__bypass_again(out, PLUG_OUT);
        return PLUG__PUMP_SLEEP;
    }
    if (splice_refused(n))
        return splice_unpipe(w);
    if (n < 0) {
        w->sink_failed = 1;
        plug__bypass_fail(out, 1, (int)n, os);
        return (int)n;
    }
    splice_count(w, n);
    pipe->held -= (size_t)n;
    if (pipe->held) /* short: nobody cleared OUT, so ask again after the others had their turn */
        return PLUG__PUMP_MORE;
    pipe_return(w->loop, pipe);
    w->pump->pipe = NULL;
    return PLUG__PUMP_MOVED;
}

int plug__splice_flush(struct plug__way *w)
{
    struct plug_bypass out;
    int r = plug__sock_bypass(w->to, PLUG_OUT, &out);
    if (r == PLUG_ENOTSUP)
        return splice_unpipe(w);
    if (r < 0) {
        w->sink_failed = 1;
        return r;
    }
    if (!(plug__sock_base(w->to)->ready & PLUG_OUT))
        return PLUG__PUMP_SLEEP;
    return splice_out(w, &out);
}

/* A program that ends with its input unread makes the kernel say so behind its output. */
static int splice_is_child(struct plug_sock *from)
{
    int pid;
    size_t len = sizeof(pid);
    return plug_getsockopt(from, PLUG_LEVEL_CHILD, PLUG_CHILD_PID, &pid, &len) >= 0;
}

/* What a splice from the source said, when it moved nothing. `empty`: EAGAIN can only be the
 * source's. */
static int splice_in_failed(struct plug__way *w, const struct plug_bypass *in, int64_t n, int os)
{
    if (n == PLUG_ECONNRESET && splice_is_child(w->from)) {
        plug__bypass_fail(in, 1, (int)n, os); /* our bytes are unread; its own are all here */
        n = 0;
    }
    if (n == 0) /* an end: what kind of end only the layers know */
        return splice_leave(w, 0);
    if (n == PLUG_EAGAIN) {
        plug__bypass_again(in, PLUG_IN);
        return PLUG__PUMP_SLEEP;
    }
    if (splice_refused(n))
        return splice_leave(w, 1);
    plug__bypass_fail(in, 0, (int)n, os);
    return (int)n;
}

/* Through a lent pipe, which is empty when this begins. */
static int splice_through(struct plug__way *w, const struct plug_bypass *in,
                          const struct plug_bypass *out)
{
    struct plug__pipe *pipe = pipe_lend(w->loop);
    int os = 0;
    if (!pipe)
        return splice_leave(w, 0);
    size_t want = pipe->size < w->bytes ? pipe->size : w->bytes;
    int64_t n = plug__os_splice(in->handle, pipe->h[1], want, 0, &os);
    if (n <= 0) {
        pipe_return(w->loop, pipe);
        return splice_in_failed(w, in, n, os);
    }
    splice_note(w, n);
    pipe->held = (size_t)n;
    w->pump->pipe = pipe;
    int r = splice_out(w, out);
    if (r != PLUG__PUMP_MOVED)
        return r;
    return (size_t)n < want ? PLUG__PUMP_MORE : PLUG__PUMP_MOVED;
}

/* EAGAIN between two kernel objects does not say which one it means: ask both. */
static int splice_whose(struct plug__way *w, const struct plug_bypass *in,
                        const struct plug_bypass *out)
{
    struct plug__pollfd v[2] = {{.handle = in->handle, .want = PLUG_IN},
                                {.handle = out->handle, .want = PLUG_OUT}};
    if (plug__os_poll(v, 2, 0, NULL) < 0)
        return splice_leave(w, 0);
    if (!v[0].got && in->io) {
        plug__bypass_again(in, PLUG_IN);
        return PLUG__PUMP_SLEEP;
    }
    if (!v[1].got && out->io) {
        plug__bypass_again(out, PLUG_OUT);
        return PLUG__PUMP_SLEEP;
    }
    return splice_leave(w, 0);
}

/* A splice between a pipe and anything else needs no pipe of ours. EAGAIN may be either side's. */
static int splice_straight(struct plug__way *w, const struct plug_bypass *in,
                           const struct plug_bypass *out)
{
    int os = 0;
    size_t want = w->bytes < SPLICE_LARGE ? w->bytes : SPLICE_LARGE;
    int64_t n = plug__os_splice(in->handle, out->handle, want, 0, &os);
    w->flow->calls++;
    if (n > 0) {
        splice_note(w, n);
        splice_count(w, n);
        return (size_t)n < want ? PLUG__PUMP_MORE : PLUG__PUMP_MOVED;
    }
    if (n == PLUG_EAGAIN)
        return splice_whose(w, in, out);
    if (n == 0 || splice_refused(n))
        return splice_in_failed(w, in, n, os);
    if (n == PLUG_EPIPE || n == PLUG_ENOSPC || n == PLUG_EFBIG || n == PLUG_ECONNRESET) {
        w->sink_failed = n != PLUG_ECONNRESET || out->kind == PLUG_BYPASS_SOCKET;
        plug__bypass_fail(w->sink_failed ? out : in, w->sink_failed, (int)n, os);
        return (int)n;
    }
    return splice_leave(w, 1); /* a copy tells whose fault it is */
}

int plug__splice_step(struct plug__way *w)
{
    struct plug_bypass in, out;
    if (w->pump->small >= PLUG__SMALL_SPLICES || !splice_ends(w, &in, &out))
        return splice_leave(w, 0);
    if ((in.io && !(in.base->ready & PLUG_IN)) || (out.io && !(out.base->ready & PLUG_OUT)))
        return PLUG__PUMP_SLEEP;
    if (in.kind == PLUG_BYPASS_PIPE || out.kind == PLUG_BYPASS_PIPE)
        return splice_straight(w, &in, &out);
    return splice_through(w, &in, &out);
}
