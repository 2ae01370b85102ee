/* SPDX-License-Identifier: MIT
 *
 * The relay as its owner sees it: made from two plans, asked for its totals, drained, freed. Its
 * listeners are listen.c's, its sessions session.c's.
 */
#include "relay/session.h"

#include "util/alloc.h"
#include "util/err.h"
#include <string.h>

enum {
    RELAY_HANDLES_KEPT = 64, /* descriptors left for listeners, logs and pipes */
    RELAY_HANDLES_A_SESSION = 2,
    RELAY_SESSIONS_LEAST = 16
};

/* ---- events ---- */

static struct plug__session *relay_find(struct plug__relay *r, uint64_t id)
{
    for (struct plug__list *n = r->sessions.prev; n != &r->sessions; n = n->prev) {
        struct plug__session *s = plug__of(n, struct plug__session, node);
        if (s->id == id)
            return s;
    }
    return NULL;
}

int plug__relay_peer(struct plug_sock *sock, char *buf, size_t size)
{
    struct plug_addr peer = {0};
    size_t len = sizeof(peer);
    int r = PLUG_ENOTCONN;
    if (sock)
        r = plug_getsockopt(sock, PLUG_LEVEL_SOCK, PLUG_SO_PEER, &peer, &len);
    if (r >= 0)
        r = plug_addr_text(&peer, buf, size);
    if (r < 0)
        buf[0] = '\0';
    return r;
}

int plug__session_peer(const struct plug__session *s, char *buf, size_t size)
{
    int side = s->flags & PLUG__SESSION_CHILD_A ? 0 : 1;
    struct plug_addr peer = {0};
    if (!s->peer_len)
        return s->flags & (PLUG__SESSION_CHILD_A | PLUG__SESSION_CHILD_B)
                   ? plug__relay_peer(s->side[side], buf, size)
                   : PLUG_ENOTCONN;
    memcpy(&peer.u, s->peer, s->peer_len);
    peer.len = s->peer_len;
    peer.family = s->peer_family;
    return plug_addr_text(&peer, buf, size);
}

/* Who has connected, or to whom we have, as text; empty when nobody can say. */
static void relay_peer(struct plug__relay *r, const struct plug__event *ev, char *buf, size_t size)
{
    struct plug__session *s = relay_find(r, ev->session);
    if (s && ev->side >= 0 && plug__session_peer(s, buf, size) < 0)
        (void)plug__relay_peer(s->side[ev->side], buf, size);
    else if (s && ev->side < 0 && plug__relay_peer(s->side[1], buf, size) < 0)
        (void)plug__relay_peer(s->side[0], buf, size);
}

void plug__relay_emit(struct plug__relay *r, struct plug__event *ev)
{
    char name[256] = "";
    if (!r->conf.event)
        return;
    ev->relay = r;
    for (int i = 0; i < 2; i++) {
        if ((r->listens & (1 << i)) && (ev->session || ev->peer))
            ev->quiet |= (i ? r->conf.b : r->conf.a)->common.children_shutup;
    }
    if (!ev->name && ev->kind == PLUG__EV_OPENED) {
        relay_peer(r, ev, name, sizeof(name));
        ev->name = name[0] ? name : NULL;
    }
    if (!ev->name && ev->side >= 0)
        ev->name = plug__plan_label(ev->side ? r->conf.b : r->conf.a);
    r->conf.event(r->conf.arg, ev);
}

/* ---- sums ---- */

static void relay_add(struct plug__flow *sum, const struct plug__flow *f)
{
    sum->bytes += f->bytes;
    sum->records += f->records;
    sum->calls += f->calls;
    sum->spliced += f->spliced;
    sum->dropped += f->dropped;
    sum->late += f->late;
}

int plug__relay_sides(const struct plug__relay *r, struct plug_sock *ret[2])
{
    const struct plug__session *s;
    if (plug__list_empty(&r->sessions))
        return 0;
    s = plug__of(r->sessions.prev, struct plug__session, node);
    ret[0] = s->side[0];
    ret[1] = s->side[1];
    return ret[0] && ret[1];
}

