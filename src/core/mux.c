/* SPDX-License-Identifier: MIT
 *
 * The mux: from a key to a child, its bounded queue, and the fair list of those who wait to send.
 * What is fresh (heard of, not accepted) is bounded twice, in keys and in bytes, since any peer can
 * make it grow.
 */
#include "core/mux.h"

#include "util/alloc.h"
#include <string.h>

int plug__mux_init(struct plug__mux *m)
{
    uint64_t seed;
    int rc = plug__os_random(&seed, sizeof seed);
    if (rc < 0)
        return rc;
    *m = (struct plug__mux){.refs = 1,
                            .most_fresh = PLUG__MUX_FRESH,
                            .most_queued = PLUG__MUX_QUEUED,
                            .most_fresh_queued = PLUG__MUX_FRESH_QUEUED};
    plug__hash_init(&m->children, seed);
    plug__list_init(&m->all);
    plug__list_init(&m->waiting);
    plug__list_init(&m->fresh);
    return 0;
}

/* ---- records ---- */

static size_t mux_cost(size_t len)
{
    return sizeof(struct plug__mux_record) + len;
}

/* Adds to what is queued on a child, or takes away. */
static void mux_account(struct plug__mux_child *c, size_t before, size_t after)
{
    c->queued = c->queued - before + after;
    if (!c->layer)
        c->mux->fresh_queued = c->mux->fresh_queued - before + after;
}

static int mux_drop(struct plug__mux *m, struct plug__mux_child *c, enum plug__drop why)
{
    m->dropped[why]++;
    if (c)
        c->dropped[why]++;
    else
        m->unheard++;
    return why == PLUG__DROP_MEMORY ? PLUG_ENOMEM : PLUG_ELIMIT;
}

static size_t mux_gather(unsigned char *to, const struct plug_msg *rec)
{
    size_t len = 0;
    for (unsigned i = 0; i < rec->niov && len < rec->len; i++) {
        size_t n = rec->iov[i].len;
        if (n > rec->len - len)
            n = rec->len - len;
        if (n)
            memcpy(to + len, rec->iov[i].base, n);
        len += n;
    }
    return len;
}

static int mux_push(struct plug__mux_child *c, const struct plug_msg *rec)
{
    struct plug__mux *m = c->mux;
    struct plug__mux_record *r;
    size_t cost;
    if (rec->len > m->most_queued)
        return mux_drop(m, c, PLUG__DROP_QUEUE);
    cost = mux_cost(rec->len + rec->controllen);
    if (c->queued + cost > m->most_queued)
        return mux_drop(m, c, PLUG__DROP_QUEUE);
    if (!c->layer && m->fresh_queued + cost > m->most_fresh_queued)
        return mux_drop(m, c, PLUG__DROP_NEW);
    r = plug__malloc(cost);
    if (!r)
        return mux_drop(m, c, PLUG__DROP_MEMORY);
    *r = (struct plug__mux_record){.flags = rec->flags};
    r->len = mux_gather((unsigned char *)(r + 1), rec);
    r->controllen = rec->controllen;
    if (r->controllen)
        memcpy((unsigned char *)(r + 1) + r->len, rec->control, r->controllen);
    plug__list_push(&c->records, &r->node);
    mux_account(c, 0, mux_cost(r->len + r->controllen));
    return 0;
}

static void mux_shift(struct plug__mux_child *c)
{
    struct plug__mux_record *r =
        plug__of(plug__list_pop(&c->records), struct plug__mux_record, node);
    mux_account(c, mux_cost(r->len + r->controllen), 0);
    plug__free(r);
}

/* ---- children ---- */

static struct plug__mux_child *mux_find(const struct plug__mux *m, const void *key, size_t keylen)
{
    struct plug__hash_node *node = plug__hash_find(&m->children, key, keylen);
    return node ? plug__of(node, struct plug__mux_child, hash) : NULL;
}

/* Puts a child into the table under a key. */
static int mux_enter(struct plug__mux *m, struct plug__mux_child *c, const void *key, size_t keylen)
{
    memcpy(c->key, key, keylen);
    c->mux = m;
    c->hash = (struct plug__hash_node){.key = c->key, .keylen = (uint32_t)keylen};
    plug__list_init(&c->records);
    if (plug__hash_add(&m->children, &c->hash) < 0)
        return PLUG_ENOMEM;
    plug__list_push(&m->all, &c->all);
    return 0;
}

