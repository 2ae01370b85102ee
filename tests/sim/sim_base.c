/* SPDX-License-Identifier: MIT
 *
 * The base layer `sim`: its peer is a struct sim_end, which decides what each call gets.
 * It keeps the contract of a base to the letter, so that a layer's fault cannot hide behind it.
 */
#include "sim/sim.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIM_ROOM = 1024 * 1024 };

struct sim_conf {
    int type; /* index of SIM_TYPES */
    int64_t limit;
    int splits, half;
};

struct sim {
    struct plug_layer layer;
    struct sim_end *end;
    const struct plug_step *step;
};

static struct sim *sim_of(struct plug_layer *l)
{
    return plug__of(l, struct sim, layer);
}

/* ---- ends ---- */

struct sim_end *sim_end(struct sim_world *w, const char *name)
{
    struct sim_end *e = w->ends;
    while (e && strcmp(e->name, name) != 0)
        e = e->next;
    if (e)
        return e;
    e = calloc(1, sizeof(*e));
    if (!e)
        abort();
    plug__strcpy(e->name, name, sizeof(e->name));
    e->world = w;
    e->in_last = &e->in;
    e->next = w->ends;
    w->ends = e;
    return e;
}

void sim_link(struct sim_end *a, struct sim_end *b)
{
    a->mate = b;
    b->mate = a;
}

static void sim_wake(void *arg, unsigned bits)
{
    struct sim_end *e = arg;
    if (e->layer)
        plug_ready(e->layer, bits);
}
static void sim_wake_in(void *arg)
{
    sim_wake(arg, PLUG_IN);
}
static void sim_wake_out(void *arg)
{
    sim_wake(arg, PLUG_OUT);
}
static void sim_wake_both(void *arg)
{
    sim_wake(arg, PLUG_IN | PLUG_OUT);
}

static void sim_item_add(struct sim_end *e, const void *bytes, size_t len, unsigned flags, int end,
                         plug_time when)
{
    struct sim_item *i = calloc(1, sizeof(*i) + len);
    if (!i)
        abort();
    i->len = len;
    i->flags = flags;
    i->end = end;
    i->when = when;
    if (len)
        memcpy(i->bytes, bytes, len);
    *e->in_last = i;
    e->in_last = &i->next;
    e->in_bytes += len;
    sim_at(e->world, when, sim_wake_in, e);
}

void sim_give(struct sim_end *e, const void *bytes, size_t len, unsigned flags)
{
    sim_item_add(e, bytes, len, flags, 0, e->world->now);
}

void sim_give_end(struct sim_end *e, int code)
{
    sim_item_add(e, NULL, 0, 0, code, e->world->now);
}

void sim_thaw(struct sim_end *e)
{
    e->frozen = 0;
    if (e->layer)
        plug_ready(e->layer, PLUG_IN | PLUG_OUT);
}

struct sim_end *sim_connect(struct sim_world *w, const char *listener, const char *name)
{
    struct sim_end *l = sim_end(w, listener), *e = sim_end(w, name), **p = &l->waiting;
    while (*p)
        p = &(*p)->waiting;
    *p = e;
    sim_at(w, w->now, sim_wake_in, l);
    return e;
}

/* ---- plan, init, open ---- */

static const int sim_types[] = {PLUG_STREAM, PLUG_DGRAM, PLUG_RAW, PLUG_SEQPACKET};

static int sim_plan(struct plug_step *step, struct plug_err *reterr)
{
    const struct sim_conf *conf = step->conf;
    (void)reterr;
    step->offers = sim_types[conf->type];
    step->limit = (size_t)conf->limit;
    step->flags = PLUG_BASE | PLUG_LISTENS;
    if (step->offers == PLUG_STREAM || step->offers == PLUG_SEQPACKET)
        step->flags |= PLUG_RELIABLE | (conf->half ? PLUG_HALFCLOSE : 0);
    if (step->offers != PLUG_STREAM)
        step->flags |= conf->splits ? PLUG_SPLITS : PLUG_ATOMIC;
    return 0;
}

