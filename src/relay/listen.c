/* SPDX-License-Identifier: MIT
 *
 * The listening side of a relay: tells where it is, makes a session of each connection (or of each
 * pair, with two listeners) and stops when it has served its one or is drained.
 */
#include "relay/session.h"

#include "util/err.h"
#include "util/str.h"
#include <stdio.h>

enum { LISTEN_BATCH = 16 }; /* sessions begun in one turn */

static struct plug_plan *listen_plan(const struct plug__relay *r, int side)
{
    return side ? r->conf.b : r->conf.a;
}

/* ---- where ---- */

static void listen_name_layers(const struct plug_plan *p, struct plug__str *out)
{
    for (unsigned i = p->nsteps; i-- > 0;) {
        if (!p->steps[i].kind)
            continue;
        if (out->len)
            plug__str_add(out, "+");
        plug__str_add(out, p->steps[i].kind->name);
    }
}

/* The address with what the system chose put in: the port, above all. */
static void listen_name(struct plug__relay *r, int side, struct plug__str *out)
{
    const struct plug_plan *p = listen_plan(r, side);
    const struct plug_kind *kind = p->steps[0].kind;
    struct plug_addr at = {0};
    size_t len = sizeof(at);
    char text[256];
    if (!kind || plug_getsockopt(r->listen[side], PLUG_LEVEL_SOCK, PLUG_SO_NAME, &at, &len) < 0 ||
        plug_addr_text(&at, text, sizeof(text)) < 0) {
        plug__str_add(out, p->text);
        return;
    }
    listen_name_layers(p, out);
    plug__str_add(out, kind->flags & PLUG_KIND_URL ? "://" : ":");
    plug__str_add(out, text);
}

static void listen_tell(struct plug__relay *r, int side)
{
    struct plug__str name = {0};
    struct plug__event ev = {.kind = PLUG__EV_LISTENING, .side = side};
    r->told |= (uint8_t)(1 << side);
    listen_name(r, side, &name);
    ev.name = name.text ? name.text : listen_plan(r, side)->text;
    plug__relay_emit(r, &ev);
    plug__str_drop(&name);
}

/* ---- ending ---- */

/* Children of other relays that stand on this listener's lists lose their session first. */
static void listen_drop_deciding(struct plug__list *children)
{
    struct plug__list *n = children->next, *next;
    for (; n && n != children; n = next) {
        struct plug_sock *child = plug__of(n, struct plug_sock, node);
        struct plug__session *s = plug__session_of(child);
        next = n->next;
        if (s)
            plug__session_child_lost(s, PLUG_ECANCELED);
    }
}

uint64_t plug__relay_unheard(const struct plug_sock *listener)
{
    int64_t n = 0;
    size_t len = sizeof(n);
    int r = listener ? plug_getsockopt((struct plug_sock *)(uintptr_t)listener, PLUG_LEVEL_SOCK,
                                       PLUG_SO_DROPPED, &n, &len)
                     : PLUG_ENOTSUP;
    return r < 0 ? 0 : (uint64_t)n;
}

static void listen_close(struct plug__relay *r, int side)
{
    struct plug_sock *sock = r->listen[side];
    if (!sock)
        return;
    r->totals.unheard += plug__relay_unheard(sock);
    r->listen[side] = NULL;
    if (sock->listener) {
        listen_drop_deciding(&sock->listener->opening);
        listen_drop_deciding(&sock->listener->ready);
    }
    plug_close(sock);
}

/* The children of a mux live on the listener's base: it stays until they have ended, and takes no
 * more. */
static int listen_must_stay(const struct plug__relay *r, int side)
{
    return r->listen[side] && !r->freeing && !plug__list_empty(&r->sessions) &&
           (plug__plan_top(listen_plan(r, side))->flags & PLUG_MUXED);
}

void plug__relay_unlisten(struct plug__relay *r)
{
    plug__relay_unshare(r);
    for (int i = 0; i < 2; i++) {
        if (listen_must_stay(r, i))
            plug__listener_hold(r->listen[i], 1);
        else
            listen_close(r, i);
    }
}

/* accept-timeout is over. Who has served somebody ends in order. */
static void listen_nobody(struct plug__relay *r, int side)
{
    const plug_time most = listen_plan(r, side)->common.accept_timeout;
    struct plug__event ev = {.kind = PLUG__EV_FAILED, .side = side};
    plug__err(&ev.err, PLUG_ETIMEDOUT, 0, NULL, "nobody connected within %g s",
              (double)most / (double)PLUG_SECOND);
    plug__err_hint(&ev.err, "accept-timeout= says how long to wait");
    ev.name = plug__plan_label(listen_plan(r, side));
    r->draining = 1;
    if (r->totals.sessions) {
        ev.kind = PLUG__EV_NOTICE;
    } else {
        r->totals.failed++;
        if (!r->status)
            r->status = plug__exit_code(PLUG_ETIMEDOUT);
    }
    plug__relay_emit(r, &ev);
    plug__relay_unlisten(r);
    plug__relay_settle(r);
}

