/* SPDX-License-Identifier: MIT
 *
 * `beat`: records in frames of at most 255 bytes, with pings that are answered by the layer itself
 * and pings that it sends by time. At most one pong is owed: it answers the latest ping, so that
 * reading never waits for writing (two ends that both did would wait for ever).
 */
#include "tenants.h"

#include "core/sock.h"
#include <string.h>

enum { FRAME = 255 };
static const plug_time beat_every = PLUG_SECOND;

struct beat {
    struct plug_layer layer;
    uint8_t out_at, out_len; /* head of the frame under way; then its body is the caller's */
    uint8_t body;            /* bytes of the frame that the caller still has to give */
    uint8_t last;            /* that frame ends the record */
    uint8_t empty;           /* it is one of no bytes: only its head can be under way */
    uint8_t pong, ping;      /* to be sent when no frame is under way */
    uint8_t in_have, in_left;
    uint8_t running;
    uint8_t out[2], in[2];
    plug_time next;
    uint64_t pings, pongs;
};

static struct beat *beat_of(struct plug_layer *l)
{
    return plug__of(l, struct beat, layer);
}

static int beat_plan(struct plug_step *step, struct plug_err *reterr)
{
    (void)reterr;
    step->offers = PLUG_SEQPACKET;
    step->flags |= step[-1].flags & PLUG_RELIABLE;
    return step->under == PLUG_STREAM ? 0 : PLUG_EUSAGE;
}

static int beat_open(struct plug_layer *l)
{
    struct beat *b = beat_of(l);
    b->running = 1;
    b->next = l->sock->loop->now + beat_every;
    plug_tick_at(l, b->next);
    return 0;
}

static plug_time beat_tick(struct plug_layer *l, plug_time now)
{
    struct beat *b = beat_of(l);
    if (!b->running)
        return PLUG_FOREVER;
    if (now >= b->next) {
        b->next = now + beat_every;
        b->ping = 1;
        plug_ready(l, 0); /* there is something to send */
    }
    return b->next;
}

static int beat_put(struct beat *b, void *bytes, size_t len, size_t *ret)
{
    struct plug_iov iov = {bytes, len};
    struct plug_msg m = {.iov = &iov, .niov = 1};
    int r = plug_layer_send(b->layer.below, &m, 1, 0);
    *ret = r < 0 ? 0 : m.len;
    return r;
}

static int beat_idle(const struct beat *b)
{
    return b->out_at == b->out_len && !b->body;
}

/* Sends the head that is held, then owed frames. Returns 0 when nothing is held. */
static int beat_flush(struct beat *b)
{
    for (;;) {
        size_t n = 0;
        if (b->out_at < b->out_len) {
            int r = beat_put(b, b->out + b->out_at, (size_t)(b->out_len - b->out_at), &n);
            if (r < 0)
                return r;
            b->out_at = (uint8_t)(b->out_at + n);
            continue;
        }
        if (b->body || (!b->pong && !b->ping))
            return 0;
        b->out[0] = b->pong ? 'O' : 'P';
        b->out[1] = 0;
        b->out_at = 0;
        b->out_len = 2;
        b->pings += !b->pong;
        if (b->pong)
            b->pong = 0;
        else
            b->ping = 0;
    }
}

static uint8_t *beat_at(const struct plug_msg *m, size_t at, size_t *room)
{
    for (unsigned i = 0; i < m->niov; i++) {
        if (at < m->iov[i].len) {
            *room = m->iov[i].len - at;
            return (uint8_t *)m->iov[i].base + at;
        }
        at -= m->iov[i].len;
    }
    *room = 0;
    return NULL;
}

static void beat_head(struct beat *b, size_t left, int eor)
{
    b->body = (uint8_t)(left < FRAME ? left : FRAME);
    b->last = eor && left <= FRAME;
    b->empty = left == 0;
    b->out[0] = b->last ? 'D' : 'd';
    b->out[1] = b->body;
    b->out_at = 0;
    b->out_len = 2;
}

/* Frames are announced by their length, so a retry must go on with the same record. */
static int beat_send_one(struct beat *b, struct plug_msg *m, unsigned flags)
{
    size_t size = plug_msg_size(m), at = 0, room = 0, n = 0;
    int eor = ((m->flags | flags) & PLUG_MSG_EOR) != 0, r = 0, started = !beat_idle(b);
    m->len = 0;
    if (!size && !eor)
        return 1;
    for (;;) {
        r = b->body || started ? 0 : beat_flush(b);
        if (r >= 0 && beat_idle(b) && !started && !b->empty)
            beat_head(b, size - at, eor);
        started = 0;
        while (r >= 0 && b->out_at < b->out_len) {
            r = beat_put(b, b->out + b->out_at, (size_t)(b->out_len - b->out_at), &n);
            b->out_at = (uint8_t)(b->out_at + n);
        }
        while (r >= 0 && b->body) {
            uint8_t *from = beat_at(m, at, &room);
            r = beat_put(b, from, room < b->body ? room : b->body, &n);
            b->body = (uint8_t)(b->body - n);
            at += n;
        }
        m->len = at;
        if (r < 0)
            return at ? 1 : r;
        if (at == size) {
            b->empty = 0;
            return 1;
        }
    }
}

