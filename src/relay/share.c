/* SPDX-License-Identifier: MIT
 *
 * Several relays on one bound address: where the layers tell routes apart they share one listener,
 * which belongs to the first; elsewhere the later ones learn who was there before.
 */
#include "relay/session.h"

#include "util/str.h"
#include <string.h>

static const struct plug_plan *share_plan(const struct plug__relay *r, int side)
{
    return side ? r->conf.b : r->conf.a;
}

static int share_same(const char *a, const char *b)
{
    return (!a && !b) || (a && b && strcmp(a, b) == 0);
}

/* The system chooses: never the same. */
static int share_chosen(const struct plug_step *s)
{
    return (s->port && strcmp(s->port, "0") == 0) || (!s->port && !s->path && !s->bind);
}

/* The same port or path; hosts may differ and still be in each other's way. */
static int share_rival_step(const struct plug_step *a, const struct plug_step *b)
{
    return a->ops == b->ops && a->role == PLUG_LISTENER && b->role == PLUG_LISTENER &&
           !share_chosen(a) && share_same(a->port, b->port) && share_same(a->path, b->path);
}

static struct plug__relay *share_find(const struct plug__relay *r, int side, int *ret_side)
{
    const struct plug_step *mine = &share_plan(r, side)->steps[0];
    struct plug__list *n;
    if (!r->conf.set)
        return NULL;
    for (n = r->conf.set->relays.next; n != &r->conf.set->relays; n = n->next) {
        struct plug__relay *other = plug__of(n, struct plug__relay, node);
        if (other == r)
            return NULL; /* those behind come later */
        for (int i = 0; i < 2; i++) {
            if (!other->listen[i] || other->loop != r->loop ||
                !share_rival_step(mine, &share_plan(other, i)->steps[0]))
                continue;
            *ret_side = i;
            return other;
        }
    }
    return NULL;
}

struct plug__relay *plug__relay_rival(const struct plug__relay *r, int side)
{
    int other;
    return share_find(r, side, &other);
}

/* ---- routes ---- */

static int share_has_routes(const struct plug_plan *p)
{
    return (p->steps[p->nsteps - 1].flags & PLUG_ROUTES) != 0;
}

static int share_compatible(const struct plug_plan *a, const struct plug_plan *b)
{
    if (!share_has_routes(a) || !share_has_routes(b) || a->nsteps != b->nsteps ||
        !share_same(a->steps[0].host, b->steps[0].host) ||
        !share_same(a->steps[0].bind, b->steps[0].bind))
        return 0;
    for (unsigned i = 0; i < a->nsteps; i++) {
        if (a->steps[i].ops != b->steps[i].ops)
            return 0;
    }
    return 1;
}

/* What the address says about its route: the first of these options (blank-separated). */
static const char *share_option(const struct plug_plan *p, const char *names)
{
    const struct plug_step *top = &p->steps[p->nsteps - 1];
    for (unsigned i = 0; i < top->nopts; i++) {
        const char *name = top->opts[i].option->name;
        if (plug__word_in(names, name, strlen(name)))
            return top->opts[i].text;
    }
    return NULL;
}

static void share_decide(struct plug__route *route, struct plug_sock *child)
{
    struct plug__relay *r = plug__of(route, struct plug__relay, route);
    int side = r->listens & 1 ? 0 : 1;
    if (r->draining || r->totals.live >= r->most || (r->one && r->served)) {
        plug__child_verdict(child, PLUG_ELIMIT);
        return;
    }
    r->served = 1;
    if (r->one)
        plug__listener_unroute(&r->route);
    if (plug__session_decide(r, child, side) < 0)
        plug__child_verdict(child, PLUG_ENOMEM);
}

/* A route that matches everything goes behind those that name a path. */
static void share_catch_all_last(struct plug_sock *listener, struct plug__route *added)
{
    struct plug__list *n = listener->listener->routes.next, *next;
    for (; n != &listener->listener->routes && n != &added->node; n = next) {
        struct plug__route *r = plug__of(n, struct plug__route, node);
        next = n->next;
        if (r->path || r->host)
            continue;
        plug__listener_unroute(r);
        plug__listener_route(listener, r);
    }
}

static void share_add(struct plug__relay *r, struct plug_sock *listener, const struct plug_plan *p)
{
    r->route = (struct plug__route){
        .path = share_option(p, "path route"),
        .host = share_option(p, "host"),
        .decide = share_decide,
    };
    plug__listener_route(listener, &r->route);
    share_catch_all_last(listener, &r->route);
}

int plug__relay_share(struct plug__relay *r, int side)
{
    int other = 0;
    struct plug__relay *host = share_find(r, side, &other);
    if (!host || r->listens == 3 || host->listens == 3 ||
        !share_compatible(share_plan(r, side), share_plan(host, other)))
        return 0;
    r->host = host;
    share_add(r, host->listen[other], share_plan(r, side));
    return 1;
}

void plug__relay_route(struct plug__relay *r, int side)
{
    if (r->listens != 3 && share_has_routes(share_plan(r, side)))
        share_add(r, r->listen[side], share_plan(r, side));
}

int plug__relay_has_guests(const struct plug__relay *r)
{
    const struct plug__relay_set *set = r->conf.set;
    for (struct plug__list *n = set ? set->relays.next : NULL; n && n != &set->relays;
         n = n->next) {
        if (plug__of(n, struct plug__relay, node)->host == r)
            return 1;
    }
    return 0;
}

/* A host that has served its one stays only for its guests. */
static void share_leave(struct plug__relay *r)
{
    struct plug__relay *host = r->host;
    r->host = NULL;
    if (host && host->one && host->served && !host->freeing && !plug__relay_has_guests(host)) {
        plug__relay_unlisten(host);
        plug__relay_settle(host);
    }
}

void plug__relay_unshare(struct plug__relay *r)
{
    struct plug__list *n;
    plug__listener_unroute(&r->route);
    share_leave(r);
    if (!r->conf.set || !r->conf.set->relays.next)
        return;
    for (n = r->conf.set->relays.next; n != &r->conf.set->relays; n = n->next) {
        struct plug__relay *guest = plug__of(n, struct plug__relay, node);
        if (guest->host == r) {
            plug__listener_unroute(&guest->route);
            guest->host = NULL;
        }
    }
}
