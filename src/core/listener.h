/* SPDX-License-Identifier: MIT
 *
 * What a listening sock has more: its children in their handshakes, those that are ready, its
 * routes and its limits. It never opens the other side of a session; it hands children over.
 */
#ifndef PLUG_CORE_LISTENER_H
#define PLUG_CORE_LISTENER_H

#include "core/sock.h"

/* A program by two pipes takes seven for a moment. */
enum { PLUG__LISTENER_RESERVE = 8 };

/* A path (or host, or SNI) on a shared listener. Matched in the order added; NULL fields match
 * anything. */
struct plug__route {
    struct plug__list node;
    const char *path, *host; /* borrowed while added */
    /* Opens the target; answers, now or later, by plug__child_verdict. The child is still the
     * listener's. */
    void (*decide)(struct plug__route *r, struct plug_sock *child);
    void *arg;
};

struct plug__listener_stats {
    uint64_t accepted, ready, failed, timed_out,
        refused;     /* refused: unknown route, or not to be heard (range, tcpwrap) */
    uint64_t paused; /* times accepting stood still for want of descriptors */
};

struct plug__listener {
    struct plug_sock *sock;
    struct plug__list opening; /* children in their handshakes */
    struct plug__list ready;   /* children that are up */
    struct plug__list routes;
    unsigned nopening, nready;
    unsigned most_opening, most_ready; /* limits */
    /* Kept back so that an accepted connection finds what its other side takes. */
    plug_handle reserve[PLUG__LISTENER_RESERVE];
    struct plug__timer pause; /* armed while accepting stands still */
    plug_time pause_for;      /* the last pause, 0: accepting went well since */
    struct plug__timer quiet; /* accept-timeout: since the last connection */
    struct plug_sock *spare;  /* a child made and not yet used */
    int hold;                 /* the owner takes no more for now (max-sessions) */
    struct plug__listener_stats stats;
    /* Told of a child that failed its handshakes, before it is freed. May be NULL. */
    void (*lost)(struct plug__listener *l, struct plug_sock *child, int code);
    /* Told of a peer that the base did not let in, and by which option. May be NULL. */
    void (*refused)(struct plug__listener *l, const struct plug_addr *peer, const char *why);
    void *arg;
};

int plug__listener_new(struct plug_sock *s);
void plug__listener_drop(struct plug__listener *l); /* its children too */
/* s is being closed: a listener drops its own, a child leaves its listener. */
void plug__listener_forget(struct plug_sock *s);
int plug__listener_turn(struct plug_sock *s);               /* accepts; called by plug__sock_turn */
struct plug_sock *plug__listener_take(struct plug_sock *s); /* the next ready child, or NULL */
void plug__listener_hold(struct plug_sock *s, int hold);
/* Descriptors are short elsewhere: accepting stands still for a while. Returns 1 when it gave up
 * those it had kept back. */
int plug__listener_scarce(struct plug_sock *s);
void plug__listener_route(struct plug_sock *s, struct plug__route *r);
void plug__listener_unroute(struct plug__route *r);
/* Called in a child's turn: it went up, or failed. */
void plug__listener_child_up(struct plug_sock *child);
void plug__listener_child_lost(struct plug_sock *child, int code);
/* A layer of the child answered DECIDE. Returns 0 to call open again, EAGAIN to wait for the
 * verdict. */
int plug__listener_decide(struct plug_sock *child);
/* For bases: a peer was turned away before it became a child; why: the option, a static text. */
void plug__listener_refused(struct plug_sock *s, const struct plug_addr *peer, const char *why);
/* verdict 0: go on; a PLUG_E*: the layer tells the peer and fails. A child freed meanwhile must not
 * be named. */
void plug__child_verdict(struct plug_sock *child, int verdict);

#endif
