/* SPDX-License-Identifier: MIT
 *
 * Two ends in one process that are called by the same name, as socketpair makes them: what one
 * sends, the other receives. Both belong to one loop, which holds the names; no descriptor is used.
 */
#include "endpoint/endpoint.h"
#include "endpoint/queue.h"

#include "core/sock.h"
#include "util/alloc.h"
#include "util/err.h"
#include <stddef.h>
#include <string.h>

struct pair_conf {
    int type;
};

struct pair_layer;

/* What both ends share. It has its name until one of them closes. */
struct pair_link {
    struct pair_link *next; /* on the loop */
    struct pair_layer *end[2];
    struct plug__queue to[2]; /* what end i has to receive */
    int ended[2];             /* end i sends no more: 0, or the code that its mate receives */
    int joined;               /* both ends have been there */
    int type, named;
    char name[];
};

struct pair_layer {
    struct plug_layer l;
    const struct plug_step *step;
    struct pair_link *link; /* NULL: not open */
    int side;
};

static const struct plug_option pair_options[] = {
    {.name = "type",
     .type = PLUG_OPT_ENUM,
     .offset = offsetof(struct pair_conf, type),
     .choices = PLUG__QUEUE_TYPES,
     .value = "TYPE",
     .help = "stream, dgram, raw or seqpacket (as the other side)"},
    {0},
};

static const struct plug_kind pair_kinds[] = {
    {
        .name = "pair",
        .params = PLUG_PARAM_NAME,
        .usage = "NAME",
        .help = "one end of a pair inside the process; the other has the same name",
        .example = "plug tcp-listen://:7007 pair:a -- pair:a exec:cat",
    },
    {0},
};

static int pair_plan(struct plug_step *step, struct plug_err *reterr)
{
    const struct pair_conf *c = step->conf;
    if (!step->plan->unaimed && (!step->path || !step->path[0]))
        return plug__err(reterr, PLUG_EUSAGE, 0, "pair", "a pair needs a name");
    plug__queue_plan(step, c->type);
    return 0;
}

static int pair_init(struct plug_layer *l, const struct plug_step *step, struct plug_err *reterr)
{
    (void)reterr;
    ((struct pair_layer *)l)->step = step;
    return 0;
}

/* ---- names ---- */

static struct pair_link *pair_find(struct plug_loop *loop, const char *name)
{
    struct pair_link *k = loop->pairs;
    while (k && strcmp(k->name, name) != 0)
        k = k->next;
    return k;
}

static struct pair_link *pair_new(struct plug_loop *loop, const struct plug_step *step)
{
    size_t len = strlen(step->path);
    struct pair_link *k = plug__calloc(1, sizeof(*k) + len + 1);
    if (!k)
        return NULL;
    memcpy(k->name, step->path, len + 1);
    k->type = step->offers;
    k->to[0].records = k->to[1].records = k->type != PLUG_STREAM;
    k->next = loop->pairs;
    k->named = 1;
    loop->pairs = k;
    return k;
}

static void pair_unname(struct plug_loop *loop, struct pair_link *k)
{
    struct pair_link *prev = loop->pairs;
    if (!k->named)
        return;
    k->named = 0;
    if (prev == k) {
        loop->pairs = k->next;
        return;
    }
    while (prev->next != k)
        prev = prev->next;
    prev->next = k->next;
}

static void pair_tell(struct pair_link *k, int side, unsigned bits)
{
    if (k->end[side])
        plug_ready(&k->end[side]->l, bits);
}

static int pair_open(struct plug_layer *l)
{
    struct pair_layer *p = (struct pair_layer *)l;
    struct pair_link *k = pair_find(l->sock->loop, p->step->path);
    if (k && k->joined)
        return plug_fail(l, 2, PLUG_EBUSY, 0); /* it has both ends */
    if (k && k->type != p->step->offers)
        return plug_fail(l, 2, PLUG_EPROTO, 0); /* bytes here, records there */
    if (k) {
        k->joined = 1;
        p->side = 1;
    } else {
        k = pair_new(l->sock->loop, p->step);
        if (!k)
            return plug_fail(l, 2, PLUG_ENOMEM, 0);
    }
    k->end[p->side] = p;
    p->link = k;
    pair_tell(k, !p->side, 0); /* it may wait for this in shut */
    plug_ready(l, k->to[p->side].held || k->ended[!p->side] ? PLUG_IN | PLUG_OUT : PLUG_OUT);
    return 0;
}

/* ---- data ---- */

