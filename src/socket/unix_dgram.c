/* SPDX-License-Identifier: MIT
 *
 * Unix datagram sockets as a base layer: clients with a name of their own, so that answers reach
 * them, and bound listeners. Sessions and data are dgram.c's.
 */
#include "socket/dgram.h"
#include "socket/socket.h"
#include "socket/unix.h"
#include "util/alloc.h"

enum { UNIX_DGRAM_SLOT = 256 * 1024 };

#define FORM(n, a, r, p, pre, h, e)                                                    \
    {                                                                                  \
        .name = (n), .aliases = (a), .params = (p), .role = (r), .preset = (pre),      \
        .flags = (p) == PLUG_PARAM_PATH ? PLUG_KIND_URL_PATH : 0,                      \
        .usage = (p) == PLUG_PARAM_PATH ? "PATH" : "NAME", .help = (h), .example = (e) \
    }

static const struct plug_kind unix_dgram_kinds[] = {
    {.name = "unix-dgram",
     .aliases = "unix-dgram-connect",
     .params = PLUG_PARAM_PATH,
     .role = PLUG_CLIENT,
     .flags = PLUG_KIND_URL_PATH,
     .usage = "PATH",
     .help = "Unix datagrams to and from one peer",
     .example = "unix-dgram:/dev/log"},
    {.name = "unix-dgram-listen",
     .aliases = "unix-dgram-l",
     .params = PLUG_PARAM_PATH,
     .role = PLUG_LISTENER,
     .flags = PLUG_KIND_URL_PATH,
     .usage = "PATH",
     .help = "Unix datagrams, a session for each peer with a name",
     .example = "unix-dgram-listen:/run/x"},
    {.name = "abstract-dgram",
     .aliases = "abstract-dgram-connect",
     .params = PLUG_PARAM_NAME,
     .role = PLUG_CLIENT,
     .preset = "abstract",
     .usage = "NAME",
     .help = "Unix datagrams to and from an abstract name",
     .example = "abstract-dgram:x"},
    {.name = "abstract-dgram-listen",
     .aliases = "abstract-dgram-l",
     .params = PLUG_PARAM_NAME,
     .role = PLUG_LISTENER,
     .preset = "abstract",
     .usage = "NAME",
     .help = "Unix datagrams to an abstract name, a session for each peer with a name",
     .example = "abstract-dgram-listen:x"},
    FORM("unix-sendto", "unix-send local-sendto", PLUG_CLIENT, PLUG_PARAM_PATH, NULL,
         "Unix datagrams to one peer and from it, without connecting", "unix-sendto:/dev/log"),
    FORM("unix-recvfrom", "local-recvfrom", PLUG_LISTENER, PLUG_PARAM_PATH, NULL,
         "a session for each Unix datagram, which answers its sender", "unix-recvfrom:/run/x"),
    FORM("unix-recv", "local-recv", PLUG_CLIENT, PLUG_PARAM_PATH, NULL,
         "Unix datagrams from anybody; nothing is sent", "unix-recv:/run/log"),
    FORM("abstract-sendto", NULL, PLUG_CLIENT, PLUG_PARAM_NAME, "abstract",
         "Unix datagrams to an abstract name and from it, without connecting", "abstract-sendto:x"),
    FORM("abstract-recvfrom", NULL, PLUG_LISTENER, PLUG_PARAM_NAME, "abstract",
         "a session for each Unix datagram to an abstract name", "abstract-recvfrom:x"),
    FORM("abstract-recv", NULL, PLUG_CLIENT, PLUG_PARAM_NAME, "abstract",
         "Unix datagrams from anybody to an abstract name; nothing is sent", "abstract-recv:x"),
    {.name = NULL},
};

static const struct plug_option unix_dgram_options[] = {
    {.name = "unix", .type = PLUG_OPT_GROUP, .group = plug__unix_options},
    {.name = "socket", .type = PLUG_OPT_GROUP, .group = plug__socket_options},
    {.name = NULL},
};

static int unix_dgram_plan(struct plug_step *step, struct plug_err *reterr)
{
    step->offers = PLUG_DGRAM;
    step->limit = PLUG__UNIX_LIMIT;
    plug__dgram_plan_form(step);
    return plug__unix_check(step, reterr);
}

static int unix_dgram_init(struct plug_layer *l, const struct plug_step *step,
                           struct plug_err *reterr)
{
    (void)reterr;
    plug__socket_init(plug__socket_of(l), step, PLUG__SOCKET_BYPASS);
    return 0;
}

/* The name to unlink at the end hangs on `opening`, which this base needs for nothing else. */
static void unix_dgram_unbind(struct plug__dgram *d)
{
    if (d->opening)
        plug__unix_unbind(d->opening);
    plug__free(d->opening);
    d->opening = NULL;
}

