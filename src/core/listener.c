/* SPDX-License-Identifier: MIT
 *
 * The listener: accepts in bounded batches, runs every child's handshake beside all others, asks
 * the routes, and stands still for a while when descriptors run out. What a session does with a
 * child is the relay's.
 */
#include "core/listener.h"

#include "util/alloc.h"
#include "util/str.h"
#include <string.h>

enum {
    LISTENER_BATCH = 64,  /* accepts in one turn */
    LISTENER_READY = 256, /* children that are up and not yet taken */
    LISTENER_NAME = 2048  /* bytes of a path or host asked of a layer */
};
#define LISTENER_PAUSE (100 * PLUG_MS)
#define LISTENER_PAUSE_MOST (1600 * PLUG_MS)

/* ---- making and ending ---- */

static void listener_resume(struct plug__timer *t, plug_time now);
static void listener_give_up(struct plug__timer *t, plug_time now);

int plug__listener_new(struct plug_sock *s)
{
    struct plug__listener *l = plug__calloc(1, sizeof(*l));
    if (!l)
        return PLUG_ENOMEM;
    l->sock = s;
    plug__list_init(&l->opening);
    plug__list_init(&l->ready);
    plug__list_init(&l->routes);
    l->most_opening = (unsigned)s->plan->common.half_open;
    l->most_ready = LISTENER_READY;
    for (int i = 0; i < PLUG__LISTENER_RESERVE; i++)
        l->reserve[i] = PLUG_NO_HANDLE;
    l->pause.fire = listener_resume;
    l->quiet.fire = listener_give_up;
    s->listener = l;
    return 0;
}

static void listener_close_all(struct plug__list *children)
{
    while (!plug__list_empty(children))
        plug_close(plug__of(children->next, struct plug_sock, node));
}

static void listener_give_reserve(struct plug__listener *l)
{
    for (int i = 0; i < PLUG__LISTENER_RESERVE; i++) {
        if (l->reserve[i] != PLUG_NO_HANDLE)
            plug__os_close(l->reserve[i]);
        l->reserve[i] = PLUG_NO_HANDLE;
    }
}

void plug__listener_drop(struct plug__listener *l)
{
    if (!l)
        return;
    listener_close_all(&l->opening);
    listener_close_all(&l->ready);
    if (l->spare)
        plug_close(l->spare);
    while (!plug__list_empty(&l->routes))
        plug__list_remove(l->routes.next);
    listener_give_reserve(l);
    (void)plug__loop_timer(l->sock->loop, &l->pause, PLUG_FOREVER);
    (void)plug__loop_timer(l->sock->loop, &l->quiet, PLUG_FOREVER);
    plug__free(l);
}

static int listener_full(const struct plug__listener *l)
{
    return l->hold || l->nopening >= l->most_opening || l->nready >= l->most_ready ||
           l->pause.node.index != 0;
}

static void listener_unlink(struct plug_sock *child)
{
    struct plug__listener *l = child->listener;
    child->listener = NULL;
    if (!plug__list_linked(&child->node))
        return;
    if (listener_full(l)) /* now there is room */
        plug__sock_again(l->sock);
    if (child->flags & PLUG__SOCK_READY)
        l->nready--;
    else
        l->nopening--;
    plug__list_remove(&child->node);
}

void plug__listener_forget(struct plug_sock *s)
{
    struct plug__listener *l = s->listener;
    if (!l)
        return;
    if (s->flags & PLUG__SOCK_LISTENER) {
        s->listener = NULL;
        plug__listener_drop(l);
        return;
    }
    if (l->spare == s)
        l->spare = NULL;
    listener_unlink(s);
}

/* ---- accepting ---- */

static void listener_pause(struct plug__listener *l)
{
    struct plug_loop *loop = l->sock->loop;
    l->stats.paused++;
    listener_give_reserve(l); /* the sessions that are under way may need a descriptor to end */
    l->pause_for = l->pause_for ? 2 * l->pause_for : LISTENER_PAUSE;
    if (l->pause_for > LISTENER_PAUSE_MOST)
        l->pause_for = LISTENER_PAUSE_MOST; /* nobody may come for hours: it costs nothing then */
    if (plug__loop_timer(loop, &l->pause, loop->now + l->pause_for) < 0)
        plug__sock_again(l->sock);
}

