/* SPDX-License-Identifier: MIT
 *
 * One pair of the tour: peers made with libplug itself, a relay between them, bytes sent each way
 * and checked one by one, all on the tour's loop.
 * It deliberately shows nothing: tour.c does.
 */
#include "cli/tour.h"
#include "util/alloc.h"
#include "util/str.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TOUR_STREAM_BYTES = 256 * 1024,
    TOUR_RECORD_BYTES = 48 * 1024,
    TOUR_RECORD_MOST = 1200,  /* longest record sent */
    TOUR_PIECE = 16 * 1024,   /* stream bytes per send */
    TOUR_WINDOW = 8 * 1024,   /* bytes under way where records may be dropped */
    TOUR_BUFFER = 128 * 1024, /* longest record received */
    TOUR_ADDRESS = 256
};
#define TOUR_DEADLINE (5 * PLUG_SECOND)

/* One side of the relay and who is behind it. */
struct tour_end {
    const struct plug__tour_kind *kind;
    unsigned number, port;
    plug_handle fds[2];
    char address[TOUR_ADDRESS]; /* the relay's */
    struct plug_sock *listener, *sock;
    uint64_t sent, got; /* bytes */
    uint64_t sent_records, got_records;
    size_t sent_part, got_part; /* bytes of the record under way */
    int shut, eof;
};

struct tour_pair {
    struct plug__tour *tour;
    struct tour_end end[2];
    struct plug__relay *relay;
    size_t total; /* bytes each way */
    int letters, records;
    plug_time deadline;
    unsigned char *buf; /* TOUR_BUFFER bytes */
    struct plug__tour_result *result;
    int failed;
};

static const struct plug__tour_kind *tour_other(const struct tour_pair *p, int side)
{
    return p->end[1 - side].kind;
}

static int tour_has_peer(const struct plug__tour_kind *k)
{
    return k->how <= PLUG__TOUR_BOTH;
}

static int tour_speaks(const struct plug__tour_kind *k)
{
    return k->how == PLUG__TOUR_SOURCE || (tour_has_peer(k) && !(k->flags & PLUG__TOUR_HEARS));
}

int plug__tour_present(const struct plug__tour_kind *k)
{
    const char *from = k->relay;
    size_t n;

    for (;;) { /* every layer of len32+tcp */
        const struct plug_kind *kind;
        n = strcspn(from, "+:");
        if (!plug__find_kind(from, n, NULL, &kind))
            return 0;
        if (from[n] != '+')
            return 1;
        from += n + 1;
    }
}

int plug__tour_joins(const struct plug__tour_kind *a, const struct plug__tour_kind *b)
{
    if (!tour_speaks(a) && !tour_speaks(b))
        return 0;
    if (tour_has_peer(a) && tour_has_peer(b))
        return 1;
    if (!tour_has_peer(a) && !tour_has_peer(b)) /* a file to a file: nothing comes back */
        return (a->how == PLUG__TOUR_SOURCE && b->how == PLUG__TOUR_SINK);
    if (a->how == PLUG__TOUR_SINK || b->how == PLUG__TOUR_SOURCE)
        return 0; /* the same pair stands the other way round */
    return 1;
}

static int tour_fail(struct tour_pair *p, const char *fmt, ...) PLUG__PRINTF(2, 3);

static int tour_fail(struct tour_pair *p, const char *fmt, ...)
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

/* ---- what is sent ---- */

static unsigned char tour_byte(const struct tour_pair *p, int side, uint64_t at)
{
    uint64_t x = at * 131 + (at >> 8) * 7 + (side ? 91 : 0);

    return (unsigned char)(p->letters ? 'a' + x % 26 : x & 255);
}

/* The length of record number i, which begins at byte `at`; all together are `total` bytes. */
static size_t tour_record(const struct tour_pair *p, uint64_t i, uint64_t at)
{
    size_t len = 1 + (size_t)(i * 389 % TOUR_RECORD_MOST);

    return len < p->total - at ? len : (size_t)(p->total - at);
}

