/* SPDX-License-Identifier: MIT
 *
 * The framing codecs: any bytes give the same records however they are split, and records that are
 * encoded in any split decode to themselves. It knows no layer.
 */
#include <plug/frame_codec.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* what libFuzzer calls */

enum { MOST = 65536, RECORDS = 4096 };

/* What a decoder made of its input: bytes, where records end, how it stopped. */
struct fuzz_seen {
    uint8_t bytes[MOST];
    size_t len, ends[RECORDS], n, used;
    int code;
};

static void fuzz_must(int ok)
{
    if (!ok)
        abort();
}

static void fuzz_decode(struct fuzz_seen *s, enum plug_frame_kind kind, uint64_t limit,
                        const uint8_t *in, size_t len, size_t nin, size_t nout)
{
    struct plug_frame_decoder d;
    s->len = s->n = s->used = 0;
    s->code = 0;
    plug_frame_decoder_init(&d, kind, limit);
    while (s->used < len && s->n < RECORDS) {
        size_t take = len - s->used < nin ? len - s->used : nin;
        size_t room = sizeof(s->bytes) - s->len < nout ? sizeof(s->bytes) - s->len : nout;
        size_t sure = plug_frame_sure(&d), had = take;
        fuzz_must(sure > 0);
        s->code = plug_frame_decode(&d, in + s->used, &take, s->bytes + s->len, &room);
        fuzz_must(take <= had);
        s->used += take;
        s->len += room;
        if (s->code < 0)
            return;
        if (s->code == 1)
            s->ends[s->n++] = s->len;
        fuzz_must(s->code == 1 || take || room);
    }
    s->code = plug_frame_finish(&d);
}

static void fuzz_any_bytes(enum plug_frame_kind kind, uint64_t limit, const uint8_t *in, size_t len,
                           size_t nin, size_t nout)
{
    static struct fuzz_seen whole, split;
    fuzz_decode(&whole, kind, limit, in, len, len ? len : 1, MOST);
    fuzz_decode(&split, kind, limit, in, len, nin, nout);
    fuzz_must(whole.n == split.n);
    fuzz_must(whole.code == split.code);
    fuzz_must(memcmp(whole.ends, split.ends, whole.n * sizeof(*whole.ends)) == 0);
    size_t sound = whole.n ? whole.ends[whole.n - 1] : 0; /* behind it an error may come early */
    fuzz_must(memcmp(whole.bytes, split.bytes, sound) == 0);
    for (size_t i = 0, from = 0; i < whole.n; from = whole.ends[i++])
        fuzz_must(!limit || whole.ends[i] - from <= limit);
}

/* One record through encoder and decoder. */
static void fuzz_round_trip(enum plug_frame_kind kind, const uint8_t *rec, size_t len, size_t step,
                            size_t nin)
{
    static uint8_t wire[2 * MOST];
    static struct fuzz_seen back;
    struct plug_frame_encoder e;
    size_t at = 0, n = 0;
    int r = plug_frame_encoder_init(&e, kind, 0, len);
    if (r == PLUG_EMSGSIZE)
        return;
    for (r = 0; r == 0;) {
        size_t in = len - at, room = step;
        fuzz_must(n + step <= sizeof(wire));
        r = plug_frame_encode(&e, rec + at, &in, wire + n, &room);
        if (r == PLUG_EINVAL) {
            fuzz_must(kind == PLUG_FRAME_LINE && memchr(rec, '\n', len) != NULL);
            return;
        }
        fuzz_must(r == 1 || in || room);
        at += in;
        n += room;
    }
    fuzz_must(r == 1 && at == len);
    fuzz_decode(&back, kind, 0, wire, n, nin, MOST);
    fuzz_must(back.n == 1 && back.len == len && back.code == PLUG_EOF);
    fuzz_must(len == 0 || memcmp(back.bytes, rec, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4 || size > MOST / 2)
        return 0;
    enum plug_frame_kind kind = (enum plug_frame_kind)(data[0] % PLUG_FRAME_KINDS);
    size_t a = 1u + data[1], b = 1u + data[2];
    fuzz_any_bytes(kind, data[3], data + 4, size - 4, a, b);
    fuzz_round_trip(kind, data + 4, size - 4, a, b);
    return 0;
}
