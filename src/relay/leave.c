/* SPDX-License-Identifier: MIT
 *
 * Who has left, and is anything lost by it? A reader that has gone, a caller that ended its sending
 * and may have gone altogether, a person who interrupts. What is done about it is ending.c's.
 */
#include "relay/session.h"

/* Had it all that was sent? A local kernel knows; what the peer of a network left unread shows by a
 * reset at once, so one that was asked long after is known to have had it too. */
int plug__session_had_all(const struct plug__session *s, int d)
{
    struct plug_sock *sink = s->side[!d];
    const struct plug_layer *base = plug__sock_base(sink);
    int asked = (s->flags & PLUG__SESSION_PROBED) &&
                s->relay->loop->now - s->last >= PLUG__SESSION_PROBE_AFTER;
    return base->error[1] == PLUG_EPIPE && (!(base->ops->flags & PLUG_LISTENS) || asked) &&
           !plug__pump_held(&s->pump[d]) && !(plug__sock_want(sink, 0) & PLUG_OUT) &&
           (asked || plug__sock_unsent(sink) <= 0);
}

/* Whether anything is lost shows when the source goes on or ends: it is given `grace` for that. */
void plug__session_await_source(struct plug__session *s, int d)
{
    const uint16_t bit = (uint16_t)(PLUG__SESSION_UNREAD_A << !d);
    plug_time until = plug__after(s->relay->loop->now, plug__session_plan(s, !d)->common.grace);
    if (s->flags & bit)
        return;
    s->flags |= bit;
    if (until < s->cut)
        s->cut = until;
}

/* A caller that has gone is no loss to a listener, but what served it ends now: a `tail -f` must
 * not live on for nobody. */
void plug__session_unread_late(struct plug__session *s)
{
    int side = s->flags & PLUG__SESSION_UNREAD_A ? 0 : 1;
    if (s->flags & (PLUG__SESSION_CHILD_A << side))
        plug__session_cut(s, PLUG_EPIPE);
    else
        plug__session_fail(s, side, PLUG_EPIPE, NULL);
}

/* The end of a peer's sending looks the same whether it still reads or has closed. */
void plug__session_probe(struct plug__session *s)
{
    const int on = 1;
    if (s->relay->loop->now - s->last < PLUG__SESSION_PROBE_AFTER)
        return;
    for (int i = 0; i < 2; i++) {
        if (s->pump[i].state == PLUG__PUMP_DONE && s->pump[!i].state == PLUG__PUMP_RUN &&
            plug__sock_unsent(s->side[i]) <= 0)
            (void)plug_setsockopt(s->side[i], PLUG_LEVEL_SOCK, PLUG__SO_PROBE, &on, sizeof(on));
    }
    s->flags |= PLUG__SESSION_PROBED;
}

int plug__session_quiet(const struct plug__session *s)
{
    for (int d = 0; d < 2; d++) {
        const struct plug__pump *p = &s->pump[d];
        if (plug__pump_held(p) || (p->flags & PLUG__PUMP_STARVED) ||
            plug__sock_unsent(s->side[!d]) > 0 || (plug__sock_want(s->side[!d], 0) & PLUG_OUT))
            return 0;
        if (p->state == PLUG__PUMP_RUN && (plug__sock_base(s->side[d])->ready & PLUG_IN))
            return 0;
    }
    return 1;
}