/* Bytes of the next send: the rest of a record, or a piece. */
static size_t tour_next(const struct tour_pair *p, const struct tour_end *e)
{
    size_t left = (size_t)(p->total - e->sent);

    if (p->records)
        return tour_record(p, e->sent_records, e->sent - e->sent_part) - e->sent_part;
    return left < TOUR_PIECE ? left : TOUR_PIECE;
}

static void tour_fill(struct tour_pair *p, int side, uint64_t at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        p->buf[i] = tour_byte(p, side, at + i);
}

/* ---- addresses ---- */

static void tour_value(const struct tour_pair *p, const struct tour_end *e, const char *key,
                       size_t n, struct plug__str *out)
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

static int tour_expand(struct tour_pair *p, const struct tour_end *e, const char *template,
                       char ret[TOUR_ADDRESS])
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
    if (s.failed || s.len >= TOUR_ADDRESS) {
        plug__str_drop(&s);
        return tour_fail(p, "address too long");
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

static int tour_open_peer(struct tour_pair *p, struct tour_end *e, struct plug_sock **ret)
{
    struct plug_err err = {0};
    char address[TOUR_ADDRESS];

    if (tour_expand(p, e, e->kind->peer, address) < 0)
        return -1;
    if (plug_open_on(ret, p->tour->loop, address, &err) < 0)
        return tour_fail(p, "peer %s: %s", address, err.text);
    plug_watch(*ret, tour_watch, NULL);
    return 0;
}

static int tour_turn(struct tour_pair *p)
{
    int rc = plug_loop_turn(p->tour->loop, p->deadline);

    if (rc < 0)
        return tour_fail(p, "the loop failed: %s", plug_strerror(rc));
    if (plug_now() >= p->deadline)
        return tour_fail(p, "timed out: %" PRIu64 " + %" PRIu64 " of %zu bytes arrived",
                         p->end[1].got, p->end[0].got, p->total);
    return p->failed ? -1 : 0;
}

/* A peer that listens is up before the relay starts; its port goes into the relay's address. */
static int tour_listen_peer(struct tour_pair *p, struct tour_end *e)
{
    struct plug_addr name = {0};
    size_t len = sizeof(name);
    int rc;

    if (tour_open_peer(p, e, &e->listener) < 0)
        return -1;
    while ((rc = plug_state(e->listener)) == PLUG_EAGAIN)
        if (tour_turn(p) < 0)
            return -1;
    if (rc < 0)
        return tour_fail(p, "peer of %s: %s", e->kind->name, plug_strerror(rc));
    if (plug_getsockopt(e->listener, PLUG_LEVEL_SOCK, PLUG_SO_NAME, &name, &len) >= 0)
        e->port = plug__os_addr_port(&name);
    return 0;
}

static int tour_write_source(struct tour_pair *p, const struct tour_end *e, int side)
{
    char path[TOUR_ADDRESS];
    FILE *f;
    int ok;

    snprintf(path, sizeof(path), "%s/source-%u", p->tour->dir, e->number);
    f = fopen(path, "wb");
    ok = f != NULL;
    for (uint64_t at = 0; ok && at < p->total; at++)
        ok = putc(tour_byte(p, side, at), f) != EOF;
    if (f)
        ok = fclose(f) == 0 && ok;
    return ok ? 0 : tour_fail(p, "%s cannot be written", path);
}

static int tour_prepare(struct tour_pair *p, int side)
{
    struct tour_end *e = &p->end[side];
    int rc = 0;

    e->number = ++p->tour->next;
    if (e->kind->flags & PLUG__TOUR_FDS)
        rc = plug__os_socketpair(e->fds, PLUG_STREAM, NULL) < 0 ? tour_fail(p, "no socketpair") : 0;
    if (e->kind->how == PLUG__TOUR_CALLED)
        rc = tour_listen_peer(p, e);
    if (rc >= 0 && e->kind->how == PLUG__TOUR_BOTH)
        rc = tour_open_peer(p, e, &e->sock);
    if (rc >= 0 && e->kind->how == PLUG__TOUR_SOURCE)
        rc = tour_write_source(p, e, side);
    tour_fill(p, side, 0, p->total < TOUR_BUFFER ? p->total : 0); /* for {text} */
    return rc < 0 ? rc : tour_expand(p, e, e->kind->relay, e->address);
}

static void tour_event(void *arg, const struct plug__event *ev)
{
    struct tour_pair *p = arg;
    const char *colon;

    if (ev->kind == PLUG__EV_FAILED || ev->kind == PLUG__EV_LOST) {
        tour_fail(p, "%s: %s", ev->name ? ev->name : "relay",
                  ev->err.text[0] ? ev->err.text : plug_strerror(ev->err.code));
    } else if (ev->kind == PLUG__EV_LISTENING && ev->side >= 0) {
        colon = ev->name ? strrchr(ev->name, ':') : NULL;
        p->end[ev->side].port = colon ? (unsigned)strtoul(colon + 1, NULL, 10) : 0;
        p->end[ev->side].shut = -1; /* listening: the peer may call */
    }
}

static int tour_relay(struct tour_pair *p)
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
        return tour_fail(p, "%.80s: %s", p->end[side].address, err.text);
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
    return rc < 0 ? tour_fail(p, "relay: %s", err.text) : 0;
}

