/* SPDX-License-Identifier: MIT
 *
 * Pipes: without a name a pipe of plug's own, which gives back the bytes that it gets (socat's
 * PIPE); with one a FIFO, made when missing. Records are not kept: echo does that.
 */
#include "endpoint/descriptor.h"
#include "endpoint/endpoint.h"
#include "util/err.h"
#include <stddef.h>

struct pipe_layer {
    struct plug__duplex d;
    int created; /* the name is ours */
};

struct pipe_conf {
    struct plug__fd_conf fd;
    struct plug__path_conf name;
    int rdonly, wronly, unlink_close;
};

static const struct pipe_conf pipe_defaults = {
    .fd = PLUG__FD_CONF_NONE, .name = {.mode = -1}, .unlink_close = 1};

#define PIPE_AT(field) offsetof(struct pipe_conf, field)

static const struct plug_option pipe_options[] = {
    {.name = "rdonly",
     .aliases = "o-rdonly o_rdonly",
     .type = PLUG_OPT_FLAG,
     .offset = PIPE_AT(rdonly),
     .help = "only read the FIFO; it ends when its last writer closes"},
    {.name = "wronly",
     .aliases = "o-wronly o_wronly",
     .type = PLUG_OPT_FLAG,
     .offset = PIPE_AT(wronly),
     .help = "only write the FIFO; waits for a reader"},
    {.name = "unlink-close",
     .type = PLUG_OPT_FLAG,
     .offset = PIPE_AT(unlink_close),
     .help = "remove at the end a name that was made here (on)"},
    {.name = "name", .type = PLUG_OPT_GROUP, .offset = PIPE_AT(name), .group = plug__path_options},
    {.name = "fd", .type = PLUG_OPT_GROUP, .offset = PIPE_AT(fd), .group = plug__fd_options},
    {0},
};

static const struct plug_kind pipe_kinds[] = {
    {
        .name = "pipe",
        .aliases = "fifo",
        .params = PLUG_PARAM_PATH | PLUG_PARAM_OPTIONAL,
        .usage = "[PATH]",
        .help = "a FIFO; without a name, bytes come back",
        .example = "plug -u pipe:/tmp/fifo -",
    },
    {0},
};

static int pipe_plan(struct plug_step *step, struct plug_err *reterr)
{
    const struct pipe_conf *c = step->conf;
    int named = step->path && step->path[0];
    step->offers = PLUG_STREAM;
    if (c->rdonly && c->wronly)
        return plug__err(reterr, PLUG_EUSAGE, 0, "pipe", "rdonly contradicts wronly");
    if (!named && (c->rdonly || c->wronly))
        return plug__err(reterr, PLUG_EUSAGE, 0, "pipe",
                         "a pipe without a name is both read and written");
    if (!named && plug__path_given(&c->name))
        return plug__err(reterr, PLUG_EUSAGE, 0, "pipe", "a pipe without a name has none to %s",
                         c->name.unlink_early || c->name.unlink_late ? "remove" : "change");
    if (c->rdonly)
        step->flags |= PLUG_NOWRITE;
    if (c->wronly)
        step->flags |= PLUG_NOREAD;
    if (named) /* -u, -U: opened both ways it would never end */
        step->flags |= step->plan->without;
    if (named && !(step->flags & (PLUG_NOREAD | PLUG_NOWRITE)))
        step->flags &= ~(unsigned)PLUG_HALFCLOSE; /* open for writing here, it never ends */
    return 0;
}

static int pipe_init(struct plug_layer *l, const struct plug_step *step, struct plug_err *reterr)
{
    (void)reterr;
    plug__duplex_init((struct plug__duplex *)l, step);
    return 0;
}

/* ---- FIFOs ---- */

int plug__fifo_open(struct plug__duplex *d, const char *path, unsigned access)
{
    struct plug__port *p = access == PLUG__O_WRITE ? &d->out : &d->in;
    plug_handle h;
    int os = 0;
    int r = plug__os_open(&h, path, access | PLUG__O_NONBLOCK, 0, &os);
    if (r == PLUG_ENXIO && access == PLUG__O_WRITE && !d->step->plan->common.nonblock)
        return PLUG_EAGAIN; /* nobody reads it yet */
    if (r >= 0)
        r = plug__port_own(p, h, &os);
    if (r >= 0 && p->kind != PLUG__KIND_PIPE)
        r = PLUG_EEXIST; /* something else has the name */
    if (r < 0)
        return plug_fail(&d->l, 2, r, os);
    d->same = access == (PLUG__O_READ | PLUG__O_WRITE);
    if (access == PLUG__O_READ)
        p->flags |= PLUG__PORT_LATE;
    return 0;
}