static void mux_forget(struct plug__mux_child *c)
{
    plug__hash_remove(&c->mux->children, &c->hash);
    plug__list_remove(&c->all);
    plug__list_remove(&c->waiting);
    for (; !plug__list_empty(&c->records); c->mux->unheard++)
        mux_shift(c);
}

static int mux_freshen(struct plug__mux *m, const void *key, size_t keylen,
                       struct plug__mux_child **ret)
{
    struct plug__mux_child *c;
    if (m->nfresh >= m->most_fresh)
        return mux_drop(m, NULL, PLUG__DROP_NEW);
    c = plug__calloc(1, sizeof *c);
    if (!c || mux_enter(m, c, key, keylen) < 0) {
        plug__free(c);
        return mux_drop(m, NULL, PLUG__DROP_MEMORY);
    }
    plug__list_push(&m->fresh, &c->fresh);
    m->nfresh++;
    *ret = c;
    return 0;
}

/* A key that nobody has accepted ends; what it had lost is counted here. */
static void mux_stale(struct plug__mux_child *c)
{
    struct plug__mux *m = c->mux;
    for (unsigned i = 0; i < PLUG__DROPS; i++)
        m->unheard += c->dropped[i];
    mux_forget(c);
    plug__list_remove(&c->fresh);
    m->nfresh--;
    plug__free(c);
}

int plug__mux_knows(const struct plug__mux *m, const void *key, size_t keylen)
{
    return mux_find(m, key, keylen) != NULL;
}

/* A key whose first record was dropped is not worth a child: it would come up empty. */
int plug__mux_deliver(struct plug__mux *m, const void *key, size_t keylen,
                      const struct plug_msg *rec)
{
    struct plug__mux_child *c = mux_find(m, key, keylen);
    int rc;
    if (keylen > sizeof c->key)
        return PLUG_EINVAL;
    if (!c) {
        rc = mux_freshen(m, key, keylen, &c);
        if (rc < 0)
            return rc;
    }
    rc = mux_push(c, rec);
    if (rc < 0 && !c->layer && plug__list_empty(&c->records))
        mux_stale(c);
    else if (rc == 0 && c->layer)
        plug_ready(c->layer, PLUG_IN);
    return rc;
}

int plug__mux_accept(struct plug__mux *m, struct plug__mux_child *into, struct plug_layer *layer)
{
    struct plug__mux_child *c;
    struct plug__list records = {0};
    size_t queued;
    if (plug__list_empty(&m->fresh))
        return PLUG_EAGAIN;
    c = plug__of(m->fresh.next, struct plug__mux_child, fresh);
    queued = c->queued;
    plug__list_init(&records);
    plug__list_move(&records, &c->records);
    mux_account(c, queued, 0);
    *into = (struct plug__mux_child){.layer = layer};
    memcpy(into->dropped, c->dropped, sizeof into->dropped);
    memset(c->dropped, 0, sizeof c->dropped);
    plug__hash_remove(&m->children, &c->hash);
    /* Cannot fail: the table has the slots that the fresh one was in. */
    (void)mux_enter(m, into, c->key, c->hash.keylen);
    plug__list_move(&into->records, &records);
    mux_account(into, 0, queued);
    mux_stale(c);
    m->refs++;
    plug_ready(layer, PLUG_IN | PLUG_OUT);
    return 0;
}

void plug__mux_leave(struct plug__mux_child *c)
{
    struct plug__mux *m = c->mux;
    if (!m)
        return;
    mux_forget(c);
    c->mux = NULL;
    plug__mux_unref(m);
}

/* Takes the records out of a child and its key from the table. */
static struct plug__mux_child *mux_refresh(struct plug__mux_child *c, struct plug__list *records,
                                           size_t queued)
{
    struct plug__mux *m = c->mux;
    const uint32_t keylen = c->hash.keylen;
    struct plug__mux_child *fresh;
    plug__list_move(records, &c->records);
    mux_account(c, queued, 0);
    mux_forget(c);
    if (m->fresh_queued + queued > m->most_fresh_queued ||
        mux_freshen(m, c->key, keylen, &fresh) < 0)
        return NULL;
    plug__list_move(&fresh->records, records);
    mux_account(fresh, 0, queued);
    return fresh;
}

