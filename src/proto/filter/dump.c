/* SPDX-License-Identifier: MIT
 *
 * The filter behind -v and -x: it shows a sink every byte that passes, and changes none.
 * How they look is the sink's matter.
 */
#include "proto/filter/filter.h"

#include "os/sockopt.h"
#include "util/list.h"

struct dump {
    struct plug_layer layer;
    struct plug__filter_sink sink;
    uint64_t passed[2]; /* received, sent */
};

static struct dump *dump_of(struct plug_layer *l)
{
    return plug__of(l, struct dump, layer);
}

/* Shows the first m->len bytes of a message. */
static void dump_show(struct dump *d, int out, const struct plug_msg *m, unsigned flags)
{
    size_t left = m->len;
    unsigned i = 0;
    if (!d->sink.bytes)
        return;
    do {
        size_t n = i < m->niov && m->iov[i].len < left ? m->iov[i].len : left;
        const void *base = i < m->niov ? m->iov[i].base : NULL;
        left -= n;
        if (n || !left)
            d->sink.bytes(d->sink.arg, out, d->passed[out], base, n,
                          left ? flags & ~(unsigned)PLUG_MSG_EOR : flags);
        d->passed[out] += n;
        i++;
    } while (left);
}

enum { DUMP_BATCH = 32 }; /* most records of a call that are asked what came with them */

/* Datagrams may bring something along; the reader itself asks for none of it. */
static int dump_recv_about(struct dump *d, struct plug_msg *v, unsigned n, unsigned flags)
{
    union {
        uint64_t align;
        unsigned char bytes[PLUG__CONTROL];
    } control[DUMP_BATCH] = {{0}};
    char text[PLUG__CONTROL];
    int got;
    if (n > DUMP_BATCH)
        n = DUMP_BATCH;
    for (unsigned i = 0; i < n; i++) {
        v[i].control = control[i].bytes;
        v[i].controllen = sizeof(control[i].bytes);
    }
    got = plug_layer_recv(d->layer.below, v, n, flags);
    for (unsigned i = 0; i < n; i++) {
        if ((int)i < got && plug__os_control_text(&v[i], text, sizeof(text)))
            d->sink.about(d->sink.arg, text);
        if ((int)i < got)
            dump_show(d, 0, &v[i], v[i].flags);
        v[i].control = NULL;
        v[i].controllen = 0;
    }
    return got;
}

static int dump_recv(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    struct dump *d = dump_of(l);
    int got;
    if (n && d->sink.about && !v->control && !(l->below->ops->flags & PLUG_RELIABLE))
        return dump_recv_about(d, v, n, flags);
    got = plug_layer_recv(l->below, v, n, flags);
    for (int i = 0; n && i < got; i++)
        dump_show(d, 0, &v[i], v[i].flags);
    return got;
}

static int dump_send(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    int got = plug_layer_send(l->below, v, n, flags);
    for (int i = 0; n && i < got; i++) {
        int whole = v[i].len == plug_msg_size(&v[i]);
        unsigned shown = v[i].flags | flags;
        dump_show(dump_of(l), 1, &v[i], whole ? shown : shown & ~(unsigned)PLUG_MSG_EOR);
    }
    return got;
}

static int dump_setopt(struct plug_layer *l, int level, int name, const void *val, size_t len)
{
    struct dump *d = dump_of(l);
    if (level != PLUG_LEVEL_FILTER || name != PLUG__FILTER_SINK)
        return plug_pass_setopt(l, level, name, val, len);
    if (len != sizeof(d->sink))
        return PLUG_EINVAL;
    d->sink = *(const struct plug__filter_sink *)val;
    return 0;
}

static void dump_close(struct plug_layer *l)
{
    struct dump *d = dump_of(l);
    if (d->sink.closed)
        d->sink.closed(d->sink.arg);
    d->sink = (struct plug__filter_sink){0};
}

static const struct plug_kind dump_kinds[] = {
    {.name = "dump",
     .params = PLUG_PARAM_NONE,
     .role = PLUG_CLIENT,
     .flags = PLUG_KIND_LAYER | PLUG_KIND_HIDDEN,
     .help = "shows what passes (-v, -x)"},
    {0},
};

const struct plug_ops plug__dump_ops = {
    .name = "dump",
    .size = sizeof(struct dump),
    .conf = 0,
    .flags = PLUG_FILTER,
    .kinds = dump_kinds,
    .options = NULL,
    .defaults = NULL,
    .plan = plug__filter_plan,
    .init = plug_pass_init,
    .open = plug_pass_open,
    .accept = plug_pass_accept,
    .recv = dump_recv,
    .send = dump_send,
    .shut = plug_pass_shut,
    .want = plug_pass_want,
    .bypass = plug_no_bypass,
    .getopt = plug_pass_getopt,
    .setopt = dump_setopt,
    .tick = plug_no_tick,
    .close = dump_close,
};
