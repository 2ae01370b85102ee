/* SPDX-License-Identifier: MIT
 *
 * Unix stream and seqpacket sockets as base layers. Names are unix_name.c's, datagrams
 * unix_dgram.c's, data common.c's.
 */
#include "socket/unix.h"

#include "socket/socket.h"
#include "util/alloc.h"

enum { UNIX_RETRY_FIRST = 1, UNIX_RETRY_MOST = 64 }; /* ms, while the listener's queue is full */

struct plug__unix {
    struct plug__socket s;
    struct plug__unix_name *name; /* what we bound to and unlink; NULL: nothing */
};

static const struct plug_kind unix_kinds[] = {
    {.name = "unix",
     .aliases = "unix-connect local local-connect unix-stream",
     .params = PLUG_PARAM_PATH,
     .role = PLUG_CLIENT,
     .flags = PLUG_KIND_URL_PATH,
     .usage = "PATH",
     .help = "a Unix stream socket",
     .example = "unix:/run/service.sock"},
    {.name = "unix-listen",
     .aliases = "unix-l local-listen local-l",
     .params = PLUG_PARAM_PATH,
     .role = PLUG_LISTENER,
     .flags = PLUG_KIND_URL_PATH,
     .usage = "PATH",
     .help = "Unix stream connections from others",
     .example = "unix-listen:/run/service.sock"},
    {.name = "abstract-connect",
     .aliases = "abstract",
     .params = PLUG_PARAM_NAME,
     .role = PLUG_CLIENT,
     .preset = "abstract",
     .usage = "NAME",
     .help = "a Unix stream socket with an abstract name",
     .example = "abstract-connect:service"},
    {.name = "abstract-listen",
     .aliases = "abstract-l",
     .params = PLUG_PARAM_NAME,
     .role = PLUG_LISTENER,
     .preset = "abstract",
     .usage = "NAME",
     .help = "Unix stream connections to an abstract name",
     .example = "abstract-listen:service"},
    {.name = "unix-client",
     .aliases = "local-client",
     .params = PLUG_PARAM_PATH,
     .role = PLUG_CLIENT,
     .flags = PLUG_KIND_URL_PATH,
     .usage = "PATH",
     .help = "a Unix socket of the type that is found there",
     .example = "unix-client:/run/service.sock"},
    {.name = "abstract-client",
     .params = PLUG_PARAM_NAME,
     .role = PLUG_CLIENT,
     .preset = "abstract",
     .usage = "NAME",
     .help = "an abstract Unix name, as stream or datagram, as it is found",
     .example = "abstract-client:service"},
    {.name = NULL},
};

static const struct plug_kind unix_seqpacket_kinds[] = {
    {.name = "unix-seqpacket",
     .aliases = "unix-seqpacket-connect",
     .params = PLUG_PARAM_PATH,
     .role = PLUG_CLIENT,
     .flags = PLUG_KIND_URL_PATH,
     .usage = "PATH",
     .help = "a Unix seqpacket socket: records, in order",
     .example = "unix-seqpacket:/run/x"},
    {.name = "unix-seqpacket-listen",
     .aliases = "unix-seqpacket-l",
     .params = PLUG_PARAM_PATH,
     .role = PLUG_LISTENER,
     .flags = PLUG_KIND_URL_PATH,
     .usage = "PATH",
     .help = "Unix seqpacket connections from others",
     .example = "unix-seqpacket-listen:/run/x"},
    {.name = "abstract-seqpacket",
     .aliases = "abstract-seqpacket-connect",
     .params = PLUG_PARAM_NAME,
     .role = PLUG_CLIENT,
     .preset = "abstract",
     .usage = "NAME",
     .help = "a Unix seqpacket socket with an abstract name",
     .example = "abstract-seqpacket:x"},
    {.name = "abstract-seqpacket-listen",
     .aliases = "abstract-seqpacket-l",
     .params = PLUG_PARAM_NAME,
     .role = PLUG_LISTENER,
     .preset = "abstract",
     .usage = "NAME",
     .help = "Unix seqpacket connections to an abstract name",
     .example = "abstract-seqpacket-listen:x"},
    {.name = NULL},
};

static const struct plug_option unix_options[] = {
    {.name = "unix", .type = PLUG_OPT_GROUP, .group = plug__unix_options},
    {.name = "socket", .type = PLUG_OPT_GROUP, .group = plug__socket_options},
    {.name = NULL},
};

static struct plug__unix *unix_of(struct plug_layer *l)
{
    return (struct plug__unix *)(void *)l;
}

static int unix_is_stream(const struct plug_layer *l)
{
    return l->ops == &plug__unix_ops;
}

static int unix_plan(struct plug_step *step, struct plug_err *reterr)
{
    const int stream = step->ops == &plug__unix_ops;
    step->offers = stream ? PLUG_STREAM : PLUG_SEQPACKET;
    step->limit = stream ? 0 : PLUG__UNIX_LIMIT;
    return plug__unix_check(step, reterr);
}

static int unix_init(struct plug_layer *l, const struct plug_step *step, struct plug_err *reterr)
{
    (void)reterr;
    plug__socket_init(plug__socket_of(l), step,
                      unix_is_stream(l) ? PLUG__SOCKET_STREAM | PLUG__SOCKET_BYPASS : 0);
    return 0;
}

/* ---- opening ---- */

static const struct unix_conf *unix_conf_of(const struct plug__unix *u)
{
    return u->s.step->conf;
}

