/* SPDX-License-Identifier: MIT
 *
 * A relay between two simulated ends in virtual time, both played by the input: pieces, records,
 * pauses, short transfers, stalls, ends, errors and failing allocations. Nothing may be stuck,
 * spin, or be lost without a word.
 */
#include "contract/tenants.h"
#include "sim/sim_relay.h"
#include "util/alloc.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* what libFuzzer calls */

enum { MOST = 400000 };

/* How an end is named, and whether bytes given there come out on the other side as they are. */
static const struct {
    const char *a, *b;
    int plain, half, lossy; /* half: its end does not end what it still sends */
} fuzz_kinds[] = {
    {"sim:a", "sim:b", 1, 1, 0},
    {"sim:a,half=0", "sim:b,half=0", 1, 0, 0},
    {"sim:a,type=seqpacket,splits", "sim:b,type=seqpacket,splits", 1, 1, 0},
    {"sim:a,type=seqpacket,limit=300", "sim:b,type=seqpacket,limit=300", 1, 1, 1},
    {"sim:a,type=dgram", "sim:b,type=dgram", 1, 0, 1},
    {"line+sim:a", "line+sim:b", 0, 0, 0},
    {"len16+sim:a", "len16+sim:b", 0, 0, 0},
    {"cobs+sim:a", "cobs+sim:b", 0, 0, 0},
    {"sim:a,crnl", "sim:b,crnl", 0, 0, 0},
    {"turns+sim:a,server", "turns+sim:b,server", 0, 0, 0},
    {"beat+sim:a", "beat+sim:b", 0, 0, 0},
    {"leave+sim:a,server", "leave+sim:b,server", 0, 0, 0},
    {"sim:a,frame=netstring", "sim:b,frame=netstring", 0, 0, 0},
};

struct fuzz_input {
    const uint8_t *at, *end;
};

struct fuzz_given {
    uint8_t bytes[MOST];
    size_t len;
    int ended, broken; /* an end or an error stands behind the bytes */
};

struct fuzz_case {
    struct sim_world *w;
    struct sim_relay r;
    struct sim_end *end[2];
    struct fuzz_given *given[2];
    int kind[2];
    int faults; /* errors or failing memory were played: bytes may be missing, but not wrong */
};

static void fuzz_must(int ok)
{
    if (!ok)
        abort();
}

