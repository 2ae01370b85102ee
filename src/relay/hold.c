/* SPDX-License-Identifier: MIT
 *
 * Sending to a pump's sink and holding what it did not take: flat bytes for a stream, records
 * behind small headers otherwise. It never reads from a source.
 */
#include "relay/pump.h"

#include "util/err.h"
#include <string.h>

/* Before each record in a chunk. Copied in and out: a chunk has no alignment. */
struct hold_head {
    uint32_t len, flags;
};
enum { HOLD_HEAD = sizeof(struct hold_head) };

static struct plug_loop *hold_loop(const struct plug__way *w)
{
    return w->loop;
}

int plug__hold_room(struct plug__way *w)
{
    const struct plug__pool *pool = &hold_loop(w)->chunks;
    int room = w->pump->held || pool->out < pool->most_out;
    if (room)
        w->pump->flags &= (uint8_t)~PLUG__PUMP_STARVED;
    else
        w->pump->flags |= PLUG__PUMP_STARVED;
    return room;
}

/* Makes room for `len` more bytes behind what is held. */
static int hold_reserve(struct plug__way *w, size_t len)
{
    struct plug__pump *p = w->pump;
    struct plug__chunk *old = p->held, *c;
    if (old && old->size - old->to >= len)
        return 0;
    size_t used = old ? old->to - old->from : 0;
    size_t want = used + len;
    if (used && want < 2 * used)
        want = 2 * used;
    c = plug__pool_get(&hold_loop(w)->chunks, want);
    if (!c) {
        w->sink_failed = 1;
        return plug__err(&w->err, PLUG_ENOMEM, 0, NULL, "no memory to hold %zu unsent bytes", len);
    }
    c->from = 0;
    c->to = used;
    if (used)
        memcpy(c->data, old->data + old->from, used);
    if (old && p->open)
        p->open -= (uint32_t)old->from;
    plug__pool_put(&hold_loop(w)->chunks, old);
    p->held = c;
    return 0;
}

static void hold_release(struct plug__way *w)
{
    struct plug__pump *p = w->pump;
    if (p->held && p->held->from == p->held->to) {
        plug__pool_put(&hold_loop(w)->chunks, p->held);
        p->held = NULL;
    }
}

int plug__hold_bytes(struct plug__way *w, const void *data, size_t len)
{
    int r = hold_reserve(w, len);
    if (r < 0)
        return r;
    memcpy(w->pump->held->data + w->pump->held->to, data, len);
    w->pump->held->to += len;
    return 0;
}

/* Joins a piece to the record under way. */
static int hold_extend(struct plug__way *w, const struct plug_msg *m, size_t len)
{
    struct plug__pump *p = w->pump;
    struct hold_head h;
    int r = plug__hold_bytes(w, m->iov[0].base, len);
    if (r < 0)
        return r;
    unsigned char *at = p->held->data + p->open - 1;
    memcpy(&h, at, sizeof h);
    h.len += (uint32_t)len;
    h.flags |= m->flags;
    memcpy(at, &h, sizeof h);
    if (m->flags & PLUG_MSG_EOR)
        p->open = 0;
    return 0;
}

static int hold_record(struct plug__way *w, const struct plug_msg *m)
{
    struct plug__pump *p = w->pump;
    size_t len = m->iov[0].len;
    struct hold_head h = {.len = (uint32_t)len, .flags = m->flags};
    if (p->open)
        return hold_extend(w, m, len);
    int r = hold_reserve(w, len + HOLD_HEAD);
    if (r < 0)
        return r;
    size_t at = p->held->to;
    memcpy(p->held->data + at, &h, sizeof h);
    if (len)
        memcpy(p->held->data + at + HOLD_HEAD, m->iov[0].base, len);
    p->held->to += len + HOLD_HEAD;
    if (!(m->flags & PLUG_MSG_EOR) && plug__wants_whole(w->dst))
        p->open = (uint32_t)at + 1;
    return 0;
}

/* ---- streams ---- */

/* Drops `n` bytes from the front of a vector. Returns how many entries are left, moved to *v. */
static unsigned iov_skip(struct plug_iov **v, unsigned n, size_t bytes)
{
    while (n && bytes >= (*v)->len) {
        bytes -= (*v)->len;
        (*v)++;
        n--;
    }
    if (n && bytes) {
        (*v)->base = (char *)(*v)->base + bytes;
        (*v)->len -= bytes;
    }
    return n;
}