int plug__listener_scarce(struct plug_sock *s)
{
    int had = s->listener->reserve[0] != PLUG_NO_HANDLE;
    listener_pause(s->listener);
    return had;
}

static void listener_resume(struct plug__timer *t, plug_time now)
{
    struct plug__listener *l = plug__of(t, struct plug__listener, pause);
    (void)now;
    plug__sock_again(l->sock);
}

/* Nobody came for so long: it ends as one that failed. */
static void listener_give_up(struct plug__timer *t, plug_time now)
{
    struct plug__listener *l = plug__of(t, struct plug__listener, quiet);
    (void)now;
    l->sock->failed = PLUG_ETIMEDOUT;
    plug__sock_again(l->sock);
}

/* It waits from now on; while its owner takes none it does not. */
static int listener_wait(struct plug__listener *l)
{
    const plug_time most = l->sock->plan->common.accept_timeout, now = l->sock->loop->now;
    if (most <= 0 || most >= PLUG_FOREVER - now)
        return 0;
    return plug__loop_timer(l->sock->loop, &l->quiet, l->hold ? PLUG_FOREVER : now + most);
}

static int listener_keep_reserve(struct plug__listener *l)
{
    int most = l->pause_for ? 2 : PLUG__LISTENER_RESERVE; /* short: two are enough for most */
    for (int i = 0; i < most; i += 2) {
        if (l->reserve[i] == PLUG_NO_HANDLE && plug__os_pipe(l->reserve + i, 1, NULL) < 0) {
            l->reserve[i] = l->reserve[i + 1] = PLUG_NO_HANDLE;
            return i ? 0 : PLUG_EMFILE;
        }
    }
    return 0;
}

/* Errors of one connection, not of the listener: it went away before it was accepted. */
static int listener_of_child(int r)
{
    return r == PLUG_ECONNABORTED || r == PLUG_ECONNRESET || r == PLUG_EPROTO ||
           r == PLUG_ETIMEDOUT || r == PLUG_EHOSTUNREACH || r == PLUG_ENETUNREACH ||
           r == PLUG_ENETDOWN || r == PLUG_EPERM;
}

static int listener_accept(struct plug__listener *l)
{
    struct plug_layer *base = plug__sock_base(l->sock);
    struct plug_sock *child;
    int r;
    if (!(base->ops->flags & PLUG_MUXED) && listener_keep_reserve(l) < 0)
        return PLUG_EMFILE;
    if (!l->spare && (r = plug__sock_child(&l->spare, l->sock)) < 0)
        return r;
    child = l->spare;
    r = base->ops->accept(base, plug__sock_base(child));
    if (r < 0)
        return r;
    l->spare = NULL;
    l->pause_for = 0;
    l->stats.accepted++;
    l->nopening++;
    plug__list_push(&l->opening, &child->node);
    plug__sock_start(child);
    return listener_wait(l);
}

int plug__listener_turn(struct plug_sock *s)
{
    struct plug__listener *l = s->listener;
    struct plug_layer *base = plug__sock_base(s);
    if (!l->quiet.node.index && !l->hold && listener_wait(l) < 0) {
        listener_pause(l); /* no memory for a timer */
        return 0;
    }
    (void)plug_layer_recv(base, NULL, 0, 0); /* a mux shares out what came for its children */
    for (int i = 0; i < LISTENER_BATCH; i++) {
        int r;
        if (listener_full(l))
            return 0;
        r = listener_accept(l);
        if (r == PLUG_EAGAIN)
            return 0;
        if (r == PLUG_EMFILE || r == PLUG_ENOMEM || r == PLUG_ENOBUFS) {
            listener_pause(l);
            return 0;
        }
        if (r < 0 && !listener_of_child(r)) {
            plug_fail(base, 2, r, 0);
            s->failed = r;
            return r;
        }
    }
    plug__sock_again(s);
    return 0;
}

struct plug_sock *plug__listener_take(struct plug_sock *s)
{
    struct plug__listener *l = s->listener;
    struct plug_sock *child;
    if (!l || l->nready == 0)
        return NULL;
    child = plug__of(l->ready.next, struct plug_sock, node);
    listener_unlink(child);
    child->flags &= ~(uint32_t)PLUG__SOCK_READY;
    return child;
}

