/* SPDX-License-Identifier: MIT
 *
 * One session: opens the side that is missing, runs the two pumps whenever one of its socks may go
 * on, and keeps its one timer. How it ends is ending.c's.
 */
#include "relay/session.h"

#include "util/alloc.h"
#include "util/err.h"
#include <stdio.h>
#include <string.h>

#define SESSION_STARVED (5 * PLUG_MS)
#define SESSION_FOLLOW PLUG_SECOND
#define SESSION_LAST_WORDS (5 * PLUG_SECOND)
#define SESSION_LAST_WORDS_MOST (30 * PLUG_SECOND)
#define SESSION_SCARCE (50 * PLUG_MS)
#define SESSION_HURRY (20 * PLUG_MS)

static void session_turn(struct plug__session *s);

static void session_watch(struct plug_sock *sock, void *arg)
{
    (void)sock;
    session_turn(arg);
}

static int session_unread(const struct plug__session *s)
{
    return s->flags & (PLUG__SESSION_UNREAD_A | PLUG__SESSION_UNREAD_B);
}

static void session_fire(struct plug__timer *t, plug_time now)
{
    struct plug__session *s = plug__of(t, struct plug__session, timer);
    if (s->state == PLUG__SESSION_CLOSING && now >= s->cut)
        plug__session_close_late(s);
    else if (s->state == PLUG__SESSION_RUNNING && session_unread(s) && plug__session_over(s))
        plug__session_unread_late(s);
    else if (s->state == PLUG__SESSION_RUNNING && plug__session_over(s))
        plug__session_close(s);
    else
        session_turn(s);
}

struct plug__session *plug__session_of(const struct plug_sock *child)
{
    return child->watch == session_watch ? child->arg : NULL;
}

/* ---- opening ---- */

static struct plug__session *session_make(struct plug__relay *r)
{
    struct plug_loop *loop = r->loop;
    struct plug__session *s = plug__calloc(1, sizeof(*s));
    /* Socks count on their place in the heap: a session's timer must not take it. */
    if (!s || plug__heap_reserve(&loop->timers, 2 * (uint32_t)loop->refs + 8) < 0) {
        plug__free(s);
        return NULL;
    }
    s->relay = r;
    s->timer.fire = session_fire;
    s->stats.opened = s->last = loop->now;
    s->cut = PLUG_FOREVER;
    s->lacks = -1;
    s->id = ++r->next;
    plug__list_push(&r->sessions, &s->node);
    r->totals.sessions++;
    r->totals.live++;
    return s;
}

static void session_note_peer(struct plug__session *s, struct plug_sock *sock)
{
    struct plug_addr peer = {0};
    size_t len = sizeof(peer);
    if (s->peer_len || plug_getsockopt(sock, PLUG_LEVEL_SOCK, PLUG_SO_PEER, &peer, &len) < 0 ||
        peer.len > sizeof(s->peer) || peer.family > UINT8_MAX)
        return;
    s->peer_len = (uint8_t)peer.len;
    s->peer_family = (uint8_t)peer.family;
    memcpy(s->peer, &peer.u, peer.len);
}

/* Not plug_watch: the session looks at the sock itself when both sides are up, and a turn of the
 * loop for that alone would cost a system call a connection. */
static void session_take(struct plug__session *s, struct plug_sock *sock, int side)
{
    s->side[side] = sock;
    sock->watch = session_watch;
    sock->arg = s;
}

/* Starts to open a side by its plan. */
static int session_dial(struct plug__session *s, int side, struct plug_err *err)
{
    const struct plug__relay_conf *conf = &s->relay->conf;
    struct plug_sock *sock;
    int r = plug__sock_new(&sock, s->relay->loop, side ? conf->b : conf->a, err);
    if (r < 0)
        return r;
    session_take(s, sock, side);
    s->flags |= (uint16_t)(PLUG__SESSION_FRESH_A << side);
    if (conf->opened)
        conf->opened(conf->arg, sock, side);
    sock->env = plug__session_environ(s, side);
    plug__sock_start(sock);
    plug__loop_unqueue(&sock->task); /* its first attempt is made here */
    (void)plug__sock_turn(sock);
    return 0;
}