static void sim_take(struct sim *s, struct sim_end *e)
{
    s->end = e;
    e->layer = &s->layer;
}

/* An end lives once: the next endpoint of the same name gets `NAME#2`, `NAME#3` … */
static struct sim_end *sim_fresh(struct sim_world *w, const char *name)
{
    struct sim_end *e = sim_end(w, name);
    for (unsigned k = 2; e->layer || e->closed; k++) {
        char next[32];
        (void)snprintf(next, sizeof(next), "%.20s#%u", name, k);
        e = sim_end(w, next);
    }
    return e;
}

static int sim_init(struct plug_layer *l, const struct plug_step *step, struct plug_err *reterr)
{
    struct sim *s = sim_of(l);
    (void)reterr;
    s->step = step;
    if (!plug_is_child(l))
        sim_take(s, sim_fresh(l->sock->loop->user, step->path ? step->path : ""));
    return 0;
}

static int sim_open_base(struct plug_layer *l)
{
    struct sim_end *e = sim_of(l)->end;
    struct sim_world *w = e->world;
    if (!e->open_at) {
        e->open_at = w->now + e->knobs.open_delay;
        if (e->knobs.open_delay)
            sim_at(w, e->open_at, sim_wake_both, e);
    }
    if (e->knobs.open_fails == PLUG_EAGAIN || e->open_at > w->now)
        return PLUG_EAGAIN;
    if (e->knobs.open_fails)
        return e->knobs.open_fails;
    plug_ready(l, plug_is_listener(l) ? PLUG_IN : PLUG_IN | PLUG_OUT);
    return 0;
}

static int sim_accept(struct plug_layer *l, struct plug_layer *child)
{
    struct sim_end *e = sim_of(l)->end, *got = e->waiting;
    if (!(l->ready & PLUG_IN))
        return PLUG_EAGAIN;
    if (!got) {
        plug_unready(l, PLUG_IN);
        return PLUG_EAGAIN;
    }
    e->waiting = got->waiting;
    got->waiting = NULL;
    sim_take(sim_of(child), got);
    return 0;
}

/* ---- moving ---- */

/* What stands before any transfer: bits, knobs. Returns 0 to go on, EAGAIN, or the error ordered.
 */
static int sim_gate(struct plug_layer *l, int dir)
{
    struct sim_end *e = sim_of(l)->end;
    unsigned bit = dir == SIM_IN ? PLUG_IN : PLUG_OUT;
    if (!(l->ready & bit) || e->frozen == SIM_PROBED)
        return PLUG_EAGAIN;
    if (e->frozen == SIM_STALLED) {
        plug_unready(l, bit);
        return PLUG_EAGAIN;
    }
    e->calls[dir]++;
    if (e->knobs.fail[dir] && e->moved[dir] >= e->knobs.fail_at[dir])
        return plug_fail(l, dir, e->knobs.fail[dir], 0);
    if (e->gasping[dir] || (e->knobs.again[dir] && e->calls[dir] % e->knobs.again[dir] == 0)) {
        e->gasping[dir] = 0;
        plug_unready(l, bit);
        sim_at(e->world, e->world->now, dir == SIM_IN ? sim_wake_in : sim_wake_out, e);
        return PLUG_EAGAIN;
    }
    return 0;
}

/* Most bytes that the knobs let through now. */
static size_t sim_most(const struct sim_end *e, int dir, size_t n)
{
    size_t most = e->knobs.most[dir];
    if (most && n > most)
        n = most;
    if (e->knobs.fail[dir] && e->knobs.fail_at[dir] - e->moved[dir] < n)
        n = (size_t)(e->knobs.fail_at[dir] - e->moved[dir]);
    return n;
}

static size_t sim_scatter(struct plug_msg *m, const unsigned char *from, size_t len)
{
    size_t n = 0;
    for (unsigned i = 0; i < m->niov && n < len; i++) {
        size_t part = m->iov[i].len < len - n ? m->iov[i].len : len - n;
        if (part)
            memcpy(m->iov[i].base, from + n, part);
        n += part;
    }
    return n;
}