/* Offers until the sink takes no more. Returns bytes taken, or its error. */
static int64_t offer_bytes(struct plug__way *w, struct plug_iov **v, unsigned *n)
{
    int64_t sum = 0;
    while (*n) {
        struct plug_msg m = {.iov = *v, .niov = *n};
        int r = plug__sock_send(w->to, &m, 1, 0);
        w->flow->calls++;
        if (r == PLUG_EAGAIN || (r >= 0 && !m.len))
            break;
        if (r < 0) {
            w->sink_failed = 1;
            return r;
        }
        *n = iov_skip(v, *n, m.len);
        sum += (int64_t)m.len;
        w->flow->bytes += m.len;
        w->moved += m.len;
    }
    return sum;
}

int plug__send_bytes(struct plug__way *w, struct plug_iov *v, unsigned n)
{
    int64_t r = offer_bytes(w, &v, &n);
    if (r < 0)
        return (int)r;
    if (!n)
        return PLUG__PUMP_MOVED;
    for (unsigned i = 0; i < n; i++) {
        int e = plug__hold_bytes(w, v[i].base, v[i].len);
        if (e < 0)
            return e;
    }
    return PLUG__PUMP_SLEEP;
}

static int flush_bytes(struct plug__way *w)
{
    struct plug__chunk *c = w->pump->held;
    struct plug_iov iov = {c->data + c->from, c->to - c->from}, *v = &iov;
    unsigned n = 1;
    int64_t r = offer_bytes(w, &v, &n);
    if (r < 0)
        return (int)r;
    c->from += (size_t)r;
    hold_release(w);
    return w->pump->held ? PLUG__PUMP_SLEEP : PLUG__PUMP_MOVED;
}

/* ---- records ---- */

/* Errors of one datagram that say nothing about the next. */
static int drop_code(int code)
{
    switch (code) {
    case PLUG_EMSGSIZE:
    case PLUG_ECONNREFUSED:
    case PLUG_ENOBUFS:
    case PLUG_EHOSTUNREACH:
    case PLUG_ENETUNREACH:
    case PLUG_ENETDOWN:
    case PLUG_EPERM:
        return 1;
    default:
        return 0;
    }
}

/* The sink refused v[0]. Returns 1 to go on with the next, 0 to try the same once more (the
 * refusal was of an earlier one: ICMP comes late), or the error. */
static int refuse(struct plug__way *w, int code, int *again)
{
    if (!plug__may_drop(w->dst) || !drop_code(code)) {
        w->sink_failed = 1;
        return code;
    }
    w->flow->dropped++;
    if (code != PLUG_EMSGSIZE && code != PLUG_ENOBUFS)
        w->pump->flags |= PLUG__PUMP_REFUSED;
    if (code == PLUG_ECONNREFUSED && !*again) {
        *again = 1;
        return 0;
    }
    *again = 0;
    return 1;
}

/* Counts what one send took. Returns how many records are now behind us; a part of the next is cut
 * off its front. */
static unsigned taken(struct plug__way *w, struct plug_msg *v, unsigned r)
{
    for (unsigned i = 0; i < r; i++) {
        size_t size = v[i].iov[0].len, got = i + 1 < r ? size : v[i].len;
        w->flow->bytes += got;
        w->moved += got + 1;
        if (got < size) {
            v[i].iov[0].base = (char *)v[i].iov[0].base + got;
            v[i].iov[0].len -= got;
            return i;
        }
        if (v[i].flags & PLUG_MSG_EOR)
            w->flow->records++;
    }
    return r;
}

/* Offers records in turn. Returns how many went (whole or dropped), or the sink's error. */
static int offer_records(struct plug__way *w, struct plug_msg *v, unsigned n)
{
    unsigned done = 0;
    int again = 0;
    while (done < n) {
        size_t before = v[done].iov[0].len;
        int r = plug__sock_send(w->to, v + done, n - done, 0);
        w->flow->calls++;
        if (r == PLUG_EAGAIN || r == 0)
            break;
        if (r < 0) {
            r = refuse(w, r, &again);
            if (r < 0)
                return r;
            done += (unsigned)r;
            continue;
        }
        unsigned whole = taken(w, v + done, (unsigned)r);
        done += whole;
        if (!whole && v[done].iov[0].len == before)
            break; /* nothing at all was taken */
    }
    return (int)done;
}

/* A record that can never be sent. */
static int too_long(struct plug__way *w, size_t len, size_t limit)
{
    if (plug__may_drop(w->dst)) {
        w->flow->dropped++;
        w->moved++;
        return 0;
    }
    w->sink_failed = 1;
    return plug__err(&w->err, PLUG_EMSGSIZE, 0, w->dst->ops->name,
                     "a record of at least %zu bytes (the source's limit is %zu) is longer than "
                     "the sink's limit of %zu",
                     len, w->src->limit, limit);
}

