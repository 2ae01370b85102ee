/* SPDX-License-Identifier: MIT
 *
 * A simulated base layer and a loop with virtual time: every partial transfer, error and delay by
 * order of a test, none of it waited for. It is not a network: what one end sends its mate gets.
 */
#ifndef TESTS_SIM_H
#define TESTS_SIM_H

#include "core/sock.h"

struct sim_world;

/* One piece or record on its way. */
struct sim_item {
    struct sim_item *next;
    plug_time when; /* visible from then on */
    size_t len, at;
    unsigned flags;
    int end; /* 0: bytes; PLUG_EOF or an error: the end behind them */
    unsigned char bytes[];
};

enum { SIM_IN, SIM_OUT }; /* [0] of recv, [1] of send */

/* frozen: a test asks what a layer gives from inside, for one call (bits stay); or the peer stands
 * still until sim_thaw. */
enum { SIM_PROBED = 1, SIM_STALLED };

/* What an end does to the layers over it; zeros: nothing. */
struct sim_knobs {
    size_t most[2];       /* most bytes of a call (streams; records that may be split) */
    unsigned again[2];    /* each so many'th call says EAGAIN, and is ready again at once */
    int gasp;             /* after each success the next call says EAGAIN: one byte, one event */
    size_t room;          /* bytes the mate may hold unread; 0: 1 MiB */
    plug_time delay;      /* on the way to the mate */
    plug_time open_delay; /* until open succeeds or fails */
    int open_fails;       /* PLUG_E*, or PLUG_EAGAIN: never ends */
    uint64_t fail_at[2];  /* after so many bytes that direction fails with … */
    int fail[2];          /* … this; 0: never */
};

struct sim_end {
    struct sim_end *next;
    struct sim_world *world;
    char name[32];
    struct plug_layer *layer; /* NULL: not open (yet, or any more) */
    struct sim_end *mate;     /* who gets what is sent; NULL: it is kept in `out` */
    struct sim_knobs knobs;
    struct sim_item *in, **in_last;
    size_t in_bytes;
    unsigned char *out;
    size_t out_len, out_room, nout; /* nout: records (or pieces) */
    int shut;                       /* 0, or 1 + PLUG_SHUT_* */
    int closed;                     /* times closed */
    int gasping[2];
    uint64_t calls[2], moved[2]; /* calls with n > 0 that reached the base */
    int frozen;                  /* 0, SIM_PROBED, SIM_STALLED */
    struct sim_end *waiting;     /* of a listener: connections nobody accepted */
    plug_time open_at;
};

struct sim_world {
    struct plug_loop *loop;
    struct sim_end *ends;
    struct sim_event *events, *last; /* in the order of time; last: valid while there are any */
    plug_time now;
    plug_time patience;    /* real time that descriptors get before virtual time moves on */
    int idle;              /* nothing will ever happen again */
    uint64_t wakes, still; /* turns; those since time moved: very many of them is a spin */
    const struct plug_ops *layers[16];
};

/* Layers: `sim:NAME` and `sim-listen:NAME`. extra: further layers the world knows, NULL-ended. */
extern const struct plug_ops sim_ops;
struct sim_world *sim_new(const struct plug_ops *const *extra);
void sim_free(struct sim_world *w); /* its socks must be closed */

struct sim_end *sim_end(struct sim_world *w, const char *name); /* found or made */
void sim_link(struct sim_end *a, struct sim_end *b);

/* What the endpoint will receive. */
void sim_give(struct sim_end *e, const void *bytes, size_t len, unsigned flags);
void sim_give_end(struct sim_end *e, int code);

/* A connection to `sim-listen:NAME`; the answer is the listener's side of it. */
struct sim_end *sim_connect(struct sim_world *w, const char *listener, const char *name);

void sim_at(struct sim_world *w, plug_time when, void (*fn)(void *arg), void *arg);
int sim_turn(struct sim_world *w);                  /* one event; 0 when the world is idle */
void sim_run(struct sim_world *w, plug_time until); /* to that time, or until idle */
void sim_thaw(struct sim_end *e);                   /* ends frozen */

/* Parses, checks and makes an endpoint, started. NULL: *err says why. */
struct plug_sock *sim_open(struct sim_world *w, const char *address, struct plug_err *err);

#endif