void plug__relay_totals(const struct plug__relay *r, struct plug__relay_totals *ret)
{
    *ret = r->totals;
    ret->unheard += plug__relay_unheard(r->listen[0]) + plug__relay_unheard(r->listen[1]);
    for (const struct plug__list *n = r->sessions.next; n != &r->sessions; n = n->next) {
        const struct plug__session *s =
            (const struct plug__session *)(const void *)((const char *)n -
                                                         offsetof(struct plug__session, node));
        relay_add(&ret->flow[0], &s->stats.flow[0]);
        relay_add(&ret->flow[1], &s->stats.flow[1]);
    }
}

void plug__relay_ended(struct plug__relay *r, struct plug__session *s, int status)
{
    relay_add(&r->totals.flow[0], &s->stats.flow[0]);
    relay_add(&r->totals.flow[1], &s->stats.flow[1]);
    r->totals.live--;
    plug__list_remove(&s->node);
    if (status && !r->status && (r->one || !r->listens))
        r->status = status;
    if (!r->freeing)
        plug__relay_resume(r);
    plug__relay_settle(r);
}

/* The end may come from a timer, of which the loop's caller would not hear. */
void plug__relay_settle(struct plug__relay *r)
{
    if (plug__relay_done(r))
        plug_loop_wake(r->loop);
}

/* ---- making ---- */

static int relay_reads(const struct plug_plan *from, const struct plug_plan *to)
{
    return !(from->steps[from->nsteps - 1].flags & PLUG_NOREAD) &&
           !(to->steps[to->nsteps - 1].flags & PLUG_NOWRITE);
}

static int relay_is_once(const struct plug_plan *p)
{
    return (p->steps[p->nsteps - 1].flags & PLUG_ONCE) || (p->steps[0].flags & PLUG_ONCE);
}

/* Of A!!B the one that is read. */
static const struct plug_plan *relay_source(const struct plug_plan *p)
{
    return p->half[0] ? p->half[0] : p;
}

/* Two names of the same thing that exists once, such as `plug - -`: reading it twice would tear it
 * apart. */
static int relay_same_once(const struct plug_plan *a, const struct plug_plan *b)
{
    const struct plug_step *x = &a->steps[0], *y = &b->steps[0];
    return x->ops == y->ops && relay_is_once(a) && relay_is_once(b) && !x->path && !y->path;
}

static void relay_directions(struct plug__relay *r)
{
    const struct plug__relay_conf *c = &r->conf;
    if (c->only != 2 && relay_reads(c->a, c->b))
        r->runs |= 1;
    if (c->only != 1 && relay_reads(c->b, c->a))
        r->runs |= 2;
    if (r->runs == 3 && relay_same_once(relay_source(c->a), relay_source(c->b)))
        r->runs = 1;
}

/* A URL listens until told otherwise; socat's form serves one unless it says fork. */
static int relay_serves_one(const struct plug_plan *p)
{
    return p->common.once || (!p->url && !p->common.fork);
}

static uint64_t relay_most(const struct plug_plan *p)
{
    int handles = plug__os_fd_limit();
    if (p->common.max_sessions > 0)
        return (uint64_t)p->common.max_sessions;
    handles = (handles - RELAY_HANDLES_KEPT) / RELAY_HANDLES_A_SESSION;
    return handles > RELAY_SESSIONS_LEAST ? (uint64_t)handles : RELAY_SESSIONS_LEAST;
}

static void relay_listener_sides(struct plug__relay *r)
{
    r->most = UINT64_MAX;
    for (int i = 0; i < 2; i++) {
        const struct plug_plan *p = i ? r->conf.b : r->conf.a;
        const struct plug_plan *other = i ? r->conf.a : r->conf.b;
        if (p->steps[0].role != PLUG_LISTENER)
            continue;
        r->listens |= (uint8_t)(1 << i);
        r->one |= relay_serves_one(p) || relay_is_once(other);
        if (relay_most(p) < r->most)
            r->most = relay_most(p);
    }
}

static void relay_fire(struct plug__timer *t, plug_time now);

static struct plug__relay *relay_make(struct plug_loop *loop, const struct plug__relay_conf *conf)
{
    struct plug__relay *r = plug__calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->conf = *conf;
    r->loop = loop;
    r->timer.fire = relay_fire;
    r->again.fire = plug__relay_listen_again;
    plug__list_init(&r->sessions);
    if (conf->set) {
        if (!conf->set->relays.next)
            plug__list_init(&conf->set->relays);
        plug__list_push(&conf->set->relays, &r->node);
        r->number = ++conf->set->n;
    }
    relay_directions(r);
    relay_listener_sides(r);
    return r;
}