static unsigned fuzz_byte(struct fuzz_input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

/* ---- failing memory ---- */

static int fuzz_deny(void *arg, size_t size)
{
    unsigned *left = arg;
    (void)size;
    return *left && --*left == 0;
}

/* ---- playing ---- */

static void fuzz_knobs(struct fuzz_input *in, struct sim_knobs *k)
{
    unsigned b = fuzz_byte(in);
    if (b & 1)
        k->most[SIM_IN] = 1 + fuzz_byte(in);
    if (b & 2)
        k->most[SIM_OUT] = 1 + fuzz_byte(in);
    k->gasp = (b & 4) != 0;
    if (b & 8)
        k->again[SIM_IN] = 2 + (fuzz_byte(in) & 7);
    if (b & 16)
        k->again[SIM_OUT] = 2 + (fuzz_byte(in) & 7);
    if (b & 32)
        k->open_delay = (plug_time)fuzz_byte(in) * 100 * PLUG_MS;
}

static void fuzz_fault(struct fuzz_case *c, struct fuzz_input *in, int side)
{
    static const int codes[] = {PLUG_ECONNRESET, PLUG_EPIPE, PLUG_ETIMEDOUT, PLUG_ENOSPC};
    unsigned b = fuzz_byte(in);
    int dir = b & 1;
    struct sim_end *e = c->end[side];
    e->knobs.fail[dir] = codes[b >> 1 & 3];
    e->knobs.fail_at[dir] = e->moved[dir] + (b >> 3);
    c->faults = 1;
}

static void fuzz_give(struct fuzz_case *c, struct fuzz_input *in, int side, size_t n)
{
    struct fuzz_given *g = c->given[side];
    static uint8_t piece[8192];
    if (g->ended || n > sizeof(piece) || n > MOST - g->len)
        return;
    for (size_t i = 0; i < n; i++) { /* a short input still makes long transfers */
        piece[i] = in->at + i < in->end ? in->at[i] : (uint8_t)(g->len + i);
        g->bytes[g->len + i] = piece[i];
    }
    in->at += (size_t)(in->end - in->at) < n ? (size_t)(in->end - in->at) : n;
    g->len += n;
    sim_give(c->end[side], piece, n, PLUG_MSG_EOR);
}

static void fuzz_end(struct fuzz_case *c, int side, int code)
{
    struct fuzz_given *g = c->given[side];
    if (g->ended)
        return;
    g->ended = 1;
    g->broken = code != PLUG_EOF;
    c->faults |= g->broken;
    sim_give_end(c->end[side], code);
}

static void fuzz_stall(struct fuzz_case *c, int side, int on)
{
    if (on)
        c->end[side]->frozen = SIM_STALLED;
    else
        sim_thaw(c->end[side]);
}

/* Virtual time goes on; one that stands still for ever makes the world abort. */
static void fuzz_wait(struct fuzz_case *c, plug_time span)
{
    plug_time until = c->w->now + span;
    while (c->w->now < until && !c->w->idle && !plug__relay_done(c->r.relay))
        sim_run(c->w, c->w->now + PLUG_SECOND < until ? c->w->now + PLUG_SECOND : until);
    c->w->idle = 0;
}

static void fuzz_play(struct fuzz_case *c, struct fuzz_input *in)
{
    while (in->at < in->end && !plug__relay_done(c->r.relay)) {
        unsigned op = fuzz_byte(in);
        int side = op & 1;
        switch (op >> 1 & 7) {
        case 0:
        case 1:
            fuzz_give(c, in, side, fuzz_byte(in));
            break;
        case 2:
            fuzz_give(c, in, side, fuzz_byte(in) * 32u);
            break;
        case 3:
            fuzz_wait(c, (plug_time)fuzz_byte(in) * 10 * PLUG_MS);
            break;
        case 4:
            fuzz_stall(c, side, fuzz_byte(in) & 1);
            break;
        case 5:
            if (op >> 4 == 7)
                fuzz_end(c, side, PLUG_ECONNRESET);
            else if (op >> 4 & 1)
                fuzz_end(c, side, PLUG_EOF);
            break;
        case 6:
            if (op >> 4 == 5)
                fuzz_fault(c, in, side);
            break;
        default:
            fuzz_knobs(in, &c->end[side]->knobs);
            break;
        }
    }
}

/* ---- judging ---- */

/* What came out at the other side is what was given, or the beginning of it where something failed.
 */
static void fuzz_judge(const struct fuzz_case *c, int from)
{
    const struct fuzz_given *g = c->given[from];
    const struct sim_end *to = c->end[!from];
    int from_kind = c->kind[from], to_kind = c->kind[!from];
    if (!fuzz_kinds[from_kind].plain || !fuzz_kinds[to_kind].plain)
        return;
    if (fuzz_kinds[from_kind].lossy || fuzz_kinds[to_kind].lossy) /* whole records may be missing */
        return;
    fuzz_must(to->out_len <= g->len);
    fuzz_must(to->out_len == 0 || memcmp(to->out, g->bytes, to->out_len) == 0);
    /* A side that cannot half-close may be cut by `grace` while it is silent. */
    if (!fuzz_kinds[from_kind].half || !fuzz_kinds[to_kind].half)
        return;
    if (!c->faults && !c->r.lost && !c->r.failed)
        fuzz_must(to->out_len == g->len);
}

static void fuzz_finish(struct fuzz_case *c)
{
    for (int side = 0; side < 2; side++) {
        fuzz_stall(c, side, 0);
        fuzz_end(c, side, PLUG_EOF);
    }
    fuzz_wait(c, 60 * PLUG_SECOND); /* longer than any clock of a session */
    fuzz_must(plug__relay_done(c->r.relay));
    if (c->r.opened)
        fuzz_must(c->r.ended + c->r.lost + c->r.failed >= 1);
    for (int side = 0; side < 2; side++) {
        fuzz_must(c->end[side]->layer == NULL);
        if (c->r.opened)
            fuzz_judge(c, side);
    }
}

static void fuzz_relay(struct fuzz_case *c, struct fuzz_input *in, unsigned *deny)
{
    static struct fuzz_given given[2];
    c->w = sim_new(tenants);
    if (!c->w)
        return;
    for (int side = 0; side < 2; side++) {
        given[side].len = 0;
        given[side].ended = given[side].broken = 0;
        c->given[side] = &given[side];
        c->end[side] = sim_end(c->w, side ? "b" : "a");
        c->kind[side] = (int)(fuzz_byte(in) % (sizeof(fuzz_kinds) / sizeof(*fuzz_kinds)));
        fuzz_knobs(in, &c->end[side]->knobs);
    }
    if (*deny) {
        plug__alloc_hook(fuzz_deny, deny);
        c->faults = 1;
    }
    if (sim_relay_open(&c->r, c->w, fuzz_kinds[c->kind[0]].a, fuzz_kinds[c->kind[1]].b) >= 0) {
        fuzz_play(c, in);
        fuzz_finish(c);
    }
    plug__alloc_hook(NULL, NULL);
    sim_relay_close(&c->r);
    plug__loop_poll(c->w->loop, 0);
    sim_free(c->w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, data + size};
    struct fuzz_case c = {.faults = 0};
    if (size < 4 || size > 4096)
        return 0;
    unsigned deny = fuzz_byte(&in);
    deny = deny & 1 ? deny >> 1 : 0;
    fuzz_relay(&c, &in, &deny);
    return 0;
}
