/* SPDX-License-Identifier: MIT
 *
 * --progress: one line on stderr that says how much has passed, how fast, and how long it will
 * take. It deliberately counts nothing itself: the relays do.
 */
#ifndef PLUG_CLI_PROGRESS_H
#define PLUG_CLI_PROGRESS_H

#include "cli/log.h"
#include "loop/loop.h"
#include "util/str.h"

/* What passed up to a moment, of all relays. */
struct plug__progress_sum {
    uint64_t bytes[2], records[2];
};

struct plug__progress {
    struct plug__timer timer;
    struct plug_loop *loop;
    /* Fills *ret with what passed so far. */
    void (*sum)(void *arg, struct plug__progress_sum *ret);
    void *arg;
    struct plug__progress_sum last;
    plug_time begun, at; /* at: of `last` */
    int64_t size;        /* expected, in the direction that has more; 0: not known */
    int terminal;        /* the line is written over; else one line after the other */
    int painted;         /* it stands there, unended */
    int running;
};

/* Starts when stderr is a terminal, or when `always`. Returns 0 or a PLUG_E*. */
int plug__progress_begin(struct plug__progress *p, struct plug_loop *loop, int always);
/* The last line. */
void plug__progress_end(struct plug__progress *p);

/* The line's text: `since` is the time between `last` and `now`, `whole` that since the start. */
void plug__progress_line(struct plug__str *out, const struct plug__progress_sum *last,
                         const struct plug__progress_sum *now, plug_time since, plug_time whole,
                         int64_t size);

#endif
