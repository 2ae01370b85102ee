/* SPDX-License-Identifier: MIT
 *
 * Content through the test's ends: written in pieces and records, read and checked byte by byte and
 * bound by bound as it comes. Nothing here waits, and it knows no phases.
 */
#include "matrix.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LOSSY_RECORDS = 32, LOSSY_BYTES = 64 * 1024, STEP_CALLS = 64 };

static unsigned char traffic_buf[MATRIX_BUFFER];

static int traffic_fail(struct pair *p, const struct end *e, const char *what, int err)
{
    return pair_fail(p, "the test's end of %s: %s: %s", e->kind->name, what, strerror(err));
}

/* ---- plain attempts: bytes, -EAGAIN, or another negative errno ---- */

static int64_t put(struct end *e, const void *data, size_t len)
{
    ssize_t n;
    if (e->sock) {
        int64_t r = plug_send(e->sock, data, len, PLUG_MSG_EOR, 0);
        return r == PLUG_EAGAIN ? -EAGAIN : r < 0 ? -EIO : r;
    }
    n = e->out == e->in ? send(e->out, data, len, MSG_NOSIGNAL) : write(e->out, data, len);
    if (n >= 0)
        return n;
    return errno == EINTR || errno == ENOTCONN ? -EAGAIN : -errno;
}

static int hung_up(int fd)
{
    struct pollfd f = {.fd = fd, .events = POLLIN};
    return poll(&f, 1, 0) > 0 && (f.revents & POLLHUP);
}

/* *ret_eor: a record ends here. End of data: INT64_MIN. */
static int64_t get(struct end *e, void *data, size_t len, int *ret_eor)
{
    struct plug_iov iov = {data, len};
    struct plug_msg m = {.iov = &iov, .niov = 1};
    ssize_t n;
    if (e->sock) {
        int r = plug_recvmmsg(e->sock, &m, 1, 0, 0);
        *ret_eor = (m.flags & PLUG_MSG_EOR) != 0;
        if (r == PLUG_EOF)
            return INT64_MIN;
        return r == PLUG_EAGAIN ? -EAGAIN : r < 0 ? -EIO : (int64_t)m.len;
    }
    *ret_eor = 1;
    n = e->out == e->in ? recv(e->in, data, len, MSG_TRUNC * (e->kind->type != SOCK_STREAM))
                        : read(e->in, data, len);
    if (n < 0 && errno == EIO)
        return INT64_MIN; /* how a terminal says that nobody has its other end */
    if (n < 0)
        return errno == EINTR || errno == ENOTCONN ? -EAGAIN : -errno;
    if (n == 0 && e->kind->how == HOW_FIFO && !hung_up(e->in))
        return -EAGAIN; /* plug has not opened it yet */
    if (n == 0 && e->kind->type != SOCK_DGRAM)
        return INT64_MIN;
    return n;
}

/* ---- sending ---- */

/* Where something may drop, a burst is acknowledged by its arrival before the next begins. */
static int may_burst(struct pair *p, struct flow *f, size_t len)
{
    int quiet = f->got == f->sent && (!f->bounds || f->got_records == f->sent_records);
    if (!p->lossy)
        return 1;
    if (quiet)
        f->burst = 0, f->burst_bytes = 0;
    return f->burst < LOSSY_RECORDS && (!f->burst || f->burst_bytes + len <= LOSSY_BYTES);
}

static void sent(struct flow *f, size_t len, int whole)
{
    f->sent += len;
    f->sent_records += (uint64_t)whole;
    f->burst++;
    f->burst_bytes += len;
}

/* The next record as a frame in `wire`. */
static int frame_next(struct pair *p, struct end *e, struct flow *f, size_t len)
{
    size_t need = 2 * len + WIRE_HEAD;
    if (e->wire_size < need) {
        free(e->wire);
        e->wire = malloc(need);
        e->wire_size = need;
    }
    if (!e->wire)
        return pair_fail(p, "no memory");
    content_fill(&f->content, f->sent, traffic_buf, len);
    e->wire_len = wire_put(e->kind->framing, traffic_buf, len, e->wire);
    e->wire_at = 0;
    e->wire_content = len;
    return 0;
}

