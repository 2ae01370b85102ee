/* SPDX-License-Identifier: MIT
 *
 * How a session ends: half-close and grace, the orderly close within its time, resets, and what is
 * told about it. It moves no data but that which comes too late, which it counts.
 */
#include "relay/session.h"

#include "util/alloc.h"
#include "util/err.h"

#define ENDING_UDP_IDLE (60 * PLUG_SECOND)
#define ENDING_LOOK (5 * PLUG_MS) /* whether a side that will be reset has got all */
enum { ENDING_LATE_READS = 16 };

struct plug_plan *plug__session_plan(const struct plug__session *s, int side)
{
    return side ? s->relay->conf.b : s->relay->conf.a;
}

/* ---- deadlines ---- */

static plug_time ending_idle(const struct plug__session *s)
{
    plug_time idle = s->relay->conf.idle > 0 ? s->relay->conf.idle : PLUG_FOREVER;
    for (int i = 0; i < 2; i++) {
        const struct plug_plan *p = plug__session_plan(s, i);
        plug_time own = p->common.idle_timeout;
        if (!own && s->side[i] && (plug__sock_step(s->side[i])->flags & PLUG_MUXED) &&
            (s->side[i]->flags & PLUG__SOCK_CHILD))
            own = ENDING_UDP_IDLE;
        if (own > 0 && own < idle)
            idle = own;
    }
    return plug__after(s->last, idle);
}

static plug_time ending_grace(const struct plug__session *s)
{
    plug_time when = PLUG_FOREVER;
    for (int i = 0; i < 2; i++) {
        plug_time end = plug__after(s->last, plug__session_plan(s, i)->common.grace);
        if ((s->flags & (PLUG__SESSION_GRACE_A << i)) && end < when)
            when = end;
    }
    return when;
}

plug_time plug__session_due(const struct plug__session *s)
{
    plug_time when = s->cut;
    if (s->state != PLUG__SESSION_RUNNING)
        return when;
    if (ending_idle(s) < when)
        when = ending_idle(s);
    return ending_grace(s) < when ? ending_grace(s) : when;
}

int plug__session_over(const struct plug__session *s)
{
    return plug__session_due(s) <= s->relay->loop->now;
}

/* ---- one direction has ended ---- */

static int ending_runs(const struct plug__session *s, int d)
{
    int state = s->pump[d].state;
    return state != PLUG__PUMP_OFF && state != PLUG__PUMP_DONE;
}

/* A failure that waits to be told. A child's own status is only a result, but one that was killed
 * has not said all. */
static int ending_faulty(const struct plug__session *s)
{
    int killed;
    size_t len = sizeof(killed);
    if (s->fault != PLUG_ECHILD)
        return s->fault != 0;
    return plug_getsockopt(s->side[s->fault_side], PLUG_LEVEL_CHILD, PLUG__CHILD_KILLED, &killed,
                           &len) >= 0 &&
           killed;
}

/* After a failure the other side gets all that was said, then a reset: an end would be a lie. */
static int ending_resets(const struct plug__session *s, int side)
{
    return side != s->fault_side && ending_faulty(s);
}

/* It has ended with bytes of the other direction unread: its end is no clean one, and the other
 * side, which sent them, is not told one. */
static int ending_unread(struct plug__session *s, int d)
{
    if (plug__sock_base(s->side[d])->error[1] != PLUG_ECONNRESET ||
        s->pump[!d].state == PLUG__PUMP_OFF || s->fault)
        return 0;
    plug__pump_drop(&s->pump[!d], s->relay->loop);
    s->pump[!d].state = PLUG__PUMP_DONE;
    s->fault = PLUG_ECONNRESET;
    s->fault_side = (uint8_t)d;
    return 1;
}

void plug__session_source_ended(struct plug__session *s, int d)
{
    const struct plug__common *sink = &plug__session_plan(s, !d)->common;
    struct plug__pump *p = &s->pump[d];
    if (ending_unread(s, d) || ending_resets(s, !d)) {
        p->state = PLUG__PUMP_DONE;
        return;
    }
    if (plug__session_plan(s, d)->common.ignoreeof) {
        p->state = PLUG__PUMP_RUN;
        s->flags |= PLUG__SESSION_FOLLOW;
        return;
    }
    plug__session_trace(s, d, "the source has ended%s",
                        plug__session_can_tell(s, !d) ? ", the sink is told" : "");
    p->state = plug__session_can_tell(s, !d) ? PLUG__PUMP_SHUT : PLUG__PUMP_DONE;
    if (!ending_runs(s, !d))
        return;
    if (!plug__session_half_closes(s, !d) && !sink->shut_close) {
        s->flags |= (uint16_t)(PLUG__SESSION_GRACE_A << !d);
        plug__session_trace(s, d, "the sink stays open until silent for %g s",
                            (double)sink->grace / (double)PLUG_SECOND);
    }
    s->flags |= PLUG__SESSION_PROBE;
    if (s->cut == PLUG_FOREVER)
        s->cut = plug__after(s->relay->loop->now, s->relay->conf.half_wait);
}

