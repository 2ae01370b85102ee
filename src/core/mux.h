/* SPDX-License-Identifier: MIT
 *
 * One base shared by many children, told apart by a key: UDP peers now; DTLS, SPP, SCTP and pings
 * later. It queues and shares out; it does no I/O and knows no protocol. One loop.
 */
#ifndef PLUG_CORE_MUX_H
#define PLUG_CORE_MUX_H

#include "core/sock.h"
#include "util/hash.h"

enum plug__drop {
    PLUG__DROP_QUEUE,
    PLUG__DROP_NEW,
    PLUG__DROP_LONG,
    PLUG__DROP_MEMORY,
    PLUG__DROPS
};

/* One record that waits for its child. */
struct plug__mux_record {
    struct plug__list node;
    size_t len, size; /* len bytes lie behind the struct */
    unsigned flags;
};

/* A child's part; a member of its base layer. */
struct plug__mux_child {
    struct plug__hash_node hash;
    struct plug__list waiting; /* in the mux's fair list for OUT */
    struct plug__list all;
    struct plug__list records;
    struct plug_layer *layer; /* NULL while nobody has accepted it */
    struct plug__mux *mux;
    size_t queued; /* bytes */
    uint64_t dropped[PLUG__DROPS];
    struct plug__list fresh; /* in the list of keys nobody has accepted */
    unsigned char key[288];  /* two addresses at most */
};

struct plug__mux {
    int refs; /* the listener and each child */
    struct plug__hash children;
    struct plug__list all, waiting, fresh;
    unsigned nfresh, most_fresh; /* 256: peers that nobody has accepted yet */
    size_t most_queued;          /* bytes per child, 256 KiB */
    uint64_t dropped[PLUG__DROPS];
    void (*drop)(struct plug__mux *m); /* called with the last reference */
    void *base;                        /* the protocol's own: sockets */
};

int plug__mux_init(struct plug__mux *m);
void plug__mux_unref(struct plug__mux *m);
/* Copies a record to the child of `key`; a new key becomes fresh. Returns 0, or ELIMIT / ENOMEM
 * after counting the drop. */
int plug__mux_deliver(struct plug__mux *m, const void *key, size_t keylen,
                      const struct plug_msg *rec);
/* Gives the oldest fresh key to a layer's child (its records come along). EAGAIN: none. */
int plug__mux_accept(struct plug__mux *m, struct plug__mux_child *into, struct plug_layer *layer);
/* Takes queued records into v. EAGAIN: none, and the layer's IN is cleared. */
int plug__mux_recv(struct plug__mux_child *c, struct plug_msg *v, unsigned n);
void plug__mux_wait_out(struct plug__mux_child *c); /* the base said EAGAIN */
void plug__mux_out_ready(
    struct plug__mux *m); /* the base can send: all that wait, in their order */
void plug__mux_error(struct plug__mux *m, const void *key, size_t keylen, int code,
                     int os);                    /* to the child it concerns */
void plug__mux_leave(struct plug__mux_child *c); /* the child closes */

#endif
