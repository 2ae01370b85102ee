/* SPDX-License-Identifier: MIT
 *
 * One layer for the five framings: it moves records between a stream and the caller's vectors.
 * It holds no record: long ones come and go in pieces, and only what was read beyond one is kept.
 */
#include "proto/frame/frame.h"

#include "core/sock.h"
#include "util/attr.h"
#include "util/err.h"

#include <plug/frame_codec.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum {
    FRAME_IOV = 16,      /* pieces of a record sent in one call, beside its head and tail */
    FRAME_DIRECT = 2048, /* from here on a body is read to its place, not by way of a chunk */
    FRAME_WINDOW = 4096, /* bytes of a record encoded in one step, on the stack */
    FRAME_SMALL = 16     /* read at once when there is no chunk to be had */
};

enum { FRAME_ON, FRAME_END, FRAME_FULL }; /* a receiving step: go on, record's end, vector full */

struct frame_conf {
    int64_t limit;
};

struct frame {
    struct plug_layer layer;
    struct plug_frame_decoder in;
    struct plug_frame_encoder out;
    struct plug__chunk *ahead; /* read from below and not yet decoded */
    uint64_t limit;
    uint8_t kind;
    uint8_t begun; /* a record's length has been announced, or a part of it is out */
    uint8_t due;   /* the caller's bytes are all out, the end of the record is not */
    uint8_t cut;   /* the stream ended inside a record */
};

static struct frame *frame_of(struct plug_layer *l)
{
    return plug__of(l, struct frame, layer);
}

static int frame_kind(const struct plug_ops *ops)
{
    static const struct plug_ops *const table[PLUG_FRAME_KINDS] = {
        [PLUG_FRAME_LINE] = &plug__line_ops,   [PLUG_FRAME_LEN16] = &plug__len16_ops,
        [PLUG_FRAME_LEN32] = &plug__len32_ops, [PLUG_FRAME_NETSTRING] = &plug__netstring_ops,
        [PLUG_FRAME_COBS] = &plug__cobs_ops,
    };
    int kind = 0;
    while (kind < PLUG_FRAME_KINDS - 1 && table[kind] != ops)
        kind++;
    return kind;
}

/* What a stack can do and be because of the stream below. */
enum {
    FRAME_INHERITS =
        PLUG_HALFCLOSE | PLUG_RELIABLE | PLUG_ONCE | PLUG_MUXED | PLUG_NOREAD | PLUG_NOWRITE
};

static int frame_plan(struct plug_step *step, struct plug_err *reterr)
{
    const struct frame_conf *conf = step->conf;
    uint64_t most = plug_frame_most((enum plug_frame_kind)frame_kind(step->ops));
    if (step->under != PLUG_STREAM)
        return plug__err(reterr, PLUG_EUSAGE, 0, step->ops->name,
                         "%s makes records of a stream, but below it there are records already",
                         step->ops->name);
    if ((uint64_t)conf->limit > most)
        return plug__err(reterr, PLUG_EUSAGE, 0, step->ops->name,
                         "frame-limit is more than %s can say", step->ops->name);
    step->offers = PLUG_SEQPACKET;
    step->limit = (size_t)conf->limit;
    step->flags |= step[-1].flags & FRAME_INHERITS;
    return 0;
}

static int frame_init(struct plug_layer *l, const struct plug_step *step, struct plug_err *reterr)
{
    struct frame *f = frame_of(l);
    const struct frame_conf *conf = step->conf;
    (void)reterr;
    f->kind = (uint8_t)frame_kind(step->ops);
    f->limit = (uint64_t)conf->limit;
    plug_frame_decoder_init(&f->in, (enum plug_frame_kind)f->kind, f->limit);
    return 0;
}

/* ---- receiving ---- */

/* The place in a vector where byte `at` goes. Returns the room there, 0 when the vector is full. */
static size_t frame_room(const struct plug_msg *m, size_t at, uint8_t **ret)
{
    for (unsigned i = 0; i < m->niov; i++) {
        if (at < m->iov[i].len) {
            *ret = (uint8_t *)m->iov[i].base + at;
            return m->iov[i].len - at;
        }
        at -= m->iov[i].len;
    }
    *ret = NULL;
    return 0;
}

/* Decodes bytes into the vector behind m->len. Returns 1 at a record's end, 0 when the bytes are
 * used up or the vector is full, or an error. */
