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

/* What becomes of a datagram socket, by the end of its kind's name. */
enum plug__dgram_form {
    PLUG__DGRAM_CONNECT,  /* one peer; the kernel looks after it */
    PLUG__DGRAM_LISTEN,   /* a session for each peer */
    PLUG__DGRAM_SENDTO,   /* one peer, not connected */
    PLUG__DGRAM_RECVFROM, /* a session for each record */
    PLUG__DGRAM_RECV,     /* from anybody, to nobody */
    PLUG__DGRAM_DATAGRAM  /* to one address, from anybody */
};

/* Of a socket that is not connected. */
struct plug__dgram_loose {
    struct plug_addr to; /* len 0: nobody */
    enum plug__dgram_form form;
    int looks;        /* at who sends */
    uint64_t refused; /* records of others */
};

struct plug__dgram {
    struct plug__socket s;
    struct plug__dgram_loose *loose; /* NULL: connected, a listener or a session */
    struct plug__dgram_base *base;   /* of a listener or a session */
    void *opening;                   /* the kind's own, while it opens */
    plug_time last;                  /* session: when the last record passed */
    int left;                        /* session: ended by idleness and out of the mux */
    int ended;                       /* session of one record: it was read */
    int heard;                       /* session: it has read a record */
    int farewell;                    /* session: it was ended in order, not reset */
    struct plug__mux_child child;    /* session */
};

static inline struct plug__dgram *plug__dgram_of(struct plug_layer *l)
{
    return (struct plug__dgram *)(void *)l;
}

/* ---- the forms (dgram_form.c) ---- */

enum plug__dgram_form plug__dgram_form(const struct plug_step *step);
/* 1 when the options ask for what comes with datagrams (ip-recvttl …). */
int plug__dgram_brings(const struct plug_step *step);
void plug__dgram_plan_form(struct plug_step *step); /* what the form does to the step's flags */

/* Takes a bound handle that sends to `to` (NULL: to nobody) and is not connected. */
int plug__dgram_loose(struct plug__dgram *d, plug_handle h, const struct plug_addr *to,
                      int *reterr_os);
int plug__dgram_loose_recv(struct plug__dgram *d, struct plug_msg *v, unsigned n, unsigned flags);
int plug__dgram_loose_send(struct plug__dgram *d, struct plug_msg *v, unsigned n, unsigned flags);
void plug__dgram_loose_drop(struct plug__dgram *d);

extern const struct plug_kind plug__udp_kinds[];

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