/* Gets a side's peer when its time has come: it calls, or its listener has a call. */
static int tour_meet(struct tour_pair *p, struct tour_end *e)
{
    int rc;

    if (e->sock || !tour_has_peer(e->kind))
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
        return tour_fail(p, "peer of %s: %s", e->kind->name, plug_strerror(rc));
    return 0;
}

/* ---- transfer ---- */

/* Which side's bytes arrive at the peer of `side`. */
static int tour_from(const struct tour_pair *p, int side)
{
    return tour_other(p, side)->how == PLUG__TOUR_ECHO ? side : 1 - side;
}

static int tour_sends(const struct tour_pair *p, int side)
{
    return tour_has_peer(p->end[side].kind) && tour_other(p, side)->how != PLUG__TOUR_SOURCE;
}

static int tour_receives(const struct tour_pair *p, int side)
{
    return tour_has_peer(p->end[side].kind) && tour_other(p, side)->how != PLUG__TOUR_SINK;
}

/* Bytes that may be under way: where something on the way can drop records, few. */
static int tour_may_send(const struct tour_pair *p, int side)
{
    const struct tour_end *e = &p->end[side];
    const struct tour_end *to = tour_other(p, side)->how == PLUG__TOUR_ECHO ? e : &p->end[1 - side];

    if (!e->sock || !tour_sends(p, side) || e->sent >= p->total)
        return 0;
    if ((e->kind->flags & PLUG__TOUR_HEARS) && !e->got)
        return 0;
    return !p->records || !tour_has_peer(to->kind) || e->sent - to->got < TOUR_WINDOW;
}

static int tour_send(struct tour_pair *p, int side)
{
    struct tour_end *e = &p->end[side];
    int moved = 0;

    while (tour_may_send(p, side)) {
        size_t len = tour_next(p, e);
        int64_t n;
        tour_fill(p, side, e->sent, len);
        n = plug_send(e->sock, p->buf, len, 0, 0);
        if (n == PLUG_EAGAIN)
            break;
        if (n < 0)
            return tour_fail(p, "peer of %s: send: %s", e->kind->name, plug_strerror((int)n));
        e->sent += (uint64_t)n;
        e->sent_part = (size_t)n < len ? e->sent_part + (size_t)n : 0;
        e->sent_records += (size_t)n == len;
        moved = 1;
    }
    return moved;
}

