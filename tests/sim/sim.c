/* SPDX-License-Identifier: MIT
 *
 * The world: virtual time as a loop backend, and events in its order.
 * Real handles are polled as well, so that socks of the kernel can live in it.
 */
#include "sim/sim.h"

#include <stdlib.h>
#include <string.h>

struct sim_event {
    struct sim_event *next;
    plug_time when;
    void (*fn)(void *arg);
    void *arg;
};

/* ---- the backend ---- */

static struct sim_world *sim_of(const struct plug_loop *loop)
{
    return loop->user;
}

static plug_time sim_now(const struct plug_loop *loop)
{
    return loop->user ? sim_of(loop)->now : PLUG_SECOND;
}

/* Runs what is due. Callbacks only mark socks ready, as a poller does. */
static int sim_due(struct sim_world *w)
{
    int n = 0;
    while (w->events && w->events->when <= w->now) {
        struct sim_event *e = w->events;
        w->events = e->next;
        e->fn(e->arg);
        free(e);
        n++;
    }
    return n;
}

static int sim_wait(struct plug_loop *loop, plug_time until, int *reterr_os)
{
    struct sim_world *w = sim_of(loop);
    plug_time next = w->events && w->events->when < until ? w->events->when : until;
    w->wakes++;
    if (loop->nios) {
        plug_time soon = w->now + w->patience;
        int e = plug__poll_backend.wait(loop, next < soon ? next : soon, reterr_os);
        if (e < 0 || loop->nevents)
            return e;
    }
    if (next == PLUG_FOREVER) {
        w->idle = 1;
        return 0;
    }
    if (next > w->now)
        w->now = next;
    sim_due(w);
    return 0;
}

static int sim_init(struct plug_loop *loop, int *os)
{
    return plug__poll_backend.init(loop, os);
}
static void sim_drop(struct plug_loop *loop)
{
    plug__poll_backend.drop(loop);
}
static int sim_add(struct plug_loop *loop, struct plug_io *io, int *os)
{
    return plug__poll_backend.add(loop, io, os);
}
static void sim_del(struct plug_loop *loop, struct plug_io *io)
{
    plug__poll_backend.del(loop, io);
}
static void sim_arm(struct plug_loop *loop, struct plug_io *io, unsigned bits)
{
    plug__poll_backend.arm(loop, io, bits);
}

static const struct plug__backend sim_backend = {
    .name = "sim",
    .init = sim_init,
    .drop = sim_drop,
    .add = sim_add,
    .del = sim_del,
    .arm = sim_arm,
    .wait = sim_wait,
    .fd = NULL,
    .now = sim_now,
};

/* ---- the world ---- */

struct sim_world *sim_new(const struct plug_ops *const *extra)
{
    struct sim_world *w = calloc(1, sizeof(*w));
    unsigned n = 0;
    if (!w)
        abort();
    w->now = PLUG_SECOND;
    w->patience = 2 * PLUG_MS;
    w->layers[n++] = &sim_ops;
    while (extra && *extra && n < 15)
        w->layers[n++] = *extra++;
    if (plug__loop_make(&w->loop, &sim_backend, NULL) < 0) {
        free(w);
        return NULL;
    }
    w->loop->user = w;
    w->loop->layers = w->layers;
    return w;
}

void sim_free(struct sim_world *w)
{
    if (!w)
        return;
    plug_loop_free(w->loop);
    while (w->events) {
        struct sim_event *e = w->events;
        w->events = e->next;
        free(e);
    }
    while (w->ends) {
        struct sim_end *e = w->ends;
        w->ends = e->next;
        while (e->in) {
            struct sim_item *i = e->in;
            e->in = i->next;
            free(i);
        }
        free(e->out);
        free(e);
    }
    free(w);
}

void sim_at(struct sim_world *w, plug_time when, void (*fn)(void *arg), void *arg)
{
    struct sim_event *e = calloc(1, sizeof(*e)), **p = &w->events;
    if (!e)
        abort();
    *e = (struct sim_event){.when = when, .fn = fn, .arg = arg};
    if (w->events && w->last->when <= when)
        p = &w->last->next;
    while (*p && (*p)->when <= when)
        p = &(*p)->next;
    e->next = *p;
    *p = e;
    if (!e->next)
        w->last = e;
    w->idle = 0;
}

enum { SIM_SPINS = 1000000 };

/* As plug_loop_turn does, whose own loop would never end in a world that has become idle. */
static void sim_poll(struct sim_world *w, plug_time until)
{
    plug_time before = w->now;
    plug__loop_poll(w->loop, until);
    w->still = w->now == before && !w->idle ? w->still + 1 : 0;
    if (w->still > SIM_SPINS)
        abort();
    atomic_store(&w->loop->woken, 0);
}

int sim_turn(struct sim_world *w)
{
    w->idle = 0;
    sim_poll(w, PLUG_FOREVER);
    return !w->idle;
}

void sim_run(struct sim_world *w, plug_time until)
{
    w->idle = 0;
    while (w->now < until && !w->idle)
        sim_poll(w, until);
    /* what that last moment set off */
    for (int i = 0; i < 64 && plug_loop_next(w->loop) == 0; i++)
        sim_poll(w, 0);
}

struct plug_sock *sim_open(struct sim_world *w, const char *address, struct plug_err *err)
{
    struct plug_plan *plan = NULL;
    struct plug_sock *s = NULL;
    int r = plug__plan_parse(&plan, address, w->layers, err);
    if (r >= 0)
        r = plug__plan_check(plan, 0, 0, err);
    if (r >= 0)
        r = plug__sock_new(&s, w->loop, plan, err);
    plug__plan_drop(plan);
    if (r < 0)
        return NULL;
    plug__sock_start(s);
    return s;
}
