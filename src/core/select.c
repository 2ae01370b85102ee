/* SPDX-License-Identifier: MIT
 *
 * plug_select over endpoints of any kind, and plug_gethostbyname: the two calls that wait for more
 * than one sock. It polls the handles of several private loops at once and keeps nothing between
 * calls.
 */
#include "core/listener.h"
#include "core/resolve.h"
#include "core/serve.h"
#include "core/sock.h"
#include "util/alloc.h"
#include "util/err.h"

/* ---- readiness as a caller means it ---- */

/* A read that just filled its buffer leaves the bit set, so the kernel is asked. */
static void select_refresh(struct plug_layer *base)
{
    struct plug_bypass b;
    struct plug__pollfd fd = {.want = PLUG_IN};
    if (!(base->ready & PLUG_IN) || base->ops->bypass(base, PLUG_IN, &b) < 0 || !b.io)
        return;
    fd.handle = b.handle;
    if (plug__os_poll(&fd, 1, 0, NULL) == 0)
        plug__unready(base, b.io, PLUG_IN);
}

/* A recv would give something: data, a record, the end or an error. */
static int select_readable(struct plug_sock *s)
{
    if (s->flags & PLUG__SOCK_LISTENER)
        return s->listener->nready > 0;
    if (plug__sock_want(s, PLUG_IN) & PLUG_NOW)
        return 1;
    select_refresh(plug__sock_base(s));
    if (!s->top->below)
        return s->unread || s->top->error[0] || (s->top->ready & PLUG_IN);
    return plug_layer_recv(s->top, NULL, 0, 0) == 0;
}

static int select_writable(struct plug_sock *s)
{
    if (s->flags & PLUG__SOCK_LISTENER)
        return 0;
    if (s->top->error[1])
        return 1;
    return (plug__sock_want(s, PLUG_OUT) & plug__sock_base(s)->ready & PLUG_OUT) != 0;
}

static unsigned select_look(const struct plug_selection *sel)
{
    struct plug_sock *s = sel->sock;
    unsigned ready = 0;
    int r = plug__sock_turn(s);
    if (r == PLUG_EAGAIN)
        return 0;
    if (r < 0)
        return PLUG_ERR | (sel->want & (PLUG_IN | PLUG_OUT));
    if ((sel->want & PLUG_IN) && select_readable(s))
        ready |= PLUG_IN;
    if ((sel->want & PLUG_OUT) && select_writable(s))
        ready |= PLUG_OUT;
    return ready;
}

static int select_scan(struct plug_selection *v, unsigned n)
{
    int found = 0;
    for (unsigned i = 0; i < n; i++) {
        v[i].ready = select_look(&v[i]);
        found += v[i].ready != 0;
    }
    return found;
}

/* ---- waiting ---- */

/* The i-th row is the first on its loop (several may share one: a mux and its children). */
static int select_first(const struct plug_selection *v, unsigned i)
{
    for (unsigned k = 0; k < i; k++)
        if (v[k].sock->loop == v[i].sock->loop)
            return 0;
    return 1;
}

static plug_time select_until(const struct plug_selection *v, unsigned n, plug_time deadline)
{
    for (unsigned i = 0; i < n; i++) {
        plug_time next = plug_loop_next(v[i].sock->loop);
        if (next < deadline)
            deadline = next;
    }
    return deadline;
}

static unsigned select_count(const struct plug_selection *v, unsigned n)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < n; i++)
        if (select_first(v, i))
            sum += plug__poll_gather(v[i].sock->loop, NULL, 0);
    return sum;
}

static void select_share_out(const struct plug_selection *v, unsigned n, struct plug__pollfd *fds)
{
    unsigned at = 0;
    for (unsigned i = 0; i < n; i++) {
        unsigned mine;
        if (!select_first(v, i))
            continue;
        mine = plug__poll_gather(v[i].sock->loop, NULL, 0);
        plug__poll_scatter(v[i].sock->loop, fds + at, mine);
        at += mine;
    }
}

