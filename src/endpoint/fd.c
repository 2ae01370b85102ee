/* SPDX-License-Identifier: MIT
 *
 * A descriptor that the process was started with, whatever it is. Sockets are handed to the layers
 * of sockets; the flags of its description are never changed.
 */
#include "endpoint/descriptor.h"
#include "endpoint/endpoint.h"
#include "endpoint/listen_fds.h"
#include "endpoint/tty.h"
#include "util/err.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct plug_kind fd_kinds[] = {
    {
        .name = "fd",
        .params = PLUG_PARAM_NUMBER,
        .usage = "N",
        .help = "an open descriptor, whatever kind it is",
        .example = "plug fd:3 tcp://example.org:80",
    },
    {0},
};

static const struct plug_kind accept_kinds[] = {
    {
        .name = "accept-fd",
        .aliases = "accept",
        .params = PLUG_PARAM_NAME | PLUG_PARAM_OPTIONAL,
        .role = PLUG_LISTENER,
        .usage = "[N|NAME]",
        .help = "a socket that others bound and listen on: by number, or as systemd names it",
        .example = "plug accept-fd:3,fork exec:date",
    },
    {0},
};

struct fd_conf {
    struct plug__fd_conf fd;
    struct plug__tty_conf tty;
};

struct fd_layer {
    struct plug__duplex d;
    struct plug__tty_hold hold;
};

static const struct fd_conf fd_defaults = {.fd = PLUG__FD_CONF_NONE};

static const struct plug_option fd_options[] = {
    {.name = "fd",
     .type = PLUG_OPT_GROUP,
     .offset = offsetof(struct fd_conf, fd),
     .group = plug__fd_options},
    {.name = "tty",
     .type = PLUG_OPT_GROUP,
     .offset = offsetof(struct fd_conf, tty),
     .group = plug__tty_options},
    {0},
};

/* -1: out of range, or not a number. */
static int fd_number(const struct plug_step *step)
{
    char *end = NULL;
    long n = step->path && *step->path ? strtol(step->path, &end, 10) : -1;
    return n < 0 || n > INT32_MAX || *end ? -1 : (int)n;
}

static void fd_flags(struct plug_step *step, const struct plug__stat *st)
{
    if (!st->readable)
        step->flags |= PLUG_NOREAD;
    if (!st->writable)
        step->flags |= PLUG_NOWRITE;
    if (st->kind != PLUG__KIND_FILE && st->readable && st->writable)
        step->flags &= ~(unsigned)PLUG_HALFCLOSE; /* one object: a terminal, a FIFO */
}

static int fd_is_accept(const struct plug_step *step)
{
    return step->kind && strcmp(step->kind->name, "accept-fd") == 0;
}

/* A listening socket makes a listener of the address; a datagram socket has to be told to be one.
 */
static int fd_listens(struct plug_step *step, const struct plug__stat *st, int n,
                      struct plug_err *reterr)
{
    if (plug__os_listening(n) > 0) {
        step->role = PLUG_LISTENER;
    } else if (fd_is_accept(step) && st->type != PLUG_DGRAM) {
        plug__err(reterr, PLUG_EUSAGE, 0, "accept-fd", "descriptor %d does not listen", n);
        plug__err_hint(reterr, "one that is connected is fd:%d", n);
        return PLUG_EUSAGE;
    }
    return 0;
}

static int fd_socket(struct plug_step *step, const struct plug__stat *st, int n,
                     struct plug_err *reterr)
{
    int r = fd_listens(step, st, n, reterr);
    if (r < 0)
        return r;
    step->become = plug__socket_layer(st);
    step->adopt = n;
    if (st->type == PLUG_DGRAM || st->type == PLUG_RAW || st->type == PLUG_SEQPACKET)
        step->offers = st->type;
    if (step->offers != PLUG_STREAM)
        step->flags &= ~(unsigned)(PLUG_HALFCLOSE | PLUG_RELIABLE);
    return 0;
}

