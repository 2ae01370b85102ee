/* SPDX-License-Identifier: MIT
 *
 * The sock: makes a stack in one allocation, opens it from the base up, turns it when something is
 * ready and takes it down. Blocking calls are api.c's, children are listener.c's.
 */
#include "core/sock.h"

#include "core/listener.h"
#include "core/lockfile.h"
#include "core/serve.h"
#include "util/alloc.h"
#include "util/err.h"

#define SOCK_ALIGN(n) (((n) + 15u) & ~(size_t)15u)

/* ---- making ---- */

struct plug_layer *plug__sock_layer(const struct plug_sock *s, unsigned i)
{
    char *at = (char *)(uintptr_t)s + SOCK_ALIGN(sizeof(*s));
    for (unsigned k = 0; k < i; k++)
        at += SOCK_ALIGN(s->plan->steps[k].ops->size);
    return (struct plug_layer *)(void *)at;
}

static size_t sock_size(const struct plug_plan *plan)
{
    size_t size = SOCK_ALIGN(sizeof(struct plug_sock));
    for (unsigned i = 0; i < plan->nsteps; i++)
        size += SOCK_ALIGN(plan->steps[i].ops->size);
    return size;
}

static void sock_run(struct plug__task *t);
static void sock_fire(struct plug__timer *t, plug_time now);

static void sock_bury(struct plug__grave *g)
{
    struct plug_sock *s = plug__of(g, struct plug_sock, grave);
    plug__free((void *)(uintptr_t)s->env);
    plug__free(s);
}

/* Links and initialises layer i; `from` is the listener whose shared state a child gets. */
static int sock_init_layer(struct plug_sock *s, unsigned i, const struct plug_sock *from,
                           struct plug_err *reterr)
{
    const struct plug_step *step = &s->plan->steps[i];
    struct plug_layer *l = plug__sock_layer(s, i);
    l->ops = step->ops;
    l->sock = s;
    l->below = s->top;
    s->top = l;
    if (from) {
        l->shared = plug__sock_layer(from, i)->shared;
        plug__shared_ref(l->shared);
    }
    return l->ops->init(l, step, reterr);
}

static int sock_make(struct plug_sock **ret, struct plug_loop *loop, struct plug_plan *plan,
                     const struct plug_sock *from, struct plug_err *reterr)
{
    struct plug_sock *s = plug__calloc(1, sock_size(plan));
    int r = 0;
    if (!s || plug__heap_reserve(&loop->timers, (uint32_t)loop->refs + 1) < 0) {
        plug__free(s);
        return plug__err(reterr, PLUG_ENOMEM, 0, NULL, "out of memory");
    }
    s->task.run = sock_run;
    s->timer.fire = sock_fire;
    s->grave.bury = sock_bury;
    s->deadline = PLUG_FOREVER;
    s->loop = loop;
    s->plan = plug__plan_ref(plan);
    loop->refs++;
    if (from)
        s->flags = PLUG__SOCK_CHILD;
    else if (plan->steps[0].role == PLUG_LISTENER)
        s->flags = PLUG__SOCK_LISTENER;
    for (unsigned i = 0; i < plan->nsteps && r >= 0; i++)
        r = sock_init_layer(s, i, from, reterr);
    s->opening = plug__sock_layer(s, 0);
    if (r >= 0 && (s->flags & PLUG__SOCK_LISTENER))
        r = plug__listener_new(s);
    if (r < 0) {
        if (reterr && reterr->code != r)
            plug__err(reterr, r, 0, s->top->ops->name, "%s", plug_strerror(r));
        plug_close(s);
        return r;
    }
    *ret = s;
    return 0;
}

int plug__sock_new(struct plug_sock **ret, struct plug_loop *loop, struct plug_plan *plan,
                   struct plug_err *reterr)
{
    int r;
    if (reterr)
        *reterr = (struct plug_err){0};
    if (loop)
        return sock_make(ret, loop, plan, NULL, reterr);
    r = plug__loop_make(&loop, &plug__poll_backend, reterr);
    if (r < 0)
        return r;
    loop->private_ = 1;
    loop->refs = 1; /* so that a failure in between does not free it twice */
    r = sock_make(ret, loop, plan, NULL, reterr);
    loop->refs--;
    if (r < 0)
        plug_loop_free(loop);
    return r;
}