void plug__listener_hold(struct plug_sock *s, int hold)
{
    s->listener->hold = hold;
    if (hold)
        (void)plug__loop_timer(s->loop, &s->listener->quiet, PLUG_FOREVER);
    else
        plug__sock_again(s);
}

/* ---- children ---- */

void plug__listener_child_up(struct plug_sock *child)
{
    struct plug__listener *l = child->listener;
    if (child->flags & PLUG__SOCK_READY)
        return;
    plug__list_remove(&child->node);
    l->nopening--;
    l->nready++;
    l->stats.ready++;
    child->flags |= PLUG__SOCK_READY;
    plug__list_push(&l->ready, &child->node);
    plug__sock_again(l->sock);
}

void plug__listener_child_lost(struct plug_sock *child, int code)
{
    struct plug__listener *l = child->listener;
    struct plug_sock *s = l->sock; /* outlives l, which `lost` may free */
    l->stats.failed++;
    if (code == PLUG_ETIMEDOUT)
        l->stats.timed_out++;
    if (l->lost)
        l->lost(l, child, code);
    plug_close(child);
    plug__sock_again(s);
}

void plug__listener_refused(struct plug_sock *s, const struct plug_addr *peer, const char *why)
{
    struct plug__listener *l = s->listener;
    if (!l)
        return;
    l->stats.refused++;
    if (l->refused)
        l->refused(l, peer, why);
}

/* ---- routes ---- */

void plug__listener_route(struct plug_sock *s, struct plug__route *r)
{
    plug__list_push(&s->listener->routes, &r->node);
}

void plug__listener_unroute(struct plug__route *r)
{
    plug__list_remove(&r->node);
}

static int listener_ask(struct plug_layer *l, int name, char *buf)
{
    size_t len = LISTENER_NAME - 1;
    int r = l->ops->getopt(l, PLUG_LEVEL_ROUTE, name, buf, &len);
    buf[r < 0 ? 0 : len] = 0;
    return r;
}

static struct plug__route *listener_match(struct plug__listener *l, struct plug_layer *layer)
{
    char path[LISTENER_NAME], host[LISTENER_NAME];
    (void)listener_ask(layer, PLUG_ROUTE_PATH, path);
    (void)listener_ask(layer, PLUG_ROUTE_HOST, host);
    for (struct plug__list *n = l->routes.next; n != &l->routes; n = n->next) {
        struct plug__route *r = plug__of(n, struct plug__route, node);
        if ((!r->path || strcmp(r->path, path) == 0) &&
            (!r->host || plug__casecmp(r->host, host) == 0))
            return r;
    }
    return NULL;
}

static int listener_tell(struct plug_sock *child, int verdict)
{
    struct plug_layer *l = child->opening;
    return l->ops->setopt(l, PLUG_LEVEL_ROUTE, PLUG_ROUTE_VERDICT, &verdict, sizeof(verdict));
}

int plug__listener_decide(struct plug_sock *child)
{
    struct plug__listener *l = child->listener;
    struct plug__route *r;
    if (child->flags & PLUG__SOCK_DECIDING)
        return PLUG_EAGAIN;
    if (!l || plug__list_empty(&l->routes))
        return listener_tell(child, 0);
    r = listener_match(l, child->opening);
    if (!r) {
        l->stats.refused++;
        return listener_tell(child, PLUG_ENOROUTE);
    }
    child->flags |= PLUG__SOCK_DECIDING;
    if (child->deadline != PLUG_FOREVER) /* what is left of the handshake's time */
        child->deadline -= child->loop->now;
    r->decide(r, child);
    return child->flags & PLUG__SOCK_DECIDING ? PLUG_EAGAIN : 0;
}

void plug__child_verdict(struct plug_sock *child, int verdict)
{
    if (!(child->flags & PLUG__SOCK_DECIDING))
        return;
    child->flags &= ~(uint32_t)PLUG__SOCK_DECIDING;
    if (child->deadline != PLUG_FOREVER) {
        child->deadline += child->loop->now;
        plug__sock_timer(child, child->deadline);
    }
    (void)listener_tell(child, verdict);
    plug__sock_again(child);
}
