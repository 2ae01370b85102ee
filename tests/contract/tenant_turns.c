/* SPDX-License-Identifier: MIT
 *
 * `turns`: a stream in blocks that are hidden by an XOR, with a greeting in three steps, and after
 * every 4 blocks a receipt that the receiver must write before it reads on and the sender must
 * read before it writes on. It holds at most one block each way.
 */
#include "tenants.h"

#include "util/list.h"
#include <string.h>

enum { BLOCK = 255, EVERY = 4, MASK = 0x5a };

struct turns {
    struct plug_layer layer;
    uint8_t server, step;     /* of the greeting */
    uint16_t out_at, out_len; /* held output */
    uint16_t in_at, in_len;   /* a block that waits for the caller */
    uint16_t got;             /* bytes of the block under way, its length byte counted */
    uint8_t owes, owed, ended, mute, blocks_in, blocks_out;
    uint8_t out[BLOCK + 2], in[BLOCK + 1];
};

static struct turns *turns_of(struct plug_layer *l)
{
    return plug__of(l, struct turns, layer);
}

static int turns_plan(struct plug_step *step, struct plug_err *reterr)
{
    (void)reterr;
    step->offers = PLUG_STREAM;
    step->flags |= step[-1].flags & (PLUG_RELIABLE | PLUG_HALFCLOSE);
    return step->under == PLUG_STREAM ? 0 : PLUG_EUSAGE;
}

static int turns_init(struct plug_layer *l, const struct plug_step *step, struct plug_err *reterr)
{
    (void)reterr;
    turns_of(l)->server = step->role != PLUG_CLIENT;
    return 0;
}

static int turns_flush(struct turns *t)
{
    while (t->out_at < t->out_len) {
        struct plug_iov iov = {t->out + t->out_at, (size_t)(t->out_len - t->out_at)};
        struct plug_msg m = {.iov = &iov, .niov = 1};
        int r = plug_layer_send(t->layer.below, &m, 1, 0);
        if (r < 0)
            return r;
        t->out_at = (uint16_t)(t->out_at + m.len);
    }
    t->out_at = t->out_len = 0;
    return 0;
}

static void turns_hold(struct turns *t, uint8_t byte)
{
    t->out[t->out_len++] = byte;
}

static int turns_byte(struct turns *t, uint8_t *ret)
{
    struct plug_iov iov = {ret, 1};
    struct plug_msg m = {.iov = &iov, .niov = 1};
    int r = plug_layer_recv(t->layer.below, &m, 1, 0);
    return r;
}

/* The client writes C, reads S, writes F; the server reads, writes, reads. */
static int turns_open(struct plug_layer *l)
{
    static const char says[3] = {'C', 'S', 'F'};
    struct turns *t = turns_of(l);
    while (t->step < 3 || t->out_len) {
        uint8_t byte = 0;
        int r = turns_flush(t);
        if (r < 0)
            return r;
        if (t->step == 3)
            break;
        if ((t->step == 1) == (t->server == 1)) {
            turns_hold(t, (uint8_t)says[t->step++]);
            continue;
        }
        r = turns_byte(t, &byte);
        if (r == PLUG_EOF)
            return PLUG_ECONNRESET;
        if (r < 0)
            return r;
        if (byte != (uint8_t)says[t->step])
            return PLUG_EPROTO;
        t->step++;
    }
    return 0;
}

static size_t turns_give(struct turns *t, struct plug_msg *m)
{
    m->len = 0;
    for (unsigned i = 0; i < m->niov && t->in_at < t->in_len; i++) {
        size_t n = (size_t)(t->in_len - t->in_at);
        n = n < m->iov[i].len ? n : m->iov[i].len;
        if (n)
            memcpy(m->iov[i].base, t->in + t->in_at, n);
        t->in_at = (uint16_t)(t->in_at + n);
        m->len += n;
    }
    if (t->in_at == t->in_len)
        t->in_at = t->in_len = 0;
    return m->len;
}

/* One read towards the block under way. Returns 1 when something changed, or why not. */
static int turns_pull(struct turns *t)
{
    size_t want = t->got ? (size_t)t->in[0] + 1 - t->got : 1;
    struct plug_iov iov = {t->in + t->got, want};
    struct plug_msg m = {.iov = &iov, .niov = 1};
    int r = plug_layer_recv(t->layer.below, &m, 1, 0);
    if (r == PLUG_EOF && t->got)
        return plug_fail(&t->layer, 0, PLUG_EPROTO, 0);
    t->ended |= r == PLUG_EOF;
    if (r < 0)
        return r;
    t->got = (uint16_t)(t->got + m.len);
    if (t->in[0] == 0) { /* a receipt */
        t->got = 0;
        if (!t->owed)
            return plug_fail(&t->layer, 2, PLUG_EPROTO, 0);
        t->owed = 0;
        return 1;
    }
    if (t->got < (uint16_t)(t->in[0] + 1))
        return 1;
    t->in_len = t->in[0];
    t->got = 0;
    for (unsigned i = 0; i < t->in_len; i++)
        t->in[i] = t->in[i + 1] ^ MASK;
    t->in_at = 0;
    if (++t->blocks_in == EVERY) {
        t->blocks_in = 0;
        t->owes = !t->mute; /* nothing is said behind our own end */
    }
    return 1;
}