int plug__sock_child(struct plug_sock **ret, struct plug_sock *listener)
{
    int r = sock_make(ret, listener->loop, listener->plan, listener, NULL);
    if (r >= 0)
        (*ret)->listener = listener->listener;
    return r;
}

/* ---- time ---- */

void plug__sock_timer(struct plug_sock *s, plug_time when)
{
    if (s->flags & PLUG__SOCK_CLOSED)
        return;
    if (s->timer.node.index && s->timer.node.when <= when)
        return;
    if (when == PLUG_FOREVER)
        return;
    (void)plug__loop_timer(s->loop, &s->timer, when); /* room was reserved in sock_make */
}

static int sock_fail(struct plug_sock *s, int code)
{
    if (!s->failed)
        s->failed = code;
    s->deadline = PLUG_FOREVER;
    return s->failed;
}

static void sock_fire(struct plug__timer *t, plug_time now)
{
    struct plug_sock *s = plug__of(t, struct plug_sock, timer);
    plug_time next = PLUG_FOREVER;
    if (s->deadline <= now && !s->failed && !(s->flags & PLUG__SOCK_DECIDING)) {
        sock_fail(s, PLUG_ETIMEDOUT);
        plug__loop_queue(s->loop, &s->task);
    }
    if (s->flags & PLUG__SOCK_LOCKING)
        plug__loop_queue(s->loop, &s->task);
    for (struct plug_layer *l = s->top; l; l = l->below) {
        plug_time when = l->ops->tick(l, now);
        if (when < next)
            next = when;
    }
    if (!(s->flags & PLUG__SOCK_DECIDING) && s->deadline < next)
        next = s->deadline;
    plug__sock_timer(s, next);
}

/* Sets the deadline of what is being opened now; 0 means none. */
static void sock_clock(struct plug_sock *s, plug_time timeout)
{
    s->deadline = timeout > 0 && timeout < PLUG_FOREVER - s->loop->now ? s->loop->now + timeout
                                                                       : PLUG_FOREVER;
    plug__sock_timer(s, s->deadline);
}

/* ---- opening ---- */

void plug__sock_start(struct plug_sock *s)
{
    const struct plug__common *c = &s->plan->common;
    if (s->flags & PLUG__SOCK_STARTED)
        return;
    s->flags |= PLUG__SOCK_STARTED;
    if (!(s->flags & PLUG__SOCK_LISTENER)) {
        plug__loop_look(s->loop);
        sock_clock(s, s->flags & PLUG__SOCK_CHILD ? c->handshake_timeout : c->connect_timeout);
    }
    plug__loop_queue(s->loop, &s->task);
}

static struct plug_layer *sock_above(const struct plug_sock *s, const struct plug_layer *l)
{
    struct plug_layer *above = s->top;
    if (above == l)
        return NULL;
    while (above->below != l)
        above = above->below;
    return above;
}

/* Takes a set-up layer that has done its work out of the stack. */
static void sock_unlink(struct plug_sock *s, struct plug_layer *l)
{
    struct plug_layer *above = sock_above(s, l);
    if (above)
        above->below = l->below;
    else
        s->top = l->below;
    l->ops->close(l);
    plug__shared_unref(l->shared);
    l->shared = NULL;
}

static void sock_up(struct plug_sock *s)
{
    s->flags |= PLUG__SOCK_UP;
    s->deadline = PLUG_FOREVER;
}

/* One layer is open: on to the next, whose handshake has its own clock. */
static void sock_next(struct plug_sock *s)
{
    int base = s->opening->below == NULL;
    s->opening = s->flags & PLUG__SOCK_LISTENER ? NULL : sock_above(s, s->opening);
    if (!s->opening)
        sock_up(s);
    else if (base)
        sock_clock(s, s->plan->common.handshake_timeout);
}

/* Takes the address's lock file, once; a listener's children live under its own. */
static int sock_lock(struct plug_sock *s)
{
    const struct plug__common *c = &s->plan->common;
    const char *path = c->lockfile ? c->lockfile : c->waitlock;
    int os = 0, r;
    if (!path || (s->flags & (PLUG__SOCK_CHILD | PLUG__SOCK_LOCKED)))
        return 0;
    r = plug__lockfile_take(path, &os);
    if (r == PLUG_EBUSY && c->waitlock) {
        s->flags |= PLUG__SOCK_LOCKING;
        s->deadline = PLUG_FOREVER;
        plug__sock_timer(s, s->loop->now + PLUG__LOCK_RETRY_MS * PLUG_MS);
        return PLUG_EAGAIN;
    }
    if (r < 0) {
        s->flags |= PLUG__SOCK_BARRED;
        plug_fail(s->opening, 2, r, os);
        return sock_fail(s, r);
    }
    s->flags |= PLUG__SOCK_LOCKED;
    if ((s->flags & PLUG__SOCK_LOCKING) && !(s->flags & PLUG__SOCK_LISTENER))
        sock_clock(s, c->connect_timeout);
    s->flags &= ~(unsigned)PLUG__SOCK_LOCKING;
    return 0;
}

