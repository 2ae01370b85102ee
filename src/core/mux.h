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
    PLUG__DROP_QUEUE, /* the child's queue was full */
    PLUG__DROP_NEW,   /* too many keys that nobody has accepted */
    PLUG__DROP_LONG,  /* the reader's buffer was shorter: the rest was lost */
    PLUG__DROP_MEMORY,
    PLUG__DROPS
};

enum {
    PLUG__MUX_FRESH = 256,                   /* keys that nobody has accepted yet */
    PLUG__MUX_QUEUED = 256 * 1024,           /* bytes that wait for one child */
    PLUG__MUX_FRESH_QUEUED = 4 * 1024 * 1024 /* bytes that wait for all fresh keys together */
};

/* One record that waits for its child. */
struct plug__mux_record {
    struct plug__list node;
    size_t len;        /* bytes behind the struct */
    size_t controllen; /* ancillary data behind these */
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
    size_t queued; /* bytes, the records' own structs too */
    uint64_t dropped[PLUG__DROPS];
    struct plug__list fresh; /* in the list of keys nobody has accepted */
    int code, os;            /* an error to be reported once */
    unsigned char key[288];  /* two addresses at most */
};

struct plug__mux {
    int refs; /* the listener and each child */
    struct plug__hash children;
    struct plug__list all, waiting, fresh;
    unsigned nfresh, most_fresh;            /* peers that nobody has accepted yet */
    size_t fresh_queued, most_fresh_queued; /* bytes of theirs */
    size_t most_queued;                     /* bytes per child */
    uint64_t dropped[PLUG__DROPS];
    uint64_t unheard;                  /* records that were dropped and that no child counts */
    void (*drop)(struct plug__mux *m); /* called with the last reference */
    void *base;                        /* the protocol's own: sockets */
};

/* Returns 0, or why there is no random seed. The caller holds the first reference. */
int plug__mux_init(struct plug__mux *m);
/* The listener goes: what nobody accepted is thrown away, new keys are refused from now on, and its
 * reference is given up. Children live on. */
void plug__mux_close(struct plug__mux *m);
void plug__mux_unref(struct plug__mux *m); /* gives up a reference and nothing else */
/* Copies a record (rec->len bytes of its vector) to the child of `key`, which becomes ready for IN;
 * a new key becomes fresh. Returns 0, ELIMIT or ENOMEM after counting the drop, EINVAL for a key
 * longer than plug__mux_child.key. */
int plug__mux_deliver(struct plug__mux *m, const void *key, size_t keylen,
                      const struct plug_msg *rec);
/* 1 when the key has a child, fresh or not. */
int plug__mux_knows(const struct plug__mux *m, const void *key, size_t keylen);
/* Gives the oldest fresh key to a layer's child (its records come along); the layer becomes ready
 * for IN | OUT and holds a reference. EAGAIN: none. */
int plug__mux_accept(struct plug__mux *m, struct plug__mux_child *into, struct plug_layer *layer);
/* Takes queued records into v (n 0: 0 when one waits). After them an error, once. EAGAIN: none, and
 * the layer's IN is cleared. Leaves v's names alone. */
int plug__mux_recv(struct plug__mux_child *c, struct plug_msg *v, unsigned n);
/* The error that waits, once, for a sender to report; 0: none. */
int plug__mux_take_error(struct plug__mux_child *c);
void plug__mux_wait_out(struct plug__mux_child *c); /* the base said EAGAIN: OUT is cleared */
/* The base can send: all that wait become ready for OUT, in their order. */
void plug__mux_out_ready(struct plug__mux *m);
/* Notes an error for the child it concerns; unknown and fresh keys have nobody to tell. */
void plug__mux_error(struct plug__mux *m, const void *key, size_t keylen, int code, int os);
/* The same, but what it has not read becomes a fresh key's, while there is room for one. Returns 1
 * when there is one more to accept. */
int plug__mux_return(struct plug__mux_child *c);
/* The child closes: frees its records and its reference. A child that was never accepted: no-op. */
void plug__mux_leave(struct plug__mux_child *c);

#endif
