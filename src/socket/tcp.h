/* SPDX-License-Identifier: MIT
 *
 * Between the files of the tcp base. Nobody else includes it.
 */
#ifndef PLUG_SOCKET_TCP_H
#define PLUG_SOCKET_TCP_H

#include "core/resolve.h"
#include "socket/common.h"

struct tcp_conf {
    struct plug__socket_conf socket;
    int fastopen, mptcp;
};

struct plug__tcp {
    struct plug__socket s;
    struct plug__tcp_connect *connecting; /* while a client opens */
    struct plug__tcp_listen *listening;   /* of a listener */
};

static inline struct plug__tcp *plug__tcp_of(struct plug_layer *l)
{
    return (struct plug__tcp *)(void *)l;
}

/* Connects as RFC 8305 says. Called again after each event. Returns 0 with the winner in t->s, or
 * EAGAIN, or the most telling of all failures. */
int plug__tcp_connect(struct plug__tcp *t);
plug_time plug__tcp_connect_tick(struct plug__tcp *t, plug_time now);
void plug__tcp_connect_drop(struct plug__tcp *t);

/* Binds and listens on every address that the step names. */
int plug__tcp_listen(struct plug__tcp *t);
int plug__tcp_accept(struct plug__tcp *t, struct plug__tcp *child);
int plug__tcp_listen_getopt(const struct plug__tcp *t, int level, int name, void *val, size_t *len);
int plug__tcp_listen_setopt(struct plug__tcp *t, int level, int name, const void *val, size_t len);
void plug__tcp_listen_drop(struct plug__tcp *t);

#endif