/* One try to open a layer. The mask of new files is the process's: it is changed for this call
 * only, in which nothing but the base's own files are made. */
static int sock_open_layer(const struct plug_sock *s, struct plug_layer *l)
{
    int64_t umask = l->below ? -1 : s->plan->common.umask;
    unsigned old = 0;
    int masked = umask >= 0 && plug__os_umask((unsigned)umask, &old) >= 0;
    int r = umask >= 0 && !masked ? PLUG_ENOTSUP : l->ops->open(l);
    if (masked)
        (void)plug__os_umask(old, &old);
    return r;
}

static int sock_open(struct plug_sock *s)
{
    int locked = sock_lock(s);
    if (locked < 0)
        return locked;
    while (s->opening) {
        struct plug_layer *l = s->opening;
        int r = sock_open_layer(s, l);
        if (r == PLUG_EAGAIN)
            return r;
        if (r == PLUG_DECIDE) {
            r = plug__listener_decide(s);
            if (r == PLUG_EAGAIN || (s->flags & PLUG__SOCK_CLOSED)) /* by whoever decided */
                return PLUG_EAGAIN;
            if (r >= 0)
                continue;
        }
        if (r < 0 && r != PLUG_GONE) {
            plug_fail(l, 2, r, 0);
            return sock_fail(s, r);
        }
        sock_next(s);
        if (r == PLUG_GONE)
            sock_unlink(s, l);
    }
    return 0;
}

/* ---- turning ---- */

static int sock_bare(const struct plug_sock *s)
{
    return s->top->below == NULL;
}

/* Output that nobody asked for, where the base can take it. */
static void sock_flush(struct plug_sock *s)
{
    if (!sock_bare(s) && (plug__sock_want(s, 0) & PLUG_OUT))
        (void)plug_layer_send(s->top, NULL, 0, 0);
}

int plug__sock_turn(struct plug_sock *s)
{
    if (s->failed)
        return s->failed;
    if (!(s->flags & PLUG__SOCK_STARTED))
        return PLUG_ENOTCONN;
    if (!(s->flags & PLUG__SOCK_UP)) {
        int r = sock_open(s);
        if (r < 0)
            return r;
    }
    if (s->flags & PLUG__SOCK_LISTENER)
        return plug__listener_turn(s);
    if (!sock_bare(s)) {
        (void)plug_layer_recv(s->top, NULL, 0, 0);
        sock_flush(s);
    }
    return 0;
}

static void sock_run(struct plug__task *t)
{
    struct plug_sock *s = plug__of(t, struct plug_sock, task);
    int r;
    if (s->flags & PLUG__SOCK_CLOSED)
        return;
    r = s->flags & PLUG__SOCK_STARTED ? plug__sock_turn(s) : PLUG_EAGAIN;
    if (r == PLUG_EAGAIN)
        return;
    if ((s->flags & PLUG__SOCK_CHILD) && s->listener) {
        if (r < 0)
            plug__listener_child_lost(s, r);
        else
            plug__listener_child_up(s);
        return;
    }
    if (!s->watch)
        return;
    s->watch(s, s->arg);
    if (!(s->flags & PLUG__SOCK_CLOSED) && !s->failed)
        sock_flush(s);
}

/* After a caller's recv or send through a stack: what the layers hold now must not wait for the
 * next event. What a failed stack holds never goes out. */
static void sock_after(struct plug_sock *s)
{
    if (!sock_bare(s) && !s->top->error[1] && (plug__sock_want(s, 0) & PLUG_OUT) &&
        (plug__sock_base(s)->ready & PLUG_OUT))
        plug__loop_queue(s->loop, &s->task);
}

int plug__sock_recv(struct plug_sock *s, struct plug_msg *v, unsigned n, unsigned flags)
{
    int r = plug_layer_recv(s->top, v, n, flags);
    sock_after(s);
    return r;
}

