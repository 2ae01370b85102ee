/* SPDX-License-Identifier: MIT
 *
 * The filters that end the input early: `escape` at a byte, `readbytes` after a count. What they
 * send passes as it is.
 */
#include "proto/filter/filter.h"

#include "util/list.h"
#include <stddef.h>
#include <string.h>

int plug__filter_plan(struct plug_step *step, struct plug_err *reterr)
{
    (void)reterr;
    step->offers = step->under;
    step->limit = step[-1].limit;
    step->flags |= step[-1].flags & (unsigned)~(PLUG_BASE | PLUG_LISTENS | PLUG_SETUP);
    return 0;
}

/* ---- escape ---- */

struct cut_conf {
    int64_t value; /* the byte, or the count */
};

struct cut {
    struct plug_layer layer;
    uint64_t left;
    uint8_t byte, ended;
};

static struct cut *cut_of(struct plug_layer *l)
{
    return plug__of(l, struct cut, layer);
}

static int cut_init(struct plug_layer *l, const struct plug_step *step, struct plug_err *reterr)
{
    const struct cut_conf *conf = step->conf;
    struct cut *c = cut_of(l);
    (void)reterr;
    c->left = (uint64_t)conf->value;
    c->byte = (uint8_t)conf->value;
    return 0;
}

static int cut_bypass(struct plug_layer *l, unsigned dir, struct plug_bypass *ret)
{
    return dir == PLUG_OUT ? plug_layer_bypass(l->below, dir, ret) : PLUG_ENOTSUP;
}

static unsigned cut_want(struct plug_layer *l, unsigned want)
{
    return (want & PLUG_IN) && cut_of(l)->ended ? want | PLUG_NOW : want;
}

/* Where the byte stands in a received message, or its length. */
static size_t escape_find(const struct plug_msg *m, uint8_t byte)
{
    size_t at = 0;
    for (unsigned i = 0; i < m->niov && at < m->len; i++) {
        size_t n = m->iov[i].len < m->len - at ? m->iov[i].len : m->len - at;
        const uint8_t *from = m->iov[i].base, *hit = n ? memchr(from, byte, n) : NULL;
        if (hit)
            return at + (size_t)(hit - from);
        at += n;
    }
    return m->len;
}

static int escape_recv(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    struct cut *c = cut_of(l);
    if (c->ended)
        return n ? PLUG_EOF : 0;
    int got = plug_layer_recv(l->below, v, n, flags);
    for (int i = 0; n && i < got; i++) {
        size_t at = escape_find(&v[i], c->byte);
        if (at == v[i].len)
            continue;
        c->ended = 1;
        v[i].len = at;
        if (at == 0)
            return i ? i : PLUG_EOF;
        return i + 1;
    }
    return got;
}

/* ---- readbytes ---- */

/* Receives into no more than `left` bytes of the vector. */
static int readbytes_some(struct cut *c, struct plug_msg *m, unsigned flags)
{
    enum { PIECES = 16 };
    struct plug_iov iov[PIECES];
    struct plug_iov *whole = m->iov;
    unsigned niov = m->niov, n = 0;
    size_t sum = 0;
    while (n < niov && n < PIECES && sum < c->left) {
        size_t room = c->left - sum < SIZE_MAX ? (size_t)(c->left - sum) : SIZE_MAX;
        iov[n] = whole[n];
        iov[n].len = iov[n].len < room ? iov[n].len : room;
        sum += iov[n++].len;
    }
    m->iov = iov;
    m->niov = n;
    int got = plug_layer_recv(c->layer.below, m, 1, flags);
    m->iov = whole;
    m->niov = niov;
    if (got > 0)
        c->left -= m->len;
    c->ended = c->left == 0;
    return got;
}

static int readbytes_recv(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    struct cut *c = cut_of(l);
    c->ended = c->left == 0;
    if (c->ended)
        return n ? PLUG_EOF : 0;
    return n ? readbytes_some(c, v, flags) : plug_layer_recv(l->below, v, 0, flags);
}

/* ---- the tables ---- */

static const struct plug_option escape_options[] = {
    {.name = "escape",
     .type = PLUG_OPT_BYTE,
     .offset = offsetof(struct cut_conf, value),
     .max = 255,
     .value = "BYTE",
     .help = "the input ends before this byte"},
    {0},
};

static const struct plug_option readbytes_options[] = {
    {.name = "readbytes",
     .type = PLUG_OPT_SIZE,
     .offset = offsetof(struct cut_conf, value),
     .max = INT64_MAX,
     .value = "BYTES",
     .help = "the input ends after so many bytes"},
    {0},
};

static const struct plug_kind filter_kinds[] = {{0}};

const struct plug_ops plug__escape_ops = {
    .name = "escape",
    .size = sizeof(struct cut),
    .conf = sizeof(struct cut_conf),
    .flags = PLUG_FILTER,
    .kinds = filter_kinds,
    .options = escape_options,
    .defaults = NULL,
    .plan = plug__filter_plan,
    .init = cut_init,
    .open = plug_pass_open,
    .accept = plug_pass_accept,
    .recv = escape_recv,
    .send = plug_pass_send,
    .shut = plug_pass_shut,
    .want = cut_want,
    .bypass = cut_bypass,
    .getopt = plug_pass_getopt,
    .setopt = plug_pass_setopt,
    .tick = plug_no_tick,
    .close = plug_no_close,
};

const struct plug_ops plug__readbytes_ops = {
    .name = "readbytes",
    .size = sizeof(struct cut),
    .conf = sizeof(struct cut_conf),
    .flags = PLUG_FILTER,
    .kinds = filter_kinds,
    .options = readbytes_options,
    .defaults = NULL,
    .plan = plug__filter_plan,
    .init = cut_init,
    .open = plug_pass_open,
    .accept = plug_pass_accept,
    .recv = readbytes_recv,
    .send = plug_pass_send,
    .shut = plug_pass_shut,
    .want = cut_want,
    .bypass = cut_bypass,
    .getopt = plug_pass_getopt,
    .setopt = plug_pass_setopt,
    .tick = plug_no_tick,
    .close = plug_no_close,
};
