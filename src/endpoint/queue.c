/* SPDX-License-Identifier: MIT
 *
 * The queue between two ends in one process: pieces of bytes in order, each with the flags of its
 * record. It does not know who waits: its owners tell readiness.
 */
#include "endpoint/queue.h"

#include "util/alloc.h"
#include <string.h>

enum {
    QUEUE_PIECE = 4096, /* least room of a piece of a stream */
    QUEUE_KEPT = PLUG_MSG_EOR | PLUG_MSG_TEXT | PLUG_MSG_OOB | PLUG_MSG_EOM
};

struct queue_piece {
    struct plug__list node;
    size_t from, to, room;
    unsigned flags;
    unsigned char data[];
};

/* ---- bytes and vectors ---- */

/* Copies `n` bytes of a message, from its byte `at` on. */
static void queue_gather(unsigned char *to, const struct plug_msg *m, size_t at, size_t n)
{
    for (unsigned i = 0; i < m->niov && n > 0; i++) {
        const struct plug_iov *v = &m->iov[i];
        size_t part;
        if (at >= v->len) {
            at -= v->len;
            continue;
        }
        part = v->len - at < n ? v->len - at : n;
        memcpy(to, (const char *)v->base + at, part);
        to += part;
        n -= part;
        at = 0;
    }
}

/* Fills a message from its byte `m->len` on; returns how many bytes found room. */
static size_t queue_scatter(struct plug_msg *m, const unsigned char *from, size_t n)
{
    size_t at = m->len, done = 0;
    for (unsigned i = 0; i < m->niov && done < n; i++) {
        const struct plug_iov *v = &m->iov[i];
        size_t part;
        if (at >= v->len) {
            at -= v->len;
            continue;
        }
        part = v->len - at < n - done ? v->len - at : n - done;
        memcpy((char *)v->base + at, from + done, part);
        done += part;
        at = 0;
    }
    m->len += done;
    return done;
}

/* ---- pieces ---- */

static struct queue_piece *queue_new(struct plug__queue *q, size_t room)
{
    struct queue_piece *p = plug__malloc(sizeof(*p) + room);
    if (!p)
        return NULL;
    *p = (struct queue_piece){.room = room};
    if (!q->pieces.next)
        plug__list_init(&q->pieces);
    plug__list_push(&q->pieces, &p->node);
    return p;
}

static struct queue_piece *queue_first(const struct plug__queue *q)
{
    if (plug__list_empty(&q->pieces))
        return NULL;
    return plug__of(q->pieces.next, struct queue_piece, node);
}

static struct queue_piece *queue_last(const struct plug__queue *q)
{
    if (plug__list_empty(&q->pieces))
        return NULL;
    return plug__of(q->pieces.prev, struct queue_piece, node);
}

static size_t queue_cost(const struct plug__queue *q)
{
    return q->records ? sizeof(struct queue_piece) : 0;
}

static void queue_free(struct plug__queue *q, struct queue_piece *p)
{
    q->held -= queue_cost(q);
    plug__list_remove(&p->node);
    plug__free(p);
}

/* ---- in ---- */

static void queue_append(struct plug__queue *q, struct queue_piece *p, const struct plug_msg *m,
                         size_t at, size_t n)
{
    queue_gather(p->data + p->to, m, at, n);
    p->to += n;
    q->held += n;
    q->bytes += n;
}

static int queue_put_bytes(struct plug__queue *q, struct plug_msg *m)
{
    struct queue_piece *last = queue_last(q);
    size_t size = plug_msg_size(m), room = PLUG__QUEUE_MOST - q->held;
    size_t take = size < room ? size : room, part;
    if (size > 0 && take == 0)
        return PLUG_EAGAIN;
    part = last ? last->room - last->to : 0;
    part = part < take ? part : take;
    if (part > 0)
        queue_append(q, last, m, 0, part);
    if (take > part) {
        last = queue_new(q, take - part > QUEUE_PIECE ? take - part : QUEUE_PIECE);
        if (last)
            queue_append(q, last, m, part, take - part);
        else if (part == 0)
            return PLUG_ENOMEM;
        else
            take = part;
    }
    m->len = take;
    return take == size ? 0 : 1;
}

static int queue_put_record(struct plug__queue *q, struct plug_msg *m)
{
    size_t size = plug_msg_size(m), most = PLUG__QUEUE_MOST - sizeof(struct queue_piece);
    size_t take = size < most ? size : most;
    struct queue_piece *p;
    if (q->held > 0 && take + queue_cost(q) > PLUG__QUEUE_MOST - q->held)
        return PLUG_EAGAIN;
    p = queue_new(q, take);
    if (!p)
        return PLUG_ENOMEM;
    q->held += queue_cost(q);
    p->flags = m->flags & QUEUE_KEPT;
    if (take < size)
        p->flags &= ~(unsigned)PLUG_MSG_EOR;
    queue_append(q, p, m, 0, take);
    m->len = take;
    return take == size ? 0 : 1;
}

int plug__queue_put(struct plug__queue *q, struct plug_msg *v, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        int r = q->records ? queue_put_record(q, &v[i]) : queue_put_bytes(q, &v[i]);
        if (r < 0)
            return i ? (int)i : r;
        if (r > 0)
            return (int)i + 1;
    }
    return (int)n;
}

/* ---- out ---- */

/* Moves from the first piece into the message; 1 when the piece is used up. */
static int queue_move(struct plug__queue *q, struct queue_piece *p, struct plug_msg *m)
{
    size_t n = queue_scatter(m, p->data + p->from, p->to - p->from);
    p->from += n;
    q->held -= n;
    q->bytes -= n;
    return p->from == p->to;
}

static void queue_blank(struct plug_msg *m)
{
    m->len = 0;
    m->flags = 0;
    m->controllen = 0;
    if (m->name)
        m->name->len = 0;
}

static int queue_take_bytes(struct plug__queue *q, struct plug_msg *m)
{
    struct queue_piece *p;
    queue_blank(m);
    while ((p = queue_first(q)) && queue_move(q, p, m))
        queue_free(q, p);
    return 1;
}

static void queue_take_record(struct plug__queue *q, struct queue_piece *p, struct plug_msg *m)
{
    unsigned flags = p->flags;
    queue_blank(m);
    if (queue_move(q, p, m))
        queue_free(q, p);
    else
        flags &= ~(unsigned)PLUG_MSG_EOR;
    m->flags = flags;
}

int plug__queue_take(struct plug__queue *q, struct plug_msg *v, unsigned n)
{
    struct queue_piece *p = queue_first(q);
    unsigned i = 0;
    if (!p)
        return PLUG_EAGAIN;
    if (!q->records)
        return queue_take_bytes(q, v);
    for (; i < n && p; i++) {
        queue_take_record(q, p, &v[i]);
        p = queue_first(q);
    }
    return (int)i;
}

/* Half empty, so that the two ends do not take turns for every byte. */
int plug__queue_low(const struct plug__queue *q)
{
    return q->held <= PLUG__QUEUE_MOST / 2;
}

void plug__queue_plan(struct plug_step *step, int asked)
{
    static const int types[] = {0, PLUG_STREAM, PLUG_DGRAM, PLUG_RAW, PLUG_SEQPACKET};
    int type = types[asked];
    if (!type)
        type = step->mate ? step->mate : PLUG_STREAM;
    if (asked)
        step->flags &= ~(unsigned)PLUG_ANYTYPE;
    step->offers = type;
}

void plug__queue_drop(struct plug__queue *q)
{
    struct queue_piece *p;
    while ((p = queue_first(q)))
        queue_free(q, p);
    q->held = 0;
    q->bytes = 0;
}