static void session_run_now(struct plug__session *s)
{
    struct plug__event ev = {.kind = PLUG__EV_OPENED, .session = s->id, .side = -1};
    int r, side;
    s->attempts = 0;
    r = plug__session_preamble(s, &side);
    if (r < 0) {
        plug__session_open_failed(s, side, r, NULL);
        return;
    }
    s->state = PLUG__SESSION_RUNNING;
    s->last = s->relay->loop->now;
    for (int d = 0; d < 2; d++) {
        if ((s->relay->runs & (1 << d)) && s->pump[d].state == PLUG__PUMP_OFF)
            s->pump[d].state = PLUG__PUMP_RUN;
    }
    if (s->flags & (PLUG__SESSION_CHILD_A | PLUG__SESSION_CHILD_B))
        ev.side = s->flags & PLUG__SESSION_CHILD_A ? 0 : 1;
    if (s->flags & PLUG__SESSION_AGAIN) {
        ev.kind = PLUG__EV_NOTICE;
        ev.side = -1;
        (void)snprintf(ev.err.text, sizeof(ev.err.text), "session %u is connected again", s->id);
        s->flags &= (uint16_t)~PLUG__SESSION_AGAIN;
    }
    plug__relay_emit(s->relay, &ev);
    session_turn(s);
}

/* The target of a route is up: the layer of the child may answer its peer. */
static void session_verdict(struct plug__session *s)
{
    int child = s->flags & PLUG__SESSION_CHILD_A ? 0 : 1;
    if (s->flags & PLUG__SESSION_DECIDING) {
        s->flags &= (uint16_t)~PLUG__SESSION_DECIDING;
        plug__child_verdict(s->side[child], 0);
    }
}

/* Another session has both its sides: it will give their descriptors back. */
static int session_others_run(const struct plug__session *s)
{
    const struct plug__list *all = &s->relay->sessions;
    for (struct plug__list *n = all->next; n != all; n = n->next) {
        const struct plug__session *other = plug__of(n, struct plug__session, node);
        if (other != s && other->side[0] && other->side[1])
            return 1;
    }
    return 0;
}

/* A connection was accepted and no descriptor is left for its other side. While others run theirs
 * come back, so it is tried again soon, within the time to connect. Returns 1 when it waits. */
static int session_scarce(struct plug__session *s, int side)
{
    struct plug__relay *r = s->relay;
    const plug_time most = plug__session_plan(s, side)->common.connect_timeout;
    int given = 0;
    if (!(s->flags & (PLUG__SESSION_CHILD_A | PLUG__SESSION_CHILD_B)) ||
        (most > 0 && r->loop->now - s->stats.opened >= most))
        return 0;
    for (int i = 0; i < 2; i++) {
        if (r->listen[i])
            given |= plug__listener_scarce(r->listen[i]);
    }
    if ((!given && !session_others_run(s)) ||
        plug__loop_timer(r->loop, &s->timer, r->loop->now + (given ? 0 : SESSION_SCARCE)) < 0)
        return 0;
    plug_close(s->side[side]);
    s->side[side] = NULL;
    return 1;
}

/* Who waits meanwhile may be reset. */
static void session_caller_gone(struct plug__session *s)
{
    for (int i = 0; i < 2; i++) {
        if (s->side[i] && (s->flags & (PLUG__SESSION_CHILD_A << i)) && !s->side[i]->listener &&
            (plug__sock_base(s->side[i])->ready & PLUG_ERR)) {
            plug__session_open_failed(s, i, PLUG_ECONNRESET, NULL);
            return;
        }
    }
}