static int frame_decode_to(struct frame *f, struct plug_msg *m, const uint8_t *bytes, size_t *len)
{
    size_t used = 0;
    int e = 0;
    for (;;) {
        uint8_t *to = NULL;
        size_t room = frame_room(m, m->len, &to), in = *len - used, out = room;
        e = plug_frame_decode(&f->in, bytes + used, &in, to, &out);
        used += in;
        m->len += out;
        if (e || used == *len || !room || (!in && !out))
            break;
    }
    *len = used;
    return e;
}

static void frame_drop_ahead(struct frame *f)
{
    if (f->ahead)
        plug__pool_put(&f->layer.sock->loop->chunks, f->ahead);
    f->ahead = NULL;
}

static int frame_below(struct frame *f, void *to, size_t room, size_t *ret)
{
    struct plug_iov iov = {to, room};
    struct plug_msg m = {.iov = &iov, .niov = 1};
    int n = plug_layer_recv(f->layer.below, &m, 1, 0);
    *ret = n < 0 ? 0 : m.len;
    return n;
}

/* Reads a long body straight to its place. */
static int frame_read_body(struct frame *f, struct plug_msg *m, uint8_t *to, size_t room)
{
    size_t n = 0;
    int e = frame_below(f, to, room, &n);
    if (e < 0)
        return e;
    m->len += n;
    return plug_frame_skip(&f->in, n);
}

/* Without a chunk (none left, no memory) only what cannot be too much is read: slower, never lost.
 */
static int frame_read_small(struct frame *f, struct plug_msg *m)
{
    uint8_t bytes[FRAME_SMALL], *to = NULL;
    size_t room = frame_room(m, m->len, &to), plain = plug_frame_plain(&f->in), n = 0;
    if (!room)
        return FRAME_FULL;
    plain = plain < room ? plain : room;
    plain = plain < FRAME_SMALL ? plain : FRAME_SMALL;
    int e = frame_below(f, bytes, plain ? plain : 1, &n);
    return e < 0 ? e : frame_decode_to(f, m, bytes, &n);
}

static int frame_read_ahead(struct frame *f, struct plug_msg *m)
{
    struct plug__chunk *c = plug__pool_get(&f->layer.sock->loop->chunks, PLUG__FRAME_AHEAD);
    size_t n = 0;
    if (!c)
        return frame_read_small(f, m);
    int e = frame_below(f, c->data, c->size, &n);
    if (e < 0) {
        plug__pool_put(&f->layer.sock->loop->chunks, c);
        return e;
    }
    c->from = 0;
    c->to = n;
    f->ahead = c;
    return 0;
}

/* One step: decode what is here, else read. Returns FRAME_*, or why not. */
static int frame_step(struct frame *f, struct plug_msg *m)
{
    uint8_t *to = NULL;
    if (f->ahead) {
        size_t used = f->ahead->to - f->ahead->from;
        int e = frame_decode_to(f, m, f->ahead->data + f->ahead->from, &used);
        f->ahead->from += used;
        if (f->ahead->from == f->ahead->to)
            frame_drop_ahead(f);
        else if (!e)
            return FRAME_FULL;
        return e;
    }
    size_t room = frame_room(m, m->len, &to), plain = plug_frame_plain(&f->in);
    if (!room && m->len)
        return FRAME_FULL;
    room = room < plain ? room : plain;
    return room >= FRAME_DIRECT ? frame_read_body(f, m, to, room) : frame_read_ahead(f, m);
}

/* The stream below has no more for now or for ever: a piece if there is one, else the reason. */
static int frame_stopped(struct frame *f, struct plug_msg *m, int why)
{
    if (why == PLUG_EOF && (!m->len || f->kind == PLUG_FRAME_LINE))
        why = plug_frame_finish(&f->in);
    if (why == PLUG_EPROTO)
        f->cut = 1;
    if (why == 1)
        m->flags |= PLUG_MSG_EOR;
    return why == 1 || m->len ? 1 : why;
}

static int frame_recv_one(struct frame *f, struct plug_msg *m)
{
    int e = FRAME_ON;
    m->len = m->controllen = 0;
    m->flags = 0;
    while (e == FRAME_ON)
        e = frame_step(f, m);
    if (e == FRAME_END)
        m->flags |= PLUG_MSG_EOR;
    if (e < 0 && e != PLUG_EPROTO && e != PLUG_EMSGSIZE)
        e = frame_stopped(f, m, e);
    if (e == PLUG_EPROTO || e == PLUG_EMSGSIZE)
        return plug_fail(&f->layer, 0, e, 0);
    return e < 0 ? e : 1;
}