/* A process that has ended, or a sink that knows that nobody reads any more. */
int plug__session_sink_left(struct plug__session *s, int d, int *ret_code)
{
    struct plug_sock *sink = s->side[!d];
    int status, child;
    size_t len = sizeof(status);
    child = plug_getsockopt(sink, PLUG_LEVEL_CHILD, PLUG_CHILD_STATUS, &status, &len);
    *ret_code = plug__sock_base(sink)->error[1];
    if (*ret_code == PLUG_EPIPE && child == PLUG_EAGAIN)
        return 0; /* its descriptors are closed, its end is a moment away */
    if (*ret_code == PLUG_EPIPE && child >= 0)
        *ret_code = 0; /* it read all we sent; only more would be a loss */
    return child >= 0 || *ret_code;
}

/* ---- telling ---- */

static void ending_release(struct plug__session *s, int reset)
{
    for (int i = 0; i < 2; i++) {
        plug__pump_drop(&s->pump[i], s->relay->loop);
        if (!s->side[i])
            continue;
        plug_watch(s->side[i], NULL, NULL);
        if (reset)
            (void)plug__sock_shut(s->side[i], PLUG_SHUT_RESET);
        plug_close(s->side[i]);
        s->side[i] = NULL;
    }
    (void)plug__loop_timer(s->relay->loop, &s->timer, PLUG_FOREVER);
}

/* What a source had no room for never came to a pump. */
static void ending_dropped(struct plug__session *s)
{
    for (int i = 0; i < 2; i++) {
        int64_t n;
        size_t len = sizeof(n);
        if (s->side[i] && s->pump[i].state != PLUG__PUMP_OFF &&
            plug_getsockopt(s->side[i], PLUG_LEVEL_SOCK, PLUG_SO_DROPPED, &n, &len) >= 0)
            s->stats.flow[i].dropped += (uint64_t)n;
    }
}

/* Of many sessions the text must say which. */
static void ending_who(const struct plug__session *s, struct plug__event *ev, char *buf,
                       size_t size)
{
    if (!ev->peer && plug__session_peer(s, buf, size) >= 0)
        ev->peer = buf;
}

/* A relay hands on bytes and records, not descriptors: their sender may wait for what they mean. */
static void ending_stripped(struct plug__session *s)
{
    for (int i = 0; i < 2; i++) {
        struct plug__event ev = {.kind = PLUG__EV_WARNING, .session = s->id, .side = i};
        int64_t n = 0;
        size_t len = sizeof(n);
        if (!s->side[i] ||
            plug_getsockopt(s->side[i], PLUG_LEVEL_SOCK, PLUG_SO_STRIPPED, &n, &len) < 0 || n == 0)
            continue;
        plug__err(
            &ev.err, PLUG_ENOTSUP, 0, plug__sock_base(s->side[i])->ops->name,
            "descriptors that came with %lld message%s were dropped: a relay hands on bytes only",
            (long long)n, n == 1 ? "" : "s");
        plug__relay_emit(s->relay, &ev);
    }
}

/* Tells, frees, and lets the relay go on. */
static void ending_tell(struct plug__session *s, struct plug__event *ev, int reset, int status)
{
    struct plug__relay *r = s->relay;
    char peer[PLUG__PEER_ROOM];
    s->stats.ended = r->loop->now;
    ev->session = s->id;
    ending_who(s, ev, peer, sizeof(peer));
    ev->stats = &s->stats;
    ending_dropped(s);
    ending_stripped(s);
    ending_release(s, reset);
    plug__relay_emit(r, ev);
    plug__relay_ended(r, s, status);
    plug__free(s);
}

static void ending_why(const struct plug__session *s, int side, int code,
                       const struct plug_err *err, struct plug_err *ret)
{
    *ret = (struct plug_err){0};
    if (err)
        *ret = *err;
    else if (s->side[side])
        (void)plug_error(s->side[side], ret);
    if (ret->code == PLUG_ECHILD)
        return; /* the cause of whatever was met first */
    if (ret->code != code && !err)
        plug__err(ret, code, 0, plug__plan_top(plug__session_plan(s, side))->ops->name, "%s",
                  plug_strerror(code));
}

/* Side failed while the session ran: bytes may be lost, the other side must not take it for an
 * end. */