static int beat_send(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    struct beat *b = beat_of(l);
    int r = b->body ? 0 : beat_flush(b);
    if (r < 0)
        return r;
    if (!n)
        return plug_layer_send(l->below, v, 0, 0);
    return beat_send_one(b, v, flags);
}

/* Reads a frame's head. Returns 1 when data stands in front, 0 to go on, or why not. */
static int beat_control(struct beat *b)
{
    struct plug_iov iov = {b->in + b->in_have, (size_t)(2 - b->in_have)};
    struct plug_msg m = {.iov = &iov, .niov = 1};
    if (b->in_have == 2)
        return 1;
    int r = plug_layer_recv(b->layer.below, &m, 1, 0);
    if (r == PLUG_EOF && b->in_have)
        return plug_fail(&b->layer, 0, PLUG_EPROTO, 0);
    if (r < 0)
        return r;
    b->in_have = (uint8_t)(b->in_have + m.len);
    if (b->in_have < 2)
        return 0;
    b->in_left = b->in[1];
    if (b->in[0] == 'd' || b->in[0] == 'D')
        return 1;
    if ((b->in[0] != 'P' && b->in[0] != 'O') || b->in_left)
        return plug_fail(&b->layer, 2, PLUG_EPROTO, 0);
    b->pongs += b->in[0] == 'O';
    b->pong |= b->in[0] == 'P';
    b->in_have = 0;
    if (b->pong && !b->body)
        (void)beat_flush(b);
    return 0;
}

static int beat_body(struct beat *b, struct plug_msg *m)
{
    size_t room = 0;
    m->len = m->controllen = 0;
    m->flags = 0;
    for (;;) {
        uint8_t *to = beat_at(m, m->len, &room);
        size_t n = room < b->in_left ? room : b->in_left;
        if (n) {
            struct plug_iov iov = {to, n};
            struct plug_msg part = {.iov = &iov, .niov = 1};
            int r = plug_layer_recv(b->layer.below, &part, 1, 0);
            if (r == PLUG_EOF && !m->len)
                return plug_fail(&b->layer, 0, PLUG_EPROTO, 0);
            if (r < 0)
                return m->len ? 1 : r;
            m->len += part.len;
            b->in_left = (uint8_t)(b->in_left - part.len);
            continue;
        }
        if (b->in_left)
            return 1; /* no room */
        b->in_have = 0;
        if (b->in[0] == 'D')
            m->flags |= PLUG_MSG_EOR;
        return 1;
    }
}

static int beat_recv(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    struct beat *b = beat_of(l);
    int r = 0;
    (void)flags;
    while (r == 0)
        r = beat_control(b);
    if (!n)
        return r == 1 || r == PLUG_EOF ? 0 : r;
    return r < 0 ? r : beat_body(b, v);
}

static int beat_shut(struct plug_layer *l, int how)
{
    struct beat *b = beat_of(l);
    b->running = 0;
    if (how != PLUG_SHUT_RESET && b->out_at < b->out_len) {
        int r = beat_flush(b);
        if (r < 0)
            return r;
    }
    b->ping = b->pong = 0;
    return plug_layer_shut(l->below, how);
}

static unsigned beat_want(struct plug_layer *l, unsigned want)
{
    const struct beat *b = beat_of(l);
    if (b->out_at < b->out_len || (!b->body && (b->pong || b->ping)))
        want |= PLUG_OUT;
    if ((want & PLUG_IN) && b->in_have == 2 && !b->in_left)
        want |= PLUG_NOW; /* an empty frame stands in front */
    return want;
}

static int beat_getopt(struct plug_layer *l, int level, int name, void *val, size_t *len)
{
    const struct beat *b = beat_of(l);
    if (level != BEAT_LEVEL)
        return plug_pass_getopt(l, level, name, val, len);
    if (*len != sizeof(uint64_t))
        return PLUG_EINVAL;
    *(uint64_t *)val = name == BEAT_PINGS ? b->pings : b->pongs;
    return 0;
}

static const struct plug_kind beat_kinds[] = {
    {.name = "beat", .role = PLUG_CLIENT, .flags = PLUG_KIND_LAYER},
    {0},
};

const struct plug_ops beat_ops = {
    .name = "beat",
    .size = sizeof(struct beat),
    .conf = 0,
    .flags = PLUG_SPLITS,
    .kinds = beat_kinds,
    .options = NULL,
    .defaults = NULL,
    .plan = beat_plan,
    .init = plug_pass_init,
    .open = beat_open,
    .accept = plug_pass_accept,
    .recv = beat_recv,
    .send = beat_send,
    .shut = beat_shut,
    .want = beat_want,
    .bypass = plug_no_bypass,
    .getopt = beat_getopt,
    .setopt = plug_pass_setopt,
    .tick = beat_tick,
    .close = plug_no_close,
};

const struct plug_ops *const tenants[] = {&turns_ops, &leave_ops, &beat_ops, &named_ops, NULL};