static int unix_dgram_bind(struct plug__dgram *d, plug_handle h, int *reterr_os)
{
    const int listens = plug_is_listener(&d->s.l);
    struct plug__unix_name *name = plug__calloc(1, sizeof(*name));
    int r;
    if (!name)
        return PLUG_ENOMEM;
    r = plug__unix_bind(h, d->s.step, name, reterr_os);
    if (r == 0)
        r = listens ? PLUG_EINVAL : plug__unix_bind_temp(h, d->s.step, name, reterr_os);
    d->opening = name;
    if (name->addr.len == 0)
        unix_dgram_unbind(d);
    return r;
}

static int unix_dgram_listen(struct plug__dgram *d, plug_handle h, int *reterr_os)
{
    int r = plug__socket_apply(h, d->s.step, PLUG_PHASE_LISTEN, AF_UNIX, reterr_os);
    if (r >= 0)
        r = plug__dgram_base_new(d, UNIX_DGRAM_SLOT);
    if (r < 0) {
        plug__os_close(h);
        return r;
    }
    return plug__dgram_base_add(d, h, 0, reterr_os);
}

static int unix_dgram_connect(struct plug__dgram *d, plug_handle h, int *reterr_os)
{
    struct plug_addr to;
    const char *path = d->s.step->path; /* NULL: never connected, each record names its peer */
    int r = path ? plug__unix_addr(d->s.step, path, &to) : 0;
    if (r >= 0 && path)
        r = plug__os_connect(h, &to, reterr_os);
    if (r < 0) {
        plug__os_close(h);
        return r;
    }
    return plug__socket_watch(&d->s, h, 0, reterr_os);
}

/* Not connected: the peer may come, go and come again. */
static int unix_dgram_loose(struct plug__dgram *d, plug_handle h, int *reterr_os)
{
    struct plug_addr to;
    int r;
    if (plug__dgram_form(d->s.step) == PLUG__DGRAM_RECV)
        return plug__dgram_loose(d, h, NULL, reterr_os);
    r = plug__unix_addr(d->s.step, d->s.step->path, &to);
    if (r >= 0)
        return plug__dgram_loose(d, h, &to, reterr_os);
    plug__os_close(h);
    return r;
}

static int unix_dgram_make(struct plug__dgram *d, int *reterr_os)
{
    plug_handle h;
    int r = plug__socket_new(&h, d->s.step, AF_UNIX, SOCK_DGRAM, reterr_os);
    if (r < 0)
        return r;
    r = unix_dgram_bind(d, h, reterr_os);
    if (r < 0) {
        plug__os_close(h);
        return r;
    }
    if (plug_is_listener(&d->s.l))
        return unix_dgram_listen(d, h, reterr_os);
    return plug__dgram_form(d->s.step) == PLUG__DGRAM_CONNECT ? unix_dgram_connect(d, h, reterr_os)
                                                              : unix_dgram_loose(d, h, reterr_os);
}

static int unix_dgram_open(struct plug_layer *l)
{
    struct plug__dgram *d = plug__dgram_of(l);
    int os = 0, r;
    if (l->state == PLUG__SOCKET_UP || l->state == PLUG__SOCKET_LISTENING)
        return 0;
    if (d->s.step->adopt != PLUG_NO_HANDLE)
        return plug_is_listener(l) ? plug__dgram_adopt(d, UNIX_DGRAM_SLOT)
                                   : plug__socket_adopt(&d->s);
    r = unix_dgram_make(d, &os);
    if (r < 0)
        return plug_fail(l, 2, r, os);
    if (!plug_is_listener(l))
        return plug__socket_up(&d->s);
    l->state = PLUG__SOCKET_LISTENING;
    return 0;
}

static void unix_dgram_close(struct plug_layer *l)
{
    unix_dgram_unbind(plug__dgram_of(l));
    plug__dgram_close(l);
}

const struct plug_ops plug__unix_dgram_ops = {
    .name = "unix-dgram",
    .size = sizeof(struct plug__dgram),
    .conf = sizeof(struct unix_conf),
    .flags = PLUG_BASE | PLUG_LISTENS | PLUG_ATOMIC | PLUG_MUXED,
    .kinds = unix_dgram_kinds,
    .options = unix_dgram_options,
    .defaults = &plug__unix_defaults,
    .plan = unix_dgram_plan,
    .init = unix_dgram_init,
    .open = unix_dgram_open,
    .accept = plug__dgram_accept,
    .recv = plug__dgram_recv,
    .send = plug__dgram_send,
    .shut = plug__dgram_shut,
    .want = plug_pass_want,
    .bypass = plug__socket_bypass,
    .getopt = plug__dgram_getopt,
    .setopt = plug__dgram_setopt,
    .tick = plug__dgram_tick,
    .close = unix_dgram_close,
};