void plug__session_fail(struct plug__session *s, int side, int code, const struct plug_err *err)
{
    struct plug__event ev = {.kind = PLUG__EV_LOST, .side = side};
    if (plug__session_reconnect(s, side, code, err))
        return;
    ending_why(s, side, code, err, &ev.err);
    ev.accepted = (int64_t)s->stats.flow[!side].bytes;
    ev.unsent = s->side[side] ? plug__sock_unsent(s->side[side]) : -1;
    if (ev.unsent < 0 && s->fault && s->fault_side == side)
        ev.unsent = s->lacks;
    ev.name = plug__plan_label(plug__session_plan(s, side));
    s->relay->totals.failed++;
    ending_tell(s, &ev, 1, plug__exit_code(PLUG_ECONNRESET));
}

void plug__session_open_failed(struct plug__session *s, int side, int code,
                               const struct plug_err *err)
{
    struct plug__event ev = {.kind = PLUG__EV_FAILED, .side = side};
    int child = s->flags & PLUG__SESSION_CHILD_A ? 0 : 1;
    char peer[PLUG__PEER_ROOM];
    ending_why(s, side, code, err, &ev.err);
    ev.name = plug__plan_label(plug__session_plan(s, side));
    ending_who(s, &ev, peer, sizeof(peer));
    if (s->side[child] && s->side[child]->listener &&
        (s->flags & (PLUG__SESSION_CHILD_A | PLUG__SESSION_CHILD_B))) {
        struct plug_sock *sock = s->side[child]; /* a route's child: its layer answers the peer */
        s->side[child] = NULL;
        plug_watch(sock, NULL, NULL);
        plug__child_verdict(sock, code);
    }
    s->relay->totals.failed++;
    ending_tell(s, &ev, 1, plug__exit_opening(&ev.err));
}

/* The side that has not taken all that was meant for it; -1: neither is known to lack anything. */
static int ending_short_side(const struct plug__session *s)
{
    for (int d = 0; d < 2; d++) {
        if (plug__pump_held(&s->pump[d]) || (s->side[!d] && plug__sock_unsent(s->side[!d]) > 0))
            return !d;
    }
    return -1;
}

/* The command ends before the session did; that is a loss only where something was on its way. */
void plug__session_cut(struct plug__session *s, int code)
{
    struct plug_err cut = {.code = PLUG_ECANCELED, .text = "cut short"};
    struct plug__event ev = {.kind = PLUG__EV_ENDED, .side = -1, .err = cut};
    int side;
    if (s->state == PLUG__SESSION_OPENING && !(s->flags & PLUG__SESSION_AGAIN)) {
        plug__session_open_failed(s, 0, code, &(struct plug_err){.code = code, .text = "canceled"});
        return;
    }
    side = ending_short_side(s);
    if (side < 0)
        ending_tell(s, &ev, 1, plug__exit_code(code));
    else
        plug__session_fail(s, side, code, &cut);
}

/* ---- the orderly close ---- */

int plug__session_refuser(const struct plug__session *s)
{
    for (int d = 0; d < 2; d++) {
        if (s->pump[d].flags & PLUG__PUMP_REFUSED)
            return !d;
        if (s->pump[d].flags & PLUG__PUMP_REFUSED_BACK)
            return d;
    }
    return -1;
}

/* A datagram was refused and no other ever came back: nobody is there. */
static int ending_nobody(const struct plug__session *s, struct plug__event *ev)
{
    int side = plug__session_refuser(s);
    if (side < 0 || s->stats.flow[side].records)
        return 0;
    ev->kind = PLUG__EV_FAILED;
    ev->side = side;
    plug__err(&ev->err, PLUG_ECONNREFUSED, 0, plug__sock_step(s->side[side])->ops->name,
              "%s: no record was answered", plug_strerror(PLUG_ECONNREFUSED));
    return plug__exit_code(PLUG_ECONNREFUSED);
}

static void ending_done(struct plug__session *s)
{
    struct plug__event ev = {.kind = PLUG__EV_ENDED, .side = -1};
    int status = 0;
    if (s->fault == PLUG_ECHILD) {
        ev.side = s->fault_side;
        ending_why(s, ev.side, s->fault, NULL, &ev.err);
        status = plug__exit_code(PLUG_ECHILD);
    } else {
        status = ending_nobody(s, &ev);
    }
    if (ev.side >= 0)
        ev.name = plug__session_plan(s, ev.side)->text;
    ending_tell(s, &ev, 0, status);
}

static int ending_is_muxed(const struct plug__session *s, int side)
{
    return (s->flags & (side ? PLUG__SESSION_CHILD_B : PLUG__SESSION_CHILD_A)) &&
           (plug__sock_base(s->side[side])->ops->flags & PLUG_MUXED);
}

/* What still comes in is read and counted: left unread it would make the kernel reset the
 * connection, and what we sent would be lost with it. */
