/* SPDX-License-Identifier: MIT
 *
 * Drives two endpoints that are joined and holds every call to the contract of layer.h: what n = 0
 * answers, what `want` says, that EAGAIN took nothing, that all bytes and boundaries arrive.
 */
#ifndef TESTS_CONTRACT_DRIVE_H
#define TESTS_CONTRACT_DRIVE_H

#include "sim/sim.h"

enum {
    ROW_ECHO = 1,     /* `a` alone: what is sent comes back */
    ROW_RECORDS = 2,  /* boundaries are kept */
    ROW_LOSSY = 4,    /* datagrams: no end, no order of failure */
    ROW_NOHALF = 8,   /* the peer cannot see a half-close and still send */
    ROW_ONEWAY = 16,  /* a to b only */
    ROW_SOURCE = 32,  /* `a` only gives `text` */
    ROW_LISTENS = 64, /* a is a listener; %s in b is its address */
    ROW_TEXT = 128,   /* carries no newlines inside a record */
    ROW_ATOMIC = 256  /* records are received whole, or their rest is lost */
};

struct row {
    const char *name, *a, *b;
    unsigned flags;
    size_t most; /* longest record; 0: 3000 */
};

/* Two joined endpoints and what is on its way from each to the other. */
struct drive {
    const struct row *row;
    struct plug_loop *loop;
    struct sim_world *world; /* NULL: a real loop */
    struct plug_sock *listener;
    struct plug_sock *s[2];
    struct sim_end *end[2]; /* their bases where these are simulated */
    struct drive_flow {
        size_t total;         /* bytes to move */
        size_t piece;         /* bytes offered to a stream at a time; 0: as records are cut */
        size_t sent, got;     /* bytes */
        size_t rec, rec_sent; /* the record under way: its number, bytes of it that went */
        size_t rec_in, in_at; /* the same of the receiver */
        size_t recv_room;     /* bytes offered to recv; 0: 4096 */
        int eof, sent_all, done;
    } flow[2];           /* [0] from s[0] to s[1] */
    unsigned long turns; /* used */
    plug_time patience;  /* of a real loop; 0: 20 s */
    int memory_fails;    /* ENOMEM is an answer, the call is made again */
    int failed;          /* first error that was no answer */
    char why[160];
};

/* Opens a row's endpoints in a simulated world, or on a real loop (world NULL). Returns 0, or why
 * it failed. */
int drive_open(struct drive *d, const struct row *row, struct sim_world *world,
               struct plug_loop *loop);
void drive_close(struct drive *d);

/* Moves flow[].total bytes each way at once, then ends both directions. Returns 0 or an error, with
 * d->why. */
int drive_run(struct drive *d);
int drive_until_up(struct drive *d);
int drive_turn(struct drive *d); /* one turn; ETIMEDOUT when nothing can happen any more */

unsigned char drive_byte(const struct row *row, size_t at);
size_t drive_record(const struct row *row, size_t rec); /* length of record number `rec` */

#endif