/* Makes the socket and binds it where the address says so. */
static int unix_make(struct plug__unix *u, plug_handle *ret, int *reterr_os)
{
    struct plug_layer *l = &u->s.l;
    int r = plug__socket_new(ret, u->s.step, AF_UNIX,
                             unix_is_stream(l) ? SOCK_STREAM : SOCK_SEQPACKET, reterr_os);
    if (r < 0)
        return r;
    u->name = plug__calloc(1, sizeof(*u->name));
    r = u->name ? plug__unix_bind(*ret, u->s.step, u->name, reterr_os) : PLUG_ENOMEM;
    if (r == 0 && unix_conf_of(u)->tempname)
        r = plug__unix_bind_temp(*ret, u->s.step, u->name, reterr_os);
    if (u->name && !u->name->addr.len) {
        plug__free(u->name);
        u->name = NULL;
    }
    if (r == 0 && plug_is_listener(l))
        r = PLUG_EINVAL;
    if (r < 0)
        plug__os_close(*ret);
    return r;
}

static int unix_listen(struct plug__unix *u)
{
    plug_handle h;
    int os = 0, r = unix_make(u, &h, &os);
    if (r >= 0) {
        r = plug__socket_listen(h, u->s.step, AF_UNIX, &os);
        if (r < 0)
            plug__os_close(h);
    }
    if (r >= 0)
        r = plug__socket_watch(&u->s, h, PLUG_IN, &os);
    if (r < 0)
        return plug_fail(&u->s.l, 2, r, os);
    u->s.l.state = PLUG__SOCKET_LISTENING;
    return 0;
}

/* A full queue of the listener is EAGAIN, and nobody tells when it has room again: we come back,
 * ever more rarely. */
static int unix_come_back(struct plug__unix *u)
{
    struct plug__socket *s = &u->s;
    s->l.state = PLUG__SOCKET_OPENING;
    s->pause = s->pause ? s->pause * 2 : UNIX_RETRY_FIRST;
    if (s->pause > UNIX_RETRY_MOST)
        s->pause = UNIX_RETRY_MOST;
    s->look = s->l.sock->loop->now + s->pause * PLUG_MS;
    plug_tick_at(&s->l, s->look);
    return PLUG_EAGAIN;
}

static int unix_connect(struct plug__unix *u)
{
    struct plug__socket *s = &u->s;
    struct plug_addr to;
    int os = 0, r = plug__unix_addr(s->step, s->step->path, &to);
    if (r >= 0 && s->io.handle == PLUG_NO_HANDLE) {
        plug_handle h;
        r = unix_make(u, &h, &os);
        if (r >= 0)
            s->io.handle = h;
    }
    if (r >= 0)
        r = plug__os_connect(s->io.handle, &to, &os);
    if (r == PLUG_EAGAIN)
        return unix_come_back(u);
    if (r >= 0)
        r = plug__loop_add(s->l.sock->loop, &s->io, &os);
    return r < 0 ? plug_fail(&s->l, 2, r, os) : plug__socket_up(s);
}

static int unix_open(struct plug_layer *l)
{
    struct plug__unix *u = unix_of(l);
    if (l->state == PLUG__SOCKET_UP || l->state == PLUG__SOCKET_LISTENING)
        return l->error[1]; /* of a child: what an option said */
    if (u->s.step->adopt != PLUG_NO_HANDLE)
        return plug__socket_adopt(&u->s);
    if (plug_is_listener(l))
        return unix_listen(u);
    if (l->state == PLUG__SOCKET_OPENING && l->sock->loop->now < u->s.look)
        return PLUG_EAGAIN;
    return unix_connect(u);
}

static plug_time unix_tick(struct plug_layer *l, plug_time now)
{
    struct plug__unix *u = unix_of(l);
    if (l->state != PLUG__SOCKET_OPENING)
        return plug__socket_tick(l, now);
    if (now < u->s.look)
        return u->s.look;
    plug_ready(l, 0);
    return PLUG_FOREVER;
}

static void unix_close(struct plug_layer *l)
{
    struct plug__unix *u = unix_of(l);
    if (u->name)
        plug__unix_unbind(u->name);
    plug__free(u->name);
    u->name = NULL;
    plug__socket_close(l);
}

const struct plug_ops plug__unix_ops = {
    .name = "unix",
    .size = sizeof(struct plug__unix),
    .conf = sizeof(struct unix_conf),
    .flags = PLUG_BASE | PLUG_LISTENS | PLUG_HALFCLOSE | PLUG_RELIABLE,
    .kinds = unix_kinds,
    .options = unix_options,
    .defaults = &plug__unix_defaults,
    .plan = unix_plan,
    .init = unix_init,
    .open = unix_open,
    .accept = plug__socket_accept_own,
    .recv = plug__socket_recv,
    .send = plug__socket_send,
    .shut = plug__socket_shut,
    .want = plug_pass_want,
    .bypass = plug__socket_bypass,
    .getopt = plug__socket_getopt,
    .setopt = plug__socket_setopt,
    .tick = unix_tick,
    .close = unix_close,
};

const struct plug_ops plug__unix_seqpacket_ops = {
    .name = "unix-seqpacket",
    .size = sizeof(struct plug__unix),
    .conf = sizeof(struct unix_conf),
    .flags = PLUG_BASE | PLUG_LISTENS | PLUG_ATOMIC | PLUG_HALFCLOSE | PLUG_RELIABLE,
    .kinds = unix_seqpacket_kinds,
    .options = unix_options,
    .defaults = &plug__unix_defaults,
    .plan = unix_plan,
    .init = unix_init,
    .open = unix_open,
    .accept = plug__socket_accept_own,
    .recv = plug__socket_recv,
    .send = plug__socket_send,
    .shut = plug__socket_shut,
    .want = plug_pass_want,
    .bypass = plug__socket_bypass,
    .getopt = plug__socket_getopt,
    .setopt = plug__socket_setopt,
    .tick = unix_tick,
    .close = unix_close,
};
