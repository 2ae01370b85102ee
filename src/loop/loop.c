/* SPDX-License-Identifier: MIT
 *
 * The turn: one wait, then events, timers, answers of helpers, one pass over the run list, frees.
 * Backends only gather; nothing is called while they wait.
 */
#include "loop/loop.h"

#include "util/alloc.h"
#include "util/err.h"
#include <string.h>

static plug_time loop_clock(const struct plug_loop *loop)
{
    return loop->backend->now ? loop->backend->now(loop) : plug__os_now();
}

/* ---- making and freeing ---- */

int plug__loop_make(struct plug_loop **ret, const struct plug__backend *backend,
                    struct plug_err *reterr)
{
    struct plug_loop *loop = plug__calloc(1, sizeof *loop);
    int rc, os = 0;
    if (!loop) {
        plug__err(reterr, PLUG_ENOMEM, 0, "loop", "out of memory");
        return PLUG_ENOMEM;
    }
    loop->backend = backend;
    loop->wake[0] = loop->wake[1] = loop->wake_io.handle = PLUG_NO_HANDLE;
    plug__list_init(&loop->run);
    plug__pool_init(&loop->chunks, PLUG__CHUNKS_KEPT, PLUG__CHUNKS_OUT);
    rc = backend->init(loop, &os);
    if (rc < 0) {
        plug__free(loop);
        plug__err(reterr, rc, os, "loop", "the %s loop cannot start: %s", backend->name,
                  plug_strerror(rc));
        return rc;
    }
    loop->now = loop_clock(loop);
    *ret = loop;
    return 0;
}

static const struct plug__backend *loop_backend(const char *name)
{
    static const struct plug__backend *const backends[] = {
#ifdef PLUG_HAVE_EPOLL
        &plug__epoll_backend,
#endif
        &plug__poll_backend,
    };
    for (size_t i = 0; i < PLUG__COUNT(backends); i++)
        if (!name || !strcmp(name, backends[i]->name))
            return backends[i];
    return NULL;
}

int plug_loop_new(struct plug_loop **ret, const char *backend, struct plug_err *reterr)
{
    const struct plug__backend *found = loop_backend(backend);
    struct plug_loop *loop;
    int rc, os = 0;
    if (!found)
        return plug__err(reterr, PLUG_ENOTSUP, 0, "loop", "no loop backend '%.32s' here", backend);
    rc = plug__loop_make(&loop, found, reterr);
    if (rc < 0)
        return rc;
    /* At once and not at the first plug_loop_wake: that may come from another thread, in a wait. */
    rc = plug__loop_wakeable(loop, &os);
    if (rc < 0) {
        plug_loop_free(loop);
        return plug__err(reterr, rc, os, "loop", "no descriptor to wake the loop by: %s",
                         plug_strerror(rc));
    }
    *ret = loop;
    return 0;
}

void plug_loop_free(struct plug_loop *loop)
{
    if (!loop)
        return;
    if (loop->depth) {
        loop->doomed = 1;
        return;
    }
    plug__helpers_drop(loop);
    if (loop->at_free)
        loop->at_free(loop);
    plug__loop_unwakeable(loop);
    loop->backend->drop(loop);
    plug__heap_drop(&loop->timers);
    plug__pool_drop(&loop->chunks);
    plug__free(loop->events);
    plug__free(loop->scratch);
    plug__free(loop);
}

/* ---- handles and their events ---- */

static int loop_room(struct plug_loop *loop, unsigned want)
{
    struct plug__event_slot *events;
    unsigned room = loop->room ? loop->room * 2 : 1;
    if (want > PLUG__EVENTS)
        want = PLUG__EVENTS;
    if (want <= loop->room)
        return 0;
    if (room < want)
        room = want;
    if (room > PLUG__EVENTS)
        room = PLUG__EVENTS;
    events = plug__realloc(loop->events, room * sizeof *events);
    if (!events)
        return PLUG_ENOMEM;
    loop->events = events;
    loop->room = room;
    return 0;
}

int plug__loop_add(struct plug_loop *loop, struct plug_io *io, int *reterr_os)
{
    int rc, os = 0;
    if (io->slot)
        return 0;
    rc = io->handle == PLUG_NO_HANDLE ? PLUG_EINVAL : loop_room(loop, loop->nios + 1);
    if (rc == 0)
        rc = loop->backend->add(loop, io, &os);
    if (rc < 0) {
        if (reterr_os)
            *reterr_os = os;
        return rc;
    }
    PLUG_ASSERT(io->slot != 0);
    loop->nios++;
    return 0;
}

