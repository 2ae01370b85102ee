/* SPDX-License-Identifier: MIT
 *
 * The shared handles of a datagram listener: what comes in is shared out by the mux, in a task of
 * its own, since sessions outlive their listener. Sessions themselves are dgram.c.
 */
#include "socket/dgram_base.h"

#include "core/listener.h"
#include "socket/dgram_key.h"
#include "util/alloc.h"
#include <string.h>

enum {
    BASE_BATCH = 32,             /* most records of one recvmmsg */
    BASE_ROUNDS = 4,             /* most recvmmsg of one run of the task, for fairness */
    BASE_BUFFER = 32 * 64 * 1024 /* of one base; pages that no record touched cost nothing */
};

/* ---- taking in ---- */

struct base_batch {
    struct plug_msg v[BASE_BATCH];
    struct plug_iov iov[BASE_BATCH];
    struct plug_addr names[BASE_BATCH];
    union {
        uint64_t align;
        unsigned char bytes[PLUG__CONTROL];
    } control[BASE_BATCH];
};

static unsigned base_prepare(struct plug__dgram_base *b, const struct plug__dgram_end *e,
                             struct base_batch *in)
{
    size_t n = BASE_BUFFER / b->slot;
    if (n > BASE_BATCH)
        n = BASE_BATCH;
    for (size_t i = 0; i < n; i++) {
        in->iov[i] = (struct plug_iov){b->buffer + i * b->slot, b->slot};
        in->v[i] = (struct plug_msg){.iov = &in->iov[i], .niov = 1, .name = &in->names[i]};
        if (e->pktinfo || b->brings) {
            in->v[i].control = in->control[i].bytes;
            in->v[i].controllen = sizeof(in->control[i].bytes);
        }
    }
    return (unsigned)n;
}

/* Who has a session is heard; others are looked at. */
static int base_turned_away(const struct plug__dgram_base *b, const struct plug_addr *peer)
{
    const char *why = plug__socket_filters(b->step) ? plug__socket_unwelcome(b->step, peer) : NULL;
    if (why && b->listener)
        plug__listener_refused(b->listener->sock, peer, why);
    return why != NULL;
}

static void base_deliver(struct plug__dgram_base *b, const struct plug__dgram_end *e,
                         struct plug_msg *m)
{
    struct plug_addr local = {0};
    unsigned char key[PLUG__DGRAM_KEY];
    size_t n;
    if (e->pktinfo && plug__os_pktinfo_get(m, &local) < 0)
        local.len = 0;
    n = plug__dgram_key(key, (unsigned)(e - b->v), m->name, &local);
    if (b->each) {
        memcpy(key + n, &b->serial, sizeof(b->serial));
        n += sizeof(b->serial);
        b->serial++;
    }
    if (!b->brings)
        m->controllen = 0; /* it was for us */
    if (!plug__mux_knows(&b->mux, key, n) && base_turned_away(b, m->name))
        return;
    (void)plug__mux_deliver(&b->mux, key, n, m); /* what it dropped it has counted */
}

/* One recvmmsg. An error of the unconnected socket concerns no session that could be named. */
static void base_pump_once(struct plug__dgram_base *b, struct plug__dgram_end *e)
{
    struct base_batch in;
    unsigned n = base_prepare(b, e, &in);
    int r = plug__os_recv(e->io.handle, in.v, n, 0, NULL);
    if (r == PLUG_EAGAIN) {
        e->ready &= ~(unsigned)PLUG_IN;
        plug__loop_arm(b->loop, &e->io, PLUG_IN);
    }
    for (int i = 0; i < r; i++) {
        b->stripped += (in.v[i].flags & PLUG_MSG_CTRUNC) != 0;
        base_deliver(b, e, &in.v[i]);
    }
}

/* Where each record is a session, those that find no room wait in the kernel. */
static int base_is_full(const struct plug__dgram_base *b)
{
    return b->each && b->mux.nfresh + BASE_BATCH > b->mux.most_fresh;
}

void plug__dgram_base_room(struct plug__dgram_base *b)
{
    if (b->each)
        plug__loop_queue(b->loop, &b->task);
}

static void base_run(struct plug__task *t)
{
    struct plug__dgram_base *b = plug__of(t, struct plug__dgram_base, task);
    int more = 0;
    for (unsigned i = 0; i < b->n; i++) {
        struct plug__dgram_end *e = &b->v[i];
        for (int k = 0; k < BASE_ROUNDS && (e->ready & PLUG_IN) && !base_is_full(b); k++)
            base_pump_once(b, e);
        more |= (e->ready & PLUG_IN) != 0 && !base_is_full(b);
    }
    if (b->listener && !plug__list_empty(&b->mux.fresh))
        plug_ready(b->listener, PLUG_IN);
    if (more)
        plug__loop_queue(b->loop, t);
}