static void sim_pop(struct sim_end *e)
{
    struct sim_item *i = e->in;
    e->in = i->next;
    if (!e->in)
        e->in_last = &e->in;
    free(i);
}

/* The mate may send again. */
static void sim_drained(struct sim_end *e, size_t n)
{
    e->in_bytes -= n;
    if (e->mate && e->mate->layer && !(e->mate->layer->ready & PLUG_OUT))
        sim_at(e->world, e->world->now, sim_wake_out, e->mate);
}

static int sim_recv_item(struct sim *s, struct plug_msg *m)
{
    struct sim_end *e = s->end;
    struct sim_item *i = e->in;
    int stream = s->step->offers == PLUG_STREAM, splits = (s->step->flags & PLUG_SPLITS) != 0;
    size_t left = i->len - i->at;
    size_t n = stream || splits ? sim_most(e, SIM_IN, left) : left;
    n = sim_scatter(m, i->bytes + i->at, n);
    m->len = n;
    m->controllen = 0;
    m->flags = stream ? 0 : i->flags & (unsigned)~PLUG_MSG_EOR;
    i->at += n;
    e->moved[SIM_IN] += n;
    if (!stream && !splits && i->at < i->len) {
        m->flags |= PLUG_MSG_TRUNC;
        n += i->len - i->at;
        i->at = i->len;
    }
    if (i->at == i->len) {
        m->flags |= stream ? 0 : i->flags & PLUG_MSG_EOR;
        sim_pop(e);
    }
    sim_drained(e, n);
    e->gasping[SIM_IN] = e->knobs.gasp;
    return 1;
}

static int sim_recv(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    struct sim *s = sim_of(l);
    struct sim_end *e = s->end;
    (void)flags;
    if (!n)
        return (l->ready & PLUG_IN) && e->in && e->in->when <= e->world->now ? 0 : PLUG_EAGAIN;
    int r = sim_gate(l, SIM_IN);
    if (r < 0)
        return r;
    while (e->in && !e->in->end && !e->in->len && s->step->offers == PLUG_STREAM)
        sim_pop(e);
    if (!e->in || e->in->when > e->world->now) {
        plug_unready(l, PLUG_IN);
        return PLUG_EAGAIN;
    }
    if (!e->in->end)
        return sim_recv_item(s, v);
    r = e->in->end;
    if (r == PLUG_EOF || (s->step->flags & PLUG_RELIABLE))
        return r; /* stays: the end is met again */
    sim_pop(e);
    return r;
}

static void sim_keep(struct sim_end *e, const void *bytes, size_t len)
{
    if (e->out_len + len > e->out_room) {
        e->out_room = (e->out_len + len) * 2;
        e->out = realloc(e->out, e->out_room);
        if (!e->out)
            abort();
    }
    if (len)
        memcpy(e->out + e->out_len, bytes, len);
    e->out_len += len;
}

static int sim_send_one(struct sim *s, struct plug_msg *m, unsigned flags)
{
    struct sim_end *e = s->end;
    int stream = s->step->offers == PLUG_STREAM, splits = (s->step->flags & PLUG_SPLITS) != 0;
    size_t size = plug_msg_size(m), room = e->knobs.room ? e->knobs.room : SIM_ROOM, n = size;
    if (!stream && s->step->limit && size > s->step->limit)
        return PLUG_EMSGSIZE;
    if (e->mate && e->mate->in_bytes >= room) {
        plug_unready(&s->layer, PLUG_OUT);
        return PLUG_EAGAIN;
    }
    if (stream || splits)
        n = sim_most(e, SIM_OUT, n);
    unsigned char *flat = malloc(n + 1);
    if (!flat)
        abort();
    size_t at = 0;
    for (unsigned i = 0; i < m->niov && at < n; i++) {
        size_t part = m->iov[i].len < n - at ? m->iov[i].len : n - at;
        if (part)
            memcpy(flat + at, m->iov[i].base, part);
        at += part;
    }
    unsigned f = (m->flags | flags) & (PLUG_MSG_EOR | PLUG_MSG_TEXT | PLUG_MSG_OOB | PLUG_MSG_EOM);
    if (n < size)
        f &= (unsigned)~PLUG_MSG_EOR;
    if (e->mate)
        sim_item_add(e->mate, flat, n, f, 0, e->world->now + e->knobs.delay);
    else
        sim_keep(e, flat, n);
    free(flat);
    e->nout++;
    e->moved[SIM_OUT] += n;
    m->len = n;
    e->gasping[SIM_OUT] = e->knobs.gasp;
    return 1;
}