void plug__loop_del(struct plug_loop *loop, struct plug_io *io)
{
    if (!io->slot)
        return;
    loop->backend->del(loop, io);
    io->slot = 0;
    io->armed = 0;
    loop->nios--;
    for (unsigned i = 0; i < loop->nevents; i++)
        if (loop->events[i].io == io)
            loop->events[i].io = NULL;
}

void plug__loop_arm(struct plug_loop *loop, struct plug_io *io, unsigned bits)
{
    if (io->slot)
        loop->backend->arm(loop, io, bits);
}

void plug__loop_event(struct plug_loop *loop, struct plug_io *io, unsigned bits)
{
    PLUG_ASSERT(loop->nevents < loop->room);
    if (loop->nevents >= loop->room)
        return;
    loop->events[loop->nevents++] = (struct plug__event_slot){.io = io, .bits = bits};
    loop->events_seen++;
}

plug_time plug__loop_timeout(const struct plug_loop *loop, plug_time until)
{
    plug_time now;
    if (until == PLUG_FOREVER)
        return -1;
    if (until <= loop->now)
        return 0;
    now = loop_clock(loop); /* loop->now is as old as the last turn's work */
    return until > now ? until - now : 0;
}

/* Delivered entries stay in the batch until the end, so that plug__loop_del finds the rest. */
static void loop_deliver(struct plug_loop *loop)
{
    for (unsigned i = 0; i < loop->nevents; i++) {
        struct plug_io *io = loop->events[i].io;
        if (!io)
            continue;
        loop->events[i].io = NULL;
        io->ready(io, loop->events[i].bits);
    }
    loop->nevents = 0;
}

/* ---- tasks, timers, frees ---- */

void plug__loop_queue(struct plug_loop *loop, struct plug__task *t)
{
    if (!plug__list_linked(&t->node))
        plug__list_push(&loop->run, &t->node);
}

void plug__loop_unqueue(struct plug__task *t)
{
    plug__list_remove(&t->node);
}

/* One pass: what is queued meanwhile stands behind the mark. A turn within a turn (a blocking call
 * made by a task) takes the outer mark out, which ends the outer pass. */
static int loop_run(struct plug_loop *loop)
{
    struct plug__task mark = {.run = NULL};
    int ran = 0;
    if (plug__list_empty(&loop->run))
        return 0;
    plug__list_push(&loop->run, &mark.node);
    while (plug__list_linked(&mark.node)) {
        struct plug__task *t = plug__of(plug__list_pop(&loop->run), struct plug__task, node);
        if (!t->run)
            continue;
        t->run(t);
        ran++;
    }
    return ran;
}

int plug__loop_timer(struct plug_loop *loop, struct plug__timer *t, plug_time when)
{
    if (when != PLUG_FOREVER)
        return plug__heap_set(&loop->timers, &t->node, when);
    plug__heap_remove(&loop->timers, &t->node);
    return 0;
}

/* As many as stood in the heap: one that sets itself again into the past waits for the next turn.
 */
static void loop_fire(struct plug_loop *loop)
{
    for (uint32_t left = loop->timers.n; left; left--) {
        struct plug__heap_node *top = plug__heap_top(&loop->timers);
        struct plug__timer *t;
        if (!top || top->when > loop->now)
            return;
        plug__heap_remove(&loop->timers, top);
        t = plug__of(top, struct plug__timer, node);
        t->fire(t, loop->now);
    }
}

void plug__loop_bury(struct plug_loop *loop, struct plug__grave *g)
{
    if (!loop->depth) {
        g->bury(g);
        return;
    }
    g->next = loop->graves;
    loop->graves = g;
}

static void loop_bury_all(struct plug_loop *loop)
{
    struct plug__grave *g = loop->graves;
    loop->graves = NULL;
    while (g) {
        struct plug__grave *next = g->next;
        g->bury(g);
        g = next;
    }
}

void *plug__loop_scratch(struct plug_loop *loop)
{
    if (!loop->scratch)
        loop->scratch = plug__malloc(PLUG__SCRATCH);
    return loop->scratch;
}

/* ---- the turn ---- */

