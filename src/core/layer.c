/* SPDX-License-Identifier: MIT
 *
 * What layers call: the layer below with its unread bytes and sticky errors, readiness,
 * pass-through slots and shared state. It decides nothing about socks as a whole: that is sock.c.
 */
#include <plug/layer.h>

#include "core/sock.h"
#include "util/alloc.h"
#include <stdatomic.h>
#include <string.h>

/* ---- bytes given back ---- */

struct plug__unread {
    struct plug__unread *next;
    struct plug_layer *at;
    size_t from, to;
    unsigned char data[];
};

enum { UNREAD_MOST = 1024 * 1024 }; /* more than any layer reads ahead */

static struct plug__unread **unread_find(struct plug_layer *l)
{
    struct plug__unread **p = &l->sock->unread;
    while (*p && (*p)->at != l)
        p = &(*p)->next;
    return p;
}

int plug_unread(struct plug_layer *l, const void *bytes, size_t len)
{
    struct plug__unread **place = unread_find(l), *old = *place, *new;
    size_t rest = old ? old->to - old->from : 0;
    if (len == 0)
        return 0;
    if (old && old->from >= len) { /* the bytes came from here */
        old->from -= len;
        memcpy(old->data + old->from, bytes, len);
        return 0;
    }
    if (len > UNREAD_MOST || rest > UNREAD_MOST - len)
        return PLUG_ELIMIT;
    new = plug__malloc(sizeof(*new) + len + rest);
    if (!new)
        return PLUG_ENOMEM;
    *new = (struct plug__unread){.next = old ? old->next : *place, .at = l, .to = len + rest};
    memcpy(new->data, bytes, len);
    if (old)
        memcpy(new->data + len, old->data + old->from, rest);
    *place = new;
    plug__free(old);
    return 0;
}

void plug__unread_drop(struct plug_sock *s)
{
    while (s->unread) {
        struct plug__unread *u = s->unread;
        s->unread = u->next;
        plug__free(u);
    }
}

/* A stream's recv from the bytes given back. */
static int unread_serve(struct plug__unread **place, struct plug_msg *m)
{
    struct plug__unread *u = *place;
    m->len = 0;
    m->flags = 0;
    m->controllen = 0;
    for (unsigned i = 0; i < m->niov && u->from < u->to; i++) {
        size_t n = u->to - u->from;
        if (n > m->iov[i].len)
            n = m->iov[i].len;
        memcpy(m->iov[i].base, u->data + u->from, n);
        u->from += n;
        m->len += n;
    }
    if (u->from == u->to) {
        *place = u->next;
        plug__free(u);
    }
    return 1;
}

/* ---- calls to a layer ---- */

/* The flags as plan left them: a layer may carry streams in one address and datagrams in another.
 */
static unsigned layer_flags(const struct plug_layer *l)
{
    const struct plug_plan *p = l->sock->plan;
    for (unsigned i = 0; i < p->nsteps; i++)
        if (plug__sock_layer(l->sock, i) == l)
            return p->steps[i].flags;
    return l->ops->flags;
}

static int layer_sticks(const struct plug_layer *l, int dir, int r)
{
    if (r >= 0 || r == PLUG_EAGAIN)
        return 0;
    if (r == PLUG_EOF)
        return dir == 0;
    if (r == PLUG_EMSGSIZE || r == PLUG_EINVAL || r == PLUG_ENOMEM || r == PLUG_ENOBUFS)
        return 0; /* this call's fault, the endpoint is as it was */
    return (layer_flags(l) & PLUG_RELIABLE) != 0;
}

int plug_layer_recv(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    int r;
    if (l->sock->unread) {
        struct plug__unread **place = unread_find(l);
        if (*place)
            return n ? unread_serve(place, v) : 0;
    }
    if (l->error[0])
        return n ? l->error[0] : 0;
    r = l->ops->recv(l, v, n, flags);
    if (layer_sticks(l, 0, r))
        l->error[0] = (int16_t)r;
    return r;
}

int plug_layer_send(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    int r;
    if (l->error[1])
        return l->error[1];
    r = l->ops->send(l, v, n, flags);
    if (layer_sticks(l, 1, r))
        l->error[1] = (int16_t)r;
    return r;
}

int plug_layer_shut(struct plug_layer *l, int how)
{
    return l->ops->shut(l, how);
}

int plug_layer_bypass(struct plug_layer *l, unsigned dir, struct plug_bypass *ret)
{
    if (l->sock->unread)
        return PLUG_ENOTSUP;
    if (l->error[dir == PLUG_OUT])
        return l->error[dir == PLUG_OUT];
    return l->ops->bypass(l, dir, ret);
}

/* ---- readiness, time and errors ---- */