int plug__mux_return(struct plug__mux_child *c)
{
    struct plug__mux *m = c->mux;
    struct plug__mux_child *fresh = NULL;
    struct plug__list records;
    uint64_t lost = m ? m->unheard : 0;
    if (!m || m->most_fresh == 0 || plug__list_empty(&c->records)) {
        plug__mux_leave(c);
        return 0;
    }
    plug__list_init(&records);
    fresh = mux_refresh(c, &records, c->queued);
    for (; !plug__list_empty(&records); lost++)
        plug__free(plug__of(plug__list_pop(&records), struct plug__mux_record, node));
    m->unheard = lost; /* each once, whatever refused them */
    c->mux = NULL;
    plug__mux_unref(m);
    return fresh != NULL;
}

static void mux_clear(struct plug__mux *m)
{
    while (!plug__list_empty(&m->fresh))
        mux_stale(plug__of(m->fresh.next, struct plug__mux_child, fresh));
}

void plug__mux_unref(struct plug__mux *m)
{
    if (--m->refs)
        return;
    mux_clear(m);
    plug__hash_drop(&m->children);
    if (m->drop)
        m->drop(m);
}

void plug__mux_close(struct plug__mux *m)
{
    mux_clear(m);
    m->most_fresh = 0;
    plug__mux_unref(m);
}

/* ---- what a child's base calls ---- */

/* Copies one record out, and what came with it. Returns 1 when the buffer was too short. */
static int mux_scatter(struct plug_msg *m, const struct plug__mux_record *r)
{
    const unsigned char *from = (const unsigned char *)(r + 1);
    size_t left = r->len;
    m->len = 0;
    for (unsigned i = 0; i < m->niov && left; i++) {
        size_t n = m->iov[i].len < left ? m->iov[i].len : left;
        if (n)
            memcpy(m->iov[i].base, from + m->len, n);
        m->len += n;
        left -= n;
    }
    m->flags = r->flags | PLUG_MSG_EOR | (left ? PLUG_MSG_TRUNC : 0u);
    if (!m->control || m->controllen < r->controllen)
        m->controllen = 0; /* no room for it, or nobody asked */
    else
        m->controllen = r->controllen;
    if (m->controllen)
        memcpy(m->control, from + r->len, r->controllen);
    return left != 0;
}

int plug__mux_take_error(struct plug__mux_child *c)
{
    int code = c->code;
    if (code)
        c->layer->os_error = c->os;
    c->code = c->os = 0;
    return code;
}

int plug__mux_recv(struct plug__mux_child *c, struct plug_msg *v, unsigned n)
{
    unsigned got = 0;
    int code;
    for (; got < n && !plug__list_empty(&c->records); got++) {
        struct plug__mux_record *r = plug__of(c->records.next, struct plug__mux_record, node);
        if (mux_scatter(&v[got], r))
            (void)mux_drop(c->mux, c, PLUG__DROP_LONG);
        mux_shift(c);
    }
    if (got && !c->code && plug__list_empty(&c->records))
        plug_unready(c->layer, PLUG_IN);
    if (got)
        return (int)got;
    if (n == 0 && (c->code || !plug__list_empty(&c->records)))
        return 0;
    code = n ? plug__mux_take_error(c) : 0;
    if (code)
        return code;
    plug_unready(c->layer, PLUG_IN);
    return PLUG_EAGAIN;
}

void plug__mux_wait_out(struct plug__mux_child *c)
{
    plug_unready(c->layer, PLUG_OUT);
    if (!plug__list_linked(&c->waiting))
        plug__list_push(&c->mux->waiting, &c->waiting);
}

void plug__mux_out_ready(struct plug__mux *m)
{
    struct plug__list *node;
    while ((node = plug__list_pop(&m->waiting)) != NULL)
        plug_ready(plug__of(node, struct plug__mux_child, waiting)->layer, PLUG_OUT);
}

void plug__mux_error(struct plug__mux *m, const void *key, size_t keylen, int code, int os)
{
    struct plug__mux_child *c = mux_find(m, key, keylen);
    if (!c || !c->layer)
        return;
    c->code = code;
    c->os = os;
    plug_ready(c->layer, PLUG_IN | PLUG_OUT);
}
