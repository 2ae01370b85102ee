/* SPDX-License-Identifier: MIT
 *
 * The sock inside: one stack in one allocation, its place on the run list and its one timer.
 * What layers may use is in plug/layer.h; this is for core, relay and the tests.
 */
#ifndef PLUG_CORE_SOCK_H
#define PLUG_CORE_SOCK_H

#include "core/plan.h"
#include "loop/loop.h"

struct plug__listener;
struct plug__unread; /* layer.c */
struct plug__served; /* serve.c */

enum {
    PLUG__SOCK_UP = 1,        /* every layer is open */
    PLUG__SOCK_CHILD = 2,     /* came from a listener */
    PLUG__SOCK_LISTENER = 4,  /* step 0 listens */
    PLUG__SOCK_STARTED = 8,   /* open has begun */
    PLUG__SOCK_CLOSED = 16,   /* plug_close was called; freed at the end of the turn */
    PLUG__SOCK_READY = 32,    /* child: stands in its listener's ready queue */
    PLUG__SOCK_DECIDING = 64, /* child: waits for a verdict; its clock stands still */
    PLUG__SOCK_INSIDE = 128,  /* the watch runs (no nested run) */
    PLUG__SOCK_LOCKED = 256,  /* its lock file is ours, to be removed */
    PLUG__SOCK_LOCKING = 512, /* waits for a lock file; its clock stands still */
    PLUG__SOCK_BARRED = 1024  /* failed because of its lock file */
};

struct plug_sock {
    struct plug__task task;
    struct plug__timer timer; /* the least of `deadline` and the layers' ticks */
    struct plug__grave grave;
    struct plug_loop *loop;
    struct plug_plan *plan; /* counted */
    struct plug_layer *top;
    struct plug_layer *opening; /* lowest layer that is not up; NULL when all are */
    plug_watch_fn watch;
    void *arg;
    const char *const *env; /* "NAME=value" for a program that it starts; freed with it */
    plug_time deadline;     /* of open (connect-timeout, handshake-timeout); PLUG_FOREVER: none */
    struct plug__unread *unread;     /* bytes given back, each piece for one layer */
    struct plug__listener *listener; /* a listener's own, or the one that a child came from */
    struct plug__served *served;     /* given away as a descriptor, or NULL */
    struct plug__list node;          /* in its listener's children or ready queue */
    uint32_t flags;
    int failed; /* why open failed, or 0 */
};

/* Makes a sock of a checked plan on a loop (counted; NULL: a new private loop). Takes its own count
 * of the plan. Layers are initialised, nothing is opened. Returns 0 or a PLUG_E*. */
int plug__sock_new(struct plug_sock **ret, struct plug_loop *loop, struct plug_plan *plan,
                   struct plug_err *reterr);

/* Starts to open: sets the deadline and queues the first attempt; never blocks. */
void plug__sock_start(struct plug_sock *s);

/* Begins a datagram sock that nobody connected. 0 when it was begun, ENOTCONN for other kinds. */
int plug__sock_begin(struct plug_sock *s);

/* One step of whatever the stack itself has to do: open if not up, control input, output that
 * nobody asked for. Returns 0 when up, EAGAIN while opening, or the error that ended it. */
int plug__sock_turn(struct plug_sock *s);

/* At the top of the stack; what the pumps call. As plug_ops. */
int plug__sock_recv(struct plug_sock *s, struct plug_msg *v, unsigned n, unsigned flags);
int plug__sock_send(struct plug_sock *s, struct plug_msg *v, unsigned n, unsigned flags);
int plug__sock_shut(struct plug_sock *s, int how);
int plug__sock_bypass(struct plug_sock *s, unsigned dir, struct plug_bypass *ret);
unsigned plug__sock_want(struct plug_sock *s, unsigned want); /* folded from the top down */

/* The base layer, and what the top of the plan offers. */
struct plug_layer *plug__sock_base(const struct plug_sock *s);
const struct plug_step *plug__sock_step(const struct plug_sock *s); /* the top step */

/* For movers: the kernel's own answer on a bypassed handle. again: EAGAIN was said for `bits`. An
 * end (0 was read) is never a mover's to declare: it asks the stack. */
void plug__bypass_again(const struct plug_bypass *b, unsigned bits);
void plug__bypass_fail(const struct plug_bypass *b, int dir, int code, int os);

/* plug_io_again, in line. */
static inline void plug__unready(struct plug_layer *base, struct plug_io *io, unsigned bits)
{
    base->ready &= (uint16_t)~bits;
    plug__loop_arm(base->sock->loop, io, bits);
}

/* Moves an accepted sock to another loop: its base is told by setopt(PLUG_LEVEL_SOCK,
 * PLUG__SO_MOVE, struct plug_loop *) to take its entries out of the old loop and put them into the
 * new one. A base without it answers ENOTSUP and the sock stays where it is. */
enum { PLUG__SO_MOVE = 100 };

int plug__sock_move(struct plug_sock *s, struct plug_loop *to);

/* Which of its steps failed ("chroot"), told by a layer that did several at once: text of at most
 * *len bytes, for plug_error. ENOTSUP: none to name. */
enum { PLUG__SO_CAUSE = 101, PLUG__SO_WHY = 102 /* any layer: more about its error */ };

/* At PLUG_LEVEL_CHILD, int: 1 when it was killed and has not said all. A shell that says 128 + n of
 * what it ran counts, but for one on a terminal: there it only repeats its last command's. */
enum { PLUG__CHILD_KILLED = 100 };

/* At PLUG_LEVEL_CHILD, plug_handle[2], what becomes 0 and 1: a program with nofork takes the place
 * of this process now. Comes back only when it cannot. */
enum { PLUG__CHILD_REPLACE = 101 };

/* To a socket whose peer has ended its sending: is it there at all? The answer is EPIPE or a reset
 * as the error of the direction to it, now or in a while, and nothing while it is there. */
enum { PLUG__SO_PROBE = 103 };

/* Queues the sock at the tail of the run list (budget spent, work left). */
void plug__sock_again(struct plug_sock *s);

/* Bytes sent and not acknowledged by the peer's kernel, -1 unknown. */
int64_t plug__sock_unsent(struct plug_sock *s);

/* For layer.c and listener.c. */
void plug__unread_drop(struct plug_sock *s);
void plug__shared_ref(void *shared);
void plug__shared_unref(void *shared);
int plug__sock_child(struct plug_sock **ret, struct plug_sock *listener);
struct plug_layer *plug__sock_layer(const struct plug_sock *s,
                                    unsigned i);            /* as made, 0 the base */
void plug__sock_timer(struct plug_sock *s, plug_time when); /* at the latest */

#endif
