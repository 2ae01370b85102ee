/* SPDX-License-Identifier: MIT
 *
 * The loop inside: entries, timers, the run list, deferred frees, helpers. It knows handles and
 * tasks, and deliberately nothing of socks and layers.
 *
 * A turn: wait (not at all when the run list has work) -> deliver events (plug_io.ready, which
 * only marks and queues) -> due timers -> the posts of other threads -> one pass over the run list
 * -> frees.
 */
#ifndef PLUG_LOOP_LOOP_H
#define PLUG_LOOP_LOOP_H

#include "os/os.h"
#include "util/heap.h"
#include "util/list.h"
#include "util/pool.h"
#include <plug/loop.h>
#include <stdatomic.h>

/* Something to run once, soon. Zeroed: not queued. */
struct plug__task {
    struct plug__list node;
    void (*run)(struct plug__task *t);
};

struct plug__timer {
    struct plug__heap_node node;
    void (*fire)(struct plug__timer *t, plug_time now);
};

/* Memory to free when the turn is over, so that nothing freed is still on a stack or in an event
 * batch. */
struct plug__grave {
    struct plug__grave *next;
    void (*bury)(struct plug__grave *g);
};

/* Work for a helper thread, then its answer on the loop's thread. */
struct plug__job {
    struct plug__list node;
    void (*work)(struct plug__job *j); /* helper thread: touches nothing but the job */
    void (*done)(
        struct plug__job *j); /* loop's thread; owns the job now. Not called after cancel */
    void (*drop)(struct plug__job *j); /* frees a cancelled job; any thread */
    struct plug_loop *loop;
    int state; /* helper.c's own */
};

struct plug__backend {
    const char *name;
    int (*init)(struct plug_loop *loop, int *reterr_os);
    void (*drop)(struct plug_loop *loop);
    int (*add)(struct plug_loop *loop, struct plug_io *io, int *reterr_os); /* arms IN | OUT */
    void (*del)(struct plug_loop *loop, struct plug_io *io);
    void (*arm)(struct plug_loop *loop, struct plug_io *io,
                unsigned bits); /* edge-triggered: does nothing */
    /* Waits until `until` at the latest and calls plug__loop_event for each event. */
    int (*wait)(struct plug_loop *loop, plug_time until, int *reterr_os);
    int (*fd)(const struct plug_loop *loop);
    plug_time (*now)(
        const struct plug_loop *loop); /* NULL: the system's; tests have their own time */
};
/* Who wants signals of the command for itself (a program with sigint=, a terminal). Zeroed: not on
 * a loop. */
struct plug__taker {
    struct plug__taker *next;
    uint32_t signals; /* bit n: signal n (PLUG__SIGNAL_*) */
    void (*take)(struct plug__taker *t, int sig);
};

extern const struct plug__backend plug__poll_backend;
extern const struct plug__backend plug__epoll_backend; /* where PLUG_HAVE_EPOLL */

enum {
    PLUG__EVENTS = 256,       /* events taken per wait */
    PLUG__CHUNKS_KEPT = 32,   /* free chunks a loop keeps */
    PLUG__CHUNKS_OUT = 16384, /* chunks out at once on one loop */
    PLUG__HELPER_THREADS = 4  /* per loop */
};

struct plug__event_slot {
    struct plug_io *io;
    unsigned bits;
};

