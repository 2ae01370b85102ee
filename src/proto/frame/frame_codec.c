/* SPDX-License-Identifier: MIT
 *
 * The framing codecs of plug/frame_codec.h: one small state machine per format and direction.
 * It deliberately keeps no bytes: what it cannot give or take yet stays with the caller.
 */
#include <plug/frame_codec.h>

#include <string.h>

enum { PHASE_HEAD, PHASE_BODY, PHASE_TAIL, PHASE_DONE };
enum { COBS_MOST = 254, COBS_FULL = 255 }; /* literal bytes of a block; the code that says so */
enum { NETSTRING_DIGITS = 10 };

/* Input and output of one call. */
struct frame_run {
    const uint8_t *in;
    uint8_t *out;
    size_t nin, nout, in_room, out_room;
};

static size_t frame_min(uint64_t a, uint64_t b)
{
    return (size_t)(a < b ? a : b);
}

uint64_t plug_frame_most(enum plug_frame_kind kind)
{
    static const uint64_t most[PLUG_FRAME_KINDS] = {
        [PLUG_FRAME_LINE] = INT64_MAX,   [PLUG_FRAME_LEN16] = UINT16_MAX,
        [PLUG_FRAME_LEN32] = UINT32_MAX, [PLUG_FRAME_NETSTRING] = UINT32_MAX,
        [PLUG_FRAME_COBS] = INT64_MAX,
    };
    return most[kind];
}

static uint64_t frame_limit(enum plug_frame_kind kind, uint64_t limit)
{
    uint64_t most = plug_frame_most(kind);
    return limit && limit < most ? limit : most;
}

/* ---- decoding ---- */

static void frame_next(struct plug_frame_decoder *d)
{
    d->seen = d->left = 0;
    d->phase = PHASE_HEAD;
    d->count = d->code = 0;
}

void plug_frame_decoder_init(struct plug_frame_decoder *d, enum plug_frame_kind kind,
                             uint64_t limit)
{
    *d = (struct plug_frame_decoder){.kind = (uint8_t)kind, .limit = frame_limit(kind, limit)};
}

/* Copies at most `most` bytes that are the record's own. Returns how many. */
static size_t frame_copy(struct plug_frame_decoder *d, struct frame_run *r, uint64_t most)
{
    size_t n = frame_min(frame_min(most, r->in_room - r->nin), r->out_room - r->nout);
    if (n)
        memcpy(r->out + r->nout, r->in + r->nin, n);
    r->nin += n;
    r->nout += n;
    d->seen += n;
    return n;
}

static int frame_decode_line(struct plug_frame_decoder *d, struct frame_run *r)
{
    const uint8_t *at = r->in + r->nin;
    size_t have = r->in_room - r->nin;
    const uint8_t *end = have ? memchr(at, '\n', have) : NULL;
    size_t body = end ? (size_t)(end - at) : have;
    if (body > d->limit - d->seen)
        return PLUG_EMSGSIZE;
    if (have)
        d->phase = PHASE_BODY;
    if (frame_copy(d, r, body) < body || !end)
        return 0;
    r->nin++;
    frame_next(d);
    return 1;
}

/* A length is complete. */
static int frame_sized(struct plug_frame_decoder *d)
{
    if (d->left > d->limit)
        return PLUG_EMSGSIZE;
    d->phase = d->left || d->kind == PLUG_FRAME_NETSTRING ? PHASE_BODY : PHASE_DONE;
    return 0;
}

static int frame_head_binary(struct plug_frame_decoder *d, uint8_t byte)
{
    d->left = d->left << 8 | byte;
    if (++d->count < (d->kind == PLUG_FRAME_LEN16 ? 2 : 4))
        return 0;
    return frame_sized(d);
}

static int frame_head_decimal(struct plug_frame_decoder *d, uint8_t byte)
{
    if (byte == ':' && d->count)
        return frame_sized(d);
    if (byte < '0' || byte > '9' || (d->count && !d->left) || d->count == NETSTRING_DIGITS)
        return PLUG_EPROTO;
    d->left = d->left * 10 + (uint64_t)(byte - '0');
    d->count++;
    return d->left > d->limit ? PLUG_EMSGSIZE : 0;
}

static int frame_decode_sized(struct plug_frame_decoder *d, struct frame_run *r)
{
    while (d->phase == PHASE_HEAD && r->nin < r->in_room) {
        uint8_t byte = r->in[r->nin++];
        int e = d->kind == PLUG_FRAME_NETSTRING ? frame_head_decimal(d, byte)
                                                : frame_head_binary(d, byte);
        if (e < 0)
            return e;
    }
    if (d->phase == PHASE_BODY) {
        d->left -= frame_copy(d, r, d->left);
        if (!d->left)
            d->phase = d->kind == PLUG_FRAME_NETSTRING ? PHASE_TAIL : PHASE_DONE;
    }
    if (d->phase == PHASE_TAIL && r->nin < r->in_room) {
        if (r->in[r->nin++] != ',')
            return PLUG_EPROTO;
        d->phase = PHASE_DONE;
    }
    if (d->phase != PHASE_DONE)
        return 0;
    frame_next(d);
    return 1;
}