static int sim_send(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    struct sim *s = sim_of(l);
    if (!n)
        return 0;
    assert(!s->end->shut || s->end->shut == 1 + PLUG_SHUT_RD); /* core never sends after shut */
    int r = sim_gate(l, SIM_OUT);
    return r < 0 ? r : sim_send_one(s, v, flags);
}

/* ---- ends ---- */

static void sim_tell(struct sim *s, int code)
{
    struct sim_end *m = s->end->mate;
    if (m && (s->step->flags & PLUG_RELIABLE))
        sim_item_add(m, NULL, 0, 0, code, s->end->world->now + s->end->knobs.delay);
}

static int sim_shut(struct plug_layer *l, int how)
{
    struct sim *s = sim_of(l);
    struct sim_end *e = s->end;
    int before = e->shut;
    if (how == PLUG_SHUT_RD)
        return 0;
    e->shut = 1 + how;
    if (how == PLUG_SHUT_RESET && before != 1 + PLUG_SHUT_RESET)
        sim_tell(s, PLUG_ECONNRESET);
    else if (!before)
        sim_tell(s, PLUG_EOF);
    return 0;
}

static void sim_close(struct plug_layer *l)
{
    struct sim *s = sim_of(l);
    struct sim_end *e = s->end;
    if (!e)
        return;
    if (!e->shut && e->open_at)
        sim_tell(s, e->in && !e->in->end ? PLUG_ECONNRESET : PLUG_EOF);
    e->closed++;
    e->layer = NULL;
    s->end = NULL;
}

static const struct plug_kind sim_kinds[] = {
    {.name = "sim", .params = PLUG_PARAM_NAME, .role = PLUG_CLIENT, .usage = "NAME"},
    {.name = "sim-listen", .params = PLUG_PARAM_NAME, .role = PLUG_LISTENER, .usage = "NAME"},
    {0},
};

static const struct plug_option sim_options[] = {
    {.name = "type",
     .type = PLUG_OPT_ENUM,
     .offset = offsetof(struct sim_conf, type),
     .choices = "stream dgram raw seqpacket",
     .value = "TYPE"},
    {.name = "limit",
     .type = PLUG_OPT_SIZE,
     .offset = offsetof(struct sim_conf, limit),
     .max = INT64_MAX,
     .value = "BYTES"},
    {.name = "splits", .type = PLUG_OPT_FLAG, .offset = offsetof(struct sim_conf, splits)},
    {.name = "half", .type = PLUG_OPT_FLAG, .offset = offsetof(struct sim_conf, half)},
    {0},
};

static const struct sim_conf sim_defaults = {.half = 1};

const struct plug_ops sim_ops = {
    .name = "sim",
    .size = sizeof(struct sim),
    .conf = sizeof(struct sim_conf),
    .flags = PLUG_BASE | PLUG_LISTENS | PLUG_RELIABLE | PLUG_HALFCLOSE,
    .kinds = sim_kinds,
    .options = sim_options,
    .defaults = &sim_defaults,
    .plan = sim_plan,
    .init = sim_init,
    .open = sim_open_base,
    .accept = sim_accept,
    .recv = sim_recv,
    .send = sim_send,
    .shut = sim_shut,
    .want = plug_pass_want,
    .bypass = plug_no_bypass,
    .getopt = plug_no_getopt,
    .setopt = plug_no_setopt,
    .tick = plug_no_tick,
    .close = sim_close,
};
