/* SPDX-License-Identifier: MIT
 *
 * The layer of A!!B: a base whose two ports are socks of their own, one read and one written. What
 * they do is theirs; it hands on calls and readiness, and keeps no data.
 */
#include "core/dual.h"

#include "core/dual_layer.h"
#include "core/sock.h"
#include <string.h>

enum { DUAL_READS = 16 }; /* of what comes back from B, per event */

struct dual {
    struct plug_layer l;
    const struct plug_step *step;
    struct plug_sock *half[2]; /* A is read, B is written; NULL: not open, or not needed */
    uint8_t shut;              /* bit i: half i is shut for good */
    uint8_t deaf;              /* B says no more */
    int16_t broken;            /* why not, where that was no end */
};

static struct dual *dual_of(struct plug_layer *l)
{
    return (struct dual *)(void *)l;
}

static int dual_init(struct plug_layer *l, const struct plug_step *step, struct plug_err *reterr)
{
    (void)reterr;
    dual_of(l)->step = step;
    return 0;
}

/* ---- readiness ---- */

/* Nobody reads B: what it says is thrown away, as with -u, but its end and its failure are known,
 * and nothing unread makes its kernel reset what we sent. */
static void dual_drain(struct dual *d)
{
    struct plug_sock *b = d->half[1];
    struct plug_iov iov = {plug__loop_scratch(b->loop), PLUG__SCRATCH};
    if (d->deaf || !iov.base || (plug__sock_step(b)->flags & PLUG_NOREAD))
        return;
    for (int i = 0; i < DUAL_READS; i++) {
        struct plug_msg m = {.iov = &iov, .niov = 1};
        int r = plug__sock_recv(b, &m, 1, 0);
        if (r == PLUG_EAGAIN)
            return;
        if (r < 0) {
            d->deaf = 1;
            d->broken = r == PLUG_EOF ? 0 : (int16_t)r;
            if (d->broken && !d->l.error[1])
                plug_fail(&d->l, 1, r, plug__sock_base(b)->os_error);
            return;
        }
    }
    plug__sock_again(b);
}

static void dual_watch(struct plug_sock *s, void *arg)
{
    struct dual *d = dual_of(arg);
    if (plug_state(s) == 0 && s == d->half[1]) {
        dual_drain(d);
        if (plug__sock_base(s)->error[1] && !d->l.error[1])
            d->l.error[1] = plug__sock_base(s)->error[1];
    }
    plug_ready(&d->l, s == d->half[0] || d->broken ? PLUG_IN | PLUG_OUT : PLUG_OUT);
}

/* ---- opening ---- */

static int dual_failed(struct dual *d, struct plug_sock *s, int code)
{
    const struct plug_layer *base = plug__sock_base(s);
    return plug_fail(&d->l, 2, code, base->os_error);
}

/* One after the other, so that nothing is made for what cannot be read. */
static int dual_open_half(struct dual *d, int i)
{
    struct plug_plan *plan = d->step->plan->half[i];
    struct plug_err err;
    int r;
    if (d->step->flags & (i ? PLUG_NOWRITE : PLUG_NOREAD))
        return 0;
    if (!d->half[i]) {
        r = plug__sock_new(&d->half[i], d->l.sock->loop, plan, &err);
        if (r < 0)
            return plug_fail(&d->l, 2, r, err.os);
        plug_watch(d->half[i], dual_watch, &d->l);
        plug__sock_start(d->half[i]);
    }
    r = plug__sock_turn(d->half[i]);
    return r < 0 && r != PLUG_EAGAIN ? dual_failed(d, d->half[i], r) : r;
}

static int dual_open(struct plug_layer *l)
{
    struct dual *d = dual_of(l);
    for (int i = 0; i < 2; i++) {
        int r = dual_open_half(d, i);
        if (r < 0)
            return r;
    }
    plug_ready(l, PLUG_IN | PLUG_OUT); /* the halves say EAGAIN where they are not */
    return 0;
}

/* ---- data ---- */

/* ignoreeof: whoever asks again after an end wants the half to forget it. */
static void dual_forget_end(struct plug_sock *s)
{
    for (struct plug_layer *l = s->top; l; l = l->below) {
        if (l->error[0] == PLUG_EOF) {
            l->error[0] = 0;
            plug__sock_base(s)->ready |= PLUG_IN;
        }
    }
}

static int dual_recv(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    struct dual *d = dual_of(l);
    struct plug_sock *a = d->half[0];
    int r;
    if (!a)
        return n ? PLUG_EOF : 0;
    dual_forget_end(a);
    r = n ? plug__sock_recv(a, v, n, flags) : plug_layer_recv(a->top, v, 0, flags);
    if (r == PLUG_EAGAIN && d->broken) /* as of one connection: what came first was read first */
        return plug_fail(l, 0, d->broken, l->os_error);
    if (r == PLUG_EAGAIN)
        plug_unready(l, PLUG_IN);
    return r >= 0 || r == PLUG_EAGAIN || r == PLUG_EOF
               ? r
               : plug_fail(l, 0, r, plug__sock_base(a)->os_error);
}

