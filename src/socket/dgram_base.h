/* SPDX-License-Identifier: MIT
 *
 * Between dgram.c and dgram_base.c: the shared handles of a datagram listener. Nobody else includes
 * it.
 */
#ifndef PLUG_SOCKET_DGRAM_BASE_H
#define PLUG_SOCKET_DGRAM_BASE_H

#include "socket/dgram.h"

struct plug__dgram_end {
    struct plug_io io;
    struct plug__dgram_base *base;
    unsigned ready;
    int pktinfo; /* tells the local address of each record */
};

struct plug__dgram_base {
    struct plug__mux mux; /* counts the listener and each session */
    struct plug__task task;
    struct plug_loop *loop;
    struct plug_layer *listener;  /* NULL once it is closed */
    const struct plug_step *step; /* of a plan that the listener or a session holds */
    unsigned char *buffer;        /* of one batch */
    size_t slot;                  /* the longest record */
    uint64_t stripped;            /* records whose descriptors were dropped */
    uint64_t serial;              /* of the last record, where each is a session */
    int each;
    int brings; /* options ask for what comes with records */
    unsigned n;
    struct plug__dgram_end v[PLUG__LOCALS];
};

/* Sends by one of the handles. EAGAIN: plug__mux_out_ready comes when it can. */
int plug__dgram_base_send(struct plug__dgram_base *b, unsigned end, struct plug_msg *v, unsigned n,
                          int *reterr_os);

/* A session was accepted: there may be room for what waits in the kernel. */
void plug__dgram_base_room(struct plug__dgram_base *b);

/* The listener goes; the base lives as long as a session does. */
void plug__dgram_base_leave(struct plug__dgram_base *b);

#endif