/* One after the other, so that nothing is created for a connection that cannot be had. */
static void session_opening(struct plug__session *s)
{
    int deciding =
        s->flags & PLUG__SESSION_DECIDING ? s->flags & PLUG__SESSION_CHILD_A ? 0 : 1 : -1;
    if (s->timer.node.index) { /* waits for descriptors, or to try again */
        session_caller_gone(s);
        return;
    }
    for (int i = 0; i < 2; i++) {
        struct plug_err err = {0};
        int r = s->side[i] ? 0 : session_dial(s, i, &err);
        if (r >= 0)
            r = plug_state(s->side[i]);
        if (i == deciding && r == PLUG_EAGAIN)
            continue;
        if (r == PLUG_EMFILE && session_scarce(s, i))
            return;
        if (r < 0 && r != PLUG_EAGAIN && plug__session_retry(s, i, r, &err))
            return;
        if (r < 0 && r != PLUG_EAGAIN) {
            plug__session_open_failed(s, i, r, err.code ? &err : NULL);
            return;
        }
        if (r < 0)
            return;
    }
    if (deciding >= 0)
        session_verdict(s);
    else if (!s->side[0]->listener && !s->side[1]->listener)
        session_run_now(s);
}

int plug__session_new(struct plug__session **ret, struct plug__relay *r, struct plug_sock *a,
                      struct plug_sock *b)
{
    struct plug__session *s = session_make(r);
    if (!s) {
        plug_close(a);
        plug_close(b);
        return PLUG_ENOMEM;
    }
    s->flags = (uint16_t)((a ? PLUG__SESSION_CHILD_A : 0) | (b ? PLUG__SESSION_CHILD_B : 0));
    if (a) {
        session_take(s, a, 0);
        session_note_peer(s, a);
    }
    if (b) {
        session_take(s, b, 1);
        session_note_peer(s, b);
    }
    *ret = s;
    return 0;
}

int plug__session_decide(struct plug__relay *r, struct plug_sock *child, int side)
{
    struct plug__session *s = session_make(r);
    if (!s)
        return PLUG_ENOMEM;
    s->flags =
        (uint16_t)((side ? PLUG__SESSION_CHILD_B : PLUG__SESSION_CHILD_A) | PLUG__SESSION_DECIDING);
    session_take(s, child, side);
    session_note_peer(s, child);
    session_opening(s);
    return 0;
}

void plug__session_start(struct plug__session *s)
{
    session_turn(s);
}

void plug__session_child_lost(struct plug__session *s, int code)
{
    int side = s->flags & PLUG__SESSION_CHILD_A ? 0 : 1;
    struct plug_err err = {0};
    (void)plug_error(s->side[side], &err);
    s->side[side] = NULL; /* the listener frees it */
    plug__session_open_failed(s, side, code, &err);
}

/* ---- running ---- */

void plug__session_way(struct plug__session *s, int d, struct plug__way *w)
{
    const struct plug__relay_conf *conf = &s->relay->conf;
    *w = (struct plug__way){
        .flow = &s->stats.flow[d],
        .back = &s->stats.flow[!d],
        .block = conf->block,
        .movers = conf->movers,
        .null_eof = plug__session_plan(s, d)->common.null_eof,
    };
    plug__way_init(w, &s->pump[d], s->side[d], s->side[!d]);
}

static void session_refused(struct plug__session *s, int side)
{
    struct plug__event ev = {.kind = PLUG__EV_WARNING, .session = s->id, .side = side};
    if (!plug_error(s->side[side], &ev.err))
        plug__err(&ev.err, PLUG_ECONNREFUSED, 0, plug__sock_step(s->side[side])->ops->name,
                  "records were refused by the peer's host");
    plug__relay_emit(s->relay, &ev);
}

static int32_t session_lacks(struct plug_sock *sink)
{
    int64_t n = plug__sock_unsent(sink);
    return n < INT32_MAX ? (int32_t)n : INT32_MAX;
}

