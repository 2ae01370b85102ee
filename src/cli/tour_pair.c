/* SPDX-License-Identifier: MIT
 *
 * One pair of the tour: peers made with libplug itself, a relay between them, bytes sent each way
 * and checked one by one, all on the tour's loop.
 * It deliberately shows nothing: tour.c does.
 */
#include "cli/tour_pair.h"
#include "util/alloc.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    TOUR_STREAM_BYTES = 256 * 1024,
    TOUR_RECORD_BYTES = 48 * 1024,
    TOUR_RECORD_MOST = 1200, /* longest record sent */
    TOUR_CHECK = 1024,
    TOUR_PIECE = 16 * 1024, /* stream bytes per send */
    TOUR_WINDOW = 8 * 1024, /* bytes under way where records may be dropped */
};
#define TOUR_DEADLINE (5 * PLUG_SECOND)

static const struct plug__tour_kind *tour_other(const struct plug__tour_run *p, int side)
{
    return p->end[1 - side].kind;
}

static int tour_speaks(const struct plug__tour_kind *k)
{
    return k->how == PLUG__TOUR_SOURCE ||
           (plug__tour_has_peer(k) && !(k->flags & PLUG__TOUR_HEARS));
}

static int tour_has_terminals(void)
{
    char name[64];
    plug_handle h;

    if (plug__os_pty_open(&h, name, sizeof(name), NULL) < 0)
        return 0;
    plug__os_close(h);
    return 1;
}

int plug__tour_present(const struct plug__tour_kind *k)
{
    const char *from = k->relay;
    size_t n;

    if ((k->flags & PLUG__TOUR_TTY) && !tour_has_terminals())
        return 0;
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
    if (plug__tour_has_peer(a) && plug__tour_has_peer(b))
        return 1;
    if (!plug__tour_has_peer(a) &&
        !plug__tour_has_peer(b)) /* a file to a file: nothing comes back */
        return (a->how == PLUG__TOUR_SOURCE && b->how == PLUG__TOUR_SINK);
    if (a->how == PLUG__TOUR_SINK || b->how == PLUG__TOUR_SOURCE)
        return 0; /* the same pair stands the other way round */
    if (a->how == PLUG__TOUR_SOURCE && (b->flags & PLUG__TOUR_KNOCKS))
        return 0;
    return 1;
}

/* The length of record number i, which begins at byte `at`; all together are `total` bytes. */
static size_t tour_record(const struct plug__tour_run *p, uint64_t i, uint64_t at)
{
    size_t len = 1 + (size_t)(i * 389 % TOUR_RECORD_MOST);

    return len < p->total - at ? len : (size_t)(p->total - at);
}

/* Bytes of the next send: the rest of a record, or a piece. */
static size_t tour_next(const struct plug__tour_run *p, const struct plug__tour_end *e)
{
    size_t left = (size_t)(p->total - e->sent);

    if (p->records)
        return tour_record(p, e->sent_records, e->sent - e->sent_part) - e->sent_part;
    return left < TOUR_PIECE ? left : TOUR_PIECE;
}

/* ---- transfer ---- */

/* Which side's bytes arrive at the peer of `side`. */
static int tour_from(const struct plug__tour_run *p, int side)
{
    return tour_other(p, side)->how == PLUG__TOUR_ECHO ? side : 1 - side;
}

static int tour_sends(const struct plug__tour_run *p, int side)
{
    return plug__tour_has_peer(p->end[side].kind) && tour_other(p, side)->how != PLUG__TOUR_SOURCE;
}

static int tour_receives(const struct plug__tour_run *p, int side)
{
    return plug__tour_has_peer(p->end[side].kind) && tour_other(p, side)->how != PLUG__TOUR_SINK;
}

/* Bytes that may be under way: where something on the way can drop records, few. */
static int tour_may_send(const struct plug__tour_run *p, int side)
{
    const struct plug__tour_end *e = &p->end[side];
    const struct plug__tour_end *to =
        tour_other(p, side)->how == PLUG__TOUR_ECHO ? e : &p->end[1 - side];

    if (!e->sock || !tour_sends(p, side) || e->sent >= p->total)
        return 0;
    if ((e->kind->flags & PLUG__TOUR_HEARS) && !e->got)
        return 0;
    return !p->records || !plug__tour_has_peer(to->kind) || e->sent - to->got < TOUR_WINDOW;
}

