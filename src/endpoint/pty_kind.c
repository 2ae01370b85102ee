/* SPDX-License-Identifier: MIT
 *
 * The kind `pty`: a terminal that other programs open by its name or link. With a command it is
 * exec's: that program on a terminal.
 */
#include "endpoint/endpoint.h"
#include "endpoint/pty.h"
#include "util/err.h"
#include <stddef.h>
#include <string.h>

struct pty_layer {
    struct plug__duplex d;
    struct plug__pty pty;
    plug_time sit_until; /* sitout-eio: when the end is told; 0: nobody has closed it */
};

static const struct plug__pty_conf pty_defaults = PLUG__PTY_NONE;

static const struct plug_kind pty_kinds[] = {
    {
        .name = "pty",
        .params = PLUG_PARAM_COMMAND | PLUG_PARAM_OPTIONAL,
        .usage = "[COMMAND]",
        .help = "a new terminal; with a command, the program on one",
        .example = "plug pty:,link=/tmp/modem,rawer tcp://example.org:4000",
    },
    {0},
};

static int pty_plan(struct plug_step *step, struct plug_err *reterr)
{
    struct plug__pty_conf *c = step->conf;
    step->offers = PLUG_STREAM;
    if (step->path && step->path[strspn(step->path, " \t\n")]) {
        step->become = "exec";
        return 0;
    }
    return plug__tty_check(step, &c->tty, reterr);
}

static int pty_init(struct plug_layer *l, const struct plug_step *step, struct plug_err *reterr)
{
    (void)reterr;
    plug__duplex_init((struct plug__duplex *)l, step);
    return 0;
}

/* ---- opening ---- */

static int pty_make(struct pty_layer *t, int *os)
{
    plug_handle h;
    int r = plug__pty_open(&t->pty, t->d.step, t->d.step->conf, t->d.l.sock->loop, &h, os);
    if (r < 0)
        return r;
    t->d.same = 1;
    r = plug__port_own(&t->d.in, h, os);
    if (r < 0)
        plug__pty_drop(&t->pty);
    return r;
}

/* Nobody can say how long another program takes: the time to connect does not count. */
static int pty_waits(struct pty_layer *t)
{
    const struct plug__pty_conf *c = t->d.step->conf;
    if (!c->wait_slave || plug__os_pty_used(t->pty.master))
        return 0;
    t->d.l.sock->deadline = PLUG_FOREVER;
    plug_tick_at(&t->d.l, plug_now() + c->interval);
    return PLUG_EAGAIN;
}

static void pty_ready(struct plug_io *io, unsigned bits)
{
    struct plug__duplex *d = plug__of(io, struct plug__duplex, in.io);
    plug__duplex_in_ready(io, bits);
    /* Who only writes must see that nobody reads. */
    if ((bits & PLUG_HUP) && (d->step->plan->without & PLUG_NOREAD))
        (void)plug_fail(&d->l, 1, PLUG_EPIPE, 0);
}

static int pty_open(struct plug_layer *l)
{
    struct pty_layer *t = (struct pty_layer *)l;
    int os = 0;
    int r = t->d.in.io.handle == PLUG_NO_HANDLE ? pty_make(t, &os) : 0;
    if (r >= 0)
        r = pty_waits(t);
    if (r == PLUG_EAGAIN)
        return r;
    t->d.in.io.ready = pty_ready;
    return r < 0 ? plug_fail(l, 2, r, os) : plug__duplex_start(&t->d);
}

/* ---- moving ---- */

/* The kernel answers EIO when nobody has the other end open any more: the end of data, unless
 * another program may still come. */
static int pty_left(struct pty_layer *t)
{
    struct plug_layer *l = &t->d.l;
    const struct plug__pty_conf *c = t->d.step->conf;
    plug_time now = plug_now();
    l->error[0] = 0;
    if (c->sitout && !t->sit_until)
        t->sit_until = c->sitout > PLUG_FOREVER - now ? PLUG_FOREVER : now + c->sitout;
    if (now < t->sit_until) {
        plug_unready(l, PLUG_IN);
        plug_tick_at(l, now + c->interval < t->sit_until ? now + c->interval : t->sit_until);
        return PLUG_EAGAIN;
    }
    (void)plug_fail(l, 1, PLUG_EPIPE, 0);
    return PLUG_EOF;
}

static int pty_recv(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    struct pty_layer *t = (struct pty_layer *)l;
    int r = plug__duplex_recv(l, v, n, flags);
    if (r == PLUG_EIO)
        return pty_left(t);
    if (r > 0)
        t->sit_until = 0;
    return r;
}

static int pty_send(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    int r = plug__duplex_send(l, v, n, flags);
    plug__pty_sent(&((struct pty_layer *)l)->pty, v, r);
    return r;
}

static plug_time pty_tick(struct plug_layer *l, plug_time now)
{
    struct pty_layer *t = (struct pty_layer *)l;
    const struct plug__pty_conf *c = t->d.step->conf;
    if (l->sock->opening == l || t->pty.leaves) {
        plug_ready(l, 0);
        return PLUG_FOREVER;
    }
    if (!t->sit_until)
        return PLUG_FOREVER;
    if (now >= t->sit_until || plug__os_pty_used(t->pty.master)) {
        if (now < t->sit_until)
            t->sit_until = 0;
        plug_ready(l, PLUG_IN);
        return PLUG_FOREVER;
    }
    return now + c->interval < t->sit_until ? now + c->interval : t->sit_until;
}

/* ---- ending ---- */

static int pty_shut(struct plug_layer *l, int how)
{
    struct pty_layer *t = (struct pty_layer *)l;
    int r;
    if (how == PLUG_SHUT_RESET) {
        plug__pty_drop(&t->pty);
        return plug__duplex_shut(l, how);
    }
    if (how == PLUG_SHUT_RD || l->error[1])
        return plug__duplex_shut(l, how);
    r = plug__pty_farewell(&t->pty, &t->d);
    if (r >= 0 && how == PLUG_SHUT_RDWR && plug__os_pty_used(t->pty.master))
        r = plug__pty_drain(&t->pty, &t->d);
    return r < 0 ? r : plug__duplex_shut(l, how);
}

static int pty_getopt(struct plug_layer *l, int level, int name, void *val, size_t *len)
{
    struct pty_layer *t = (struct pty_layer *)l;
    if (level == PLUG_LEVEL_SOCK && name == PLUG_SO_UNSENT)
        return plug__pty_unsent(&t->pty, val, len);
    return plug__duplex_getopt(l, level, name, val, len);
}

static void pty_close(struct plug_layer *l)
{
    plug__pty_drop(&((struct pty_layer *)l)->pty);
    plug__duplex_close(l);
}

const struct plug_ops plug__pty_ops = {
    .name = "pty",
    .size = sizeof(struct pty_layer),
    .conf = sizeof(struct plug__pty_conf),
    .flags = PLUG_BASE | PLUG_RELIABLE | PLUG_TELLS,
    .kinds = pty_kinds,
    .options = plug__pty_options,
    .defaults = &pty_defaults,
    .plan = pty_plan,
    .init = pty_init,
    .open = pty_open,
    .accept = plug_pass_accept,
    .recv = pty_recv,
    .send = pty_send,
    .shut = pty_shut,
    .want = plug_pass_want,
    .bypass = plug__duplex_bypass,
    .getopt = pty_getopt,
    .setopt = plug_no_setopt,
    .tick = pty_tick,
    .close = pty_close,
};