static int pair_recv(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    struct pair_layer *p = (struct pair_layer *)l;
    struct pair_link *k = p->link;
    struct plug__queue *q = k ? &k->to[p->side] : NULL;
    int mate = !p->side, r;
    (void)flags;
    if (!q)
        return PLUG_ENOTCONN;
    if (n == 0)
        return l->ready & PLUG_IN ? 0 : PLUG_EAGAIN;
    r = plug__queue_take(q, v, n);
    if (r == PLUG_EAGAIN && k->ended[mate])
        return k->ended[mate] == PLUG_EOF ? PLUG_EOF : plug_fail(l, 0, k->ended[mate], 0);
    if (r == PLUG_EAGAIN)
        plug_unready(l, PLUG_IN);
    else if (plug__queue_low(q) && k->end[mate] && !(k->end[mate]->l.ready & PLUG_OUT))
        pair_tell(k, mate, PLUG_OUT);
    if (r >= 0 && !q->held) {
        if (!k->ended[mate])
            plug_unready(l, PLUG_IN);
        pair_tell(k, mate, 0); /* it may wait for this in shut */
    }
    return r;
}

static int pair_send(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    struct pair_layer *p = (struct pair_layer *)l;
    struct pair_link *k = p->link;
    int mate = !p->side, r;
    (void)flags;
    if (!k)
        return PLUG_ENOTCONN;
    if (n == 0)
        return 0;
    if (k->ended[p->side] || (k->joined && !k->end[mate]))
        return plug_fail(l, 1, PLUG_EPIPE, 0);
    r = plug__queue_put(&k->to[mate], v, n);
    if (r == PLUG_EAGAIN)
        plug_unready(l, PLUG_OUT);
    else if (r > 0)
        pair_tell(k, mate, PLUG_IN);
    return r;
}

/* ---- ending ---- */

/* This end sends no more; its mate receives `code` behind what is queued. A reset may come after
 * the orderly end. */
static void pair_end(struct pair_layer *p, int code)
{
    struct pair_link *k = p->link;
    if (k->ended[p->side] && code == PLUG_EOF)
        return;
    k->ended[p->side] = code;
    pair_tell(k, !p->side, PLUG_IN);
}

static void pair_leave(struct pair_layer *p, int reset)
{
    struct pair_link *k = p->link;
    int mate, unread;
    if (!k)
        return;
    mate = !p->side;
    unread = k->to[p->side].held != 0;
    /* As a Unix socket: closing with bytes unread resets. */
    pair_end(p, reset || unread ? PLUG_ECONNRESET : PLUG_EOF);
    if (reset)
        plug__queue_drop(&k->to[mate]);
    plug__queue_drop(&k->to[p->side]);
    k->end[p->side] = NULL;
    p->link = NULL;
    pair_unname(p->l.sock->loop, k);
    if (k->end[mate]) {
        k->joined = 1; /* nobody else can come */
        plug_fail(&k->end[mate]->l, 1, unread ? PLUG_ECONNRESET : PLUG_EPIPE, 0);
        pair_tell(k, mate, PLUG_IN | PLUG_OUT);
        return;
    }
    plug__queue_drop(&k->to[mate]);
    plug__free(k);
}

static int pair_shut(struct plug_layer *l, int how)
{
    struct pair_layer *p = (struct pair_layer *)l;
    struct pair_link *k = p->link;
    int mate = !p->side;
    if (how == PLUG_SHUT_RESET) {
        pair_leave(p, 1);
        return 0;
    }
    if (!k)
        return 0;
    if (how != PLUG_SHUT_RD)
        pair_end(p, PLUG_EOF);
    /* The mate has not come, who would never hear of an end that was there before; or it has not
     * taken all. */
    if (how == PLUG_SHUT_RDWR && (!k->joined || (k->to[mate].held && k->end[mate])))
        return PLUG_EAGAIN;
    return how == PLUG_SHUT_RDWR && l->error[1] == PLUG_ECONNRESET ? PLUG_ECONNRESET : 0;
}

static int pair_getopt(struct plug_layer *l, int level, int name, void *val, size_t *len)
{
    struct pair_layer *p = (struct pair_layer *)l;
    int64_t unsent;
    if (level != PLUG_LEVEL_SOCK || name != PLUG_SO_UNSENT || !p->link)
        return PLUG_ENOTSUP;
    if (*len < sizeof(unsent))
        return PLUG_EINVAL;
    unsent = (int64_t)p->link->to[!p->side].bytes;
    memcpy(val, &unsent, sizeof(unsent));
    *len = sizeof(unsent);
    return 0;
}

static void pair_close(struct plug_layer *l)
{
    pair_leave((struct pair_layer *)l, 0);
}

const struct plug_ops plug__pair_ops = {
    .name = "pair",
    .size = sizeof(struct pair_layer),
    .conf = sizeof(struct pair_conf),
    .flags = PLUG_BASE | PLUG_HALFCLOSE | PLUG_RELIABLE | PLUG_ANYTYPE | PLUG_SPLITS | PLUG_ONCE,
    .kinds = pair_kinds,
    .options = pair_options,
    .defaults = NULL,
    .plan = pair_plan,
    .init = pair_init,
    .open = pair_open,
    .accept = plug_pass_accept,
    .recv = pair_recv,
    .send = pair_send,
    .shut = pair_shut,
    .want = plug_pass_want,
    .bypass = plug_no_bypass,
    .getopt = pair_getopt,
    .setopt = plug_no_setopt,
    .tick = plug_no_tick,
    .close = pair_close,
};
