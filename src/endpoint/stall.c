/* SPDX-License-Identifier: MIT
 *
 * An endpoint that is open and never ready: nothing comes, nothing is taken. For tests of waiting;
 * it is not /dev/null.
 */
#include "endpoint/endpoint.h"

static const struct plug_kind stall_kinds[] = {
    {
        .name = "stall",
        .params = PLUG_PARAM_NONE,
        .help = "never readable, never writable",
        .example = "plug -T 5 tcp-listen://:7007 stall:",
    },
    {0},
};

static int stall_plan(struct plug_step *step, struct plug_err *reterr)
{
    (void)reterr;
    step->offers = step->mate ? step->mate : PLUG_STREAM;
    return 0;
}

static int stall_recv(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    (void)v;
    (void)n;
    (void)flags;
    return l->state ? PLUG_EOF : PLUG_EAGAIN;
}

static int stall_send(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    (void)l;
    (void)v;
    (void)flags;
    return n ? PLUG_EAGAIN : 0;
}

/* Reading ends only because the caller ends it. */
static int stall_shut(struct plug_layer *l, int how)
{
    if (how != PLUG_SHUT_WR) {
        l->state = 1;
        plug_ready(l, PLUG_IN);
    }
    return 0;
}

const struct plug_ops plug__stall_ops = {
    .name = "stall",
    .size = sizeof(struct plug_layer),
    .conf = 0,
    .flags = PLUG_BASE | PLUG_HALFCLOSE | PLUG_RELIABLE | PLUG_ANYTYPE | PLUG_SPLITS,
    .kinds = stall_kinds,
    .options = NULL,
    .defaults = NULL,
    .plan = stall_plan,
    .init = plug_pass_init,
    .open = plug_pass_open,
    .accept = plug_pass_accept,
    .recv = stall_recv,
    .send = stall_send,
    .shut = stall_shut,
    .want = plug_pass_want,
    .bypass = plug_no_bypass,
    .getopt = plug_no_getopt,
    .setopt = plug_no_setopt,
    .tick = plug_no_tick,
    .close = plug_no_close,
};