struct plug_loop {
    const struct plug__backend *backend;
    void *state;   /* the backend's own */
    plug_time now; /* of this turn */
    struct plug__heap timers;
    struct plug__list run; /* tasks */
    struct plug__grave *graves;
    struct plug__event_slot *events; /* the batch under delivery */
    unsigned nevents, room;          /* room: grows with nios up to PLUG__EVENTS */
    unsigned nios;                   /* registered handles */
    atomic_int woken;                /* plug_loop_wake was called */
    int depth;                       /* turns under way: 0 or 1 */
    int doomed;                      /* freed inside its turn: goes at its end */
    int private_;                    /* belongs to one sock (and its mux children or pair) */
    int refs;                        /* socks on it; a private loop is freed with the last */
    void *scratch;                   /* 256 KiB, made at first use */
    struct plug__pool chunks;
    struct plug__helpers *helpers; /* NULL until the first job */
    struct plug_io wake_io;        /* registered once a helper or plug_loop_wake needs it */
    plug_handle wake[2];
    struct plug__taker *takers;
    int replaces;         /* the command: a program with nofork takes its place */
    plug_handle terminal; /* stdio's, plus 1; 0: none. Pseudo-terminals take its size */
    void *pairs;          /* endpoint/pair.c: names on this loop */
    void *pipes;          /* relay/mover_splice.c: pooled pipes */
    void *user;           /* the service's or test's own */
    const struct plug_ops *const
        *layers;                 /* further layers known on this loop, NULL-ended; or NULL */
    uint64_t waits, events_seen; /* counters for tests and --statistics */
    void (*at_free)(struct plug_loop *loop); /* drops `pipes`; or NULL */
};

enum { PLUG__SCRATCH = 256 * 1024 };

int plug__loop_make(struct plug_loop **ret, const struct plug__backend *backend,
                    struct plug_err *reterr);
int plug__loop_add(struct plug_loop *loop, struct plug_io *io, int *reterr_os);
void plug__loop_del(struct plug_loop *loop,
                    struct plug_io *io); /* also drops its undelivered events; no-op if not added */
void plug__loop_arm(struct plug_loop *loop, struct plug_io *io, unsigned bits);
void plug__loop_event(struct plug_loop *loop, struct plug_io *io,
                      unsigned bits); /* for backends, in wait; at most room - nevents of them */
/* How long a backend may sleep: ns from now, 0 not at all, -1 for ever. */
plug_time plug__loop_timeout(const struct plug_loop *loop, plug_time until);
/* Opens the wake handle, from the loop's thread. No-op when it is open. EMFILE, ENOMEM. */
int plug__loop_wakeable(struct plug_loop *loop, int *reterr_os);
void plug__loop_unwakeable(struct plug_loop *loop);
void plug__loop_queue(struct plug_loop *loop, struct plug__task *t); /* at the tail, once */
void plug__loop_unqueue(struct plug__task *t);
int plug__loop_timer(struct plug_loop *loop, struct plug__timer *t,
                     plug_time when);                                /* PLUG_FOREVER: off. ENOMEM */
void plug__loop_bury(struct plug_loop *loop, struct plug__grave *g); /* outside a turn: at once */
void *plug__loop_scratch(struct plug_loop *loop); /* PLUG__SCRATCH bytes, or NULL */
/* The loop's thread. Nothing happens when it is not there (un-) or wants nothing. */
void plug__loop_take(struct plug_loop *loop, struct plug__taker *t);
void plug__loop_untake(struct plug_loop *loop, struct plug__taker *t);
int plug__loop_signal(struct plug_loop *loop, int sig); /* how many took it */
/* plug_loop_turn without the nesting check. ECANCELED: the loop was freed meanwhile. */
int plug__loop_poll(struct plug_loop *loop, plug_time until);
void plug__loop_look(struct plug_loop *loop); /* at the clock, outside a turn: sets `now` */

/* For plug_select over private loops (poll backend only): how many handles are armed, filling at
 * most `room`; and giving back what was found, which is delivered at the next turn. */
unsigned plug__poll_gather(struct plug_loop *loop, struct plug__pollfd *v, unsigned room);
void plug__poll_scatter(struct plug_loop *loop, const struct plug__pollfd *v, unsigned n);

/* Gives a job to one of at most 4 helper threads of the loop. Returns 0, ENOMEM, or why no thread
 * started. */
int plug__helper_submit(struct plug_loop *loop, struct plug__job *j);
void plug__helper_cancel(
    struct plug__job *j); /* done will not be called; the job belongs to the helpers now */
void plug__helpers_collect(struct plug_loop *loop); /* calls done of all answers that are in */
void plug__helpers_drop(struct plug_loop *loop);    /* waits for no thread */

#endif