static int fd_plan(struct plug_step *step, struct plug_err *reterr)
{
    struct plug__stat st = {0};
    int n = fd_number(step), os = 0;
    if (n < 0 && fd_is_accept(step) && plug__listen_fds(step->path, &n, reterr) < 0)
        return PLUG_EUSAGE;
    if (n < 0 || plug__os_fstat(n, &st, &os) < 0) {
        plug__err(reterr, PLUG_EUSAGE, os, "fd", "descriptor %s is not open",
                  step->path ? step->path : "");
        plug__err_hint(reterr,
                       "the program that starts plug opens it, as the shell does by %s<FILE",
                       step->path ? step->path : "3");
        return PLUG_EUSAGE;
    }
    if (st.kind == PLUG__KIND_DIR)
        return plug__err(reterr, PLUG_EISDIR, 0, "fd", "descriptor %d is a directory", n);
    step->offers = PLUG_STREAM;
    plug__os_not_inherited(n);
    if (fd_is_accept(step) && st.kind != PLUG__KIND_SOCKET)
        return plug__err(reterr, PLUG_EUSAGE, 0, "accept-fd", "descriptor %d is no socket", n);
    if (st.kind == PLUG__KIND_SOCKET)
        return fd_socket(step, &st, n, reterr);
    fd_flags(step, &st);
    return plug__tty_check_open(step, &((struct fd_conf *)step->conf)->tty,
                                st.kind == PLUG__KIND_TTY, reterr);
}

static int fd_init(struct plug_layer *l, const struct plug_step *step, struct plug_err *reterr)
{
    (void)reterr;
    plug__duplex_init((struct plug__duplex *)l, step);
    return 0;
}

static int fd_take(struct plug__duplex *d, int *os)
{
    struct plug__stat st = {0};
    int n = fd_number(d->step);
    int r = plug__os_fstat(n, &st, os);
    if (r < 0)
        return r;
    d->same = (uint8_t)(st.readable && st.writable);
    if (d->same)
        return plug__port_take(&d->in, n, PLUG_IN | PLUG_OUT, 0, os);
    return st.readable ? plug__port_take(&d->in, n, PLUG_IN, 0, os)
                       : plug__port_take(&d->out, n, PLUG_OUT, 0, os);
}

static int fd_open(struct plug_layer *l)
{
    struct fd_layer *f = (struct fd_layer *)l;
    const struct fd_conf *c = f->d.step->conf;
    int os = 0, r = 0;
    if (f->d.in.io.handle == PLUG_NO_HANDLE && f->d.out.io.handle == PLUG_NO_HANDLE) {
        r = fd_take(&f->d, &os);
        if (r >= 0)
            r = plug__tty_hold(&f->hold, f->d.step, &c->tty, fd_number(f->d.step), &os);
    }
    if (r >= 0)
        r = plug__duplex_dress(&f->d, &c->fd, &os);
    if (r == PLUG_EAGAIN)
        return r;
    return r < 0 ? plug_fail(l, 2, r, os) : plug__duplex_start(&f->d);
}

static int fd_shut(struct plug_layer *l, int how)
{
    if (how == PLUG_SHUT_RESET) /* it closes the number as well */
        plug__tty_let_go(&((struct fd_layer *)l)->hold);
    return plug__duplex_shut(l, how);
}

static void fd_close(struct plug_layer *l)
{
    plug__tty_let_go(&((struct fd_layer *)l)->hold);
    plug__duplex_close(l);
}

const struct plug_ops plug__fd_ops = {
    .name = "fd",
    .size = sizeof(struct fd_layer),
    .conf = sizeof(struct fd_conf),
    .flags = PLUG_BASE | PLUG_HALFCLOSE | PLUG_RELIABLE | PLUG_ONCE,
    .kinds = fd_kinds,
    .options = fd_options,
    .defaults = &fd_defaults,
    .plan = fd_plan,
    .init = fd_init,
    .open = fd_open,
    .accept = plug_pass_accept,
    .recv = plug__duplex_recv,
    .send = plug__duplex_send,
    .shut = fd_shut,
    .want = plug_pass_want,
    .bypass = plug__duplex_bypass,
    .getopt = plug__duplex_getopt,
    .setopt = plug_no_setopt,
    .tick = plug__duplex_tick,
    .close = fd_close,
};

/* Its plan always names the layer of the socket, whose options it has; the slots stand for nothing.
 */
const struct plug_ops plug__accept_fd_ops = {
    .name = "accept-fd",
    .size = sizeof(struct fd_layer),
    .conf = 0,
    .flags = PLUG_BASE | PLUG_LISTENS | PLUG_HALFCLOSE | PLUG_RELIABLE,
    .kinds = accept_kinds,
    .options = NULL,
    .defaults = NULL,
    .plan = fd_plan,
    .init = fd_init,
    .open = fd_open,
    .accept = plug_pass_accept,
    .recv = plug__duplex_recv,
    .send = plug__duplex_send,
    .shut = plug__duplex_shut,
    .want = plug_pass_want,
    .bypass = plug__duplex_bypass,
    .getopt = plug__duplex_getopt,
    .setopt = plug_no_setopt,
    .tick = plug__duplex_tick,
    .close = plug__duplex_close,
};
