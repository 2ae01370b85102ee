/* SPDX-License-Identifier: MIT
 *
 * A relay: two addresses joined. It opens them (a listener's other side once per session), runs two
 * pumps a session, and reports what happens as events. It prints nothing and knows no option of the
 * command line.
 */
#ifndef PLUG_RELAY_RELAY_H
#define PLUG_RELAY_RELAY_H

#include "core/listener.h"
#include "util/list.h"

struct plug__relay;

/* The relays of one loop: they name each other when a port is in use, and share a listener where
 * its layers tell their routes apart. Zero is an empty set; it outlives its relays. */
struct plug__relay_set {
    struct plug__list relays;
    unsigned n; /* relays made so far: a relay's number is counted from 1 */
    int gate;   /* 1: nothing is opened but listeners, and none serves, until set_go */
};

enum plug__event_kind {
    PLUG__EV_LISTENING, /* name: where */
    PLUG__EV_OPENED,    /* a session: both sides are up */
    PLUG__EV_ENDED,     /* a session, orderly; counters in `stats` */
    PLUG__EV_FAILED,    /* an endpoint could not be opened, or a child's handshake failed */
    PLUG__EV_LOST, /* a session ended with bytes lost or a reset; accepted and unsent say how many
                    */
    PLUG__EV_WARNING,
    PLUG__EV_NOTICE,
    PLUG__EV_DEBUG
};

/* One direction's counters. */
struct plug__flow {
    uint64_t bytes, records, calls; /* what the sink accepted; calls: sends and splices */
    uint64_t spliced;               /* bytes of `bytes` that never came to user space */
    uint64_t dropped; /* records that the sink refused (datagrams), counted and shown */
    uint64_t late;    /* bytes that came after a cut */
};

struct plug__session_stats {
    struct plug__flow flow[2]; /* [0] A to B, [1] B to A */
    plug_time opened, ended;
};

struct plug__event {
    enum plug__event_kind kind;
    struct plug__relay *relay;
    uint64_t session; /* 0: none */
    int side;         /* 0 A, 1 B, -1 neither */
    const char *name; /* address or peer, text of the moment */
    const char *peer; /* of a listener's session: who had connected; else NULL */
    int quiet;        /* levels less urgent than its kind is (children-shutup) */
    struct plug_err err;
    int64_t accepted,
        unsent; /* EV_LOST: bytes taken from us, bytes of these not acknowledged; -1 unknown */
    const struct plug__session_stats
        *stats; /* EV_ENDED, EV_LOST, EV_FAILED of a session; else NULL */
};

struct plug__relay_conf {
    struct plug_plan *a, *b; /* taken: the relay drops them; checked against each other already */
    int only;                /* 0 both ways, 1 A to B (-u), 2 B to A (-U) */
    size_t block;            /* -b; 0: default */
    plug_time half_wait;     /* -t; PLUG_FOREVER: wait for the peer's FIN */
    plug_time idle;          /* -T; PLUG_FOREVER: none */
    int movers;              /* 1: splice allowed */
    int debug;               /* 1: EV_DEBUG is wanted */
    void (*event)(void *arg, const struct plug__event *ev);
    /* Called for each new sock before it is opened (dump filters get their sink here); may be NULL.
     */
    void (*opened)(void *arg, struct plug_sock *s, int side);
    void *arg;
    struct plug__relay_set *set; /* or NULL: the relay stands alone */
};

struct plug__relay_totals {
    struct plug__flow flow[2];
    uint64_t sessions, live, failed; /* failed: not opened, or ended with a loss */
    uint64_t refused;                /* not let in by range=, tcpwrap … */
    uint64_t unheard;                /* records that were dropped before they had a session */
};

/* Checks two parsed plans against each other (types, frames, both only once …) and pushes what is
 * needed on both. Warnings are given by calling warn with a text. Returns 0 or EUSAGE (*side: whose
 * address err points to). */
int plug__relay_check(struct plug_plan *a, struct plug_plan *b, size_t block, int only,
                      int *ret_side, void (*warn)(void *arg, const char *text), void *arg,
                      struct plug_err *reterr);

/* Makes the relay and starts to open it; takes conf->a and b in any case. Ends by itself. */
int plug__relay_new(struct plug__relay **ret, struct plug_loop *loop,
                    const struct plug__relay_conf *conf, struct plug_err *reterr);
/* 1 when all listeners of the set are bound, 0 when not yet, ECANCELED when one failed. */
int plug__relay_set_stands(const struct plug__relay_set *set);
/* Opens the gate: listeners are told and serve, then the others are opened. */
int plug__relay_set_go(struct plug__relay_set *set, struct plug_err *reterr);
int plug__relay_done(const struct plug__relay *r); /* nothing more will happen */
int plug__relay_status(
    const struct plug__relay *r); /* exit code by DESIGN's table; valid when done */
void plug__relay_drain(struct plug__relay *r,
                       plug_time deadline); /* no new sessions; live ones until then */
/* Besides draining: a session ends as soon as nothing is on its way. */
void plug__relay_hurry(struct plug__relay *r);
/* Both sides of the latest session, borrowed for this turn. 0: there are not both. */
int plug__relay_sides(const struct plug__relay *r, struct plug_sock *ret[2]);
void plug__relay_totals(const struct plug__relay *r, struct plug__relay_totals *ret);
void plug__relay_free(struct plug__relay *r); /* ends what is left at once */

/* The exit code for an error: 2 usage, 3 resolve, 4 refused or unreachable, 5 timeout, 6 TLS, 7
 * permission, 8 bytes lost or reset, 9 child, 1 other. */
int plug__exit_code(int code);
int plug__exit_opening(const struct plug_err *err); /* the same for a side that did not open */

#endif
