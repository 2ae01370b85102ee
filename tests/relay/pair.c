/* SPDX-License-Identifier: MIT
 *
 * One pair of kinds, joined and driven to its end: who sends what, who ends first, the reply after
 * that, and how the relay must end. It waits for nothing; matrix.c passes the time.
 */
#include "matrix.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define PAIR_SLACK (10 * PLUG_SECOND)
#define PAIR_DEADLINE (30 * PLUG_SECOND)

int pair_fail(struct pair *p, const char *fmt, ...)
{
    va_list ap;
    if (p->failed)
        return -1;
    p->failed = 1;
    va_start(ap, fmt);
    (void)vsnprintf(p->why, sizeof(p->why), fmt, ap);
    va_end(ap);
    return -1;
}

const char *pair_name(const struct pair *p, char *buf, size_t len)
{
    static const char *const ends[] = {"A ends first", "B ends first", "both end", "no end"};
    (void)snprintf(buf, len, "%s | %s: %zu bytes, %s, %s", p->end[0].kind->name,
                   p->end[1].kind->name, p->size, ends[p->closing], p->backend);
    return buf;
}

/* ---- the relay ---- */

static void pair_listening(struct pair *p, const struct plug__event *ev)
{
    const char *colon = ev->name ? strrchr(ev->name, ':') : NULL;
    struct end *e = &p->end[ev->side];
    e->listening = 1;
    e->port = colon && e->kind->family == AF_INET ? (unsigned)strtoul(colon + 1, NULL, 10) : 0;
}

static void pair_event(void *arg, const struct plug__event *ev)
{
    struct pair *p = arg;
    if (ev->kind == PLUG__EV_LISTENING)
        pair_listening(p, ev);
    if (ev->kind == PLUG__EV_OPENED)
        p->opened = 1;
    if (ev->kind == PLUG__EV_ENDED)
        p->ended = 1;
    if (ev->kind == PLUG__EV_FAILED || ev->kind == PLUG__EV_LOST)
        pair_fail(p, "%s: %s", ev->kind == PLUG__EV_LOST ? "lost" : "failed",
                  ev->err.text[0] ? ev->err.text : plug_strerror(ev->err.code));
    if (ev->stats)
        p->stats = *ev->stats;
}

static int pair_relay(struct pair *p)
{
    struct plug__relay_conf conf = {.block = p->block,
                                    .half_wait = PLUG_FOREVER,
                                    .idle = PLUG_FOREVER,
                                    .movers = !p->copies,
                                    .event = pair_event,
                                    .arg = p};
    struct plug_err err = {0};
    int r, side = 0;
    if (p->end[0].kind->flags & KIND_ONE_WAY)
        conf.only = 1;
    else if (p->end[1].kind->flags & KIND_ONE_WAY)
        conf.only = 2;
    r = plug__plan_parse(&conf.a, p->end[0].address, NULL, &err);
    if (r >= 0)
        r = plug__plan_parse(&conf.b, p->end[1].address, NULL, &err);
    if (r >= 0)
        r = plug__relay_check(conf.a, conf.b, 0, conf.only, &side, NULL, NULL, &err);
    if (r >= 0)
        r = plug__relay_new(&p->relay, p->loop, &conf, &err);
    else {
        plug__plan_drop(conf.a);
        plug__plan_drop(conf.b);
    }
    return r < 0 ? pair_fail(p, "%.60s | %.60s: %s", p->end[0].address, p->end[1].address, err.text)
                 : 0;
}

static void end_init(struct end *e, const struct kind *k, uint64_t seed, unsigned number)
{
    static const size_t pieces[] = {65536, 1460, 7, 1, 20000, 65536, 65536, 4096};
    *e = (struct end){.kind = k,
                      .number = number,
                      .listener = -1,
                      .in = -1,
                      .out = -1,
                      .given = {-1, -1},
                      .control = -1,
                      .piece = pieces[seed % 8]};
}

