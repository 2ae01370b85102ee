/* SPDX-License-Identifier: MIT
 *
 * An endpoint that was given away as a descriptor (plug_fd): who serves it and how the other calls
 * find out. How bytes pass between two endpoints is the relay's business, not this one's.
 */
#ifndef PLUG_CORE_SERVE_H
#define PLUG_CORE_SERVE_H

#include "core/sock.h"

enum {
    PLUG__SERVE_BYTES = 65536,   /* held of a stream, each way */
    PLUG__SERVE_RECORD = 262144, /* longest record that passes */
    PLUG__SERVE_TURN = 16        /* pieces each way before others on the loop have their turn */
};

/* 1 while the sock belongs to its descriptor. The caller's thread. */
int plug__served_busy(const struct plug_sock *s);

/* 0, or why the sock takes no call at all now: EINVAL (NULL), EBUSY. Before any other look at it:
 * what a thread serves is that thread's. */
int plug__sock_mine(const struct plug_sock *s);

/* plug_close of such a sock. 1: its own thread ends it now; 0: nobody serves it any longer. */
int plug__served_leave(struct plug_sock *s);

#endif
