/* SPDX-License-Identifier: MIT
 *
 * The filter `crnl`: newlines above it are CR LF below. A CR that stands alone passes both ways.
 * It never holds more than one byte beyond a CR, and no byte of what it sends.
 */
#include "proto/filter/filter.h"

#include "util/alloc.h"
#include "util/attr.h"
#include "util/list.h"
#include <string.h>

enum {
    CRNL_WINDOW = 4096, /* bytes rewritten in one step, on the stack */
    CRNL_IOV = 16       /* buffers of a vector that are used */
};

struct crnl {
    struct plug_layer layer;
    uint8_t cr;   /* a CR was received, and not yet what follows it */
    uint8_t have; /* `byte` was received behind such a CR and found no room */
    uint8_t byte;
    uint8_t cr_sent; /* the CR before the next LF is out */
    uint8_t stream;
};

static struct crnl *crnl_of(struct plug_layer *l)
{
    return plug__of(l, struct crnl, layer);
}

static int crnl_init(struct plug_layer *l, const struct plug_step *step, struct plug_err *reterr)
{
    (void)reterr;
    crnl_of(l)->stream = step->offers == PLUG_STREAM;
    return 0;
}

static uint8_t *crnl_at(const struct plug_msg *m, size_t at)
{
    for (unsigned i = 0; i < m->niov; i++) {
        if (at < m->iov[i].len)
            return (uint8_t *)m->iov[i].base + at;
        at -= m->iov[i].len;
    }
    return NULL;
}

/* The bytes of the vector from `at` on that lie together. Returns how many, 0 at its end. */
static size_t crnl_span(const struct plug_msg *m, size_t at, const uint8_t **ret)
{
    for (unsigned i = 0; i < m->niov; i++) {
        if (at < m->iov[i].len) {
            *ret = (const uint8_t *)m->iov[i].base + at;
            return m->iov[i].len - at;
        }
        at -= m->iov[i].len;
    }
    return 0;
}

/* ---- receiving: CR LF becomes LF ---- */

static int crnl_has_cr(const struct plug_msg *m)
{
    const uint8_t *from = NULL;
    for (size_t at = 0, n = 0; at < m->len; at += n) {
        n = crnl_span(m, at, &from);
        n = n < m->len - at ? n : m->len - at;
        if (memchr(from, '\r', n))
            return 1;
    }
    return 0;
}

/* Rewrites m->len received bytes that lie `from` bytes behind the vector's begin. A CR at the very
 * end waits for what follows, unless the record ends with it. */
static void crnl_squeeze(struct crnl *c, struct plug_msg *m, size_t from)
{
    size_t out = 0;
    if (!c->cr && !from && !crnl_has_cr(m))
        return;
    for (size_t i = from; i < from + m->len; i++) {
        uint8_t byte = *crnl_at(m, i);
        if (c->cr && byte != '\n')
            *crnl_at(m, out++) = '\r';
        c->cr = byte == '\r';
        if (!c->cr)
            *crnl_at(m, out++) = byte;
    }
    if (c->cr && (m->flags & PLUG_MSG_EOR) && crnl_at(m, out)) {
        *crnl_at(m, out++) = '\r';
        c->cr = 0;
    }
    m->len = out;
}

/* Receives behind the first byte of the vector, which is left free for the CR that waits. */
static int crnl_recv_behind(struct crnl *c, struct plug_msg *m, unsigned flags)
{
    struct plug_iov iov[CRNL_IOV], *whole = m->iov;
    unsigned niov = m->niov, n = 0, first = 0;
    while (!whole[first].len)
        first++;
    for (unsigned i = first; i < niov && n < CRNL_IOV; i++)
        iov[n++] = whole[i];
    PLUG_ASSERT(n > 0);
    iov[0].base = (uint8_t *)iov[0].base + 1;
    iov[0].len--;
    m->iov = iov;
    m->niov = n;
    int e = plug_layer_recv(c->layer.below, m, 1, flags);
    m->iov = whole;
    m->niov = niov;
    if (e >= 0)
        crnl_squeeze(c, m, 1);
    return e;
}

/* A CR waits and there is room for one byte only. */
static int crnl_recv_byte(struct crnl *c, struct plug_msg *m, unsigned flags)
{
    uint8_t byte = 0;
    struct plug_iov iov = {&byte, 1};
    struct plug_msg one = {.iov = &iov, .niov = 1};
    int e = plug_layer_recv(c->layer.below, &one, 1, flags);
    if (e < 0)
        return e;
    m->flags = one.flags;
    m->len = 1;
    *crnl_at(m, 0) = one.len && byte == '\n' ? '\n' : '\r';
    c->cr = one.len && byte == '\r';
    if (one.len && byte != '\n' && (!c->cr || (one.flags & PLUG_MSG_EOR))) {
        c->have = one.flags & PLUG_MSG_EOR ? 2 : 1;
        c->cr = 0;
        c->byte = byte;
        m->flags &= ~(unsigned)PLUG_MSG_EOR;
    }
    return 1;
}

/* The byte that found no room; it ends its record when `have` is 2. */
static int crnl_recv_kept(struct crnl *c, struct plug_msg *m)
{
    *crnl_at(m, 0) = c->byte;
    m->flags = c->have == 2 ? PLUG_MSG_EOR : 0;
    m->len = 1;
    c->have = 0;
    return 1;
}

