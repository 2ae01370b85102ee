/* SPDX-License-Identifier: MIT
 *
 * A serial line, or any terminal that is opened by its path: its settings are changed while it is
 * used and then put back. A line that goes away is an error, never an end of data.
 */
#include "endpoint/descriptor.h"
#include "endpoint/endpoint.h"
#include "endpoint/tty.h"
#include "util/err.h"
#include <stddef.h>
#include <string.h>

struct serial_conf {
    struct plug__fd_conf fd;
    struct plug__tty_conf tty;
    int dtr, rts; /* -1: as it is */
    int as_is;    /* flags that are always so here */
};

struct serial_layer {
    struct plug__duplex d;
    struct plug__tty_hold hold;
    const char *step; /* which part of opening failed */
    uint8_t gone;     /* the line was hung up */
};

enum { SERIAL_DRAIN_MS = 10 }; /* between looks whether all has left the line's buffer */

#define SERIAL_AT(field) offsetof(struct serial_conf, field)

static const struct serial_conf serial_defaults = {.fd = PLUG__FD_CONF_NONE, .dtr = -1, .rts = -1};

static const struct plug_option serial_options[] = {
    {.name = "dtr",
     .type = PLUG_OPT_FLAG,
     .offset = SERIAL_AT(dtr),
     .help = "the line DTR is raised, or dropped with 0"},
    {.name = "rts",
     .type = PLUG_OPT_FLAG,
     .offset = SERIAL_AT(rts),
     .help = "the line RTS is raised, or dropped with 0"},
    {.name = "noctty",
     .aliases = "o-noctty o_noctty",
     .type = PLUG_OPT_FLAG,
     .offset = SERIAL_AT(as_is),
     .help = "it does not become the controlling terminal: always so"},
    {.name = "rdwr",
     .aliases = "o-rdwr o_rdwr",
     .type = PLUG_OPT_FLAG,
     .offset = SERIAL_AT(as_is),
     .help = "it is read and written: always so"},
    {.name = "tty", .type = PLUG_OPT_GROUP, .offset = SERIAL_AT(tty), .group = plug__tty_options},
    {.name = "fd", .type = PLUG_OPT_GROUP, .offset = SERIAL_AT(fd), .group = plug__fd_options},
    {0},
};

static const struct plug_kind serial_kinds[] = {
    {
        .name = "serial",
        .params = PLUG_PARAM_PATH,
        .usage = "DEVICE",
        .help = "a serial line, as bytes; file: leaves its settings as they are",
        .example = "plug tcp-listen://:7013 serial:/dev/ttyUSB0,b115200",
    },
    {0},
};

static int serial_plan(struct plug_step *step, struct plug_err *reterr)
{
    struct serial_conf *c = step->conf;
    step->offers = PLUG_STREAM;
    step->flags |= step->plan->without;
    return plug__tty_check(step, &c->tty, reterr);
}

static int serial_init(struct plug_layer *l, const struct plug_step *step, struct plug_err *reterr)
{
    (void)reterr;
    plug__duplex_init((struct plug__duplex *)l, step);
    return 0;
}

/* ---- opening ---- */

/* What `serial:` means before the options of the address: bytes as they are, no modem needed. */
static int serial_bare(const struct serial_layer *s, plug_handle h, int *os)
{
    static const char *const settings[] = {"rawer", "cs8", "cread", "clocal"};
    const struct plug_kind *kind = s->d.step->kind;
    struct plug__tty t;
    int r;
    if (!kind || strcmp(kind->name, "serial") != 0)
        return 0;
    r = plug__os_tty_get(h, &t, os);
    for (size_t i = 0; r >= 0 && i < PLUG__COUNT(settings); i++)
        r = plug__os_tty_option(&t, settings[i], 1);
    return r < 0 ? r : plug__os_tty_set(h, &t, 0, os);
}

static int serial_lines(struct serial_layer *s, plug_handle h, int *os)
{
    const struct serial_conf *c = s->d.step->conf;
    unsigned on = (c->dtr == 1 ? PLUG__LINE_DTR : 0u) | (c->rts == 1 ? PLUG__LINE_RTS : 0u);
    unsigned off = (c->dtr == 0 ? PLUG__LINE_DTR : 0u) | (c->rts == 0 ? PLUG__LINE_RTS : 0u);
    int r = on || off ? plug__os_tty_lines(h, on, off, os) : 0;
    if (r < 0)
        s->step = c->dtr >= 0 ? "dtr" : "rts";
    return r;
}

static int serial_dress(struct serial_layer *s, int *os)
{
    const struct serial_conf *c = s->d.step->conf;
    plug_handle h = s->d.in.io.handle;
    int r = plug__tty_keep(&s->hold, h, os);
    if (r >= 0)
        r = serial_bare(s, h, os);
    if (r >= 0)
        r = plug__tty_apply(s->d.step, &c->tty, h, os);
    return r < 0 ? r : serial_lines(s, h, os);
}

