/* SPDX-License-Identifier: MIT
 *
 * The filter `cr`: newlines above it are CR below, as old terminals and modems end their lines. A
 * byte becomes a byte, so that it holds nothing back and records keep their length.
 */
#include "proto/filter/filter.h"

#include "util/alloc.h"
#include "util/list.h"

enum { CR_WINDOW = 4096 }; /* bytes rewritten in one step, on the stack */

struct cr {
    struct plug_layer layer;
    uint8_t stream;
};

static struct cr *cr_of(struct plug_layer *l)
{
    return plug__of(l, struct cr, layer);
}

static int cr_init(struct plug_layer *l, const struct plug_step *step, struct plug_err *reterr)
{
    (void)reterr;
    cr_of(l)->stream = step->offers == PLUG_STREAM;
    return 0;
}

/* CR becomes LF in what was received. */
static void cr_in(struct plug_msg *m)
{
    size_t left = m->len;
    for (unsigned i = 0; i < m->niov && left; i++) {
        uint8_t *at = m->iov[i].base;
        size_t n = m->iov[i].len < left ? m->iov[i].len : left;
        for (size_t k = 0; k < n; k++)
            at[k] = at[k] == '\r' ? '\n' : at[k];
        left -= n;
    }
}

static int cr_recv(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    int got = plug_layer_recv(l->below, v, n, flags);
    for (int i = 0; n && i < got; i++)
        cr_in(&v[i]);
    return got;
}

/* Copies at most `room` bytes of the message from `from` on, LF as CR. Returns how many. */
static size_t cr_out(const struct plug_msg *m, size_t from, uint8_t *to, size_t room)
{
    size_t n = 0;
    for (unsigned i = 0; i < m->niov && n < room; i++) {
        const uint8_t *at = m->iov[i].base;
        size_t len = m->iov[i].len;
        if (from >= len) {
            from -= len;
            continue;
        }
        for (size_t k = from; k < len && n < room; k++)
            to[n++] = at[k] == '\n' ? '\r' : at[k];
        from = 0;
    }
    return n;
}

/* A record goes down in one piece, a stream in windows while the layer below takes them whole. */
static int cr_send_record(struct cr *c, struct plug_msg *m, unsigned flags)
{
    uint8_t window[CR_WINDOW], *buf = window;
    size_t size = plug_msg_size(m);
    struct plug_msg below = *m;
    struct plug_iov iov;
    int e;
    if (size > sizeof(window))
        buf = plug__malloc(size);
    if (!buf)
        return PLUG_ENOMEM;
    iov = (struct plug_iov){buf, cr_out(m, 0, buf, size)};
    below.iov = &iov;
    below.niov = 1;
    e = plug_layer_send(c->layer.below, &below, 1, flags);
    m->len = e < 0 ? 0 : below.len;
    if (buf != window)
        plug__free(buf);
    return e;
}

static int cr_send_stream(struct cr *c, struct plug_msg *m, unsigned flags)
{
    uint8_t window[CR_WINDOW];
    size_t size = plug_msg_size(m), at = 0;
    int e = 1;
    while (at < size && e > 0) {
        struct plug_iov iov = {window, cr_out(m, at, window, sizeof(window))};
        struct plug_msg below = *m;
        below.iov = &iov;
        below.niov = 1;
        e = plug_layer_send(c->layer.below, &below, 1, flags);
        if (e > 0)
            at += below.len;
        if (e > 0 && below.len < iov.len)
            break;
    }
    m->len = at;
    return at || !size ? 1 : e;
}

static int cr_send(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    struct cr *c = cr_of(l);
    if (!n)
        return plug_layer_send(l->below, v, 0, flags);
    return c->stream ? cr_send_stream(c, v, flags) : cr_send_record(c, v, flags);
}

static const struct plug_kind cr_kinds[] = {
    {.name = "cr",
     .params = PLUG_PARAM_NONE,
     .role = PLUG_CLIENT,
     .flags = PLUG_KIND_LAYER | PLUG_KIND_HIDDEN,
     .help = "newlines here are CR below"},
    {0},
};

const struct plug_ops plug__cr_ops = {
    .name = "cr",
    .size = sizeof(struct cr),
    .conf = 0,
    .flags = PLUG_FILTER,
    .kinds = cr_kinds,
    .options = NULL,
    .defaults = NULL,
    .plan = plug__filter_plan,
    .init = cr_init,
    .open = plug_pass_open,
    .accept = plug_pass_accept,
    .recv = cr_recv,
    .send = cr_send,
    .shut = plug_pass_shut,
    .want = plug_pass_want,
    .bypass = plug_no_bypass,
    .getopt = plug_pass_getopt,
    .setopt = plug_pass_setopt,
    .tick = plug_no_tick,
    .close = plug_no_close,
};