/* Where both sides keep records, each must come with the length it was sent with. */
static int tour_check_record(struct tour_pair *p, struct tour_end *e, size_t len, int whole)
{
    size_t want = tour_record(p, e->got_records, e->got - e->got_part);

    e->got_part += len;
    if (!whole || !(p->end[0].kind->flags & p->end[1].kind->flags & PLUG__TOUR_RECORDS))
        return 0;
    if (e->got_part != want)
        return tour_fail(p, "peer of %s: record %" PRIu64 " has %zu bytes, not %zu", e->kind->name,
                         e->got_records, e->got_part, want);
    e->got_part = 0;
    e->got_records++;
    return 0;
}

static int tour_check(struct tour_pair *p, int side, size_t len, int whole)
{
    struct tour_end *e = &p->end[side];
    int from = tour_from(p, side);

    if (tour_check_record(p, e, len, whole) < 0)
        return -1;
    for (size_t i = 0; i < len; i++)
        if (e->got + i >= p->total || p->buf[i] != tour_byte(p, from, e->got + i))
            return tour_fail(p, "peer of %s: byte %" PRIu64 " is wrong", e->kind->name, e->got + i);
    e->got += len;
    p->result->bytes += len;
    return 0;
}

static int tour_receive(struct tour_pair *p, int side)
{
    struct tour_end *e = &p->end[side];
    int moved = 0;

    while (e->sock && !e->eof) {
        struct plug_iov iov = {p->buf, TOUR_BUFFER};
        struct plug_msg m = {.iov = &iov, .niov = 1};
        int n = plug_recvmmsg(e->sock, &m, 1, 0, 0);
        if (n == PLUG_EAGAIN)
            break;
        if (n == PLUG_EOF)
            e->eof = 1;
        else if (n < 0)
            return tour_fail(p, "peer of %s: receive: %s", e->kind->name, plug_strerror(n));
        else if (tour_check(p, side, m.len, (m.flags & PLUG_MSG_EOR) != 0) < 0)
            return -1;
        moved = 1;
    }
    return moved;
}

/* Everything both peers can do now. */
static int tour_step(struct tour_pair *p)
{
    int moved = 1;

    while (moved) {
        moved = 0;
        for (int i = 0; i < 2; i++) {
            int sent, got;
            if (tour_meet(p, &p->end[i]) < 0)
                return -1;
            sent = tour_send(p, i);
            got = sent < 0 ? -1 : tour_receive(p, i);
            if (got < 0)
                return -1;
            moved |= sent || got;
        }
    }
    return 0;
}

/* ---- ends ---- */

static int tour_sink_has_all(const struct tour_pair *p)
{
    struct plug__relay_totals totals;

    plug__relay_totals(p->relay, &totals);
    return totals.flow[0].bytes >= p->total;
}

static int tour_arrived(const struct tour_pair *p)
{
    for (int i = 0; i < 2; i++)
        if (tour_receives(p, i) && p->end[i].got < p->total)
            return 0;
    return p->end[1].kind->how != PLUG__TOUR_SINK || tour_sink_has_all(p);
}

/* Half-close from side A, then from side B; each must be seen by the other peer. */
static int tour_ending(struct tour_pair *p)
{
    for (int i = 0; i < 2; i++) {
        struct tour_end *e = &p->end[i];
        int rc;
        if (!e->sock)
            continue;
        if (i == 1 && p->end[0].sock && !e->eof)
            break; /* A's end has not come through yet */
        if (e->shut)
            continue;
        rc = plug_shutdown(e->sock, PLUG_SHUT_WR, 0);
        if (rc < 0 && rc != PLUG_EAGAIN)
            return tour_fail(p, "peer of %s: shutdown: %s", e->kind->name, plug_strerror(rc));
        e->shut = rc >= 0;
    }
    return 0;
}

static int tour_ended(const struct tour_pair *p)
{
    for (int i = 0; i < 2; i++)
        if (p->end[i].sock && tour_receives(p, i) && !p->end[i].eof)
            return 0;
    return plug__relay_done(p->relay);
}