/* A block's code. The zero that the block before it stands for comes first, now that it is known
 * not to be the last. Returns 1 when the record ended, 0, EAGAIN (no room), or an error. */
static int frame_cobs_code(struct plug_frame_decoder *d, struct frame_run *r)
{
    uint8_t byte = r->in[r->nin];
    if (byte == 0) {
        int inside = d->phase != PHASE_HEAD; /* zeros between records mean nothing */
        r->nin++;
        frame_next(d);
        return inside;
    }
    if (d->code && d->code < COBS_FULL) {
        if (d->seen == d->limit)
            return PLUG_EMSGSIZE;
        if (r->nout == r->out_room)
            return PLUG_EAGAIN;
        r->out[r->nout++] = 0;
        d->seen++;
    }
    r->nin++;
    d->phase = PHASE_BODY;
    d->code = byte;
    d->left = (uint64_t)byte - 1;
    return d->left > d->limit - d->seen ? PLUG_EMSGSIZE : 0;
}

static int frame_decode_cobs(struct plug_frame_decoder *d, struct frame_run *r)
{
    while (r->nin < r->in_room) {
        if (d->left) {
            size_t have = frame_min(d->left, r->in_room - r->nin);
            if (memchr(r->in + r->nin, 0, have))
                return PLUG_EPROTO;
            size_t n = frame_copy(d, r, d->left);
            d->left -= n;
            if (!n)
                return 0;
            continue;
        }
        int e = frame_cobs_code(d, r);
        if (e == PLUG_EAGAIN)
            return 0;
        if (e)
            return e;
    }
    return 0;
}

int plug_frame_decode(struct plug_frame_decoder *d, const void *in, size_t *inlen, void *out,
                      size_t *outlen)
{
    struct frame_run r = {.in = in, .out = out, .in_room = *inlen, .out_room = *outlen};
    int e = 0;
    if (d->kind == PLUG_FRAME_LINE)
        e = frame_decode_line(d, &r);
    else if (d->kind == PLUG_FRAME_COBS)
        e = frame_decode_cobs(d, &r);
    else
        e = frame_decode_sized(d, &r);
    *inlen = r.nin;
    *outlen = r.nout;
    return e;
}

int plug_frame_inside(const struct plug_frame_decoder *d)
{
    return d->phase != PHASE_HEAD || d->count;
}

int plug_frame_finish(struct plug_frame_decoder *d)
{
    if (!plug_frame_inside(d))
        return PLUG_EOF;
    if (d->kind != PLUG_FRAME_LINE)
        return PLUG_EPROTO;
    frame_next(d);
    return 1;
}

size_t plug_frame_sure(const struct plug_frame_decoder *d)
{
    if (d->kind == PLUG_FRAME_LEN16 && d->phase == PHASE_HEAD)
        return 2u - d->count;
    if (d->kind == PLUG_FRAME_LEN32 && d->phase == PHASE_HEAD)
        return 4u - d->count;
    return d->left && d->phase == PHASE_BODY ? frame_min(d->left, SIZE_MAX) : 1;
}

size_t plug_frame_plain(const struct plug_frame_decoder *d)
{
    if (d->kind == PLUG_FRAME_LINE || d->kind == PLUG_FRAME_COBS || d->phase != PHASE_BODY)
        return 0;
    return frame_min(d->left, SIZE_MAX);
}

int plug_frame_skip(struct plug_frame_decoder *d, size_t n)
{
    d->seen += n;
    d->left -= n;
    if (d->left)
        return 0;
    if (d->kind == PLUG_FRAME_NETSTRING) {
        d->phase = PHASE_TAIL;
        return 0;
    }
    frame_next(d);
    return 1;
}

/* ---- encoding ---- */

size_t plug_frame_head(enum plug_frame_kind kind, uint64_t len, void *out)
{
    uint8_t *p = out;
    size_t n = 0;
    if (kind == PLUG_FRAME_LEN16 || kind == PLUG_FRAME_LEN32) {
        for (unsigned shift = kind == PLUG_FRAME_LEN16 ? 16 : 32; shift; shift -= 8)
            p[n++] = (uint8_t)(len >> (shift - 8));
    } else if (kind == PLUG_FRAME_NETSTRING) {
        uint64_t unit = 1;
        while (len / unit >= 10)
            unit *= 10;
        for (; unit; unit /= 10)
            p[n++] = (uint8_t)('0' + len / unit % 10);
        p[n++] = ':';
    }
    return n;
}