/* Plug closes what it was given, but for a half that it has no use for. */
static void pair_gave(struct pair *p, int i)
{
    struct end *e = &p->end[i];
    int unused = (e->kind->flags & KIND_SPLIT) && (p->end[!i].kind->flags & KIND_ONE_WAY);
    e->given[1] = -1;
    if (!unused)
        e->given[0] = -1;
}

int pair_begin(struct pair *p, const struct kind *a, const struct kind *b, uint64_t seed,
               unsigned *number)
{
    end_init(&p->end[0], a, content_mix(seed, 10), ++*number);
    end_init(&p->end[1], b, content_mix(seed, 11), ++*number);
    p->lossy = ((a->flags | b->flags) & KIND_LOSSY) != 0;
    p->deadline = plug_now() + (p->hurried ? PAIR_DEADLINE / 6 : PAIR_DEADLINE);
    for (int i = 0; i < 2; i++) {
        pair_flow(p, i, seed);
        if (p->size > 4096 && p->end[i].piece < 1000)
            p->end[i].piece = 1460;
        if (p->size > 100000)
            p->end[i].piece = 65536;
    }
    pair_choose_closing(p);
    for (int i = 0; i < 2; i++)
        if (end_prepare(p, i) < 0)
            return -1;
    if (p->child)
        return command_start(p);
    if (pair_relay(p) < 0)
        return -1;
    for (int i = 0; i < 2; i++)
        pair_gave(p, i);
    return 0;
}

/* ---- phases ---- */

static int all_sent(const struct pair *p, int i)
{
    const struct flow *f = &p->flow[i];
    const struct end *e = &p->end[i];
    if (!f->on)
        return 1;
    if (e->wire_at < e->wire_len)
        return 0;
    return e->kind->how != HOW_SOURCE && (e->kind->flags & KIND_RECORDS)
               ? content_over(&f->content, f->sent_records, f->sent)
               : f->sent >= f->content.size;
}

/* What was sent up to now has come. */
static int arrived(const struct pair *p, int i)
{
    const struct flow *f = &p->flow[i];
    const struct end *e = &p->end[i];
    return !f->on || (f->got == f->sent && e->wire_at == e->wire_len &&
                      (!f->bounds || f->got_records == f->sent_records));
}

static int held_back(const struct pair *p, int i)
{
    return all_sent(p, i) || p->flow[i].sent >= p->flow[i].hold;
}

static int first_of(const struct pair *p)
{
    return p->closing == CLOSE_B;
}

/* Everything is said and was heard. */
static int pair_said(const struct pair *p)
{
    for (int i = 0; i < 2; i++)
        if (!all_sent(p, i) || !arrived(p, i))
            return 0;
    return 1;
}

/* Both directions can end: then the relay ends without a wait. */
static int ends_alone(const struct pair *p)
{
    const unsigned end = KIND_ENDS | KIND_ONCE;
    const struct kind *a = p->end[0].kind, *b = p->end[1].kind;
    return p->closing != CLOSE_NONE && (a->flags & end) && (b->flags & end);
}

/* A direction that no pump runs ends with the other: grace is for a reply that may come. */
static int one_way(const struct pair *p)
{
    int echo = pair_is_echo(p, 0) || pair_is_echo(p, 1);
    return !echo && (!p->flow[0].on || !p->flow[1].on);
}

static void knock(struct pair *p, int i)
{
    struct end *e = &p->end[i];
    if (!e->open || e->knocked || !(e->kind->flags & KIND_KNOCKS) || p->flow[i].on)
        return;
    e->knocked = 1;
    (void)send(e->out, "", 0, MSG_NOSIGNAL);
}

static int pair_opening(struct pair *p)
{
    for (int i = 0; i < 2; i++)
        knock(p, i);
    if (!p->opened || !p->end[0].open || !p->end[1].open)
        return 0;
    p->phase = PHASE_RUN;
    return 1;
}

