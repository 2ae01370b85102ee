/* SPDX-License-Identifier: MIT
 *
 * Happy Eyeballs version 2 (RFC 8305): several attempts, a little apart, of which the first to
 * connect stays. It asks core/resolve for addresses and keeps no memory of earlier outcomes.
 */
#include "socket/tcp.h"

#include "util/alloc.h"
#include <string.h>

enum {
    CONNECT_ADDRS = 2 * PLUG__ADDRS, /* most addresses tried */
    CONNECT_ATTEMPTS = 8             /* most under way at once; the first uses the layer's own io */
};
#define CONNECT_RESOLUTION (50 * PLUG_MS) /* §3: how long an A answer waits for the AAAA */
#define CONNECT_ATTEMPT (250 * PLUG_MS)   /* §5: between two attempts */

struct connect_addr {
    struct plug_addr addr;
    int tried;
};

/* An attempt beside the first. */
struct connect_attempt {
    struct plug_io io;
    struct plug__tcp *tcp;
    unsigned got;  /* ready bits so far */
    unsigned addr; /* index */
};

struct plug__tcp_connect {
    struct plug__resolve *resolve; /* NULL: the answer was had at once */
    int waiting;                   /* as plug__answer.waiting */
    int code, os;                  /* the most telling failure so far */
    int last_family;               /* of the last attempt */
    plug_time next;                /* when to try the next address though others are under way */
    plug_time hold;                /* until when an A answer waits for the AAAA; 0: not */
    unsigned n;
    unsigned live; /* attempts under way */
    unsigned own;  /* the address on the layer's own io */
    struct connect_attempt v[CONNECT_ATTEMPTS - 1];
    struct connect_addr addrs[CONNECT_ADDRS];
};

/* ---- failures ---- */

/* The higher, the more it tells: what the peer said, what the way said, what this machine said. */
static int connect_rank(int code)
{
    static const int ranks[] = {PLUG_EAFNOSUPPORT, PLUG_EADDRNOTAVAIL, PLUG_ENETUNREACH,
                                PLUG_EHOSTUNREACH, PLUG_ETIMEDOUT,     PLUG_ECONNRESET,
                                PLUG_ECONNREFUSED};
    for (int i = 0; i < (int)(sizeof(ranks) / sizeof(ranks[0])); i++)
        if (ranks[i] == code)
            return i + 1;
    return code ? 100 : 0; /* EMFILE, EACCES, EINVAL: no other address would do better */
}

static void connect_note(struct plug__tcp_connect *c, int code, int os)
{
    if (connect_rank(code) <= connect_rank(c->code))
        return;
    c->code = code;
    c->os = os;
}

/* ---- attempts ---- */

static void connect_event(struct plug_io *io, unsigned bits)
{
    struct connect_attempt *a = plug__of(io, struct connect_attempt, io);
    a->got |= bits;
    plug_ready(&a->tcp->s.l, 0);
}

static struct plug_loop *connect_loop(const struct plug__tcp *t)
{
    return t->s.l.sock->loop;
}

static void connect_close_own(struct plug__tcp *t)
{
    plug__loop_del(connect_loop(t), &t->s.io);
    plug__os_close(t->s.io.handle);
    t->s.io.handle = PLUG_NO_HANDLE;
    t->s.l.ready = 0;
}

static void connect_close(struct plug__tcp *t, struct connect_attempt *a)
{
    plug__loop_del(connect_loop(t), &a->io);
    plug__os_close(a->io.handle);
    a->io.handle = PLUG_NO_HANDLE;
    a->got = 0;
}

/* A place for one more attempt; the layer's own io first, since a winner there need not move. */
static struct plug_io *connect_place(struct plug__tcp *t, unsigned addr)
{
    struct plug__tcp_connect *c = t->connecting;
    if (t->s.io.handle == PLUG_NO_HANDLE) {
        c->own = addr;
        return &t->s.io;
    }
    for (unsigned i = 0; i < CONNECT_ATTEMPTS - 1; i++) {
        struct connect_attempt *a = &c->v[i];
        if (a->io.handle != PLUG_NO_HANDLE)
            continue;
        a->addr = addr;
        a->got = 0;
        return &a->io;
    }
    return NULL;
}