static int tour_finish(struct tour_pair *p)
{
    int status;

    if (!(p->end[0].kind->flags & p->end[1].kind->flags & PLUG__TOUR_ENDS))
        return 0; /* one side knows no end: closing it tells nobody */
    while (!tour_ended(p))
        if (tour_ending(p) < 0 || tour_step(p) < 0 || (!tour_ended(p) && tour_turn(p) < 0))
            return p->failed ? -1 : tour_fail(p, "the end did not come through");
    status = plug__relay_status(p->relay);
    return status ? tour_fail(p, "the relay ended with status %d", status) : 0;
}

static int tour_check_sink(struct tour_pair *p)
{
    char path[TOUR_ADDRESS];
    uint64_t at = 0;
    FILE *f;
    int c, ok = 1;

    snprintf(path, sizeof(path), "%s/sink-%u", p->tour->dir, p->end[1].number);
    f = fopen(path, "rb");
    while (f && ok && (c = getc(f)) != EOF) {
        ok = at < p->total && c == tour_byte(p, 0, at);
        at++;
    }
    if (f)
        fclose(f);
    if (!ok || at != p->total)
        return tour_fail(p, "%s is wrong at byte %" PRIu64 " of %zu", path, at, p->total);
    p->result->bytes += at;
    return 0;
}

static int tour_run(struct tour_pair *p)
{
    if (tour_prepare(p, 0) < 0 || tour_prepare(p, 1) < 0 || tour_relay(p) < 0)
        return -1;
    for (;;) {
        if (tour_step(p) < 0)
            return -1;
        if (tour_arrived(p))
            break;
        if (tour_turn(p) < 0)
            return -1;
    }
    if (tour_finish(p) < 0)
        return -1;
    return p->end[1].kind->how == PLUG__TOUR_SINK ? tour_check_sink(p) : 0;
}

static void tour_clear(struct tour_pair *p)
{
    plug__relay_free(p->relay);
    for (int i = 0; i < 2; i++) {
        struct tour_end *e = &p->end[i];
        plug_close(e->sock);
        plug_close(e->listener);
        for (int k = 0; k < 2; k++)
            if (e->fds[k] != PLUG_NO_HANDLE)
                plug__os_close(e->fds[k]);
    }
    (void)plug_loop_turn(p->tour->loop, 0); /* buries what was closed */
    plug__free(p->buf);
}

static size_t tour_total(const struct tour_pair *p)
{
    size_t total = p->records ? TOUR_RECORD_BYTES : TOUR_STREAM_BYTES;

    for (int i = 0; i < 2; i++)
        if (p->end[i].kind->most && p->end[i].kind->most < total)
            total = p->end[i].kind->most;
    return total;
}

void plug__tour_pair(struct plug__tour *tour, const struct plug__tour_kind *a,
                     const struct plug__tour_kind *b, struct plug__tour_result *ret)
{
    static const plug_handle none[2] = {PLUG_NO_HANDLE, PLUG_NO_HANDLE};
    struct tour_pair p = {.tour = tour, .end = {{.kind = a}, {.kind = b}}, .result = ret};
    plug_time start = plug_now();

    *ret = (struct plug__tour_result){0};
    for (int i = 0; i < 2; i++)
        memcpy(p.end[i].fds, none, sizeof(none));
    p.records = ((a->flags | b->flags) & PLUG__TOUR_RECORDS) != 0;
    p.letters = ((a->flags | b->flags) & PLUG__TOUR_LETTERS) != 0;
    p.total = tour_total(&p);
    p.deadline = start + TOUR_DEADLINE;
    p.buf = plug__malloc(TOUR_BUFFER);
    ret->ok = p.buf ? tour_run(&p) == 0 : tour_fail(&p, "out of memory") == 0;
    tour_clear(&p);
    ret->took = plug_now() - start;
}