static int pair_run(struct pair *p)
{
    int first = first_of(p), second = !first, r = 0;
    if (p->closing == CLOSE_NONE || p->closing == CLOSE_BOTH) {
        for (int i = 0; i < 2; i++)
            if (p->closing == CLOSE_BOTH && all_sent(p, i) && (r = end_shut(p, i)) < 0)
                return r;
        if (!pair_said(p))
            return r;
        p->phase = p->closing == CLOSE_NONE ? PHASE_ALIVE
                   : ends_alone(p)          ? PHASE_ENDING
                                            : PHASE_ALIVE;
        return 1;
    }
    if (all_sent(p, first) && (r = end_shut(p, first)) < 0)
        return r;
    if (!all_sent(p, first) || !arrived(p, first) || !held_back(p, second) || !arrived(p, second))
        return r;
    if (pair_sees_end(p, second) && !p->end[second].eof)
        return r;
    if (p->child && !ends_alone(p))
        p->pauses = 0;
    p->phase = p->pauses && !one_way(p) ? PHASE_PAUSE : PHASE_REPLY;
    return 1;
}

static int pair_reply(struct pair *p)
{
    int second = !first_of(p), r;
    p->flow[second].hold = UINT64_MAX;
    if (!all_sent(p, second))
        return 0;
    r = end_shut(p, second);
    if (r < 0 || !pair_said(p))
        return r;
    p->phase = ends_alone(p) || one_way(p) || p->child ? PHASE_ENDING : PHASE_ALIVE;
    return 1;
}

/* What the relay counted. A stream has no records to count. */
static int check_flow(struct pair *p, int d, const struct flow *want)
{
    const struct plug__flow *f = &p->stats.flow[d];
    if (f->bytes != want->content.size || f->dropped || f->late)
        return pair_fail(p,
                         "direction %d counted %" PRIu64 " bytes of %zu, %" PRIu64
                         " dropped, %" PRIu64 " late",
                         d, f->bytes, want->content.size, f->dropped, f->late);
    if (want->bounds && want->content.size && f->records != want->sent_records)
        return pair_fail(p, "direction %d counted %" PRIu64 " records of %" PRIu64, d, f->records,
                         want->sent_records);
    return 0;
}

static int relay_done(const struct pair *p)
{
    return p->child ? p->child->over : p->relay && plug__relay_done(p->relay);
}

static int relay_status(const struct pair *p)
{
    return p->child ? p->child->status : plug__relay_status(p->relay);
}

static int pair_over(struct pair *p)
{
    int status = relay_status(p);
    p->phase = PHASE_OVER;
    if (status)
        return pair_fail(p, "the relay ended with status %d %s", status,
                         p->child ? p->child->text : "");
    if (p->child)
        return 1;
    if (!p->ended)
        return pair_fail(p, "the relay is done, its session was never told to have ended");
    if (p->due && p->stats.ended > p->due)
        return pair_fail(p, "the session ended %.1f s too late",
                         (double)(p->stats.ended - p->due + PAIR_SLACK) / 1e9);
    for (int i = 0; i < 2; i++)
        if (check_flow(p, i, &p->flow[pair_is_echo(p, i) ? !i : i]) < 0)
            return -1;
    return 1;
}

/* The relay is done: the ends read what is left, and their end of data. */
static int pair_ending(struct pair *p)
{
    if (!relay_done(p))
        return 0;
    for (int i = 0; i < 2; i++) {
        if (pair_sees_end(p, i) && !p->end[i].eof && (p->end[i].in >= 0 || p->end[i].sock))
            return 0;
        if (!arrived(p, i))
            return 0;
    }
    return pair_over(p);
}

static void hangups(struct pair *p)
{
    for (int i = 0; i < 2; i++) {
        struct end *e = &p->end[i];
        if (e->kind->how == HOW_LENT && e->eof && (e->shut || p->phase >= PHASE_ENDING))
            end_hangup(e);
    }
}