const char *plug_frame_tail(enum plug_frame_kind kind)
{
    return kind == PLUG_FRAME_LINE ? "\n" : kind == PLUG_FRAME_NETSTRING ? "," : "";
}

int plug_frame_encoder_init(struct plug_frame_encoder *e, enum plug_frame_kind kind, uint64_t limit,
                            uint64_t len)
{
    *e = (struct plug_frame_encoder){.kind = (uint8_t)kind, .limit = frame_limit(kind, limit)};
    if (len > e->limit)
        return PLUG_EMSGSIZE;
    e->left = len;
    e->headlen = (uint8_t)plug_frame_head(kind, len, e->head);
    e->skip = kind == PLUG_FRAME_COBS; /* the first block is always written */
    return 0;
}

/* Writes e->head from e->pos on. Returns 1 when it is out. */
static int frame_put_head(struct plug_frame_encoder *e, struct frame_run *r)
{
    while (e->pos < e->headlen && r->nout < r->out_room)
        r->out[r->nout++] = e->head[e->pos++];
    return e->pos == e->headlen;
}

static size_t frame_put(struct plug_frame_encoder *e, struct frame_run *r, uint64_t most)
{
    size_t n = frame_min(frame_min(most, r->in_room - r->nin), r->out_room - r->nout);
    if (n)
        memcpy(r->out + r->nout, r->in + r->nin, n);
    r->nin += n;
    r->nout += n;
    e->left -= n;
    return n;
}

static int frame_encode_plain(struct plug_frame_encoder *e, struct frame_run *r)
{
    const char *tail = plug_frame_tail((enum plug_frame_kind)e->kind);
    if (e->kind == PLUG_FRAME_LINE && r->in_room && memchr(r->in, '\n', r->in_room))
        return PLUG_EINVAL;
    if (!frame_put_head(e, r))
        return 0;
    frame_put(e, r, e->left);
    if (e->left)
        return 0;
    if (*tail && e->phase != PHASE_DONE) {
        if (r->nout == r->out_room)
            return 0;
        r->out[r->nout++] = (uint8_t)*tail;
    }
    e->phase = PHASE_DONE;
    return 1;
}

/* Writes the next block's code, for which the block must be in sight: up to a zero, to 254 bytes or
 * to the record's end. Returns 0 when it is not. */
static int frame_cobs_begin(struct plug_frame_encoder *e, struct frame_run *r)
{
    size_t most = frame_min(e->left, COBS_MOST), have = frame_min(most, r->in_room - r->nin);
    const uint8_t *at = r->in + r->nin, *zero = have ? memchr(at, 0, have) : NULL;
    size_t n = zero ? (size_t)(zero - at) : have;
    if (!zero && have < most)
        return 0;
    e->code = (uint8_t)(n + 1);
    e->pos = (uint8_t)n; /* literal bytes to come */
    e->skip = 0;
    r->out[r->nout++] = e->code;
    e->phase = PHASE_BODY;
    return 1;
}

/* Takes the literal bytes of a block and the zero that its code stands for. Returns 1 when the
 * block is over. */
static int frame_cobs_body(struct plug_frame_encoder *e, struct frame_run *r)
{
    e->pos = (uint8_t)(e->pos - frame_put(e, r, e->pos));
    if (e->pos)
        return 0;
    if (e->code < COBS_FULL && e->left) {
        if (r->nin == r->in_room)
            return 0;
        r->nin++;
        e->left--;
        e->skip = 1; /* a block must follow, be it empty */
    }
    e->phase = PHASE_HEAD;
    return 1;
}

static int frame_encode_cobs(struct plug_frame_encoder *e, struct frame_run *r)
{
    while (e->phase != PHASE_DONE) {
        if (e->phase == PHASE_BODY && !frame_cobs_body(e, r))
            return 0;
        if (r->nout == r->out_room)
            return 0;
        if (e->left || e->skip) {
            if (!frame_cobs_begin(e, r))
                return 0;
            continue;
        }
        r->out[r->nout++] = 0;
        e->phase = PHASE_DONE;
    }
    return 1;
}

int plug_frame_encode(struct plug_frame_encoder *e, const void *in, size_t *inlen, void *out,
                      size_t *outlen)
{
    struct frame_run r = {.in = in, .out = out, .in_room = *inlen, .out_room = *outlen};
    int done = e->kind == PLUG_FRAME_COBS ? frame_encode_cobs(e, &r) : frame_encode_plain(e, &r);
    *inlen = r.nin;
    *outlen = r.nout;
    return done;
}
