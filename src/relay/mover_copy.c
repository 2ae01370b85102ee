/* SPDX-License-Identifier: MIT
 *
 * The copy mover: one read of a stream into the loop's scratch, one send. It works between any two
 * endpoints whose source is a stream, and notices when splicing is worth asking for.
 */
#include "relay/pump.h"

/* How much one read takes at most. */
static size_t copy_size(const struct plug__way *w)
{
    size_t size = w->block;
    if (plug__is_record(w->dst)) {
        if (!size)
            size = plug__wants_whole(w->dst) ? PLUG__CHUNK_RECORD : PLUG__PIECE;
        if (w->dst->limit && size > w->dst->limit)
            size = w->dst->limit;
    } else if (!size) {
        size = w->pump->flags & PLUG__PUMP_WIDE ? PLUG__SCRATCH : PLUG__PIECE;
    }
    return size < PLUG__SCRATCH ? size : PLUG__SCRATCH;
}

/* Large reads tell of a stream that is worth a splice, whether the sink keeps up or not. Half of a
 * piece is large: on loopback a segment holds 65,483 bytes, so that a read is hardly ever quite
 * full. */
static void copy_note(struct plug__way *w, size_t got, size_t size)
{
    struct plug__pump *p = w->pump;
    if (got < size / 2) {
        p->full = 0;
        p->flags &= (uint8_t)~PLUG__PUMP_WIDE;
    } else if (p->full < PLUG__FULL_READS) {
        p->full++;
    }
}

/* After a few such reads a splice is cheaper, where both sides allow it. Returns 1 when the next
 * step is one. */
static int copy_to_splice(struct plug__way *w)
{
    struct plug__pump *p = w->pump;
    if (p->full < PLUG__FULL_READS || p->held || plug__is_record(w->dst))
        return 0;
    p->full = 0;
    if (plug__splice_begin(w))
        return 1;
    if (!w->block)
        p->flags |= PLUG__PUMP_WIDE;
    return 0;
}

static int copy_send(struct plug__way *w, void *data, size_t len)
{
    struct plug_iov iov = {data, len};
    struct plug_msg m = {.iov = &iov, .niov = 1, .flags = PLUG_MSG_EOR};
    if (plug__is_record(w->dst))
        return plug__send_records(w, &m, 1);
    return plug__send_bytes(w, &iov, 1);
}

int plug__copy_step(struct plug__way *w)
{
    struct plug_iov iov = {plug__loop_scratch(w->loop), copy_size(w)};
    struct plug_msg m = {.iov = &iov, .niov = 1};
    if (!iov.base)
        return PLUG_ENOMEM;
    if (copy_to_splice(w))
        return PLUG__PUMP_MOVED;
    if (iov.len > w->bytes)
        iov.len = w->bytes;
    int r = plug__sock_recv(w->from, &m, 1, 0);
    if (r == PLUG_EAGAIN)
        return PLUG__PUMP_SLEEP;
    if (r == PLUG_EOF) {
        w->pump->state = PLUG__PUMP_EOF;
        return PLUG__PUMP_MOVED;
    }
    if (r < 0)
        return r;
    if (!m.len)
        return PLUG__PUMP_SLEEP;
    w->bytes -= m.len;
    copy_note(w, m.len, iov.len);
    return copy_send(w, iov.base, m.len);
}