static int serial_open(struct plug_layer *l)
{
    struct serial_layer *s = (struct serial_layer *)l;
    const struct serial_conf *c = s->d.step->conf;
    plug_handle h = s->d.in.io.handle;
    int os = 0, r = 0;
    if (h == PLUG_NO_HANDLE) {
        r = plug__os_open(&h, s->d.step->path,
                          PLUG__O_READ | PLUG__O_WRITE | PLUG__O_NOCTTY | PLUG__O_NONBLOCK, 0, &os);
        s->d.same = 1;
        if (r >= 0)
            r = plug__port_own(&s->d.in, h, &os);
        if (r >= 0)
            r = serial_dress(s, &os);
    }
    if (r >= 0)
        r = plug__duplex_dress(&s->d, &c->fd, &os);
    if (r == PLUG_EAGAIN)
        return r;
    return r < 0 ? plug_fail(l, 2, r, os) : plug__duplex_start(&s->d);
}

/* ---- moving ---- */

static int serial_gone(struct serial_layer *s, int os)
{
    s->gone = 1;
    s->d.l.error[0] = s->d.l.error[1] = 0; /* EIO said less */
    return plug_fail(&s->d.l, 2, PLUG_ENXIO, os);
}

static int serial_hung_up(const struct serial_layer *s)
{
    struct plug__pollfd fd = {.handle = s->d.in.io.handle, .want = PLUG_IN};
    return plug__os_poll(&fd, 1, 0, NULL) > 0 && (fd.got & (PLUG__HUP | PLUG_ERR));
}

/* Nothing was read: the line was hung up, somebody typed ^D, or `min=0` asks not to wait. */
static int serial_nothing(struct serial_layer *s)
{
    struct plug__tty t;
    if (serial_hung_up(s) || plug__os_tty_get(s->d.in.io.handle, &t, NULL) < 0)
        return serial_gone(s, 0);
    if (plug__os_tty_flag(&t, "icanon"))
        return PLUG_EOF;
    plug__unready(&s->d.l, &s->d.in.io, PLUG_IN);
    return PLUG_EAGAIN;
}

static int serial_recv(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    struct serial_layer *s = (struct serial_layer *)l;
    int r = plug__duplex_recv(l, v, n, flags);
    if (r == PLUG_EOF && !(s->d.ended & PLUG_IN) && s->d.in.io.handle != PLUG_NO_HANDLE)
        return serial_nothing(s);
    return r == PLUG_EIO || r == PLUG_ENXIO ? serial_gone(s, l->os_error) : r;
}

static int serial_send(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    int r = plug__duplex_send(l, v, n, flags);
    return r == PLUG_EIO || r == PLUG_ENXIO ? serial_gone((struct serial_layer *)l, l->os_error)
                                            : r;
}

/* ---- ending ---- */

/* To change settings or close would cut what is still in the line's buffer. */
static int serial_drained(struct serial_layer *s)
{
    return s->gone || s->d.in.io.handle == PLUG_NO_HANDLE ||
           plug__os_unsent(s->d.in.io.handle) <= 0;
}

static int serial_shut(struct plug_layer *l, int how)
{
    struct serial_layer *s = (struct serial_layer *)l;
    if (how == PLUG_SHUT_RESET)
        plug__tty_let_go(&s->hold);
    else if (how != PLUG_SHUT_RD && !serial_drained(s)) {
        plug_tick_at(l, plug_now() + SERIAL_DRAIN_MS * PLUG_MS);
        return PLUG_EAGAIN;
    }
    return plug__duplex_shut(l, how);
}

static plug_time serial_tick(struct plug_layer *l, plug_time now)
{
    (void)now;
    plug_ready(l, 0); /* who waits in open (a lock) or in shut comes again */
    return PLUG_FOREVER;
}

static int serial_getopt(struct plug_layer *l, int level, int name, void *val, size_t *len)
{
    const struct serial_layer *s = (const struct serial_layer *)l;
    int64_t unsent;
    if (level != PLUG_LEVEL_SOCK)
        return plug__duplex_getopt(l, level, name, val, len);
    if ((name == PLUG__SO_CAUSE && s->step) || (name == PLUG__SO_WHY && s->gone)) {
        plug__strcpy(val, name == PLUG__SO_CAUSE ? s->step : "the line was hung up", *len);
        return 0;
    }
    if (name != PLUG_SO_UNSENT || s->gone || s->d.in.io.handle == PLUG_NO_HANDLE)
        return PLUG_ENOTSUP;
    if (*len < sizeof(unsent))
        return PLUG_EINVAL;
    unsent = plug__os_unsent(s->d.in.io.handle);
    if (unsent < 0)
        return PLUG_ENOTSUP;
    memcpy(val, &unsent, sizeof(unsent));
    *len = sizeof(unsent);
    return 0;
}

static void serial_close(struct plug_layer *l)
{
    plug__tty_let_go(&((struct serial_layer *)l)->hold);
    plug__duplex_close(l);
}

const struct plug_ops plug__serial_ops = {
    .name = "serial",
    .size = sizeof(struct serial_layer),
    .conf = sizeof(struct serial_conf),
    .flags = PLUG_BASE | PLUG_RELIABLE,
    .kinds = serial_kinds,
    .options = serial_options,
    .defaults = &serial_defaults,
    .plan = serial_plan,
    .init = serial_init,
    .open = serial_open,
    .accept = plug_pass_accept,
    .recv = serial_recv,
    .send = serial_send,
    .shut = serial_shut,
    .want = plug_pass_want,
    .bypass = plug__duplex_bypass,
    .getopt = serial_getopt,
    .setopt = plug_no_setopt,
    .tick = serial_tick,
    .close = serial_close,
};
