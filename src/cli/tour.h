/* SPDX-License-Identifier: MIT
 *
 * `plug tour`: every kind of endpoint joined to every other that makes sense, all bytes checked.
 * A kind joins the tour by one row of tour_kinds.c; the tour knows no protocol.
 */
#ifndef PLUG_CLI_TOUR_H
#define PLUG_CLI_TOUR_H

#include "relay/relay.h"

/* Who is at the far side of the relay's address. */
enum plug__tour_how {
    PLUG__TOUR_CALLED, /* a peer listens, the relay connects to it */
    PLUG__TOUR_CALLS,  /* the relay listens, a peer connects to it */
    PLUG__TOUR_BOTH,   /* relay and peer each open their own end */
    PLUG__TOUR_ECHO,   /* nobody: what comes is given back */
    PLUG__TOUR_SOURCE, /* nobody: fixed bytes come out */
    PLUG__TOUR_SINK    /* nobody: a file that is read afterwards */
};

enum {
    PLUG__TOUR_RECORDS = 1, /* boundaries are kept */
    PLUG__TOUR_HEARS = 2,   /* the peer cannot speak before it was spoken to */
    PLUG__TOUR_ENDS = 4,    /* half-close goes through, both ways */
    PLUG__TOUR_LETTERS = 8, /* carries letters only */
    PLUG__TOUR_KNOCKS = 16, /* the relay knows no peer, or has none, before it spoke */
    PLUG__TOUR_FDS = 32,    /* both ends are descriptors of one socketpair */
    PLUG__TOUR_FIRST = 64,  /* the peer has to be up before the relay looks for it */
    PLUG__TOUR_TTY = 128,   /* needs terminals, which not every system without /dev/pts has */
    PLUG__TOUR_HANDED = 256 /* the relay is handed a socket that listens at {dir}/unix-{n} */
};

/* In addresses {dir} is the tour's folder, {n} a fresh number, {port} the other side's port, {fd}
 * and {fd2} descriptors, {text} what a source gives. */
struct plug__tour_kind {
    const char *name;
    enum plug__tour_how how;
    unsigned flags;    /* PLUG__TOUR_* */
    const char *relay; /* the relay's address */
    const char *peer;  /* the peer's, or NULL */
    size_t most;       /* bytes that fit; 0: no limit */
};
extern const struct plug__tour_kind plug__tour_kinds[]; /* ended by a NULL name */

struct plug__tour {
    struct plug_loop *loop;
    char dir[64];
    unsigned next; /* {n} */
};

struct plug__tour_result {
    int ok;
    uint64_t bytes; /* that arrived and were right */
    plug_time took;
    char why[240]; /* when not ok */
};

/* 1 when the kind is in this build and on this system. */
int plug__tour_present(const struct plug__tour_kind *k);

/* 1 when a relay from a to b makes sense: somebody speaks, and somebody can tell what came. */
int plug__tour_joins(const struct plug__tour_kind *a, const struct plug__tour_kind *b);

/* Joins a to b, moves bytes each way that exists, and checks them. */
void plug__tour_pair(struct plug__tour *tour, const struct plug__tour_kind *a,
                     const struct plug__tour_kind *b, struct plug__tour_result *ret);

/* The verb; argv[0] is "tour", kinds to keep to may follow. Returns the exit status. */
int plug__tour_main(int argc, char **argv);

#endif
