/* SPDX-License-Identifier: MIT
 *
 * One turn of one direction: what is held goes first, then a mover runs within the budgets until
 * the source or the sink says stop. How a direction's end is told to the other side is the
 * session's.
 */
#include "relay/pump.h"

#include "util/err.h"

void plug__way_init(struct plug__way *w, struct plug__pump *p, struct plug_sock *from,
                    struct plug_sock *to)
{
    w->pump = p;
    w->from = from;
    w->to = to;
    w->src = plug__sock_step(from);
    w->dst = plug__sock_step(to);
    w->loop = from->loop;
    w->bytes = PLUG__TURN_BYTES;
    w->pieces = PLUG__PIECES;
    w->records = PLUG__TURN_RECORDS;
}

/* Sends what is held in memory, then what is in the pipe. MOVED when nothing is stuck. */
static int pump_flush(struct plug__way *w)
{
    int r = plug__hold_flush(w);
    if (r == PLUG__PUMP_MOVED && w->pump->pipe)
        r = plug__splice_flush(w);
    return r;
}

static int pump_step(struct plug__way *w)
{
    if (plug__is_record(w->src))
        return plug__records_step(w);
    if (w->pump->flags & PLUG__PUMP_SPLICING)
        return plug__splice_step(w);
    return plug__copy_step(w);
}

static int pump_move(struct plug__way *w)
{
    while (w->pump->state == PLUG__PUMP_RUN) {
        if (!w->pieces || !w->bytes || !w->records)
            return PLUG__PUMP_MORE;
        if (!plug__hold_room(w))
            return PLUG__PUMP_SLEEP;
        w->pieces--;
        int r = pump_step(w);
        if (r != PLUG__PUMP_MOVED)
            return r;
    }
    return PLUG__PUMP_MOVED;
}

/* The source ended inside a record that was being put together: a cut record is never sent. */
static int pump_end(struct plug__way *w)
{
    if (w->pump->open) {
        w->sink_failed = 0;
        return plug__err(&w->err, PLUG_EPROTO, 0, w->src->ops->name,
                         "%s: the source ended inside a record", plug_strerror(PLUG_EPROTO));
    }
    return w->pump->held || w->pump->pipe ? PLUG__PUMP_SLEEP : PLUG__PUMP_ENDED;
}

int plug__pump_turn(struct plug__way *w)
{
    int r = pump_flush(w);
    if (r == PLUG__PUMP_MOVED)
        r = pump_move(w);
    if (r < 0 || r == PLUG__PUMP_MORE)
        return r;
    return w->pump->state == PLUG__PUMP_EOF ? pump_end(w) : PLUG__PUMP_SLEEP;
}

uint64_t plug__pump_held(const struct plug__pump *p)
{
    uint64_t n = p->pipe ? p->pipe->held : 0;
    if (p->held)
        n += p->held->to - p->held->from;
    return n;
}

void plug__pump_drop(struct plug__pump *p, struct plug_loop *loop)
{
    plug__pool_put(&loop->chunks, p->held);
    p->held = NULL;
    p->open = 0;
    plug__splice_drop(p, loop);
}