static int send_framed(struct pair *p, struct end *e, struct flow *f, size_t len)
{
    size_t n;
    int64_t r;
    if (e->wire_at == e->wire_len) {
        if (!may_burst(p, f, len))
            return 0;
        if (frame_next(p, e, f, len) < 0)
            return -1;
    }
    n = e->wire_len - e->wire_at;
    r = put(e, e->wire + e->wire_at, n < e->piece ? n : e->piece);
    if (r < 0)
        return r == -EAGAIN ? 0 : traffic_fail(p, e, "send", (int)-r);
    e->wire_at += (size_t)r;
    if (e->wire_at == e->wire_len)
        sent(f, (size_t)e->wire_content, 1);
    return 1;
}

static int send_plain(struct pair *p, struct end *e, struct flow *f, size_t len, int record)
{
    int64_t r;
    if (!may_burst(p, f, len))
        return 0;
    content_fill(&f->content, f->sent, traffic_buf, len);
    r = put(e, traffic_buf, len);
    if (r < 0)
        return r == -EAGAIN || r == -ENOBUFS ? 0 : traffic_fail(p, e, "send", (int)-r);
    if (record && (size_t)r < len)
        return pair_fail(p, "the test's end of %s: a record went in part", e->kind->name);
    sent(f, (size_t)r, record);
    return 1;
}

static int send_one(struct pair *p, struct end *e, struct flow *f)
{
    size_t len = content_record(&f->content, f->sent_records, f->sent);
    size_t left = f->content.size - (size_t)f->sent;
    if (e->kind->framing)
        return send_framed(p, e, f, len);
    if (e->kind->flags & KIND_RECORDS)
        return send_plain(p, e, f, len, 1);
    if (p->lossy && left > 4096)
        left = 4096;
    if (f->sent < f->hold && left > f->hold - f->sent)
        left = (size_t)(f->hold - f->sent);
    return send_plain(p, e, f, left < e->piece ? left : e->piece, 0);
}

static int more_to_send(const struct end *e, const struct flow *f)
{
    if (!f->on || (f->sent >= f->hold && e->wire_at == e->wire_len))
        return 0;
    if (e->kind->flags & KIND_RECORDS)
        return !content_over(&f->content, f->sent_records, f->sent);
    return f->sent < f->content.size;
}

int end_send(struct pair *p, int i)
{
    struct end *e = &p->end[i];
    struct flow *f = &p->flow[i];
    int moved = 0;
    if (!e->open || e->shut || (e->out < 0 && !e->sock))
        return 0;
    if (!p->opened && !(e->kind->flags & KIND_KNOCKS))
        return 0;
    if (p->child && e->kind->how == HOW_CALLED && (e->kind->flags & KIND_LOSSY) && !p->flow[!i].got)
        return 0; /* nobody says when the command has bound its socket */
    for (int n = 0; n < STEP_CALLS && more_to_send(e, f); n++) {
        int r = send_one(p, e, f);
        if (r < 0)
            return r;
        if (!r)
            break;
        moved = 1;
    }
    return moved;
}

/* ---- receiving ---- */

static int check_bounds(struct pair *p, const struct end *e, struct flow *f, size_t len, int eor)
{
    size_t want;
    if (!(e->kind->flags & KIND_RECORDS))
        return 0;
    f->got_part += len;
    if (!eor)
        return 0;
    if (f->bounds) {
        want = content_record(&f->content, f->got_records, f->got + len - f->got_part);
        if (f->got_part != want)
            return pair_fail(p, "record %llu at %s has %zu bytes, not %zu",
                             (unsigned long long)f->got_records, e->kind->name, f->got_part, want);
    } else if (f->got_part > f->chunk || !f->got_part) {
        return pair_fail(p, "a record of %zu bytes at %s was made of a stream", f->got_part,
                         e->kind->name);
    }
    f->got_part = 0;
    f->got_records++;
    return 0;
}

