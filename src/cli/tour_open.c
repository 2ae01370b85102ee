/* SPDX-License-Identifier: MIT
 *
 * Opens one pair of the tour: the peers that listen, the relay between, the peers that call.
 * It deliberately moves no bytes: tour_pair.c does.
 */
#include "cli/tour_pair.h"
#include "os/sockopt.h"
#include "util/alloc.h"
#include "util/str.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int plug__tour_fail(struct plug__tour_run *p, const char *fmt, ...)
{
    va_list ap;

    if (p->failed)
        return -1;
    p->failed = 1;
    va_start(ap, fmt);
    vsnprintf(p->result->why, sizeof(p->result->why), fmt, ap);
    va_end(ap);
    return -1;
}

static uint32_t tour_number(int side, uint32_t at)
{
    return at * 131 + (at >> 8) * 7 + (side ? 91 : 0);
}

void plug__tour_fill(const struct plug__tour_run *p, int side, uint64_t at, unsigned char *to,
                     size_t len)
{
    if (p->letters)
        for (size_t i = 0; i < len; i++)
            to[i] = (unsigned char)('a' + tour_number(side, (uint32_t)(at + i)) % 26);
    else
        for (size_t i = 0; i < len; i++)
            to[i] = (unsigned char)tour_number(side, (uint32_t)(at + i));
}

/* ---- addresses ---- */

static void tour_value(const struct plug__tour_run *p, const struct plug__tour_end *e,
                       const char *key, size_t n, struct plug__str *out)
{
    if (strncmp(key, "dir", n) == 0)
        plug__str_add(out, p->tour->dir);
    else if (strncmp(key, "n", n) == 0)
        plug__str_printf(out, "%u", e->number);
    else if (strncmp(key, "port", n) == 0)
        plug__str_printf(out, "%u", e->port);
    else if (strncmp(key, "fd", n) == 0)
        plug__str_printf(out, "%d", (int)e->fds[0]);
    else if (strncmp(key, "fd2", n) == 0)
        plug__str_printf(out, "%d", (int)e->fds[1]);
    else if (strncmp(key, "text", n) == 0)
        plug__str_addn(out, (const char *)p->buf, p->total);
}

static int tour_expand(struct plug__tour_run *p, const struct plug__tour_end *e,
                       const char *template, char ret[PLUG__TOUR_ADDRESS])
{
    struct plug__str s = {0};

    for (const char *t = template; *t;) {
        size_t n = strcspn(t, "{");
        plug__str_addn(&s, t, n);
        t += n;
        if (*t == '{') {
            n = strcspn(++t, "}");
            tour_value(p, e, t, n, &s);
            t += n + 1;
        }
    }
    if (s.failed || !s.text || s.len >= PLUG__TOUR_ADDRESS) {
        plug__str_drop(&s);
        return plug__tour_fail(p, "address too long");
    }
    memcpy(ret, s.text, s.len + 1);
    plug__str_drop(&s);
    return 0;
}

/* ---- opening ---- */

static void tour_watch(struct plug_sock *s, void *arg)
{
    (void)s; /* the pair looks at both peers after every turn */
    (void)arg;
}

static int tour_open_peer(struct plug__tour_run *p, struct plug__tour_end *e,
                          struct plug_sock **ret)
{
    struct plug_err err = {0};
    char address[PLUG__TOUR_ADDRESS];

    if (tour_expand(p, e, e->kind->peer, address) < 0)
        return -1;
    if (plug_open_on(ret, p->tour->loop, address, &err) < 0)
        return plug__tour_fail(p, "peer %s: %s", address, err.text);
    plug_watch(*ret, tour_watch, NULL);
    return 0;
}

int plug__tour_turn(struct plug__tour_run *p)
{
    int rc = plug__loop_poll(p->tour->loop, p->deadline);

    if (rc < 0)
        return plug__tour_fail(p, "the loop failed: %s", plug_strerror(rc));
    if (plug_now() >= p->deadline)
        return plug__tour_fail(p, "timed out: %" PRIu64 " + %" PRIu64 " of %zu bytes arrived",
                               p->end[1].got, p->end[0].got, p->total);
    return p->failed ? -1 : 0;
}

static int tour_until_up(struct plug__tour_run *p, const struct plug__tour_end *e,
                         const struct plug_sock *s)
{
    int rc;

    while ((rc = plug_state(s)) == PLUG_EAGAIN)
        if (plug__tour_turn(p) < 0)
            return -1;
    return rc < 0 ? plug__tour_fail(p, "peer of %s: %s", e->kind->name, plug_strerror(rc)) : 0;
}

/* A peer that listens is up before the relay starts; its port goes into the relay's address. */
static int tour_listen_peer(struct plug__tour_run *p, struct plug__tour_end *e)
{
    struct plug_addr name = {0};
    size_t len = sizeof(name);

    if (tour_open_peer(p, e, &e->listener) < 0 || tour_until_up(p, e, e->listener) < 0)
        return -1;
    if (plug_getsockopt(e->listener, PLUG_LEVEL_SOCK, PLUG_SO_NAME, &name, &len) >= 0)
        e->port = plug__os_addr_port(&name);
    return 0;
}