/* A direction moves no more; a failure is told when the session ends. */
static void session_give_up(struct plug__session *s, int d, int code)
{
    plug__pump_drop(&s->pump[d], s->relay->loop);
    if (s->pump[d].state != PLUG__PUMP_OFF)
        s->pump[d].state = PLUG__PUMP_DONE;
    if (code && !s->fault) {
        s->lacks = session_lacks(s->side[!d]);
        s->fault = (int16_t)code;
        s->fault_side = (uint8_t)!d;
    }
}

/* A side that takes no more may still have much to say: that is delivered before the failure resets
 * the other side. Not so what exists only once: standard input goes on, whoever has left standard
 * output. Returns 1 when the failure waits. */
static int session_hear_out(struct plug__session *s, int side, int code)
{
    int state = s->pump[side].state;
    int talks = state == PLUG__PUMP_RUN || state == PLUG__PUMP_EOF;
    if (state == PLUG__PUMP_OFF || (talks && (plug__sock_step(s->side[side])->flags & PLUG_ONCE)))
        return 0;
    session_give_up(s, !side, code);
    if (talks) {
        s->cut = plug__after(s->relay->loop->now, SESSION_LAST_WORDS);
        s->hear_till = plug__after(s->relay->loop->now, SESSION_LAST_WORDS_MOST);
    }
    plug__sock_base(s->side[side])->ready |= PLUG_IN; /* the poller may not have told yet */
    plug__sock_again(s->side[side]);
    return 1;
}

/* The sink of a direction takes no more. Returns 0, or negative when the session is gone. */
static int session_sink_failed(struct plug__session *s, int d, int code, const struct plug_err *err)
{
    if (plug__session_reconnect(s, !d, code, err))
        return PLUG_EAGAIN;
    if (!err && session_hear_out(s, !d, code))
        return 0;
    plug__session_fail(s, !d, code, err);
    return code;
}

/* A source failed. What it had said before is delivered first. Returns 0, or negative when the
 * session is gone. */
static int session_source_failed(struct plug__session *s, int d, int code,
                                 const struct plug_err *err)
{
    int owes = plug__pump_held(&s->pump[d]) || plug__sock_unsent(s->side[!d]) > 0 ||
               (plug__sock_want(s->side[!d], 0) & PLUG_OUT);
    if (plug__session_reconnect(s, d, code, err))
        return PLUG_EAGAIN;
    if (err || !owes || s->fault) {
        plug__session_fail(s, d, code, err);
        return code;
    }
    session_give_up(s, !d, code);
    s->pump[d].state = PLUG__PUMP_EOF;
    s->cut = plug__after(s->relay->loop->now, SESSION_LAST_WORDS);
    s->hear_till = plug__after(s->relay->loop->now, SESSION_LAST_WORDS_MOST);
    plug__sock_again(s->side[d]);
    return 0;
}

/* The failure is told when it happens, though its session goes on for a while. */
static void session_tell_fault(struct plug__session *s)
{
    struct plug__event ev = {.kind = PLUG__EV_WARNING, .session = s->id, .side = s->fault_side};
    if (s->flags & PLUG__SESSION_TOLD)
        return;
    s->flags |= PLUG__SESSION_TOLD;
    plug__err(&ev.err, s->fault, 0, plug__sock_step(s->side[s->fault_side])->ops->name,
              "%s; what it still says is delivered, for %d s at most", plug_strerror(s->fault),
              (int)(SESSION_LAST_WORDS_MOST / PLUG_SECOND));
    plug__relay_emit(s->relay, &ev);
}

/* Is all told that the failed side still had to say? Returns 0, or negative when the session is
 * gone. */