void plug_ready(struct plug_layer *l, unsigned bits)
{
    l->ready |= (uint16_t)bits;
    if (!(l->sock->flags & PLUG__SOCK_CLOSED))
        plug__loop_queue(l->sock->loop, &l->sock->task);
}

void plug_unready(struct plug_layer *base, unsigned bits)
{
    base->ready &= (uint16_t)~bits;
}

int plug_io_add(struct plug_layer *base, struct plug_io *io, int *reterr_os)
{
    return plug__loop_add(base->sock->loop, io, reterr_os);
}

void plug_io_del(struct plug_layer *base, struct plug_io *io)
{
    plug__loop_del(base->sock->loop, io);
}

void plug_io_again(struct plug_layer *base, struct plug_io *io, unsigned bits)
{
    plug__unready(base, io, bits);
}

void plug_loop_layers(struct plug_loop *loop, const struct plug_ops *const *layers)
{
    loop->layers = layers;
}

void plug_tick_at(struct plug_layer *l, plug_time when)
{
    plug__sock_timer(l->sock, when);
}

int plug_fail(struct plug_layer *l, int dir, int code, int os)
{
    if (dir != 1 && !l->error[0])
        l->error[0] = (int16_t)code;
    if (dir != 0 && !l->error[1])
        l->error[1] = (int16_t)code;
    if (os)
        l->os_error = os;
    return code;
}

int plug_is_child(const struct plug_layer *l)
{
    return (l->sock->flags & PLUG__SOCK_CHILD) != 0;
}

int plug_is_listener(const struct plug_layer *l)
{
    return (l->sock->flags & PLUG__SOCK_LISTENER) != 0;
}

/* ---- state that a listener's layer shares with its children ---- */

struct layer_shared {
    void (*drop)(void *);
    union {
        atomic_size_t refs; /* children may live on other threads */
        max_align_t align;
    } u;
};

void *plug_shared_new(size_t size, void (*drop)(void *))
{
    struct layer_shared *s;
    if (size > SIZE_MAX - sizeof(*s))
        return NULL;
    s = plug__calloc(1, sizeof(*s) + size);
    if (!s)
        return NULL;
    s->drop = drop;
    s->u.refs = 1;
    return s + 1;
}

void plug__shared_ref(void *shared)
{
    if (shared)
        ((struct layer_shared *)shared - 1)->u.refs++;
}

void plug__shared_unref(void *shared)
{
    struct layer_shared *s;
    if (!shared)
        return;
    s = (struct layer_shared *)shared - 1;
    if (--s->u.refs)
        return;
    if (s->drop)
        s->drop(shared);
    plug__free(s);
}

/* ---- pass-through slots ---- */

int plug_pass_recv(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    return plug_layer_recv(l->below, v, n, flags);
}

int plug_pass_send(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    return plug_layer_send(l->below, v, n, flags);
}

int plug_pass_open(struct plug_layer *l)
{
    (void)l;
    return 0;
}

int plug_pass_accept(struct plug_layer *l, struct plug_layer *child)
{
    (void)l;
    (void)child;
    return PLUG_EINVAL;
}

int plug_pass_shut(struct plug_layer *l, int how)
{
    return plug_layer_shut(l->below, how);
}

unsigned plug_pass_want(struct plug_layer *l, unsigned want)
{
    (void)l;
    return want;
}

int plug_no_bypass(struct plug_layer *l, unsigned dir, struct plug_bypass *ret)
{
    (void)l;
    (void)dir;
    (void)ret;
    return PLUG_ENOTSUP;
}

int plug_pass_getopt(struct plug_layer *l, int level, int name, void *val, size_t *len)
{
    return l->below->ops->getopt(l->below, level, name, val, len);
}

int plug_pass_setopt(struct plug_layer *l, int level, int name, const void *val, size_t len)
{
    return l->below->ops->setopt(l->below, level, name, val, len);
}

int plug_no_getopt(struct plug_layer *l, int level, int name, void *val, size_t *len)
{
    (void)l;
    (void)level;
    (void)name;
    (void)val;
    (void)len;
    return PLUG_ENOTSUP;
}

int plug_no_setopt(struct plug_layer *l, int level, int name, const void *val, size_t len)
{
    (void)l;
    (void)level;
    (void)name;
    (void)val;
    (void)len;
    return PLUG_ENOTSUP;
}

plug_time plug_no_tick(struct plug_layer *l, plug_time now)
{
    (void)l;
    (void)now;
    return PLUG_FOREVER;
}

void plug_no_close(struct plug_layer *l)
{
    (void)l;
}

int plug_pass_init(struct plug_layer *l, const struct plug_step *step, struct plug_err *reterr)
{
    (void)l;
    (void)step;
    (void)reterr;
    return 0;
}