/* Waits for any handle of any of the loops, then lets every loop deliver what it got. */
static int select_wait(const struct plug_selection *v, unsigned n, plug_time deadline)
{
    unsigned count = select_count(v, n), at = 0;
    struct plug__pollfd *fds = plug__calloc(count ? count : 1, sizeof(*fds));
    plug_time until = select_until(v, n, deadline), timeout = -1;
    int r;
    if (!fds)
        return PLUG_ENOMEM;
    for (unsigned i = 0; i < n; i++)
        if (select_first(v, i))
            at += plug__poll_gather(v[i].sock->loop, fds + at, count - at);
    if (until != PLUG_FOREVER) {
        timeout = until - plug_now();
        timeout = timeout > 0 ? timeout : 0;
    }
    r = plug__os_poll(fds, at, timeout, NULL);
    if (r > 0)
        select_share_out(v, n, fds);
    plug__free(fds);
    for (unsigned i = 0; i < n && r >= 0; i++)
        if (select_first(v, i))
            r = plug__loop_poll(v[i].sock->loop, 0);
    return r;
}

/* 0 all private, 1 one shared loop, EINVAL, EBUSY. */
static int select_loops(const struct plug_selection *v, unsigned n)
{
    const struct plug_loop *shared = NULL;
    unsigned on_shared = 0;
    for (unsigned i = 0; i < n; i++) {
        if (!v[i].sock)
            return PLUG_EINVAL;
        if (plug__served_busy(v[i].sock))
            return PLUG_EBUSY;
        (void)plug__sock_begin(v[i].sock); /* what cannot begin is told as PLUG_ERR */
        if (v[i].sock->loop->private_)
            continue;
        if (shared && shared != v[i].sock->loop)
            return PLUG_EINVAL;
        shared = v[i].sock->loop;
        on_shared++;
    }
    if (on_shared && on_shared != n)
        return PLUG_EINVAL;
    return on_shared != 0;
}

int plug_select(struct plug_selection *v, unsigned n, plug_time deadline)
{
    int shared = v || n == 0 ? select_loops(v, n) : PLUG_EINVAL;
    if (shared < 0 || (shared && deadline))
        return shared < 0 ? shared : PLUG_EINVAL;
    for (int polled = 0;; polled = 1) {
        int r = select_scan(v, n);
        if (r > 0 || shared)
            return r;
        if (polled && deadline <= plug_now())
            return 0;
        r = select_wait(v, n, deadline);
        if (r < 0)
            return r;
    }
}

/* ---- names ---- */

static void select_noted(void *arg)
{
    (void)arg; /* the wait below looks at the answer itself */
}

static int select_copy(const struct plug__answer *a, struct plug_addr *ret, unsigned max)
{
    unsigned n = a->n < max ? a->n : max;
    for (unsigned i = 0; i < n; i++)
        ret[i] = a->addrs[i];
    return n ? (int)n : a->code ? a->code : PLUG_ENOHOST;
}

static int select_resolve(struct plug_loop *loop, const char *host, uint16_t port,
                          struct plug_addr *ret, unsigned max, plug_time deadline)
{
    struct plug__answer now = {0};
    struct plug__resolve *q = NULL;
    int r = plug__resolve(&q, loop, host, port, PLUG__FAMILY_ANY, &now, select_noted, NULL);
    if (r < 0)
        return r;
    if (!q)
        return select_copy(&now, ret, max);
    r = 0;
    while (r >= 0 && plug__resolve_answer(q)->waiting) {
        if (deadline <= plug_now())
            r = PLUG_ETIMEDOUT;
        else
            r = plug__loop_poll(loop, deadline);
    }
    if (r >= 0)
        r = select_copy(plug__resolve_answer(q), ret, max);
    plug__resolve_close(q);
    return r;
}

int plug_gethostbyname(const char *host, uint16_t port, struct plug_addr *ret, unsigned max,
                       plug_time deadline, struct plug_err *reterr)
{
    struct plug_loop *loop;
    int r;
    if (!host || !ret || max == 0)
        return plug__err(reterr, PLUG_EINVAL, 0, NULL, "plug_gethostbyname needs a host and room");
    r = plug__loop_make(&loop, &plug__poll_backend, reterr);
    if (r < 0)
        return r;
    r = select_resolve(loop, host, port, ret, max, deadline);
    plug_loop_free(loop);
    if (r < 0)
        plug__err(reterr, r, 0, "resolve", "%s: %s", host, plug_strerror(r));
    return r;
}