static int crnl_recv(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    struct crnl *c = crnl_of(l);
    if (!n)
        return c->have ? 0 : plug_layer_recv(l->below, v, 0, flags);
    size_t room = plug_msg_size(v);
    for (;;) {
        int e = 0;
        if (c->have && room)
            return crnl_recv_kept(c, v);
        if (c->cr && room > 1) {
            e = crnl_recv_behind(c, v, flags);
        } else if (c->cr && room) {
            e = crnl_recv_byte(c, v, flags);
        } else {
            e = plug_layer_recv(l->below, v, 1, flags);
            if (e >= 0)
                crnl_squeeze(c, v, 0);
        }
        if (e == PLUG_EOF && c->cr && room) { /* nothing follows the CR; EOF comes again */
            c->cr = 0;
            *crnl_at(v, 0) = '\r';
            v->len = 1;
            v->flags = 0;
            return 1;
        }
        if (e < 0 || v->len || !room || (v->flags & PLUG_MSG_EOR))
            return e < 0 ? e : 1;
    }
}

/* ---- sending: LF becomes CR LF ---- */

/* Writes at most `room` bytes of the form below for the message's bytes from *at on, which moves
 * behind what is complete. Returns bytes written. *cr: the CR before the next LF is written. */
static size_t crnl_expand(const struct plug_msg *m, size_t *at, uint8_t *cr, uint8_t *out,
                          size_t room)
{
    size_t n = 0, span = 0;
    const uint8_t *from = NULL;
    while (n < room && (span = crnl_span(m, *at, &from)) > 0) {
        if (*from == '\n' && !*cr) {
            out[n++] = '\r';
            *cr = 1;
            continue;
        }
        size_t most = span < room - n ? span : room - n;
        const uint8_t *lf = *cr ? NULL : memchr(from, '\n', most);
        size_t k = *cr ? 1 : lf ? (size_t)(lf - from) : most;
        memcpy(out + n, from, k);
        n += k;
        *at += k;
        *cr = 0;
    }
    return n;
}

/* Sends the message's bytes from *at on as far as `room` bytes of `buf` reach. Only what really
 * went counts: the rewriting is run again for so many bytes. */
static int crnl_put(struct crnl *c, const struct plug_msg *m, size_t *at, uint8_t *buf, size_t room,
                    unsigned flags)
{
    size_t end = *at;
    uint8_t cr = c->cr_sent;
    struct plug_iov iov = {buf, crnl_expand(m, &end, &cr, buf, room)};
    struct plug_msg below = *m;
    below.iov = &iov;
    below.niov = 1;
    int e = plug_layer_send(c->layer.below, &below, 1, flags);
    if (e >= 0)
        crnl_expand(m, at, &c->cr_sent, buf, below.len);
    return e;
}

/* How long the message is below. */
static size_t crnl_size(const struct plug_msg *m)
{
    size_t n = plug_msg_size(m), span = 0;
    const uint8_t *from = NULL, *lf = NULL;
    for (size_t at = 0; (span = crnl_span(m, at, &from)) > 0; at += span) {
        for (; (lf = memchr(from, '\n', span)) != NULL; n++) {
            at += (size_t)(lf - from) + 1;
            span -= (size_t)(lf - from) + 1;
            from = lf + 1;
        }
    }
    return n;
}

static int crnl_send_record(struct crnl *c, struct plug_msg *m, unsigned flags)
{
    uint8_t window[CRNL_WINDOW], *buf = window;
    size_t size = crnl_size(m), at = 0;
    if (size > sizeof(window))
        buf = plug__malloc(size);
    if (!buf)
        return PLUG_ENOMEM;
    int e = crnl_put(c, m, &at, buf, size, flags);
    if (buf != window)
        plug__free(buf);
    m->len = at;
    return e;
}

static int crnl_send_stream(struct crnl *c, struct plug_msg *m, unsigned flags)
{
    uint8_t window[CRNL_WINDOW];
    size_t size = plug_msg_size(m), at = 0;
    int e = 1;
    while (at < size && e > 0)
        e = crnl_put(c, m, &at, window, sizeof(window), flags);
    m->len = at;
    return at || !size ? 1 : e;
}

static int crnl_send(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    struct crnl *c = crnl_of(l);
    if (!n)
        return plug_layer_send(l->below, v, 0, flags);
    return c->stream ? crnl_send_stream(c, v, flags) : crnl_send_record(c, v, flags);
}

static unsigned crnl_want(struct plug_layer *l, unsigned want)
{
    return (want & PLUG_IN) && crnl_of(l)->have ? want | PLUG_NOW : want;
}

static const struct plug_kind crnl_kinds[] = {
    {.name = "crnl",
     .params = PLUG_PARAM_NONE,
     .role = PLUG_CLIENT,
     .flags = PLUG_KIND_LAYER | PLUG_KIND_HIDDEN,
     .help = "newlines here are CR LF below"},
    {0},
};

const struct plug_ops plug__crnl_ops = {
    .name = "crnl",
    .size = sizeof(struct crnl),
    .conf = 0,
    .flags = PLUG_FILTER,
    .kinds = crnl_kinds,
    .options = NULL,
    .defaults = NULL,
    .plan = plug__filter_plan,
    .init = crnl_init,
    .open = plug_pass_open,
    .accept = plug_pass_accept,
    .recv = crnl_recv,
    .send = crnl_send,
    .shut = plug_pass_shut,
    .want = crnl_want,
    .bypass = plug_no_bypass,
    .getopt = plug_pass_getopt,
    .setopt = plug_pass_setopt,
    .tick = plug_no_tick,
    .close = plug_no_close,
};
