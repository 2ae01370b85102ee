/* SPDX-License-Identifier: MIT
 *
 * Inside of the relay: a session, the relay that owns it, and what they ask of each other. Nothing
 * here is for the command or for tests of behaviour: those use relay.h.
 */
#ifndef PLUG_RELAY_SESSION_H
#define PLUG_RELAY_SESSION_H

#include "relay/pump.h"
#include "util/attr.h"

enum {
    PLUG__PEER_ROOM = 256, /* for an address as text */
    PLUG__PEER_KEPT = 28   /* an IPv6 address with its port */
};

/* Silence after which a peer that ended its sending is asked whether it is there. */
#define PLUG__SESSION_PROBE_AFTER (5 * PLUG_SECOND)

enum plug__session_state { PLUG__SESSION_OPENING, PLUG__SESSION_RUNNING, PLUG__SESSION_CLOSING };

enum {
    PLUG__SESSION_GRACE_A = 1, /* side A cannot be told of B's end: it stays until silent */
    PLUG__SESSION_GRACE_B = 2,
    PLUG__SESSION_SHUT_A = 4, /* A's orderly close is out */
    PLUG__SESSION_SHUT_B = 8,
    PLUG__SESSION_FOLLOW = 16,  /* ignoreeof: the source is asked again after a while */
    PLUG__SESSION_CHILD_A = 32, /* A is an accepted connection */
    PLUG__SESSION_CHILD_B = 64,
    PLUG__SESSION_DECIDING = 128, /* its child waits for a verdict; it is still the listener's */
    PLUG__SESSION_UNREAD_A = 256, /* nobody reads A any more, and it lacks nothing so far */
    PLUG__SESSION_UNREAD_B = 512,
    PLUG__SESSION_PROBE = 1024, /* a peer has ended its sending: is it there at all? */
    PLUG__SESSION_PROBED = 2048,
    PLUG__SESSION_TOLD = 4096,     /* the failure that ends it later */
    PLUG__SESSION_AGAIN = 8192,    /* a side was lost and is opened anew */
    PLUG__SESSION_FRESH_A = 16384, /* A was opened and nothing sent to it yet */
    PLUG__SESSION_FRESH_B = 32768
};

/* One connection and its other side. pump[0] moves A to B. Idle it owns nothing else. */
struct plug__session {
    struct plug__list node;
    struct plug__relay *relay;
    struct plug_sock *side[2];
    struct plug__timer timer;
    struct plug__session_stats stats;
    struct plug__pump pump[2];
    plug_time last; /* when anything moved */
    plug_time cut;  /* -t is over, or the orderly close; PLUG_FOREVER: none */
    union {
        int64_t unsent;      /* while closing: as seen last, to know progress */
        plug_time hear_till; /* before: a side that takes no more is heard so long at most */
        int64_t attempts;    /* while opening: those that failed */
    };
    int32_t lacks; /* unsent when `fault` was met: its descriptor may be closed now; -1 unknown */
    uint32_t id;   /* from 1 */
    uint16_t flags;
    int16_t fault; /* what an orderly close met: PLUG_E*, told at the end */
    uint8_t state, fault_side;
    uint8_t traced; /* debug lines so far */
    uint8_t peer_len, peer_family,
        peer[PLUG__PEER_KEPT]; /* who was accepted: once closed a socket cannot say */
};

struct plug__relay {
    struct plug__relay_conf conf;
    struct plug_loop *loop;
    struct plug__list node; /* in the set */
    struct plug__list sessions;
    struct plug_sock *listen[2];
    struct plug__relay *host; /* whose listener is used (routes), or NULL */
    struct plug__route route;
    struct plug__timer timer; /* of the drain */
    struct plug__timer again; /* to listen once more */
    uint64_t attempts;        /* to listen that failed */
    struct plug__relay_totals totals;
    uint64_t most; /* sessions at a time */
    uint32_t next; /* the last session's number */
    int status;
    unsigned number;
    uint8_t runs;    /* bit 0: A to B, bit 1: B to A */
    uint8_t listens; /* bit per side: the plan says so */
    uint8_t stands;  /* bit per side: it is bound */
    uint8_t absent;  /* bit per side: it could not listen and tries again */
    uint8_t told;    /* bit per side: LISTENING was said */
    uint8_t one;     /* serves one connection and ends */
    uint8_t served;  /* … which it has got */
    uint8_t waits;   /* for the gate: nothing is opened yet */
    uint8_t draining, held, freeing;
    uint8_t hurry; /* ends sessions as soon as nothing is on its way */
};

/* session.c. Children are taken in any case; NULL: that side is opened by its plan. */
int plug__session_new(struct plug__session **ret, struct plug__relay *r, struct plug_sock *a,
                      struct plug_sock *b);