static int tour_send(struct plug__tour_run *p, int side)
{
    struct plug__tour_end *e = &p->end[side];
    int moved = 0;

    while (tour_may_send(p, side)) {
        size_t len = tour_next(p, e);
        int64_t n;
        plug__tour_fill(p, side, e->sent, p->buf, len);
        n = plug_send(e->sock, p->buf, len, 0, 0);
        if (n == PLUG_EAGAIN)
            break;
        if (n < 0)
            return plug__tour_fail(p, "peer of %s: send: %s", e->kind->name, plug_strerror((int)n));
        e->sent += (uint64_t)n;
        e->sent_part = (size_t)n < len ? e->sent_part + (size_t)n : 0;
        e->sent_records += (size_t)n == len;
        moved = 1;
    }
    return moved;
}

/* Where both sides keep records, each must come with the length it was sent with. */
static int tour_check_record(struct plug__tour_run *p, struct plug__tour_end *e, size_t len,
                             int whole)
{
    size_t want = tour_record(p, e->got_records, e->got - e->got_part);

    e->got_part += len;
    if (!whole || !(p->end[0].kind->flags & p->end[1].kind->flags & PLUG__TOUR_RECORDS))
        return 0;
    if (e->got_part != want)
        return plug__tour_fail(p, "peer of %s: record %" PRIu64 " has %zu bytes, not %zu",
                               e->kind->name, e->got_records, e->got_part, want);
    e->got_part = 0;
    e->got_records++;
    return 0;
}

/* The place of the first byte that is not what side sent there, or len. */
static size_t tour_right(const struct plug__tour_run *p, int side, uint64_t at,
                         const unsigned char *is, size_t len)
{
    unsigned char want[TOUR_CHECK];
    size_t i = 0, k = 0, n = 0;

    for (; k == n && i < len; i += k) {
        n = len - i < TOUR_CHECK ? len - i : TOUR_CHECK;
        plug__tour_fill(p, side, at + i, want, n);
        k = 0;
        while (k < n && at + i + k < p->total && is[i + k] == want[k])
            k++;
    }
    return i;
}

static int tour_check(struct plug__tour_run *p, int side, size_t len, int whole)
{
    struct plug__tour_end *e = &p->end[side];
    size_t right;

    if (tour_check_record(p, e, len, whole) < 0)
        return -1;
    right = tour_right(p, tour_from(p, side), e->got, p->buf, len);
    if (right < len)
        return plug__tour_fail(p, "peer of %s: byte %" PRIu64 " is wrong", e->kind->name,
                               e->got + right);
    e->got += len;
    p->result->bytes += len;
    return 0;
}

static int tour_receive(struct plug__tour_run *p, int side)
{
    struct plug__tour_end *e = &p->end[side];
    int moved = 0;

    while (e->sock && !e->eof) {
        struct plug_iov iov = {p->buf, PLUG__TOUR_BUFFER};
        struct plug_msg m = {.iov = &iov, .niov = 1};
        int n = plug_recvmmsg(e->sock, &m, 1, 0, 0);
        if (n == PLUG_EAGAIN)
            break;
        if (n == PLUG_EOF)
            e->eof = 1;
        else if (n < 0)
            return plug__tour_fail(p, "peer of %s: receive: %s", e->kind->name, plug_strerror(n));
        else if (tour_check(p, side, m.len, (m.flags & PLUG_MSG_EOR) != 0) < 0)
            return -1;
        moved = 1;
    }
    return moved;
}