int plug__relay_dial(struct plug__relay *r, struct plug_err *reterr)
{
    struct plug__session *s;
    r->waits = 0;
    int e = plug__session_new(&s, r, NULL, NULL);
    if (e < 0)
        return plug__err(reterr, e, 0, NULL, "out of memory");
    plug__session_start(s);
    return 0;
}

static int relay_begin(struct plug__relay *r, struct plug_err *reterr)
{
    if (r->listens)
        return plug__relay_listen(r, reterr);
    if (!r->conf.set || !r->conf.set->gate)
        return plug__relay_dial(r, reterr);
    r->waits = 1;
    return 0;
}

int plug__relay_new(struct plug__relay **ret, struct plug_loop *loop,
                    const struct plug__relay_conf *conf, struct plug_err *reterr)
{
    struct plug__relay *r = relay_make(loop, conf);
    if (!r) {
        plug__plan_drop(conf->a);
        plug__plan_drop(conf->b);
        return plug__err(reterr, PLUG_ENOMEM, 0, NULL, "out of memory");
    }
    int e = relay_begin(r, reterr);
    if (e < 0) {
        plug__relay_free(r);
        return e;
    }
    *ret = r;
    return 0;
}

/* ---- asking and ending ---- */

int plug__relay_done(const struct plug__relay *r)
{
    return !r->waits && !r->absent && !r->listen[0] && !r->listen[1] && !r->host &&
           plug__list_empty(&r->sessions);
}

int plug__relay_status(const struct plug__relay *r)
{
    return r->status;
}

static void relay_cut_all(struct plug__relay *r)
{
    while (!plug__list_empty(&r->sessions))
        plug__session_cut(plug__of(r->sessions.next, struct plug__session, node), PLUG_ECANCELED);
}

static void relay_fire(struct plug__timer *t, plug_time now)
{
    (void)now;
    relay_cut_all(plug__of(t, struct plug__relay, timer));
}

/* Those that wait to open a side once more have nothing to finish. */
static void relay_cut_waiting(struct plug__relay *r)
{
    struct plug__list *n = r->sessions.next, *next;
    for (; n != &r->sessions; n = next) {
        struct plug__session *s = plug__of(n, struct plug__session, node);
        next = n->next;
        if (s->state == PLUG__SESSION_OPENING && (s->attempts || s->flags & PLUG__SESSION_AGAIN))
            plug__session_cut(s, PLUG_ECANCELED);
    }
}

void plug__relay_drain(struct plug__relay *r, plug_time deadline)
{
    r->draining = 1;
    r->waits = r->absent = 0;
    (void)plug__loop_timer(r->loop, &r->again, PLUG_FOREVER);
    plug__relay_unlisten(r);
    relay_cut_waiting(r);
    if (plug__list_empty(&r->sessions))
        return;
    if (deadline <= r->loop->now ||
        (deadline != PLUG_FOREVER && plug__loop_timer(r->loop, &r->timer, deadline) < 0))
        relay_cut_all(r);
}

void plug__relay_hurry(struct plug__relay *r)
{
    struct plug__list *n = r->sessions.next, *next;
    r->hurry = 1;
    for (; n != &r->sessions; n = next) {
        next = n->next;
        plug__session_hurry(plug__of(n, struct plug__session, node));
    }
}

void plug__relay_free(struct plug__relay *r)
{
    if (!r)
        return;
    r->freeing = 1;
    plug__relay_unlisten(r);
    relay_cut_all(r);
    plug__relay_unshare(r);
    for (int i = 0; i < 2; i++)
        plug_close(r->listen[i]);
    (void)plug__loop_timer(r->loop, &r->timer, PLUG_FOREVER);
    (void)plug__loop_timer(r->loop, &r->again, PLUG_FOREVER);
    plug__list_remove(&r->node);
    plug__plan_drop(r->conf.a);
    plug__plan_drop(r->conf.b);
    plug__free(r);
}