static int frame_recv(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    struct frame *f = frame_of(l);
    if (!n)
        return f->ahead ? 0 : plug_layer_recv(l->below, NULL, 0, flags);
    for (unsigned i = 0; i < n; i++) {
        int e = frame_recv_one(f, &v[i]);
        if (e < 0)
            return i ? (int)i : e;
        if (!(v[i].flags & PLUG_MSG_EOR) || (!f->ahead && i + 1 < n))
            return (int)i + 1;
    }
    return (int)n;
}

/* Which of the two it was: the peer frames otherwise, or it went away inside a record. */
static int frame_getopt(struct plug_layer *l, int level, int name, void *val, size_t *len)
{
    const struct frame *f = frame_of(l);
    if (level != PLUG_LEVEL_SOCK || name != PLUG__SO_WHY)
        return plug_pass_getopt(l, level, name, val, len);
    if (l->error[0] == PLUG_EPROTO && f->cut)
        snprintf(val, *len, "the stream ended inside a record");
    else if (l->error[0] == PLUG_EPROTO)
        snprintf(val, *len, "what came is not framed as %s", l->ops->name);
    else if (l->error[0] == PLUG_EMSGSIZE)
        snprintf(val, *len, "a record of more than %llu bytes came (frame-limit)",
                 (unsigned long long)f->limit);
    else
        return PLUG_ENOTSUP;
    return 0;
}

/* ---- sending ---- */

static int frame_put(struct frame *f, struct plug_iov *iov, unsigned n, unsigned flags, size_t *ret)
{
    struct plug_msg m = {.iov = iov, .niov = n};
    int e = plug_layer_send(f->layer.below, &m, 1, flags);
    *ret = e < 0 ? 0 : m.len;
    return e;
}

/* Copies at most `room` bytes of the vector from byte `at` on. */
static size_t frame_window(const struct plug_msg *m, size_t at, uint8_t *to, size_t room)
{
    size_t n = 0, part = 0;
    uint8_t *from = NULL;
    while (n < room && (part = frame_room(m, at + n, &from)) > 0) {
        part = part < room - n ? part : room - n;
        memcpy(to + n, from, part);
        n += part;
    }
    return n;
}

/* Encodes and sends one window. Only as much of the record counts as taken as really went out: the
 * encoder is run again for so many bytes. Returns 1 when the record is out, 0 to go on, or why not;
 * *at moves on. */
static int frame_put_cobs(struct frame *f, const struct plug_msg *m, size_t *at, unsigned flags,
                          size_t *ret_sent)
{
    uint8_t in[FRAME_WINDOW], out[FRAME_WINDOW];
    struct plug_frame_encoder trial = f->out;
    size_t have = m ? frame_window(m, *at, in, sizeof(in)) : 0;
    size_t used = have, made = sizeof(out);
    plug_frame_encode(&trial, in, &used, out, &made);
    struct plug_iov iov = {out, made};
    int e = frame_put(f, &iov, 1, flags, ret_sent);
    if (e < 0)
        return e;
    used = have;
    int done = plug_frame_encode(&f->out, in, &used, out, ret_sent);
    *at += used;
    return done;
}

static int frame_head_held(const struct frame *f)
{
    return f->begun && f->out.pos && f->out.pos < f->out.headlen;
}

/* Sends what of a record's head or end could not go with it. Returns 0 when nothing is left. */
static int frame_flush(struct frame *f, unsigned flags)
{
    size_t n = 0, at = 0;
    while (frame_head_held(f) && f->kind != PLUG_FRAME_COBS) {
        struct plug_iov iov = {f->out.head + f->out.pos, (size_t)(f->out.headlen - f->out.pos)};
        int e = frame_put(f, &iov, 1, flags, &n);
        if (e < 0)
            return e;
        f->out.pos = (uint8_t)(f->out.pos + n);
    }
    while (f->due) {
        char tail = *plug_frame_tail((enum plug_frame_kind)f->kind);
        struct plug_iov iov = {&tail, 1};
        int e = f->kind == PLUG_FRAME_COBS ? frame_put_cobs(f, NULL, &at, flags, &n)
                                           : frame_put(f, &iov, 1, flags, &n);
        if (e < 0)
            return e;
        f->due = f->begun = f->kind == PLUG_FRAME_COBS && e != 1;
    }
    return 0;
}

/* A line may end in its newline (it is then the record's end), but hold none before. Returns 1 when
 * the newline is there, 0, or EINVAL. */
static int frame_line_check(const struct plug_msg *m, size_t size, int eor)
{
    size_t before = 0;
    for (unsigned i = 0; i < m->niov; i++) {
        const char *from = m->iov[i].base, *at = NULL;
        if (m->iov[i].len)
            at = memchr(from, '\n', m->iov[i].len);
        if (at)
            return eor && before + (size_t)(at - from) + 1 == size ? 1 : PLUG_EINVAL;
        before += m->iov[i].len;
    }
    return 0;
}

