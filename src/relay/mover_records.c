/* SPDX-License-Identifier: MIT
 *
 * The record mover: records are received in batches into slots that a loop's directions share, and
 * sent in batches. It never joins or splits a record for a sink that keeps bounds.
 */
#include "relay/pump.h"

#include "util/err.h"

/* Room for one record of the source. */
static size_t records_slot(const struct plug__way *w)
{
    size_t limit = w->src->limit;
    return limit && limit < PLUG__RECORD_MOST ? limit : PLUG__RECORD_MOST;
}

static unsigned records_count(const struct plug__way *w, size_t slot)
{
    size_t n = PLUG__SLOTS / slot;
    if (n > PLUG__BATCH)
        n = PLUG__BATCH;
    return n < w->records ? (unsigned)n : w->records;
}

/* Errors that a datagram endpoint reports once for something it sent before. */
static int records_late_error(const struct plug__way *w, int code)
{
    if (!plug__may_drop(w->src) || w->from->top->error[0]) /* one that stays would come for ever */
        return 0;
    return code == PLUG_ECONNREFUSED || code == PLUG_EHOSTUNREACH || code == PLUG_ENETUNREACH ||
           code == PLUG_EMSGSIZE || code == PLUG_ENETDOWN;
}

/* A record that did not fit its slot. */
static int records_cut(struct plug__way *w, size_t slot)
{
    if (plug__may_drop(w->src)) {
        w->flow->dropped++;
        return 0;
    }
    return plug__err(&w->err, PLUG_EMSGSIZE, 0, w->src->ops->name,
                     "a record is longer than the %zu bytes that are received at once", slot);
}

/* Trims the vectors to what came and takes out what cannot be sent. Returns how many are left, or
 * an error. An empty record ends the source where null-eof says so. */
static int records_sort(struct plug__way *w, struct plug_msg *v, unsigned n, size_t slot)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < n; i++) {
        if (v[i].flags & PLUG_MSG_TRUNC) {
            int r = records_cut(w, slot);
            if (r < 0)
                return r;
            continue;
        }
        if (!v[i].len && w->null_eof) {
            w->pump->state = PLUG__PUMP_EOF;
            while (++i < n)
                w->flow->late += v[i].len;
            break;
        }
        v[i].iov[0].len = v[i].len;
        v[kept] = v[i];
        if (!(w->src->flags & PLUG_SPLITS))
            v[kept].flags |= PLUG_MSG_EOR;
        v[kept++].flags &= PLUG_MSG_EOR | PLUG_MSG_TEXT | PLUG_MSG_EOM | PLUG_MSG_OOB;
    }
    return (int)kept;
}

/* Into a stream go the bytes only. */
static int records_flat(struct plug__way *w, const struct plug_msg *v, unsigned n)
{
    struct plug_iov iov[PLUG__BATCH];
    unsigned k = 0;
    for (unsigned i = 0; i < n; i++) {
        w->flow->records += (v[i].flags & PLUG_MSG_EOR) != 0;
        if (v[i].iov[0].len)
            iov[k++] = v[i].iov[0];
    }
    w->moved += n;
    return k ? plug__send_bytes(w, iov, k) : PLUG__PUMP_MOVED;
}

static int records_failed(struct plug__way *w, int r)
{
    if (r == PLUG_EAGAIN)
        return PLUG__PUMP_SLEEP;
    if (r == PLUG_EOF) {
        w->pump->state = PLUG__PUMP_EOF;
        return PLUG__PUMP_MOVED;
    }
    if (!records_late_error(w, r))
        return r;
    w->back->dropped++;
    w->pump->flags |= PLUG__PUMP_REFUSED_BACK;
    return PLUG__PUMP_MOVED;
}

int plug__records_step(struct plug__way *w)
{
    struct plug_iov iov[PLUG__BATCH];
    struct plug_msg v[PLUG__BATCH];
    size_t slot = records_slot(w);
    unsigned n = records_count(w, slot);
    char *room = plug__mover_slots(w->loop);
    if (!room)
        return PLUG_ENOMEM;
    for (unsigned i = 0; i < n; i++) {
        iov[i] = (struct plug_iov){room + i * slot, slot};
        v[i] = (struct plug_msg){.iov = &iov[i], .niov = 1};
    }
    int r = plug__sock_recv(w->from, v, n, 0);
    if (r <= 0)
        return r ? records_failed(w, r) : PLUG__PUMP_SLEEP;
    w->records -= (unsigned)r < w->records ? (unsigned)r : w->records;
    for (int i = 0; i < r; i++)
        w->bytes -= v[i].len < w->bytes ? v[i].len : w->bytes;
    r = records_sort(w, v, (unsigned)r, slot);
    if (r <= 0)
        return r ? r : PLUG__PUMP_MOVED;
    if (!plug__is_record(w->dst))
        return records_flat(w, v, (unsigned)r);
    return plug__send_records(w, v, (unsigned)r);
}
