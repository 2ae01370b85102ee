/* SPDX-License-Identifier: MIT
 *
 * Between the files of the datagram bases, udp and unix-dgram: sessions of a listener by the mux.
 * Nobody else includes it.
 */
#ifndef PLUG_SOCKET_DGRAM_H
#define PLUG_SOCKET_DGRAM_H

#include "core/mux.h"
#include "core/resolve.h"
#include "socket/common.h"

#define PLUG__DGRAM_IDLE (60 * PLUG_SECOND) /* a session's life after its last record */

/* The shared handles of a listener and its sessions. */
struct plug__dgram_base;

struct plug__dgram {
    struct plug__socket s;
    struct plug__dgram_base *base; /* of a listener or a session */
    void *opening;                 /* the kind's own, while it opens */
    plug_time last;                /* session: when the last record passed */
    int left;                      /* session: ended by idleness and out of the mux */
    struct plug__mux_child child;  /* session */
};

static inline struct plug__dgram *plug__dgram_of(struct plug_layer *l)
{
    return (struct plug__dgram *)(void *)l;
}

/* Makes the base of a listener; slot: the longest record. Returns 0, ENOMEM … */
/* A bound socket that others made becomes the listener's one handle. */
int plug__dgram_adopt(struct plug__dgram *d, size_t slot);
int plug__dgram_base_new(struct plug__dgram *d, size_t slot);

/* Adds a bound handle, which the base takes in any case. pktinfo: it tells the local address. */
int plug__dgram_base_add(struct plug__dgram *d, plug_handle h, int pktinfo, int *reterr_os);
plug_handle plug__dgram_base_first(const struct plug__dgram *d); /* PLUG_NO_HANDLE: none */
void plug__dgram_base_clear(struct plug__dgram *d);              /* closes all handles */

/* ---- plug_ops slots, for clients, listeners and sessions alike ---- */
int plug__dgram_accept(struct plug_layer *l, struct plug_layer *child);
int plug__dgram_recv(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags);
int plug__dgram_send(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags);
int plug__dgram_shut(struct plug_layer *l, int how);
int plug__dgram_getopt(struct plug_layer *l, int level, int name, void *val, size_t *len);
int plug__dgram_setopt(struct plug_layer *l, int level, int name, const void *val, size_t len);
plug_time plug__dgram_tick(struct plug_layer *l, plug_time now);
void plug__dgram_close(struct plug_layer *l);

#endif