/* One vector: the rest of the head, the record from byte `at` on, the tail when all of it fits.
 * Returns the count. */
static unsigned frame_vector(struct frame *f, const struct plug_msg *m, size_t at, size_t size,
                             const char *tail, struct plug_iov *iov)
{
    unsigned n = 0;
    if (f->out.pos < f->out.headlen)
        iov[n++] =
            (struct plug_iov){f->out.head + f->out.pos, (size_t)(f->out.headlen - f->out.pos)};
    for (unsigned i = 0; i < FRAME_IOV && at < size; i++) {
        uint8_t *from = NULL;
        size_t part = frame_room(m, at, &from);
        iov[n++] = (struct plug_iov){from, part};
        at += part;
    }
    if (at == size && *tail) {
        memcpy(f->out.head + f->out.headlen, tail, 1);
        iov[n++] = (struct plug_iov){f->out.head + f->out.headlen, 1};
    }
    return n;
}

/* Counts n bytes that went out of head and record. Returns 1 when the tail went too. */
static int frame_sent(struct frame *f, size_t n, size_t *at, size_t size)
{
    size_t head = (size_t)(f->out.headlen - f->out.pos);
    head = head < n ? head : n;
    f->out.pos = (uint8_t)(f->out.pos + head);
    n -= head;
    size_t body = size - *at < n ? size - *at : n;
    *at += body;
    return n > body;
}

/* Sends a record with a head or a tail. Returns 1 when all is out, 0 when it must wait, or why not;
 * *at: bytes of the caller's that were taken; *moved: anything went out. */
static int frame_put_plain(struct frame *f, const struct plug_msg *m, size_t size, const char *tail,
                           unsigned flags, size_t *at, int *moved)
{
    for (;;) {
        struct plug_iov iov[FRAME_IOV + 2];
        unsigned n = frame_vector(f, m, *at, size, tail, iov);
        size_t sent = 0;
        int e = n ? frame_put(f, iov, n, flags, &sent) : 0;
        if (e < 0)
            return e;
        *moved |= sent > 0;
        int tailed = frame_sent(f, sent, at, size);
        if (f->out.pos == f->out.headlen && *at == size && (tailed || !*tail))
            return 1;
    }
}

static int frame_put_record(struct frame *f, const struct plug_msg *m, size_t size,
                            const char *tail, unsigned flags, size_t *at, int *moved)
{
    int e = 0;
    if (f->kind != PLUG_FRAME_COBS)
        return frame_put_plain(f, m, size, tail, flags, at, moved);
    while (e == 0) {
        size_t sent = 0;
        e = frame_put_cobs(f, m, at, flags, &sent);
        *moved |= sent > 0;
    }
    return e;
}

/* Prepares for a record of `size` bytes (of a line: for its next piece), or checks that what is
 * left of the record under way is offered again. */
static int frame_begin(struct frame *f, size_t size)
{
    enum plug_frame_kind kind = (enum plug_frame_kind)f->kind;
    if (f->begun && f->kind != PLUG_FRAME_LINE)
        return f->out.left == size ? 0 : PLUG_EINVAL;
    if (f->begun)
        return size > f->limit - f->out.left ? PLUG_EMSGSIZE : 0;
    int e = plug_frame_encoder_init(&f->out, kind, f->limit, size);
    if (kind == PLUG_FRAME_LINE)
        f->out.left = 0; /* of a line, `left` counts what is out: its length is not known */
    return e;
}

/* After an attempt: how far the record is. */
static void frame_account(struct frame *f, size_t at, size_t left, int done, int moved, int eor)
{
    if (f->kind == PLUG_FRAME_LINE)
        f->out.left += at;
    else if (f->kind != PLUG_FRAME_COBS)
        f->out.left = left;
    if (done)
        f->begun = !eor;
    else if (moved)
        f->begun = 1;
    if (!done && moved && !left && f->out.pos == f->out.headlen)
        f->due = 1;
}