static void ending_late(struct plug__session *s, int side)
{
    struct plug_iov iov = {plug__loop_scratch(s->relay->loop), PLUG__SCRATCH};
    int deaf = s->fault && side != s->fault_side; /* not ended: its sink failed */
    if (!deaf && ending_is_muxed(s, side))
        return; /* what comes now begins the next session */
    if (!iov.base || (s->pump[side].state == PLUG__PUMP_DONE && !deaf) ||
        (plug__sock_step(s->side[side])->flags & PLUG_NOREAD))
        return;
    for (int i = 0; i < ENDING_LATE_READS; i++) {
        struct plug_msg m = {.iov = &iov, .niov = 1};
        if (plug__sock_recv(s->side[side], &m, 1, 0) < 0)
            return;
        if (s->pump[side].state != PLUG__PUMP_OFF)
            s->stats.flow[side].late += m.len;
    }
    plug__sock_again(s->side[side]);
}

static int ending_settled(const struct plug__session *s, int side)
{
    return plug__sock_unsent(s->side[side]) <= 0 && !(plug__sock_want(s->side[side], 0) & PLUG_OUT);
}

/* The kernel does not tell when the last byte is acknowledged. */
static void ending_look(struct plug__session *s)
{
    plug_time when = plug__after(s->relay->loop->now, ENDING_LOOK);
    for (int i = 0; i < 2; i++) {
        if (ending_resets(s, i) && !ending_settled(s, i))
            (void)plug__loop_timer(s->relay->loop, &s->timer, when < s->cut ? when : s->cut);
    }
}

/* One side's farewell. Returns 1 when it is out or can never be. */
static int ending_farewell(struct plug__session *s, int side)
{
    uint16_t bit = (uint16_t)(PLUG__SESSION_SHUT_A << side);
    int r = 0;
    /* While the other side's is under way this peer may still reset: it did not take it all. */
    if ((s->flags & bit) && !(plug__sock_base(s->side[side])->ready & PLUG_ERR))
        return 1;
    if (ending_resets(s, side))
        return ending_settled(s, side);
    if (!plug__session_plan(s, side)->common.end_close)
        r = plug__sock_shut(s->side[side], PLUG_SHUT_RDWR);
    if (r == PLUG_EAGAIN)
        return 0;
    s->flags |= bit;
    if (r < 0 && r != PLUG_ENOTCONN && (!s->fault || s->fault == PLUG_ECHILD)) {
        s->fault = (int16_t)r;
        s->fault_side = (uint8_t)side;
    }
    return 1;
}

int plug__session_closing(struct plug__session *s)
{
    int out = 0;
    for (int i = 0; i < 2; i++) {
        ending_late(s, i);
        out += ending_farewell(s, i);
    }
    if (out < 2) {
        ending_look(s);
        return 0;
    }
    if (ending_faulty(s))
        plug__session_fail(s, s->fault_side, s->fault, NULL);
    else
        ending_done(s);
    return 1;
}

static int64_t ending_unsent(const struct plug__session *s)
{
    int64_t sum = 0;
    for (int i = 0; i < 2; i++) {
        int64_t n = s->flags & (PLUG__SESSION_SHUT_A << i) ? 0 : plug__sock_unsent(s->side[i]);
        sum += n > 0 ? n : 0;
    }
    return sum;
}

static void ending_clock(struct plug__session *s)
{
    plug_time a = s->relay->conf.a->common.close_timeout;
    plug_time b = s->relay->conf.b->common.close_timeout;
    s->cut = plug__after(s->relay->loop->now, a > b ? a : b);
    s->unsent = ending_unsent(s);
    if (s->cut != PLUG_FOREVER)
        (void)plug__loop_timer(s->relay->loop, &s->timer, s->cut);
    ending_look(s);
}

/* A slow peer that still acknowledges gets more time; one that does not has lost what is left. */
void plug__session_close_late(struct plug__session *s)
{
    int64_t left = ending_unsent(s);
    int side = s->flags & PLUG__SESSION_SHUT_A ? 1 : 0;
    if (left && left < s->unsent) {
        ending_clock(s);
        return;
    }
    if (ending_faulty(s))
        plug__session_fail(s, s->fault_side, s->fault, NULL);
    else if (left)
        plug__session_fail(s, side, PLUG_ETIMEDOUT, NULL);
    else
        ending_done(s);
}

void plug__session_close(struct plug__session *s)
{
    s->state = PLUG__SESSION_CLOSING;
    for (int d = 0; d < 2; d++) {
        if (!plug__pump_held(&s->pump[d]))
            continue;
        if (ending_faulty(s)) /* what came first is the cause */
            plug__session_fail(s, s->fault_side, s->fault, NULL);
        else
            plug__session_fail(s, !d, PLUG_ETIMEDOUT, NULL);
        return;
    }
    if (!plug__session_closing(s))
        ending_clock(s);
}
