/* SPDX-License-Identifier: MIT
 *
 * Opening once more: a side that could not be opened (retry, forever), and one that was lost while
 * the other is kept (reconnect). How long between is here; opening itself is session.c's.
 */
#include "relay/session.h"

#include "util/alloc.h"
#include "util/err.h"
#include <string.h>

enum {
    AGAIN_DOUBLINGS = 32, /* of the interval; backoff= ends them long before */
    AGAIN_WORDS = 16      /* turns in which a side that was lost may still say what it had said */
};
#define AGAIN_BACKOFF (30 * PLUG_SECOND) /* longest wait of reconnect, where none is given */

/* ---- how long ---- */

/* Up to `percent` more or less, so that a thousand clients do not come back at once. */
static plug_time again_jitter(plug_time wait, int64_t percent)
{
    uint32_t r = 0;
    plug_time span = wait / 100 * percent;
    if (span <= 0 || plug__os_random(&r, sizeof(r)) < 0)
        return wait;
    return wait - span + (plug_time)((double)(2 * span) * ((double)r / (double)UINT32_MAX));
}

plug_time plug__again_wait(const struct plug__common *c, uint64_t attempt)
{
    plug_time wait = c->interval, most = c->backoff;
    if (!most && c->reconnect)
        most = AGAIN_BACKOFF;
    for (uint64_t i = 1; i < attempt && i < AGAIN_DOUBLINGS && most && wait < most; i++)
        wait = wait < most / 2 ? 2 * wait : most;
    return again_jitter(wait, c->jitter);
}

/* Is there one more attempt? A wrong address stays wrong. */
int plug__again_may(const struct plug__common *c, uint64_t attempt, int code)
{
    if (code == PLUG_EUSAGE || code == PLUG_ECANCELED || code == PLUG_ENOTSUP)
        return 0;
    return c->forever || (c->reconnect && !c->retry) || attempt <= (uint64_t)c->retry;
}

/* "…: connection refused; attempt 2, again in 1 s" */
void plug__again_text(struct plug_err *err, const struct plug__common *c, uint64_t attempt,
                      plug_time wait)
{
    char cause[sizeof(err->text)];
    memcpy(cause, err->text, sizeof(cause));
    if (c->retry && !c->forever)
        plug__err(err, err->code, err->os, err->layer,
                  "%.120s; attempt %llu of %lld, again in %.3g s", cause,
                  (unsigned long long)attempt, (long long)c->retry + 1,
                  (double)wait / (double)PLUG_SECOND);
    else
        plug__err(err, err->code, err->os, err->layer, "%.120s; attempt %llu, again in %.3g s",
                  cause, (unsigned long long)attempt, (double)wait / (double)PLUG_SECOND);
}

/* ---- a side that could not be opened ---- */

static void again_why(struct plug__session *s, int side, int code, const struct plug_err *err,
                      struct plug_err *ret)
{
    *ret = (struct plug_err){0};
    if (err && err->code)
        *ret = *err;
    else if (s->side[side])
        (void)plug_error(s->side[side], ret);
    if (!ret->code)
        plug__err(ret, code, 0, plug__plan_top(plug__session_plan(s, side))->ops->name, "%s",
                  plug_strerror(code));
}

static void again_drop(struct plug__session *s, int side)
{
    struct plug_sock *sock = s->side[side];
    s->side[side] = NULL;
    if (!sock)
        return;
    plug_watch(sock, NULL, NULL);
    plug_close(sock);
}

int plug__session_retry(struct plug__session *s, int side, int code, const struct plug_err *err)
{
    const struct plug__common *c = &plug__session_plan(s, side)->common;
    struct plug__event ev = {.kind = PLUG__EV_WARNING, .session = s->id, .side = side};
    plug_time wait;
    if ((s->flags & (PLUG__SESSION_CHILD_A << side)) || s->relay->draining || s->relay->hurry ||
        !plug__again_may(c, (uint64_t)s->attempts + 1, code))
        return 0;
    wait = plug__again_wait(c, (uint64_t)++s->attempts);
    if (plug__loop_timer(s->relay->loop, &s->timer, plug__after(s->relay->loop->now, wait)) < 0)
        return 0;
    again_why(s, side, code, err, &ev.err);
    plug__again_text(&ev.err, c, (uint64_t)s->attempts, wait);
    again_drop(s, side);
    plug__relay_emit(s->relay, &ev);
    return 1;
}

/* ---- a side that was lost ---- */