static int dual_send(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    struct dual *d = dual_of(l);
    struct plug_sock *b = d->half[1];
    int r;
    if (!b)
        return n ? plug_fail(l, 1, PLUG_EPIPE, 0) : 0;
    r = n ? plug__sock_send(b, v, n, flags) : plug_layer_send(b->top, v, 0, flags);
    if (r == PLUG_EAGAIN)
        plug_unready(l, PLUG_OUT);
    return r >= 0 || r == PLUG_EAGAIN ? r : plug_fail(l, 1, r, plug__sock_base(b)->os_error);
}

static unsigned dual_want(struct plug_layer *l, unsigned want)
{
    struct dual *d = dual_of(l);
    unsigned w = want;
    if ((want & PLUG_IN) && d->half[0])
        w |= plug__sock_want(d->half[0], PLUG_IN) & PLUG_NOW;
    if (d->half[1])
        w |= plug__sock_want(d->half[1], 0) & PLUG_OUT;
    return w;
}

static int dual_bypass(struct plug_layer *l, unsigned dir, struct plug_bypass *ret)
{
    struct plug_sock *s = dual_of(l)->half[dir != PLUG_IN];
    return s ? plug__sock_bypass(s, dir, ret) : PLUG_ENOTSUP;
}

/* ---- ending ---- */

/* Both ways of one half. Called again until it is out. */
static int dual_shut_half(struct dual *d, int i)
{
    struct plug_sock *s = d->half[i];
    int r;
    if (!s || (d->shut & 1 << i))
        return 0;
    if (i)
        dual_drain(d);
    r = plug__sock_shut(s, PLUG_SHUT_RDWR);
    if (r != PLUG_EAGAIN)
        d->shut |= (uint8_t)(1 << i);
    return r;
}

static int dual_shut_both(struct dual *d)
{
    int r[2] = {dual_shut_half(d, 0), dual_shut_half(d, 1)};
    if (r[0] == PLUG_EAGAIN || r[1] == PLUG_EAGAIN)
        return PLUG_EAGAIN;
    for (int i = 1; i >= 0; i--) {
        if (r[i] < 0 && r[i] != PLUG_ENOTCONN)
            return plug_fail(&d->l, i, r[i], plug__sock_base(d->half[i])->os_error);
    }
    return 0;
}

static int dual_shut(struct plug_layer *l, int how)
{
    struct dual *d = dual_of(l);
    if (how == PLUG_SHUT_RDWR)
        return dual_shut_both(d);
    if (how == PLUG_SHUT_RESET) {
        for (int i = 0; i < 2; i++)
            (void)(d->half[i] ? plug__sock_shut(d->half[i], PLUG_SHUT_RESET) : 0);
        return 0;
    }
    if (how == PLUG_SHUT_RD)
        return d->half[0] ? plug__sock_shut(d->half[0], how) : 0;
    return d->half[1] ? plug__sock_shut(d->half[1], how) : 0;
}

static void dual_close(struct plug_layer *l)
{
    struct dual *d = dual_of(l);
    for (int i = 0; i < 2; i++) {
        plug_close(d->half[i]);
        d->half[i] = NULL;
    }
}

/* ---- asking ---- */

/* Asks one half, then the other where it does not know. */
static int dual_ask(struct dual *d, int first, int level, int name, void *val, size_t *len)
{
    int r = PLUG_ENOTSUP;
    for (int i = 0; i < 2 && r == PLUG_ENOTSUP; i++) {
        struct plug_sock *s = d->half[first ^ i];
        if (s)
            r = s->top->ops->getopt(s->top, level, name, val, len);
    }
    return r;
}

static int dual_getopt(struct plug_layer *l, int level, int name, void *val, size_t *len)
{
    int sent = level == PLUG_LEVEL_SOCK && name == PLUG_SO_UNSENT;
    if (sent && !dual_of(l)->half[1])
        return PLUG_ENOTSUP;
    return dual_ask(dual_of(l), sent || level == PLUG_LEVEL_CHILD, level, name, val, len);
}

static int dual_setopt(struct plug_layer *l, int level, int name, const void *val, size_t len)
{
    struct dual *d = dual_of(l);
    int done = PLUG_ENOTSUP;
    if (level == PLUG_LEVEL_SOCK && name == PLUG__SO_MOVE)
        return PLUG_ENOTSUP;
    for (int i = 0; i < 2; i++) {
        struct plug_sock *s = d->half[i];
        int r = s ? s->top->ops->setopt(s->top, level, name, val, len) : PLUG_ENOTSUP;
        if (r != PLUG_ENOTSUP)
            done = r;
    }
    return done;
}

const struct plug_ops plug__dual_ops = {
    .name = "dual",
    .size = sizeof(struct dual),
    .conf = 0,
    .flags = PLUG_BASE | PLUG_TWO_HANDLES,
    .kinds = plug__no_kinds,
    .options = NULL,
    .defaults = NULL,
    .plan = plug__dual_plan,
    .init = dual_init,
    .open = dual_open,
    .accept = plug_pass_accept,
    .recv = dual_recv,
    .send = dual_send,
    .shut = dual_shut,
    .want = dual_want,
    .bypass = dual_bypass,
    .getopt = dual_getopt,
    .setopt = dual_setopt,
    .tick = plug_no_tick,
    .close = dual_close,
};