static int pipe_open_named(struct pipe_layer *p)
{
    const struct plug_step *step = p->d.step;
    const struct pipe_conf *c = step->conf;
    unsigned access = PLUG__O_READ | PLUG__O_WRITE;
    int os = 0, r = 0;
    if (!p->d.l.state)
        r = plug__path_early(&c->name, step->path, &os);
    p->d.l.state = 1;
    if (r >= 0 && !p->created) {
        unsigned mode = c->fd.mode == INT64_MIN ? 0666u : (unsigned)c->fd.mode;
        r = plug__os_mkfifo(step->path, mode, &os);
        p->created = r >= 0;
        r = r == PLUG_EEXIST ? 0 : r;
    }
    if (r < 0)
        return plug_fail(&p->d.l, 2, r, os);
    if (step->flags & PLUG_NOWRITE)
        access = PLUG__O_READ;
    else if (step->flags & PLUG_NOREAD)
        access = PLUG__O_WRITE;
    r = plug__fifo_open(&p->d, step->path, access);
    if (r == PLUG_EAGAIN)
        plug_tick_at(&p->d.l, plug_now() + PLUG__FD_RETRY_MS * PLUG_MS);
    return r;
}

static int pipe_open_unnamed(struct pipe_layer *p)
{
    plug_handle h[2];
    int os = 0;
    int r = plug__os_pipe(h, 1, &os);
    if (r < 0)
        return plug_fail(&p->d.l, 2, r, os);
    r = plug__port_own(&p->d.in, h[0], &os);
    if (r < 0)
        plug__os_close(h[1]);
    else
        r = plug__port_own(&p->d.out, h[1], &os);
    return r < 0 ? plug_fail(&p->d.l, 2, r, os) : 0;
}

static int pipe_open(struct plug_layer *l)
{
    struct pipe_layer *p = (struct pipe_layer *)l;
    const struct pipe_conf *c = p->d.step->conf;
    const char *path = p->d.step->path;
    int named = path && path[0], os = 0, r = 0;
    if (p->d.in.io.handle == PLUG_NO_HANDLE && p->d.out.io.handle == PLUG_NO_HANDLE)
        r = named ? pipe_open_named(p) : pipe_open_unnamed(p);
    if (r < 0)
        return r;
    r = plug__duplex_dress(&p->d, &c->fd, &os);
    if (r >= 0 && named)
        r = plug__path_late(&c->name, path, &os);
    if (r == PLUG_EAGAIN)
        return r;
    return r < 0 ? plug_fail(l, 2, r, os) : plug__duplex_start(&p->d);
}

static void pipe_close(struct plug_layer *l)
{
    struct pipe_layer *p = (struct pipe_layer *)l;
    const struct pipe_conf *c = p->d.step ? p->d.step->conf : NULL;
    if (p->created && c && c->unlink_close)
        (void)plug__os_unlink(p->d.step->path, NULL);
    plug__duplex_close(l);
}

const struct plug_ops plug__pipe_ops = {
    .name = "pipe",
    .size = sizeof(struct pipe_layer),
    .conf = sizeof(struct pipe_conf),
    .flags = PLUG_BASE | PLUG_HALFCLOSE | PLUG_RELIABLE,
    .kinds = pipe_kinds,
    .options = pipe_options,
    .defaults = &pipe_defaults,
    .plan = pipe_plan,
    .init = pipe_init,
    .open = pipe_open,
    .accept = plug_pass_accept,
    .recv = plug__duplex_recv,
    .send = plug__duplex_send,
    .shut = plug__duplex_shut,
    .want = plug_pass_want,
    .bypass = plug__duplex_bypass,
    .getopt = plug__duplex_getopt,
    .setopt = plug_no_setopt,
    .tick = plug__duplex_tick,
    .close = pipe_close,
};
