/* SPDX-License-Identifier: MIT
 *
 * A loop that serves many endpoints on one thread, alone or inside a caller's own loop.
 * It is not a general event library: it watches plug's endpoints and nothing else.
 */
#ifndef PLUG_LOOP_PUBLIC_H
#define PLUG_LOOP_PUBLIC_H

#include <plug/plug.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef void (*plug_watch_fn)(struct plug_sock *s, void *arg);

/* Makes a loop. backend is "epoll", "poll" or NULL for the best of this system. One thread uses a
 * loop.
 * Returns 0; ENOTSUP (no such backend here); EMFILE, ENOMEM. */
PLUG_API int plug_loop_new(struct plug_loop **ret, const char *backend, struct plug_err *reterr);

/* Waits for events until the deadline, then runs everything that is ready.
 * Returns how many endpoints ran; 0 (the deadline has come, or plug_loop_wake); EINVAL (called from
 * inside one of its own watches); ECANCELED (the loop was freed meanwhile). */
PLUG_API int plug_loop_turn(struct plug_loop *loop, plug_time deadline);

/* Makes the turn under way, or the next one, return soon. Any thread may call it. */
PLUG_API void plug_loop_wake(struct plug_loop *loop);

/* Gives a descriptor that is readable when plug_loop_turn has work, for a caller's own poll. It
 * stays the loop's.
 * Returns the descriptor; ENOTSUP (the backend is poll). */
PLUG_API int plug_loop_fd(const struct plug_loop *loop);

/* Tells when plug_loop_turn must be called at the latest.
 * Returns a time; PLUG_FOREVER (only events matter); 0 (at once). */
PLUG_API plug_time plug_loop_next(const struct plug_loop *loop);

/* Calls fn whenever the endpoint may be able to go on: up, readable, writable, failed, or (a
 * listener) a connection waits. Edge-triggered: use the endpoint until PLUG_EAGAIN. fn NULL ends
 * the watch. */
PLUG_API void plug_watch(struct plug_sock *s, plug_watch_fn fn, void *arg);

/* Frees the loop. Its endpoints must be closed first. Inside one of its own watches it goes at the
 * end of the turn, which then answers ECANCELED. NULL is allowed. */
PLUG_API void plug_loop_free(struct plug_loop *loop);

#ifdef __cplusplus
}
#endif
#endif