int plug__sock_send(struct plug_sock *s, struct plug_msg *v, unsigned n, unsigned flags)
{
    int r = plug_layer_send(s->top, v, n, flags);
    sock_after(s);
    return r;
}

int plug__sock_shut(struct plug_sock *s, int how)
{
    if (!(s->flags & PLUG__SOCK_UP) && how != PLUG_SHUT_RESET)
        return PLUG_ENOTCONN;
    return plug_layer_shut(s->top, how);
}

int plug__sock_bypass(struct plug_sock *s, unsigned dir, struct plug_bypass *ret)
{
    return plug_layer_bypass(s->top, dir, ret);
}

unsigned plug__sock_want(struct plug_sock *s, unsigned want)
{
    /* A layer may take OUT away: one that must read before it may write asks for IN instead. */
    for (struct plug_layer *l = s->top; l; l = l->below)
        want = (want & PLUG_NOW) | l->ops->want(l, want);
    return want;
}

struct plug_layer *plug__sock_base(const struct plug_sock *s)
{
    struct plug_layer *l = s->top;
    while (l->below)
        l = l->below;
    return l;
}

const struct plug_step *plug__sock_step(const struct plug_sock *s)
{
    return &s->plan->steps[s->plan->nsteps - 1];
}

void plug__sock_again(struct plug_sock *s)
{
    if (!(s->flags & PLUG__SOCK_CLOSED))
        plug__loop_queue(s->loop, &s->task);
}

int64_t plug__sock_unsent(struct plug_sock *s)
{
    int64_t n = -1;
    size_t len = sizeof(n);
    if (s->top->ops->getopt(s->top, PLUG_LEVEL_SOCK, PLUG_SO_UNSENT, &n, &len) < 0)
        return -1;
    return n;
}

int plug__sock_move(struct plug_sock *s, struct plug_loop *to)
{
    struct plug_layer *base = plug__sock_base(s);
    plug_time when = s->timer.node.index ? s->timer.node.when : PLUG_FOREVER;
    int r;
    if (plug__heap_reserve(&to->timers, (uint32_t)to->refs + 1) < 0)
        return PLUG_ENOMEM;
    r = base->ops->setopt(base, PLUG_LEVEL_SOCK, PLUG__SO_MOVE, &to, sizeof(struct plug_loop *));
    if (r < 0)
        return r;
    plug__loop_unqueue(&s->task);
    (void)plug__loop_timer(s->loop, &s->timer, PLUG_FOREVER);
    s->loop->refs--;
    s->loop = to;
    to->refs++;
    plug__sock_timer(s, when);
    plug__loop_queue(to, &s->task);
    return 0;
}

/* ---- movers ---- */

void plug__bypass_again(const struct plug_bypass *b, unsigned bits)
{
    if (b->io)
        plug__unready(b->base, b->io, bits);
}

void plug__bypass_fail(const struct plug_bypass *b, int dir, int code, int os)
{
    plug_fail(b->base, dir, code, os);
}

/* ---- ending ---- */

void plug_watch(struct plug_sock *s, plug_watch_fn fn, void *arg)
{
    s->watch = fn;
    s->arg = arg;
    if (fn)
        plug__sock_again(s);
}

static void sock_close_layers(struct plug_sock *s)
{
    for (struct plug_layer *l = s->top; l; l = l->below) {
        l->ops->close(l);
        plug__shared_unref(l->shared);
        l->shared = NULL;
    }
}

static void sock_leave_loop(struct plug_sock *s)
{
    struct plug_loop *loop = s->loop;
    int last = --loop->refs == 0 && loop->private_;
    plug__loop_bury(loop, &s->grave);
    if (last)
        plug_loop_free(loop);
}

void plug_close(struct plug_sock *s)
{
    if (!s || plug__served_leave(s) || (s->flags & PLUG__SOCK_CLOSED))
        return;
    plug__listener_forget(s);
    s->flags |= PLUG__SOCK_CLOSED;
    s->watch = NULL;
    plug__loop_unqueue(&s->task);
    (void)plug__loop_timer(s->loop, &s->timer, PLUG_FOREVER);
    sock_close_layers(s);
    if (s->flags & PLUG__SOCK_LOCKED)
        plug__lockfile_drop(s->plan->common.lockfile ? s->plan->common.lockfile
                                                     : s->plan->common.waitlock);
    plug__unread_drop(s);
    plug__plan_drop(s->plan);
    sock_leave_loop(s);
}