static int connect_socket(const struct plug__tcp *t, int family, plug_handle *ret, int *reterr_os)
{
    const struct plug_step *step = t->s.step;
    const struct tcp_conf *conf = step->conf;
    int r = plug__socket_new(ret, step, family, SOCK_STREAM, reterr_os);
    if (r < 0)
        return r;
    plug__socket_default(*ret, step, SOL_SOCKET, SO_KEEPALIVE, 1);
    plug__socket_default(*ret, step, IPPROTO_TCP, TCP_NODELAY, 1);
    if (conf->fastopen)
        plug__socket_default(*ret, step, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
    r = plug__socket_bind(*ret, step, family, SOCK_STREAM, reterr_os);
    if (r < 0)
        plug__os_close(*ret);
    return r;
}

/* Starts one attempt. Returns 0 or why it could not be. */
static int connect_start(struct plug__tcp *t, unsigned addr, struct plug_io *io, int *reterr_os)
{
    const struct plug_addr *to = &t->connecting->addrs[addr].addr;
    plug_handle h;
    int r = connect_socket(t, to->family, &h, reterr_os);
    if (r < 0)
        return r;
    r = plug__os_connect(h, to, reterr_os);
    if (r == PLUG_EINPROGRESS || r >= 0) {
        io->handle = h;
        io->armed = 0;
        r = plug__loop_add(connect_loop(t), io, reterr_os);
    }
    if (r < 0) {
        io->handle = PLUG_NO_HANDLE;
        plug__os_close(h);
    }
    return r;
}

/* ---- which address next ---- */

static int connect_known(const struct plug__tcp_connect *c, const struct plug_addr *a)
{
    for (unsigned i = 0; i < c->n; i++)
        if (c->addrs[i].addr.len == a->len && !memcmp(c->addrs[i].addr.u.sa, a->u.sa, a->len))
            return 1;
    return 0;
}

static void connect_learn(struct plug__tcp_connect *c, const struct plug__answer *answer)
{
    for (unsigned i = 0; i < answer->n && c->n < CONNECT_ADDRS; i++) {
        if (!connect_known(c, &answer->addrs[i]))
            c->addrs[c->n++].addr = answer->addrs[i];
    }
    c->waiting = answer->waiting;
    if (answer->code)
        connect_note(c, answer->code, 0);
}

/* The first untried address of the family whose turn it is, else the first at all; -1: none. */
static int connect_pick(const struct plug__tcp_connect *c)
{
    int first = -1;
    for (unsigned i = 0; i < c->n; i++) {
        if (c->addrs[i].tried)
            continue;
        if (c->addrs[i].addr.family != c->last_family)
            return (int)i;
        if (first < 0)
            first = (int)i;
    }
    return first;
}

static int connect_has_ip6(const struct plug__tcp_connect *c)
{
    for (unsigned i = 0; i < c->n; i++)
        if (c->addrs[i].addr.family == AF_INET6)
            return 1;
    return 0;
}

/* §3: when the A answer comes first, the AAAA has a little time to catch up. */
static int connect_holds(struct plug__tcp_connect *c, plug_time now)
{
    if (!(c->waiting & 1) || c->n == 0 || connect_has_ip6(c))
        return 0;
    if (c->hold == 0)
        c->hold = now + CONNECT_RESOLUTION;
    return now < c->hold;
}

/* ---- outcomes ---- */

/* A port of this machine that nobody listens on can be our own by chance (simultaneous open, RFC
 * 9293 §3.5). Only ports above the privileged ones are given out so. */
static int connect_to_self(plug_handle h, const struct plug_addr *peer)
{
    struct plug_addr local;
    char a[80], b[80];
    if (plug__os_addr_port(peer) < 1024 || plug__os_sockname(h, &local, NULL) < 0)
        return 0;
    if (plug__os_addr_port(&local) != plug__os_addr_port(peer))
        return 0;
    return plug__os_addr_text(&local, a, sizeof(a)) >= 0 &&
           plug__os_addr_text(peer, b, sizeof(b)) >= 0 && strcmp(a, b) == 0;
}

/* Looks at an attempt that the poller has reported on: 0 connected, EAGAIN, or failed. */
static int connect_look(const struct plug__tcp *t, plug_handle h, unsigned got, unsigned addr,
                        int *reterr_os)
{
    int r;
    if (got & (PLUG_ERR | PLUG__HUP)) {
        r = plug__os_sockerr(h, reterr_os);
        if (r < 0)
            return r;
    }
    if (!(got & PLUG_OUT))
        return PLUG_EAGAIN;
    return connect_to_self(h, &t->connecting->addrs[addr].addr) ? PLUG_ECONNREFUSED : 0;
}

/* The winner moves to the layer's own io, which the poller then knows by. */
static int connect_win(struct plug__tcp *t, struct connect_attempt *a)
{
    plug_handle h = a->io.handle;
    int os = 0, r;
    if (t->s.io.handle != PLUG_NO_HANDLE)
        connect_close_own(t);
    plug__loop_del(connect_loop(t), &a->io);
    a->io.handle = PLUG_NO_HANDLE;
    r = plug__socket_watch(&t->s, h, 0, &os);
    return r < 0 ? plug_fail(&t->s.l, 2, r, os) : 0;
}

/* Returns 1 when a connection is on t->s.io, 0 when not yet, or an error that ends it all. */
static int connect_harvest(struct plug__tcp *t)
{
    struct plug__tcp_connect *c = t->connecting;
    int os = 0, r;
    if (t->s.io.handle != PLUG_NO_HANDLE) {
        r = connect_look(t, t->s.io.handle, t->s.l.ready, c->own, &os);
        if (r == 0)
            return 1;
        if (r != PLUG_EAGAIN) {
            connect_note(c, r, os);
            connect_close_own(t);
            c->live--;
        }
    }
    for (unsigned i = 0; i < CONNECT_ATTEMPTS - 1; i++) {
        struct connect_attempt *a = &c->v[i];
        if (a->io.handle == PLUG_NO_HANDLE)
            continue;
        os = 0;
        r = connect_look(t, a->io.handle, a->got, a->addr, &os);
        if (r == 0) {
            r = connect_win(t, a);
            return r < 0 ? r : 1;
        }
        if (r != PLUG_EAGAIN) {
            connect_note(c, r, os);
            connect_close(t, a);
            c->live--;
        }
    }
    return 0;
}

/* Starts attempts while it is time for one. */
static void connect_advance(struct plug__tcp *t)
{
    struct plug__tcp_connect *c = t->connecting;
    plug_time now = connect_loop(t)->now;
    while (c->live == 0 || now >= c->next) {
        int os = 0, r, i = connect_holds(c, now) ? -1 : connect_pick(c);
        struct plug_io *io = i < 0 ? NULL : connect_place(t, (unsigned)i);
        if (!io)
            return;
        c->addrs[i].tried = 1;
        c->last_family = c->addrs[i].addr.family;
        r = connect_start(t, (unsigned)i, io, &os);
        if (r < 0) {
            connect_note(c, r, os);
            continue;
        }
        c->live++;
        c->next = now + CONNECT_ATTEMPT;
    }
}

static plug_time connect_when(const struct plug__tcp_connect *c)
{
    if (c->live == 0)
        return c->hold && connect_pick(c) >= 0 ? c->hold : PLUG_FOREVER;
    return connect_pick(c) >= 0 && c->live < CONNECT_ATTEMPTS ? c->next : PLUG_FOREVER;
}

/* ---- the whole ---- */

static void connect_changed(void *arg)
{
    struct plug__tcp *t = arg;
    connect_learn(t->connecting, plug__resolve_answer(t->connecting->resolve));
    plug_ready(&t->s.l, 0);
}

static int connect_ask(struct plug__tcp *t)
{
    const struct plug_step *step = t->s.step;
    struct plug__tcp_connect *c = t->connecting;
    struct plug__answer *now;
    uint16_t port;
    int r;
    if (!step->host || !step->port || plug__parse_port(step->port, "tcp", &port) < 0)
        return PLUG_EINVAL;
    now = plug__calloc(1, sizeof(*now));
    if (!now)
        return PLUG_ENOMEM;
    r = plug__lookup(&c->resolve, &t->s.l, step, step->host, port, now, connect_changed, t);
    if (r >= 0)
        connect_learn(c, c->resolve ? plug__resolve_answer(c->resolve) : now);
    plug__free(now);
    return r;
}

static int connect_begin(struct plug__tcp *t)
{
    struct plug__tcp_connect *c = plug__calloc(1, sizeof(*c));
    if (!c)
        return PLUG_ENOMEM;
    for (unsigned i = 0; i < CONNECT_ATTEMPTS - 1; i++) {
        c->v[i].tcp = t;
        c->v[i].io.handle = PLUG_NO_HANDLE;
        c->v[i].io.ready = connect_event;
    }
    t->connecting = c;
    t->s.l.state = PLUG__SOCKET_OPENING;
    return connect_ask(t);
}

int plug__tcp_connect(struct plug__tcp *t)
{
    struct plug__tcp_connect *c;
    int r = t->connecting ? 0 : connect_begin(t);
    if (r >= 0)
        r = connect_harvest(t);
    if (r > 0) {
        plug__tcp_connect_drop(t);
        return plug__socket_up(&t->s);
    }
    if (r < 0)
        return r;
    c = t->connecting;
    connect_advance(t);
    if (c->live == 0 && !c->waiting && connect_pick(c) < 0)
        return plug_fail(&t->s.l, 2, c->code ? c->code : PLUG_ENOHOST, c->os);
    plug_tick_at(&t->s.l, connect_when(c));
    return PLUG_EAGAIN;
}

plug_time plug__tcp_connect_tick(struct plug__tcp *t, plug_time now)
{
    plug_time when = connect_when(t->connecting);
    if (when <= now) {
        plug_ready(&t->s.l, 0);
        return PLUG_FOREVER; /* open asks for the next */
    }
    return when;
}

/* All attempts but the one on the layer's own io. */
void plug__tcp_connect_drop(struct plug__tcp *t)
{
    struct plug__tcp_connect *c = t->connecting;
    if (!c)
        return;
    for (unsigned i = 0; i < CONNECT_ATTEMPTS - 1; i++)
        if (c->v[i].io.handle != PLUG_NO_HANDLE)
            connect_close(t, &c->v[i]);
    plug__resolve_close(c->resolve);
    plug__free(c);
    t->connecting = NULL;
}