/* retry= and forever: the port may come free. Returns 1 when it is tried again. */
static int listen_again(struct plug__relay *r, int side, const struct plug_err *err)
{
    const struct plug__common *c = &listen_plan(r, side)->common;
    struct plug__event ev = {.kind = PLUG__EV_WARNING, .side = side, .err = *err};
    plug_time wait;
    if ((r->told & (1 << side)) || r->draining || !plug__again_may(c, r->attempts + 1, err->code))
        return 0;
    wait = plug__again_wait(c, ++r->attempts);
    if (plug__loop_timer(r->loop, &r->again, plug__after(r->loop->now, wait)) < 0)
        return 0;
    plug__again_text(&ev.err, c, r->attempts, wait);
    plug_watch(r->listen[side], NULL, NULL);
    plug_close(r->listen[side]);
    r->listen[side] = NULL;
    r->absent |= (uint8_t)(1 << side);
    plug__relay_emit(r, &ev);
    return 1;
}

static void listen_failed(struct plug__relay *r, int side, int code)
{
    struct plug__event ev = {.kind = PLUG__EV_FAILED, .side = side};
    const struct plug__relay *rival = plug__relay_rival(r, side);
    (void)plug_error(r->listen[side], &ev.err);
    if (ev.err.code != code)
        plug__err(&ev.err, code, 0, NULL, "%s", plug_strerror(code));
    if (listen_again(r, side, &ev.err))
        return;
    if (code == PLUG_EADDRINUSE && rival) {
        plug__err(&ev.err, code, ev.err.os, ev.err.layer, "port in use by relay %u (%s)",
                  rival->number, listen_plan(rival, rival->listens & 1 ? 0 : 1)->text);
        plug__err_hint(&ev.err, "give one of the two another port");
    }
    ev.name = plug__plan_label(listen_plan(r, side));
    if (!r->status)
        r->status = plug__exit_code(code);
    r->totals.failed++;
    r->draining = 1;
    plug__relay_emit(r, &ev);
    plug__relay_unlisten(r);
    plug__relay_settle(r);
}

/* ---- sessions ---- */

static int listen_room(const struct plug__relay *r)
{
    return !r->draining && r->totals.live < r->most && !(r->one && r->served);
}

static void listen_hold(struct plug__relay *r, int hold)
{
    if (r->held == hold)
        return;
    r->held = (uint8_t)hold;
    for (int i = 0; i < 2; i++) {
        if (r->listen[i])
            plug__listener_hold(r->listen[i], hold);
    }
}

static int listen_waiting(const struct plug__relay *r)
{
    for (int i = 0; i < 2; i++) {
        if ((r->listens & (1 << i)) && (!r->listen[i] || !r->listen[i]->listener->nready))
            return 0;
    }
    return 1;
}

static void listen_no_memory(struct plug__relay *r, int side)
{
    struct plug__event ev = {.kind = PLUG__EV_FAILED, .side = side};
    plug__err(&ev.err, PLUG_ENOMEM, 0, NULL, "out of memory for a session");
    r->totals.failed++;
    plug__relay_emit(r, &ev);
}

/* Takes one connection of each listener. */
static void listen_begin(struct plug__relay *r)
{
    struct plug_sock *child[2] = {NULL, NULL};
    struct plug__session *s;
    for (int i = 0; i < 2; i++) {
        if (r->listen[i])
            child[i] = plug__listener_take(r->listen[i]);
    }
    s = child[0] && !child[1]   ? plug__session_of(child[0])
        : child[1] && !child[0] ? plug__session_of(child[1])
                                : NULL;
    if (s) { /* decided: its relay made the session already */
        plug__session_start(s);
        return;
    }
    r->served = 1;
    for (int i = 0; i < 2; i++) {
        if (child[i] && r->conf.opened)
            r->conf.opened(r->conf.arg, child[i], i);
    }
    if (plug__session_new(&s, r, child[0], child[1]) < 0)
        listen_no_memory(r, child[0] ? 0 : 1);
    else
        plug__session_start(s);
}

/* The next in the queue has its session already, perhaps another relay's. */
static int listen_decided(const struct plug__relay *r)
{
    for (int i = 0; i < 2; i++) {
        const struct plug__listener *l = r->listen[i] ? r->listen[i]->listener : NULL;
        if (l && l->nready && plug__session_of(plug__of(l->ready.next, struct plug_sock, node)))
            return 1;
    }
    return 0;
}

/* The one may still be on its way. */
static int listen_deciding(const struct plug__relay *r)
{
    for (int i = 0; i < 2; i++) {
        const struct plug__listener *l = r->listen[i] ? r->listen[i]->listener : NULL;
        if (l && r->route.decide && (l->nopening || l->nready))
            return 1;
    }
    return 0;
}

/* It has had its one. Where others share its listener that stays for them. */
static void listen_served(struct plug__relay *r)
{
    if (plug__relay_has_guests(r) || listen_deciding(r))
        plug__listener_unroute(&r->route);
    else
        plug__relay_unlisten(r);
}