static int pair_phase(struct pair *p)
{
    switch (p->phase) {
    case PHASE_OPENING:
        return pair_opening(p);
    case PHASE_RUN:
        return pair_run(p);
    case PHASE_REPLY:
        return pair_reply(p);
    case PHASE_ENDING:
        return pair_ending(p);
    case PHASE_PAUSE:
    case PHASE_ALIVE:
    case PHASE_TIME:
    case PHASE_IDLE:
    case PHASE_OVER:
        break;
    }
    return 0;
}

/* A relay that ends before all was said, or that fails. */
static int pair_early(struct pair *p)
{
    int once = (p->end[0].kind->flags | p->end[1].kind->flags) & KIND_ONCE;
    int may = one_way(p) || ((p->phase >= PHASE_RUN || once) && ends_alone(p));
    if (p->phase >= PHASE_IDLE || !relay_done(p) || (may && !relay_status(p)))
        return 0;
    return pair_fail(p, "the relay ended too early, in phase %d with status %d %s", (int)p->phase,
                     relay_status(p), p->child ? p->child->text : "");
}

static int step_ends(struct pair *p)
{
    int moved = 0;
    for (int i = 0; i < 2; i++) {
        int r = end_meet(p, i);
        moved |= r;
        if (r >= 0)
            moved |= r = end_send(p, i);
        if (r >= 0)
            moved |= r = end_receive(p, i);
        if (r < 0)
            return -1;
    }
    return moved;
}

int pair_rests(const struct pair *p)
{
    return p->phase == PHASE_PAUSE || p->phase == PHASE_ALIVE || p->phase == PHASE_TIME ||
           p->phase == PHASE_IDLE || p->phase == PHASE_OVER;
}

int pair_step(struct pair *p)
{
    int moved, r;
    if (p->phase == PHASE_OVER)
        return 0;
    moved = p->failed || (p->child && command_look(p) < 0) ? -1 : step_ends(p);
    if (moved >= 0) {
        hangups(p);
        r = pair_early(p) < 0 ? -1 : pair_phase(p);
        moved = r < 0 || p->failed ? -1 : moved | r;
    }
    if (moved >= 0 && !pair_rests(p) && plug_now() > p->deadline)
        moved = pair_fail(p,
                          "stuck in phase %d: A sent %" PRIu64 ", %" PRIu64 " came; B sent %" PRIu64
                          ", %" PRIu64 " came; ends seen: %d %d",
                          (int)p->phase, p->flow[0].sent, p->flow[0].got, p->flow[1].sent,
                          p->flow[1].got, p->end[0].eof, p->end[1].eof);
    if (moved < 0) {
        p->phase = PHASE_OVER;
        return 1;
    }
    return moved;
}

/* Its time is over: it must have ended by now, but for what a busy machine takes. */
static void pair_due(struct pair *p)
{
    p->phase = PHASE_ENDING;
    p->due = clock_now(p->loop) + PAIR_SLACK;
}

void pair_release(struct pair *p)
{
    int idles = (p->end[0].kind->flags | p->end[1].kind->flags) & KIND_IDLES;
    p->deadline = plug_now() + (p->hurried ? PAIR_DEADLINE / 6 : PAIR_DEADLINE);
    if (p->phase == PHASE_PAUSE)
        p->phase = PHASE_REPLY;
    else if (p->phase == PHASE_ALIVE)
        p->phase = p->closing == CLOSE_NONE ? PHASE_IDLE : PHASE_TIME;
    else if (p->phase == PHASE_TIME || idles)
        pair_due(p);
    else if (p->phase == PHASE_IDLE)
        p->phase = PHASE_OVER; /* it would go on for ever */
}

void pair_drop(struct pair *p)
{
    plug__relay_free(p->relay);
    p->relay = NULL;
    command_drop(p);
    for (int i = 0; i < 2; i++)
        end_drop(&p->end[i]);
}
