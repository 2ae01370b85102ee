/* SPDX-License-Identifier: MIT
 *
 * Gives back what it is given: records as the same records with their flags, bytes as bytes. It
 * holds a bounded queue and makes the sender wait when nobody takes what comes back.
 */
#include "endpoint/endpoint.h"
#include "endpoint/queue.h"
#include <stddef.h>

struct echo_conf {
    int type;
};

struct echo_layer {
    struct plug_layer l;
    struct plug__queue queue;
    int ended; /* no more will come in */
};

static const struct plug_option echo_options[] = {
    {.name = "type",
     .type = PLUG_OPT_ENUM,
     .offset = offsetof(struct echo_conf, type),
     .choices = PLUG__QUEUE_TYPES,
     .value = "TYPE",
     .help = "stream, dgram, raw or seqpacket (as the other side)"},
    {0},
};

static const struct plug_kind echo_kinds[] = {
    {
        .name = "echo",
        .params = PLUG_PARAM_NONE,
        .help = "gives back what comes in, records as records",
        .example = "plug udp-listen://:7007 echo:",
    },
    {0},
};

static int echo_plan(struct plug_step *step, struct plug_err *reterr)
{
    const struct echo_conf *c = step->conf;
    (void)reterr;
    plug__queue_plan(step, c->type);
    return 0;
}

static int echo_init(struct plug_layer *l, const struct plug_step *step, struct plug_err *reterr)
{
    struct echo_layer *e = (struct echo_layer *)l;
    (void)reterr;
    e->queue.records = step->offers != PLUG_STREAM;
    return 0;
}

static int echo_open(struct plug_layer *l)
{
    plug_ready(l, PLUG_OUT);
    return 0;
}

static int echo_recv(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    struct echo_layer *e = (struct echo_layer *)l;
    int r;
    (void)flags;
    if (n == 0)
        return l->ready & PLUG_IN ? 0 : PLUG_EAGAIN;
    r = plug__queue_take(&e->queue, v, n);
    if (r == PLUG_EAGAIN) {
        if (e->ended)
            return PLUG_EOF;
        plug_unready(l, PLUG_IN);
        return r;
    }
    if (!e->queue.held && !e->ended)
        plug_unready(l, PLUG_IN);
    if (!(l->ready & PLUG_OUT) && plug__queue_low(&e->queue))
        plug_ready(l, PLUG_OUT);
    return r;
}

static int echo_send(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    struct echo_layer *e = (struct echo_layer *)l;
    int r;
    (void)flags;
    if (n == 0)
        return 0;
    if (e->ended)
        return plug_fail(l, 1, PLUG_EPIPE, 0);
    r = plug__queue_put(&e->queue, v, n);
    if (r == PLUG_EAGAIN)
        plug_unready(l, PLUG_OUT);
    else if (r > 0)
        plug_ready(l, PLUG_IN);
    return r;
}

static int echo_shut(struct plug_layer *l, int how)
{
    struct echo_layer *e = (struct echo_layer *)l;
    if (how != PLUG_SHUT_WR)
        plug__queue_drop(&e->queue); /* nobody will read it */
    e->ended = 1;
    plug_ready(l, PLUG_IN | PLUG_OUT);
    return 0;
}

static void echo_close(struct plug_layer *l)
{
    plug__queue_drop(&((struct echo_layer *)l)->queue);
}

const struct plug_ops plug__echo_ops = {
    .name = "echo",
    .size = sizeof(struct echo_layer),
    .conf = sizeof(struct echo_conf),
    .flags = PLUG_BASE | PLUG_HALFCLOSE | PLUG_RELIABLE | PLUG_ANYTYPE | PLUG_SPLITS,
    .kinds = echo_kinds,
    .options = echo_options,
    .defaults = NULL,
    .plan = echo_plan,
    .init = echo_init,
    .open = echo_open,
    .accept = plug_pass_accept,
    .recv = echo_recv,
    .send = echo_send,
    .shut = echo_shut,
    .want = plug_pass_want,
    .bypass = plug_no_bypass,
    .getopt = plug_no_getopt,
    .setopt = plug_no_setopt,
    .tick = plug_no_tick,
    .close = echo_close,
};