/* A session whose child on `side` still waits for its route's verdict. */
int plug__session_decide(struct plug__relay *r, struct plug_sock *child, int side);
void plug__session_start(struct plug__session *s);
void plug__session_way(struct plug__session *s, int d, struct plug__way *w);
void plug__session_hurry(struct plug__session *s);         /* ends when nothing is on its way */
void plug__session_cut(struct plug__session *s, int code); /* at once; both sides are reset */
/* The session that watches a child of a shared listener, or NULL. */
struct plug__session *plug__session_of(const struct plug_sock *child);
void plug__session_child_lost(struct plug__session *s, int code);

/* again.c: 1 when a side is opened once more, and the session must be let alone until then */
int plug__session_retry(struct plug__session *s, int side, int code, const struct plug_err *err);
int plug__session_reconnect(struct plug__session *s, int side, int code,
                            const struct plug_err *err);
int plug__session_preamble(struct plug__session *s, int *ret_side); /* 0, or why not */
int plug__again_may(const struct plug__common *c, uint64_t attempt, int code);
plug_time plug__again_wait(const struct plug__common *c, uint64_t attempt);
void plug__again_text(struct plug_err *err, const struct plug__common *c, uint64_t attempt,
                      plug_time wait);

/* environ.c: for a program that is `side`; NULL: for anything else. One block of plug__malloc. */
const char *const *plug__session_environ(const struct plug__session *s, int side);

/* leave.c: who has gone, and is anything lost by it? */
void plug__session_probe(struct plug__session *s); /* now and then, while one side sends no more */
void plug__session_await_source(struct plug__session *s, int d);
int plug__session_quiet(const struct plug__session *s);  /* nothing is on its way */
void plug__session_unread_late(struct plug__session *s); /* the source was silent for long */

/* trace.c: lines for -d -d -d; d is the direction they speak of */
int plug__session_traced(const struct plug__session *s);
void plug__session_trace(struct plug__session *s, int d, const char *fmt, ...) PLUG__PRINTF(3, 4);
unsigned plug__session_look(const struct plug__session *s, int d); /* before a pump's turn */
void plug__session_compare(struct plug__session *s, int d, unsigned before); /* and behind it */

/* ending.c */
void plug__session_source_ended(struct plug__session *s, int d);
void plug__session_close(struct plug__session *s);
int plug__session_closing(struct plug__session *s);     /* 1: the session is gone */
void plug__session_close_late(struct plug__session *s); /* the deadline of the close is over */
void plug__session_fail(struct plug__session *s, int side, int code, const struct plug_err *err);
void plug__session_open_failed(struct plug__session *s, int side, int code,
                               const struct plug_err *err);
plug_time plug__session_due(const struct plug__session *s);
int plug__session_over(const struct plug__session *s); /* a deadline of the running state is over */
int plug__session_sink_left(struct plug__session *s, int d, int *ret_code);
/* The reader of a direction's sink has gone, and has had all that was sent. */
int plug__session_had_all(const struct plug__session *s, int d);
int plug__session_refuser(const struct plug__session *s); /* whose host refused; -1: nobody's */
struct plug_plan *plug__session_plan(const struct plug__session *s, int side);

/* shut.c: a side is told that nothing more comes. */
int plug__session_half_closes(const struct plug__session *s, int side);
int plug__session_can_tell(const struct plug__session *s, int side);
int plug__session_tell_end(struct plug__session *s, int side); /* EAGAIN: it is not out yet */

/* relay.c */
void plug__relay_emit(struct plug__relay *r, struct plug__event *ev);
/* The other end's address as text, "" when nobody can say. Returns 0 or a PLUG_E*. */
int plug__relay_peer(struct plug_sock *sock, char *buf, size_t size);
/* The same of whom the session was accepted from. */
int plug__session_peer(const struct plug__session *s, char *buf, size_t size);
void plug__relay_ended(struct plug__relay *r, struct plug__session *s, int status);
void plug__relay_settle(struct plug__relay *r);
/* Opens both sides of a relay that does not listen. */
int plug__relay_dial(struct plug__relay *r, struct plug_err *reterr);

/* listen.c */
int plug__relay_listen(struct plug__relay *r, struct plug_err *reterr);
void plug__relay_listen_again(struct plug__timer *t, plug_time now);
void plug__relay_unlisten(struct plug__relay *r);
void plug__relay_resume(struct plug__relay *r); /* a session ended: there is room again */

void plug__relay_serve(struct plug__relay *r); /* the gate is open: tells where, and accepts */

/* share.c: several relays on one listener. Returns 1 when r now uses another's. */
int plug__relay_share(struct plug__relay *r, int side);
uint64_t plug__relay_unheard(const struct plug_sock *listener);
int plug__relay_has_guests(const struct plug__relay *r);
void plug__relay_route(struct plug__relay *r, int side);
void plug__relay_unshare(struct plug__relay *r);
/* The relay of the set that listens where r wants to, or NULL. */
struct plug__relay *plug__relay_rival(const struct plug__relay *r, int side);

/* A saturating sum: PLUG_FOREVER stays so. */
static inline plug_time plug__after(plug_time now, plug_time wait)
{
    return wait >= PLUG_FOREVER - now ? PLUG_FOREVER : now + wait;
}

#endif