static int tour_write_source(struct plug__tour_run *p, const struct plug__tour_end *e, int side)
{
    char path[PLUG__TOUR_ADDRESS];
    FILE *f;
    int ok;

    snprintf(path, sizeof(path), "%s/source-%u", p->tour->dir, e->number);
    f = fopen(path, "wb");
    ok = f != NULL;
    for (uint64_t at = 0; ok && at < p->total;) {
        size_t n = p->total - at < PLUG__TOUR_BUFFER ? (size_t)(p->total - at) : PLUG__TOUR_BUFFER;
        plug__tour_fill(p, side, at, p->buf, n);
        ok = fwrite(p->buf, 1, n, f) == n;
        at += n;
    }
    if (f)
        ok = fclose(f) == 0 && ok;
    return ok ? 0 : plug__tour_fail(p, "%s cannot be written", path);
}

static int tour_handed(struct plug__tour_run *p, struct plug__tour_end *e)
{
    char path[PLUG__TOUR_ADDRESS];
    struct plug_addr a = {0};

    snprintf(path, sizeof(path), "%s/unix-%u", p->tour->dir, e->number);
    if (plug__os_addr_unix(&a, path, 0, 1) < 0 ||
        plug__os_socket(&e->fds[0], a.family, SOCK_STREAM, 0, NULL) < 0 ||
        plug__os_bind(e->fds[0], &a, NULL) < 0 || plug__os_listen(e->fds[0], 1, NULL) < 0)
        return plug__tour_fail(p, "no socket listens at %s", path);
    return 0;
}

int plug__tour_prepare(struct plug__tour_run *p, int side)
{
    struct plug__tour_end *e = &p->end[side];
    int rc = 0;

    e->number = ++p->tour->next;
    if (e->kind->flags & PLUG__TOUR_FDS)
        rc = plug__os_socketpair(e->fds, PLUG_STREAM, NULL) < 0
                 ? plug__tour_fail(p, "no socketpair")
                 : 0;
    if (e->kind->flags & PLUG__TOUR_HANDED)
        rc = tour_handed(p, e);
    if (e->kind->how == PLUG__TOUR_CALLED)
        rc = tour_listen_peer(p, e);
    if (rc >= 0 && e->kind->how == PLUG__TOUR_BOTH)
        rc = tour_open_peer(p, e, &e->sock);
    if (rc >= 0 && (e->kind->flags & PLUG__TOUR_FIRST))
        rc = tour_until_up(p, e, e->sock);
    if (rc >= 0 && e->kind->how == PLUG__TOUR_SOURCE)
        rc = tour_write_source(p, e, side);
    if (p->total < PLUG__TOUR_BUFFER)
        plug__tour_fill(p, side, 0, p->buf, p->total); /* for {text} */
    return rc < 0 ? rc : tour_expand(p, e, e->kind->relay, e->address);
}

static void tour_event(void *arg, const struct plug__event *ev)
{
    struct plug__tour_run *p = arg;
    const char *colon;

    if (ev->kind == PLUG__EV_FAILED || ev->kind == PLUG__EV_LOST) {
        plug__tour_fail(p, "%s: %s", ev->name ? ev->name : "relay",
                        ev->err.text[0] ? ev->err.text : plug_strerror(ev->err.code));
    } else if (ev->kind == PLUG__EV_LISTENING && ev->side >= 0) {
        colon = ev->name ? strrchr(ev->name, ':') : NULL;
        p->end[ev->side].port = colon ? (unsigned)strtoul(colon + 1, NULL, 10) : 0;
        p->end[ev->side].shut = -1; /* listening: the peer may call */
    }
}

int plug__tour_relay(struct plug__tour_run *p)
{
    struct plug_plan *plan[2] = {NULL, NULL};
    struct plug_err err = {0};
    int side = 0, rc = 0;
    int only = p->end[0].kind->how == PLUG__TOUR_SOURCE || p->end[1].kind->how == PLUG__TOUR_SINK;

    for (int i = 0; rc >= 0 && i < 2; i++) {
        side = i;
        rc = plug__plan_parse(&plan[i], p->end[i].address, NULL, &err);
    }
    if (rc >= 0)
        rc = plug__relay_check(plan[0], plan[1], 0, only, &side, NULL, NULL, &err);
    if (rc < 0) {
        plug__plan_drop(plan[0]);
        plug__plan_drop(plan[1]);
        return plug__tour_fail(p, "%.80s: %s", p->end[side].address, err.text);
    }
    rc = plug__relay_new(&p->relay, p->tour->loop,
                         &(struct plug__relay_conf){.a = plan[0],
                                                    .b = plan[1],
                                                    .only = only,
                                                    .half_wait = PLUG_FOREVER,
                                                    .idle = PLUG_FOREVER,
                                                    .movers = 1,
                                                    .event = tour_event,
                                                    .arg = p},
                         &err);
    return rc < 0 ? plug__tour_fail(p, "relay: %s", err.text) : 0;
}

/* Gets a side's peer when its time has come: it calls, or its listener has a call. */
int plug__tour_meet(struct plug__tour_run *p, struct plug__tour_end *e)
{
    int rc;

    if (e->sock || !plug__tour_has_peer(e->kind))
        return 0;
    if (e->kind->how == PLUG__TOUR_CALLS) {
        if (e->shut >= 0)
            return 0; /* not listening yet */
        e->shut = 0;
        return tour_open_peer(p, e, &e->sock);
    }
    rc = plug_accept(e->listener, &e->sock, 0);
    if (rc >= 0)
        plug_watch(e->sock, tour_watch, NULL);
    else if (rc != PLUG_EAGAIN)
        return plug__tour_fail(p, "peer of %s: %s", e->kind->name, plug_strerror(rc));
    return 0;
}