static int session_last_words(struct plug__session *s, int d, int r, uint64_t moved)
{
    const struct plug__pump *p = &s->pump[d];
    int code = s->fault;
    if (moved)
        s->cut = plug__after(s->relay->loop->now, SESSION_LAST_WORDS);
    if (s->cut > s->hear_till)
        s->cut = s->hear_till; /* it may have no end */
    if (r != PLUG__PUMP_SLEEP || plug__pump_held(p) || (p->flags & PLUG__PUMP_STARVED)) {
        session_tell_fault(s);
        return 0;
    }
    plug__session_fail(s, s->fault_side, code, NULL);
    return code;
}

/* Runs one direction. Returns 0, or negative when the session is gone. */
static int session_pump(struct plug__session *s, int d)
{
    struct plug__pump *p = &s->pump[d];
    int before = plug__session_refuser(s), r;
    unsigned was;
    struct plug__way w;
    if (p->state != PLUG__PUMP_RUN && p->state != PLUG__PUMP_EOF)
        return 0;
    plug__session_way(s, d, &w);
    was = plug__session_look(s, d);
    r = plug__pump_turn(&w);
    plug__session_compare(s, d, was);
    if (w.moved)
        s->last = s->relay->loop->now;
    if (before < 0 && plug__session_refuser(s) >= 0) /* said once, counted always */
        session_refused(s, plug__session_refuser(s));
    if (r == PLUG__PUMP_MORE)
        plug__sock_again(s->side[d]);
    else if (r == PLUG__PUMP_ENDED && plug__session_reconnect(s, d, PLUG_EOF, NULL))
        return PLUG_EAGAIN;
    else if (r == PLUG__PUMP_ENDED)
        plug__session_source_ended(s, d);
    if (r < 0 && w.sink_failed && !s->fault)
        return session_sink_failed(s, d, r, w.err.code ? &w.err : NULL);
    if (r < 0 && !w.sink_failed)
        return session_source_failed(s, d, r, w.err.code ? &w.err : NULL);
    if (r < 0)
        plug__session_fail(s, !d, r, w.err.code ? &w.err : NULL);
    else if (s->fault)
        r = session_last_words(s, d, r, w.moved);
    return r < 0 ? r : 0;
}

/* Tells a sink that nothing more comes. Returns 0, or negative when the session is gone. */
static int session_shut(struct plug__session *s, int d)
{
    int r, had_all;
    if (s->pump[d].state != PLUG__PUMP_SHUT)
        return 0;
    had_all = plug__session_had_all(s, d);
    if (!had_all && plug__sock_base(s->side[!d])->error[1] == PLUG_EPIPE)
        r = PLUG_EPIPE; /* before a shut: what is unread is told by what is open */
    else
        r = plug__session_tell_end(s, !d);
    if (r == PLUG_EAGAIN)
        return 0;
    s->pump[d].state = PLUG__PUMP_DONE;
    if (r >= 0 || r == PLUG_ENOTCONN || had_all)
        return 0;
    return session_sink_failed(s, d, r, NULL);
}

/* A sink that has gone for good will take nothing more, whenever the source ends. What it said
 * before is still on its way to the other side: that is not reset before all of it has arrived. */
static int session_left(struct plug__session *s, int d)
{
    int code = 0;
    if (s->pump[d].state != PLUG__PUMP_RUN || s->pump[!d].state == PLUG__PUMP_RUN ||
        s->pump[!d].state == PLUG__PUMP_EOF || !plug__session_sink_left(s, d, &code))
        return 0;
    if (plug__pump_held(&s->pump[d]) && !code)
        code = PLUG_EPIPE;
    if (code && plug__session_had_all(s, d)) {
        plug__session_await_source(s, d);
        return 0;
    }
    if (code && s->pump[!d].state == PLUG__PUMP_OFF) {
        plug__session_fail(s, !d, code, NULL);
        return code;
    }
    session_give_up(s, d, code);
    return 0;
}

