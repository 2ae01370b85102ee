/* SPDX-License-Identifier: MIT
 *
 * How one side is told that the other has ended: its own way, or what its shut-... option says.
 * When that is due, and what comes after it, is ending.c's.
 */
#include "relay/session.h"

int plug__session_half_closes(const struct plug__session *s, int side)
{
    return (plug__sock_step(s->side[side])->flags & PLUG_HALFCLOSE) &&
           !plug__session_plan(s, side)->common.shut_none;
}

/* A side that has a farewell, which its reader may or may not take for an end. */
static int shut_says(const struct plug__session *s, int side)
{
    return (plug__sock_step(s->side[side])->flags & PLUG_TELLS) &&
           !plug__session_plan(s, side)->common.shut_none;
}

int plug__session_can_tell(const struct plug__session *s, int side)
{
    const struct plug__common *c = &plug__session_plan(s, side)->common;
    return plug__session_half_closes(s, side) || c->shut_null || c->shut_close ||
           shut_says(s, side);
}

/* The empty record of shut-null. */
static int shut_null(struct plug_sock *sink)
{
    struct plug_msg m = {.flags = PLUG_MSG_EOR};
    int r = plug__sock_send(sink, &m, 1, 0);
    return r < 0 ? r : 0;
}

/* Both ways, or only the handle that is written where there are two: a reader of a pipe sees its
 * end, and may still say something on the other. */
static int shut_close(struct plug__session *s, int side)
{
    struct plug_sock *sock = s->side[side];
    int two = (plug__sock_step(sock)->flags & PLUG_TWO_HANDLES) != 0;
    int r = plug__sock_shut(sock, two ? PLUG_SHUT_WR : PLUG_SHUT_RDWR);
    struct plug__pump *back = &s->pump[side];
    if (r == PLUG_EAGAIN || two)
        return r;
    if (back->state == PLUG__PUMP_RUN || back->state == PLUG__PUMP_EOF)
        back->state = PLUG__PUMP_EOF; /* what is held still goes; nothing more is read */
    return r;
}

int plug__session_tell_end(struct plug__session *s, int side)
{
    const struct plug__common *c = &plug__session_plan(s, side)->common;
    int r = 0;
    if (c->shut_null)
        return shut_null(s->side[side]);
    if (c->shut_close)
        return shut_close(s, side);
    if (plug__session_half_closes(s, side) || shut_says(s, side))
        r = plug__sock_shut(s->side[side], PLUG_SHUT_WR);
    return r;
}