static int check(struct pair *p, struct end *e, struct flow *f, const unsigned char *data,
                 size_t len, int eor)
{
    int64_t bad;
    if (f->got + len > f->content.size)
        return pair_fail(p, "%s: %zu bytes come behind the last of %zu", e->kind->name,
                         (size_t)(f->got + len - f->content.size), f->content.size);
    bad = content_check(&f->content, f->got, data, len);
    if (bad >= 0)
        return pair_fail(p, "%s: byte %lld of %zu is wrong", e->kind->name, (long long)bad,
                         f->content.size);
    if (check_bounds(p, e, f, len, eor) < 0)
        return -1;
    f->got += len;
    return 1;
}

/* Takes whole frames off the front of what came. */
static int unframe(struct pair *p, struct end *e, struct flow *f)
{
    size_t at = 0;
    while (at < e->raw_len) {
        unsigned char *rec;
        size_t len;
        int64_t n = wire_get(e->kind->framing, e->raw + at, e->raw_len - at, &rec, &len);
        if (n < 0)
            return pair_fail(p, "%s: what came is no frame", e->kind->name);
        if (n == 0)
            break;
        if (check(p, e, f, rec, len, 1) < 0)
            return -1;
        at += (size_t)n;
    }
    memmove(e->raw, e->raw + at, e->raw_len - at);
    e->raw_len -= at;
    return 1;
}

static int receive_framed(struct pair *p, struct end *e, struct flow *f, const unsigned char *data,
                          size_t len)
{
    if (!e->raw)
        e->raw = malloc(WIRE_MOST);
    if (!e->raw || len > WIRE_MOST - e->raw_len)
        return pair_fail(p, "%s: no room for a frame", e->kind->name);
    memcpy(e->raw + e->raw_len, data, len);
    e->raw_len += len;
    return unframe(p, e, f);
}

static int received_end(struct pair *p, struct end *e, const struct flow *f)
{
    if (e->kind->how == HOW_SINK)
        return 0; /* of a file that grows */
    if (e->raw_len || (f && f->got_part))
        return pair_fail(p, "%s: the end comes inside a record", e->kind->name);
    e->eof = 1;
    return 1;
}

static int receive_one(struct pair *p, struct end *e, struct flow *f)
{
    size_t room = e->kind->framing ? 65536 : sizeof(traffic_buf);
    int eor = 1;
    int64_t n = get(e, traffic_buf, room, &eor);
    if (n == -EAGAIN)
        return 0;
    if (n == INT64_MIN)
        return received_end(p, e, f);
    if (n < 0)
        return traffic_fail(p, e, "receive", (int)-n);
    if ((size_t)n > room)
        return pair_fail(p, "%s: a record of %lld bytes", e->kind->name, (long long)n);
    if (!f)
        return pair_fail(p, "%s: %lld bytes come that nobody sent", e->kind->name, (long long)n);
    return e->kind->framing ? receive_framed(p, e, f, traffic_buf, (size_t)n)
                            : check(p, e, f, traffic_buf, (size_t)n, eor);
}

int end_receive(struct pair *p, int i)
{
    struct end *e = &p->end[i];
    int from = pair_incoming(p, i), moved = 0;
    if (!e->open || e->eof || (e->in < 0 && !e->sock))
        return 0;
    for (int n = 0; n < STEP_CALLS && !e->eof; n++) {
        int r = receive_one(p, e, from < 0 ? NULL : &p->flow[from]);
        if (r < 0)
            return r;
        if (!r)
            break;
        moved = 1;
    }
    return moved;
}