/* Returns 1 when the record (or piece) is taken, 0 when a part is, or why nothing was. */
static int frame_send_one(struct frame *f, struct plug_msg *m, unsigned flags)
{
    size_t size = plug_msg_size(m), at = 0;
    int moved = 0, eor = f->kind != PLUG_FRAME_LINE || ((m->flags | flags) & PLUG_MSG_EOR);
    const char *tail = eor ? plug_frame_tail((enum plug_frame_kind)f->kind) : "";
    int e = f->kind == PLUG_FRAME_LINE ? frame_line_check(m, size, eor) : 0;
    if (e == 1)
        tail = "";
    if (e >= 0)
        e = frame_begin(f, size);
    if (e < 0)
        return e;
    e = frame_put_record(f, m, size, tail, flags & ~(unsigned)PLUG_MSG_EOR, &at, &moved);
    frame_account(f, at, size - at, e == 1, moved, eor);
    m->len = at;
    if (e == 1 || f->due)
        return 1;
    return at ? 0 : e;
}

static int frame_send(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags)
{
    struct frame *f = frame_of(l);
    int e = frame_flush(f, flags);
    if (e < 0)
        return e;
    if (!n)
        return plug_layer_send(l->below, NULL, 0, flags);
    for (unsigned i = 0; i < n; i++) {
        e = frame_send_one(f, &v[i], flags);
        if (e < 0)
            return i ? (int)i : e;
        if (e == 0 || f->due)
            return (int)i + 1;
    }
    return (int)n;
}

/* ---- the rest ---- */

static int frame_shut(struct plug_layer *l, int how)
{
    if (how == PLUG_SHUT_WR || how == PLUG_SHUT_RDWR) {
        int e = frame_flush(frame_of(l), 0);
        if (e < 0)
            return e;
    }
    return plug_layer_shut(l->below, how);
}

static unsigned frame_want(struct plug_layer *l, unsigned want)
{
    struct frame *f = frame_of(l);
    if (f->due || frame_head_held(f))
        want |= PLUG_OUT;
    if (f->ahead && (want & PLUG_IN))
        want |= PLUG_NOW;
    return want;
}

static void frame_close(struct plug_layer *l)
{
    if (l->sock)
        frame_drop_ahead(frame_of(l));
}

static const struct plug_option frame_options[] = {
    {.name = "frame-limit",
     .type = PLUG_OPT_SIZE,
     .offset = offsetof(struct frame_conf, limit),
     .min = 1,
     .max = INT64_MAX,
     .value = "BYTES",
     .help = "longest record (default 1m, len16 65535)"},
    {0},
};

static const struct frame_conf frame_defaults = {PLUG__FRAME_LIMIT};
static const struct frame_conf frame_len16_defaults = {UINT16_MAX};

#define FRAME_KINDS(id, text, example_)                    \
    static const struct plug_kind frame_##id##_kinds[] = { \
        {.name = #id,                                      \
         .params = PLUG_PARAM_NONE,                        \
         .role = PLUG_CLIENT,                              \
         .flags = PLUG_KIND_URL | PLUG_KIND_LAYER,         \
         .help = text,                                     \
         .example = example_},                             \
        {0},                                               \
    }
#define FRAME_OPS(id, defaults_, flags_)       \
    const struct plug_ops plug__##id##_ops = { \
        .name = #id,                           \
        .size = sizeof(struct frame),          \
        .conf = sizeof(struct frame_conf),     \
        .flags = (flags_) | PLUG_SPLITS,       \
        .kinds = frame_##id##_kinds,           \
        .options = frame_options,              \
        .defaults = &(defaults_),              \
        .plan = frame_plan,                    \
        .init = frame_init,                    \
        .open = plug_pass_open,                \
        .accept = plug_pass_accept,            \
        .recv = frame_recv,                    \
        .send = frame_send,                    \
        .shut = frame_shut,                    \
        .want = frame_want,                    \
        .bypass = plug_no_bypass,              \
        .getopt = frame_getopt,                \
        .setopt = plug_pass_setopt,            \
        .tick = plug_no_tick,                  \
        .close = frame_close,                  \
    }

FRAME_KINDS(line, "each line of the stream below is a record", "line+tcp://host:7");
FRAME_KINDS(len16, "records behind a length of 2 bytes, network order", "len16+tcp://host:7");
FRAME_KINDS(len32, "records behind a length of 4 bytes, network order", "len32+tcp://host:7");
FRAME_KINDS(netstring, "records as netstrings: 5:hello,", "netstring+tcp://host:7");
FRAME_KINDS(cobs, "records by byte stuffing, a zero byte behind each", "cobs+tcp://host:7");

FRAME_OPS(line, frame_defaults, 0);
FRAME_OPS(len16, frame_len16_defaults, PLUG_SIZED);
FRAME_OPS(len32, frame_defaults, PLUG_SIZED);
FRAME_OPS(netstring, frame_defaults, PLUG_SIZED);
FRAME_OPS(cobs, frame_defaults, PLUG_SIZED);