static void base_event(struct plug_io *io, unsigned bits)
{
    struct plug__dgram_end *e = plug__of(io, struct plug__dgram_end, io);
    struct plug__dgram_base *b = e->base;
    if (bits & (PLUG_ERR | PLUG__HUP))
        bits |= PLUG_IN | PLUG_OUT;
    e->ready |= bits;
    if (bits & PLUG_IN)
        plug__loop_queue(b->loop, &b->task);
    if (bits & PLUG_OUT)
        plug__mux_out_ready(&b->mux);
}

/* ---- giving out ---- */

int plug__dgram_base_send(struct plug__dgram_base *b, unsigned end, struct plug_msg *v, unsigned n,
                          int *reterr_os)
{
    struct plug__dgram_end *e = &b->v[end];
    int r;
    if (!(e->ready & PLUG_OUT))
        return PLUG_EAGAIN;
    r = plug__os_send(e->io.handle, v, n, 0, reterr_os);
    if (r == PLUG_EAGAIN) {
        e->ready &= ~(unsigned)PLUG_OUT;
        plug__loop_arm(b->loop, &e->io, PLUG_OUT);
    }
    return r;
}

/* ---- making and ending ---- */

static void base_clear(struct plug__dgram_base *b)
{
    while (b->n) {
        struct plug__dgram_end *e = &b->v[--b->n];
        plug__loop_del(b->loop, &e->io);
        plug__os_close(e->io.handle);
    }
}

static void base_drop(struct plug__mux *m)
{
    struct plug__dgram_base *b = plug__of(m, struct plug__dgram_base, mux);
    base_clear(b);
    plug__loop_unqueue(&b->task);
    plug__free(b->buffer);
    plug__free(b);
}

int plug__dgram_base_new(struct plug__dgram *d, size_t slot)
{
    struct plug__dgram_base *b;
    int r;
    if (d->base)
        return 0;
    b = plug__calloc(1, sizeof(*b));
    if (!b)
        return PLUG_ENOMEM;
    b->buffer = plug__malloc(BASE_BUFFER);
    r = b->buffer ? plug__mux_init(&b->mux) : PLUG_ENOMEM;
    if (r < 0) {
        plug__free(b->buffer);
        plug__free(b);
        return r;
    }
    b->mux.drop = base_drop;
    b->task.run = base_run;
    b->loop = d->s.l.sock->loop;
    b->listener = &d->s.l;
    b->step = d->s.step;
    b->slot = slot;
    b->brings = plug__dgram_brings(d->s.step);
    b->each = plug__dgram_form(d->s.step) == PLUG__DGRAM_RECVFROM;
    d->base = b;
    return 0;
}

int plug__dgram_base_add(struct plug__dgram *d, plug_handle h, int pktinfo, int *reterr_os)
{
    struct plug__dgram_base *b = d->base;
    struct plug__dgram_end *e = &b->v[b->n];
    int r;
    *e = (struct plug__dgram_end){.base = b, .ready = PLUG_OUT, .pktinfo = pktinfo};
    e->io = (struct plug_io){.handle = h, .ready = base_event};
    r = plug__loop_add(b->loop, &e->io, reterr_os);
    if (r < 0)
        plug__os_close(h);
    else
        b->n++;
    return r;
}

int plug__dgram_adopt(struct plug__dgram *d, size_t slot)
{
    plug_handle h = d->s.step->adopt;
    struct plug_addr a = {0};
    int os = 0, pktinfo = 0, r = plug__dgram_base_new(d, slot);
    if (r >= 0)
        r = plug__os_nonblock(h, 1, &os);
    if (r >= 0 && plug__os_sockname(h, &a, NULL) >= 0 && plug__local_is_any(&a))
        pktinfo = plug__os_pktinfo_on(h, a.family, NULL) >= 0;
    if (r >= 0)
        r = plug__dgram_base_add(d, h, pktinfo, &os);
    if (r < 0)
        return plug_fail(&d->s.l, 2, r, os);
    d->s.l.state = PLUG__SOCKET_LISTENING;
    return 0;
}

plug_handle plug__dgram_base_first(const struct plug__dgram *d)
{
    return d->base && d->base->n ? d->base->v[0].io.handle : PLUG_NO_HANDLE;
}

void plug__dgram_base_clear(struct plug__dgram *d)
{
    base_clear(d->base);
}

void plug__dgram_base_leave(struct plug__dgram_base *b)
{
    b->listener = NULL;
    plug__mux_close(&b->mux);
}