int plug__loop_poll(struct plug_loop *loop, plug_time until)
{
    plug_time next = plug_loop_next(loop);
    int rc, ran, os = 0;
    loop->depth++;
    loop->waits++;
    rc = loop->backend->wait(loop, next < until ? next : until, &os);
    loop->now = loop_clock(loop);
    loop_deliver(loop);
    loop_fire(loop);
    if (loop->helpers)
        plug__helpers_collect(loop);
    ran = loop_run(loop);
    if (--loop->depth)
        return rc < 0 ? rc : ran;
    loop_bury_all(loop);
    if (loop->doomed) {
        plug_loop_free(loop);
        return PLUG_ECANCELED;
    }
    return rc < 0 ? rc : ran;
}

void plug__loop_look(struct plug_loop *loop)
{
    if (!loop->depth)
        loop->now = loop_clock(loop);
}

int plug_loop_turn(struct plug_loop *loop, plug_time deadline)
{
    if (loop->depth)
        return PLUG_EINVAL;
    for (;;) {
        int ran = plug__loop_poll(loop, deadline), woken;
        if (ran == PLUG_ECANCELED)
            return ran;
        woken = atomic_exchange(&loop->woken, 0);
        if (ran || woken || loop->now >= deadline)
            return ran;
    }
}

plug_time plug_loop_next(const struct plug_loop *loop)
{
    const struct plug__heap_node *top = plug__heap_top(&loop->timers);
    if (!plug__list_empty(&loop->run) || loop->nevents || atomic_load(&loop->woken))
        return 0;
    return top ? top->when : PLUG_FOREVER;
}

int plug_loop_fd(const struct plug_loop *loop)
{
    return loop->backend->fd ? loop->backend->fd(loop) : PLUG_ENOTSUP;
}

plug_time plug_now(void)
{
    return plug__os_now();
}

/* ---- waking ---- */

static void loop_wake_ready(struct plug_io *io, unsigned bits)
{
    struct plug_loop *loop = plug__of(io, struct plug_loop, wake_io);
    (void)bits;
    plug__os_wake_drain(loop->wake);
    plug__loop_arm(loop, io, PLUG_IN);
}

int plug__loop_wakeable(struct plug_loop *loop, int *reterr_os)
{
    int rc;
    if (loop->wake[0] != PLUG_NO_HANDLE)
        return 0;
    rc = plug__os_wake_open(loop->wake, reterr_os);
    if (rc < 0) {
        loop->wake[0] = loop->wake[1] = PLUG_NO_HANDLE;
        return rc;
    }
    loop->wake_io =
        (struct plug_io){.handle = loop->wake[0], .ready = loop_wake_ready, .armed = PLUG_IN};
    rc = plug__loop_add(loop, &loop->wake_io, reterr_os);
    if (rc < 0)
        plug__loop_unwakeable(loop);
    return rc;
}

void plug__loop_unwakeable(struct plug_loop *loop)
{
    if (loop->wake[0] == PLUG_NO_HANDLE)
        return;
    plug__loop_del(loop, &loop->wake_io);
    plug__os_wake_close(loop->wake);
    loop->wake[0] = loop->wake[1] = loop->wake_io.handle = PLUG_NO_HANDLE;
}

void plug_loop_wake(struct plug_loop *loop)
{
    /* A private loop's handle comes and goes with its helpers; nobody else knows that loop. */
    if (loop->private_)
        return;
    atomic_store(&loop->woken, 1);
    if (loop->wake[0] != PLUG_NO_HANDLE)
        plug__os_wake_signal(loop->wake);
}

/* ---- signals of the command ---- */

void plug__loop_take(struct plug_loop *loop, struct plug__taker *t)
{
    plug__loop_untake(loop, t);
    t->next = loop->takers;
    loop->takers = t;
}

void plug__loop_untake(struct plug_loop *loop, struct plug__taker *t)
{
    for (struct plug__taker **at = &loop->takers; *at; at = &(*at)->next) {
        if (*at == t) {
            *at = t->next;
            t->next = NULL;
            return;
        }
    }
}

int plug__loop_signal(struct plug_loop *loop, int sig)
{
    int n = 0;
    for (struct plug__taker *t = loop->takers; t; t = t->next) {
        if (sig >= 0 && sig < 32 && (t->signals & 1u << sig)) {
            t->take(t, sig);
            n++;
        }
    }
    return n;
}