static size_t gather_limit(const struct plug__way *w)
{
    size_t most = w->dst->limit;
    return most && most < PLUG__GATHER_MOST ? most : PLUG__GATHER_MOST;
}

/* Length of the record under way. */
static size_t open_length(const struct plug__pump *p)
{
    struct hold_head h;
    if (!p->open)
        return 0;
    memcpy(&h, p->held->data + p->open - 1, sizeof h);
    return h.len;
}

/* Takes the record under way out again. */
static void forget_open(struct plug__way *w)
{
    w->pump->held->to = w->pump->open - 1;
    w->pump->open = 0;
    hold_release(w);
}

/* Holds one record or piece, within the sink's limit. */
static int keep(struct plug__way *w, const struct plug_msg *m)
{
    struct plug__pump *p = w->pump;
    int last = (m->flags & PLUG_MSG_EOR) != 0;
    if (p->flags & PLUG__PUMP_SKIP) {
        if (last)
            p->flags &= (uint8_t)~PLUG__PUMP_SKIP;
        return 0;
    }
    size_t len = open_length(p) + m->iov[0].len;
    if (plug__wants_whole(w->dst) && (!last || p->open) && len > gather_limit(w)) {
        int r = too_long(w, len, gather_limit(w));
        if (r < 0)
            return r;
        if (p->open)
            forget_open(w);
        if (!last)
            p->flags |= PLUG__PUMP_SKIP;
        return 0;
    }
    return hold_record(w, m);
}

/* How many records at the front may be sent at once: a piece for a sink that wants it whole, and
 * what follows one, has to wait. */
static unsigned sendable(const struct plug__way *w, const struct plug_msg *v, unsigned n)
{
    if (w->pump->held || (w->pump->flags & PLUG__PUMP_SKIP))
        return 0;
    if (!plug__wants_whole(w->dst))
        return n;
    for (unsigned i = 0; i < n; i++) {
        if (!(v[i].flags & PLUG_MSG_EOR))
            return i;
    }
    return n;
}

int plug__send_records(struct plug__way *w, struct plug_msg *v, unsigned n)
{
    int done = offer_records(w, v, sendable(w, v, n));
    if (done < 0)
        return done;
    for (unsigned i = (unsigned)done; i < n; i++) {
        int r = keep(w, &v[i]);
        if (r < 0)
            return r;
    }
    return w->pump->held ? plug__hold_flush(w) : PLUG__PUMP_MOVED;
}

/* Lays out the held records that are complete. Returns how many. */
static unsigned hold_list(const struct plug__way *w, struct plug_msg *v, struct plug_iov *iov)
{
    const struct plug__pump *p = w->pump;
    size_t at = p->held->from, end = p->open ? p->open - 1 : p->held->to;
    unsigned n = 0;
    for (; n < PLUG__BATCH && at < end; n++) {
        struct hold_head h;
        memcpy(&h, p->held->data + at, sizeof h);
        iov[n] = (struct plug_iov){p->held->data + at + HOLD_HEAD, h.len};
        v[n] = (struct plug_msg){.iov = &iov[n], .niov = 1, .flags = h.flags};
        at += HOLD_HEAD + h.len;
    }
    return n;
}

/* Moves the front of the chunk behind what went; a record that went in part gets a new header right
 * before its rest. */
static void hold_consume(struct plug__pump *p, const struct plug_msg *v, unsigned n, unsigned done)
{
    struct plug__chunk *c = p->held;
    if (done == n) {
        const struct plug_iov *last = v[n - 1].iov;
        c->from = (size_t)((unsigned char *)last->base - c->data) + last->len;
        return;
    }
    const struct plug_iov *rest = v[done].iov;
    struct hold_head h = {.len = (uint32_t)rest->len, .flags = v[done].flags};
    c->from = (size_t)((unsigned char *)rest->base - c->data) - HOLD_HEAD;
    memcpy(c->data + c->from, &h, sizeof h);
}

static int flush_records(struct plug__way *w)
{
    struct plug_iov iov[PLUG__BATCH];
    struct plug_msg v[PLUG__BATCH];
    unsigned n;
    while (w->pump->held && (n = hold_list(w, v, iov)) > 0) {
        int done = offer_records(w, v, n);
        if (done < 0)
            return done;
        hold_consume(w->pump, v, n, (unsigned)done);
        hold_release(w);
        if ((unsigned)done < n)
            return PLUG__PUMP_SLEEP;
    }
    return PLUG__PUMP_MOVED;
}

int plug__hold_flush(struct plug__way *w)
{
    if (!w->pump->held)
        return PLUG__PUMP_MOVED;
    return plug__is_record(w->dst) ? flush_records(w) : flush_bytes(w);
}