static void listen_sessions(struct plug__relay *r)
{
    int n = 0;
    while (n < LISTEN_BATCH && listen_waiting(r) && (listen_room(r) || listen_decided(r))) {
        listen_begin(r);
        n++;
    }
    if (r->one && r->served)
        listen_served(r);
    else if (!listen_room(r))
        listen_hold(r, 1);
    else if (n == LISTEN_BATCH)
        plug__sock_again(r->listen[r->listen[0] ? 0 : 1]);
}

void plug__relay_resume(struct plug__relay *r)
{
    if (!r->draining && r->one && r->served) {
        listen_served(r);
        return;
    }
    if (r->draining) {
        plug__relay_unlisten(r);
        return;
    }
    if (r->held && listen_room(r))
        listen_hold(r, 0);
}

static void listen_watch(struct plug_sock *sock, void *arg)
{
    struct plug__relay *r = arg;
    int side = sock == r->listen[1], state = plug_state(sock);
    if (state == PLUG_EAGAIN)
        return;
    if (state == PLUG_ETIMEDOUT && (r->told & (1 << side))) {
        listen_nobody(r, side);
        return;
    }
    if (state < 0) {
        listen_failed(r, side, state);
        return;
    }
    r->stands |= (uint8_t)(1 << side);
    if (r->conf.set && r->conf.set->gate) {
        plug_loop_wake(r->loop); /* whoever opens the gate looks after each turn */
        return;
    }
    if (!(r->told & (1 << side)))
        listen_tell(r, side);
    listen_sessions(r);
}

void plug__relay_serve(struct plug__relay *r)
{
    for (int i = 0; i < 2; i++) {
        if (!r->listen[i])
            continue;
        if (!(r->told & (1 << i)))
            listen_tell(r, i);
        plug__listener_hold(r->listen[i], r->held);
    }
}

static void listen_lost(struct plug__listener *l, struct plug_sock *child, int code)
{
    struct plug__relay *r = l->arg;
    struct plug__session *s = plug__session_of(child);
    struct plug__event ev = {.kind = PLUG__EV_FAILED, .side = l->sock == r->listen[1]};
    char peer[PLUG__PEER_ROOM];
    if (s) {
        plug__session_child_lost(s, code);
        return;
    }
    if (plug_error(child, &ev.err) != code)
        plug__err(&ev.err, code, 0, NULL, "%s", plug_strerror(code));
    if (plug__relay_peer(child, peer, sizeof(peer)) >= 0)
        ev.peer = peer;
    r->totals.failed++;
    plug__relay_emit(r, &ev);
}

/* Turned away before it became a connection of ours. */
static void listen_refused(struct plug__listener *l, const struct plug_addr *peer, const char *why)
{
    struct plug__relay *r = l->arg;
    struct plug__event ev = {.kind = PLUG__EV_NOTICE, .side = l->sock == r->listen[1]};
    char text[PLUG__PEER_ROOM] = "";
    r->totals.refused++;
    if (plug__os_addr_text(peer, text, sizeof(text)) < 0 || !text[0])
        (void)snprintf(text, sizeof(text), "a peer");
    plug__err(&ev.err, PLUG_EPERM, 0, NULL, "%s is not let in (%s)", text, why);
    plug__err_hint(&ev.err, "the option %s of this address says so", why);
    plug__relay_emit(r, &ev);
}

static int listen_open(struct plug__relay *r, int side, struct plug_err *reterr)
{
    int e = plug__sock_new(&r->listen[side], r->loop, listen_plan(r, side), reterr);
    struct plug__listener *l;
    if (e < 0)
        return e;
    l = r->listen[side]->listener;
    l->lost = listen_lost;
    l->refused = listen_refused;
    l->arg = r;
    l->hold = r->held || (r->conf.set && r->conf.set->gate);
    plug_watch(r->listen[side], listen_watch, r);
    plug__relay_route(r, side);
    plug__sock_start(r->listen[side]);
    return 0;
}

int plug__relay_listen(struct plug__relay *r, struct plug_err *reterr)
{
    for (int i = 0; i < 2; i++) {
        if (!(r->listens & (1 << i)) || plug__relay_share(r, i))
            continue;
        int e = listen_open(r, i, reterr);
        if (e < 0)
            return e;
    }
    return 0;
}

void plug__relay_listen_again(struct plug__timer *t, plug_time now)
{
    struct plug__relay *r = plug__of(t, struct plug__relay, again);
    struct plug__event ev = {.kind = PLUG__EV_FAILED};
    (void)now;
    for (int i = 0; i < 2; i++) {
        if (!(r->absent & (1 << i)))
            continue;
        r->absent &= (uint8_t) ~(1 << i);
        ev.side = i;
        if (listen_open(r, i, &ev.err) >= 0)
            continue;
        r->status = plug__exit_code(ev.err.code);
        r->draining = 1;
        plug__relay_emit(r, &ev);
        plug__relay_unlisten(r);
        plug__relay_settle(r);
        return;
    }
}
