/* SPDX-License-Identifier: MIT
 *
 * A pair of Unix sockets of the system's: what is written into one end comes back out of the other.
 * Unlike the unnamed pipe it has a type, unlike echo it goes through the kernel.
 */
#include "endpoint/descriptor.h"
#include "endpoint/endpoint.h"

enum { SOCKETPAIR_LIMIT = 212960 }; /* Linux: the usual send buffer less what a record costs */

struct socketpair_conf {
    struct plug__fd_conf fd;
    int type; /* index in SOCKETPAIR_TYPES, modulo 3 */
};

static const struct socketpair_conf socketpair_defaults = {.fd = PLUG__FD_CONF_NONE};

#define SOCKETPAIR_TYPES "dgram stream seqpacket 2 1 5"
#define SOCKETPAIR_AT(field) offsetof(struct socketpair_conf, field)

static const struct plug_option socketpair_options[] = {
    {.name = "type",
     .aliases = "so-type socktype",
     .type = PLUG_OPT_ENUM,
     .offset = SOCKETPAIR_AT(type),
     .choices = SOCKETPAIR_TYPES,
     .value = "TYPE",
     .help = "dgram, stream or seqpacket; default dgram"},
    {.name = "fd", .type = PLUG_OPT_GROUP, .offset = SOCKETPAIR_AT(fd), .group = plug__fd_options},
    {0},
};

static const struct plug_kind socketpair_kinds[] = {
    {
        .name = "socketpair",
        .params = PLUG_PARAM_NONE,
        .help = "a pair of sockets; records or bytes come back",
        .example = "plug udp-listen://:7007 socketpair",
    },
    {0},
};

static int socketpair_type(const struct plug_step *step)
{
    static const int types[] = {PLUG_DGRAM, PLUG_STREAM, PLUG_SEQPACKET};
    return types[((const struct socketpair_conf *)step->conf)->type % 3];
}

static int socketpair_plan(struct plug_step *step, struct plug_err *reterr)
{
    (void)reterr;
    step->offers = socketpair_type(step);
    if (step->offers != PLUG_STREAM) {
        step->flags |= PLUG_ATOMIC;
        step->limit = SOCKETPAIR_LIMIT;
    }
    if (step->offers == PLUG_DGRAM)
        step->flags &= ~(unsigned)PLUG_HALFCLOSE; /* the other end is not told */
    return 0;
}

static int socketpair_init(struct plug_layer *l, const struct plug_step *step,
                           struct plug_err *reterr)
{
    (void)reterr;
    plug__duplex_init((struct plug__duplex *)l, step);
    return 0;
}

static int socketpair_make(struct plug__duplex *d, int *os)
{
    plug_handle h[2];
    int r = plug__os_socketpair(h, socketpair_type(d->step), os);
    if (r < 0)
        return r;
    r = plug__port_own(&d->in, h[0], os);
    if (r < 0)
        plug__os_close(h[1]);
    return r < 0 ? r : plug__port_own(&d->out, h[1], os);
}

static int socketpair_open(struct plug_layer *l)
{
    struct plug__duplex *d = (struct plug__duplex *)l;
    const struct socketpair_conf *c = d->step->conf;
    int os = 0, r = 0;
    if (d->in.io.handle == PLUG_NO_HANDLE)
        r = socketpair_make(d, &os);
    if (r >= 0)
        r = plug__duplex_dress(d, &c->fd, &os);
    if (r == PLUG_EAGAIN)
        return r;
    return r < 0 ? plug_fail(l, 2, r, os) : plug__duplex_start(d);
}

const struct plug_ops plug__socketpair_ops = {
    .name = "socketpair",
    .size = sizeof(struct plug__duplex),
    .conf = sizeof(struct socketpair_conf),
    .flags = PLUG_BASE | PLUG_HALFCLOSE | PLUG_RELIABLE | PLUG_TWO_HANDLES,
    .kinds = socketpair_kinds,
    .options = socketpair_options,
    .defaults = &socketpair_defaults,
    .plan = socketpair_plan,
    .init = socketpair_init,
    .open = socketpair_open,
    .accept = plug_pass_accept,
    .recv = plug__duplex_recv,
    .send = plug__duplex_send,
    .shut = plug__duplex_shut,
    .want = plug_pass_want,
    .bypass = plug_no_bypass,
    .getopt = plug__duplex_getopt,
    .setopt = plug_no_setopt,
    .tick = plug__duplex_tick,
    .close = plug__duplex_close,
};