/* Everything both peers can do now. */
static int tour_step(struct plug__tour_run *p)
{
    int moved = 1;

    while (moved) {
        moved = 0;
        for (int i = 0; i < 2; i++) {
            int sent, got;
            if (plug__tour_meet(p, &p->end[i]) < 0)
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

static int tour_sink_has_all(const struct plug__tour_run *p)
{
    struct plug__relay_totals totals;

    plug__relay_totals(p->relay, &totals);
    return totals.flow[0].bytes >= p->total;
}

static int tour_arrived(const struct plug__tour_run *p)
{
    for (int i = 0; i < 2; i++)
        if (tour_receives(p, i) && p->end[i].got < p->total)
            return 0;
    return p->end[1].kind->how != PLUG__TOUR_SINK || tour_sink_has_all(p);
}

/* Half-close from side A, then from side B; each must be seen by the other peer. */
static int tour_ending(struct plug__tour_run *p)
{
    for (int i = 0; i < 2; i++) {
        struct plug__tour_end *e = &p->end[i];
        int rc;
        if (!e->sock)
            continue;
        if (i == 1 && p->end[0].sock && !e->eof)
            break; /* A's end has not come through yet */
        if (e->shut)
            continue;
        rc = plug_shutdown(e->sock, PLUG_SHUT_WR, 0);
        if (rc < 0 && rc != PLUG_EAGAIN)
            return plug__tour_fail(p, "peer of %s: shutdown: %s", e->kind->name, plug_strerror(rc));
        e->shut = rc >= 0;
    }
    return 0;
}

static int tour_ended(const struct plug__tour_run *p)
{
    for (int i = 0; i < 2; i++)
        if (p->end[i].sock && tour_receives(p, i) && !p->end[i].eof)
            return 0;
    return plug__relay_done(p->relay);
}

static int tour_finish(struct plug__tour_run *p)
{
    int status;

    if (!(p->end[0].kind->flags & p->end[1].kind->flags & PLUG__TOUR_ENDS))
        return 0; /* one side knows no end: closing it tells nobody */
    while (!tour_ended(p))
        if (tour_step(p) < 0 || tour_ending(p) < 0 || (!tour_ended(p) && plug__tour_turn(p) < 0))
            return p->failed ? -1 : plug__tour_fail(p, "the end did not come through");
    status = plug__relay_status(p->relay);
    return status ? plug__tour_fail(p, "the relay ended with status %d", status) : 0;
}

static int tour_check_sink(struct plug__tour_run *p)
{
    char path[PLUG__TOUR_ADDRESS];
    uint64_t at = 0;
    size_t n, right = 0;
    FILE *f;

    snprintf(path, sizeof(path), "%s/sink-%u", p->tour->dir, p->end[1].number);
    f = fopen(path, "rb");
    do {
        n = f ? fread(p->buf, 1, PLUG__TOUR_BUFFER, f) : 0;
        right = tour_right(p, 0, at, p->buf, n);
        at += right;
    } while (n > 0 && right == n);
    if (f)
        fclose(f);
    if (right < n || at != p->total)
        return plug__tour_fail(p, "%s is wrong at byte %" PRIu64 " of %zu", path, at, p->total);
    p->result->bytes += at;
    return 0;
}

static int tour_run(struct plug__tour_run *p)
{
    if (plug__tour_prepare(p, 0) < 0 || plug__tour_prepare(p, 1) < 0 || plug__tour_relay(p) < 0)
        return -1;
    for (;;) {
        if (tour_step(p) < 0)
            return -1;
        if (tour_arrived(p))
            break;
        if (plug__tour_turn(p) < 0)
            return -1;
    }
    if (tour_finish(p) < 0)
        return -1;
    return p->end[1].kind->how == PLUG__TOUR_SINK ? tour_check_sink(p) : 0;
}

static void tour_clear(struct plug__tour_run *p)
{
    plug__relay_free(p->relay);
    for (int i = 0; i < 2; i++) {
        struct plug__tour_end *e = &p->end[i];
        plug_close(e->sock);
        plug_close(e->listener);
        for (int k = 0; k < 2; k++)
            if (!p->result->ok && e->fds[k] != PLUG_NO_HANDLE)
                plug__os_close(e->fds[k]); /* else the ends that took it have closed it */
    }
    (void)plug_loop_turn(p->tour->loop, 0); /* buries what was closed */
    plug__free(p->buf);
}

static size_t tour_total(const struct plug__tour_run *p)
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
    struct plug__tour_run p = {.tour = tour, .end = {{.kind = a}, {.kind = b}}, .result = ret};
    plug_time start = plug_now();

    *ret = (struct plug__tour_result){0};
    for (int i = 0; i < 2; i++)
        memcpy(p.end[i].fds, none, sizeof(none));
    p.records = ((a->flags | b->flags) & PLUG__TOUR_RECORDS) != 0;
    p.letters = ((a->flags | b->flags) & PLUG__TOUR_LETTERS) != 0;
    p.total = tour_total(&p);
    p.deadline = start + TOUR_DEADLINE;
    p.buf = plug__malloc(PLUG__TOUR_BUFFER);
    ret->ok = p.buf ? tour_run(&p) == 0 : plug__tour_fail(&p, "out of memory") == 0;
    tour_clear(&p);
    ret->took = plug_now() - start;
}
