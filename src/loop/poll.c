/* SPDX-License-Identifier: MIT
 *
 * poll(2) and its like as a one-shot backend: a bit is reported once and then left out until armed
 * again. It has no descriptor of its own and allocates by use, so that a private loop is cheap.
 */
#include "loop/loop.h"

#include "util/alloc.h"

struct poll_state {
    struct plug_io **ios;
    struct plug__pollfd *fds; /* of the wait under way */
    unsigned n, room;
    unsigned first; /* where the next wait begins to look, so that none is always last */
};

static int poll_init(struct plug_loop *loop, int *reterr_os)
{
    (void)reterr_os;
    loop->state = plug__calloc(1, sizeof(struct poll_state));
    return loop->state ? 0 : PLUG_ENOMEM;
}

static void poll_drop(struct plug_loop *loop)
{
    struct poll_state *st = loop->state;
    plug__free(st->ios);
    plug__free(st->fds);
    plug__free(st);
}

static int poll_grow(struct poll_state *st)
{
    unsigned room = st->room ? st->room * 2 : 1;
    struct plug_io **ios = plug__realloc(st->ios, room * sizeof *ios);
    struct plug__pollfd *fds;
    if (!ios)
        return PLUG_ENOMEM;
    st->ios = ios;
    fds = plug__realloc(st->fds, room * sizeof *fds);
    if (!fds)
        return PLUG_ENOMEM;
    st->fds = fds;
    st->room = room;
    return 0;
}

static int poll_add(struct plug_loop *loop, struct plug_io *io, int *reterr_os)
{
    struct poll_state *st = loop->state;
    (void)reterr_os;
    if (st->n == st->room && poll_grow(st) < 0)
        return PLUG_ENOMEM;
    st->ios[st->n++] = io;
    io->slot = st->n;
    if (!io->armed)
        io->armed = PLUG_IN | PLUG_OUT | PLUG__PRI;
    return 0;
}

static void poll_del(struct plug_loop *loop, struct plug_io *io)
{
    struct poll_state *st = loop->state;
    struct plug_io *last = st->ios[--st->n];
    st->ios[io->slot - 1] = last;
    last->slot = io->slot;
}

static void poll_arm(struct plug_loop *loop, struct plug_io *io, unsigned bits)
{
    (void)loop;
    io->armed = (uint16_t)(io->armed | bits);
}

/* The k-th handle of this round. */
static struct plug_io *poll_at(const struct poll_state *st, unsigned k)
{
    return st->ios[(st->first + k) % st->n];
}

/* A handle with nothing armed is left out altogether: POLLHUP cannot be masked. */
static unsigned poll_fill(const struct poll_state *st, struct plug__pollfd *v, unsigned room)
{
    unsigned n = 0;
    for (unsigned k = 0; k < st->n; k++) {
        const struct plug_io *io = poll_at(st, k);
        if (!io->armed)
            continue;
        if (n < room)
            v[n] = (struct plug__pollfd){.handle = io->handle, .want = io->armed};
        n++;
    }
    return n;
}

static void poll_report(struct plug_loop *loop, struct plug_io *io, unsigned got)
{
    if (got & (PLUG_ERR | PLUG__HUP)) {
        got |= PLUG_IN | PLUG_OUT; /* the next call meets the error */
        io->armed = 0;             /* even a wait for PRI alone would be told of it for ever */
    }
    io->armed = (uint16_t)(io->armed & ~got);
    plug__loop_event(loop, io, got);
}

/* v as filled. What finds no room in the batch stays armed and is found again by the next wait. */
static void poll_take(struct plug_loop *loop, const struct plug__pollfd *v, unsigned n)
{
    struct poll_state *st = loop->state;
    for (unsigned k = 0, i = 0; k < st->n && i < n; k++) {
        struct plug_io *io = poll_at(st, k);
        if (!io->armed)
            continue;
        if (v[i].got && loop->nevents == loop->room) {
            st->first = (st->first + k) % st->n;
            return;
        }
        if (v[i].got)
            poll_report(loop, io, v[i].got);
        i++;
    }
}

static int poll_wait(struct plug_loop *loop, plug_time until, int *reterr_os)
{
    struct poll_state *st = loop->state;
    unsigned n = poll_fill(st, st->fds, st->room);
    int got = plug__os_poll(st->fds, n, plug__loop_timeout(loop, until), reterr_os);
    if (got > 0)
        poll_take(loop, st->fds, n);
    return got < 0 ? got : 0;
}

const struct plug__backend plug__poll_backend = {
    .name = "poll",
    .init = poll_init,
    .drop = poll_drop,
    .add = poll_add,
    .del = poll_del,
    .arm = poll_arm,
    .wait = poll_wait,
    .fd = NULL,  /* has none */
    .now = NULL, /* the system's */
};

unsigned plug__poll_gather(struct plug_loop *loop, struct plug__pollfd *v, unsigned room)
{
    return loop->backend == &plug__poll_backend ? poll_fill(loop->state, v, room) : 0;
}

void plug__poll_scatter(struct plug_loop *loop, const struct plug__pollfd *v, unsigned n)
{
    if (loop->backend == &plug__poll_backend)
        poll_take(loop, v, n);
}