/* What it had said before is delivered. */
static void again_last_words(struct plug__session *s, int side)
{
    for (int i = 0; i < AGAIN_WORDS && s->pump[side].state == PLUG__PUMP_RUN; i++) {
        struct plug__way w;
        plug__session_way(s, side, &w);
        if (plug__pump_turn(&w) != PLUG__PUMP_MORE)
            return;
    }
}

static void again_tell_loss(struct plug__session *s, int side, int code, const struct plug_err *err,
                            plug_time wait)
{
    struct plug__event ev = {.kind = PLUG__EV_WARNING, .session = s->id, .side = side};
    int64_t unsent = plug__sock_unsent(s->side[side]);
    char cause[sizeof(ev.err.text)];
    again_why(s, side, code, err, &ev.err);
    if (code == PLUG_EOF)
        plug__err(&ev.err, PLUG_ECONNABORTED, 0, ev.err.layer, "the peer has closed");
    memcpy(cause, ev.err.text, sizeof(cause));
    plug__err(
        &ev.err, ev.err.code, ev.err.os, ev.err.layer,
        "%.100s; %llu bytes accepted, %lld of them not acknowledged; connecting again in %.3g s",
        cause, (unsigned long long)s->stats.flow[!side].bytes, (long long)(unsent > 0 ? unsent : 0),
        (double)wait / (double)PLUG_SECOND);
    plug__relay_emit(s->relay, &ev);
}

static int again_can(const struct plug__session *s, int side)
{
    return s->state == PLUG__SESSION_RUNNING && plug__session_plan(s, side)->common.reconnect &&
           !(s->flags & (PLUG__SESSION_CHILD_A << side)) && s->side[side] && s->side[!side] &&
           !s->relay->draining && !s->relay->hurry && !s->relay->freeing && !s->fault &&
           (s->pump[!side].state == PLUG__PUMP_RUN ||
            (s->pump[!side].state == PLUG__PUMP_OFF && s->pump[side].state != PLUG__PUMP_DONE));
}

int plug__session_reconnect(struct plug__session *s, int side, int code, const struct plug_err *err)
{
    plug_time wait;
    if (!again_can(s, side))
        return 0;
    again_last_words(s, side);
    wait = plug__again_wait(&plug__session_plan(s, side)->common, 1);
    again_tell_loss(s, side, code, err, wait);
    (void)plug__sock_shut(s->side[side], PLUG_SHUT_RESET);
    again_drop(s, side);
    for (int d = 0; d < 2; d++) {
        struct plug__pump *p = &s->pump[d];
        p->flags &= (uint8_t) ~(PLUG__PUMP_SPLICING | PLUG__PUMP_NO_SPLICE | PLUG__PUMP_SKIP);
        p->full = p->small = 0;
    }
    if (s->pump[side].state == PLUG__PUMP_EOF)
        s->pump[side].state = PLUG__PUMP_RUN;
    s->state = PLUG__SESSION_OPENING;
    s->flags |= PLUG__SESSION_AGAIN;
    s->flags &=
        (uint16_t) ~(PLUG__SESSION_PROBE | PLUG__SESSION_PROBED | PLUG__SESSION_UNREAD_A |
                     PLUG__SESSION_UNREAD_B | PLUG__SESSION_GRACE_A | PLUG__SESSION_GRACE_B);
    s->cut = PLUG_FOREVER;
    s->attempts = 0;
    /* Never at once: a peer that takes and closes would make it spin. Room: session_make. */
    (void)plug__loop_timer(s->relay->loop, &s->timer, plug__after(s->relay->loop->now, wait));
    return 1;
}

/* preamble=: what each connection begins with. */
int plug__session_preamble(struct plug__session *s, int *ret_side)
{
    for (int side = 0; side < 2; side++) {
        const uint16_t fresh = (uint16_t)(PLUG__SESSION_FRESH_A << side);
        const char *text = plug__session_plan(s, side)->common.preamble;
        struct plug_iov iov = {(void *)(uintptr_t)text, text ? strlen(text) : 0};
        struct plug_msg m = {.iov = &iov, .niov = 1, .flags = PLUG_MSG_EOR};
        int r = iov.len && (s->flags & fresh) ? plug__sock_send(s->side[side], &m, 1, 0) : 0;
        s->flags &= (uint16_t)~fresh;
        *ret_side = side;
        if (r < 0 || (r > 0 && m.len < iov.len))
            return r < 0 ? r : PLUG_ENOBUFS; /* a new connection takes more than an address holds */
    }
    return 0;
}
