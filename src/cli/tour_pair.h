/* SPDX-License-Identifier: MIT
 *
 * One pair of the tour while it runs: shared by tour_open.c and tour_pair.c, used by nobody else.
 */
#ifndef PLUG_CLI_TOUR_PAIR_H
#define PLUG_CLI_TOUR_PAIR_H

#include "cli/tour.h"

enum {
    PLUG__TOUR_BUFFER = 128 * 1024, /* longest record received */
    PLUG__TOUR_ADDRESS = 256
};

/* One side of the relay and who is behind it. */
struct plug__tour_end {
    const struct plug__tour_kind *kind;
    unsigned number, port;
    plug_handle fds[2];
    char address[PLUG__TOUR_ADDRESS]; /* the relay's */
    struct plug_sock *listener, *sock;
    uint64_t sent, got; /* bytes */
    uint64_t sent_records, got_records;
    size_t sent_part, got_part; /* bytes of the record under way */
    int shut, eof;
};

struct plug__tour_run {
    struct plug__tour *tour;
    struct plug__tour_end end[2];
    struct plug__relay *relay;
    size_t total; /* bytes each way */
    int letters, records;
    plug_time deadline;
    unsigned char *buf; /* PLUG__TOUR_BUFFER bytes */
    struct plug__tour_result *result;
    int failed;
};

static inline int plug__tour_has_peer(const struct plug__tour_kind *k)
{
    return k->how <= PLUG__TOUR_BOTH;
}

/* Notes why the pair failed, the first time; returns -1. */
int plug__tour_fail(struct plug__tour_run *p, const char *fmt, ...) PLUG__PRINTF(2, 3);

/* What side sends from byte number `at` on. */
void plug__tour_fill(const struct plug__tour_run *p, int side, uint64_t at, unsigned char *to,
                     size_t len);

/* A turn of the loop; -1 when the pair has failed or its time is over. */
int plug__tour_turn(struct plug__tour_run *p);

/* What a side needs before the relay starts, then the relay. Return 0 or -1. */
int plug__tour_prepare(struct plug__tour_run *p, int side);
int plug__tour_relay(struct plug__tour_run *p);

/* Gets a side's peer when its time has come: it calls, or its listener has a call. 0 or -1. */
int plug__tour_meet(struct plug__tour_run *p, struct plug__tour_end *e);

#endif