/* The receipt goes out when no block is held; until then nothing more is read. */
static int turns_receipt(struct turns *t)
{
    if (!t->owes)
        return 0;
    int r = turns_flush(t);
    if (r < 0)
        return r;
    turns_hold(t, 0);
    t->owes = 0;
    r = turns_flush(t);
    return r == PLUG_EAGAIN ? 0 : r;
}

static int turns_recv(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    struct turns *t = turns_of(l);
    (void)flags;
    if (n && t->in_len)
        return turns_give(t, v), 1;
    for (;;) {
        if (t->in_len)
            return n ? (turns_give(t, v), 1) : 0;
        int r = turns_receipt(t);
        if (r >= 0)
            r = turns_pull(t);
        if (r == PLUG_EOF)
            return n ? r : 0;
        if (r < 0)
            return r;
    }
}

static int turns_send_one(struct turns *t, struct plug_msg *m)
{
    size_t n = 0;
    if (t->owed) /* must read first; after the end it never can */
        return t->ended ? plug_fail(&t->layer, 1, PLUG_ECONNRESET, 0) : PLUG_EAGAIN;
    turns_hold(t, 0);
    for (unsigned i = 0; i < m->niov && n < BLOCK; i++)
        for (size_t k = 0; k < m->iov[i].len && n < BLOCK; k++, n++)
            turns_hold(t, ((const uint8_t *)m->iov[i].base)[k] ^ MASK);
    t->out[0] = (uint8_t)n;
    m->len = n;
    if (!n)
        t->out_len = 0;
    if (n && ++t->blocks_out == EVERY) {
        t->blocks_out = 0;
        t->owed = 1;
    }
    return 1;
}

static int turns_send(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    struct turns *t = turns_of(l);
    (void)flags;
    int r = turns_receipt(t);
    if (r >= 0)
        r = turns_flush(t);
    if (r < 0)
        return r;
    if (!n)
        return plug_layer_send(l->below, v, 0, 0);
    r = turns_send_one(t, v);
    if (r > 0)
        (void)turns_flush(t); /* what it fails with, the next call meets */
    return r;
}

static int turns_shut(struct plug_layer *l, int how)
{
    if (how == PLUG_SHUT_WR || how == PLUG_SHUT_RDWR) {
        struct turns *t = turns_of(l);
        int r = turns_receipt(t);
        if (r >= 0)
            r = turns_flush(t);
        if (r < 0)
            return r;
        t->mute = 1;
    }
    return plug_layer_shut(l->below, how);
}

static unsigned turns_want(struct plug_layer *l, unsigned want)
{
    struct turns *t = turns_of(l);
    unsigned below = want;
    if (t->step < 3)
        below |= (t->step == 1) == (t->server == 1) ? PLUG_OUT : PLUG_IN;
    if (t->owed && !t->ended && (want & PLUG_OUT)) /* a write waits for a read */
        below = (below & ~(unsigned)PLUG_OUT) | PLUG_IN;
    if (t->out_len || t->owes)
        below |= PLUG_OUT;
    if (t->in_len && (want & PLUG_IN))
        below |= PLUG_NOW;
    return below;
}

static const struct plug_kind turns_kinds[] = {
    {.name = "turns", .role = PLUG_CLIENT, .flags = PLUG_KIND_LAYER},
    {0},
};

const struct plug_ops turns_ops = {
    .name = "turns",
    .size = sizeof(struct turns),
    .conf = 0,
    .flags = 0,
    .kinds = turns_kinds,
    .options = NULL,
    .defaults = NULL,
    .plan = turns_plan,
    .init = turns_init,
    .open = turns_open,
    .accept = plug_pass_accept,
    .recv = turns_recv,
    .send = turns_send,
    .shut = turns_shut,
    .want = turns_want,
    .bypass = plug_no_bypass,
    .getopt = plug_pass_getopt,
    .setopt = plug_pass_setopt,
    .tick = plug_no_tick,
    .close = plug_no_close,
};