/* Nobody reads from a side, but its kernel says that something went wrong there. */
static int session_unread_error(struct plug__session *s, int d)
{
    struct plug_iov iov = {plug__loop_scratch(s->relay->loop), PLUG__PIECE};
    struct plug_msg m = {.iov = &iov, .niov = 1};
    int r;
    if (s->pump[d].state != PLUG__PUMP_OFF || !(plug__sock_base(s->side[d])->ready & PLUG_ERR) ||
        (plug__sock_step(s->side[d])->flags & PLUG_NOREAD) || !iov.base)
        return 0;
    r = plug__sock_recv(s->side[d], &m, 1, 0);
    if (r >= 0 || r == PLUG_EAGAIN || r == PLUG_EOF)
        return 0;
    plug__session_fail(s, d, r, NULL);
    return r;
}

static int session_ended(const struct plug__session *s)
{
    for (int d = 0; d < 2; d++) {
        if (s->pump[d].state != PLUG__PUMP_DONE && s->pump[d].state != PLUG__PUMP_OFF)
            return 0;
    }
    return 1;
}

static void session_arm(struct plug__session *s)
{
    plug_time now = s->relay->loop->now, when = plug__session_due(s);
    if (((s->pump[0].flags | s->pump[1].flags) & PLUG__PUMP_STARVED) && when > now)
        when = plug__after(now, SESSION_STARVED) < when ? now + SESSION_STARVED : when;
    if ((s->flags & PLUG__SESSION_PROBE) && when > plug__after(now, PLUG__SESSION_PROBE_AFTER))
        when = now + PLUG__SESSION_PROBE_AFTER;
    if (s->relay->hurry && when > plug__after(now, SESSION_HURRY))
        when = now + SESSION_HURRY;
    if ((s->flags & PLUG__SESSION_FOLLOW) && when > plug__after(now, SESSION_FOLLOW))
        when = now + SESSION_FOLLOW;
    /* An earlier time already set is left: it finds nothing due and is set anew. */
    if (s->timer.node.index && s->timer.node.when <= when && s->timer.node.when > now)
        return;
    if (when != PLUG_FOREVER)
        (void)plug__loop_timer(s->relay->loop, &s->timer, when); /* room: session_make */
}

/* ignoreeof: the end is forgotten and asked for again. */
static void session_follow(struct plug__session *s)
{
    for (int d = 0; d < 2; d++) {
        if (!plug__session_plan(s, d)->common.ignoreeof || s->pump[d].state != PLUG__PUMP_RUN)
            continue;
        for (struct plug_layer *l = s->side[d]->top; l; l = l->below) {
            if (l->error[0] == PLUG_EOF)
                l->error[0] = 0;
        }
        plug__sock_base(s->side[d])->ready |= PLUG_IN;
    }
    s->flags &= (uint16_t)~PLUG__SESSION_FOLLOW;
}

static void session_running(struct plug__session *s)
{
    if (s->flags & PLUG__SESSION_FOLLOW)
        session_follow(s);
    if (s->flags & PLUG__SESSION_PROBE)
        plug__session_probe(s);
    for (int d = 0; d < 2; d++) {
        if (session_pump(s, d) < 0 || session_shut(s, d) < 0)
            return;
    }
    for (int d = 0; d < 2; d++) {
        if (session_left(s, d) < 0 || session_unread_error(s, d) < 0)
            return;
    }
    if (session_ended(s))
        plug__session_close(s);
    else if (s->relay->hurry && plug__session_quiet(s))
        plug__session_cut(s, PLUG_ECANCELED);
    else
        session_arm(s);
}

void plug__session_hurry(struct plug__session *s)
{
    if (s->state == PLUG__SESSION_OPENING)
        plug__session_cut(s, PLUG_ECANCELED);
    else if (s->state == PLUG__SESSION_RUNNING)
        session_running(s);
}

static void session_turn(struct plug__session *s)
{
    if (s->state == PLUG__SESSION_OPENING)
        session_opening(s);
    else if (s->state == PLUG__SESSION_RUNNING)
        session_running(s);
    else
        plug__session_closing(s);
}
