/* SPDX-License-Identifier: MIT
 *
 * What -d -d -d shows of a session: which mover a direction took, where it stood still, how it
 * ended. It changes nothing, and a session says only so much.
 */
#include "relay/session.h"

#include "util/str.h"
#include <stdarg.h>
#include <stdio.h>

enum {
    TRACE_MOST = 64,  /* lines of one session */
    TRACE_MOVES = 48, /* of them those that may come again and again; its end is always told */
    TRACE_SPLICING = 1,
    TRACE_HELD = 2
};

static const char *const trace_ways[] = {"forth", "back"};

int plug__session_traced(const struct plug__session *s)
{
    return s->relay->conf.debug && s->relay->conf.event && s->traced <= TRACE_MOST;
}

void plug__session_trace(struct plug__session *s, int d, const char *fmt, ...)
{
    struct plug__event ev = {.kind = PLUG__EV_DEBUG, .session = s->id, .side = -1};
    size_t n;
    va_list ap;
    if (!plug__session_traced(s))
        return;
    if (s->traced++ == TRACE_MOST) {
        plug__strcpy(ev.err.text, "no more is said of this session", sizeof(ev.err.text));
        plug__relay_emit(s->relay, &ev);
        return;
    }
    n = (size_t)snprintf(ev.err.text, sizeof(ev.err.text), "%s: ", trace_ways[d]);
    va_start(ap, fmt);
    vsnprintf(ev.err.text + n, sizeof(ev.err.text) - n, fmt, ap);
    va_end(ap);
    plug__relay_emit(s->relay, &ev);
}

unsigned plug__session_look(const struct plug__session *s, int d)
{
    const struct plug__pump *p = &s->pump[d];
    if (!plug__session_traced(s))
        return 0;
    return (p->flags & PLUG__PUMP_SPLICING ? TRACE_SPLICING : 0u) |
           (plug__pump_held(p) ? TRACE_HELD : 0u);
}

void plug__session_compare(struct plug__session *s, int d, unsigned before)
{
    unsigned now = plug__session_look(s, d), changed = now ^ before;
    if (!plug__session_traced(s) || !changed || s->traced > TRACE_MOVES)
        return;
    if (s->traced == TRACE_MOVES) {
        plug__session_trace(s, d, "no more is said of stops and movers");
        return;
    }
    if (changed & TRACE_SPLICING)
        plug__session_trace(s, d, now & TRACE_SPLICING ? "splicing" : "copying again");
    if ((changed & TRACE_HELD) && (now & TRACE_HELD))
        plug__session_trace(s, d, "the sink takes no more: %llu bytes held, reading stops",
                            (unsigned long long)plug__pump_held(&s->pump[d]));
    else if (changed & TRACE_HELD)
        plug__session_trace(s, d, "the sink has taken what was held");
}
